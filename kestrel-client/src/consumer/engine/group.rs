//! The group's side of the [`Engine`]: taking partitions on and giving them up, committed offsets, what may be committed.
//!
//! Called by the group's driver only. A partition that is given up is not handed out from any more at once; it stays
//! assigned, with what the caller is done with, until its last commit is through.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::TopicId;

use super::Engine;
use super::losses::{Loss, Losses};
use crate::acks::PartitionAcks;
use crate::config::CommitPolicy;
use crate::consumer::handout::CallerProgress;
use crate::consumer::position::{
    AssignedPartition, AssignmentId, FetchPosition, FetchState, PositionId, StartAt,
};
use crate::error::Error;
use crate::record::TopicPartition;

/// A position that may be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committable {
    pub(crate) partition: TopicPartition,
    /// The assignment that the position belongs to.
    pub(crate) id: AssignmentId,
    pub(crate) position: FetchPosition,
}

/// Whether tasks may work on a partition: what [`PartitionTasks`](crate::consumer::handout::PartitionTasks) go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayWork {
    Now,
    /// The partition is paused.
    Later,
    /// The partition is being given up, or is gone.
    NoMore,
}

impl Engine {
    /// Begins group mode: a group decides what is assigned.
    pub(crate) fn enter_group(&mut self) {
        self.in_group = true;
        self.max_open_records = self.own_max_open_records();
    }

    /// With `CommitPolicy::OnAck` the caller says of each record that it is done.
    fn own_max_open_records(&self) -> Option<usize> {
        let group = &self.settings.group;
        (group.commit_policy() == CommitPolicy::OnAck).then_some(group.max_open_records)
    }

    /// Begins task mode: records go to the tasks of their partitions, which ack each of them. What was handed out
    /// before and not done is handed out again.
    pub(crate) fn begin_partition_acks(&mut self, max_open_records: usize) {
        self.max_open_records = Some(max_open_records);
        self.has_partition_tasks = true;
        self.go_back_to_done();
    }

    /// The tasks are over: what they have not done is handed out again.
    pub(crate) fn end_partition_acks(&mut self) {
        self.has_partition_tasks = false;
        self.max_open_records = self.own_max_open_records();
        self.go_back_to_done();
    }

