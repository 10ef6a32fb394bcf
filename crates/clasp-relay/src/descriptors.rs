//! File descriptors: each connection takes one, and systems give a process few unless it asks for more.

use clasp_server::Config;

/// Raises the limit to what the system allows, lets no more connections wait than that has room for beside the
/// sessions, and says if it is not enough for these.
pub(crate) fn raise_limit(config: &mut Config) {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        Err(error) => return tracing::warn!(%error, "cannot raise the limit of open files"),
    };
    tracing::debug!(limit, "open files");
    let needed = config.sessions_max.saturating_add(OTHERS);
    let room = match config.sessions_max {
        0 => limit / 2,
        _ => limit.saturating_sub(needed),
    };
    config.queued_max = config.queued_max.min(room.max(limit / 8));
    if needed > limit {
        tracing::warn!(
            limit,
            needed,
            "too few open files for --max-sessions: raise the hard limit, for example by LimitNOFILE of systemd or --ulimit nofile of Docker"
        );
    }
}

/// Files besides: listeners, logs, snapshots, HTTP, connections that have not said HELLO.
const OTHERS: usize = 1000;
