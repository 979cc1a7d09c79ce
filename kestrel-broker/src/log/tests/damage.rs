//! A log that is cut, or has a flipped bit, at every byte of every file: what is whole is there, what was flushed and is not is
//! reported, and nothing panics.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use kestrel_protocol::record::{Compression, ProducerStamp, RecordBatch};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId, Timestamp};

use super::rooms::TOPIC_ID;
use super::*;
use crate::log::loader::{self, LoadOptions, Loaded};
use crate::log::*;

/// A folder in memory: what a clean stop left.
struct Original {
    config: LogConfig,
    /// Files by their path below the data folder.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// The first batch after each of these offsets: where it begins in which segment, and the offset after it.
    batches: Vec<Batch>,
}

struct Batch {
    segment: i64,
    position: usize,
    size_bytes: usize,
    base_offset: i64,
    next_offset: i64,
}

/// How a file is damaged at a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Cut,
    Flip,
}

/// The log that all tests damage: several segments, a batch of each codec, two producers, two epochs.
fn original() -> &'static Original {
    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    ORIGINAL.get_or_init(make)
}

fn make() -> Original {
    let config = LogConfig { segment_bytes: 330, index_interval_bytes: 60, ..LogConfig::default() };
    let folder = Folder::new(config.clone());
    let open = folder.open();
    for (n, compression) in (0i32..).zip(Compression::ALL.into_iter().cycle().take(9)) {
        let stamp = ProducerStamp {
            producer_id: ProducerId(i64::from(n % 2)),
            producer_epoch: ProducerEpoch(0),
            base_sequence: 2 * (n / 2),
        };
        let time = NOW.as_millis() + i64::from(n);
        let sent = batch(&[(time, "first"), (time, "second")], compression, stamp);
        let context = AppendContext { leader_epoch: LeaderEpoch(n / 5), ..client() };
        open.log.append(sent.into_bytes(), context).unwrap();
    }
    open.log.note_high_watermark(18);
    open.close();
    let files = read_folder(folder.path());
    let mut batches = Vec::new();
    for (path, bytes) in &files {
        if path.extension().is_some_and(|extension| extension == "log") {
            let segment = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let mut position = 0;
            for batch in kestrel_protocol::record::RecordBatches::new(bytes.clone().into()) {
                let batch: RecordBatch = batch.unwrap();
                let header = batch.header();
                let (base_offset, next_offset) = (header.base_offset, header.next_offset());
                batches.push(Batch {
                    segment,
                    position,
                    size_bytes: batch.bytes().len(),
                    base_offset,
                    next_offset,
                });
                position += batch.bytes().len();
            }
        }
    }
    assert!(batches.iter().filter(|batch| batch.position == 0).count() >= 3);
    Original { config, files, batches }
}

fn read_folder(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in [root.to_path_buf(), root.join("t-0")] {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.insert(path.strip_prefix(root).unwrap().to_path_buf(), fs::read(path).unwrap());
            }
        }
    }
    files
}

impl Original {
    fn end_offset(&self) -> i64 {
        self.batches.last().unwrap().next_offset
    }

    /// Makes the folder again, with one file damaged.
    fn restore(&self, root: &Path, file: &Path, at: usize, damage: Damage) -> Vec<u8> {
        let _ = fs::remove_dir_all(root);
        fs::create_dir_all(root.join("t-0")).unwrap();
        for (path, bytes) in &self.files {
            fs::write(root.join(path), bytes).unwrap();
        }
        let mut bytes = self.files[file].clone();
        match damage {
            Damage::Cut => bytes.truncate(at),
            Damage::Flip => bytes[at] ^= 1 << (at % 8),
        }
        fs::write(root.join(file), &bytes).unwrap();
        bytes
    }

    fn load(&self, root: &Path, clean: bool, recovery_point: i64) -> Result<Loaded, LogError> {
        let options = LoadOptions {
            recovery_point,
            is_noted: recovery_point > 0,
            log_start_offset: 0,
            clean,
            now: NOW,
            producer_id_expiration: Duration::from_secs(86_400),
            sync: FileSync::No,
        };
        loader::load(&root.join("t-0"), &self.config, options)
    }

