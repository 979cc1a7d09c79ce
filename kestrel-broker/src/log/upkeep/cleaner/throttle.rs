//! How fast the cleaner may go: a rate over all that it has read and written so far. Pure; the host does the waiting.

use std::time::{Duration, Instant};

/// The longest wait at once: a stop is not kept waiting.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Bytes over time since it began.
#[derive(Debug)]
pub(super) struct Throttle {
    bytes_per_second: f64,
    began: Instant,
    bytes: u64,
}

impl Throttle {
    /// Begins to count at `now`.
    pub(super) const fn new(bytes_per_second: f64, now: Instant) -> Self {
        Self { bytes_per_second, began: now, bytes: 0 }
    }

    /// Counts bytes in.
    pub(super) const fn count(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// How long to wait at `now` before more is done; to be asked again afterwards.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        if self.bytes_per_second <= 0.0 {
            return None;
        }
        let due = self.bytes as f64 / self.bytes_per_second;
        let due = Duration::try_from_secs_f64(due).unwrap_or(Duration::MAX);
        let left = due.checked_sub(now.saturating_duration_since(self.began))?;
        Some(left.min(LONGEST_WAIT)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_until_the_rate_is_kept() {
        #[expect(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let mut throttle = Throttle::new(1000.0, start);
        throttle.count(50);
        assert_eq!(throttle.wait(start), Some(Duration::from_millis(50)));
        assert_eq!(throttle.wait(start + Duration::from_millis(50)), None);
        throttle.count(10_000);
        assert_eq!(throttle.wait(start), Some(LONGEST_WAIT));
        let mut without = Throttle::new(f64::MAX, start);
        without.count(u64::MAX);
        assert_eq!(without.wait(start), None);
    }
}
