//! Origins: which browser pages may connect.

/// A list of allowed origins, asked when a client sends an `Origin` header, as browsers always do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every page.
    Any,
    /// Pages from the host that the client connects to, and these origins (`https://example.org:8443`).
    Listed(Vec<String>),
}

impl Origins {
    /// The given origins besides the own host; `*` among them allows every page.
    pub fn listed<I: IntoIterator<Item = String>>(origins: I) -> Self {
        let origins: Vec<String> = origins
            .into_iter()
            .map(|origin| origin.trim_end_matches('/').to_owned())
            .collect();
        if origins.iter().any(|origin| origin == "*") {
            Self::Any
        } else {
            Self::Listed(origins)
        }
    }

    /// May a page of `origin` connect to the host that it calls `host`?
    pub fn allows(&self, origin: &str, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => {
                origins
                    .iter()
                    .any(|listed| listed.eq_ignore_ascii_case(origin))
                    || is_same_host(origin, host)
            }
        }
    }
}

/// Ports are not compared: the page of a server and its CLASP port differ in them.
fn is_same_host(origin: &str, host: Option<&str>) -> bool {
    match (origin.split_once("://"), host) {
        (Some((_, authority)), Some(host)) => name(authority).eq_ignore_ascii_case(name(host)),
        _ => false,
    }
}

/// `host:port` without the port; an IPv6 address keeps its brackets.
fn name(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_host_and_the_list_are_allowed() {
        let listed = Origins::listed(["https://app.example.org/".to_owned(), "null".to_owned()]);
        let check = |origin: &str, host: Option<&str>, expected: bool| {
            assert_eq!(
                listed.allows(origin, host),
                expected,
                "{origin} to {host:?}"
            );
        };
        check("https://app.example.org", Some("relay.example.org"), true);
        check("HTTPS://APP.example.org", None, true);
        check("http://app.example.org", Some("relay.example.org"), false);
        check("http://localhost:3000", Some("localhost:7330"), true);
        check("http://[::1]:3000", Some("[::1]:7330"), true);
        check("http://[::1]", Some("[::1]:7330"), true);
        check("http://[::2]", Some("[::1]:7330"), false);
        check("http://evil.example", Some("localhost:7330"), false);
        check("http://localhost.evil.example", Some("localhost"), false);
        check("http://localhost", None, false);
        check("null", Some("localhost"), true);
        check("", Some(""), false);
        assert!(Origins::listed(["*".to_owned()]).allows("http://evil.example", None));
        assert!(!Origins::listed([]).allows("null", Some("localhost")));
    }
}
