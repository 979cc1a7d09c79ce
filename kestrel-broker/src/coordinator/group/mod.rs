//! The groups of one `__consumer_offsets` partition: a replayed machine. Pure: no tokio, no clock, no randomness.
//!
//! The shell (`slot` of the room above) hands in requests with the time, appends the records that come out, gives them back to
//! [`GroupShard::replay`], and sends the replies once the records are stored.
//!
//! ```text
//!   request, now ──► ClassicGroup (soft: who waits, timers) ──► records ──► log ──► replay ──► Stored (hard)
//!                          └──► replies                                               ▲
//!                                                                      a restart replays the same log
//! ```
//!
//! What must survive is [`Stored`]: it changes in `replay` and nowhere else. A [`ClassicGroup`] is what the coordinator makes
//! of it while it serves: when the log cannot be appended to, the whole shard is dropped and loaded again.

mod classic;
mod describe;
mod join;
mod member;
mod offsets;
mod rebalance;
mod session;
mod stored;
mod subscription;
mod sync;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kestrel_protocol::messages::join_group::JoinGroupResponse;
use kestrel_protocol::messages::sync_group::SyncGroupResponse;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ProducerId, Timestamp};

use super::deadlines::Deadlines;
use super::records::GroupRecord;
use crate::clock::after;
use crate::config::GroupSettings;
use classic::ClassicGroup;
use stored::Stored;

pub(crate) use describe::{CLASSIC, GroupOverview, ListFilter};
pub(crate) use join::Joining;
pub(crate) use offsets::{Commit, CommittedPartition, FetchedOffset};

/// The time: for deadlines, and for records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Never goes back.
    pub(crate) instant: Instant,
    /// May jump.
    pub(crate) wall: Timestamp,
}

/// Whom an answer is for: a number that the shell hands in and gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReplyTo(pub(crate) u64);

/// The answer to a request that may wait.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// To JoinGroup.
    Joined(JoinGroupResponse),
    /// To SyncGroup.
    Synced(SyncGroupResponse),
}

/// What an event leads to.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// To be appended, then replayed.
    pub(crate) records: Vec<GroupRecord>,
    /// To be sent once that is stored.
    pub(crate) replies: Vec<(ReplyTo, Reply)>,
}

/// The answer to a request that does not wait, and what it leads to.
pub(crate) type Handled<R> = (R, Effects);

/// What is due at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// A member, or an id that was given out, is dead unless it says something before.
    Session { group: ByteString, member: ByteString },
    /// Who has not joined by now is left out.
    Join { group: ByteString },
    /// Who has not sent SyncGroup by now is left out.
    Sync { group: ByteString },
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
pub(crate) struct GroupShard {
    settings: GroupSettings,
    /// What the log says.
    stored: Stored,
    /// The groups that are there. By name, so that what is done to all of them is done in the same order each time.
    groups: BTreeMap<ByteString, ClassicGroup>,
    deadlines: Deadlines<Timer>,
}

impl GroupShard {
    /// Nothing yet: [`replay`](Self::replay) what the log has, then say [`loaded`](Self::loaded).
    pub(crate) fn new(settings: GroupSettings) -> Self {
        Self { settings, stored: Stored::default(), groups: BTreeMap::new(), deadlines: Deadlines::default() }
    }

    /// Lets a record of the log take effect, with its offset; `producer` is that of a transaction, which is to end first.
    pub(crate) fn replay(&mut self, record: GroupRecord, log_offset: i64, producer: Option<ProducerId>) {
        self.stored.replay(record, log_offset, producer);
    }

    /// Lets the end of a transaction take effect.
    pub(crate) fn replay_end(&mut self, producer: ProducerId, outcome: TransactionOutcome) {
        self.stored.replay_end(producer, outcome);
    }

    /// Begins to serve the groups that were replayed: their members have a session from now.
    pub(crate) fn loaded(&mut self, now: Now) -> Effects {
        for (id, stored) in &self.stored.groups {
            self.groups.insert(id.clone(), ClassicGroup::loaded(id.clone(), stored));
        }
        for id in self.stored.groups_with_offsets() {
            // A group that only stores offsets.
            let group = || ClassicGroup::new(id.clone(), Timestamp::NONE);
            self.groups.entry(id.clone()).or_insert_with(group);
        }
        let first_check = after(now.instant, self.settings.offsets_retention_check_interval);
        self.deadlines.schedule(Timer::Retention, first_check);
        let (groups, mut turn) = self.turn(now);
        for group in groups.values_mut() {
            group.resume(&mut turn);
        }
        turn.effects
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Does one thing whose time has come; `None` when there is none. To be called again until then.
    pub(crate) fn handle_timeout(&mut self, now: Now) -> Option<Effects> {
        let timer = self.deadlines.pop_due(now.instant)?;
        if timer == Timer::Retention {
            let next = after(now.instant, self.settings.offsets_retention_check_interval);
            self.deadlines.schedule(Timer::Retention, next);
            return Some(self.expire_offsets(now));
        }
        let (groups, mut turn) = self.turn(now);
        match timer {
            Timer::Session { group, member } => {
                if let Some(group) = groups.get_mut(&group) {
                    group.session_expired(&member, &mut turn);
                }
            }
            Timer::Join { group } => {
                if let Some(group) = groups.get_mut(&group) {
                    group.join_time_over(&mut turn);
                }
            }
            Timer::Sync { group } => {
                if let Some(group) = groups.get_mut(&group) {
                    group.sync_time_over(&mut turn);
                }
            }
            Timer::Retention => unreachable!("it was handled above"),
        }
        Some(turn.effects)
    }

    fn turn(&mut self, now: Now) -> (&mut BTreeMap<ByteString, ClassicGroup>, Turn<'_>) {
        let turn = Turn {
            now,
            settings: &self.settings,
            deadlines: &mut self.deadlines,
            effects: Effects::default(),
        };
        (&mut self.groups, turn)
    }
}

impl Turn<'_> {
    fn answer_join(&mut self, to: ReplyTo, response: JoinGroupResponse) {
        self.effects.replies.push((to, Reply::Joined(response)));
    }

    fn answer_sync(&mut self, to: ReplyTo, response: SyncGroupResponse) {
        self.effects.replies.push((to, Reply::Synced(response)));
    }

    fn record(&mut self, record: GroupRecord) {
        self.effects.records.push(record);
    }

    fn schedule(&mut self, timer: Timer, wait: Duration) {
        self.deadlines.schedule(timer, after(self.now.instant, wait));
    }

    fn cancel(&mut self, timer: &Timer) {
        self.deadlines.cancel(timer);
    }
}

#[cfg(test)]
mod tests;
