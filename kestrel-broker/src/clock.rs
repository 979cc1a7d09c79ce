//! The one place of the broker that reads the time. Everything below it gets the time as an argument.

#[cfg(test)]
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use kestrel_protocol::Timestamp;
use tokio::time;

/// The clocks of a broker. Each task is handed one, so that nothing else asks for the time.
///
/// A test pauses the time for deadlines, which is tokio's, and holds the time for records in its hand.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The clocks of the machine.
    System,
    /// A wall time that a test moves; a clone is the same hand.
    #[cfg(test)]
    Held(Arc<AtomicI64>),
}

impl Clock {
    /// The time for deadlines: never goes back.
    pub(crate) fn now(&self) -> Instant {
        // Tokio's, so that deadlines of handlers and timers of tasks are of one time, in tests with paused time too.
        time::Instant::now().into_std()
    }

    /// The time for records: may jump.
    pub(crate) fn wall(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => Timestamp::from(SystemTime::now()),
            #[cfg(test)]
            Self::Held(wall) => Timestamp::from_millis(wall.load(Ordering::Acquire)),
        }
    }
}

#[cfg(test)]
impl Clock {
    /// A clock whose wall time stands at `wall` until it is moved.
    pub(crate) fn held_at(wall: Timestamp) -> Self {
        Self::Held(Arc::new(AtomicI64::new(wall.as_millis())))
    }

    /// Moves the wall time of this clock and its clones.
    pub(crate) fn move_to(&self, wall: Timestamp) {
        match self {
            Self::System => panic!("nobody moves the machine's clock"),
            Self::Held(held) => held.store(wall.as_millis(), Ordering::Release),
        }
    }
}

/// The longest wait that is not for ever.
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
