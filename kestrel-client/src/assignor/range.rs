//! The `range` assignor: each topic by itself, in ranges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{AssignableTopics, Assignments, Assignor, GroupMember, in_turn, nothing};
use crate::record::TopicPartition;

/// Gives each member a range of each topic that it wants; the first members get one partition more where it does not
/// come out even.
///
/// Topics with the same number of partitions and the same readers are divided in the same way, so that partition 3 of
/// each goes to the same member. When members and replicas say in which racks they are, partitions go to members beside
/// a replica as far as that keeps the counts, and the same division of like topics (KIP-881). Static members (KIP-345) keep
/// their ranges.
#[derive(Debug, Clone, Copy, Default)]
pub struct Range;

impl Assignor for Range {
    fn name(&self) -> &'static str {
        "range"
    }

    fn assign(&self, topics: &AssignableTopics, members: &[GroupMember]) -> Assignments {
        let wanted: BTreeSet<&Arc<str>> = members.iter().flat_map(|member| &member.topics).collect();
        let mut divisions: Vec<_> = wanted
            .into_iter()
            .filter(|topic| topics.partition_count(topic) > 0)
            .map(|topic| Division::new(topics, topic, in_turn(members.iter().filter(|m| m.wants(topic)))))
            .collect();
        if divisions.iter().any(|division| division.racks_matter) {
            match_racks(&mut divisions);
        }
        let mut assignments = nothing(members);
        for division in &mut divisions {
            division.assign_ranges(|_, _, _| true);
            division.collect_into(&mut assignments);
        }
        assignments
    }
}

/// First gives out what can be read beside a replica. Like topics are divided alike, partition by partition.
fn match_racks(divisions: &mut [Division<'_>]) {
    let mut alike: BTreeMap<(Vec<&Arc<str>>, i32), Vec<&mut Division<'_>>> = BTreeMap::new();
    for division in divisions.iter_mut().filter(|division| division.has_racks()) {
        let readers = division.readers.iter().map(|reader| &reader.member.member_id).collect();
        alike.entry((readers, division.partition_count)).or_default().push(division);
    }
    for group in alike.values_mut() {
        match group.as_mut_slice() {
            [alone] if alone.racks_matter => alone.assign_ranges(Division::is_beside),
            [_] => {}
            group => divide_alike(group),
        }
    }
}

fn divide_alike(group: &mut [&mut Division<'_>]) {
    let (readers, partitions) =
        group.first().map_or((0, 0), |division| (division.readers.len(), division.partition_count));
    for partition in 0..partitions {
        let reader = (0..readers).find(|&reader| {
            group.iter().all(|division| {
                division.capacity(reader) > 0
                    && division.is_beside(reader, division.topics.racks(division.topic, partition))
            })
        });
        if let Some(reader) = reader {
            for division in group.iter_mut() {
                division.give(reader, &[partition]);
            }
        }
    }
}

/// A topic while it is divided.
#[derive(Debug)]
struct Division<'a> {
    topics: &'a AssignableTopics,
    topic: &'a Arc<str>,
    partition_count: i32,
    readers: Vec<Reader<'a>>,
    free: BTreeSet<i32>,
    /// What each reader gets at least.
    base: usize,
    /// How many readers may still get one more.
    extra: usize,
    racks_matter: bool,
}

#[derive(Debug)]
struct Reader<'a> {
    member: &'a GroupMember,
    partitions: Vec<i32>,
}

impl<'a> Division<'a> {
    fn new(topics: &'a AssignableTopics, topic: &'a Arc<str>, members: Vec<&'a GroupMember>) -> Self {
        let partition_count = topics.partition_count(topic);
        let free: BTreeSet<i32> = (0..partition_count).collect();
        let member_racks = members.iter().filter_map(|member| member.rack.as_ref()).collect();
        Self {
            topics,
            topic,
            partition_count,
            base: free.len() / members.len().max(1),
            extra: free.len() % members.len().max(1),
            free,
            racks_matter: topics.racks_matter(&std::iter::once(topic), &member_racks),
            readers: members.into_iter().map(|member| Reader { member, partitions: Vec::new() }).collect(),
        }
    }

    fn has_racks(&self) -> bool {
        self.readers.iter().any(|reader| reader.member.rack.is_some())
    }

    /// Whether a reader is in a rack with a replica. One that does not say where it is, is beside all.
    fn is_beside(&self, reader: usize, racks: &BTreeSet<Arc<str>>) -> bool {
        let rack = self.readers.get(reader).and_then(|reader| reader.member.rack.as_ref());
        rack.is_none_or(|rack| racks.contains(rack))
    }

    /// How many partitions more a reader may get.
    fn capacity(&self, reader: usize) -> usize {
        let most = self.base + usize::from(self.extra > 0);
        self.readers.get(reader).map_or(0, |reader| most.saturating_sub(reader.partitions.len()))
    }

    fn give(&mut self, reader: usize, partitions: &[i32]) {
        let Some(reader) = self.readers.get_mut(reader) else { return };
        reader.partitions.extend_from_slice(partitions);
        if reader.partitions.len() > self.base {
            self.extra -= 1;
        }
        for partition in partitions {
            self.free.remove(partition);
        }
    }

    /// Gives each reader in turn the first of the free partitions that `may_have` allows it, up to its share.
    fn assign_ranges(&mut self, may_have: impl Fn(&Self, usize, &BTreeSet<Arc<str>>) -> bool) {
        for reader in 0..self.readers.len() {
            let share: Vec<i32> = self
                .free
                .iter()
                .copied()
                .filter(|&partition| may_have(self, reader, self.topics.racks(self.topic, partition)))
                .take(self.capacity(reader))
                .collect();
            if !share.is_empty() {
                self.give(reader, &share);
            }
        }
    }

    fn collect_into(&mut self, assignments: &mut Assignments) {
        for reader in &mut self.readers {
            reader.partitions.sort_unstable();
            if let Some(partitions) = assignments.get_mut(&reader.member.member_id) {
                let numbers = reader.partitions.iter();
                partitions.extend(numbers.map(|&number| TopicPartition::new(Arc::clone(self.topic), number)));
            }
        }
    }
}
