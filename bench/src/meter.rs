//! What a run cost this process: wall time, CPU time, memory. The only place here that reads clocks.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// The current instant.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock, and only here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Started before the work, read after it.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    cpu_at_start: Duration,
}

/// What the work cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time of every thread.
    pub(crate) cpu: Duration,
    pub(crate) max_rss_mb: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { started: now(), cpu_at_start: cpu_of_this_process() }
    }

    pub(crate) fn cost(&self) -> Cost {
        Cost {
            wall: self.started.elapsed(),
            cpu: cpu_of_this_process().saturating_sub(self.cpu_at_start),
            max_rss_mb: peak_memory_mb(),
        }
    }
}

fn cpu_of_this_process() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_SELF).expect("a process may ask about itself");
    let both = used.user_time() + used.system_time();
    Duration::from_micros(u64::try_from(both.num_microseconds()).unwrap_or_default())
}

/// The peak of resident memory in MB (`VmHWM`); zero where there is no `/proc`.
fn peak_memory_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
