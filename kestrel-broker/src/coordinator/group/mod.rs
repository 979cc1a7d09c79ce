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
mod describe;
mod kind;
mod offsets;
mod records;
mod stored;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{Timestamp, TopicId};

use super::runtime::{
    Deadlines, Effects as EffectsOf, Handled as HandledBy, LogPlace, Machine, Now, Transaction,
};
use crate::clock::after;
use crate::cluster::ClusterImage;
use crate::config::GroupSettings;
use classic::{ClassicGroup, ClassicTimer};
use kind::Group;
use records::GroupRecord;
use stored::Stored;

pub(crate) use classic::Joining;
pub(crate) use describe::{GroupOverview, ListFilter};
pub(crate) use offsets::{Commit, CommittedPartition, FetchedOffset};

/// What an event of the groups leads to.
type Effects = EffectsOf<GroupShard>;
/// The answer to a request that does not wait, and what it leads to.
type Handled<R> = HandledBy<GroupShard, R>;

/// What is due at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// Something of a classic group.
    Classic { group: ByteString, timer: ClassicTimer },
    /// Old offsets are looked for.
    Retention,
}

/// What a group needs to handle an event beside its own state.
struct Turn<'a> {
    now: Now,
    settings: &'a GroupSettings,
    deadlines: &'a mut Deadlines<Timer>,
    effects: Effects,
}

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

impl Turn<'_> {
    fn schedule(&mut self, timer: Timer, wait: Duration) {
        self.deadlines.schedule(timer, after(self.now.instant, wait));
    }

    fn cancel(&mut self, timer: &Timer) {
        self.deadlines.cancel(timer);
    }
}

#[cfg(test)]
mod tests;
