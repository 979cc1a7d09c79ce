//! The caller's side of the engine: what there is to hand out, what is in the caller's hands, seeks and pauses.

use std::ops::Range;
use std::task::Waker;

use super::{Engine, Held, Offer, damaged, position_error};
use crate::config::IsolationLevel;
use crate::consumer::fetch::{CompletedFetch, Damage};
use crate::consumer::position::{
    AssignedPartition, AssignmentId, FetchPosition, FetchState, PositionId, StartAt,
};
use crate::error::{Error, PositionError};
use crate::record::{Timestamp, TopicPartition};

/// Whether the caller may go on with the run that it has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recheck {
    GoOn,
    /// Their partition was paused: they are put back.
    Rest,
    /// They belong to an older position: they are dropped.
    Void,
}

/// The distance of the caller from the end of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
    /// The offset that is handed out next.
    pub(crate) position: i64,
    /// The offset up to which records can be read.
    pub(crate) end_offset: i64,
}

impl Lag {
    /// The number of offsets between both.
    pub(crate) fn records(self) -> i64 {
        (self.end_offset - self.position).max(0)
    }
}

impl Engine {
    /// Takes out the next run or problem for the caller: problems of a partition come after the records before them.
    pub(crate) fn take(&mut self, waker: &Waker) -> Offer {
        let (buffer, subscription) = (&mut self.buffer, &mut self.subscription);
        if let Some(error) = self.problems.pop() {
            return Offer::Problem(error);
        }
        if self.closed {
            return Offer::Ended;
        }
        if let Some(error) = subscription
            .take_report(|partition, id| partition.report.comes_first() || buffer.first(id).is_none())
        {
            return Offer::Problem(error);
        }
        let may_take = |id| subscription.get(id).is_some_and(AssignedPartition::may_hand_out);
        if let Some(mut fetch) = buffer.take(may_take) {
            fetch.acks = subscription.get(fetch.position_id.id).and_then(|partition| partition.acks.clone());
            self.progress.begin(fetch.next_offset());
            self.held = Some(Held {
                position_id: fetch.position_id,
                size_bytes: fetch.size_bytes(),
                first_offset: fetch.next_offset(),
                epochs: fetch.epochs().clone(),
            });
            return Offer::Records(fetch);
        }
        if self.is_range_over() || self.subscription.is_empty() && !self.in_group {
            return Offer::Ended;
        }
        self.waker = Some(waker.clone());
        Offer::Nothing
    }

    /// Whether [`Self::take`] would give a run after the one that is taken.
    pub(crate) fn has_next(&self) -> bool {
        let mut waiting = self.buffer.sizes();
        waiting.any(|(id, _)| self.subscription.get(id).is_some_and(AssignedPartition::may_hand_out))
    }

    /// Partitions that nobody has read yet begin at `time`.
    pub(crate) fn start_at(&mut self, time: Timestamp) {
        self.subscription.set_start(StartAt::Time(time));
    }

    /// Reads `range` of a partition and no more.
    pub(crate) fn set_range(&mut self, partition: &TopicPartition, range: Range<i64>) -> Result<(), Error> {
        self.seek(partition, range.start)?;
        let (_, state) = self.assigned(partition)?;
        state.range_end = Some(range.end);
        Ok(())
    }

    /// Whether every partition was read to the end of its range.
    pub(super) fn is_range_over(&self) -> bool {
        let mut partitions = self.subscription.iter();
        !self.subscription.is_empty()
            && self.held.is_none()
            && partitions.all(|(id, state)| state.is_at_range_end() && self.buffer.first(id).is_none())
    }

    /// Ends the run that was taken: it was handed out to its end, or its partition is not assigned any more.
    pub(crate) fn release(&mut self) {
        self.take_over_done();
        self.held = None;
    }

