//! When a snapshot is due: after so many bytes of records, or so long after the one before. Session machine of the driver.

use std::time::{Duration, Instant};

use crate::config::MetadataLogSettings;

/// How long to wait after a snapshot that could not be written.
const RETRY: Duration = Duration::from_secs(60);

/// The time and the bytes since the last snapshot.
#[derive(Debug)]
pub(in crate::cluster) struct SnapshotSchedule {
    max_bytes: u64,
    max_interval: Option<Duration>,
    bytes: u64,
    since: Instant,
    not_before: Option<Instant>,
}

impl SnapshotSchedule {
    /// At the start, when the log has `bytes` of records that are in no snapshot.
    pub(in crate::cluster) const fn new(settings: &MetadataLogSettings, bytes: u64, now: Instant) -> Self {
        let (max_bytes, max_interval) = (settings.snapshot_bytes, settings.snapshot_interval);
        Self { max_bytes, max_interval, bytes, since: now, not_before: None }
    }

    /// Records were appended and are stored.
    pub(in crate::cluster) const fn handle_stored(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// A snapshot of everything that is stored was written.
    pub(in crate::cluster) const fn handle_written(&mut self, now: Instant) {
        (self.bytes, self.since, self.not_before) = (0, now, None);
    }

    /// A snapshot could not be written.
    pub(in crate::cluster) fn handle_failure(&mut self, now: Instant) {
        self.not_before = now.checked_add(RETRY);
    }

    /// From when on a snapshot is to be written; `None` as long as nothing more happens.
    pub(in crate::cluster) fn next_deadline(&self) -> Option<Instant> {
        let due = if self.bytes >= self.max_bytes {
            Some(self.since)
        } else if self.bytes > 0 {
            // What does not fit into a clock is never.
            self.max_interval.and_then(|interval| self.since.checked_add(interval))
        } else {
            None
        };
        due.map(|due| self.not_before.map_or(due, |not_before| due.max(not_before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, RawSettings};

    const HOUR: Duration = Duration::from_secs(3600);

    fn schedule(bytes: u64) -> (SnapshotSchedule, Instant) {
        #[expect(clippy::disallowed_methods, reason = "any moment will do as the first")]
        let start = Instant::now();
        let defaults = BrokerConfig::new(&RawSettings::default()).unwrap().metadata_log;
        assert_eq!(defaults.snapshot_interval, Some(HOUR));
        (SnapshotSchedule::new(&MetadataLogSettings { snapshot_bytes: 100, ..defaults }, bytes, start), start)
    }

    fn is_due(schedule: &SnapshotSchedule, now: Instant) -> bool {
        schedule.next_deadline().is_some_and(|deadline| deadline <= now)
    }

    #[test]
    fn enough_bytes_are_due_at_once_and_few_after_the_interval() {
        let (mut schedule, start) = schedule(0);
        assert_eq!(schedule.next_deadline(), None);
        schedule.handle_stored(1);
        assert_eq!(schedule.next_deadline(), Some(start + HOUR));
        schedule.handle_stored(98);
        assert!(!is_due(&schedule, start));
        schedule.handle_stored(1);
        assert!(is_due(&schedule, start));
        schedule.handle_written(start + HOUR);
        assert_eq!(schedule.next_deadline(), None);
        schedule.handle_stored(1);
        assert_eq!(schedule.next_deadline(), Some(start + 2 * HOUR));
    }

    #[test]
    fn a_failure_is_not_tried_again_at_once() {
        let (mut schedule, start) = schedule(1000);
        assert!(is_due(&schedule, start));
        schedule.handle_failure(start);
        assert!(!is_due(&schedule, start) && is_due(&schedule, start + RETRY));
    }

    #[test]
    fn without_an_interval_and_for_ever_is_never() {
        let (mut schedule, start) = schedule(1);
        schedule.max_interval = None;
        assert_eq!(schedule.next_deadline(), None);
        schedule.max_interval = Some(Duration::MAX);
        assert_eq!(schedule.next_deadline(), None);
        schedule.handle_stored(u64::MAX);
        assert!(is_due(&schedule, start));
    }
}
