//! An open loop: when each record is due, whatever became of those before it.

use std::time::{Duration, Instant};

/// How late the kernel may wake a sleeper, in nanoseconds; its default of 50,000 would be part of every latency.
#[cfg(target_os = "linux")]
const TIMER_SLACK_NS: u64 = 1_000;

/// Sleeps a thread until each record is due. A record that is late because an earlier one was held up is late from when it
/// was due: that wait is part of its latency.
#[derive(Debug)]
pub(crate) struct Pace {
    started: Instant,
    rate: u32,
}

impl Pace {
    /// `rate` records per second from `started` on; for the calling thread alone.
    pub(crate) fn new(started: Instant, rate: u32) -> Self {
        // Where it is refused the sleeps are a little later.
        #[cfg(target_os = "linux")]
        let _ = nix::sys::prctl::set_timerslack(TIMER_SLACK_NS);
        Self { started, rate }
    }

    /// Waits until record `index` is due, and says when that was since the start.
    pub(crate) fn await_turn(&self, index: u64) -> Duration {
        let due = Duration::from_nanos(index * 1_000_000_000 / u64::from(self.rate));
        std::thread::sleep(due.saturating_sub(self.started.elapsed()));
        due
    }
}
