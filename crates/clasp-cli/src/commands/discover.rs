//! `clasp discover`: lists the routers that can be found.

use std::time::Duration;

use clasp_client::discover::{Found, Outcome, Search};
use serde_json::json;
use tokio::time::{Instant, interval};

use crate::args::DiscoverArgs;
use crate::error::CommandError;
use crate::output::{self, Progress};

/// Prints a line for each router when the time is over.
///
/// # Errors
/// Nothing was found, or nothing can be looked for.
pub(crate) async fn run(args: DiscoverArgs) -> Result<(), CommandError> {
    if args.no_mdns && args.no_broadcast && args.rendezvous_url.is_none() {
        return Err(CommandError::Usage {
            problem: "--no-mdns and --no-broadcast leave nothing to look for".to_owned(),
            remedy: "leave one of them out, or give --rendezvous-url",
        });
    }
    let within = Duration::from_secs_f64(args.timeout);
    let Outcome { routers, failures } = with_progress(within, search(&args, within).run()).await;
    if routers.is_empty() {
        return Err(CommandError::NothingFound(failures));
    }
    for failure in failures {
        output::status(&failure.to_string());
    }
    for router in routers {
        output::result(&line(&router, args.json))?;
    }
    Ok(())
}

fn search(args: &DiscoverArgs, within: Duration) -> Search {
    let mut search = Search::default()
        .within(within)
        .broadcast_port(args.broadcast_port)
        .trust(args.trust.trust());
    if args.no_mdns {
        search = search.without_mdns();
    }
    if args.no_broadcast {
        search = search.without_broadcast();
    }
    if args.local {
        search = search.on_this_machine();
    }
    if let Some(url) = &args.rendezvous_url {
        search = search.rendezvous(url);
    }
    if let Some(tag) = &args.tag {
        search = search.tag(tag);
    }
    search
}

async fn with_progress(within: Duration, search: impl Future<Output = Outcome>) -> Outcome {
    let progress = Progress::new("looking");
    let started = Instant::now();
    let mut redraw = interval(REDRAW);
    tokio::pin!(search);
    loop {
        tokio::select! {
            outcome = &mut search => return outcome,
            _ = redraw.tick() => progress.show(started.elapsed().div_duration_f64(within)),
        }
    }
}

fn line(router: &Found, as_json: bool) -> String {
    let sources: Vec<&str> = router.sources.iter().map(|source| source.word()).collect();
    if !as_json {
        return format!("{}  {}  ({})", router.url, router.name, sources.join(", "));
    }
    let object = json!({
        "url": router.url,
        "name": router.name,
        "sources": sources,
        "others": router.others,
    });
    object.to_string()
}

/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
