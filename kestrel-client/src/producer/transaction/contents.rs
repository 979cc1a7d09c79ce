//! Contents: what is in a transaction, or about to be. A machine: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kestrel_protocol::ErrorCode;

use super::offsets::GroupOffsets;
use crate::producer::partition_id::{PartitionId, PartitionKey};
use crate::record::TopicPartition;

/// The partitions and offsets of one transaction.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Whether the coordinator knows of the transaction, or may: then it has to be ended.
    is_started: bool,
    /// Whether a request was lost that may have started it.
    is_in_doubt: bool,
    /// The partitions that are written to; only those that were added may be.
    partitions: BTreeMap<PartitionId, Entry>,
    /// The groups that were added.
    groups: BTreeSet<Arc<str>>,
    /// Offsets that are not stored yet, in the order in which they were handed in.
    offsets: VecDeque<GroupOffsets>,
}

#[derive(Debug)]
struct Entry {
    key: PartitionKey,
    is_added: bool,
}

impl Contents {
    /// The coordinator knows of the transaction from now on, or may.
    pub(super) const fn start(&mut self) {
        self.is_started = true;
    }

    /// A request was lost that may have started it.
    pub(super) const fn doubt(&mut self) {
        self.is_in_doubt = true;
    }

    /// Whether the coordinator has to be told of the end.
    pub(super) const fn needs_end(&self) -> bool {
        self.is_started || self.is_in_doubt
    }

    /// Whether all that may have started it was lost on the way, so that the coordinator may not know of it.
    pub(super) const fn is_only_in_doubt(&self) -> bool {
        self.is_in_doubt && !self.is_started
    }

    /// Whether batches of a partition may be sent. One that was not asked about before is to be added from now on.
    pub(super) fn admits(&mut self, key: &PartitionKey) -> bool {
        let new = || Entry { key: key.clone(), is_added: false };
        self.partitions.entry(key.id).or_insert_with(new).is_added
    }

    /// The partitions that are to be added.
    pub(super) fn wanted(&self) -> Vec<PartitionKey> {
        let wanted = self.partitions.values().filter(|entry| !entry.is_added);
        wanted.map(|entry| entry.key.clone()).collect()
    }

    pub(super) fn has_wanted(&self) -> bool {
        self.partitions.values().any(|entry| !entry.is_added)
    }

    /// These partitions were added.
    pub(super) fn handle_added(&mut self, added: impl IntoIterator<Item = PartitionId>) {
        self.is_started = true;
        for id in added {
            if let Some(entry) = self.partitions.get_mut(&id) {
                entry.is_added = true;
            }
        }
    }

    pub(super) fn name_of(&self, id: PartitionId) -> Option<TopicPartition> {
        let key = &self.partitions.get(&id)?.key;
        Some(TopicPartition::new(Arc::clone(&key.topic), key.index))
    }

    pub(super) fn push_offsets(&mut self, offsets: GroupOffsets) {
        self.offsets.push_back(offsets);
    }

    /// The offsets that are to be stored next.
    pub(super) fn next_offsets(&self) -> Option<&GroupOffsets> {
        self.offsets.front()
    }

    pub(super) fn has_group(&self, group: &Arc<str>) -> bool {
        self.groups.contains(group)
    }

    /// The group was added.
    pub(super) fn handle_group_added(&mut self, group: Arc<str>) {
        self.is_started = true;
        self.groups.insert(group);
    }

    /// What became of the first offsets: those that were stored are done with. Gives the first error among them.
    pub(super) fn handle_offsets(
        &mut self,
        answers: Vec<(TopicPartition, ErrorCode)>,
    ) -> Option<(TopicPartition, ErrorCode)> {
        let first = self.offsets.front_mut()?;
        let stored = answers.iter().filter(|(_, code)| code.is_none()).map(|(partition, _)| partition);
        let stored: BTreeSet<_> = stored.collect();
        first.offsets.retain(|(partition, _)| !stored.contains(partition));
        // An error that ends the transaction counts before one that passes.
        let mut errors: Vec<_> = answers.into_iter().filter(|(_, code)| !code.is_none()).collect();
        errors.sort_by_key(|(_, code)| code.is_retriable());
        errors.into_iter().next()
    }

    /// The first offsets are done with if all of them are stored. Gives whether they were.
    pub(super) fn finish_offsets(&mut self) -> bool {
        let is_done = self.offsets.front().is_some_and(|first| first.offsets.is_empty());
        if is_done {
            self.offsets.pop_front();
        }
        is_done
    }

    /// Takes out the offsets that are not stored; gives how many calls they are of.
    pub(super) fn drop_offsets(&mut self) -> usize {
        let count = self.offsets.len();
        self.offsets.clear();
        count
    }
}
