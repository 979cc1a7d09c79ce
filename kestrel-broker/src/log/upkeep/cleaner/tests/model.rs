//! What compaction keeps, said as simply as possible: lists and nothing but lists.

use kestrel_protocol::record::control::{ControlRecord, TransactionOutcome};
use kestrel_protocol::record::{RecordBatch, RecordBatches};

use super::RETENTION;
use crate::log::Log;
use crate::log::tests::read_all;

/// A batch as far as compaction is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) base: i64,
    pub(super) last: i64,
    pub(super) producer: (i64, i16, i32),
    pub(super) transactional: bool,
    /// For a control batch, how its transaction ended; of an empty one that is forgotten.
    pub(super) control: Option<Option<TransactionOutcome>>,
    pub(super) horizon: Option<i64>,
    pub(super) compression: u8,
    pub(super) records: Vec<Record>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: usize,
}

/// What a cleaning is told.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) first_dirty: i64,
    pub(super) clean_offset: i64,
    pub(super) uncleanable: i64,
    /// Where the segments begin.
    pub(super) bases: Vec<i64>,
    pub(super) now: i64,
    /// The last batch of each producer: its id, and the last offset, or for a marker its epoch.
    pub(super) last: Vec<(i64, Result<i64, i16>)>,
}

pub(super) fn batch_of(batch: &RecordBatch) -> Batch {
    batch.verify_checksum().unwrap();
    let header = batch.header();
    let mut outcome = None;
    let mut records = Vec::new();
    let mut views = batch.records(1 << 20).unwrap();
    while let Some(record) = views.next_view() {
        let record = record.unwrap();
        if header.is_control()
            && let ControlRecord::EndTransaction(marker) = ControlRecord::parse(&record).unwrap()
        {
            outcome = Some(marker.outcome);
        }
        records.push(Record {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.count(),
        });
    }
    Batch {
        base: header.base_offset,
        last: header.last_offset(),
        producer: (header.producer_id.0, header.producer_epoch.0, header.base_sequence),
        transactional: header.is_transactional(),
        control: header.is_control().then_some(outcome),
        horizon: header.delete_horizon(),
        compression: header.compression().unwrap().id(),
        records,
    }
}

/// Everything in a log.
pub(super) fn batches_of(log: &Log) -> Vec<Batch> {
    RecordBatches::new(read_all(log)).map(|batch| batch_of(&batch.unwrap())).collect()
}

/// What is to be left.
pub(super) fn cleaned(before: &[Batch], order: &Order) -> Vec<Batch> {
    let covered = |batch: &Batch| {
        let segment = order.bases.iter().rev().find(|&&base| base <= batch.base).unwrap();
        *segment < order.clean_offset.min(order.uncleanable)
    };
    let is_aborted = |at: usize| {
        let batch = &before[at];
        let marker = before[at..]
            .iter()
            .find(|other| matches!(other.control, Some(Some(_))) && other.producer.0 == batch.producer.0);
        batch.transactional
            && batch.control.is_none()
            && marker.is_some_and(|marker| marker.control == Some(Some(TransactionOutcome::Abort)))
    };
    let is_superseded = |record: &Record| {
        before.iter().enumerate().any(|(at, batch)| {
            batch.control.is_none()
                && !is_aborted(at)
                && batch.records.iter().any(|other| {
                    (order.first_dirty.max(record.offset + 1)..order.clean_offset).contains(&other.offset)
                        && other.key == record.key
                        && batch.last < order.clean_offset
                })
        })
    };
    let has_batches = |at: usize| {
        let earlier = before[..at].iter().rev();
        let mut since = earlier.take_while(|other| {
            other.producer.0 != before[at].producer.0 || !matches!(other.control, Some(Some(_)))
        });
        since.any(|other| {
            other.producer.0 == before[at].producer.0 && other.transactional && other.control.is_none()
        })
    };
    let mut after = Vec::new();
    for (at, batch) in before.iter().enumerate() {
        if !covered(batch) {
            after.push(batch.clone());
            continue;
        }
        let mut left = batch.clone();
        let passed = batch.horizon.is_some_and(|horizon| horizon <= order.now);
        match batch.control {
            Some(None) => left.records.clear(),
            Some(Some(_)) if has_batches(at) => {}
            Some(Some(_)) if passed => left.records.clear(),
            Some(Some(_)) => left.horizon = batch.horizon.or(Some(order.now + RETENTION)),
            None if is_aborted(at) => left.records.clear(),
            None => {
                left.records.retain(|record| {
                    record.offset >= order.clean_offset
                        || (record.key.is_some()
                            && !is_superseded(record)
                            && (record.value.is_some() || !passed))
                });
                if left.records.iter().any(|record| record.value.is_none()) {
                    left.horizon = batch.horizon.or(Some(order.now + RETENTION));
                }
            }
        }
        if left.records.is_empty() {
            let is_last = order.last.iter().any(|&(producer, last)| {
                producer == batch.producer.0
                    && match last {
                        Ok(offset) => batch.last == offset,
                        Err(epoch) => batch.control.is_some() && batch.producer.1 == epoch,
                    }
            });
            if !is_last && batch.last + 1 != order.uncleanable {
                continue;
            }
            (left.horizon, left.compression) = (None, 0);
            left.control = batch.control.map(|_| None);
        }
        after.push(left);
    }
    after
}
