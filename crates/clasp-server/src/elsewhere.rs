//! Elsewhere: at which other rendezvous server this server is to be registered, and as what.

use std::time::Duration;

use crate::config::Config;
use crate::config_error::ConfigError;

/// A registration to be made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The server, without a slash at the end.
    pub(crate) server: String,
    /// Where clients are told to connect; nothing takes the address that the other server is reached from.
    pub(crate) advertise: Option<String>,
    /// How often it is renewed.
    pub(crate) refresh: Duration,
    pub(crate) tags: Vec<String>,
}

impl Elsewhere {
    /// What the configuration asks for, if anything. What is wrong with it is added to the errors.
    pub(crate) fn new(config: &Config, errors: &mut Vec<ConfigError>) -> Option<Self> {
        let url = config.rendezvous_url.clone()?;
        let advertise = config.rendezvous_advertise.clone();
        if !begins_with(&url, &["http://", "https://"]) {
            errors.push(ConfigError::RendezvousUrl { url: url.clone() });
        }
        match &advertise {
            Some(url) if !begins_with(url, &["ws://", "wss://"]) => {
                errors.push(ConfigError::RendezvousAdvertise { url: url.clone() });
            }
            None if config.websocket_port.is_none() => errors.push(ConfigError::NothingToRegister),
            _ => {}
        }
        let base = url.trim_end_matches('/');
        Some(Self {
            // The path of the interface may be part of it, as clients have it.
            server: base.strip_suffix("/api/v1").unwrap_or(base).to_owned(),
            advertise,
            refresh: config.rendezvous_refresh,
            tags: config.rendezvous_tags.clone(),
        })
    }
}

fn begins_with(url: &str, schemes: &[&str]) -> bool {
    let has_scheme = |scheme: &&str| url.len() > scheme.len() && url.starts_with(scheme);
    schemes.iter().any(has_scheme) && !url.chars().any(|letter| letter <= ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is planned, and what is wrong.
    fn plan(adjust: impl FnOnce(&mut Config)) -> (Option<Elsewhere>, Vec<String>) {
        let mut config = Config::development();
        adjust(&mut config);
        let mut errors = Vec::new();
        let elsewhere = Elsewhere::new(&config, &mut errors);
        (elsewhere, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_server_is_named_with_or_without_the_path() {
        assert_eq!(plan(|_| {}), (None, Vec::new()));
        for url in ["https://a:1", "https://a:1/", "https://a:1/api/v1/"] {
            let (elsewhere, errors) = plan(|config| config.rendezvous_url = Some(url.to_owned()));
            assert_eq!(elsewhere.unwrap().server, "https://a:1");
            assert_eq!(errors, [""; 0]);
        }
    }

    #[test]
    fn what_cannot_be_registered_is_told() {
        let check = |url: &str, advertise: Option<&str>, has_websocket: bool, text: &str| {
            let (_, errors) = plan(|config| {
                config.rendezvous_url = Some(url.to_owned());
                config.rendezvous_advertise = advertise.map(str::to_owned);
                config.websocket_port = has_websocket.then_some(1);
            });
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].starts_with(text), "{errors:?}");
        };
        check("a:1", None, true, "--rendezvous-url a:1: expected http://");
        check("http://", None, true, "--rendezvous-url http://: expected");
        check("ws://a", None, true, "--rendezvous-url ws://a: expected");
        check(
            "http://a",
            Some("a:1"),
            true,
            "--rendezvous-advertise a:1: expected ws://",
        );
        check(
            "http://a",
            None,
            false,
            "--rendezvous-url: there is no WebSocket port",
        );
    }
}
