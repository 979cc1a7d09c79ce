//! InOrder: results that come in any order and go out in the order in which they were begun. A machine: no task, no clock.
//!
//! Kept by the sender for each broker: several requests may be compressed at the same time, and whichever is done first, none
//! overtakes another.

use std::collections::VecDeque;

/// The turn of one result in an [`InOrder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(u64);

/// Results that wait for their turn.
#[derive(Debug)]
pub(crate) struct InOrder<T> {
    /// Whose turn it is.
    front: u64,
    /// The results from that turn on; `None` for one that is not there yet.
    results: VecDeque<Option<T>>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self { front: 0, results: VecDeque::new() }
    }
}

impl<T> InOrder<T> {
    /// Whether nothing goes out before what begins now.
    pub(crate) fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// The turn behind all others.
    pub(crate) fn begin(&mut self) -> Turn {
        self.results.push_back(None);
        Turn(self.front + self.results.len() as u64 - 1)
    }

    /// The result of `turn` is there.
    pub(crate) fn finish(&mut self, Turn(turn): Turn, result: T) {
        let index = turn.checked_sub(self.front).and_then(|index| usize::try_from(index).ok());
        if let Some(place) = index.and_then(|index| self.results.get_mut(index)) {
            *place = Some(result);
        }
    }

    /// The result whose turn it is, once it is there.
    pub(crate) fn poll(&mut self) -> Option<T> {
        let result = self.results.front_mut()?.take()?;
        self.results.pop_front();
        self.front += 1;
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_is_done_first_they_go_out_as_they_began() {
        let mut builds = InOrder::default();
        let [a, b, c] = [builds.begin(), builds.begin(), builds.begin()];
        builds.finish(b, "b");
        assert_eq!(builds.poll(), None);
        builds.finish(a, "a");
        assert_eq!((builds.poll(), builds.poll(), builds.poll()), (Some("a"), Some("b"), None));
        assert!(!builds.is_empty(), "the third is still being built");
        let d = builds.begin();
        builds.finish(d, "d");
        builds.finish(c, "c");
        assert_eq!((builds.poll(), builds.poll(), builds.poll()), (Some("c"), Some("d"), None));
        assert!(builds.is_empty());
    }
}
