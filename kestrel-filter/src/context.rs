//! What a filter is evaluated with besides the record. Pure: the time comes from whoever calls.

use std::time::SystemTime;

/// The time that `now()` gives, and the work that one record may take.
///
/// Whoever reads a range of records takes one context for all of it, so that the answer does not depend on how long reading takes;
/// whoever follows a topic's end takes the present time for each batch.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use kestrel_filter::{Context, Filter, PlainRecord};
///
/// let filter = Filter::parse("timestamp > now() - 1h")?;
/// let record = PlainRecord::new("earthquakes", 0, 0).with_timestamp_millis(1_000);
/// let soon = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
/// assert_eq!(filter.matches(&record, &Context::at(soon)), Ok(true));
/// assert_eq!(filter.matches(&record, &Context::at(soon + Duration::from_secs(7200))), Ok(false));
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    now: i128,
    max_steps: usize,
}

impl Context {
    /// How many steps a record may take if nothing else is said: for simple filters thousands of times what they need.
    pub const DEFAULT_MAX_STEPS: usize = 1_000_000;

    /// A context in which it is 1970, for what does not ask for the time.
    pub(crate) const EPOCH: Self = Self { now: 0, max_steps: Self::DEFAULT_MAX_STEPS };

    /// A context in which it is `now`.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let nanos = |duration: std::time::Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        Self { now: since.map_or_else(|before| -nanos(before.duration()), nanos), ..Self::EPOCH }
    }

    /// The same context with another limit of steps for each record: a step is a part of the filter, an element of a list, or 64 bytes
    /// that are searched. A byte that a regular expression reads is up to 4 steps, as the expression is large. What takes more is
    /// [`Undecided`](crate::Undecided).
    #[must_use]
    pub const fn with_max_steps(self, max_steps: usize) -> Self {
        Self { max_steps, ..self }
    }

    /// The time in nanoseconds since 1970.
    pub(crate) const fn now(&self) -> i128 {
        self.now
    }

    pub(crate) const fn max_steps(&self) -> usize {
        self.max_steps
    }
}
