//! Load generator for CLASP routers and for the brokers a user would pick instead.
//! One JSON line per scenario run on standard output; see ../README.md, or run it without arguments.

mod connect;
mod connection;
mod flow;
mod histogram;
mod options;
mod output;
mod poll;
mod protocol;
mod raw;
mod sessions;
mod state;
mod system;
mod target;
mod verify;

use anyhow::{Result, bail};
use flow::Load;
use options::Options;
use output::Line;
use protocol::Kind;
use std::process::ExitCode;
use target::Target;

fn main() -> ExitCode {
    let options = Options::parse(std::env::args().skip(1));
    let mut line = Line::new();
    let Err(error) = run(&options, &mut line) else {
        return ExitCode::SUCCESS;
    };
    let mut line = Line::new();
    line.text("scenario", &options.scenario)
        .text("label", &options.text("label", ""));
    line.text("failed", &format!("{error:#}")).print();
    ExitCode::FAILURE
}

fn run(options: &Options, line: &mut Line) -> Result<()> {
    system::prepare()?;
    if options.scenario == "raw-server" {
        return raw::serve(options.count("port", 7999)? as u16);
    }
    let url = options.text("url", "ws://127.0.0.1:7330");
    let mut target = Target::parse(&url)?;
    target.token = options.text("token", "");
    target.qos = options.count("qos", 0)? as u8;
    line.text("scenario", &options.scenario)
        .text("label", &options.text("label", ""));
    line.text("url", &options.text("url", ""));
    match options.scenario.as_str() {
        "state" => state::run(&target, options, line)?,
        "sessions" => sessions::run(&target, options, line)?,
        "verify" => verify::run(&target, options, line)?,
        _ => {
            let load = load(options)?;
            if load.acknowledged {
                target.qos = target.qos.max(1);
            }
            flow::run(&target, &load, line)?;
        }
    }
    line.print();
    Ok(())
}

/// What the scenarios that share the engine of `flow.rs` ask of it.
fn load(options: &Options) -> Result<Load> {
    let mut load = common_load(options)?;
    match options.scenario.as_str() {
        "throughput" => {}
        "fanout" => load.window = options.count("window", 64)?,
        "latency" => load.rate = options.number("rate", 1000.0)?,
        "patterns" => load.preload = options.count("preload", 0)?,
        "slow" => load.stuck = options.count("stuck", 1)?,
        "set-ack" | "kill" => {
            load.kind = Kind::Set;
            load.acknowledged = true;
            load.subscribers = options.count("subs", 0)?;
            load.window = options.count("window", 64)?;
            if options.scenario == "kill" {
                load.kill_after = Some(options.number("kill-after", 2.0)?);
            } else {
                load.addresses = options.count("addrs", 1000)?;
            }
        }
        "" => bail!("{USAGE}"),
        other => bail!("unknown scenario {other}\n{USAGE}"),
    }
    Ok(load)
}

fn common_load(options: &Options) -> Result<Load> {
    Ok(Load {
        publishers: options.count("pubs", 1)?,
        subscribers: options.count("subs", 1)?,
        kind: match options.text("kind", "event").as_str() {
            "set" => Kind::Set,
            "stream" => Kind::Stream,
            _ => Kind::Event,
        },
        size: options.count("size", 8)?,
        window: options.count("window", 512)?,
        rate: options.number("rate", 0.0)?,
        seconds: options.number("secs", 3.0)?,
        warm_seconds: options.number("warm", 0.5)?,
        pair: options.is_yes("pair"),
        stuck: 0,
        preload: 0,
        preload_per_session: options.count("per", 1000)?,
        preload_form: options.text("form", "/p/{}/**"),
        acknowledged: false,
        addresses: options.count("addrs", 1)?,
        server_pid: options.count("server-pid", 0)? as i32,
        kill_after: None,
        state_file: options.text("state-file", ""),
    })
}

const USAGE: &str = "\
clasp-bench --url URL SCENARIO [--option value ...]
URL: ws://h:p (CLASP) mqtt:// mqtt+ws:// nats:// nats+ws:// redis:// raw://
SCENARIO
  throughput  --pubs 1 --subs 1 --kind set|event|stream --size 8 --window 512 [--pair yes]
              (--window 0: flood, only TCP back-pressure)
  fanout      --subs N [--rate 100 | --rate 0 --window 64]
  latency     --rate 1000
  set-ack     --pubs 1 --addrs 1000 --window 64      acknowledged sets (MQTT QoS 1, redis SET)
  patterns    --preload M --form '/p/{}/**' --per 1000
  slow        --subs 10 --stuck 1 --rate R | --window W
  state       --params K                             sets, then a late joiner
  sessions    --count N --batch 64 [--sub yes]
  kill        --kill-after 2 --state-file F --addrs N (0: a new address each time)
  verify      --state-file F                         after the restart
  raw-server  --port 7999                            copies bytes, parses nothing
COMMON --secs 3 --warm 0.5 --token T --qos 0|1 --server-pid PID --label TEXT";
