//! StallDetector: what should move and does not, whatever keeps it. A machine: no I/O, no clock.
//!
//! Owned by the [`Engine`](crate::consumer::engine::Engine), which shows it all partitions now and then. It knows no causes: a partition
//! that the application waits for has to move, or its broker has to say that there is nothing, or it is reported.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::position_id::AssignmentId;
use crate::environment::after;

/// The time without a move before a stall is reported, besides the time for which a broker may hold a fetch.
pub(crate) const STALL_GRACE: Duration = Duration::from_secs(10);
/// The same where a broker holds the client back: longer than a quota looks back (eleven seconds), twice.
const HELD_BACK_GRACE: Duration = Duration::from_secs(30);
/// The interval in which a stall is reported.
pub(crate) const STALL_REPEAT: Duration = Duration::from_secs(5);
/// The interval between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Watches partitions.
#[derive(Debug)]
pub(crate) struct StallDetector {
    grace: Duration,
    next_look: Option<Instant>,
    watches: HashMap<AssignmentId, Watch>,
}

/// A partition as it is at a look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) id: AssignmentId,
    /// An offset that changes when the partition moves; `None` when it is not known at the moment, which is no move.
    pub(crate) offset: Option<i64>,
    pub(crate) standing: Standing,
}

/// Whether a partition should move.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standing {
    /// No: it is paused, or it is the caller's turn, or the caller knows.
    Excused,
    /// No: at this time a broker said that there is nothing more.
    CaughtUp { heard_at: Option<Instant> },
    /// Not before its broker lets the client on, which exceeds a quota.
    HeldBack,
    /// Yes.
    Behind,
}

/// A partition that does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(crate) id: AssignmentId,
    pub(crate) stalled_for: Duration,
    /// Whether it was not reported before.
    pub(crate) is_first: bool,
}

/// The memory of one partition.
#[derive(Debug, Clone, Copy)]
struct Watch {
    offset: Option<i64>,
    /// Since when it has not moved.
    since: Instant,
    reported_at: Option<Instant>,
}

impl Watch {
    const fn new(offset: Option<i64>, since: Instant) -> Self {
        Self { offset, since, reported_at: None }
    }

    fn see(&mut self, sight: &Sight, now: Instant) {
        let has_moved = sight.offset.is_some() && sight.offset != self.offset;
        let offset = sight.offset.or(self.offset);
        match sight.standing {
            Standing::Excused => *self = Self::new(offset, now),
            _ if has_moved => *self = Self::new(offset, now),
            Standing::CaughtUp { heard_at: Some(heard_at) } if heard_at > self.since => {
                *self = Self::new(offset, heard_at);
            }
            Standing::CaughtUp { .. } | Standing::HeldBack | Standing::Behind => {}
        }
    }

    fn is_due(&self, grace: Duration, now: Instant) -> bool {
        let is_again = self.reported_at.is_none_or(|at| now.duration_since(at) >= STALL_REPEAT);
        now.duration_since(self.since) >= grace && is_again
    }
}

impl StallDetector {
    /// Reports what has not moved for `grace`.
    pub(crate) fn new(grace: Duration) -> Self {
        Self { grace, next_look: None, watches: HashMap::new() }
    }

