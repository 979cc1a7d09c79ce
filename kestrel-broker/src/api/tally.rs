//! How often a request names each thing: what is named twice is refused, and often answered once. Pure.

use std::collections::HashMap;
use std::hash::Hash;

use kestrel_protocol::ErrorCode;

/// The number of times that each name comes in a request.
#[derive(Debug)]
pub(super) struct Tally<K>(HashMap<K, usize>);

impl<K: Eq + Hash> Tally<K> {
    /// Counts the names.
    pub(super) fn of(names: impl Iterator<Item = K>) -> Self {
        let mut times = HashMap::new();
        names.for_each(|name| *times.entry(name).or_default() += 1);
        Self(times)
    }

    /// Whether a name comes once.
    pub(super) fn is_alone(&self, name: &K) -> bool {
        self.0.get(name) == Some(&1)
    }

    /// Takes a name out, with whether it comes once; `None` when it was taken out before.
    pub(super) fn take(&mut self, name: &K) -> Option<bool> {
        self.0.remove(name).map(|times| times == 1)
    }
}

/// Splits what is asked for into what is named once, in order, and the other names.
pub(super) fn split_repeated<T, K: Eq + Hash>(asked: Vec<T>, name: impl Fn(&T) -> K) -> (Vec<T>, Vec<K>) {
    let mut tally = Tally::of(asked.iter().map(&name));
    let once = asked.into_iter().filter(|asked| tally.is_alone(&name(asked))).collect();
    tally.0.retain(|_, times| *times > 1);
    (once, tally.0.into_keys().collect())
}

/// Splits what is asked for into what its sender may do, in order, and the rest with its errors.
pub(super) fn split_denied<T>(
    asked: Vec<T>,
    check: impl Fn(&T) -> Result<(), ErrorCode>,
) -> (Vec<T>, Vec<(T, ErrorCode)>) {
    let (mut allowed, mut denied) = (Vec::with_capacity(asked.len()), Vec::new());
    for asked in asked {
        match check(&asked) {
            Ok(()) => allowed.push(asked),
            Err(error) => denied.push((asked, error)),
        }
    }
    (allowed, denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_twice_is_told_from_what_is_named_once() {
        let asked = vec![("a", 1), ("b", 2), ("a", 3), ("c", 4)];
        let (once, repeated) = split_repeated(asked, |(name, _)| *name);
        assert_eq!((once, repeated), (vec![("b", 2), ("c", 4)], vec!["a"]));
        let mut tally = Tally::of(["a", "b", "a"].into_iter());
        assert_eq!(["a", "b", "c"].map(|name| tally.is_alone(&name)), [false, true, false]);
        assert_eq!(["a", "b", "a"].map(|name| tally.take(&name)), [Some(false), Some(true), None]);
    }
}
