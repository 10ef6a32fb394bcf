//! The part of an outbox above half of its budget: newer values take the place of older ones
//! (protocol/router.md 16.1).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use clasp_proto::binary::{self, MessageRef, PublishRef};
use clasp_proto::limits::FRAME_HEADER_MIN;
use clasp_proto::{Binding, Message, Phase, Signal};

use crate::outbox::Piece;
use crate::run::{Run, append_frame};

/// Frames in order, with the place of each that a newer one may take.
#[derive(Debug, Default)]
pub(crate) struct Pressed {
    frames: VecDeque<Box<[u8]>>,
    places: HashMap<Replaceable, usize>,
    bytes: usize,
}

/// What makes two frames values of the same thing.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Replaceable {
    Param(Box<str>),
    Stream(Box<str>),
    Move(Box<str>, Option<u32>),
}

impl Pressed {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes that the frames take, what keeps them in order included.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues the frames of `run`; returns how many older values they replaced.
    pub(crate) fn push(&mut self, run: &Run) -> u64 {
        if !run.is_together() {
            let frames = run.frames();
            return frames.map(|frame| u64::from(self.push_frame(frame))).sum();
        }
        // Neither steps a member of a bundle to the place of an older value, nor a newer value
        // to the place of a member. // protocol/router.md 9.3
        self.places.clear();
        run.frames().for_each(|frame| self.push_back(frame));
        0
    }

    /// Moves everything into `pieces`; returns the bytes that makes.
    pub(crate) fn drain_into(&mut self, binding: Binding, pieces: &mut VecDeque<Piece>) -> usize {
        let mut out = Vec::with_capacity(self.bytes);
        for frame in self.frames.drain(..) {
            append_frame(binding, &frame, &mut out);
        }
        *self = Self::default();
        let bytes = out.len();
        pieces.push_back(Piece::Owned(out));
        bytes
    }

    fn push_frame(&mut self, frame: &[u8]) -> bool {
        let place = match Role::of(frame) {
            Role::Value(key) => match self.places.entry(key) {
                Entry::Occupied(place) => Some(*place.get()),
                Entry::Vacant(place) => {
                    place.insert(self.frames.len());
                    None
                }
            },
            Role::Boundary(key) => {
                self.places.remove(&key);
                None
            }
            Role::State => {
                self.places.clear();
                None
            }
            Role::Plain => None,
        };
        let Some(place) = place else {
            self.push_back(frame);
            return false;
        };
        let held = &mut self.frames[place];
        self.bytes = self.bytes - held.len() + frame.len();
        *held = frame.into();
        true
    }

    fn push_back(&mut self, frame: &[u8]) {
        self.bytes += frame.len() + FRAME_OVERHEAD_BYTES;
        self.frames.push_back(frame.into());
    }
}

/// What a frame means for the frames that are already queued.
enum Role {
    /// A value that a newer one of the same key replaces.
    Value(Replaceable),
    /// The start or end of a gesture: no later move may step in front of it.
    Boundary(Replaceable),
    /// A snapshot: no later value may step in front of the older one that it holds.
    State,
    Plain,
}

impl Role {
    /// Reads from a frame of ours what it is.
    fn of(bytes: &[u8]) -> Self {
        let payload = bytes.get(FRAME_HEADER_MIN..).unwrap_or_default();
        match binary::view(payload) {
            Ok(MessageRef::Set(set)) => Self::Value(Replaceable::Param(set.address.into())),
            Ok(MessageRef::Publish(publish)) => Self::of_publish(&publish),
            Ok(MessageRef::Other(Message::Snapshot(_))) => Self::State,
            _ => Self::Plain,
        }
    }

    fn of_publish(publish: &PublishRef<'_>) -> Self {
        let address = publish.address.into();
        match (publish.signal, publish.phase) {
            (Some(Signal::Stream), _) => Self::Value(Replaceable::Stream(address)),
            (Some(Signal::Gesture), phase) => {
                let key = Replaceable::Move(address, publish.id);
                if phase == Phase::Move {
                    Self::Value(key)
                } else {
                    Self::Boundary(key)
                }
            }
            _ => Self::Plain,
        }
    }
}

/// What one queued frame costs besides its bytes: its place, its key, their hash slots. So a
/// flood of tiny frames cannot take more memory than the budget says.
const FRAME_OVERHEAD_BYTES: usize = 96;