    fn go_back_to_done(&mut self) {
        let ids: Vec<_> = self.subscription.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(partition) = self.subscription.get_mut(id) else { continue };
            if let Some(done) = partition.committable()
                && partition.done != Some(done)
            {
                partition.seek(done);
                partition.done = Some(done);
                partition.handed_out = None;
                self.buffer.drop_partition(id);
            }
            self.renew_acks(id);
        }
    }

    /// Says whether tasks of their own may work on the partition of this assignment.
    pub(crate) fn may_work_on(&self, id: AssignmentId) -> MayWork {
        match self.subscription.get(id) {
            Some(partition) if !partition.revoking && partition.paused => MayWork::Later,
            Some(partition) if !partition.revoking => MayWork::Now,
            Some(_) | None => MayWork::NoMore,
        }
    }

    pub(crate) const fn progress(&self) -> &Arc<CallerProgress> {
        &self.progress
    }

    /// Hands out nothing more of `partitions`, not even what is in the caller's hands unread.
    pub(crate) fn begin_revoke(&mut self, partitions: &BTreeSet<TopicPartition>) {
        for partition in partitions {
            let Some(id) = self.subscription.id(partition) else { continue };
            self.buffer.drop_partition(id);
            if let Some(state) = self.subscription.get_mut(id) {
                state.revoking = true;
            }
        }
        self.revision += 1;
    }

    /// Whether the caller works on something of `partitions`: it has not asked for more since.
    pub(crate) fn is_in_hand(&self, partitions: &BTreeSet<TopicPartition>) -> bool {
        let held = self.held.as_ref().and_then(|held| self.subscription.get(held.position_id.id));
        self.progress.is_busy() && held.is_some_and(|partition| partitions.contains(&partition.name))
    }

    /// The group's assignment: what stays keeps its position, what is new begins where `starts` says, else where the group
    /// has committed.
    pub(crate) fn take_on(
        &mut self,
        assigned: &BTreeSet<TopicPartition>,
        starts: &BTreeMap<TopicPartition, i64>,
        paused: &BTreeSet<TopicPartition>,
    ) {
        self.keep_pauses(assigned);
        if !assigned.is_empty() {
            self.problems.forget_logged();
        }
        let known: BTreeSet<_> = self.subscription.iter().map(|(id, _)| id).collect();
        let assigned: Vec<_> = assigned.iter().cloned().collect();
        self.assign(&assigned);
        let added = self.subscription.iter().map(|(id, _)| id).filter(|id| !known.contains(id));
        for id in added.collect::<Vec<_>>() {
            let Some(partition) = self.subscription.get_mut(id) else { continue };
            match starts.get(&partition.name) {
                Some(&offset) => partition.begin_at(FetchPosition { offset, epoch: None }),
                None => partition.await_committed(),
            }
            let is_paused = self.kept_pauses.remove(&partition.name) || paused.contains(&partition.name);
            partition.paused = is_paused;
            self.renew_acks(id);
        }
        self.revision += 1;
        self.wake();
    }

    /// Starts counting acks of a partition anew: what was handed out of it belongs to an older position.
    pub(super) fn renew_acks(&mut self, id: AssignmentId) {
        let progress = self.progress.clone();
        let max_open_records = self.max_open_records;
        let acks = max_open_records.map(|most| PartitionAcks::new(most, move || progress.ring()));
        if let Some(partition) = self.subscription.get_mut(id) {
            partition.renew_acks(acks);
        }
    }

    /// The acks of `partitions`.
    pub(crate) fn acks_of(&self, partitions: &BTreeSet<TopicPartition>) -> Vec<Arc<PartitionAcks>> {
        let ids = partitions.iter().filter_map(|partition| self.subscription.id(partition));
        ids.filter_map(|id| self.subscription.get(id)?.acks.clone()).collect()
    }

    /// Ends the assignment of all partitions.
    pub(crate) fn take_on_nothing(&mut self) {
        self.take_on(&BTreeSet::new(), &BTreeMap::new(), &BTreeSet::new());
    }

    fn keep_pauses(&mut self, assigned: &BTreeSet<TopicPartition>) {
        if self.settings.group.keep_pauses {
            let ends = self.subscription.iter().filter(|(_, state)| !assigned.contains(&state.name));
            let paused = ends.filter(|(_, state)| state.paused).map(|(_, state)| state.name.clone());
            self.kept_pauses.extend(paused);
        }
    }

    /// The positions up to which the caller is done, by partition.
    pub(crate) fn committable(&mut self) -> Vec<Committable> {
        self.take_over_done();
        let done = self.subscription.iter().filter_map(|(id, state)| {
            Some(Committable { partition: state.name.clone(), id, position: state.committable()? })
        });
        done.collect()
    }

    /// The group has `offset` for an assignment of a partition, which may have ended.
    pub(crate) fn note_committed(&mut self, name: &TopicPartition, id: AssignmentId, offset: i64) {
        self.losses.handle_committed(name, id, offset);
        if let Some(partition) = self.subscription.get_mut(id) {
            partition.committed = Some(offset);
        }
    }

    /// Takes all partitions back to what the group has committed: what was fetched, or handed out, from there on is void.
    pub(crate) fn go_back_to_committed(&mut self) {
        for id in self.subscription.iter().map(|(id, _)| id).collect::<Vec<_>>() {
            let Some(partition) = self.subscription.get_mut(id) else { continue };
            partition.await_committed();
            (partition.done, partition.handed_out) = (None, None);
            self.renew_acks(id);
            self.buffer.drop_partition(id);
        }
        self.losses = Losses::default();
        self.revision += 1;
        self.wake();
    }

    /// Whether the caller has sent itself to an end of a log that is not known yet.
    pub(crate) fn seeks_an_end(&self) -> bool {
        let is_sent = |state: &AssignedPartition| {
            matches!(state.state(), FetchState::AwaitingReset(StartAt::Earliest | StartAt::Latest))
        };
        self.subscription.iter().any(|(_, state)| is_sent(state))
    }

    /// The partitions of which a commit now would cover something that is lost.
    pub(crate) fn report_losses(&mut self) -> Vec<TopicPartition> {
        self.losses.report(self.progress.hand_outs())
    }

    /// The caller has heard of a commit that failed.
    pub(crate) fn mark_losses_reported(&mut self) {
        self.losses.mark_reported(self.progress.hand_outs());
    }

    /// The partitions of which closing would have committed something that is lost.
    pub(crate) fn last_losses(&self) -> Vec<TopicPartition> {
        match self.settings.group.commit_policy() {
            CommitPolicy::Manual => Vec::new(),
            CommitPolicy::Interval(_) | CommitPolicy::OnAck => self.losses.at_last(self.progress.hand_outs()),
        }
    }

    /// Only `kept` stay assigned: what was handed out of the others and not committed is lost.
    pub(super) fn note_losses(&mut self, kept: &[TopicPartition]) {
        let kept: HashSet<_> = kept.iter().collect();
        let ends = self.subscription.iter().filter(|(_, partition)| !kept.contains(&partition.name));
        for id in ends.map(|(id, _)| id).collect::<Vec<_>>() {
            self.note_loss(id);
        }
    }

    /// Notes that what was handed out of a partition can't be committed any more.
    pub(super) fn note_loss(&mut self, id: AssignmentId) {
        self.take_over_done();
        let Some(partition) = self.subscription.get(id).filter(|_| self.in_group) else { return };
        let is_news = |offset: &i64| partition.committed.is_none_or(|committed| committed < *offset);
        let is_held = self.held.as_ref().is_some_and(|held| held.position_id == partition.position_id(id));
        let done = match &partition.acks {
            Some(acks) => acks.done_end(),
            None => partition.handed_out,
        };
        let done_end = done.filter(is_news);
        let was_in_hand = is_held && partition.acks.is_none() && self.progress.is_open();
        let acks = partition.acks.clone().filter(|acks| acks.open_records() > 0);
        if done_end.is_some() || was_in_hand || acks.is_some() {
            let lost_after = self.progress.hand_outs();
            let loss = Loss { id, done_end, was_in_hand, acks, lost_after, reported_after: None };
            self.losses.note(partition.name.clone(), loss);
        }
    }

    pub(crate) fn is_assigned(&self, id: AssignmentId) -> bool {
        self.subscription.get(id).is_some()
    }

    /// The current assignment of a partition.
    pub(crate) fn assigned_id(&self, partition: &TopicPartition) -> Option<AssignmentId> {
        self.subscription.id(partition)
    }

    pub(crate) fn topic_id(&self, partition: &TopicPartition) -> Option<TopicId> {
        let id = self.subscription.id(partition)?;
        self.subscription.get(id).map(|state| state.topic_id)
    }

    /// The partitions whose committed offset is to be asked for now. They count as asked.
    pub(crate) fn poll_committed(&mut self, now: Instant) -> Vec<(TopicPartition, PositionId)> {
        let due = self.subscription.iter().filter(|(_, state)| state.may_ask_committed(now));
        let due: Vec<_> = due.map(|(id, state)| (state.name.clone(), state.position_id(id))).collect();
        for (_, position_id) in &due {
            if let Some(state) = self.subscription.get_mut(position_id.id) {
                state.mark_asked();
            }
        }
        due
    }

    /// When [`Self::poll_committed`] may have more: after a pause.
    pub(crate) fn committed_deadline(&self, now: Instant) -> Option<Instant> {
        let waits =
            self.subscription.iter().filter(|(_, state)| state.state() == FetchState::AwaitingCommitted);
        waits.flat_map(|(_, state)| state.deadlines()).filter(|&at| at > now).min()
    }

    /// The group has committed `position`, or nothing.
    pub(crate) fn handle_committed(&mut self, position_id: PositionId, position: Option<FetchPosition>) {
        let Some(partition) = self.awaiting_committed(position_id) else { return };
        partition.succeed();
        partition.committed = position.map(|position| position.offset);
        match position {
            Some(position) => partition.resume(position),
            None => partition.begin_again(),
        }
    }

    /// The committed offset is not known yet: it is asked for again, whatever `auto.offset.reset` says. An error that lasts is
    /// for the caller at once.
    pub(crate) fn handle_committed_failure(
        &mut self,
        position_id: PositionId,
        error: Error,
        is_lasting: bool,
        now: Instant,
    ) {
        let Some(partition) = self.awaiting_committed(position_id) else { return };
        partition.note_failure(error.clone());
        self.subscription.fail(position_id.id, now);
        if is_lasting {
            self.subscription.report(position_id.id, error);
        }
        self.wake_for_reports();
    }

    fn awaiting_committed(&mut self, position_id: PositionId) -> Option<&mut AssignedPartition> {
        let partition = self.subscription.if_current(position_id)?;
        (partition.state() == FetchState::AwaitingCommitted).then_some(partition)
    }

    /// A problem of the whole group, for the caller.
    pub(crate) fn report_problem(&mut self, error: Error) {
        self.problems.push(error);
        self.wake();
    }

    /// Whether the log does not have this problem of the group yet. It has by then.
    pub(crate) fn is_news(&mut self, problem: &Error) -> bool {
        self.problems.is_news(problem)
    }

    /// Wakes a waiting caller, so that it polls; one that is busy or gone does not.
    pub(crate) fn nudge(&mut self) {
        self.wake();
    }
}

#[cfg(test)]
mod tests;