    /// Damages each byte of the partition's files with this ending, both ways.
    fn for_each_damage(&self, suffix: &str, mut check: impl FnMut(&Path, &Path, usize, Damage)) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        for (file, bytes) in self.files.iter().filter(|(file, _)| file.to_string_lossy().ends_with(suffix)) {
            for at in 0..bytes.len() {
                for damage in [Damage::Cut, Damage::Flip] {
                    check(&root, file, at, damage);
                }
            }
        }
    }

    /// All batches can be read by any of their offsets.
    fn check_reads(&self, loaded: &Loaded, what: &str) {
        for batch in &self.batches {
            let index = loaded.segments.partition_point(|segment| segment.base_offset() <= batch.base_offset);
            let segment = &loaded.segments[index - 1];
            for fetch_offset in batch.base_offset..batch.next_offset {
                let first_batch = FirstBatch::Always;
                for file_run_min_bytes in [0, usize::MAX] {
                    let up_to_offset = i64::MAX;
                    let request = ReadRequest {
                        fetch_offset,
                        max_bytes: 1,
                        up_to_offset,
                        first_batch,
                        file_run_min_bytes,
                    };
                    let segment::SegmentRead::Batches(read) = segment.read(&request).unwrap() else {
                        panic!("{what}: nothing at {fetch_offset}");
                    };
                    let read = read.into_bytes().unwrap();
                    assert_eq!(offsets_of(read), [(batch.base_offset, batch.next_offset - 1)], "{what}");
                }
            }
        }
    }
}

/// Damage of the logs, with this recovery point: exactly the whole batches before it stay, or it is reported.
fn damaged_logs(recovery_point: i64) {
    let original = original();
    let bases: Vec<i64> =
        original.batches.iter().filter(|batch| batch.position == 0).map(|batch| batch.segment).collect();
    let trusted = bases.partition_point(|&base| base <= recovery_point).saturating_sub(1);
    original.for_each_damage(".log", |root, file, at, damage| {
        let segment: i64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let covers = |batch: &&Batch| {
            batch.segment == segment && (batch.position..batch.position + batch.size_bytes).contains(&at)
        };
        let batch = original.batches.iter().find(covers).unwrap();
        let in_batch = at - batch.position;
        if damage == Damage::Flip && matches!(in_batch, 0..8 | 12..16) {
            // No checksum covers what the broker writes itself: base offset and leader epoch.
            let _ = original.restore(root, file, at, damage);
            let _ = original.load(root, false, recovery_point);
            return;
        }
        let is_last = bases.last() == Some(&segment);
        let shows = damage == Damage::Flip || in_batch > 0 || (is_last && recovery_point > batch.base_offset);
        let damaged = original.restore(root, file, at, damage);
        let what = format!("{damage:?} of {} at {at}", file.display());
        let is_trusted = bases.iter().position(|&base| base == segment).unwrap() < trusted;
        match original.load(root, false, recovery_point) {
            Err(LogError::Corrupt { .. }) => {
                assert!(recovery_point > batch.base_offset, "{what}");
                assert_eq!(fs::read(root.join(file)).unwrap(), damaged, "{what}: the file is left alone");
            }
            Ok(loaded) if is_trusted => {
                // It is not looked at. Nothing is cut off, and nothing behind it is missing.
                assert_eq!(
                    (loaded.next_offset, fs::read(root.join(file)).unwrap()),
                    (original.end_offset(), damaged)
                );
            }
            Ok(loaded) if shows || is_last => {
                assert_eq!(loaded.next_offset, batch.base_offset, "{what}");
                assert!(recovery_point <= batch.base_offset, "{what}");
                let bytes = fs::read(root.join(file)).unwrap();
                assert_eq!(
                    bytes,
                    original.files[file][..batch.position],
                    "{what}: exactly the whole batches"
                );
            }
            // Cut between two batches: a gap, as cleaning leaves them too.
            Ok(loaded) => assert_eq!(loaded.next_offset, original.end_offset(), "{what}"),
            Err(error) => panic!("{what}: {error}"),
        }
    });
}

