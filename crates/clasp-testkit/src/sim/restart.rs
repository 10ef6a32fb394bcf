//! A restart at any moment: what an export holds, and that another router with it holds the same.

use clasp_proto::Value;
use clasp_router::{Export, Now, Router, RouterConfig, Tick};

use super::violation::Violation;
use crate::oracle::Oracle;

/// What the oracle knows of each param.
type Known = (String, u64, Value);

/// Compares an export with the oracle, and with what a router that is made of it exports.
pub(super) fn check(
    router: &Router,
    config: &RouterConfig,
    oracle: &Oracle,
    now: Now,
) -> Result<(), Violation> {
    let export = sorted(router.export(now));
    let got: Vec<Known> = export
        .params
        .iter()
        .map(|param| {
            let value = param.value.encoded().to_value();
            (param.address.to_string(), param.revision, value)
        })
        .collect();
    let moment = now.tick.0;
    let shown = oracle.shown("/**", moment).into_iter();
    let expected: Vec<Known> = shown
        .filter_map(|(address, revision)| {
            let value = oracle.param(&address, moment)?.value.clone();
            Some((address, revision, value))
        })
        .collect();
    if got != expected {
        return Err(Violation::Exported {
            got: format!("{got:?}"),
            expected: format!("{expected:?}"),
        });
    }
    // The steady clock of another process begins anywhere.
    let after = Now {
        tick: Tick(moment / 7),
        ..now
    };
    let restored = Router::restored(config.clone(), export.clone(), after);
    let again = restored.map(|(router, _)| sorted(router.export(after)));
    if again.as_ref() == Ok(&export) {
        return Ok(());
    }
    Err(Violation::Restored {
        got: format!("{again:?}"),
        expected: format!("{export:?}"),
    })
}

fn sorted(mut export: Export) -> Export {
    export.params.sort_by(|a, b| a.address.cmp(&b.address));
    export
}
