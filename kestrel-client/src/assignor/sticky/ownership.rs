//! Who owned what before: the claims of the members, with contradictions resolved by generation (KIP-341).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::assignor::{AssignableTopics, GroupMember};
use crate::record::TopicPartition;

/// What a member says that it had.
#[derive(Debug)]
pub(in crate::assignor) struct Claim<'a> {
    pub(in crate::assignor) member: &'a GroupMember,
    pub(in crate::assignor) partitions: Vec<TopicPartition>,
    pub(in crate::assignor) generation: Option<i32>,
}

/// The owner of each partition that somebody claims.
#[derive(Debug, Default)]
pub(in crate::assignor) struct Ownership {
    claims: HashMap<TopicPartition, Claimed>,
}

#[derive(Debug)]
struct Claimed {
    generation: i32,
    /// `None` when two members of that generation claim it: then nobody can be believed.
    owner: Option<Arc<str>>,
    claimants: Vec<Arc<str>>,
}

impl Ownership {
    /// Believes the latest generation. Claims of partitions that are not there, or whose topic the member does not
    /// want any more, count as claims and make no owner.
    pub(in crate::assignor) fn resolve<'a>(
        topics: &AssignableTopics,
        claims: impl Iterator<Item = Claim<'a>>,
    ) -> Self {
        let mut ownership = Self::default();
        for Claim { member, partitions, generation } in claims {
            let id = &member.member_id;
            let mut wanted: BTreeMap<Arc<str>, bool> = BTreeMap::new();
            for partition in partitions {
                let wants = *wanted
                    .entry(Arc::clone(&partition.topic))
                    .or_insert_with(|| member.wants(&partition.topic));
                let exists = (0..topics.partition_count(&partition.topic)).contains(&partition.partition);
                ownership.add(partition, id, generation.unwrap_or(-1), wants && exists);
            }
        }
        ownership
    }

    fn add(&mut self, partition: TopicPartition, member: &Arc<str>, generation: i32, may_own: bool) {
        let owner = || may_own.then(|| Arc::clone(member));
        let claimed = self.claims.entry(partition).or_insert_with(|| Claimed {
            generation,
            owner: owner(),
            claimants: Vec::new(),
        });
        if claimed.claimants.contains(member) {
            return;
        }
        if generation > claimed.generation {
            claimed.generation = generation;
            claimed.owner = owner();
        } else if generation == claimed.generation && !claimed.claimants.is_empty() {
            claimed.owner = None;
        }
        claimed.claimants.push(Arc::clone(member));
    }

    #[cfg(test)]
    pub(in crate::assignor) fn is_nothing(&self) -> bool {
        self.claims.is_empty()
    }

    /// Who owned the partition and may go on with it.
    pub(in crate::assignor) fn owner(&self, partition: &TopicPartition) -> Option<&Arc<str>> {
        self.claims.get(partition)?.owner.as_ref()
    }

    /// Whether `member` would read the partition while somebody else may still do so.
    pub(in crate::assignor) fn is_held_by_another(
        &self,
        partition: &TopicPartition,
        member: &Arc<str>,
    ) -> bool {
        self.claims.get(partition).is_some_and(|claimed| {
            claimed.owner.as_ref() != Some(member) && claimed.claimants.iter().any(|other| other != member)
        })
    }
}
