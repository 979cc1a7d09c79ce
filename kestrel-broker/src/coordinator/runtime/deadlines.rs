//! Timers of a machine: what is due when, by key. Pure; the machine's shell asks for the next one and sleeps.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// Deadlines by key; a key has at most one.
#[derive(Debug)]
pub(in crate::coordinator) struct Deadlines<K> {
    by_key: HashMap<K, Instant>,
    in_order: BTreeSet<(Instant, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), in_order: BTreeSet::new() }
    }
}

impl<K: Clone + Eq + Hash + Ord> Deadlines<K> {
    /// Sets the deadline of a key, in place of the one that it had.
    pub(in crate::coordinator) fn schedule(&mut self, key: K, at: Instant) {
        if let Some(before) = self.by_key.insert(key.clone(), at) {
            self.in_order.remove(&(before, key.clone()));
        }
        self.in_order.insert((at, key));
    }

    /// Forgets the deadline of a key, if it has one.
    pub(in crate::coordinator) fn cancel(&mut self, key: &K) {
        if let Some((key, at)) = self.by_key.remove_entry(key) {
            self.in_order.remove(&(at, key));
        }
    }

    /// The earliest deadline.
    pub(in crate::coordinator) fn next(&self) -> Option<Instant> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// Takes the earliest key whose time has come.
    pub(in crate::coordinator) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, _) = self.in_order.first()?;
        if *at > now {
            return None;
        }
        let (_, key) = self.in_order.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn keys_come_in_order_and_only_when_due() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        for (key, seconds) in [("a", 3), ("b", 1), ("c", 2), ("b", 4)] {
            deadlines.schedule(key, after(seconds));
        }
        deadlines.cancel(&"c");
        deadlines.cancel(&"never there");
        assert_eq!(deadlines.next(), Some(after(3)));
        assert_eq!(deadlines.pop_due(after(2)), None);
        assert_eq!(deadlines.pop_due(after(9)), Some("a"));
        assert_eq!(deadlines.pop_due(after(9)), Some("b"));
        assert_eq!((deadlines.pop_due(after(9)), deadlines.next()), (None, None));
    }
}
