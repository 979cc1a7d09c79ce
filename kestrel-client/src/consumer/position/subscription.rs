//! SubscriptionState: which partitions are assigned and where each one stands.
//!
//! A machine without I/O and clock, owned by the [`Engine`](crate::consumer::engine::Engine). Answers carry a [`PositionId`]; what was
//! asked about a position that has changed since is not believed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use kestrel_protocol::TopicId;

use super::leader::LeaderView;
use super::partition::{AssignedPartition, FetchState, StartAt};
use super::position_id::{AssignmentId, PositionId};
use crate::config::AutoOffsetReset;
use crate::consumer::retry::Pause;
use crate::environment::after;
use crate::error::Error;
use crate::net::ExponentialBackoff;
use crate::record::TopicPartition;

/// The time after which the stream reports a topic or partition that is missing from the metadata, and the interval in which it does.
pub(crate) const MISSING_GRACE: Duration = Duration::from_secs(5);

/// The assigned partitions.
#[derive(Debug)]
pub(crate) struct SubscriptionState {
    reset: AutoOffsetReset,
    /// The place at which partitions begin that nobody has read yet.
    start: StartAt,
    backoff: ExponentialBackoff,
    partitions: BTreeMap<AssignmentId, AssignedPartition>,
    ids: HashMap<TopicPartition, AssignmentId>,
    next_id: u64,
    /// Partitions whose error waits for the caller, in order: at most one error each.
    reports: VecDeque<AssignmentId>,
    /// Partitions that were assigned, and are not any more.
    released: Vec<TopicPartition>,
}

impl SubscriptionState {
    pub(crate) fn new(reset: AutoOffsetReset, backoff: ExponentialBackoff) -> Self {
        Self {
            reset,
            start: StartAt::Policy,
            backoff,
            partitions: BTreeMap::new(),
            ids: HashMap::new(),
            next_id: 0,
            reports: VecDeque::new(),
            released: Vec::new(),
        }
    }

    /// Partitions that nobody has read yet begin at `start`.
    pub(crate) const fn set_start(&mut self, start: StartAt) {
        self.start = start;
    }

    /// Replaces the assignment: what stays assigned keeps its position. Gives the assignments that ended.
    pub(crate) fn assign(&mut self, wanted: &[TopicPartition]) -> Vec<AssignmentId> {
        let mut kept = HashMap::with_capacity(wanted.len());
        for partition in wanted {
            let id = self.ids.get(partition).copied().unwrap_or_else(|| self.add(partition));
            self.ids.insert(partition.clone(), id);
            kept.insert(partition.clone(), id);
        }
        let ended = self.ids.iter().filter(|(partition, _)| !kept.contains_key(*partition));
        let ended: Vec<_> = ended.map(|(_, &id)| id).collect();
        for id in &ended {
            if let Some(mut partition) = self.partitions.remove(id) {
                partition.renew_acks(None);
                self.released.push(partition.name);
            }
        }
        self.reports.retain(|id| !ended.contains(id));
        self.ids = kept;
        ended
    }

    /// Takes out what was assigned when this was asked last, and is not any more.
    pub(crate) fn take_released(&mut self) -> Vec<TopicPartition> {
        std::mem::take(&mut self.released)
    }

