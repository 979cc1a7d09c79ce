//! The four offsets of a partition and the one rule by which they advance. Pure; published by the partition.

use crate::log::{Durability, LogPosition};

/// The isolation level of a reader: how far it may see (KIP-98).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// Everything below the last stable offset.
    ReadCommitted,
}

impl Isolation {
    /// The level that a request names: 1 is `read_committed`, anything else is not.
    pub(crate) const fn from_wire(level: i8) -> Self {
        if level == 1 { Self::ReadCommitted } else { Self::ReadUncommitted }
    }
}

/// How far a partition's log reaches, and how far it may be read. None of them ever goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watermarks {
    /// The first offset that can be read.
    pub(crate) log_start: i64,
    /// The last stable offset: below it no transaction is open.
    pub(crate) stable: i64,
    /// The high watermark: below it everything is stored as the durability asks for. Acks wait for it.
    pub(crate) high: i64,
    /// The offset that the next record gets.
    pub(crate) end: i64,
}

impl Watermarks {
    /// The watermarks of a log that was just opened.
    pub(super) fn new(position: LogPosition, durability: Durability) -> Self {
        let start = position.log_start;
        let mut watermarks = Self { log_start: start, stable: start, high: start, end: start };
        watermarks.advance(position, durability);
        watermarks
    }

    /// Takes the log's new position over; whether anything moved.
    ///
    /// **This is what "stored" means**: with [`Durability::Group`] the high watermark is where the flushed part of the log
    /// ends, otherwise where the log ends. Replication will add the slowest replica in sync to the same line.
    pub(super) fn advance(&mut self, position: LogPosition, durability: Durability) -> bool {
        let before = *self;
        let stored_end = match durability {
            Durability::Group => position.flushed_end,
            Durability::Os | Durability::Interval => position.end,
        };
        self.log_start = self.log_start.max(position.log_start);
        self.end = self.end.max(position.end);
        self.high = self.high.max(stored_end.min(self.end)).max(self.log_start);
        // Up to the stored end of this position, not of a later one that another thread was faster with: that one has the open
        // transactions of its own.
        let unstable = match durability {
            Durability::Group => position.first_unstable.into_iter().chain(position.first_unflushed).min(),
            Durability::Os | Durability::Interval => position.first_unstable,
        };
        let stable = unstable.map_or(stored_end, |unstable| unstable.min(stored_end));
        // What was deleted is stable, whatever it was.
        self.stable = self.stable.max(stable).max(self.log_start);
        *self != before
    }

    /// The offset that a reader of this isolation may not reach.
    pub(crate) const fn readable_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadUncommitted => self.high,
            Isolation::ReadCommitted => self.stable,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position(end: i64, flushed_end: i64, first_unstable: Option<i64>) -> LogPosition {
        LogPosition { log_start: 0, end, flushed_end, first_unstable, first_unflushed: None }
    }

    #[test]
    fn with_group_durability_the_flush_decides() {
        let mut marks = Watermarks::new(position(5, 5, None), Durability::Group);
        assert!(marks.advance(position(9, 5, None), Durability::Group));
        assert_eq!(marks, Watermarks { log_start: 0, stable: 5, high: 5, end: 9 });
        assert!(marks.advance(position(9, 9, None), Durability::Group));
        assert_eq!((marks.high, marks.stable), (9, 9));
        assert!(!marks.advance(position(9, 9, None), Durability::Group));
    }

    #[test]
    fn otherwise_the_append_decides() {
        for durability in [Durability::Os, Durability::Interval] {
            let mut marks = Watermarks::new(position(0, 0, None), durability);
            marks.advance(position(4, 0, None), durability);
            assert_eq!((marks.high, marks.end), (4, 4));
        }
    }

    #[test]
    fn an_open_transaction_holds_the_last_stable_offset() {
        let mut marks = Watermarks::new(position(3, 3, None), Durability::Os);
        marks.advance(position(8, 8, Some(5)), Durability::Os);
        assert_eq!(marks.readable_end(Isolation::ReadCommitted), 5);
        assert_eq!(marks.readable_end(Isolation::ReadUncommitted), 8);
        marks.advance(position(9, 9, None), Durability::Os);
        assert_eq!(marks.readable_end(Isolation::ReadCommitted), 9);
    }

    #[test]
    fn a_transaction_is_stable_once_its_marker_is_stored() {
        let mut marks = Watermarks::new(position(3, 3, None), Durability::Group);
        let ended = LogPosition { first_unflushed: Some(4), ..position(8, 6, None) };
        marks.advance(ended, Durability::Group);
        assert_eq!((marks.stable, marks.high), (4, 6));
        marks.advance(position(8, 8, None), Durability::Group);
        assert_eq!((marks.stable, marks.high), (8, 8));
    }

    #[test]
    fn a_position_that_comes_late_does_not_pass_an_open_transaction() {
        let mut marks = Watermarks::new(position(3, 3, None), Durability::Os);
        let late = position(5, 5, None);
        marks.advance(position(8, 8, Some(5)), Durability::Os);
        marks.advance(late, Durability::Os);
        assert_eq!((marks.stable, marks.high), (5, 8));
    }

    #[test]
    fn a_deleted_beginning_moves_the_start() {
        let mut marks = Watermarks::new(position(3, 3, None), Durability::Group);
        marks.advance(LogPosition { log_start: 3, ..position(3, 3, None) }, Durability::Group);
        assert_eq!((marks.log_start, marks.high), (3, 3));
    }

    proptest! {
        #[test]
        fn no_watermark_goes_back_or_past_the_next(
            steps in proptest::collection::vec((0..50i64, 0..50i64, 0..50i64, proptest::option::of(0..50i64)), 1..20),
            group in any::<bool>(),
        ) {
            let durability = if group { Durability::Group } else { Durability::Os };
            let mut marks = Watermarks::new(position(0, 0, None), durability);
            let (mut end, mut flushed, mut start) = (0, 0, 0);
            for (grow, flush, delete, unstable) in steps {
                end += grow;
                flushed = (flushed + flush).min(end);
                start = (start + delete).min(marks.high);
                let first_unstable = unstable.map(|delta| (marks.stable + delta).min(end));
                let before = marks;
                marks.advance(LogPosition { log_start: start, end, flushed_end: flushed, first_unstable, first_unflushed: None }, durability);
                prop_assert!(marks.log_start >= before.log_start && marks.stable >= before.stable);
                prop_assert!(marks.high >= before.high && marks.end >= before.end);
                prop_assert!(marks.stable <= marks.high && marks.high <= marks.end && marks.log_start <= marks.high);
            }
        }
    }
}
