//! Which transactions of a log were aborted, and which markers nobody needs any more. Pure.
//!
//! Apache Kafka takes the former from its transaction index; here the markers themselves are asked, which are always there as
//! long as there is a batch of their transaction: they go last.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use kestrel_protocol::ProducerId;
use kestrel_protocol::record::control::{ControlRecord, TransactionOutcome};
use kestrel_protocol::record::{RecordBatch, RecordBatchHeader};

use crate::log::format::txn_index::AbortedTransaction;

/// How many bytes of a control batch may be decoded: markers are a hundred bytes or so.
const MAX_CONTROL_BYTES: usize = 1 << 20;

/// The meaning of a batch of control records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// The end of its producer's transaction.
    Marker(TransactionOutcome),
    /// Nothing any more: an earlier cleaning took its record away.
    Empty,
    /// Something else.
    Other,
}

impl Control {
    /// The meaning of this batch; none when it is no control batch.
    pub(super) fn of(batch: &RecordBatch) -> Option<Self> {
        if !batch.header().is_control() {
            return None;
        }
        let Ok(mut records) = batch.records(MAX_CONTROL_BYTES) else { return Some(Self::Other) };
        let Some(record) = records.next_view() else { return Some(Self::Empty) };
        let record = record.ok().and_then(|record| ControlRecord::parse(&record).ok());
        Some(match record {
            Some(ControlRecord::EndTransaction(marker)) => Self::Marker(marker.outcome),
            _ => Self::Other,
        })
    }
}

/// The aborted transactions of a log: fed with its batches in order, as far as there may be markers.
#[derive(Debug, Default)]
pub(super) struct AbortedTransactions {
    /// The first offsets of those that have not ended, by producer; and all of them in order.
    open: HashMap<ProducerId, i64>,
    open_offsets: BTreeSet<i64>,
    aborted: HashMap<ProducerId, Vec<AbortedTransaction>>,
}

impl AbortedTransactions {
    /// The next batch of the log; `control` is what it says if it is a control batch.
    pub(super) fn observe(&mut self, header: &RecordBatchHeader, control: Option<Control>) {
        let producer_id = header.producer_id;
        match control {
            None if header.is_transactional() => {
                if let Entry::Vacant(transaction) = self.open.entry(producer_id) {
                    transaction.insert(header.base_offset);
                    self.open_offsets.insert(header.base_offset);
                }
            }
            Some(Control::Marker(outcome)) => {
                let Some(first_offset) = self.open.remove(&producer_id) else { return };
                self.open_offsets.remove(&first_offset);
                if outcome == TransactionOutcome::Abort {
                    let last_offset = header.last_offset();
                    let last_stable_offset = self.open_offsets.first().copied().unwrap_or(last_offset + 1);
                    self.aborted.entry(producer_id).or_default().push(AbortedTransaction {
                        producer_id,
                        first_offset,
                        last_offset,
                        last_stable_offset,
                    });
                }
            }
            _ => {}
        }
    }

    /// Whether a transaction that began below `offset` has not ended yet.
    pub(super) fn is_open_below(&self, offset: i64) -> bool {
        self.open_offsets.first().is_some_and(|&first| first < offset)
    }

    /// The aborted transaction of this producer that has this offset.
    pub(super) fn find(&self, producer_id: ProducerId, offset: i64) -> Option<&AbortedTransaction> {
        let aborted = self.aborted.get(&producer_id)?;
        let index = aborted.partition_point(|transaction| transaction.last_offset < offset);
        aborted.get(index).filter(|transaction| transaction.first_offset <= offset)
    }
}

/// The transactions that a cleaning has come across: fed with each batch in order, before anything is decided about it.
#[derive(Debug)]
pub(super) struct TransactionCleaning<'a> {
    aborted: &'a AbortedTransactions,
    /// Producers with a batch that was there when it was read, since their last marker.
    seen: HashSet<ProducerId>,
}

/// The standing of a batch among the transactions, which decides whether it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The records count.
    Counts,
    /// Its records never counted, its transaction was aborted; or it is a marker that nobody needs any more.
    Discardable,
    /// It is the marker of an aborted transaction of which there are still batches.
    AbortMarker(AbortedTransaction),
}

impl<'a> TransactionCleaning<'a> {
    /// Before the first batch of the log.
    pub(super) fn new(aborted: &'a AbortedTransactions) -> Self {
        Self { aborted, seen: HashSet::new() }
    }

