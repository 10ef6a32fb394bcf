//! File descriptors: each connection takes one, and systems give a process few unless it asks for more.

/// Raises the limit to what the system allows, and says so if it is not enough for `sessions_max` sessions.
pub(crate) fn raise_limit(sessions_max: usize) {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => return tracing::warn!(%error, "cannot raise the limit of open files"),
    };
    tracing::debug!(limit, "open files");
    let needed = sessions_max as u64 + OTHERS;
    if needed > limit {
        tracing::warn!(
            limit,
            needed,
            "too few open files for --max-sessions: raise the hard limit, for example by LimitNOFILE of systemd or --ulimit nofile of Docker"
        );
    }
}

/// Files besides the sockets of sessions: listeners, HTTP, logs, snapshots, connections that have not said HELLO.
const OTHERS: u64 = 600;
