//! RebalanceWatch: tells the client's observer when a member's rebalances begin and end. Part of the driver.

use std::collections::BTreeSet;
use std::time::Instant;

use super::link::MemberLink;
use super::machine::MemberStanding;
use crate::observer::{RebalanceEnded, RebalanceStarted};
use crate::record::TopicPartition;

/// The rebalance that is under way, if there is one. Counts nothing without an observer.
#[derive(Debug, Default)]
pub(crate) struct RebalanceWatch {
    begun_at: Option<Instant>,
    moved: Moved,
}

/// The partitions that a rebalance has moved.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    pub(crate) assigned: BTreeSet<TopicPartition>,
    pub(crate) revoked: BTreeSet<TopicPartition>,
    pub(crate) lost: BTreeSet<TopicPartition>,
}

impl RebalanceWatch {
    /// An effect has moved partitions.
    pub(crate) fn note(&mut self, moved: Moved) {
        self.moved.assigned.extend(moved.assigned);
        self.moved.revoked.extend(moved.revoked);
        self.moved.lost.extend(moved.lost);
    }

    /// Looks where the member stands. What was lost outside of a rebalance is one that begins and ends at once.
    pub(crate) fn look(&mut self, link: &MemberLink, standing: MemberStanding<'_>, now: Instant) {
        let observer = link.client.observer();
        if !observer.is_taken() {
            return;
        }
        let MemberStanding { member_id, generation, is_rebalancing } = standing;
        let has_lost = !self.moved.lost.is_empty() || !self.moved.revoked.is_empty();
        if self.begun_at.is_none() && (is_rebalancing || has_lost) {
            self.begun_at = Some(now);
            observer.tell(|observer| {
                observer.on_rebalance_started(&RebalanceStarted {
                    group: &link.group_id,
                    member: member_id,
                    generation,
                });
            });
        }
        if let Some(begun_at) = self.begun_at.take_if(|_| !is_rebalancing) {
            let Moved { assigned, revoked, lost } = std::mem::take(&mut self.moved);
            let [assigned, revoked, lost] =
                [assigned, revoked, lost].map(|moved| moved.into_iter().collect::<Vec<_>>());
            observer.tell(|observer| {
                observer.on_rebalance_ended(&RebalanceEnded {
                    group: &link.group_id,
                    member: member_id,
                    generation,
                    took: now.saturating_duration_since(begun_at),
                    assigned: &assigned,
                    revoked: &revoked,
                    lost: &lost,
                });
            });
        }
    }
}
