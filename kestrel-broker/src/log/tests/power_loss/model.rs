//! What a power cut at some moment may have left of a log, and whether what was recovered is that.

use kestrel_protocol::record::{RecordBatch, RecordBatchHeader, RecordBatches};
use kestrel_protocol::{ProducerId, Timestamp, TopicId};

use super::super::{read_all, read_both};
use crate::log::producer_state::ProducerState;
use crate::log::*;

/// A batch that was sent. Moments are numbers of changes of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// When the append began.
    began: usize,
    /// When a recovery had ended that did not find it.
    gone: Option<usize>,
    pub(crate) batch: RecordBatch,
    timestamps: Vec<(i64, i64)>,
}

/// One log from its creation to its deletion.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) topic: &'static str,
    pub(crate) id: TopicId,
    /// The newest leader epoch that the controller gave out; what it knows survives.
    pub(crate) epoch: i32,
    /// When it was being created, and had been.
    pub(crate) created: (usize, usize),
    /// When its deletion began and had ended.
    pub(crate) deleted: (usize, usize),
    sent: Vec<Sent>,
    /// Up to where it was reported stored, and when.
    acked: Vec<(usize, i64)>,
    /// Where it was to begin: when that was asked for, when it was done, the offset.
    starts: Vec<(usize, usize, i64)>,
}

/// What has to be at a moment.
#[derive(Debug)]
pub(crate) struct Expected {
    batches: Vec<Sent>,
    acked: i64,
    log_start: (i64, i64),
}

