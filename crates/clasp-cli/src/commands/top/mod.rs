//! `clasp top`: what a router is busy with, from its metrics port.

mod lines;
mod screen;
mod view;

use std::io::{self, IsTerminal};
use std::time::Duration;

use clasp_server::Top;
use clasp_transport::DialOptions;
use clasp_transport::http::{Request, request};
use tokio::signal;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::screen::{Screen, Shown};
use self::view::View;
use crate::args::TopArgs;
use crate::error::CommandError;
use crate::output;

/// Looks at a router again and again, and shows what happened since the last look, until interrupted.
///
/// # Errors
/// Nothing answers on the metrics port, or something else does.
pub(crate) async fn run(args: &TopArgs) -> Result<(), CommandError> {
    let before = look(&args.metrics).await?;
    if !args.once && !args.json && io::stdout().is_terminal() {
        return watch(args, before).await;
    }
    tokio::select! {
        ended = print(args, before) => ended,
        _ = signal::ctrl_c() => Ok(()),
    }
}

/// Prints a view for each look, or one only.
async fn print(args: &TopArgs, mut before: Top) -> Result<(), CommandError> {
    let mut ticks = ticks(args);
    loop {
        ticks.tick().await;
        let now = look(&args.metrics).await?;
        let view = View::between(&before, &now, args.addresses.into());
        if args.json {
            output::json(&view.to_json())?;
        } else {
            output::result(&lines::of(&view).join("\n"))?;
        }
        if args.once {
            return Ok(());
        }
        if !args.json {
            output::result("")?;
        }
        before = now;
    }
}

/// Shows the latest view on the whole terminal. A router that goes away may come back.
async fn watch(args: &TopArgs, mut before: Top) -> Result<(), CommandError> {
    let mut screen = Screen::open()?;
    let mut view = View::between(&before, &before, args.addresses.into());
    let mut trouble = None;
    let mut ticks = ticks(args);
    loop {
        screen.draw(&Shown {
            view: &view,
            url: &args.metrics,
            trouble: trouble.as_deref(),
        })?;
        tokio::select! {
            _ = ticks.tick() => match look(&args.metrics).await {
                Ok(now) => {
                    view = View::between(&before, &now, args.addresses.into());
                    (before, trouble) = (now, None);
                }
                Err(error) => trouble = Some(error.to_string()),
            },
            wants_end = screen.key() => if wants_end? {
                return Ok(());
            },
        }
    }
}

fn ticks(args: &TopArgs) -> tokio::time::Interval {
    let interval = Duration::from_secs_f64(args.interval);
    let mut ticks = interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Asks the router once.
async fn look(metrics: &str) -> Result<Top, CommandError> {
    let base = metrics.trim_end_matches('/');
    let base = base.strip_suffix("/metrics").unwrap_or(base);
    let url = format!("{base}/top");
    let asked = Request {
        url: &url,
        ..Request::default()
    };
    let answer = request(asked, &DialOptions::default()).await;
    let answer = answer.map_err(|source| CommandError::Metrics {
        url: metrics.to_owned(),
        source,
    })?;
    let told = serde_json::from_slice(&answer.body).ok();
    told.filter(|_| answer.status.is_success())
        .ok_or_else(|| CommandError::NoMetrics {
            url,
            status: answer.status.as_u16(),
        })
}
