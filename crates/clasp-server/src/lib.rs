//! Assembles router and transports into a running CLASP server.
//!
//! ```no_run
//! # async fn example() -> Result<(), clasp_server::StartError> {
//! let server = clasp_server::Server::start(&clasp_server::Config::development()).await?;
//! for bound in server.local_addrs() {
//!     tracing::info!("listening on {}", bound.address);
//! }
//! server.shutdown().await;
//! # Ok(()) }
//! ```

mod admission;
mod allowance;
mod app_config;
mod auth;
mod clock;
mod config;
mod config_error;
mod connection;
mod counters;
mod discovery;
mod elsewhere;
mod features;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gates;
mod handshake;
mod http;
mod limits;
mod listeners;
mod metrics;
mod plan;
mod reload;
#[cfg(feature = "rendezvous")]
mod rendezvous;
#[cfg(not(feature = "rendezvous"))]
#[path = "no_rendezvous.rs"]
mod rendezvous;
mod roster;
mod server;
mod shared;
mod shutdown;
mod supervisor;
mod timer;
mod workers;

pub use app_config::{AppConfigError, Fault, Finding};
pub use auth::{AdminTokenError, AuthenticationError, OpenError, SecretFileError, TokenFileError};
pub use config::{AppConfigFile, Config, SidePort};
pub use config_error::{AnchorFault, ConfigError, ConfigErrors};
pub use counters::{Counted, Counters, Ending};
pub use features::recovery_error::RecoveryError;
pub use features::snapshot::{Damage, SnapshotError, SnapshotStatus};
pub use metrics::{HotAddress, Top};
pub use plan::{Feature, Plan, Protocol};
pub use server::{Bound, Request, Server, StartError};
pub use supervisor::{End, PartEnded};
