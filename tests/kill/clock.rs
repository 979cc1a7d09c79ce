//! The wall clock of the kill loop: the only file that asks for the time.

use std::time::{Instant, SystemTime};

use kestrel_client::Timestamp;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "records have times, and retention looks at them")]
pub(crate) fn wall() -> Timestamp {
    SystemTime::now().into()
}

/// The time since some moment in the past.
#[expect(clippy::disallowed_methods, reason = "the report says how long it took")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