    /// The next batch of the log.
    pub(super) fn observe(&mut self, header: &RecordBatchHeader, control: Option<Control>) -> Standing {
        let producer_id = header.producer_id;
        match control {
            None if header.is_transactional() => {
                self.seen.insert(producer_id);
                match self.aborted.find(producer_id, header.last_offset()) {
                    Some(_) => Standing::Discardable,
                    None => Standing::Counts,
                }
            }
            None | Some(Control::Other) => Standing::Counts,
            Some(Control::Empty) => Standing::Discardable,
            Some(Control::Marker(_)) => {
                if !self.seen.remove(&producer_id) {
                    return Standing::Discardable;
                }
                match self.aborted.find(producer_id, header.last_offset()) {
                    Some(transaction) => Standing::AbortMarker(*transaction),
                    None => Standing::Counts,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::record::control::{ControlPlace, EndTransactionMarker, end_transaction_batch};
    use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
    use kestrel_protocol::{LeaderEpoch, ProducerEpoch};

    use super::*;

    fn data(producer: i64, base_offset: i64) -> RecordBatch {
        let options = BuilderOptions { transactional: true, base_offset, ..Default::default() };
        let mut builder = RecordBatchBuilder::new(options, 100);
        builder.append(0, Some(b"k"), None, []).unwrap();
        builder.build(ProducerStamp {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            base_sequence: 0,
        })
    }

    fn marker(producer: i64, base_offset: i64, outcome: TransactionOutcome) -> RecordBatch {
        end_transaction_batch(
            ControlPlace { base_offset, leader_epoch: LeaderEpoch(0), timestamp: 0 },
            ProducerId(producer),
            ProducerEpoch(0),
            EndTransactionMarker { outcome, coordinator_epoch: 0 },
        )
    }

    fn aborted_of(batches: &[RecordBatch]) -> AbortedTransactions {
        let mut aborted = AbortedTransactions::default();
        for batch in batches {
            aborted.observe(batch.header(), Control::of(batch));
        }
        aborted
    }

    use TransactionOutcome::{Abort, Commit};

    #[test]
    fn the_markers_tell_what_was_aborted() {
        let batches = [
            data(1, 0),
            data(2, 1),
            data(1, 2),
            marker(1, 3, Abort),
            data(1, 4),
            marker(2, 5, Abort),
            marker(1, 6, Commit),
        ];
        let aborted = aborted_of(&batches);
        let entry = |producer, first_offset, last_offset, last_stable_offset| AbortedTransaction {
            producer_id: ProducerId(producer),
            first_offset,
            last_offset,
            last_stable_offset,
        };
        assert_eq!(aborted.find(ProducerId(1), 0), Some(&entry(1, 0, 3, 1)));
        assert_eq!(aborted.find(ProducerId(1), 2), Some(&entry(1, 0, 3, 1)));
        assert_eq!(aborted.find(ProducerId(1), 4), None);
        assert_eq!(aborted.find(ProducerId(2), 1), Some(&entry(2, 1, 5, 4)));
        assert_eq!(aborted.find(ProducerId(3), 1), None);
        assert!(!aborted.is_open_below(100));
        assert!(aborted_of(&batches[..2]).is_open_below(1));
        assert!(!aborted_of(&batches[..2]).is_open_below(0));
    }

    #[test]
    fn a_marker_is_needed_as_long_as_there_is_a_batch_of_its_transaction() {
        let batches =
            [data(1, 0), marker(1, 1, Abort), data(2, 2), marker(2, 3, Commit), marker(1, 4, Commit)];
        let aborted = aborted_of(&batches);
        let mut cleaning = TransactionCleaning::new(&aborted);
        let standings: Vec<Standing> =
            batches.iter().map(|batch| cleaning.observe(batch.header(), Control::of(batch))).collect();
        let transaction = *aborted.find(ProducerId(1), 1).unwrap();
        assert_eq!(
            standings,
            [
                Standing::Discardable,
                Standing::AbortMarker(transaction),
                Standing::Counts,
                Standing::Counts,
                Standing::Discardable,
            ]
        );
        let mut later = TransactionCleaning::new(&aborted);
        assert_eq!(later.observe(batches[1].header(), Control::of(&batches[1])), Standing::Discardable);
        let empty = batches[1].emptied();
        assert_eq!(later.observe(empty.header(), Control::of(&empty)), Standing::Discardable);
    }
}
