//! Finding routers: by mDNS and broadcast on the local network, and at a rendezvous server; all at once.
//!
//! ```no_run
//! # async fn example() {
//! let outcome = clasp_client::discover::Search::default().run().await;
//! for router in outcome.routers {
//!     println!("{} at {}", router.name, router.url);
//! }
//! # }
//! ```

mod broadcast;
mod mdns;
mod merge;
mod rendezvous;

use std::fmt;
use std::io;
use std::time::Duration;

use clasp_transport::http::{HttpError, StatusCode};
use clasp_transport::tls::Trust;
use thiserror::Error;

use crate::limits::SEARCH_TIME;

/// What to look for, and where. Everything on the local network unless set otherwise.
#[derive(Debug, Clone)]
pub struct Search {
    pub(crate) within: Duration,
    pub(crate) uses_mdns: bool,
    /// The port that is asked; nothing asks none.
    pub(crate) broadcast_port: Option<u16>,
    pub(crate) rendezvous: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) is_local: bool,
}

/// A router, or anything else that CLASP is spoken with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it calls itself, without control characters.
    pub name: String,
    /// Where to connect.
    pub url: String,
    /// Other urls that lead there, if there are some.
    pub others: Vec<String>,
    /// Who knew of it; at least one.
    pub sources: Vec<Source>,
}

/// A way of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The router announces itself on the network.
    Mdns,
    /// The router answered a question to everybody. Its url is a guess: the answer has no port, so that it is the usual one.
    Broadcast,
    /// The router registered at the server that was asked.
    Rendezvous,
}

/// What came of a search.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By name.
    pub routers: Vec<Found>,
    /// The ways that did not work; the others may have found something.
    pub failures: Vec<SearchError>,
}

/// Why one way of finding did not work.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The system does not let us.
    #[error("mDNS cannot be used: {0}")]
    Mdns(#[from] mdns_sd::Error),
    /// Nothing could be sent.
    #[error("nothing can be broadcast: {0}")]
    Broadcast(#[from] io::Error),
    /// There is no answer.
    #[error("the rendezvous server {url} cannot be asked: {source}")]
    Rendezvous {
        /// As given.
        url: String,
        /// What went wrong.
        source: HttpError,
    },
    /// There is an answer, but no list.
    #[error("{url} answered {status}, and no list of devices: is it a rendezvous server?")]
    NoList {
        /// What was asked.
        url: String,
        /// The status of the answer.
        status: StatusCode,
    },
}

impl Default for Search {
    fn default() -> Self {
        Self {
            within: SEARCH_TIME,
            uses_mdns: true,
            broadcast_port: Some(BROADCAST_PORT),
            rendezvous: None,
            tag: None,
            trust: Trust::System,
            is_local: false,
        }
    }
}

impl Search {
    /// How long to wait for answers. 3 s unless set.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Leaves mDNS out.
    #[must_use]
    pub fn without_mdns(mut self) -> Self {
        self.uses_mdns = false;
        self
    }

    /// Leaves broadcasts out.
    #[must_use]
    pub fn without_broadcast(mut self) -> Self {
        self.broadcast_port = None;
        self
    }

    /// The UDP port that broadcasts go to. 7331 unless set.
    #[must_use]
    pub fn broadcast_port(mut self, port: u16) -> Self {
        self.broadcast_port = Some(port);
        self
    }

    /// Asks a rendezvous server as well: `http://host:port`, or `https`.
    #[must_use]
    pub fn rendezvous(mut self, url: impl Into<String>) -> Self {
        self.rendezvous = Some(url.into());
        self
    }

    /// Only what has registered there with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Whose certificates are taken from a rendezvous server. Those that the system trusts unless set.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Looks on this machine only: nothing is sent to the network, unless a rendezvous server is asked.
    #[must_use]
    pub fn on_this_machine(mut self) -> Self {
        self.is_local = true;
        self
    }

    /// Looks for as long as was set; without mDNS and broadcasts, until the rendezvous server has answered.
    pub async fn run(&self) -> Outcome {
        let (mdns, broadcast, rendezvous) = tokio::join!(
            mdns::find(self),
            broadcast::find(self),
            rendezvous::find(self)
        );
        let mut outcome = Outcome::default();
        let mut sightings = Vec::new();
        // Who knows most about a router comes first.
        for found in [mdns, rendezvous, broadcast] {
            match found {
                Ok(found) => sightings.extend(found),
                Err(error) => outcome.failures.push(error),
            }
        }
        outcome.routers = merge::merge(sightings);
        outcome
    }
}

impl Source {
    /// Its name in lists.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mdns => "mdns",
            Self::Broadcast => "broadcast",
            Self::Rendezvous => "rendezvous",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// What one source says of one router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) source: Source,
    pub(crate) name: String,
    /// The best one first; at least one.
    pub(crate) urls: Vec<String>,
}

impl Sighting {
    /// Nothing if no url is left: what strangers say goes to terminals.
    pub(crate) fn new(source: Source, name: &str, urls: Vec<String>) -> Option<Self> {
        let is_clean = |url: &String| {
            !url.chars()
                .any(|letter| letter.is_control() || letter == ' ')
        };
        let urls: Vec<String> = urls.into_iter().filter(is_clean).collect();
        (!urls.is_empty()).then(|| Self {
            source,
            name: name.chars().filter(|letter| !letter.is_control()).collect(),
            urls,
        })
    }
}

/// Where routers answer broadcasts.
const BROADCAST_PORT: u16 = 7331;
