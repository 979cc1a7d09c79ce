//! The one place of the broker that reads the time. Everything below it gets the time as an argument.

use std::time::{Duration, Instant, SystemTime};

use kestrel_protocol::Timestamp;
use tokio::time;

/// What the time is. Handed to whoever needs it, so that nothing else reads a clock.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The machine's clocks; in a test with paused time, tokio's for deadlines.
    System,
}

impl Clock {
    /// The time for deadlines: never goes back.
    pub(crate) fn now(&self) -> Instant {
        // Tokio's, so that deadlines of handlers and timers of tasks are of one time, in tests with paused time too.
        time::Instant::now().into_std()
    }

    /// The time for records: may jump.
    pub(crate) fn wall(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let now = SystemTime::now();
        Timestamp::from(now)
    }
}

/// The longest wait that is told from never.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The instant `wait` after `start`. A wait that is too long for a clock, such as [`Duration::MAX`], ends in a hundred years:
/// `Instant + Duration` would panic. Everything that adds a setting, or what a client asks for, to a time does it here.
pub(crate) fn after(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait.min(FOREVER)).unwrap_or(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_is_too_long_for_the_clock_is_very_long() {
        let now = Clock::System.now();
        assert_eq!(after(now, Duration::from_secs(5)), now + Duration::from_secs(5));
        let never = after(now, Duration::MAX);
        assert!(never > now + Duration::from_secs(365 * 24 * 60 * 60));
        assert!(after(never, Duration::MAX) >= never);
    }
}
