//! RefreshSchedule: when the keys of an issuer are fetched next. Pure.

use std::time::{Duration, Instant};

use crate::clock::after;

/// The time that is between two fetches at least when tokens with unknown keys ask for one: strangers choose the names of keys.
pub(super) const MIN_INTERVAL: Duration = Duration::from_secs(10);

/// Says when the keys of an issuer are fetched next.
///
/// ```text
///   fetched ──refresh──► due           failed ──backoff, doubled up to its longest──► due
///   an unknown key ──at once, but not within MIN_INTERVAL of the last fetch──► due
/// ```
#[derive(Debug)]
pub(super) struct RefreshSchedule {
    refresh: Duration,
    backoff: Duration,
    backoff_max: Duration,
    /// When the last fetch ended.
    last: Instant,
    due: Instant,
    /// How many have failed since one succeeded.
    failures: u32,
}

impl RefreshSchedule {
    /// The schedule after a first fetch that ended now.
    pub(super) fn new(refresh: Duration, backoff: Duration, backoff_max: Duration, now: Instant) -> Self {
        Self { refresh, backoff, backoff_max, last: now, due: after(now, refresh), failures: 0 }
    }

    /// When the next fetch is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// A token named a key that is not there.
    pub(super) fn handle_unknown_key(&mut self, now: Instant) {
        let earliest = after(self.last, MIN_INTERVAL).max(now);
        self.due = self.due.min(earliest);
    }

    /// The keys were fetched; gives whether it had failed before.
    pub(super) fn handle_fetched(&mut self, now: Instant) -> bool {
        self.last = now;
        self.due = after(now, self.refresh);
        std::mem::take(&mut self.failures) > 0
    }

    /// The keys could not be fetched; gives whether that is the first time since they could.
    pub(super) fn handle_failed(&mut self, now: Instant) -> bool {
        let backoff = self.backoff.saturating_mul(1 << self.failures.min(20)).min(self.backoff_max);
        self.last = now;
        self.due = after(now, backoff);
        self.failures += 1;
        self.failures == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule() -> (RefreshSchedule, Instant) {
        let now = Clock::System.now();
        (RefreshSchedule::new(3_600 * SECOND, SECOND, 8 * SECOND, now), now)
    }

    #[test]
    fn keys_are_fetched_from_time_to_time_and_soon_after_a_failure() {
        let (mut schedule, start) = schedule();
        assert_eq!(schedule.due(), start + 3_600 * SECOND);
        let mut now = schedule.due();
        for (seconds, is_first) in [(1, true), (2, false), (4, false), (8, false), (8, false)] {
            assert_eq!(schedule.handle_failed(now), is_first);
            assert_eq!(schedule.due(), now + seconds * SECOND);
            now = schedule.due();
        }
        assert!(schedule.handle_fetched(now));
        assert_eq!(schedule.due(), now + 3_600 * SECOND);
        assert!(!schedule.handle_fetched(now));
        assert!(schedule.handle_failed(now), "it is told of again");
    }

    #[test]
    fn unknown_keys_ask_for_one_fetch_and_not_for_one_each() {
        let (mut schedule, start) = schedule();
        let late = start + 60 * SECOND;
        schedule.handle_unknown_key(late);
        assert_eq!(schedule.due(), late, "at once");
        schedule.handle_fetched(late);
        for millis in [1, 500, 9_999] {
            schedule.handle_unknown_key(late + Duration::from_millis(millis));
            assert_eq!(schedule.due(), late + MIN_INTERVAL);
        }
        schedule.handle_failed(late + MIN_INTERVAL);
        schedule.handle_unknown_key(late + MIN_INTERVAL);
        assert_eq!(schedule.due(), late + MIN_INTERVAL + SECOND, "what is due earlier stays so");
    }
}
