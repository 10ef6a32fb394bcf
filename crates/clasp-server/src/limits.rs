//! Bounds and waiting times of the server that nobody configures, each with its reason.

use std::time::Duration;

use crate::allowance::Pace;

/// A connection beyond a pending cap makes room by displacing one that has not come a step further for this long.
/// An honest client needs some milliseconds.
pub(crate) const PENDING_GRACE: Duration = Duration::from_secs(1);

/// The same for those of one address among themselves. A machine that has thousands of clients to connect is slow,
/// which is no attack.
pub(crate) const PENDING_GRACE_OWN: Duration = Duration::from_secs(3);

/// Connections that were accepted and wait for a place, which costs a socket and a task each: as many as a relay that
/// was restarted may find in front of it. Beyond, those that say nothing make room.
pub(crate) const QUEUED_MAX: usize = 16_384;

/// How long a connection may wait for a place.
pub(crate) const QUEUED_TIME_MAX: Duration = Duration::from_secs(15);

/// The first pause after `accept` failed for want of file descriptors or memory.
pub(crate) const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest such pause: what a client waits at most once resources are back.
pub(crate) const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connections that the kernel completes while the accept loop is busy.
pub(crate) const ACCEPT_BACKLOG: u32 = 1024;

/// What the parts get beyond the drain deadline before they are dropped.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(1);

/// How long sessions are not told of a shutdown because a snapshot is being written: far more than
/// a disk needs, and less than the grace that supervisors give a process.
pub(crate) const SNAPSHOT_BEFORE_DRAIN_MAX: Duration = Duration::from_secs(3);

/// Links from one name to the next until the file of the snapshots. The system follows as many, and says so
/// when there are more.
pub(crate) const LINKS_MAX: usize = 40;

/// A server name goes into every WELCOME.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// How often the files of the certificate are looked at. A renewal comes days before it is needed.
pub(crate) const RELOAD_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// A TCP peer that says nothing for this long is asked by the system whether it is there.
pub(crate) const TCP_KEEPALIVE_AFTER: Duration = Duration::from_secs(20);

/// How often it is asked again.
pub(crate) const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// How many questions without an answer mean that it is gone: 50 s after its last word.
pub(crate) const TCP_KEEPALIVE_RETRIES: u32 = 3;

/// What was sent and is not confirmed for this long went to a peer that is gone.
#[cfg(target_os = "linux")]
pub(crate) const TCP_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(45);

/// How long a TLS or QUIC handshake may take: several round trips, of which some got lost.
/// // protocol/limits.md 4.11
pub(crate) const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// A subscriber that takes nothing for this long is closed. // protocol/router.md 16.3
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// How long the last words to a peer may take.
pub(crate) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a publisher waits at a time for a subscriber that reads, but not as fast as it sends.
/// Then one more batch is read: nobody can hold another up for good. // protocol/router.md 16.2
pub(crate) const STALL_MAX: Duration = Duration::from_secs(1);

/// How soon a publisher that waits for a subscriber looks again whether that one stands still.
pub(crate) const STALL_RECHECK: Duration = Duration::from_millis(100);

/// HTTP connections at a time on one port. Probes, scrapes and pages take one for a moment each.
pub(crate) const HTTP_CONNECTIONS_MAX: usize = 256;

/// Those of one address, beyond which its own older ones make room.
pub(crate) const HTTP_CONNECTIONS_PER_IP_MAX: usize = 64;

/// How long an HTTP request head may take, and how long a connection is kept between requests.
pub(crate) const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A request head; hyper refuses more.
pub(crate) const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// A request body that a route takes, unless it says otherwise.
pub(crate) const HTTP_BODY_BYTES_MAX: usize = 64 * 1024;

/// How long an HTTP connection lasts: no request takes longer, and clients that want more connect again.
pub(crate) const HTTP_CONNECTION_TIME: Duration = Duration::from_secs(60);

/// What an answer that is under way gets when its connection has to end.
pub(crate) const HTTP_LAST_ANSWER: Duration = Duration::from_secs(1);

/// Worker threads that count without waiting for each other. More of them share.
pub(crate) const METRICS_STRIPES_MAX: usize = 64;

/// Addresses that each of those watches: one with more than a 64th of its traffic is among them.
pub(crate) const HOT_ADDRESSES_MAX: usize = 64;

/// Addresses that `/top` tells: more than a screen shows.
pub(crate) const HOT_ADDRESSES_TOLD: usize = 100;
/// Devices registered at a time; with the bounds below a full table takes 60 MiB at the very worst, and some as devices are.
pub(crate) const RENDEZVOUS_DEVICES_MAX: usize = 10_000;

/// Devices of one source: a household or a stage behind one address, and not a flood.
pub(crate) const RENDEZVOUS_DEVICES_PER_SOURCE_MAX: usize = 10;

/// All texts of a device together.
pub(crate) const RENDEZVOUS_DEVICE_BYTES_MAX: usize = 4096;

/// A name of a device is shown in lists.
pub(crate) const RENDEZVOUS_NAME_BYTES_MAX: usize = 255;

/// A url, a public key or a text about a device.
pub(crate) const RENDEZVOUS_TEXT_BYTES_MAX: usize = 512;

/// A tag, a feature, or the name of an endpoint or text.
pub(crate) const RENDEZVOUS_WORD_BYTES_MAX: usize = 64;

/// Tags, features, endpoints and texts of a device, each.
pub(crate) const RENDEZVOUS_ENTRIES_MAX: usize = 16;

/// Devices in one answer unless the client asks for more.
pub(crate) const RENDEZVOUS_FOUND_DEFAULT: usize = 100;

/// Devices in one answer.
pub(crate) const RENDEZVOUS_FOUND_MAX: usize = 1000;

/// Requests of one source: a device needs one in two minutes, a page that is loaded again and again some each second.
pub(crate) const RENDEZVOUS_REQUESTS: Pace = Pace {
    burst: 60,
    interval: Duration::from_millis(200),
};

/// Requests of everybody: 10,000 devices need 83 a second.
pub(crate) const RENDEZVOUS_REQUESTS_TOTAL: Pace = Pace {
    burst: 2000,
    interval: Duration::from_millis(1),
};

/// Sources whose pace is remembered.
pub(crate) const RENDEZVOUS_SOURCES_MAX: usize = 20_000;
