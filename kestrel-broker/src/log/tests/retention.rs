//! Which segments retention deletes, on a hand-held clock, against a model, and with crashes in between.

use std::fs;
use std::time::Duration;

use kestrel_protocol::record::{Compression, ProducerStamp};
use kestrel_protocol::{LeaderEpoch, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::log::*;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A record of this time.
fn at(timestamp: i64) -> kestrel_protocol::record::RecordBatch {
    batch(&[(timestamp, "value")], Compression::None, ProducerStamp::NONE)
}

fn batch_bytes() -> u32 {
    u32::try_from(at(0).bytes().len()).unwrap()
}

/// Segments of two records each.
fn config(time_ms: Option<u64>, bytes: Option<u64>) -> LogConfig {
    LogConfig {
        segment_bytes: 2 * batch_bytes(),
        retention: Retention { time: time_ms.map(Duration::from_millis), bytes },
        ..LogConfig::default()
    }
}

fn filled(config: LogConfig, timestamps: &[i64]) -> (Folder, OpenFolder) {
    let folder = Folder::new(config);
    let open = folder.open();
    for &timestamp in timestamps {
        append(&open.log, &at(timestamp)).unwrap();
    }
    open.log.note_high_watermark(open.log.log_end_offset());
    (folder, open)
}

fn logs(folder: &Folder) -> Vec<i64> {
    folder.files(".log").iter().map(|name| name[..20].parse().unwrap()).collect()
}

fn fetch(log: &Log, fetch_offset: i64) -> Result<bytes::Bytes, LogError> {
    let named = log.read(ReadRequest {
        fetch_offset,
        max_bytes: 1 << 20,
        up_to_offset: i64::MAX,
        first_batch: FirstBatch::Always,
        file_run_min_bytes: 0,
    });
    // What was named can be read, whatever became of its segment.
    Ok(named?.into_bytes().unwrap())
}

#[test]
fn a_segment_goes_when_its_newest_record_is_too_old() {
    let (folder, open) = filled(config(Some(10), None), &[0, 5, 3, 1, 9, 20]);
    let check = |now| open.log.delete_old_segments(Timestamp::from_millis(now)).unwrap();
    assert_eq!((check(15), open.log.log_start_offset()), (0, 0), "as old as allowed is not too old");
    assert_eq!((check(16), open.log.log_start_offset()), (2, 4), "the second one's are older still");
    assert_eq!((check(30), open.log.log_start_offset()), (0, 4));
    assert_eq!(logs(&folder), [4]);
    assert!(matches!(fetch(&open.log, 3), Err(LogError::OffsetOutOfRange { log_start_offset: 4, .. })));
    assert_eq!(values_of(fetch(&open.log, 4).unwrap()).len(), 2);
}

#[test]
fn a_young_segment_keeps_older_ones_behind_it() {
    let (folder, open) = filled(config(Some(10), None), &[0, 50, 1, 2, 3, 4]);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(30)).unwrap(), 0, "50 lies in the future");
    assert_eq!(logs(&folder), [0, 2, 4]);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(61)).unwrap(), 3);
}

#[test]
fn an_active_segment_that_has_expired_is_followed_by_an_empty_one() {
    let (folder, open) = filled(config(Some(10), None), &[0, 1, 2]);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(100)).unwrap(), 2);
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (3, 3));
    assert_eq!(logs(&folder), [3]);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(i64::MAX)).unwrap(), 0, "empty, it stays");
    assert_eq!(append(&open.log, &at(100)).unwrap().base_offset, 3);
    open.close();
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (3, 4));
}

#[test]
fn the_oldest_segments_go_while_the_others_are_large_enough() {
    let bytes = u64::from(batch_bytes());
    let (folder, open) = filled(config(None, Some(4 * bytes)), &[0; 7]);
    assert_eq!(
        open.log.delete_old_segments(NOW).unwrap(),
        1,
        "five are left, and another two would leave three"
    );
    assert_eq!(logs(&folder), [2, 4, 6]);
    open.log.set_config(config(None, Some(3 * bytes)));
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 1);
    open.log.set_config(config(None, Some(1)));
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 1, "without the active one nothing would be left");
    open.log.set_config(config(None, Some(0)));
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 1);
    assert_eq!((logs(&folder), open.log.log_start_offset()), (vec![7], 7));
}

#[test]
fn without_the_policy_nothing_goes_by_age_or_size() {
    let (folder, open) = filled(config(None, None), &[0; 6]);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(i64::MAX)).unwrap(), 0);
    assert_eq!(logs(&folder), [0, 2, 4]);
}

