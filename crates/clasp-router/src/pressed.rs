//! The part of an outbox above half of its budget: newer values take the place of older ones
//! (protocol/router.md 16.1).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use clasp_proto::binary::{self, MessageRef, PublishRef};
use clasp_proto::binding::PREFIX_MAX;
use clasp_proto::limits::FRAME_HEADER_MIN;
use clasp_proto::{Binding, Message, Phase, Signal};

use crate::outbox::Piece;
use crate::run::{Run, append_frame};

/// Frames in order, framed for their binding, with the place of each that a newer one may take.
#[derive(Debug, Default)]
pub(crate) struct Pressed {
    pieces: Vec<Vec<u8>>,
    places: HashMap<Replaceable, usize>,
    bytes: usize,
    /// The last piece holds frames that nothing replaces: more of them go behind it.
    is_open: bool,
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
        self.pieces.is_empty()
    }

    /// Bytes that the frames take, what keeps them in order included.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues the frames of `run`; returns how many older values they replaced.
    pub(crate) fn push(&mut self, binding: Binding, run: &Run) -> u64 {
        if !run.is_together() {
            let frames = run.frames();
            return frames
                .map(|frame| u64::from(self.push_frame(binding, frame)))
                .sum();
        }
        // Neither steps a member of a bundle to the place of an older value, nor a newer value
        // to the place of a member. // protocol/router.md 9.3
        self.places.clear();
        run.frames()
            .for_each(|frame| self.push_plain(binding, frame));
        0
    }

    /// Moves everything into `pieces`; returns the bytes that makes.
    pub(crate) fn drain_into(&mut self, pieces: &mut VecDeque<Piece>) -> usize {
        let out = core::mem::take(self).pieces.concat();
        let bytes = out.len();
        pieces.push_back(Piece::Owned(out));
        bytes
    }

    fn push_frame(&mut self, binding: Binding, frame: &[u8]) -> bool {
        match Role::of(frame) {
            Role::Value(key) => return self.push_value(binding, key, frame),
            Role::Boundary(key) => drop(self.places.remove(&key)),
            Role::State => self.places.clear(),
            Role::Plain => {}
        }
        self.push_plain(binding, frame);
        false
    }

    fn push_value(&mut self, binding: Binding, key: Replaceable, frame: &[u8]) -> bool {
        let mut piece = Vec::with_capacity(PREFIX_MAX + frame.len());
        append_frame(binding, frame, &mut piece);
        self.bytes += piece.len();
        match self.places.entry(key) {
            Entry::Occupied(place) => {
                let older = core::mem::replace(&mut self.pieces[*place.get()], piece);
                self.bytes -= older.len();
                true
            }
            Entry::Vacant(place) => {
                place.insert(self.pieces.len());
                self.pieces.push(piece);
                self.bytes += PIECE_OVERHEAD_BYTES;
                self.is_open = false;
                false
            }
        }
    }

    /// Frames that nothing replaces share a piece: they cost no more than their bytes.
    fn push_plain(&mut self, binding: Binding, frame: &[u8]) {
        if !self.is_open {
            self.pieces.push(Vec::new());
            self.bytes += PIECE_OVERHEAD_BYTES;
            self.is_open = true;
        }
        let piece = self.pieces.last_mut().expect("a piece is open");
        let before = piece.len();
        append_frame(binding, frame, piece);
        self.bytes += piece.len() - before;
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

/// What a piece costs besides its bytes: its place, its key, their hash slots. So a flood of tiny
/// values cannot take more memory than the budget says.
const PIECE_OVERHEAD_BYTES: usize = 96;
