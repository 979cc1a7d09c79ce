//! Wall time as Kafka keeps it: an argument or a field here, never read from a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A wall time as Kafka keeps it: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// ```
/// use kestrel_protocol::Timestamp;
/// use std::time::{Duration, UNIX_EPOCH};
/// let timestamp = Timestamp::from(UNIX_EPOCH + Duration::from_secs(2));
/// assert_eq!(timestamp.as_millis(), 2_000);
/// assert_eq!(timestamp.saturating_add(Duration::from_secs(1)), Timestamp::from_millis(3_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// No timestamp, -1 on the wire.
    pub const NONE: Self = Self(-1);

    /// The time `millis` milliseconds after 1970 began.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970 began; -1 for none.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time as the standard library has it; `None` when there is no timestamp.
    #[must_use]
    pub fn to_system_time(self) -> Option<SystemTime> {
        let millis = u64::try_from(self.0).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }

    /// This time and `duration` more, in whole milliseconds; at most the latest time there is.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(duration)))
    }

    /// This time less `duration`, in whole milliseconds; at least the earliest time there is.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(duration)))
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before 1970 become 1970, which is as early as Kafka goes.
    fn from(time: SystemTime) -> Self {
        Self(whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

/// In 64 bits: producers ask for each record, and `Duration::as_millis` divides 128.
fn whole_millis(duration: Duration) -> i64 {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    seconds.saturating_mul(1_000).saturating_add(i64::from(duration.subsec_millis()))
}
