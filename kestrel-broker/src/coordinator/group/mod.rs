//! The groups of one `__consumer_offsets` partition: a replayed machine. Pure: no runtime, no clock, no randomness.
//!
//! ```text
//!   request, now ──► Group (soft: who waits, timers) ──► records ──► log ──► replay ──► Stored (hard)
//!                      └──► replies                                             ▲
//!                                                            a restart replays the same log
//! ```
//!
//! What must survive is [`Stored`]: it changes in `replay` and nowhere else. A [`Group`] is what the coordinator makes
//! of it while it serves; `kind` says which kinds there are, and each kind has a folder.

mod classic;
mod commit;
mod describe;
mod kind;
mod offsets;
mod records;
mod stored;
mod turn;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;

use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ErrorCode, Timestamp, TopicId};

use super::runtime::{Deadlines, LogPlace, Machine, Now};
use crate::clock::after;
use crate::cluster::ClusterImage;
use crate::config::GroupSettings;
use crate::log::Transaction;
use classic::ClassicGroup;
use kind::Group;
use records::GroupRecord;
use stored::Stored;
use turn::{Effects, Timer, Turn};

pub(crate) use classic::Joining;
pub(crate) use commit::{Commit, CommittedPartition};
pub(crate) use describe::{GroupStanding, ListFilter};
pub(crate) use kind::GroupOverview;
pub(crate) use offsets::FetchedOffset;

/// The groups of one partition.
#[derive(Debug)]
pub(super) struct GroupShard {
    settings: GroupSettings,
    /// What the log says.
    stored: Stored,
    /// The groups that are there. By name, so that what is done to all of them is done in the same order each time.
    groups: BTreeMap<ByteString, Group>,
    deadlines: Deadlines<Timer>,
}

impl Machine for GroupShard {
    type Settings = GroupSettings;
    type Record = GroupRecord;
    type Ask = Infallible;
    type Answer = Infallible;

    const TOO_LARGE: ErrorCode = ErrorCode::InvalidCommitOffsetSize;

    fn new(settings: GroupSettings) -> Self {
        Self { settings, stored: Stored::default(), groups: BTreeMap::new(), deadlines: Deadlines::default() }
    }

    fn replay(&mut self, record: GroupRecord, place: LogPlace) {
        self.stored.replay(record, place);
    }

    fn replay_end(&mut self, transaction: Transaction, outcome: TransactionOutcome) {
        self.stored.replay_end(transaction.producer_id, outcome);
    }

    /// Begins to serve the groups that were replayed: their members have a session from now.
    fn loaded(&mut self, now: Now) -> Effects {
        for (id, stored) in &self.stored.groups {
            self.groups.insert(id.clone(), Group::Classic(ClassicGroup::loaded(id.clone(), stored)));
        }
        for id in self.stored.groups_with_offsets() {
            self.groups.entry(id.clone()).or_insert_with(|| Group::of_offsets(id.clone(), Timestamp::NONE));
        }
        let first_check = after(now.instant, self.settings.offsets_retention_check_interval);
        self.deadlines.schedule(Timer::Retention, first_check);
        let (groups, mut turn) = self.turn(now);
        groups.values_mut().for_each(|group| group.resume(&mut turn));
        turn.effects
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    fn handle_timeout(&mut self, now: Now) -> Option<Effects> {
        match self.deadlines.pop_due(now.instant)? {
            Timer::Retention => {
                let next = after(now.instant, self.settings.offsets_retention_check_interval);
                self.deadlines.schedule(Timer::Retention, next);
                Some(self.expire_offsets(now))
            }
            Timer::Classic { group, timer } => {
                let (groups, mut turn) = self.turn(now);
                if let Some(Group::Classic(group)) = groups.get_mut(&group) {
                    group.handle_timer(timer, &mut turn);
                }
                Some(turn.effects)
            }
        }
    }

    fn handle_answer(&mut self, answer: Infallible, _: Now) -> Effects {
        match answer {}
    }

    fn handle_deleted_topics(&mut self, image: &ClusterImage) -> Effects {
        self.delete_offsets_of_deleted_topics(|name: &ByteString, id: TopicId| {
            image.topic(name).is_some_and(|topic| id.is_nil() || topic.id == id)
        })
    }
}

impl GroupShard {
    fn turn(&mut self, now: Now) -> (&mut BTreeMap<ByteString, Group>, Turn<'_>) {
        let Self { settings, groups, deadlines, .. } = self;
        (groups, Turn { now, settings, deadlines, effects: Effects::default() })
    }
}

#[cfg(test)]
mod tests;
