//! The vocabulary of CLASP and its codec: messages, values, addresses, patterns and frames.
//! Pure: no clock, no I/O, no runtime.

pub mod address;
pub mod binary;
pub mod binding;
pub mod code;
pub mod detect;
pub mod error;
pub mod frame;
pub mod limits;
pub mod message;
pub mod msgpack;
pub mod pattern;
pub mod principal;
pub mod scope;
pub mod signal;
pub mod text;
pub mod timeline;
pub mod value;

pub use address::Address;
pub use binary::{
    Body, BundleRef, Encoded, MessageRef, ParamRef, PublishRef, SetRef, SnapshotWriter,
    encode_value,
};
pub use binding::Binding;
pub use code::{Close, Code};
pub use detect::{decode, view};
pub use error::{
    AddressError, DecodeError, EncodeError, FrameError, PatternError, ScopeError, TimelineError,
};
pub use message::*;
pub use pattern::{Partial, Pattern, Segment};
pub use principal::{Principal, Rights};
pub use scope::{Action, Scope, Scopes};
pub use signal::{Features, Phase, Qos, Signal, Ttl, TypeMask};
pub use timeline::{Easing, Keyframe, Timeline};
pub use value::Value;
