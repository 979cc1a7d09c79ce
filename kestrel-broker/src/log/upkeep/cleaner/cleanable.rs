//! Which part of a log may be compacted, and whether that is worth it. Pure; the rules are Apache Kafka's.
//!
//! ```text
//!   |--- clean ---|------- cleanable -------|--- not yet ---|
//!   log start     first dirty offset        first uncleanable offset: the active segment, the last stable offset,
//!                                           or a segment that is too young
//! ```

use std::time::Duration;

use kestrel_protocol::Timestamp;

use crate::log::config::Compaction;

/// The facts about a log; segments are whole, the last one is active.
#[derive(Debug, Clone, Default)]
pub(super) struct LogFacts {
    pub(super) segments: Vec<SegmentFacts>,
    pub(super) log_start_offset: i64,
    pub(super) log_end_offset: i64,
    /// Nothing at or above it may be touched.
    pub(super) last_stable_offset: i64,
    /// Up to where the log was cleaned, by the checkpoint.
    pub(super) last_clean_offset: Option<i64>,
}

/// The facts about a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentFacts {
    pub(super) base_offset: i64,
    pub(super) size_bytes: u64,
    /// When its newest record was made; needed only with a least lag.
    pub(super) newest: Option<Timestamp>,
    /// The timestamp of its first batch; needed only with a greatest lag.
    pub(super) first: Option<Timestamp>,
}

/// The part of a log that can be cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cleanable {
    /// Everything below was cleaned before.
    pub(super) first_dirty_offset: i64,
    /// Where the first segment begins that must not be touched.
    pub(super) first_uncleanable_offset: i64,
    /// The size of the segments that begin below the first dirty offset.
    pub(super) clean_bytes: u64,
    /// The size of the segments from there to the first uncleanable offset.
    pub(super) cleanable_bytes: u64,
    /// Whether something of it is older than the greatest lag.
    pub(super) is_overdue: bool,
    /// Whether the checkpoint named an offset that the log does not have.
    pub(super) is_checkpoint_wrong: bool,
}

impl Cleanable {
    /// The part that can be cleaned of a log with these facts at `now`.
    pub(super) fn of(facts: &LogFacts, rules: &Compaction, now: Timestamp) -> Self {
        let in_log = facts.log_start_offset..=facts.log_end_offset;
        let known = facts.last_clean_offset.filter(|offset| in_log.contains(offset));
        let first_dirty_offset = known.unwrap_or(facts.log_start_offset);
        let limit = facts.first_uncleanable(first_dirty_offset, rules, now).max(first_dirty_offset);
        let first_uncleanable_offset = facts.segment_with(limit).map_or(limit, |segment| segment.base_offset);
        let bytes = |segments: &[SegmentFacts]| segments.iter().map(|segment| segment.size_bytes).sum();
        let dirty = facts.between(first_dirty_offset, first_uncleanable_offset);
        let clean = facts.segments.partition_point(|segment| segment.base_offset < first_dirty_offset);
        Self {
            first_dirty_offset,
            first_uncleanable_offset,
            clean_bytes: bytes(facts.segments.get(..clean).unwrap_or_default()),
            cleanable_bytes: bytes(dirty),
            is_overdue: facts.is_overdue(first_dirty_offset, rules.max_lag, now),
            is_checkpoint_wrong: facts.last_clean_offset.is_some() && known.is_none(),
        }
    }

    /// Which part of what could be looked at is dirty.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(super) fn dirty_ratio(&self) -> f64 {
        match self.clean_bytes + self.cleanable_bytes {
            0 => 0.0,
            total => self.cleanable_bytes as f64 / total as f64,
        }
    }

    /// Whether to do it.
    pub(super) fn is_worth_it(&self, rules: &Compaction) -> bool {
        self.cleanable_bytes > 0 && (self.is_overdue || self.dirty_ratio() > rules.min_dirty_ratio)
    }
}

impl LogFacts {
    /// The first offset that must not be cleaned.
    fn first_uncleanable(&self, first_dirty_offset: i64, rules: &Compaction, now: Timestamp) -> i64 {
        let active = self.segments.last().map_or(self.log_start_offset, |active| active.base_offset);
        let too_young = |segment: &&SegmentFacts| {
            !rules.min_lag.is_zero()
                && segment.newest.is_some_and(|newest| newest > now.saturating_sub(rules.min_lag))
        };
        let young = self.finished_from(first_dirty_offset).iter().find(too_young);
        let young = young.map_or(i64::MAX, |segment| segment.base_offset);
        self.last_stable_offset.min(active).min(young)
    }

    fn is_overdue(&self, first_dirty_offset: i64, max_lag: Option<Duration>, now: Timestamp) -> bool {
        let Some(max_lag) = max_lag else { return false };
        self.finished_from(first_dirty_offset)
            .iter()
            .filter_map(|segment| segment.first.filter(|first| first.as_millis() > 0))
            .any(|first| first < now.saturating_sub(max_lag))
    }

    /// The segments but the active one, from the one that has `offset` on.
    fn finished_from(&self, offset: i64) -> &[SegmentFacts] {
        let finished = self.segments.split_last().map_or(&[][..], |(_, finished)| finished);
        // Beyond their end there are none, unless it is the active one's beginning.
        match self.segments.last() {
            Some(active) if offset < active.base_offset => from(finished, offset),
            _ => &[],
        }
    }

    /// The segments from the one that has `start` to before `end`.
    fn between(&self, start: i64, end: i64) -> &[SegmentFacts] {
        if start >= end {
            return &[];
        }
        let count = self.segments.partition_point(|segment| segment.base_offset < end);
        from(self.segments.get(..count).unwrap_or_default(), start)
    }