#[test]
fn nothing_at_the_high_watermark_or_above_goes() {
    let (folder, open) = filled(config(Some(0), Some(0)), &[0; 6]);
    open.log.note_high_watermark(3);
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 1);
    assert_eq!(logs(&folder), [2, 4]);
}

#[test]
fn records_without_a_time_are_as_old_as_their_file() {
    let folder = Folder::new(config(Some(1000), None));
    let open = folder.open();
    for _ in 0..3 {
        append(&open.log, &at(-1)).unwrap();
    }
    open.log.note_high_watermark(3);
    let file = fs::File::options().write(true).open(folder.file("00000000000000000000.log")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(50)).unwrap();
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(51_000)).unwrap(), 0);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(51_001)).unwrap(), 1);
    assert_eq!(logs(&folder), [2]);
}

#[test]
fn files_are_renamed_and_unlinked_after_the_delay() {
    let delay = Duration::from_secs(60);
    let (folder, open) = filled(LogConfig { file_delete_delay: delay, ..config(Some(0), None) }, &[0; 5]);
    let reader = fs::File::open(folder.file("00000000000000000000.log")).unwrap();
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 3);
    let renamed = folder.files(".deleted");
    assert!(renamed.contains(&"00000000000000000002.snapshot.deleted".to_owned()), "{renamed:?}");
    assert_eq!(renamed.iter().filter(|name| name.ends_with(".log.deleted")).count(), 3);
    open.manager.tick(NOW);
    open.manager.tick(NOW.saturating_add(delay - Duration::from_millis(1)));
    assert_eq!(folder.files(".deleted"), renamed);
    open.manager.tick(NOW.saturating_add(delay));
    assert_eq!(folder.files(".deleted"), [""; 0]);
    assert_eq!(reader.metadata().unwrap().len(), u64::from(2 * batch_bytes()), "a reader goes on");
}

#[test]
fn a_shorter_delay_counts_at_once() {
    let (folder, open) = filled(config(Some(0), None), &[0; 5]);
    open.log.delete_old_segments(NOW).unwrap();
    open.manager.tick(NOW);
    open.log.set_config(LogConfig { file_delete_delay: Duration::ZERO, ..config(Some(0), None) });
    open.manager.tick(NOW);
    assert_eq!(folder.files(".deleted"), [""; 0]);
}

#[test]
fn epochs_and_producers_follow() {
    let two = 2 * u32::try_from(keyed(1, 0, 0, 1).bytes().len()).unwrap();
    let config = LogConfig { segment_bytes: two, ..config(Some(0), None) };
    let folder = Folder::new(config);
    let open = folder.open();
    let append_in = |epoch, sequence| {
        let context = AppendContext { leader_epoch: LeaderEpoch(epoch), ..client() };
        open.log.append(keyed(1, 0, sequence, 1).bytes().clone(), context).unwrap()
    };
    for (sequence, epoch) in [0, 0, 1, 1, 2].into_iter().enumerate() {
        append_in(epoch, i32::try_from(sequence).unwrap());
    }
    open.log.note_high_watermark(5);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(NOW.as_millis() + DAY)).unwrap(), 3);
    assert_eq!(open.log.epoch_at(5), Some(LeaderEpoch(2)));
    assert_eq!(open.log.epoch_at(4), None);
    assert_eq!(folder.files(".snapshot"), ["00000000000000000005.snapshot"]);
    drop(open);
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (5, 5));
    assert_eq!(folder.files(".deleted"), [""; 0], "the start unlinks what was left");
    let again = append(&open.log, &keyed(1, 0, 4, 1)).unwrap();
    assert_eq!(
        (again.base_offset, again.duplicate),
        (4, true),
        "the producer is remembered without its records"
    );
    assert_eq!(append(&open.log, &keyed(1, 0, 5, 1)).unwrap().base_offset, 5);
}

#[test]
fn segments_below_a_log_start_that_was_found_go_at_the_next_check() {
    let (folder, open) = filled(config(None, None), &[0; 7]);
    open.close();
    fs::write(folder.path().join("log-start-offset-checkpoint"), "0\n1\nt 0 5\n").unwrap();
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), logs(&folder)), (5, vec![0, 2, 4, 6]));
    open.log.note_high_watermark(7);
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 2);
    assert_eq!((open.log.log_start_offset(), logs(&folder)), (5, vec![4, 6]));
    assert_eq!(open.log.delete_old_segments(NOW).unwrap(), 0);
}

/// The names that a deletion of the segments at 0 and 2 changes, in its order.
fn renames(folder: &Folder) -> Vec<(std::path::PathBuf, std::path::PathBuf)> {
    let suffixes = [".log", ".index", ".timeindex", ".snapshot"];
    [0, 2]
        .iter()
        .flat_map(|base| suffixes.iter().map(move |suffix| format!("{base:020}{suffix}")))
        .map(|name| (folder.file(&name), folder.file(&format!("{name}.deleted"))))
        .filter(|(from, _)| from.exists())
        .collect()
}

