//! Parts of the program that a build may leave out.

use std::fmt;

/// A part of the program that is left out where it is not asked for when building.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// The WebSocket listener.
    WebSocket,
    /// Capability tokens.
    Caps,
    /// The registry of entities, and their tokens.
    Registry,
    /// The rendezvous server, and registration at another one.
    Rendezvous,
    /// The journal.
    Journal,
}

impl Feature {
    /// True if this build has it.
    pub const fn is_compiled(self) -> bool {
        match self {
            Self::WebSocket => cfg!(feature = "websocket"),
            Self::Caps => cfg!(feature = "caps"),
            Self::Registry => cfg!(feature = "registry"),
            Self::Rendezvous => cfg!(feature = "rendezvous"),
            Self::Journal => cfg!(feature = "journal"),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WebSocket => "websocket",
            Self::Caps => "caps",
            Self::Registry => "registry",
            Self::Rendezvous => "rendezvous",
            Self::Journal => "journal",
        })
    }
}
