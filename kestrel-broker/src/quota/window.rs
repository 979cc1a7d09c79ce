//! The windows that a rate is an average over, and the ticks that they are measured in.

use std::ops::Sub;
use std::time::{Duration, Instant};

/// A moment in whole milliseconds, as Apache Kafka counts quotas; from an origin that one ledger has throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(i64);

impl Tick {
    /// The tick of `now`; the origin's own when that lies later.
    pub(super) fn since(origin: Instant, now: Instant) -> Self {
        Self(millis(now.saturating_duration_since(origin)))
    }
}

impl Sub for Tick {
    type Output = i64;

    /// The milliseconds from `earlier` to here.
    fn sub(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

/// The windows of a rate: `quota.window.num` of `quota.window.size.seconds` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// How many, the current one included; at least 1.
    pub(crate) count: u32,
    /// How long each is.
    pub(crate) length: Duration,
}

impl Windows {
    /// The length of one window in milliseconds.
    pub(super) fn length_ms(self) -> i64 {
        millis(self.length)
    }

    /// The length of all windows in milliseconds: what is older counts no more.
    pub(super) fn span_ms(self) -> i64 {
        self.length_ms().saturating_mul(i64::from(self.count))
    }

    /// How many units a bound allows in all windows: the largest burst of a token bucket.
    pub(super) fn burst(self, bound: f64) -> f64 {
        f64::from(self.count) * seconds(self.length_ms()) * bound
    }

    /// How many units a bound allows in all windows but the current one: more at once is always too much.
    pub(super) fn most_at_once(self, bound: f64) -> f64 {
        bound * f64::from(self.count - 1) * seconds(self.length_ms())
    }
}

/// Milliseconds as a float.
#[expect(clippy::cast_precision_loss, reason = "no time here has more than 53 bits of milliseconds")]
pub(super) const fn float(millis: i64) -> f64 {
    millis as f64
}

/// Milliseconds as seconds, for rates.
pub(super) const fn seconds(millis: i64) -> f64 {
    float(millis) / 1000.0
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A throttle of so many milliseconds, rounded as Java's `Math.round` does. At most what the protocol can say, 24 days: there
/// Apache Kafka lets the number overflow, and does not throttle at all.
pub(super) fn throttle(millis: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest number that there is"
    )]
    let millis = (millis + 0.5).floor().max(0.0) as u64;
    Duration::from_millis(millis.min(i32::MAX.unsigned_abs().into()))
}
