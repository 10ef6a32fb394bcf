//! Options of `clasp bench`.

use clap::{Args, ValueEnum};

use super::{TrustArgs, seconds};

#[derive(Debug, Args)]
#[command(after_help = BENCH_METHOD)]
pub(crate) struct BenchArgs {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    pub(crate) scenario: Scenario,
    /// Seconds that are measured for each scenario, after the warm-up
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Bytes of a value; 8 is a number
    #[arg(long, value_name = "BYTES", default_value = "8", value_parser = clap::value_parser!(u16).range(8..=60_000))]
    pub(crate) size: u16,
    /// Subscribers of the fan-out
    #[arg(long, value_name = "NUMBER", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) subscribers: u32,
    /// Messages a second of the latency run
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// Messages on their way at a time in throughput and fan-out
    #[arg(long, value_name = "NUMBER", default_value = "64", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) window: u32,
    /// Print the results as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Router to measure [default: one inside this process]
    #[arg(
        short,
        long,
        value_name = "URL",
        env = "CLASP_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: Option<String>,
    /// Token to present
    #[arg(long, value_name = "TEXT", env = "CLASP_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// What the bench measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The other three, one after the other
    All,
    /// One publisher, one subscriber, as fast as possible
    Throughput,
    /// One publisher, many subscribers, as fast as possible
    Fanout,
    /// One publisher, one subscriber, at a fixed rate
    Latency,
}

/// How the figures come about.
const BENCH_METHOD: &str = "\
Publisher and subscribers share this process and its clock; a value says when it was sent.
The first 0.4 s of a scenario are not counted. What has not come 0.3 s after the last delivery is lost.
Throughput and fan-out keep a window of messages under way, so that their delays are mostly the queue that
the window makes. Latency sends at a fixed rate: a late wake-up of this program does not count, a delay by
the connection does. A router on another machine shares nothing with this process, one on this machine its cores.";
