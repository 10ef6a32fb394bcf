//! Flags to configuration.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;
use clasp_server::{Feature, SidePort};

use super::missing::{NOT_BUILT, OF_FEATURES};
use super::*;

fn matches(line: &str) -> ArgMatches {
    let words = std::iter::once("clasp-relay").chain(line.split_whitespace());
    Flags::command().get_matches_from(words)
}

fn read(line: &str) -> Result<Flags, Vec<Missing>> {
    Flags::read(&matches(line), &[], |_| false)
}

/// What the flags mean in a build that has all features.
fn config(line: &str) -> Config {
    Flags::from_arg_matches(&matches(line)).unwrap().config()
}

#[test]
fn without_flags_it_is_the_relay_of_the_documentation() {
    let config = config("");
    let has_websocket = Feature::WebSocket.is_compiled();
    assert_eq!(config.websocket_port, has_websocket.then_some(7330));
    assert_eq!(
        (config.host.as_str(), config.name.as_str()),
        ("0.0.0.0", "CLASP Relay")
    );
    assert_eq!((config.sessions_max, config.params_max), (1000, 100_000));
    assert_eq!(config.param_ttl, Some(Duration::from_secs(3600)));
    assert_eq!(config.drain_timeout, Duration::from_secs(30));
    let rendezvous = match Feature::Rendezvous.is_compiled() {
        true => SidePort::IfFree(7340),
        false => SidePort::Off,
    };
    assert_eq!(config.rendezvous_port, rendezvous);
    assert_eq!(config.broadcast_port, SidePort::IfFree(7331));
    assert!(config.mdns);
}

#[test]
fn a_journal_needs_no_path() {
    for (line, path) in [
        ("--journal --journal-backend sqlite", Some("journal.db")),
        ("--journal /data/a.db", Some("/data/a.db")),
        ("", None),
    ] {
        assert_eq!(config(line).journal, path.map(PathBuf::from), "{line}");
    }
}

#[test]
fn flags_reach_the_configuration() {
    let changed = config(
        "--port 0 --host :: -n Stage --max-sessions 0 --session-timeout 0 --tcp-port 7340 --param-ttl 0 --signal-ttl 5",
    );
    assert_eq!(
        (changed.websocket_port, changed.tcp_port),
        (Some(0), Some(7340))
    );
    assert_eq!(
        (changed.host.as_str(), changed.name.as_str()),
        ("::", "Stage")
    );
    assert_eq!(
        (changed.sessions_max, changed.session_timeout),
        (0, Duration::ZERO)
    );
    assert_eq!(
        (changed.param_ttl, changed.signal_ttl),
        (None, Some(Duration::from_secs(5)))
    );
    let capped = config("--max-connections-per-ip 3 --max-pending 4 --max-pending-per-ip 2");
    assert_eq!(capped.connections_per_ip_max, 3);
    assert_eq!((capped.pending_max, capped.pending_per_ip_max), (4, 2));
    assert_eq!(
        config("--allow-origin https://a.b --allow-origin null").allowed_origins,
        ["https://a.b", "null"]
    );
    assert_eq!(config("--no-websocket --tcp-port 1").websocket_port, None);
    let unlimited = config("--no-ttl");
    assert_eq!((unlimited.param_ttl, unlimited.params_max), (None, 0));
}

#[test]
fn flags_of_production_reach_the_configuration() {
    let tls = config("--quic-port 4433 --cert a.pem --key-path b.pem");
    assert_eq!(tls.quic_port, Some(4433));
    let paths = (tls.cert.as_deref(), tls.key.as_deref());
    assert_eq!(paths, (Some("a.pem".as_ref()), Some("b.pem".as_ref())));
    let kept = config("--persist s.json --persist-interval 0.5 --persist-discard-corrupt");
    assert_eq!(kept.persist, Some(PathBuf::from("s.json")));
    assert_eq!(kept.persist_interval, Duration::from_millis(500));
    assert!(kept.persist_discard_corrupt);
    let found = config(
        "--rendezvous-port 0 --rendezvous-ttl 9 --rendezvous-url http://a:1 --rendezvous-refresh 3 \
         --rendezvous-advertise ws://b:2 --rendezvous-tag a,b --rendezvous-tag c --broadcast-port 7000 --no-mdns",
    );
    assert_eq!(found.rendezvous_port, SidePort::Off);
    assert_eq!(found.broadcast_port, SidePort::Asked(7000));
    assert_eq!(found.rendezvous_ttl, Duration::from_secs(9));
    assert_eq!(found.rendezvous_url.as_deref(), Some("http://a:1"));
    assert_eq!(found.rendezvous_advertise.as_deref(), Some("ws://b:2"));
    assert_eq!(found.rendezvous_refresh, Duration::from_secs(3));
    assert_eq!(found.rendezvous_tags, ["a", "b", "c"]);
    assert!(!found.mdns);
    let watched = config("--health-port 7360 --metrics-port 9090 --drain-timeout 5");
    assert_eq!(
        (watched.health_port, watched.metrics_port),
        (Some(7360), Some(9090))
    );
    assert_eq!(watched.drain_timeout, Duration::from_secs(5));
}

