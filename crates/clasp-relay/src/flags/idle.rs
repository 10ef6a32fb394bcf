//! Flags that do nothing as the others are. They stop nobody, but whoever gave one should know.

use std::fmt;

/// A flag that does nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idle {
    flag: &'static str,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Any of these.
    Without(&'static [&'static str]),
    With(&'static str),
}

/// Finds them; `is_given` says whether somebody wrote a flag.
pub(super) fn find(is_given: impl Fn(&str) -> bool) -> Vec<Idle> {
    let is_idle = |(flag, why): &&(&'static str, Why)| {
        is_given(flag)
            && match why {
                Why::Without(others) => !others.iter().any(|other| is_given(other)),
                Why::With(other) => is_given(other),
            }
    };
    let idle = RULES.iter().filter(is_idle);
    idle.map(|&(flag, why)| Idle { flag, why }).collect()
}

impl fmt::Display for Idle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, other) = match self.why {
            Why::Without(others) => ("without", others.join(" or --")),
            Why::With(other) => ("with", (*other).to_owned()),
        };
        write!(formatter, "--{} does nothing {word} --{other}", self.flag)
    }
}

const RULES: [(&str, Why); 19] = [
    (
        "auth-db",
        Why::Without(&["auth-port", "trust-anchor", "trust-anchor-secret"]),
    ),
    ("cors-origin", Why::Without(&["auth-port"])),
    ("token-ttl", Why::Without(&["auth-port"])),
    ("trusted-proxy", Why::Without(&["auth-port"])),
    ("entity-token-max-age", Why::Without(&["registry-db"])),
    ("persist-interval", Why::Without(&["persist"])),
    ("persist-discard-corrupt", Why::Without(&["persist"])),
    ("journal-backend", Why::Without(&["journal"])),
    ("journal-durability", Why::Without(&["journal"])),
    ("journal-batch-size", Why::Without(&["journal"])),
    ("journal-flush-ms", Why::Without(&["journal"])),
    ("journal-compact-before", Why::Without(&["journal"])),
    ("journal-compact-age", Why::Without(&["journal"])),
    ("rendezvous-advertise", Why::Without(&["rendezvous-url"])),
    ("rendezvous-refresh", Why::Without(&["rendezvous-url"])),
    ("rendezvous-tag", Why::Without(&["rendezvous-url"])),
    ("ws-port", Why::With("no-websocket")),
    ("param-ttl", Why::With("no-ttl")),
    ("signal-ttl", Why::With("no-ttl")),
];
