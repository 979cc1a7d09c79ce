//! The verdict: whether what a stage has written is each record once, in order per key. Pure.

use std::collections::{BTreeMap, HashSet};

/// How many keys the records have.
pub(crate) const KEYS: usize = 20;

/// The name of a key.
pub(crate) fn key(number: usize) -> String {
    format!("key-{number}")
}

/// The value of the key's record of this number after so many stages.
pub(crate) fn value(number: usize, stages: usize) -> String {
    (1..=stages).fold(number.to_string(), |value, stage| transformed(&value, stage))
}

/// What a stage makes of a value.
pub(crate) fn transformed(value: &str, stage: usize) -> String {
    format!("{value}>{stage}")
}

/// Whether these are `records` records after `stages` stages, each once and in order per key.
///
/// # Errors
/// The first key that has anything else, and what.
pub(crate) fn judge(read: &[(String, String)], stages: usize, records: usize) -> Result<(), String> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in read {
        by_key.entry(key).or_default().push(value);
    }
    for number in 0..KEYS.min(records) {
        let key = key(number);
        let values = by_key.remove(key.as_str()).unwrap_or_default();
        let expected: Vec<_> = (number..records).step_by(KEYS).map(|at| value(at / KEYS, stages)).collect();
        let differs = values.iter().zip(&expected).position(|(value, expected)| value != expected);
        if let Some(at) = differs {
            return Err(format!("{key}: number {at} is {}, and should be {}", values[at], expected[at]));
        }
        if values.len() != expected.len() {
            return Err(format!(
                "{key}: there are {} records, and should be {}",
                values.len(),
                expected.len()
            ));
        }
    }
    by_key.keys().next().map_or(Ok(()), |strange| Err(format!("nobody has written the key {strange}")))
}

/// Whether all records of a topic are committed ones, and repetitions of those.
///
/// # Errors
/// A record that is neither.
pub(crate) fn judge_uncommitted(
    all: &[(String, String)],
    committed: &[(String, String)],
) -> Result<(), String> {
    let known: HashSet<_> = committed.iter().collect();
    match all.iter().find(|record| !known.contains(record)) {
        Some((key, value)) => Err(format!("{key}: {value} was written, and never committed by anybody")),
        None if all.len() < committed.len() => Err("there are fewer records than committed ones".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: usize) -> Vec<(String, String)> {
        (0..count).map(|number| (key(number % KEYS), value(number / KEYS, 3))).collect()
    }

    #[test]
    fn a_lost_a_doubled_and_a_late_record_are_found() {
        let good = records(100);
        judge(&good, 3, 100).unwrap();
        assert!(judge(&good[..99], 3, 100).unwrap_err().contains("there are 4 records, and should be 5"));
        assert!(judge(&[&good[..], &good[99..]].concat(), 3, 100).is_err());
        let mut late = good.clone();
        late.swap(0, KEYS);
        assert_eq!(judge(&late, 3, 100).unwrap_err(), "key-0: number 0 is 1>1>2>3, and should be 0>1>2>3");
        assert!(judge(&good, 2, 100).is_err());
        let strange = [&good[..], &[("key-99".to_owned(), value(0, 3))]].concat();
        assert!(judge(&strange, 3, 100).unwrap_err().contains("key-99"));
    }

    #[test]
    fn what_was_aborted_has_to_come_again() {
        let good = records(100);
        judge_uncommitted(&[&good[..], &good[..10]].concat(), &good).unwrap();
        assert!(judge_uncommitted(&good, &good[..99]).is_err());
        assert!(judge_uncommitted(&good[..99], &good).is_err());
    }
}
