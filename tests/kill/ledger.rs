//! What was promised: who sent what, what was acknowledged where, which topics are there, what groups have committed.
//!
//! Writers, chores and members write into it, the verifier reads it. Behind one lock, held for a few lines. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kestrel_client::{Timestamp, TopicId, TopicPartition};

use crate::stamp::Stamp;
use crate::transactions::Book;

/// A record that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// Which one.
    pub(crate) stamp: Stamp,
    /// Its time, where its writer chose it.
    pub(crate) timestamp: Option<Timestamp>,
}

/// A partition's acknowledged records by their offsets.
pub(crate) type Offsets = BTreeMap<i64, Acknowledged>;

/// What has been promised of a topic that comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existence {
    /// Its creation or deletion was not answered yet.
    Unknown,
    /// It was created, with this id.
    There(TopicId),
    /// It was deleted.
    Gone,
}

/// The offset of a group in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Committed {
    /// The last that was answered.
    pub(crate) acknowledged: Option<i64>,
    /// The last that was asked for.
    pub(crate) asked: i64,
}

/// The beginning of a partition that DeleteRecords moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Deleted {
    /// The last that was answered.
    pub(crate) acknowledged: i64,
    /// The last that was asked for.
    pub(crate) asked: i64,
}

/// All that was promised.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    writers: u32,
    sent: BTreeMap<u32, u64>,
    acknowledged: BTreeMap<TopicPartition, Offsets>,
    /// How many records were acknowledged, those that have been forgotten included.
    pub(crate) acknowledgements: u64,
    /// How many records failed: nobody knows whether they are there.
    pub(crate) failures: u64,
    /// How many deletions of records and of topics were answered.
    pub(crate) deletions: u64,
    /// How many commits were answered.
    pub(crate) commits: u64,
    /// Topics that come and go.
    pub(crate) topics: BTreeMap<Arc<str>, Existence>,
    /// What groups have committed.
    pub(crate) groups: BTreeMap<Arc<str>, BTreeMap<TopicPartition, Committed>>,
    /// What DeleteRecords has deleted.
    pub(crate) deleted: BTreeMap<TopicPartition, Deleted>,
    /// What became of transactions.
    pub(crate) transactions: Book,
    /// What was seen that must not be.
    violations: BTreeSet<String>,
}

/// A ledger that several tasks write into.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// The ledger, for a few lines.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// A number for a new writer.
    pub(crate) fn new_writer(&mut self) -> u32 {
        self.writers += 1;
        self.sent.insert(self.writers, 0);
        self.writers
    }

    /// A writer is about to send all records below this number.
    pub(crate) fn send(&mut self, writer: u32, end: u64) {
        self.sent.insert(writer, end);
    }

    /// Whether the record was sent by anyone.
    pub(crate) fn was_sent(&self, stamp: Stamp) -> bool {
        self.sent.get(&stamp.writer).is_some_and(|end| stamp.sequence < *end)
    }

    /// A record was acknowledged.
    pub(crate) fn acknowledge(&mut self, partition: &TopicPartition, offset: i64, record: Acknowledged) {
        self.acknowledgements += 1;
        let offsets = self.acknowledged.entry(partition.clone()).or_default();
        if let Some(other) = offsets.insert(offset, record) {
            let (stamp, other) = (record.stamp, other.stamp);
            self.violate(format!(
                "{partition}: {other} was acknowledged at {offset}, and later {stamp} was too"
            ));
        }
    }

    /// What was acknowledged of a partition.
    pub(crate) fn acknowledged(&self, partition: &TopicPartition) -> Offsets {
        self.acknowledged.get(partition).cloned().unwrap_or_default()
    }

    /// Forgets what is below an offset: it was deleted, rightly.
    pub(crate) fn forget_below(&mut self, partition: &TopicPartition, log_start: i64) -> Offsets {
        let Some(offsets) = self.acknowledged.get_mut(partition) else { return Offsets::default() };
        let kept = offsets.split_off(&log_start);
        std::mem::replace(offsets, kept)
    }

    /// Forgets a topic: it is being deleted.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.acknowledged.retain(|partition, _| &*partition.topic != topic);
    }

    /// Something was seen that must not be.
    pub(crate) fn violate(&mut self, what: String) {
        self.violations.insert(what);
    }

    /// What was seen that must not be.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.iter().cloned().collect()
    }
}