#[test]
fn what_is_promised_and_not_built_stops_the_start() {
    for flag in NOT_BUILT {
        for line in [
            format!("--{flag}"),
            format!("--{flag} 1"),
            format!("--{flag} 1 --{flag} 2"),
        ] {
            let asked = format!("--{flag}");
            assert_eq!(read(&line).unwrap_err(), [Missing::NotBuilt { asked }]);
        }
    }
}

#[test]
fn a_flag_of_a_feature_that_is_not_compiled_stops_the_start() {
    for &(flag, feature) in OF_FEATURES {
        let takes_value = Flags::command()
            .get_arguments()
            .any(|arg| arg.get_long() == Some(flag) && arg.get_action().takes_values());
        let value = if takes_value { "=1" } else { "" };
        let refused = read(&format!("--{flag}{value}")).err();
        let missing = Missing::Feature { flag, feature };
        assert_eq!(refused, (!feature.is_compiled()).then(|| vec![missing]));
        let in_file = Flags::read(&matches(""), &[flag.to_owned()], |_| false);
        assert_eq!(in_file.is_err(), !feature.is_compiled(), "{flag}");
    }
    let text = Missing::Feature {
        flag: "rendezvous-url",
        feature: Feature::Rendezvous,
    };
    assert_eq!(
        text.to_string(),
        "--rendezvous-url needs the 'rendezvous' feature: rebuild with --features rendezvous"
    );
}

#[test]
fn a_variable_for_what_is_not_built_stops_the_start() {
    let matches = Flags::command().get_matches_from(["clasp-relay"]);
    for (name, text) in [
        (
            "CLASP_MQTT_PORT",
            Some("CLASP_MQTT_PORT is not in this version: start without it"),
        ),
        ("CLASP_TOKEN", None),
        ("CLASP_NAME", None),
    ] {
        let read = Flags::read(&matches, &[], |variable| variable == name);
        let refused = read.err().map(|refused| refused[0].to_string());
        assert_eq!(refused.as_deref(), text, "{name}");
    }
}

#[test]
fn every_option_has_a_variable_and_is_in_a_group() {
    for arg in Flags::command().get_arguments() {
        let Some(long) = arg.get_long().filter(|_| !arg.is_hide_set()) else {
            continue;
        };
        let variable = arg.get_env().and_then(|name| name.to_str());
        let expected = format!("CLASP_{}", long.to_uppercase().replace('-', "_"));
        assert_eq!(variable, Some(expected.as_str()));
    }
}

#[test]
fn a_flag_that_does_nothing_as_the_others_are_is_told() {
    let idle = |line: &str| {
        let idle = Flags::idle(&matches(line), &[]);
        idle.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(idle(""), [""; 0]);
    assert_eq!(idle("--persist a --persist-interval 3"), [""; 0]);
    assert_eq!(
        idle("--persist-interval 3"),
        ["--persist-interval does nothing without --persist"]
    );
    assert_eq!(
        idle("--auth-db a"),
        ["--auth-db does nothing without --auth-port or --trust-anchor or --trust-anchor-secret"]
    );
    assert_eq!(idle("--auth-db a --trust-anchor b"), [""; 0]);
    assert_eq!(
        idle("--ws-port 1 --no-websocket --param-ttl 3 --no-ttl"),
        [
            "--ws-port does nothing with --no-websocket",
            "--param-ttl does nothing with --no-ttl"
        ]
    );
}

/// An option that changes nothing would break its promise silently.
#[test]
fn every_option_reaches_the_configuration() {
    // A build without WebSocket has nothing that could be switched off.
    let default = format!("{:?}", config("--ws-port=1"));
    for arg in Flags::command().get_arguments() {
        let long = arg.get_long().filter(|_| !arg.is_hide_set());
        let Some(long) = long.filter(|long| !OF_THE_PROGRAM.contains(long)) else {
            continue;
        };
        let changed = match arg.get_action() {
            ArgAction::SetTrue => format!("--ws-port=1 --{long}"),
            // A number is a name, a path and a url as well, as far as the command line is concerned.
            _ => format!("--ws-port=1 --{long}=17"),
        };
        assert_ne!(format!("{:?}", config(&changed)), default, "{changed}");
    }
}

/// Options that say what the program does besides serving.
const OF_THE_PROGRAM: [&str; 9] = [
    "verbose",
    "log-level",
    "config",
    "check-config",
    "explain",
    "as",
    "generate",
    "help",
    "version",
];
