//! Clock, figures from /proc, and what the process needs from the kernel.

use anyhow::Result;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::num::NonZeroU64;

/// CPU seconds and resident memory of a process.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) rss_kb: u64,
}

impl Usage {
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// Growth of resident memory since `earlier`, in bytes for each of `count`.
    pub(crate) fn rss_bytes_per(&self, earlier: &Self, count: usize) -> f64 {
        (self.rss_kb as f64 - earlier.rss_kb as f64) * 1024.0 / count as f64
    }
}

/// Monotonic nanoseconds.
#[inline]
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Seconds between two readings of `now`.
pub(crate) fn seconds(from: u64, to: u64) -> f64 {
    (to - from) as f64 / 1e9
}

/// What a process has used up to now; zeros where it cannot be read.
pub(crate) fn usage(pid: i32) -> Usage {
    let mut usage = Usage::default();
    if pid <= 0 {
        return usage;
    }
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        // Behind the name in parentheses: the state is field 3 of proc(5).
        let behind = text.rfind(')').map_or("", |at| &text[at + 1..]);
        let mut fields = behind
            .split_whitespace()
            .skip(11)
            .map(|field| field.parse().unwrap_or(0.0));
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        usage.user = fields.next().unwrap_or(0.0) / ticks;
        usage.system = fields.next().unwrap_or(0.0) / ticks;
    }
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/status")) {
        let rss = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        usage.rss_kb = rss
            .and_then(|rss| rss.split_whitespace().next()?.parse().ok())
            .unwrap_or(0);
    }
    usage
}

/// CPU seconds of this process, user and system.
pub(crate) fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Ends a process at once.
pub(crate) fn kill(pid: i32) -> Result<()> {
    let pid =
        Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("--server-pid must name the server"))?;
    Ok(rustix::process::kill_process(pid, Signal::KILL)?)
}

/// Raises the limit of open files to the hard limit and asks for timers of full precision.
pub(crate) fn prepare() -> Result<()> {
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?;
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    Ok(())
}