    /// Whether [`Self::look`] is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next_look.is_none_or(|at| at <= now)
    }

    /// When to look again; `None` before the first look.
    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.next_look
    }

    /// Takes in how all partitions are; gives those that do not move. What is not among them any more is forgotten.
    pub(crate) fn look(&mut self, now: Instant, sights: impl IntoIterator<Item = Sight>) -> Vec<Stall> {
        self.next_look = Some(after(now, LOOK));
        let mut seen = HashMap::with_capacity(self.watches.len());
        let mut stalls = Vec::new();
        for sight in sights {
            let known = self.watches.remove(&sight.id);
            let mut watch = known.unwrap_or_else(|| Watch::new(sight.offset, now));
            watch.see(&sight, now);
            let grace = match sight.standing {
                Standing::HeldBack => self.grace.max(HELD_BACK_GRACE),
                _ => self.grace,
            };
            if watch.is_due(grace, now) {
                let is_first = watch.reported_at.replace(now).is_none();
                stalls.push(Stall { id: sight.id, stalled_for: now.duration_since(watch.since), is_first });
            }
            seen.insert(sight.id, watch);
        }
        self.watches = seen;
        stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::testing::Clock;

    /// A detector that reports after ten seconds, and one partition.
    struct Rig {
        clock: Clock,
        detector: StallDetector,
    }

    impl Rig {
        fn new() -> Self {
            Self { clock: Clock::start(), detector: StallDetector::new(STALL_GRACE) }
        }

        /// Shows the partition once a second from `from` on, before `to`; the seconds at which a stall is reported.
        fn show(&mut self, (from, to): (u64, u64), offset: Option<i64>, standing: Standing) -> Vec<u64> {
            let sight = Sight { id: AssignmentId(0), offset, standing };
            let seconds = (from..to).filter(|&second| {
                let stalls = self.detector.look(self.clock.at(second * 1000), [sight]);
                !stalls.is_empty()
            });
            seconds.collect()
        }

        fn caught_up(&self, second: u64) -> Standing {
            Standing::CaughtUp { heard_at: Some(self.clock.at(second * 1000)) }
        }
    }

    #[test]
    fn what_does_not_move_is_reported_again_and_again() {
        let mut rig = Rig::new();
        assert_eq!(rig.show((0, 22), Some(5), Standing::Behind), [10, 15, 20]);
        assert_eq!(rig.show((22, 32), Some(6), Standing::Behind), [] as [u64; 0], "it has moved");
        assert_eq!(rig.show((32, 33), Some(6), Standing::Behind), [32]);
    }

    #[test]
    fn the_first_report_is_told_from_the_others() {
        let mut rig = Rig::new();
        let sight = Sight { id: AssignmentId(7), offset: None, standing: Standing::Behind };
        assert_eq!(rig.detector.look(rig.clock.at(0), [sight]), []);
        for (second, is_first) in [(12, true), (17, false)] {
            let stall = Stall { id: AssignmentId(7), stalled_for: Duration::from_secs(second), is_first };
            assert_eq!(rig.detector.look(rig.clock.at(second * 1000), [sight]), [stall]);
        }
    }

    #[test]
    fn what_a_broker_holds_back_has_longer_and_not_for_ever() {
        let mut rig = Rig::new();
        assert_eq!(rig.show((0, 25), Some(5), Standing::HeldBack), [] as [u64; 0]);
        assert_eq!(rig.show((25, 60), Some(6), Standing::HeldBack), [55]);
    }

    #[test]
    fn to_have_no_position_and_the_same_again_is_no_move() {
        let mut rig = Rig::new();
        let mut reported = Vec::new();
        for second in 0..12 {
            let offset = (second % 2 == 0).then_some(5);
            reported.extend(rig.show((second, second + 1), offset, Standing::Behind));
        }
        assert_eq!(reported, [10]);
    }

    #[test]
    fn whoever_is_not_waited_for_does_not_stall() {
        let mut rig = Rig::new();
        assert_eq!(rig.show((0, 60), Some(5), Standing::Excused), [] as [u64; 0]);
        // The time counts from when it is waited for.
        assert_eq!(rig.show((60, 71), Some(5), Standing::Behind), [69]);
    }

    #[test]
    fn the_end_of_a_log_is_believed_as_long_as_its_broker_speaks() {
        let mut rig = Rig::new();
        for second in 0..60 {
            let standing = rig.caught_up(second);
            assert_eq!(rig.show((second, second + 1), Some(5), standing), [] as [u64; 0]);
        }
        let standing = rig.caught_up(59);
        assert_eq!(rig.show((60, 75), Some(5), standing), [69, 74], "it has fallen silent");
        assert_eq!(rig.show((75, 76), Some(5), Standing::CaughtUp { heard_at: None }), [] as [u64; 0]);
    }

    #[test]
    fn looks_are_a_second_apart_whatever_there_was_to_see() {
        let mut rig = Rig::new();
        assert!(rig.detector.is_due(rig.clock.at(0)) && rig.detector.next_deadline().is_none());
        rig.show((0, 1), None, Standing::Behind);
        assert!(!rig.detector.is_due(rig.clock.at(999)) && rig.detector.is_due(rig.clock.at(1000)));
        assert_eq!(rig.detector.next_deadline(), Some(rig.clock.at(1000)));
        rig.detector.look(rig.clock.at(1000), []);
        assert_eq!(rig.detector.next_deadline(), Some(rig.clock.at(2000)));
    }
}
