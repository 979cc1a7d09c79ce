//! The one place of the broker that reads the time. Everything below it gets the time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::time;

use crate::log::Timestamp;

/// What the time is: the system's, or in tests one that is moved by hand.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// The machine's clocks.
    System,
    /// A clock that stands still until a test moves it.
    #[cfg(test)]
    Manual(std::sync::Arc<ManualClock>),
}

impl Clock {
    /// The time for deadlines: never goes back.
    pub(crate) fn now(&self) -> Instant {
        match self {
            // Tokio's, so that deadlines of handlers and timers of tasks are of one time, in tests with paused time too.
            Self::System => time::Instant::now().into_std(),
            #[cfg(test)]
            Self::Manual(clock) => clock.now(),
        }
    }

    /// The time for records: may jump.
    pub(crate) fn wall(&self) -> Timestamp {
        match self {
            Self::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            #[cfg(test)]
            Self::Manual(clock) => clock.wall(),
        }
    }
}

/// A clock for tests: both times move together, and only by [`ManualClock::advance`].
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct ManualClock {
    started: Instant,
    passed: std::sync::Mutex<std::time::Duration>,
    wall_start: Timestamp,
}

#[cfg(test)]
impl ManualClock {
    /// A clock that shows `wall`.
    pub(crate) fn at(wall: Timestamp) -> std::sync::Arc<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let started = Instant::now();
        std::sync::Arc::new(Self { started, passed: std::sync::Mutex::default(), wall_start: wall })
    }

    /// Moves both times on.
    pub(crate) fn advance(&self, by: std::time::Duration) {
        *self.passed.lock().unwrap() += by;
    }

    fn now(&self) -> Instant {
        self.started + *self.passed.lock().unwrap()
    }

    fn wall(&self) -> Timestamp {
        self.wall_start.saturating_add(*self.passed.lock().unwrap())
    }
}
