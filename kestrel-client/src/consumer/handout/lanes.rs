//! Lanes: what may begin now, when at most so many things are under way and those of one lane come one after the other.
//!
//! A machine: no I/O, no clock. Used by [`Consumer::for_each_concurrent`](crate::consumer::Consumer::for_each_concurrent).

use std::collections::{HashMap, VecDeque};

/// Work that has begun, and work that waits for its lane.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    limit: usize,
    running: usize,
    waiting: usize,
    /// The items that wait behind the one under way, by lane.
    lanes: HashMap<u64, VecDeque<T>>,
}

impl<T> Lanes<T> {
    /// At most `limit` things are under way at once, at least one.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), running: 0, waiting: 0, lanes: HashMap::new() }
    }

    /// Whether something more may come. As much may wait as may be under way: else one busy lane would gather everything.
    pub(crate) const fn has_room(&self) -> bool {
        self.running < self.limit && self.waiting < self.limit
    }

    /// Takes in an item, in a lane or in none. Gives it back if it begins now.
    pub(crate) fn push(&mut self, lane: Option<u64>, item: T) -> Option<T> {
        if let Some(lane) = lane {
            if let Some(behind) = self.lanes.get_mut(&lane) {
                behind.push_back(item);
                self.waiting += 1;
                return None;
            }
            self.lanes.insert(lane, VecDeque::new());
        }
        self.running += 1;
        Some(item)
    }

    /// Ends the item under way in a lane. Gives the one that begins in its place.
    pub(crate) fn finish(&mut self, lane: Option<u64>) -> Option<T> {
        let next = lane.and_then(|lane| self.lanes.get_mut(&lane)).and_then(VecDeque::pop_front);
        if next.is_some() {
            self.waiting -= 1;
            return next;
        }
        if let Some(lane) = lane {
            self.lanes.remove(&lane);
        }
        self.running -= 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_lane_begins_at_once_up_to_the_limit() {
        let mut lanes = Lanes::new(2);
        assert_eq!((lanes.push(None, 'a'), lanes.push(None, 'b')), (Some('a'), Some('b')));
        assert!(!lanes.has_room());
        assert_eq!(lanes.finish(None), None);
        assert!(lanes.has_room());
        assert!(Lanes::<char>::new(0).has_room(), "no limit stops everything");
    }

    #[test]
    fn a_lane_keeps_its_order() {
        let mut lanes = Lanes::new(3);
        assert_eq!(lanes.push(Some(7), 'a'), Some('a'));
        assert_eq!((lanes.push(Some(7), 'b'), lanes.push(Some(7), 'c')), (None, None));
        assert_eq!(lanes.push(Some(8), 'd'), Some('d'), "another lane goes on");
        assert_eq!(lanes.finish(Some(7)), Some('b'));
        assert_eq!(lanes.finish(Some(7)), Some('c'));
        assert_eq!(lanes.finish(Some(7)), None);
        assert_eq!(lanes.push(Some(7), 'e'), Some('e'));
        assert_eq!((lanes.running, lanes.waiting), (2, 0));
    }

    #[test]
    fn a_busy_lane_does_not_gather_everything() {
        let mut lanes = Lanes::new(2);
        assert_eq!(lanes.push(Some(7), 'a'), Some('a'));
        assert_eq!((lanes.push(Some(7), 'b'), lanes.push(Some(7), 'c')), (None, None));
        assert!(!lanes.has_room());
        lanes.finish(Some(7));
        assert!(lanes.has_room());
    }
}
