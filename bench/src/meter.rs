//! What a run cost this process: wall time, CPU time, memory. The only place here that reads clocks.

use std::fs;
use std::time::{Duration, Instant};

/// Clock ticks per second of `/proc/self/stat`: fixed at 100 on Linux for user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// The current instant.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock, and only here")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Started before the work, read after it.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    cpu_at_start: Cpu,
}

/// What the work cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu_user_s: f64,
    pub(crate) cpu_sys_s: f64,
    pub(crate) max_rss_mb: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cpu {
    user_s: f64,
    sys_s: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { started: now(), cpu_at_start: Cpu::of_this_process() }
    }

    pub(crate) fn cost(&self) -> Cost {
        let wall = now() - self.started;
        let cpu = Cpu::of_this_process();
        Cost {
            wall,
            cpu_user_s: cpu.user_s - self.cpu_at_start.user_s,
            cpu_sys_s: cpu.sys_s - self.cpu_at_start.sys_s,
            max_rss_mb: peak_memory_mb(),
        }
    }
}

impl Cpu {
    /// Fields 14 and 15 of `/proc/self/stat`; zero where there is no such file.
    fn of_this_process() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The second field is the name in parentheses, which may hold spaces.
        let mut after_name = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11);
        let mut seconds = || {
            after_name.next().and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / TICKS_PER_SECOND
        };
        Self { user_s: seconds(), sys_s: seconds() }
    }
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
