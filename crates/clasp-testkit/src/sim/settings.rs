//! The settings of one seed: small bounds, so that they are met.

use std::time::Duration;

use clasp_proto::Pattern;
use clasp_router::{RouterConfig, Strategy, WhenFull};

use crate::oracle::{self, Moment, Rules};
use crate::random::Random;

/// What a seed decides before anything happens.
pub(super) struct Settings {
    pub(super) config: RouterConfig,
    /// The same for the oracle.
    pub(super) rules: Rules,
    /// Params expire.
    pub(super) with_ttl: bool,
    /// Values are large and many, so that outboxes fill.
    pub(super) bulky: bool,
    /// Params that are there from the beginning: more than a snapshot shows in one step.
    pub(super) crowd: usize,
    pub(super) workload_seed: u64,
}

impl Settings {
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let crowd = if random.is_one_in(250) { 2500 } else { 0 };
        let with_ttl = crowd == 0 && random.is_one_in(2);
        let bulky = random.is_one_in(3);
        let params_max = if !with_ttl && crowd == 0 && random.is_one_in(4) {
            6
        } else {
            0
        };
        let param_ttl = (with_ttl && random.is_one_in(2)).then_some(Duration::from_secs(20));
        let outbox_bytes_max = match (crowd, bulky) {
            (0, false) => 10_000,
            (0, true) => 80_000,
            _ => 1_000_000,
        };
        let config = RouterConfig {
            sessions_max: 0,
            messages_per_second: 0,
            params_max,
            when_full: WhenFull::Refuse,
            param_ttl,
            gesture_interval: Duration::from_micros(oracle::GESTURE_INTERVAL),
            outbox_bytes_max,
            strategies: STRATEGIES
                .iter()
                .map(|(pattern, strategy, _)| {
                    (
                        Pattern::parse(pattern).expect("the patterns are valid"),
                        *strategy,
                    )
                })
                .collect(),
            shards: *random.pick(&[1, 1, 4]),
            ..RouterConfig::default()
        };
        let rules = Rules {
            strategies: STRATEGIES
                .iter()
                .map(|(pattern, _, strategy)| (pattern.to_string(), *strategy))
                .collect(),
            params_max,
            param_ttl: param_ttl.map(|ttl| ttl.as_micros() as Moment),
        };
        Self {
            config,
            rules,
            with_ttl,
            bulky,
            crowd,
            workload_seed: random.next(),
        }
    }
}

const STRATEGIES: [(&str, Strategy, oracle::Strategy); 4] = [
    ("/max/*", Strategy::Max, oracle::Strategy::Max),
    ("/min/*", Strategy::Min, oracle::Strategy::Min),
    ("/map/*", Strategy::Merge, oracle::Strategy::Merge),
    ("/lock/*", Strategy::Lock, oracle::Strategy::Lock),
];
