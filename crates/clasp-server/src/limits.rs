//! Bounds and waiting times of the server that nobody configures, each with its reason.

use std::time::Duration;

use crate::allowance::Pace;

/// A connection beyond a pending cap makes room by displacing one that has not come a step further for this long.
/// An honest client needs some milliseconds.
pub(crate) const PENDING_GRACE: Duration = Duration::from_secs(1);

/// The same for those of one address among themselves. A machine that has thousands of clients to connect is slow,
/// which is no attack.
pub(crate) const PENDING_GRACE_OWN: Duration = Duration::from_secs(3);

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

/// How often a session looks whether its token has expired meanwhile: the wall clock may be set.
pub(crate) const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// How long the last words to a peer may take.
pub(crate) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a publisher waits at a time for a subscriber that reads, but not as fast as it sends.
/// Then one more batch is read: nobody can hold another up for good. // protocol/router.md 16.2
pub(crate) const STALL_MAX: Duration = Duration::from_secs(1);

/// How soon a publisher that waits for a subscriber looks again whether that one stands still.
pub(crate) const STALL_RECHECK: Duration = Duration::from_millis(100);

/// HTTP connections on one port that wait for a place; each is a socket.
pub(crate) const HTTP_QUEUED_MAX: usize = 256;

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

/// A datagram that looks for a router: 20 bytes from published clients, some more with a long name or a token.
pub(crate) const BROADCAST_DATAGRAM_BYTES_MAX: usize = 2048;

/// As much of the name as a broadcast is answered with, so that nobody sends large answers to somebody else.
pub(crate) const BROADCAST_NAME_BYTES_MAX: usize = 56;

/// Answers to one source: a person who looks a few times.
pub(crate) const BROADCAST_ANSWERS: Pace = Pace {
    burst: 5,
    interval: Duration::from_secs(1),
};

/// Answers to everybody: a room of clients that all start at once, and less than 12 kB a second to whoever is attacked.
pub(crate) const BROADCAST_ANSWERS_TOTAL: Pace = Pace {
    burst: 200,
    interval: Duration::from_millis(10),
};

/// Sources whose pace is remembered: more than are answered in the time in which one is forgotten.
pub(crate) const BROADCAST_SOURCES_MAX: usize = 1024;

/// How long the last words of discovery may take: goodbye on the network, and to a rendezvous server.
pub(crate) const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A label of DNS (RFC 1035, 2.3.4).
pub(crate) const MDNS_LABEL_BYTES_MAX: usize = 63;

/// A text of a TXT record has 255 bytes, of which `name=` takes five.
pub(crate) const MDNS_TEXT_BYTES_MAX: usize = 250;

/// A file with rules of an application: thousands of rules are more than anybody can follow.
pub(crate) const APP_CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// Rules of one kind in it.
pub(crate) const APP_RULES_MAX: usize = 1000;

/// Checks of one rule. They are made while the addresses that they look at are locked.
pub(crate) const APP_CHECKS_MAX: usize = 16;

/// Fields that one entry leaves out.
pub(crate) const APP_REDACTED_FIELDS_MAX: usize = 64;

/// Other texts of the file: names, messages and parts of addresses.
pub(crate) const APP_TEXT_BYTES_MAX: usize = 1024;

/// Patterns of each of those. A session may have a thousand of a kilobyte.
pub(crate) const PATTERNS_TOLD_MAX: usize = 8;

/// Sessions that one answer tells: some hundred kilobytes, and some megabytes if clients want it to be much.
pub(crate) const SESSIONS_TOLD_MAX: usize = 1000;

/// Addresses whose registrations are counted at a time; the one whose window ends first makes room.
pub(crate) const NEWCOMER_SOURCES_MAX: usize = 100_000;

/// How long an issued token may be valid: a hundred years, after which the time still fits a database and the numbers of
/// JavaScript.
pub(crate) const TOKEN_TTL_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Scopes that somebody may ask for in one token: more than an application has rules for, and all are looked at for every
/// message. Administrators may grant more.
pub(crate) const TOKEN_SCOPES_MAX: usize = 64;

/// Bytes of them together: a row of the database, of which there may be a million.
pub(crate) const TOKEN_SCOPES_BYTES_MAX: usize = 4096;

/// Questions that wait for a database: some milliseconds each, so that whoever waits at the end waits for a second.
pub(crate) const DATABASE_QUEUED_MAX: usize = 256;

/// Passwords that wait to be hashed, some 20 ms each. Whoever comes then is told to come again.
pub(crate) const PASSWORDS_QUEUED_MAX: usize = 64;

/// When whoever found such a queue full should try again.
pub(crate) const BUSY_RETRY_AFTER: Duration = Duration::from_secs(2);

/// The body of a request to the auth port.
pub(crate) const AUTH_BODY_BYTES_MAX: usize = 16 * 1024;

/// A token in a file of the operator: shorter ones can be guessed.
pub(crate) const FILE_TOKEN_CHARS_MIN: usize = 32;

/// The file of the admin token, which is read as a whole.
pub(crate) const ADMIN_TOKEN_BYTES_MAX: u64 = 4096;

/// A file of tokens, likewise: some ten thousand of them.
pub(crate) const TOKEN_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How often tokens that have expired are removed from the database. Nobody gets in with one meanwhile.
pub(crate) const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);
/// How long a session that is told to end waits for the ACKs of its last writes.
pub(crate) const LAST_ACKS_MAX: Duration = Duration::from_secs(3);

/// Entries that a REPLAY, or a question over HTTP, gets unless it says how many. // protocol/router.md 11.3
pub(crate) const REPLAY_ENTRIES: usize = 1000;

/// Entries that it gets at most.
pub(crate) const REPLAY_ENTRIES_MAX: usize = 10_000;

/// REPLAYs of one session that wait for the one that is being answered. // protocol/router.md 11.6
pub(crate) const REPLAYS_WAITING_MAX: usize = 8;

/// Bytes of entries that are read for it at once: a part of what a session may have queued, and much for a disk.
pub(crate) const REPLAY_PAGE_BYTES: usize = 256 * 1024;

/// Entries that are read at once while nothing is known of their size: a megabyte of the largest.
pub(crate) const REPLAY_PAGE_ENTRIES_MIN: usize = 16;

/// PONGs that wait behind a snapshot or a REPLAY: more than a client asks for that is answered at all.
pub(crate) const PONGS_OWED_MAX: usize = 1024;

/// Entries that are judged at once: where state decides who is shown what, everybody else's writes wait for that long.
pub(crate) const REPLAY_SHOWN_AT_ONCE: usize = 64;

/// Entries that are read at once: looking at each takes a moment of the session's thread.
pub(crate) const REPLAY_PAGE_ENTRIES_MAX: usize = 1024;

/// Bytes of entries after which an answer over HTTP ends: the rest is asked for by number.
pub(crate) const JOURNAL_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