    /// Takes over what the caller is done with of the run in its hands.
    pub(super) fn take_over_done(&mut self) {
        let Some(held) = &self.held else { return };
        let offset = self.progress.done_offset();
        let epoch = held.epochs.iter().rev().find(|(start, _)| *start < offset).and_then(|&(_, epoch)| epoch);
        if let Some(partition) = self.subscription.if_current(held.position_id) {
            if held.first_offset < offset {
                partition.handed_out = Some(offset);
                partition.parking.forget_holds();
            }
            // A run that begins where a commit left off has nothing new to say before its first record is done.
            if partition.done.is_none_or(|done| done.offset < offset) {
                partition.done = Some(FetchPosition { offset, epoch });
            }
        }
    }

    /// Takes back what was not handed out to its end. False when it belongs to an older position: then it is dropped.
    pub(crate) fn put_back(&mut self, mut fetch: Box<CompletedFetch>) -> bool {
        self.release();
        let Some(partition) = self.subscription.if_current(fetch.position_id) else { return false };
        if partition.paused {
            fetch.detach();
        }
        self.buffer.put_back(fetch);
        true
    }

    /// As [`Self::put_back`], for a run whose next record needs something that the caller's task waits for: nothing more of its
    /// partition is handed out until [`Self::unpark`].
    pub(crate) fn park(&mut self, fetch: Box<CompletedFetch>) -> bool {
        let position_id = fetch.position_id;
        let is_current = self.put_back(fetch);
        if let Some(partition) = self.subscription.if_current(position_id) {
            partition.parking.park();
        }
        is_current
    }

    /// The caller's task has what the next record at this position needs.
    pub(crate) fn unpark(&mut self, position_id: PositionId) {
        if let Some(partition) = self.subscription.if_current(position_id) {
            partition.parking.unpark();
        }
    }

    /// As [`Self::put_back`], for a run whose next record can neither be handed out nor passed: it is offered again after a pause.
    pub(crate) fn hold(&mut self, mut fetch: Box<CompletedFetch>) -> bool {
        let position_id = fetch.position_id;
        fetch.detach();
        let is_current = self.put_back(fetch);
        if let Some(partition) = self.subscription.if_current(position_id) {
            partition.parking.hold();
            partition.report.note_told();
        }
        is_current
    }

    /// Whether a run that was put back may still be handed out some time.
    pub(crate) fn is_current(&mut self, position_id: PositionId) -> bool {
        self.subscription.if_current(position_id).is_some_and(|partition| !partition.revoking)
    }

    /// Grows when records that the caller has taken may have become void.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the caller may go on with `fetch`. An error is to be handed out; the records are void then.
    pub(crate) fn recheck(&mut self, fetch: &CompletedFetch) -> Result<Recheck, Error> {
        let id = fetch.position_id.id;
        let truncated =
            |partition: &AssignedPartition| matches!(partition.state(), FetchState::Truncated { .. });
        if self.subscription.get(id).is_some_and(truncated) {
            self.release();
            return self.resolve_truncation(id, fetch.position()).map_or(Ok(Recheck::Void), Err);
        }
        match self.subscription.if_current(fetch.position_id).filter(|partition| !partition.revoking) {
            Some(partition) if partition.paused => Ok(Recheck::Rest),
            Some(_) => Ok(Recheck::GoOn),
            None => {
                self.release();
                Ok(Recheck::Void)
            }
        }
    }

    /// The records in the caller's hands are damaged at `damage`: they are fetched again after a pause.
    pub(crate) fn refetch(
        &mut self,
        position_id: PositionId,
        position: FetchPosition,
        damage: Damage,
    ) -> Option<Error> {
        self.release();
        let partition = self.subscription.if_current(position_id)?;
        partition.seek(position);
        partition.fail_outside();
        let error = position_error(partition, damaged(damage));
        self.buffer.drop_partition(position_id.id);
        Some(error.into())
    }

    /// Replaces the assignment: what stays assigned keeps its position.
    pub(crate) fn assign(&mut self, partitions: &[TopicPartition]) {
        self.note_losses(partitions);
        for id in self.subscription.assign(partitions) {
            self.buffer.drop_partition(id);
            self.recall();
        }
        self.has_new_partitions = true;
        self.wake();
    }

    /// Makes the caller look again whether what it has taken, or waits for, is still to be handed out.
    const fn recall(&mut self) {
        self.revision += 1;
    }

