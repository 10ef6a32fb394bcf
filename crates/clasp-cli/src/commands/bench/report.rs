//! The results as a table or as JSON.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::args::BenchArgs;
use crate::commands::bench::flow::{Flow, Measured};
use crate::error::CommandError;
use crate::output;

/// Gathers the results of all scenarios.
#[derive(Debug)]
pub(crate) struct Report {
    head: Json,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    scenario: &'static str,
    subscribers: usize,
    measured: Measured,
}

impl Report {
    pub(crate) fn new(args: &BenchArgs, url: &str) -> Self {
        let head = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "router": url,
            "in_process": args.server.is_none(),
            "seconds": args.seconds,
            "size": args.size,
            "window": args.window,
            "rate": args.rate,
        });
        Self {
            head,
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, scenario: &'static str, flow: &Flow, measured: Measured) {
        self.rows.push(Row {
            scenario,
            subscribers: flow.subscribers,
            measured,
        });
    }

    /// Prints everything.
    ///
    /// # Errors
    /// Nobody reads stdout.
    pub(crate) fn print(mut self, as_json: bool) -> Result<(), CommandError> {
        if as_json {
            self.head["results"] = self.rows.iter().map(Row::to_json).collect();
            return Ok(output::json(&self.head)?);
        }
        output::result(&format!(
            "{:<12}{:>6}{:>14}{:>10}{:>11}{:>11}{:>11}{:>11}",
            "scenario", "subs", "delivered/s", "lost", "p50 us", "p99 us", "p99.9 us", "max us"
        ))?;
        for row in &self.rows {
            output::result(&row.to_line())?;
        }
        for row in &self.rows {
            if let Some(refused) = &row.measured.refused {
                output::status(&format!("{}: {refused}", row.scenario));
            }
        }
        Ok(())
    }
}

impl Row {
    fn to_line(&self) -> String {
        let Measured { lost, delays, .. } = &self.measured;
        format!(
            "{:<12}{:>6}{:>14.0}{:>10}{:>11.0}{:>11.0}{:>11.0}{:>11.0}",
            self.scenario,
            self.subscribers,
            self.measured.rate(),
            lost,
            micros(delays.percentile(0.5)),
            micros(delays.percentile(0.99)),
            micros(delays.percentile(0.999)),
            micros(delays.longest()),
        )
    }

    fn to_json(&self) -> Json {
        let Measured { delays, .. } = &self.measured;
        json!({
            "scenario": self.scenario,
            "publishers": 1,
            "subscribers": self.subscribers,
            "sent": self.measured.sent,
            "delivered": self.measured.delivered,
            "lost": self.measured.lost,
            "delivered_per_second": self.measured.rate(),
            "latency_us": {
                "p50": micros(delays.percentile(0.5)),
                "p90": micros(delays.percentile(0.9)),
                "p99": micros(delays.percentile(0.99)),
                "p999": micros(delays.percentile(0.999)),
                "max": micros(delays.longest()),
            },
            "refused": self.measured.refused.as_ref().map(ToString::to_string),
        })
    }
}

impl Measured {
    /// Deliveries a second.
    fn rate(&self) -> f64 {
        let seconds = self.duration.as_secs_f64();
        if seconds > 0.0 {
            self.delivered as f64 / seconds
        } else {
            0.0
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1000.0
}
