//! The cleaner on real folders: by script, against a model, with crashes in between, and with others at work on the same log.

mod crash;
mod model;
mod property;
mod races;
mod script;

use std::cell::Cell;
use std::time::{Duration, Instant};

use kestrel_protocol::record::control::{
    ControlPlace, EndTransactionMarker, TransactionOutcome, end_transaction_batch,
};
use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, ProducerStamp, RecordBatch, RecordBatchBuilder,
};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId};

use super::cleanable::Cleanable;
use super::cleaning::{Cleaning, CleaningStats, Ended};
use super::key_hash::HashKey;
use super::*;
use crate::log::tests::{Folder, NOW, client};
use crate::log::{AppendContext, AppendOrigin, Appended, Compaction, Log, LogConfig};

/// A hand-held clock that never waits, and stops after a number of questions.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) wall: Timestamp,
    began: Instant,
    patience: Cell<u64>,
}

impl Hand {
    pub(super) fn at(wall: i64) -> Self {
        Self {
            wall: Timestamp::from_millis(wall),
            began: crate::clock::Clock::System.now(),
            patience: Cell::new(u64::MAX),
        }
    }

    /// Told to stop after it was asked `questions` times.
    pub(super) fn with_patience(self, questions: u64) -> Self {
        Self { patience: Cell::new(questions), ..self }
    }
}

impl CleanerHost for Hand {
    fn wall(&self) -> Timestamp {
        self.wall
    }

    fn now(&self) -> Instant {
        self.began
    }

    fn rest(&self, _: Duration) {}

    fn is_stopping(&self) -> bool {
        let left = self.patience.get();
        self.patience.set(left.saturating_sub(1));
        left == 0
    }
}

pub(super) const SETTINGS: CleanerSettings = CleanerSettings {
    backoff: Duration::from_secs(15),
    dedupe_buffer_bytes: 1 << 20,
    load_factor: 0.9,
    io_buffer_bytes: 512,
    max_bytes_per_second: f64::MAX,
};

/// A second, in milliseconds: how long tombstones stay in these tests.
pub(super) const RETENTION: i64 = 1000;

pub(super) fn config(segment_bytes: u32) -> LogConfig {
    LogConfig {
        segment_bytes,
        index_interval_bytes: 100,
        compact: true,
        compaction: Compaction {
            min_dirty_ratio: 0.0,
            delete_retention: Duration::from_millis(RETENTION.unsigned_abs()),
            ..Compaction::default()
        },
        retention: crate::log::Retention::default(),
        ..LogConfig::default()
    }
}

/// A record: its key and value.
pub(super) type Entry<'a> = (Option<&'a str>, Option<&'a str>);

/// Who writes a batch, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    pub(super) stamp: ProducerStamp,
    pub(super) transactional: bool,
    pub(super) compression: Compression,
}

pub(super) const NOBODY: Writer =
    Writer { stamp: ProducerStamp::NONE, transactional: false, compression: Compression::None };

pub(super) fn producer(id: i64, epoch: i16, base_sequence: i32) -> Writer {
    let stamp =
        ProducerStamp { producer_id: ProducerId(id), producer_epoch: ProducerEpoch(epoch), base_sequence };
    Writer { stamp, ..NOBODY }
}

pub(super) fn records(writer: Writer, timestamp: i64, entries: &[Entry<'_>]) -> RecordBatch {
    let options = BuilderOptions {
        codec: Codec::new(writer.compression, None).unwrap(),
        transactional: writer.transactional,
        ..BuilderOptions::default()
    };
    let mut builder = RecordBatchBuilder::new(options, 1 << 16);
    for (timestamp, (key, value)) in (timestamp..).zip(entries) {
        let headers = [("trace", Some(&b"7f"[..]))];
        builder.append(timestamp, key.map(str::as_bytes), value.map(str::as_bytes), headers).unwrap();
    }
    builder.build(writer.stamp)
}

pub(super) fn marker(id: i64, epoch: i16, outcome: TransactionOutcome) -> RecordBatch {
    end_transaction_batch(
        ControlPlace { base_offset: 0, leader_epoch: LeaderEpoch(0), timestamp: NOW.as_millis() },
        ProducerId(id),
        ProducerEpoch(epoch),
        EndTransactionMarker { outcome, coordinator_epoch: 0 },
    )
}

/// Appends as a coordinator does, who may write anything; then it counts as committed.
pub(super) fn append(log: &Log, batch: &RecordBatch) -> Appended {
    let context = AppendContext { origin: AppendOrigin::Coordinator, ..client() };
    let appended = log.append(batch.bytes().clone(), context).unwrap();
    log.note_high_watermark(log.log_end_offset());
    appended
}

/// Begins a new segment, so that everything before may be cleaned; not after an empty one.
pub(super) fn roll(log: &Log) {
    let mut writer = log.lock_writer().unwrap();
    if writer.active().segment().size_bytes() > 0 {
        log.roll(&mut writer, NOW).unwrap();
    }
}

/// Cleans a log from an offset on, whatever is worth it; gives what was to be done, and up to where it is clean.
pub(super) fn clean_from(
    log: &Log,
    from: i64,
    settings: &CleanerSettings,
    host: &Hand,
) -> Result<(Cleanable, i64, CleaningStats), Ended> {
    let facts = log.cleaning_facts(Some(from)).unwrap();
    let job = Cleanable::of(&facts, &log.config().compaction, host.wall);
    let (clean_offset, stats) = Cleaning::new(log, job, settings, host).run(HashKey::new([3; 16]))?;
    Ok((job, clean_offset, stats))
}

/// Cleans the whole log.
pub(super) fn clean(log: &Log, now: i64) -> CleaningStats {
    clean_from(log, log.log_start_offset(), &SETTINGS, &Hand::at(now)).unwrap().2
}

/// A folder with these batches, each in a segment of its own, and an empty one at the end.
pub(super) fn filled(batches: &[RecordBatch]) -> (Folder, crate::log::tests::OpenFolder) {
    let folder = Folder::new(config(1 << 20));
    let open = folder.open();
    for batch in batches {
        append(&open.log, batch);
        roll(&open.log);
    }
    (folder, open)
}