    pub(crate) fn assignment(&self) -> Vec<TopicPartition> {
        if self.closed {
            return Vec::new();
        }
        self.subscription.iter().map(|(_, partition)| partition.name.clone()).collect()
    }

    pub(crate) fn paused(&self) -> Vec<TopicPartition> {
        let paused = self.subscription.iter().filter(|(_, partition)| partition.paused);
        paused.map(|(_, partition)| partition.name.clone()).collect()
    }

    pub(crate) fn set_paused(&mut self, partition: &TopicPartition, paused: bool) -> Result<(), Error> {
        let (id, state) = self.assigned(partition)?;
        state.paused = paused;
        if paused {
            self.buffer.detach(id);
            self.recall();
        } else {
            self.wake();
        }
        Ok(())
    }

    pub(crate) fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), Error> {
        let (id, state) = self.assigned(partition)?;
        let position = FetchPosition { offset, epoch: None };
        state.begin_at(position);
        self.renew_acks(id);
        self.buffer.drop_partition(id);
        self.recall();
        Ok(())
    }

    pub(crate) fn reset(&mut self, partition: &TopicPartition, to: StartAt) -> Result<(), Error> {
        let (id, state) = self.assigned(partition)?;
        state.reset(to);
        self.renew_acks(id);
        self.buffer.drop_partition(id);
        self.recall();
        Ok(())
    }

    /// The offset that is handed out next; `None` until it is known.
    pub(crate) fn position(&mut self, partition: &TopicPartition) -> Result<Option<i64>, Error> {
        let (id, state) = self.assigned(partition)?;
        let (position_id, fetch_offset) = (state.position_id(id), state.fetch_offset());
        if self.held.as_ref().is_some_and(|held| held.position_id == position_id) {
            return Ok(Some(self.progress.next_offset()));
        }
        Ok(self.buffer.first(id).map(CompletedFetch::next_offset).or(fetch_offset))
    }

    /// The offset up to which records of a partition can be read, as its last fetch said.
    pub(crate) fn readable_end(&mut self, partition: &TopicPartition) -> Result<Option<i64>, Error> {
        let isolation_level = self.settings.isolation_level;
        let (_, state) = self.assigned(partition)?;
        Ok(match isolation_level {
            IsolationLevel::ReadUncommitted => state.high_watermark,
            IsolationLevel::ReadCommitted => state.last_stable_offset,
        })
    }

    /// The caller's position and the partition's end as its last fetch said; `None` while one of both is not known.
    pub(crate) fn lag(&mut self, partition: &TopicPartition) -> Result<Option<Lag>, Error> {
        let (position, end_offset) = (self.position(partition)?, self.readable_end(partition)?);
        Ok(position.zip(end_offset).map(|(position, end_offset)| Lag { position, end_offset }))
    }

    /// The lags of assignments, by partition.
    pub(crate) fn lags(&mut self, ids: &[AssignmentId]) -> Vec<(TopicPartition, Lag)> {
        let names = ids.iter().filter_map(|&id| Some(self.subscription.get(id)?.name.clone()));
        let names: Vec<_> = names.collect();
        let lag = |name: TopicPartition| {
            let lag = self.lag(&name).ok().flatten()?;
            Some((name, lag))
        };
        names.into_iter().filter_map(lag).collect()
    }

    /// The offset that the task of a partition is handed next, if it has not been handed `in_hand` records that are not done
    /// yet; `None` when it has, and more are on their way to it, and when the partition is not assigned any more.
    pub(crate) fn task_position(&mut self, partition: &TopicPartition, in_hand: usize) -> Option<i64> {
        let position = self.position(partition).ok()??;
        let acks = self.subscription.get(self.subscription.id(partition)?)?.acks.as_ref()?;
        match in_hand {
            0 => Some(acks.committable(position).offset),
            _ => (acks.open_records() <= in_hand).then_some(position),
        }
    }

    fn assigned(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<(AssignmentId, &mut AssignedPartition), Error> {
        self.check_open()?;
        let id = self.subscription.id(partition);
        let found = id.and_then(|id| Some((id, self.subscription.get_mut(id)?)));
        found.ok_or_else(|| PositionError::not_assigned(partition).into())
    }
}