impl Model {
    pub(crate) fn new(topic: &'static str, id: TopicId, began: usize) -> Self {
        Self {
            topic,
            id,
            epoch: 0,
            created: (began, usize::MAX),
            deleted: (usize::MAX, usize::MAX),
            sent: Vec::new(),
            acked: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// An append that began at `began` gave the batch, as it is stored.
    pub(crate) fn sent(&mut self, began: usize, batch: RecordBatch) {
        let timestamps = batch
            .records(1 << 20)
            .unwrap()
            .map(|record| record.map(|record| (record.offset, record.timestamp)).unwrap())
            .collect();
        self.sent.push(Sent { began, gone: None, batch, timestamps });
    }

    pub(crate) fn acked(&mut self, now: usize, end_offset: i64) {
        self.acked.push((now, end_offset));
    }

    pub(crate) fn start_moved(&mut self, began: usize, done: usize, offset: i64) {
        self.starts.push((began, done, offset));
    }

    /// The sequence that comes next from a producer.
    pub(crate) fn next_sequence(&self, producer: ProducerId) -> i32 {
        let batches = self.at(usize::MAX - 1).batches;
        let last = batches.iter().rev().find(|sent| sent.batch.header().producer_id == producer);
        last.map_or(0, |sent| sent.batch.header().last_sequence() + 1)
    }

    /// The log was recovered, and ends here.
    pub(crate) fn recovered(&mut self, now: usize, end_offset: i64) {
        self.acked.push((now, end_offset));
        for sent in &mut self.sent {
            if sent.gone.is_none() && sent.batch.header().base_offset >= end_offset {
                sent.gone = Some(now);
            }
        }
    }

    /// The model of what a cut at `moment` left, for a journal that begins anew.
    pub(crate) fn cut(&self, moment: usize) -> Self {
        let expected = self.at(moment);
        let sent = expected.batches.into_iter().map(|sent| Sent { began: 0, gone: None, ..sent }).collect();
        let (least, most) = expected.log_start;
        Self {
            topic: self.topic,
            id: self.id,
            epoch: self.epoch,
            created: (0, if moment >= self.created.1 { 0 } else { usize::MAX }),
            deleted: (usize::MAX, usize::MAX),
            sent,
            acked: vec![(0, expected.acked)],
            starts: vec![(0, 0, least), (0, usize::MAX, most)],
        }
    }

    /// The batches that may be there at the end, and what must be.
    pub(crate) fn at(&self, moment: usize) -> Expected {
        let may_be = |sent: &&Sent| sent.began < moment.max(1) && sent.gone.is_none_or(|gone| moment < gone);
        let done = self.starts.iter().filter(|(_, done, _)| *done <= moment);
        let begun = self.starts.iter().filter(|(began, _, _)| *began < moment.max(1));
        let acked = self.acked.iter().filter(|(at, _)| *at <= moment);
        Expected {
            batches: self.sent.iter().filter(may_be).cloned().collect(),
            acked: acked.map(|(_, end)| *end).max().unwrap_or(0),
            log_start: (
                done.map(|(_, _, offset)| *offset).max().unwrap_or(0),
                begun.map(|(_, _, offset)| *offset).max().unwrap_or(0),
            ),
        }
    }
}

impl Expected {
    /// Fails unless the log is what may be there: a prefix of what was sent, with all that was reported stored.
    pub(crate) fn check(&self, log: &Log) {
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        assert!(end >= self.acked, "the log ends at {end}, but {} had been reported stored", self.acked);
        let (least, most) = self.log_start;
        assert!((least..=most).contains(&start), "the log begins at {start}, not within {least} and {most}");
        assert_eq!(log.flushed_end_offset(), end, "what is recovered is flushed before it is served");
        let kept: Vec<&Sent> =
            self.batches.iter().filter(|sent| sent.batch.header().last_offset() < end).collect();
        let kept_end = kept.last().map_or(0, |sent| sent.batch.header().next_offset());
        assert_eq!(kept_end, end, "the log ends within a batch, or has one that was never sent");
        let after_start: Vec<&RecordBatch> = kept
            .iter()
            .map(|sent| &sent.batch)
            .filter(|batch| batch.header().last_offset() >= start)
            .collect();
        let expected: Vec<u8> = after_start.iter().flat_map(|batch| batch.bytes().iter().copied()).collect();
        let found = read_all(log);
        if found != expected {
            let headers = |bytes: bytes::Bytes| -> Vec<(i64, i64)> {
                RecordBatches::new(bytes)
                    .map(|batch| batch.map(|batch| offsets(batch.header())).unwrap())
                    .collect()
            };
            panic!("found {:?}, expected {:?}", headers(found), headers(expected.into()));
        }
        check_epochs(log, &after_start);
        check_producers(log, &kept);
        check_indexes(log, &kept);
    }
}

fn offsets(header: &RecordBatchHeader) -> (i64, i64) {
    (header.base_offset, header.last_offset())
}

fn check_epochs(log: &Log, batches: &[&RecordBatch]) {
    for batch in batches {
        let header = batch.header();
        let offset = header.base_offset.max(log.log_start_offset());
        assert_eq!(log.epoch_at(offset), Some(header.partition_leader_epoch), "the epoch at {offset}");
    }
}

/// The producers are those that a replay of everything ever stored leads to.
fn check_producers(log: &Log, kept: &[&Sent]) {
    let mut producers = ProducerState::default();
    for sent in kept {
        producers.replay(sent.batch.header(), None, super::super::NOW);
    }
    let found = log.writer().producers.encode();
    assert!(
        found == producers.encode(),
        "the producers are not those of the records: {:?}",
        log.writer().producers
    );
}

/// What is found by offset and by time is what a linear scan finds.
fn check_indexes(log: &Log, kept: &[&Sent]) {
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    for sent in kept.iter().filter(|sent| sent.batch.header().last_offset() >= start) {
        let header = sent.batch.header();
        for fetch_offset in [header.base_offset.max(start), header.last_offset()] {
            let first_batch = FirstBatch::Always;
            let read = read_both(
                log,
                ReadRequest {
                    fetch_offset,
                    max_bytes: 1,
                    up_to_offset: end,
                    first_batch,
                    file_run_min_bytes: usize::MAX,
                },
            );
            assert_eq!(&read.unwrap(), sent.batch.bytes(), "the batch at {fetch_offset}");
        }
    }
    let records = || kept.iter().flat_map(|sent| &sent.timestamps).filter(|(offset, _)| *offset >= start);
    let mut targets: Vec<i64> = records().map(|(_, timestamp)| *timestamp).collect();
    targets.sort_unstable();
    targets.dedup();
    targets.extend(targets.last().map(|last| last + 1));
    for target in targets {
        let expected = records().find(|(_, timestamp)| *timestamp >= target);
        let found = log.offset_for_timestamp(Timestamp::from_millis(target), end).unwrap();
        let found = found.map(|found| (found.offset, found.timestamp.as_millis()));
        assert_eq!(found.as_ref(), expected, "the first record at {target} or later");
    }
}