    fn segment_with(&self, offset: i64) -> Option<&SegmentFacts> {
        let index = self.segments.partition_point(|segment| segment.base_offset <= offset);
        self.segments.get(index.saturating_sub(1))
    }
}

/// The segments from the one that has `offset` on; all when it lies before them.
fn from(segments: &[SegmentFacts], offset: i64) -> &[SegmentFacts] {
    let index = segments.partition_point(|segment| segment.base_offset <= offset);
    segments.get(index.saturating_sub(1)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of 10 offsets and 100 bytes, made at 0, 10, 20 and so on; the last one is active.
    fn facts(count: i64) -> LogFacts {
        let segments = (0..count).map(|index| SegmentFacts {
            base_offset: 10 * index,
            size_bytes: 100,
            newest: Some(Timestamp::from_millis(10 * index + 9)),
            first: Some(Timestamp::from_millis(10 * index + 1)),
        });
        LogFacts {
            segments: segments.collect(),
            log_start_offset: 0,
            log_end_offset: 10 * count,
            last_stable_offset: 10 * count,
            last_clean_offset: None,
        }
    }

    /// First dirty, first uncleanable, clean bytes, cleanable bytes.
    fn parts(facts: &LogFacts, rules: &Compaction, now: i64) -> (i64, i64, u64, u64) {
        let cleanable = Cleanable::of(facts, rules, Timestamp::from_millis(now));
        (
            cleanable.first_dirty_offset,
            cleanable.first_uncleanable_offset,
            cleanable.clean_bytes,
            cleanable.cleanable_bytes,
        )
    }

    #[test]
    fn everything_below_the_active_segment_is_dirty_at_first() {
        assert_eq!(parts(&facts(4), &Compaction::default(), 1000), (0, 30, 0, 300));
        assert_eq!(parts(&facts(1), &Compaction::default(), 1000), (0, 0, 0, 0));
    }

    #[test]
    fn the_checkpoint_tells_what_is_clean() {
        let clean_to = |offset| LogFacts { last_clean_offset: Some(offset), ..facts(4) };
        assert_eq!(parts(&clean_to(20), &Compaction::default(), 1000), (20, 30, 200, 100));
        assert_eq!(parts(&clean_to(30), &Compaction::default(), 1000), (30, 30, 300, 0));
        // In the middle of a segment, after a cleaning whose map was full: the segment counts on both sides.
        assert_eq!(parts(&clean_to(15), &Compaction::default(), 1000), (15, 30, 200, 200));
        assert_eq!(parts(&clean_to(35), &Compaction::default(), 1000), (35, 30, 400, 0));
    }

    #[test]
    fn a_checkpoint_outside_of_the_log_counts_for_nothing() {
        for offset in [41, 4] {
            let facts = LogFacts { last_clean_offset: Some(offset), log_start_offset: 5, ..facts(4) };
            let cleanable = Cleanable::of(&facts, &Compaction::default(), Timestamp::from_millis(1000));
            assert!(cleanable.is_checkpoint_wrong);
            assert_eq!((cleanable.first_dirty_offset, cleanable.cleanable_bytes), (5, 300));
        }
        assert!(
            !Cleanable::of(&facts(4), &Compaction::default(), Timestamp::from_millis(0)).is_checkpoint_wrong
        );
    }

    #[test]
    fn a_segment_with_unstable_records_is_not_touched() {
        let stable_to = |offset| LogFacts { last_stable_offset: offset, ..facts(4) };
        assert_eq!(parts(&stable_to(19), &Compaction::default(), 1000), (0, 10, 0, 100));
        assert_eq!(parts(&stable_to(20), &Compaction::default(), 1000), (0, 20, 0, 200));
        assert_eq!(parts(&stable_to(0), &Compaction::default(), 1000), (0, 0, 0, 0));
    }

    #[test]
    fn young_segments_wait() {
        let rules = Compaction { min_lag: Duration::from_millis(100), ..Compaction::default() };
        assert_eq!(parts(&facts(4), &rules, 109), (0, 10, 0, 100));
        assert_eq!(parts(&facts(4), &rules, 108), (0, 0, 0, 0));
        assert_eq!(parts(&facts(4), &rules, 500), (0, 30, 0, 300));
    }

    #[test]
    fn it_is_worth_it_when_more_than_the_ratio_is_dirty() {
        let rules = Compaction::default();
        let clean_to = |offset| {
            let facts = LogFacts { last_clean_offset: Some(offset), ..facts(5) };
            Cleanable::of(&facts, &rules, Timestamp::from_millis(1000))
        };
        assert!(clean_to(10).is_worth_it(&rules));
        assert!(!clean_to(20).is_worth_it(&rules), "half is not more than half");
        assert!(!clean_to(40).is_worth_it(&Compaction { min_dirty_ratio: 0.0, ..rules }));
    }

    #[test]
    fn old_records_do_not_wait_for_the_ratio() {
        let rules = Compaction {
            min_dirty_ratio: 1.0,
            max_lag: Some(Duration::from_millis(100)),
            ..Compaction::default()
        };
        let at = |now, clean| {
            let facts = LogFacts { last_clean_offset: Some(clean), ..facts(4) };
            Cleanable::of(&facts, &rules, Timestamp::from_millis(now)).is_worth_it(&rules)
        };
        assert!(!at(101, 0), "as old as allowed is not too old");
        assert!(at(102, 0));
        assert!(!at(102, 10), "the first segment is clean");
        assert!(at(112, 10));
        assert!(!at(1_000_000, 30), "the active one is nothing to clean");
    }
}
