//! A machine by script: its log is a list, its clock is moved by hand. For the tests of any machine.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{DecodeError, Timestamp};

use super::super::effects::Effects;
use super::super::load::replay_batch;
use super::super::machine::{EffectsOf, Machine, Now};
use super::super::record::{LogPlace, LogRecord};
use super::super::reply::{Awaited, Parked, ReplyTo};
use crate::log::Transaction;

/// A machine with what a slot and its driver are to it otherwise.
pub(in crate::coordinator) struct Script<M: Machine> {
    pub(in crate::coordinator) machine: M,
    pub(in crate::coordinator) now: Now,
    /// What the machine asked and nobody has taken yet.
    pub(in crate::coordinator) asks: Vec<M::Ask>,
    /// What the next machine is made with.
    pub(in crate::coordinator) settings: M::Settings,
    /// By offset; none where the cleaner has taken something out.
    log: Vec<Option<Logged>>,
}

/// What is at an offset of the log.
#[derive(Debug, Clone, PartialEq)]
enum Logged {
    Record { key: Bytes, value: Option<Bytes>, transaction: Option<Transaction> },
    End(Transaction, TransactionOutcome),
}

impl<M: Machine> Script<M> {
    /// A machine that serves an empty log.
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    pub(in crate::coordinator) fn new(settings: M::Settings) -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp::from_millis(1_700_000_000_000) };
        let machine = M::new(settings.clone());
        let mut script = Self { machine, now, asks: Vec::new(), settings, log: Vec::new() };
        let effects = script.machine.loaded(now);
        script.apply(effects);
        script
    }

    /// How many records the log has, markers included.
    pub(in crate::coordinator) const fn log_len(&self) -> usize {
        self.log.len()
    }

    /// The last record of the log.
    pub(in crate::coordinator) fn last_record(&self) -> Option<M::Record> {
        match self.log.last()?.clone()? {
            Logged::Record { key, value, .. } => M::Record::decode(key, value).ok(),
            Logged::End(..) => None,
        }
    }

    /// Lets effects happen as a slot does.
    pub(in crate::coordinator) fn apply(&mut self, effects: EffectsOf<M>) {
        let Effects { records, transaction, replies, asks } = effects;
        for record in records {
            let offset = i64::try_from(self.log.len()).unwrap();
            let (key, value) = record.encode();
            self.log.push(Some(Logged::Record { key, value, transaction }));
            self.machine.replay(record, LogPlace { offset, transaction });
        }
        replies.into_iter().for_each(|reply| reply.park(None));
        self.asks.extend(asks);
    }

    /// Hands a request in that does not wait.
    pub(in crate::coordinator) fn handle<R>(
        &mut self,
        command: impl FnOnce(&mut M, Now) -> (R, EffectsOf<M>),
    ) -> R {
        let (answer, effects) = command(&mut self.machine, self.now);
        self.apply(effects);
        answer
    }

    /// Hands a request in that may wait; [`Reply::take`] has the answer once there is one.
    pub(in crate::coordinator) fn handle_waiting<R: Debug + Send + 'static>(
        &mut self,
        command: impl FnOnce(&mut M, ReplyTo<R>, Now) -> EffectsOf<M>,
    ) -> Reply<R> {
        let (to, awaited) = ReplyTo::new();
        let effects = command(&mut self.machine, to, self.now);
        self.apply(effects);
        Reply(awaited)
    }

    /// Ends a transaction.
    pub(in crate::coordinator) fn end(&mut self, transaction: Transaction, outcome: TransactionOutcome) {
        self.log.push(Some(Logged::End(transaction, outcome)));
        self.machine.replay_end(transaction, outcome);
    }

    /// Brings the answer to an ask.
    pub(in crate::coordinator) fn answer(&mut self, answer: M::Answer) {
        let effects = self.machine.handle_answer(answer, self.now);
        self.apply(effects);
    }

    /// Lets time pass; what is due happens when it is due.
    pub(in crate::coordinator) fn pass(&mut self, duration: Duration) {
        let end = self.now.instant + duration;
        while let Some(due) = self.machine.next_deadline().filter(|due| *due <= end) {
            self.move_clock(due.saturating_duration_since(self.now.instant));
            let effects = self.machine.handle_timeout(self.now).expect("something is due");
            self.apply(effects);
        }
        self.move_clock(end - self.now.instant);
    }

    fn move_clock(&mut self, by: Duration) {
        self.now = Now { instant: self.now.instant + by, wall: self.now.wall.saturating_add(by) };
    }

    /// A fresh machine that read the log. It is still to be told that it is loaded.
    pub(in crate::coordinator) fn reloaded(&self) -> M {
        self.replayed(|_, _| true)
    }

    /// A fresh machine that read the log after compaction: of each key that no transaction touches the last record is left, and
    /// that only if it is no tombstone.
    fn compacted(&self) -> M {
        let mut last = HashMap::new();
        let mut in_transactions = HashSet::new();
        for (place, logged) in self.logged() {
            match logged {
                Logged::Record { key, transaction: None, .. } => _ = last.insert(key, place),
                Logged::Record { key, .. } => _ = in_transactions.insert(key),
                Logged::End(..) => {}
            }
        }
        self.replayed(|place, logged| match logged {
            // What it supersedes, or is superseded by, may count from a later marker on.
            Logged::Record { key, .. } if in_transactions.contains(key) => true,
            Logged::Record { key, value, .. } => value.is_some() && last[key] == place,
            Logged::End(..) => true,
        })
    }

    fn logged(&self) -> impl DoubleEndedIterator<Item = (usize, &Logged)> {
        self.log.iter().enumerate().filter_map(|(place, logged)| Some((place, logged.as_ref()?)))
    }

    fn replayed(&self, is_kept: impl Fn(usize, &Logged) -> bool) -> M {
        let mut machine = M::new(self.settings.clone());
        for (place, logged) in self.logged().filter(|(place, logged)| is_kept(*place, logged)) {
            let offset = i64::try_from(place).unwrap();
            match logged.clone() {
                Logged::Record { key, value, transaction } => {
                    let record = M::Record::decode(key, value).expect("a machine reads what it wrote");
                    machine.replay(record, LogPlace { offset, transaction });
                }
                Logged::End(transaction, outcome) => machine.replay_end(transaction, outcome),
            }
        }
        machine
    }

    /// Cleans the log up to an offset, or to its first open transaction, as the cleaner does when nothing has to be kept for a
    /// while: of each key the last record is left, and that only if it is no tombstone; of an aborted transaction nothing; a
    /// marker goes when its transaction has no record left. For machines whose transactions count in the order of their records.
    pub(in crate::coordinator) fn clean(&mut self, up_to: usize) {
        let mut outcomes = HashMap::new();
        let mut aborted = HashSet::new();
        let mut up_to = up_to.min(self.log.len());
        for (place, logged) in self.logged().rev() {
            match logged {
                Logged::End(transaction, outcome) => _ = outcomes.insert(transaction.producer_id, *outcome),
                Logged::Record { transaction: Some(transaction), .. } => {
                    match outcomes.get(&transaction.producer_id) {
                        Some(TransactionOutcome::Abort) => _ = aborted.insert(place),
                        Some(TransactionOutcome::Commit) => {}
                        None => up_to = up_to.min(place),
                    }
                }
                Logged::Record { transaction: None, .. } => {}
            }
        }
        let mut last = HashMap::new();
        for (place, logged) in self.logged().take_while(|(place, _)| *place < up_to) {
            if let Logged::Record { key, .. } = logged
                && !aborted.contains(&place)
            {
                last.insert(key.clone(), place);
            }
        }
        let mut with_records = HashSet::new();
        for (place, slot) in self.log.iter_mut().enumerate().take(up_to) {
            let is_kept = match &*slot {
                Some(Logged::Record { key, value, transaction }) => {
                    let is_kept = value.is_some() && last.get(key) == Some(&place);
                    with_records.extend(transaction.filter(|_| is_kept).map(|one| one.producer_id));
                    is_kept
                }
                Some(Logged::End(transaction, _)) => with_records.remove(&transaction.producer_id),
                None => false,
            };
            slot.take_if(|_| !is_kept);
        }
    }

    /// Stops the machine and starts another one on the same log.
    pub(in crate::coordinator) fn restart(&mut self) {
        self.machine = self.reloaded();
        self.asks.clear();
        let effects = self.machine.loaded(self.now);
        self.apply(effects);
    }

    /// Checks that a fresh machine that is fed the records equals the live one in its hard state, also after compaction.
    ///
    /// # Panics
    /// When it does not.
    pub(in crate::coordinator) fn assert_replay_equals_live<H: PartialEq + Debug + ?Sized>(
        &self,
        hard: impl Fn(&M) -> &H,
    ) {
        assert_eq!(hard(&self.reloaded()), hard(&self.machine), "replay equals live");
        assert_eq!(hard(&self.compacted()), hard(&self.machine), "replay equals live after compaction");
    }
}

/// Replays the batches of a segment.
///
/// # Errors
/// When one is damaged.
pub(in crate::coordinator) fn replay_segment<M: Machine>(
    segment: impl Into<Bytes>,
    machine: &mut M,
) -> Result<(), DecodeError> {
    RecordBatches::new(segment.into()).try_for_each(|batch| replay_batch(&batch?, machine))
}

/// Where the answer to a request arrives that waits.
#[derive(Debug)]
pub(in crate::coordinator) struct Reply<R>(Awaited<R>);

impl<R> Reply<R> {
    /// The answer; none while the request waits, when it was taken, and when the machine is gone.
    pub(in crate::coordinator) fn take(&mut self) -> Option<R> {
        self.0.try_recv().ok().map(Parked::into_value)
    }
}
