//! The one place of the broker that reads the time. Everything below it gets the time as an argument.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::time;

use crate::log::Timestamp;

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
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