    fn add(&mut self, partition: &TopicPartition) -> AssignmentId {
        let id = AssignmentId(self.next_id);
        self.next_id += 1;
        self.partitions.insert(id, AssignedPartition::new(partition.clone(), self.start));
        id
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    pub(crate) fn id(&self, partition: &TopicPartition) -> Option<AssignmentId> {
        self.ids.get(partition).copied()
    }

    pub(crate) fn get(&self, id: AssignmentId) -> Option<&AssignedPartition> {
        self.partitions.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: AssignmentId) -> Option<&mut AssignedPartition> {
        self.partitions.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (AssignmentId, &AssignedPartition)> {
        self.partitions.iter().map(|(&id, partition)| (id, partition))
    }

    /// The partition that `position_id` is about, unless its position was set from outside since.
    pub(crate) fn if_current(&mut self, position_id: PositionId) -> Option<&mut AssignedPartition> {
        self.partitions
            .get_mut(&position_id.id)
            .filter(|partition| partition.generation() == position_id.generation)
    }

    /// The policy for a partition without a position.
    pub(crate) const fn policy(&self) -> AutoOffsetReset {
        self.reset
    }

    /// The partition's last question failed: leave it alone for a while, which is what it gives.
    pub(crate) fn fail(&mut self, id: AssignmentId, now: Instant) -> Option<Pause> {
        let partition = self.partitions.get_mut(&id)?;
        let failures = partition.count_failure();
        let pause = Pause { failures, backoff: self.backoff.delay(failures) };
        partition.wait_until(after(now, pause.backoff));
        Some(pause)
    }

    /// Begins and ends the pauses of records that are held. True when one ends: the caller may ask for its record again.
    pub(crate) fn poll_rests(&mut self, now: Instant) -> bool {
        let Self { partitions, backoff, .. } = self;
        let mut has_ended = false;
        for partition in partitions.values_mut() {
            has_ended |= partition.parking.poll(now, |holds| backoff.delay(holds));
        }
        has_ended
    }

    /// Keeps `error` for the caller, after the errors of other partitions. An error that waits already is replaced.
    pub(crate) fn report(&mut self, id: AssignmentId, error: impl Into<Error>) {
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        partition.report.tell(&partition.name, error.into());
        self.queue_report(id);
    }

    /// Keeps the error of a stall for the caller, unless another one waits already.
    pub(crate) fn report_stall(&mut self, id: AssignmentId, error: Error) {
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        partition.report.tell_besides(error);
        self.queue_report(id);
    }

    fn queue_report(&mut self, id: AssignmentId) {
        if !self.reports.contains(&id) {
            self.reports.push_back(id);
        }
    }

    /// Forgets which partitions had errors for the caller.
    pub(crate) fn forget_told(&mut self) {
        self.partitions.values_mut().for_each(|partition| partition.report.forget_told());
    }

    pub(crate) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// The error that has waited longest, of those whose partition `may_report`.
    pub(crate) fn take_report(
        &mut self,
        may_report: impl Fn(&AssignedPartition, AssignmentId) -> bool,
    ) -> Option<Error> {
        let Self { partitions, reports, .. } = self;
        loop {
            let may_be_next =
                |id: &AssignmentId| partitions.get(id).is_none_or(|partition| may_report(partition, *id));
            let id = reports.remove(reports.iter().position(may_be_next)?)?;
            if let Some(error) = partitions.get_mut(&id).and_then(|partition| partition.report.take()) {
                return Some(error);
            }
        }
    }

    /// Whether `view` says that the partition's topic was deleted and created again.
    pub(crate) fn is_recreated(&self, id: AssignmentId, view: &LeaderView) -> bool {
        match view {
            LeaderView::Known { topic_id, .. } => self
                .partitions
                .get(&id)
                .is_some_and(|partition| is_other_topic(partition.topic_id, *topic_id)),
            LeaderView::Missing(_) | LeaderView::Refused(_) => false,
        }
    }

    /// The metadata says `view` of the partition. True when its topic was deleted and created again.
    pub(crate) fn handle_leader(&mut self, id: AssignmentId, view: LeaderView, now: Instant) -> bool {
        let Some(partition) = self.partitions.get_mut(&id) else { return false };
        match view {
            LeaderView::Missing(error) => partition.note_trouble(error, after(now, MISSING_GRACE)),
            LeaderView::Refused(error) => partition.note_trouble(error, now),
            LeaderView::Known { topic_id, leader } => {
                partition.clear_trouble();
                let recreated = is_other_topic(partition.topic_id, topic_id);
                partition.topic_id = topic_id;
                partition.set_leader(leader);
                if recreated {
                    partition.reset(match self.reset {
                        AutoOffsetReset::None => StartAt::Policy,
                        _ => StartAt::Earliest,
                    });
                }
                return recreated;
            }
        }
        false
    }

    /// Reports what has been wrong with topics for too long.
    pub(crate) fn poll_trouble(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (&id, partition) in &mut self.partitions {
            if let Some(error) = partition.due_trouble(now, MISSING_GRACE) {
                due.push((id, error));
            }
        }
        for (id, error) in due {
            self.report(id, error);
        }
    }

    /// When a pause or a grace period ends: the next time at which there may be something to do.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.partitions.values().flat_map(AssignedPartition::deadlines).filter(|&at| at > now).min()
    }

    /// Which partitions need an answer before they can be fetched, and may ask for it now.
    pub(crate) fn lookups(&self, now: Instant) -> impl Iterator<Item = (AssignmentId, &AssignedPartition)> {
        self.iter().filter(move |(_, partition)| {
            !matches!(
                partition.state(),
                FetchState::AwaitingCommitted | FetchState::Fetching(_) | FetchState::Truncated { .. }
            ) && partition.may_ask(now)
        })
    }
}

/// Whether two ids are known and differ: brokers before Kafka 2.8 give none.
fn is_other_topic(known: TopicId, seen: TopicId) -> bool {
    !known.is_nil() && !seen.is_nil() && known != seen
}

#[cfg(test)]
mod tests;
