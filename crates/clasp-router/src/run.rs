//! A run: frames that go to the same targets, encoded once, one behind the other
//! (protocol/router.md 16.5).
//!
//! Frames are kept as a WebSocket carries them, since nearly every session is one; other
//! bindings take the frames out by their offsets.

use bytes::Bytes;
use clasp_proto::binding::PREFIX_MAX;
use clasp_proto::{Binding, Qos, frame};

use crate::limits::{RUN_BYTES_MAX, SHARED_FRAME_BYTES_MIN};

/// Frames for the same targets. Reused from batch to batch.
#[derive(Debug, Default)]
pub(crate) struct Run {
    bytes: Vec<u8>,
    frames: Vec<Span>,
    /// True if nothing may come between its frames, nor take the place of one of them.
    is_together: bool,
    /// The bytes again, as a shared buffer, once a large frame went to a second target.
    shared: Option<Bytes>,
}

/// Where a frame lies in the bytes of its run.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Where the WebSocket header ends.
    frame: u32,
    end: u32,
}

/// A large frame, to be queued by reference.
pub(crate) struct SharedFrame {
    /// What stands before it on this binding, if that is not part of `bytes`.
    pub(crate) prefix: Option<([u8; PREFIX_MAX], usize)>,
    pub(crate) bytes: Bytes,
}

impl Run {
    /// A run whose frames stay back to back, whatever the pressure: a bundle.
    pub(crate) fn together() -> Self {
        Self {
            is_together: true,
            ..Self::default()
        }
    }

    pub(crate) const fn is_together(&self) -> bool {
        self.is_together
    }

    /// Appends the frame of `payload`.
    pub(crate) fn frame(&mut self, qos: Qos, payload: &[u8]) {
        let header = frame::header(qos, payload.len())
            .expect("what the router sends was split to fit a frame");
        let (prefix, count) = Binding::WebSocket.prefix(header.len() + payload.len());
        self.bytes.extend_from_slice(&prefix[..count]);
        let frame = self.bytes.len();
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(payload);
        self.frames.push(Span {
            frame: frame as u32,
            end: self.bytes.len() as u32,
        });
        self.shared = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many frames there are.
    pub(crate) fn count(&self) -> usize {
        self.frames.len()
    }

    /// Bytes of all frames.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if the run should be handed out before it grows further.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= RUN_BYTES_MAX || self.is_large()
    }

    /// True if the run is one frame that is worth sharing by reference.
    pub(crate) fn is_large(&self) -> bool {
        self.frames.len() == 1 && self.bytes.len() >= SHARED_FRAME_BYTES_MIN
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.shared = None;
        if self.bytes.capacity() > 4 * RUN_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }

    /// Makes the run shareable, if it is one large frame.
    pub(crate) fn share(&mut self) {
        if self.is_large() && self.shared.is_none() {
            self.shared = Some(Bytes::copy_from_slice(&self.bytes));
        }
    }

    pub(crate) fn shared(&self, binding: Binding) -> Option<SharedFrame> {
        let bytes = self.shared.as_ref()?;
        if binding == Binding::WebSocket {
            return Some(SharedFrame {
                prefix: None,
                bytes: bytes.clone(),
            });
        }
        let bytes = bytes.slice(self.frames[0].frame as usize..);
        Some(SharedFrame {
            prefix: Some(binding.prefix(bytes.len())),
            bytes,
        })
    }

    pub(crate) fn append_to(&self, binding: Binding, out: &mut Vec<u8>) {
        if binding == Binding::WebSocket {
            out.extend_from_slice(&self.bytes);
            return;
        }
        for frame in self.frames() {
            append_frame(binding, frame, out);
        }
    }

    /// The frames, without what delimits them.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        self.frames
            .iter()
            .map(|span| &self.bytes[span.frame as usize..span.end as usize])
    }
}

pub(crate) fn append_frame(binding: Binding, frame: &[u8], out: &mut Vec<u8>) {
    let (prefix, count) = binding.prefix(frame.len());
    out.extend_from_slice(&prefix[..count]);
    out.extend_from_slice(frame);
}