/// A folder whose log was to begin at 4, with the names changed whose bits are set.
fn half_deleted(clean: bool, changed: u32) -> Folder {
    let (folder, open) = filled(config(None, None), &[0, 1, 2, 3, 4, 5, 6]);
    if clean {
        open.close();
    } else {
        drop(open);
    }
    fs::write(folder.path().join("log-start-offset-checkpoint"), "0\n1\nt 0 4\n").unwrap();
    for (bit, (from, to)) in renames(&folder).iter().enumerate() {
        if changed & (1 << bit) != 0 {
            fs::rename(from, to).unwrap();
        }
    }
    folder
}

#[test]
fn a_crash_at_any_point_of_a_deletion_is_recovered_from() {
    // One name after the other; after a power cut, any of them.
    let names = renames(&half_deleted(false, 0)).len();
    let in_order = (0..=names).map(|done| (1 << done) - 1);
    for changed in in_order.chain((0..1 << names).step_by(11)) {
        for (clean, unlinked) in [(false, 0), (true, 0), (false, 2)] {
            let folder = half_deleted(clean, changed);
            for name in folder.files(".deleted").iter().take(unlinked) {
                fs::remove_file(folder.file(name)).unwrap();
            }
            let open = folder.open();
            assert_eq!(folder.files(".deleted"), [""; 0]);
            assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (4, 7), "{changed:b}");
            assert!(matches!(fetch(&open.log, 3), Err(LogError::OffsetOutOfRange { .. })));
            let offsets = values_of(read_all(&open.log)).into_iter().map(|(offset, _)| offset);
            assert_eq!(offsets.collect::<Vec<_>>(), [4, 5, 6]);
            open.log.note_high_watermark(7);
            open.log.delete_old_segments(NOW).unwrap();
            assert_eq!(logs(&folder), [4, 6]);
            assert_eq!(append(&open.log, &at(7)).unwrap().base_offset, 7);
        }
    }
}

#[test]
fn a_crash_after_the_active_segment_was_rolled_is_recovered_from() {
    let (folder, open) = filled(config(Some(0), None), &[0, 0, 0]);
    open.log.delete_old_segments(NOW).unwrap();
    let empty = folder.file("00000000000000000003.log");
    assert!(empty.exists());
    drop(open);
    // As when only the roll had come to the disk.
    fs::write(folder.path().join("log-start-offset-checkpoint"), "0\n0\n").unwrap();
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (3, 3));
}

#[test]
fn a_reader_goes_on_while_segments_are_deleted_under_it() {
    const RECORDS: i64 = 150;
    let config =
        LogConfig { file_delete_delay: Duration::ZERO, ..config(None, Some(10 * u64::from(batch_bytes()))) };
    let folder = Folder::new(config).with_durability(Durability::Group);
    let open = folder.open();
    let log = &open.log;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..RECORDS {
                log.note_high_watermark(append(log, &at(0)).unwrap().last_offset + 1);
                log.delete_old_segments(NOW).unwrap();
                open.manager.tick(NOW);
            }
        });
        let mut next_offset = 0;
        while next_offset < RECORDS {
            // Slower than the writer: it is overtaken by the log start again and again.
            match fetch(log, next_offset) {
                Ok(records) => {
                    next_offset = offsets_of(records).last().map_or(next_offset, |(_, last)| last + 1);
                }
                Err(LogError::OffsetOutOfRange { log_start_offset, .. }) => {
                    assert!(log_start_offset > next_offset);
                    next_offset = log_start_offset;
                }
                Err(error) => panic!("at {next_offset}: {error}"),
            }
            assert!(log.offset_for_timestamp(Timestamp::from_millis(0), i64::MAX).is_ok());
        }
    });
    assert_eq!(open.manager.poisoned(), None);
    assert!(log.log_start_offset() > RECORDS - 20);
}

