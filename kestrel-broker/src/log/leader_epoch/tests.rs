//! The leader epoch cache against a plain list, and its file.

use proptest::prelude::*;

use super::*;

fn cache(entries: &[(i32, i64)]) -> LeaderEpochCache {
    let mut cache = LeaderEpochCache::default();
    for &(epoch, start_offset) in entries {
        assert!(cache.assign(LeaderEpoch(epoch), start_offset));
    }
    cache
}

fn end(epoch: i32, end_offset: i64) -> EpochEnd {
    EpochEnd { epoch: LeaderEpoch(epoch), end_offset }
}

#[test]
fn an_epoch_ends_where_the_next_begins() {
    let cache = cache(&[(2, 10), (5, 20), (7, 30)]);
    let ask = |epoch| cache.end_offset_for(LeaderEpoch(epoch), 45);
    assert_eq!(ask(7), end(7, 45), "the newest ends with the log");
    assert_eq!(ask(5), end(5, 30));
    assert_eq!(ask(6), end(5, 30), "one that appended nothing: the largest below it");
    assert_eq!(ask(1), end(1, 10), "older than all that is left");
    assert_eq!(ask(8), EpochEnd::UNKNOWN, "from the future");
    assert_eq!(ask(-1), EpochEnd::UNKNOWN);
    assert_eq!(ask(-5).epoch, LeaderEpoch(-5), "before all of ours, as in Apache Kafka");
    assert_eq!(LeaderEpochCache::default().end_offset_for(LeaderEpoch(0), 0), EpochEnd::UNKNOWN);
}

#[test]
fn an_epoch_is_assigned_once_and_never_goes_back() {
    let mut cache = cache(&[(2, 10)]);
    assert!(!cache.assign(LeaderEpoch(2), 15));
    assert!(!cache.assign(LeaderEpoch(1), 15));
    assert!(!cache.assign(LeaderEpoch::NONE, 15));
    assert!(cache.assign(LeaderEpoch(3), 10), "epoch 2 appended nothing");
    assert_eq!(cache.end_offset_for(LeaderEpoch(2), 12), end(2, 10));
    assert_eq!(cache.latest(), Some(LeaderEpoch(3)));
}

#[test]
fn the_cache_shrinks_with_the_log() {
    let mut cache = cache(&[(0, 0), (1, 10), (2, 20)]);
    assert!(!cache.truncate_from_end(21));
    assert!(cache.truncate_from_end(20));
    assert_eq!(cache.latest(), Some(LeaderEpoch(1)));
    assert!(cache.truncate_from_start(15));
    assert!(!cache.truncate_from_start(15));
    assert_eq!(cache.epoch_at(14), None);
    assert_eq!(cache.epoch_at(15), Some(LeaderEpoch(1)));
}

#[test]
fn the_file_is_apache_kafkas() {
    let dir = tempfile::tempdir().unwrap();
    let path = checkpoint_path(dir.path());
    assert_eq!(LeaderEpochCache::read(&path).unwrap(), None);
    let cache = cache(&[(0, 0), (3, 17)]);
    cache.write(&path, FileSync::No).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "0\n2\n0 0\n3 17\n");
    assert_eq!(LeaderEpochCache::read(&path).unwrap(), Some(cache));
    for damaged in ["0\n1\n0 0\n3 17\n", "0\n2\n3 17\n0 0\n", "0\n1\nx 0\n", "\u{0}"] {
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(LeaderEpochCache::read(&path).unwrap(), None, "{damaged:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What the cache says of each offset is what a plain list of offsets would.
    #[test]
    fn the_cache_equals_a_list(steps in prop::collection::vec((1i32..3, 1i64..5), 1..10), cut in 0i64..50, start in 0i64..50) {
        let (mut cache, mut list, mut epoch) = (LeaderEpochCache::default(), Vec::new(), -1);
        for (skip, count) in steps {
            epoch += skip;
            cache.assign(LeaderEpoch(epoch), i64::try_from(list.len()).unwrap());
            list.extend(std::iter::repeat_n(epoch, usize::try_from(count).unwrap()));
        }
        cache.truncate_from_end(cut);
        list.truncate(usize::try_from(cut).unwrap());
        let log_end = i64::try_from(list.len()).unwrap();
        let start = start.min(log_end);
        cache.truncate_from_start(start);
        for offset in start..log_end {
            prop_assert_eq!(cache.epoch_at(offset), Some(LeaderEpoch(list[usize::try_from(offset).unwrap()])));
        }
        for asked in 0..=epoch {
            let answer = cache.end_offset_for(LeaderEpoch(asked), log_end);
            if answer != EpochEnd::UNKNOWN {
                let after = list.iter().skip(usize::try_from(start).unwrap()).take_while(|&&e| e <= asked).count();
                prop_assert_eq!(answer.end_offset, start + i64::try_from(after).unwrap());
            }
        }
    }
}
