//! Kept: handles of series that are told of with every batch, request or fetch. Looking them up by name and labels costs more than
//! telling; keeping them for good would tell nobody once an exporter has dropped a series that was idle. So each is kept for a second.
//!
//! What is kept together is told together: a handle that was looked up and not used might be of a series that is dropped meanwhile.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// For how long handles are used after they were looked up. An exporter that drops what was idle for longer than this loses nothing.
pub(super) const KEPT: Duration = Duration::from_secs(1);

/// How many handles of a kind are kept at most; whoever has more topics looks up more often.
const LIMIT: usize = 10_000;

/// Handles `S` by what their labels are made of.
#[derive(Debug)]
pub(super) struct Kept<Q: ToOwned + ?Sized, S>(HashMap<Q::Owned, (Instant, S)>);

impl<Q: ToOwned + ?Sized, S> Default for Kept<Q, S> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Q: ToOwned<Owned: Hash + Eq> + Hash + Eq + ?Sized, S> Kept<Q, S> {
    /// Calls `tell` with the handles of `key`, which `look_up` finds where none are kept.
    pub(super) fn tell(&mut self, key: &Q, now: Instant, look_up: impl FnOnce() -> S, tell: impl FnOnce(&S)) {
        if let Some((since, series)) = self.0.get(key)
            && now.saturating_duration_since(*since) < KEPT
        {
            return tell(series);
        }
        let series = look_up();
        tell(&series);
        if self.0.len() >= LIMIT {
            self.0.clear();
        }
        self.0.insert(key.to_owned(), (now, series));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_keys_some_are_looked_up_again() {
        let (mut kept, now) = (Kept::<u32, u32>::default(), crate::environment::now());
        let keys = 0..u32::try_from(LIMIT).unwrap() + 1;
        for key in keys.clone() {
            kept.tell(&key, now, || key, |series| assert_eq!(*series, key));
        }
        assert!(kept.0.len() <= LIMIT);
        let mut looked_up = 0;
        for key in keys.rev().take(2) {
            kept.tell(&key, now, || (key, looked_up += 1).0, |series| assert_eq!(*series, key));
        }
        assert_eq!(looked_up, 1, "the last one is kept, the one before it made way");
    }
}