/// One step of a property test.
#[derive(Debug, Clone)]
enum Step {
    Append { age: i64, value_bytes: usize },
    Later(i64),
    HighWatermark,
    Retain { time: Option<u64>, bytes: Option<u64> },
    DeleteBefore(i64),
    Check,
    Crash,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (-20i64..60, 0usize..200).prop_map(|(age, value_bytes)| Step::Append { age, value_bytes });
    let limits = (prop::option::of(0u64..80), prop::option::of(0u64..6000));
    let step = prop_oneof![
        12 => append,
        2 => (0i64..40).prop_map(Step::Later),
        3 => Just(Step::HighWatermark),
        1 => limits.prop_map(|(time, bytes)| Step::Retain { time, bytes }),
        1 => (0i64..60).prop_map(Step::DeleteBefore),
        4 => Just(Step::Check),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

/// What the log should have: all records that were ever appended, and where it begins.
#[derive(Debug, Default)]
struct Model {
    timestamps: Vec<i64>,
    log_start: i64,
    high_watermark: i64,
    now: i64,
    retention: Retention,
}

/// Where a segment begins and ends, and its size.
type SegmentFile = (i64, i64, u64);

impl Model {
    fn end(&self) -> i64 {
        i64::try_from(self.timestamps.len()).unwrap()
    }

    /// The newest time among the records from `base` to before `end`.
    fn newest(&self, base: i64, end: i64) -> Option<i64> {
        let range = usize::try_from(base).unwrap()..usize::try_from(end).unwrap();
        self.timestamps[range].iter().copied().max()
    }

    /// Where the log begins after a check, found from the files that are there before it.
    fn check(&mut self, folder: &Folder) {
        let bases = logs(folder);
        let ends = bases.iter().skip(1).copied().chain([self.end()]);
        let size = |base: &i64| fs::metadata(folder.file(&format!("{base:020}.log"))).unwrap().len();
        let mut kept: Vec<SegmentFile> =
            bases.iter().zip(ends).map(|(base, end)| (*base, end, size(base))).collect();
        let mut first_kept = |goes: &dyn Fn(&[SegmentFile]) -> bool| {
            while kept.first().is_some_and(|(base, end, _)| base < end && *end <= self.high_watermark)
                && goes(&kept)
            {
                kept.remove(0);
            }
        };
        first_kept(&|kept| kept.len() > 1 && kept[0].1 <= self.log_start);
        if let Some(limit) = self.retention.bytes {
            first_kept(&|kept| kept[1..].iter().map(|(.., size)| size).sum::<u64>() >= limit);
        }
        if let Some(limit) = self.retention.time {
            let limit = i64::try_from(limit.as_millis()).unwrap();
            first_kept(&|kept| self.now - self.newest(kept[0].0, kept[0].1).unwrap() > limit);
        }
        let first_base = kept.first().map_or_else(|| self.end(), |(base, ..)| *base);
        self.log_start = self.log_start.max(first_base);
    }

    fn compare(&self, log: &Log) {
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (self.log_start, self.end()));
        let offsets = values_of(read_all(log)).into_iter().map(|(offset, _)| offset);
        let kept: Vec<i64> = offsets.filter(|offset| *offset >= self.log_start).collect();
        assert_eq!(kept, (self.log_start..self.end()).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn retention_keeps_what_the_model_keeps(steps in steps(), segment_bytes in 400u32..1500) {
        let with = |retention| LogConfig { segment_bytes, retention, ..LogConfig::default() };
        let mut folder = Folder::new(with(Retention::default()));
        let (mut open, mut model) = (folder.open(), Model { now: 1000, ..Model::default() });
        for step in steps {
            match step {
                Step::Append { age, value_bytes } => {
                    let timestamp = model.now - age;
                    let value = "v".repeat(value_bytes);
                    let sent = batch(&[(timestamp, &value)], Compression::None, ProducerStamp::NONE);
                    prop_assert_eq!(append(&open.log, &sent).unwrap().base_offset, model.end());
                    model.timestamps.push(timestamp);
                }
                Step::Later(by) => model.now += by,
                Step::HighWatermark => {
                    model.high_watermark = model.end();
                    open.log.note_high_watermark(model.high_watermark);
                }
                Step::Retain { time, bytes } => {
                    model.retention = Retention { time: time.map(Duration::from_millis), bytes };
                    folder.config = with(model.retention);
                    open.log.set_config(folder.config.clone());
                }
                Step::DeleteBefore(offset) => {
                    let offset = offset.min(model.high_watermark);
                    model.log_start = model.log_start.max(offset);
                    open.log.delete_records_before(offset).unwrap();
                }
                Step::Check => {
                    model.check(&folder);
                    open.log.delete_old_segments(Timestamp::from_millis(model.now)).unwrap();
                    prop_assert!(open.log.log_start_offset() <= model.high_watermark.max(model.log_start));
                }
                Step::Crash | Step::Restart => {
                    if matches!(step, Step::Crash) { drop(open) } else { open.close() }
                    open = folder.open();
                    model.high_watermark = model.end();
                    open.log.note_high_watermark(model.high_watermark);
                }
            }
            prop_assert_eq!(open.log.log_start_offset(), model.log_start);
        }
        model.compare(&open.log);
        open.close();
        model.compare(&folder.open().log);
    }
}
