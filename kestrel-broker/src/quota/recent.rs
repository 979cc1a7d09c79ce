//! Recent: values by key, of which those that were not used for longest are forgotten when there are too many. Pure.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// Values by key, bounded.
///
/// In two generations: what is used is in the young one, or moves there. When that has half of all, what is left in the old one is
/// forgotten, and the young one grows old. So no use looks through the others, however many keys somebody invents.
///
/// A key is its hash, by a function that nobody knows outside: client ids are as long as clients like.
#[derive(Debug)]
pub(crate) struct Recent<V> {
    hasher: RandomState,
    half: usize,
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
}

impl<V> Recent<V> {
    /// Nothing yet, and at most so much.
    pub(crate) fn new(most: usize) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { hasher: RandomState::new(), half: most / 2, young, old }
    }

    /// The value of a key, made if there is none.
    pub(crate) fn entry(&mut self, key: &impl Hash, make: impl FnOnce() -> V) -> &mut V {
        let key = self.hasher.hash_one(key);
        let mut known = None;
        if !self.young.contains_key(&key) {
            // First: the old ones may be forgotten next.
            known = self.old.remove(&key);
            if self.young.len() >= self.half {
                self.old = std::mem::take(&mut self.young);
            }
        }
        self.young.entry(key).or_insert_with(|| known.unwrap_or_else(make))
    }

    /// Forgets what `keeps` says no to.
    pub(super) fn retain(&mut self, keeps: impl Fn(&V) -> bool) {
        self.young.retain(|_, value| keeps(value));
        self.old.retain(|_, value| keeps(value));
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_whose_use_forgets_the_old_ones() {
        let mut recent = Recent::new(4);
        for number in 0..4 {
            recent.entry(&number, || number);
        }
        assert_eq!(*recent.entry(&0, || -1), 0);
        assert_eq!(*recent.entry(&1, || -1), -1, "not used, and so forgotten");
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_is_forgotten() {
        let mut recent = Recent::new(100);
        *recent.entry(&"kept", || 0) = 7;
        for number in 0..10_000 {
            recent.entry(&number, || number);
            assert!(recent.len() <= 100);
            if number % 40 == 0 {
                assert_eq!(*recent.entry(&"kept", || 0), 7, "{number}");
            }
        }
        assert_eq!(*recent.entry(&0, || -1), -1, "forgotten long ago");
        recent.retain(|value| *value == 7);
        assert_eq!(recent.len(), 1);
    }
}
