//! CLASP client library: set, get, publish and subscribe, with reconnection.
//!
//! ```no_run
//! # async fn example() -> Result<(), clasp_client::ClientError> {
//! let client = clasp_client::Client::connect("ws://localhost:7330").await?;
//! let mut lights = client.subscribe("/lights/**").await?;
//! client.set("/lights/1/brightness", 0.75).await?;
//! while let Some(update) = lights.next().await {
//!     println!("{} = {:?}", update.address, update.value);
//! }
//! # Ok(()) }
//! ```
//!
//! One task for each connection owns the link (`driver.rs`); what it does with frames is decided by a machine without I/O
//! (`session.rs`). Calls travel to it over a bounded queue, updates come back over one bounded queue for each subscription.

mod backoff;
mod builder;
mod bundle;
mod cache;
mod client;
mod clock;
mod connect;
#[cfg(feature = "discovery")]
pub mod discover;
mod driver;
mod error;
mod gesture;
pub mod limits;
mod session;
mod set;
mod shared;
mod status;
mod subscribe;
mod subscription;
mod update;
mod wire;

/// The words of the protocol that calls and updates speak in.
pub use clasp_proto::{
    Code, Easing, Features, Keyframe, Param, Phase, Publish, Set, Signal, SignalDefinition,
    SignalMeta, Timeline, Ttl, TypeMask, Value,
};

pub use clasp_transport::tls::Trust;

pub use backoff::Reconnect;
pub use builder::Builder;
pub use bundle::BundleCall;
pub use client::Client;
pub use clock::ClockReading;
pub use error::{ClientError, Disconnect, Refusal};
pub use gesture::Gesture;
pub use set::SetCall;
pub use status::{Status, StatusChanges};
pub use subscribe::SubscribeCall;
pub use subscription::Subscription;
pub use update::Update;

/// Compiles the Rust example of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