#[test]
fn a_log_damaged_anywhere_above_the_recovery_point_keeps_what_is_before() {
    damaged_logs(0);
}

#[test]
fn a_log_damaged_anywhere_below_the_recovery_point_is_reported() {
    damaged_logs(original().end_offset());
}

#[test]
fn a_log_damaged_anywhere_around_the_recovery_point_is_either() {
    let middle = original().batches.len() / 2;
    damaged_logs(original().batches[middle].base_offset);
}

#[test]
fn nothing_is_cut_off_after_a_clean_stop_though_the_recovery_point_is_lost() {
    let original = original();
    let [first, .., last] = &original.batches[..] else { panic!("there are several") };
    for batch in [first, last] {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().join("data");
        let file = PathBuf::from(format!("t-0/{:020}.log", batch.segment));
        let damaged = original.restore(&root, &file, batch.position + 40, Damage::Flip);
        // So that the segment is looked at.
        fs::remove_file(root.join(file.with_extension("index"))).unwrap();
        let error = original.load(&root, true, 0).unwrap_err();
        assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
        assert_eq!(fs::read(root.join(file)).unwrap(), damaged);
    }
}

#[test]
fn a_damaged_index_finds_what_a_scan_finds() {
    for suffix in [".index", ".timeindex"] {
        original().for_each_damage(suffix, |root, file, at, damage| {
            let what = format!("{damage:?} of {} at {at}", file.display());
            original().restore(root, file, at, damage);
            for clean in [true, false] {
                let loaded = original().load(root, clean, original().end_offset()).unwrap();
                assert_eq!(loaded.next_offset, original().end_offset(), "{what}");
                original().check_reads(&loaded, &what);
                for segment in &loaded.segments {
                    let _ = segment.find_timestamp(Timestamp::from_millis(NOW.as_millis() + 4), 0, i64::MAX);
                }
            }
        });
    }
}

#[test]
fn a_damaged_snapshot_is_not_believed() {
    let root = tempfile::tempdir().unwrap();
    let any = original().files.keys().find(|file| file.extension().is_some_and(|e| e == "snapshot")).unwrap();
    original().restore(&root.path().join("data"), any, original().files[any].len(), Damage::Cut);
    let whole = original().load(&root.path().join("data"), true, original().end_offset()).unwrap();
    original().for_each_damage(".snapshot", |root, file, at, damage| {
        let what = format!("{damage:?} of {} at {at}", file.display());
        for clean in [true, false] {
            original().restore(root, file, at, damage);
            let loaded = original().load(root, clean, original().end_offset()).unwrap();
            assert_eq!(loaded.producers.encode(), whole.producers.encode(), "{what}");
        }
    });
}

#[test]
fn small_files_are_made_again_or_reported() {
    let names = ["leader-epoch-checkpoint", "offset-checkpoint", "partition.metadata", "meta.properties"];
    for name in names {
        original().for_each_damage(name, |root, file, at, damage| {
            original().restore(root, file, at, damage);
            let _ = fs::remove_file(root.join(".kafka_cleanshutdown"));
            let Ok(manager) = LogManager::open(root, rooms::options(Durability::Os)) else { return };
            let config = original().config.clone();
            let open = OpenLog {
                topic: "t",
                partition: 0,
                topic_id: TOPIC_ID,
                config,
                now: NOW,
                origin: LogOrigin::HERE,
            };
            match manager.open_log(open) {
                Ok(log) => {
                    // A number without a checksum may be another one: a log may begin later for it, but never end elsewhere.
                    let (start, end) = (log.log_start_offset(), log.log_end_offset());
                    assert_eq!(end, original().end_offset().max(start), "{} at {at}", file.display());
                    let _ = read_all(&log);
                }
                Err(LogError::Corrupt { .. } | LogError::InconsistentTopicId { .. }) => {}
                Err(error) => panic!("{}: {error}", file.display()),
            }
        });
    }
}
