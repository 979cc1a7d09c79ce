//! Engine: the machines of one consumer together, behind the one lock that the driver and the caller's task share.
//!
//! The driver polls it for requests and hands in answers; the caller's task takes out fetched records and sets positions.
//! No I/O, no clock, no await: every call is a few lines of state. Seeks and pauses are synchronous because of it.

mod group;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::fetch::{FetchResponse, PartitionData};
use kestrel_protocol::messages::list_offsets::ListOffsetsResponse;
use kestrel_protocol::messages::offset_for_leader_epoch::OffsetForLeaderEpochResponse;
use kestrel_protocol::{
    ApiKey, ByteString, DecodeError, DecodeErrorKind, ErrorClass, ErrorCode, LeaderEpoch, NodeId,
};

use super::completed_fetch::{CompletedFetch, Damage, EpochStart, Fetched, Scan};
use super::error::{PositionError, PositionProblem};
use super::fetch_buffer::FetchBuffer;
use super::fetcher::{FetchWork, Fetcher, Lane, PartitionAnswer};
use super::offsets::{self, Asked, Lookup, LookupOutcome};
use super::partition::{AssignedPartition, FetchPosition, FetchState, Leader, LeaderView, ResetTo};
use super::progress::Progress;
use super::subscription::{PartitionId, SubscriptionState, Ticket};
use crate::config::{AutoOffsetReset, ConsumerSettings, IsolationLevel};
use crate::error::{BrokerError, Error};
use crate::metadata::{LeaderHint, MetadataSnapshot};
use crate::net::ExponentialBackoff;
use crate::record::{Timestamp, TopicPartition};

/// What the driver is to do.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) fetches: Vec<FetchWork>,
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) wants_metadata: bool,
}

/// The answer to a lookup.
#[derive(Debug)]
pub(crate) enum LookupAnswer {
    Offsets(ListOffsetsResponse),
    LeaderEpochs(OffsetForLeaderEpochResponse),
}

/// Leaders that a broker named in a fetch answer, with their addresses (KIP-951).
#[derive(Debug, Default)]
pub(crate) struct Hints {
    pub(crate) leaders: Vec<LeaderHint>,
    pub(crate) endpoints: Vec<(NodeId, ByteString, i32, Option<ByteString>)>,
}

/// What there is for the caller.
#[derive(Debug)]
pub(crate) enum Delivery {
    Records(Box<CompletedFetch>),
    Problem(Error),
    /// Nothing will ever come: nothing is assigned, or the consumer is closed.
    Ended,
    /// Nothing yet: the waker will be called.
    Nothing,
}

/// What the caller's task has taken out.
#[derive(Debug, Clone)]
struct Held {
    ticket: Ticket,
    size_bytes: usize,
    epochs: Arc<[EpochStart]>,
}

/// The state of one consumer.
#[derive(Debug)]
pub(crate) struct Engine {
    settings: Arc<ConsumerSettings>,
    preferred_replica_max_age: Duration,
    subscription: SubscriptionState,
    fetcher: Fetcher,
    buffer: FetchBuffer,
    held: Option<Held>,
    progress: Arc<Progress>,
    /// Whether a group decides what is assigned: then nothing assigned is not the end.
    in_group: bool,
    /// How many records of a partition may be open at once, when it is said of each that it is done.
    max_open_records: Option<usize>,
    /// Problems of the group, for the caller.
    problems: VecDeque<Error>,
    /// Paused partitions that the group has taken away, if their pauses are to be kept.
    kept_pauses: HashSet<TopicPartition>,
    served: u64,
    revision: u64,
    wants_metadata: bool,
    closed: bool,
    waker: Option<Waker>,
}

impl Engine {
    pub(crate) fn new(
        settings: Arc<ConsumerSettings>,
        preferred_replica_max_age: Duration,
        backoff: &ExponentialBackoff,
    ) -> Self {
        Self {
            preferred_replica_max_age,
            subscription: SubscriptionState::new(settings.auto_offset_reset, backoff.clone()),
            fetcher: Fetcher::new(backoff.clone()),
            settings,
            buffer: FetchBuffer::default(),
            held: None,
            progress: Arc::default(),
            in_group: false,
            max_open_records: None,
            problems: VecDeque::new(),
            kept_pauses: HashSet::new(),
            served: 0,
            revision: 0,
            wants_metadata: false,
            closed: false,
            waker: None,
        }
    }
}

/// The driver's side.
impl Engine {
    /// What to send now. `wall` is for reset policies that count back from the present.
    pub(crate) fn poll(&mut self, now: Instant, wall: Timestamp) -> Work {
        let failed = self.subscription.iter().filter(|(_, partition)| partition.has_failed_outside());
        let failed: Vec<_> = failed.map(|(id, _)| id).collect();
        for id in failed {
            self.subscription.fail(id, now);
        }
        self.subscription.poll_trouble(now);
        let lookups = offsets::poll_lookups(&mut self.subscription, self.settings.isolation_level, now, wall);
        let held_bytes = self.held.as_ref().map_or(0, |held| held.size_bytes);
        let fetches = self.fetcher.poll(&self.subscription, &self.buffer, held_bytes, &self.settings, now);
        self.wake_for_reports();
        Work { fetches, lookups, wants_metadata: std::mem::take(&mut self.wants_metadata) }
    }

    /// The next time at which there may be something to do without a new event.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let deadlines = [self.subscription.next_deadline(now), self.fetcher.next_deadline(now)];
        deadlines.into_iter().flatten().min()
    }

    /// A new picture of the cluster.
    pub(crate) fn handle_metadata(&mut self, snapshot: &MetadataSnapshot, now: Instant) {
        let views = self
            .subscription
            .iter()
            .filter_map(|(id, partition)| Some((id, leader_view(snapshot, partition)?)));
        let views: Vec<_> = views.collect();
        for (id, view) in views {
            if self.subscription.handle_leader(id, view, now) {
                self.handle_recreated(id);
            }
        }
        let known: HashSet<_> = snapshot.brokers.keys().copied().collect();
        self.fetcher.retain_nodes(&known);
        self.wake_for_reports();
    }

    fn handle_recreated(&mut self, id: PartitionId) {
        self.buffer.drop_partition(id);
        self.renew_acks(id);
        self.revision += 1;
        let Some(partition) = self.subscription.get(id) else { return };
        tracing::warn!(partition = %partition.name, "the topic was deleted and created again");
        let error = position_error(partition, PositionProblem::Recreated);
        self.subscription.report(id, error);
    }

    /// A broker answered a fetch, or did not.
    pub(crate) fn handle_fetch(
        &mut self,
        node: NodeId,
        lane: Lane,
        result: Result<FetchResponse, Error>,
        now: Instant,
    ) -> Hints {
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%node, %error, "a fetch failed");
                self.wants_metadata = true;
                for ticket in self.fetcher.handle_failure(node, lane, now) {
                    if let Some(partition) = self.subscription.believe(ticket) {
                        partition.forget_preferred_replica();
                    }
                }
                return Hints::default();
            }
        };
        let endpoints = std::mem::take(&mut response.node_endpoints);
        let endpoints = endpoints.into_iter().map(|node| (node.node_id, node.host, node.port, node.rack));
        let mut hints = Hints { leaders: Vec::new(), endpoints: endpoints.collect() };
        let outcome = self.fetcher.handle_answer(node, lane, response, now);
        if let Some(error) = outcome.error {
            tracing::warn!(%node, %error, "a broker refused a fetch");
            self.wants_metadata = true;
        }
        for answer in outcome.answers {
            hints.leaders.extend(self.leader_hint(&answer));
            self.handle_partition(answer, outcome.size_bytes, now);
        }
        self.wake();
        hints
    }

    fn leader_hint(&self, answer: &PartitionAnswer) -> Option<LeaderHint> {
        let named = &answer.data.current_leader;
        let partition = self.subscription.get(answer.ticket.id)?;
        (named.leader_id != NodeId::NONE && named.leader_epoch != LeaderEpoch::NONE).then(|| LeaderHint {
            topic: partition.topic(),
            partition: partition.name.partition,
            leader: named.leader_id,
            leader_epoch: named.leader_epoch,
        })
    }

    fn handle_partition(&mut self, answer: PartitionAnswer, frame_bytes: usize, now: Instant) {
        let PartitionAnswer { ticket, fetch_offset, leader_epoch, data } = answer;
        let Some(partition) = self.subscription.believe(ticket) else { return };
        let FetchState::Fetching(position) = partition.state() else { return };
        if position.offset != fetch_offset {
            return;
        }
        match data.error_code {
            ErrorCode::None => self.handle_data(ticket, position, data, frame_bytes, now),
            ErrorCode::OffsetOutOfRange => self.handle_out_of_range(ticket, position, leader_epoch),
            code => self.handle_refusal(ticket, code, now),
        }
    }

    fn handle_data(
        &mut self,
        ticket: Ticket,
        position: FetchPosition,
        data: PartitionData,
        frame_bytes: usize,
        now: Instant,
    ) {
        let Some(partition) = self.subscription.get_mut(ticket.id) else { return };
        partition.succeed();
        partition.high_watermark = Some(data.high_watermark);
        partition.last_stable_offset = (data.last_stable_offset >= 0).then_some(data.last_stable_offset);
        if data.preferred_read_replica != NodeId::NONE {
            partition.prefer_replica(data.preferred_read_replica, now + self.preferred_replica_max_age);
        }
        let Some(records) = data.records.filter(|records| !records.is_empty()) else { return };
        let aborted = match self.settings.isolation_level {
            IsolationLevel::ReadUncommitted => None,
            IsolationLevel::ReadCommitted => Some(data.aborted_transactions.unwrap_or_default()),
        };
        self.served += 1;
        partition.last_served = self.served;
        let (topic, number) = (partition.topic(), partition.name.partition);
        self.keep(Fetched { ticket, topic, partition: number, position, records, aborted, frame_bytes }, now);
    }

    fn keep(&mut self, fetched: Fetched, now: Instant) {
        let (id, position) = (fetched.ticket.id, fetched.position);
        let Scan { fetch, damage, is_torn_only } = CompletedFetch::scan(fetched);
        let Some(partition) = self.subscription.get_mut(id) else { return };
        if let Some(mut fetch) = fetch {
            partition.advance(fetch.end());
            if partition.paused {
                fetch.detach();
            }
            return self.buffer.push(fetch);
        }
        let torn = DecodeError::new(DecodeErrorKind::Truncated, "record batch");
        let torn = is_torn_only.then_some(Damage {
            offset: position.offset,
            next_offset: position.offset + 1,
            cause: torn,
        });
        if let Some(damage) = damage.or(torn) {
            let error = position_error(partition, damaged(damage));
            self.subscription.fail(id, now);
            self.subscription.report(id, error);
        }
    }

    /// A broker says that the position is not in the log. Followers and leaders that have just changed may be wrong.
    fn handle_out_of_range(&mut self, ticket: Ticket, position: FetchPosition, asked_epoch: LeaderEpoch) {
        let Some(partition) = self.subscription.get_mut(ticket.id) else { return };
        let was_follower = partition.forget_preferred_replica();
        let leader_moved = partition.leader().is_none_or(|leader| leader.epoch != asked_epoch);
        if !was_follower && !leader_moved {
            partition.enter(FetchState::AwaitingRangeCheck { position, start_offset: None });
        }
    }

    fn handle_refusal(&mut self, ticket: Ticket, code: ErrorCode, now: Instant) {
        let Some(partition) = self.subscription.get_mut(ticket.id) else { return };
        partition.forget_preferred_replica();
        match code.class() {
            ErrorClass::Retriable | ErrorClass::RefreshMetadata => {
                tracing::debug!(partition = %partition.name, %code, "a fetch is tried again");
                self.wants_metadata = true;
            }
            _ => {
                let error = BrokerError::new(ApiKey::Fetch, code).topic(partition.topic());
                let error = error.partition(partition.name.partition);
                self.subscription.report(ticket.id, error);
            }
        }
        self.subscription.fail(ticket.id, now);
    }

    /// A broker answered a lookup, or did not.
    pub(crate) fn handle_lookup(&mut self, asked: &Asked, result: Result<LookupAnswer, Error>, now: Instant) {
        let outcome = match result {
            Ok(LookupAnswer::Offsets(response)) => {
                offsets::handle_offsets(&mut self.subscription, asked, response, now)
            }
            Ok(LookupAnswer::LeaderEpochs(response)) => {
                offsets::handle_leader_epochs(&mut self.subscription, asked, response, now)
            }
            Err(Error::UnsupportedApi { api: ApiKey::OffsetForLeaderEpoch, .. }) => {
                offsets::skip_validation(&mut self.subscription, asked);
                LookupOutcome::default()
            }
            Err(error) => {
                tracing::debug!(%error, "a lookup of offsets failed");
                offsets::handle_lookup_failure(&mut self.subscription, asked, now);
                LookupOutcome { wants_metadata: true, ..LookupOutcome::default() }
            }
        };
        self.wants_metadata |= outcome.wants_metadata;
        for id in outcome.truncated {
            self.handle_truncated(id);
        }
        self.wake_for_reports();
    }

    /// A log was cut. When the caller's task has records of it in its hands, only that task knows the position.
    fn handle_truncated(&mut self, id: PartitionId) {
        if self.held.as_ref().is_some_and(|held| held.ticket.id == id) {
            self.revision += 1;
            return self.wake();
        }
        let Some(partition) = self.subscription.get(id) else { return };
        let FetchState::Truncated { position, .. } = partition.state() else { return };
        let consumed = self.buffer.first(id).map_or(position, CompletedFetch::position);
        if let Some(error) = self.resolve_truncation(id, consumed) {
            self.subscription.report(id, error);
        }
    }

    /// Goes on after a log was cut, `consumed` being what the caller gets next. Gives the error for the caller when
    /// records that were handed out are gone and the policy is to say so.
    fn resolve_truncation(&mut self, id: PartitionId, consumed: FetchPosition) -> Option<Error> {
        let policy = self.subscription.policy();
        let partition = self.subscription.get_mut(id)?;
        let FetchState::Truncated { end, .. } = partition.state() else { return None };
        self.buffer.drop_partition(id);
        if consumed.offset <= end.offset {
            partition.seek(consumed);
            return None;
        }
        if policy != AutoOffsetReset::None {
            tracing::warn!(
                partition = %partition.name, position = consumed.offset, end_offset = end.offset,
                "the log was cut below the position: going on at its end"
            );
            // What is still worked on below the end is read again, so that it is not taken for done.
            let acked =
                partition.acks.as_ref().map_or(end.offset, |acks| acks.committable(end.offset).offset);
            let again = if acked < end.offset { FetchPosition { offset: acked, epoch: None } } else { end };
            partition.seek(again);
            partition.done = Some(again);
            self.renew_acks(id);
            return None;
        }
        partition.seek(consumed);
        partition.enter(match consumed.epoch {
            Some(_) => FetchState::AwaitingValidation(consumed),
            None => FetchState::AwaitingRangeCheck { position: consumed, start_offset: None },
        });
        partition.fail_outside();
        let problem = PositionProblem::Truncated { offset: consumed.offset, end_offset: end.offset };
        Some(position_error(partition, problem).into())
    }

    /// The consumer is over: whoever waits is told.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.wake();
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn wake_for_reports(&mut self) {
        if self.subscription.has_reports() {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The caller's side.
impl Engine {
    /// What there is for the caller: problems of a partition come after the records before them.
    pub(crate) fn take(&mut self, waker: &Waker) -> Delivery {
        let (buffer, subscription) = (&mut self.buffer, &mut self.subscription);
        if let Some(error) = self.problems.pop_front() {
            return Delivery::Problem(error);
        }
        if self.closed {
            return Delivery::Ended;
        }
        if let Some(error) = subscription.take_report(|id| buffer.first(id).is_none()) {
            return Delivery::Problem(error);
        }
        let may_take = |id| {
            let partition = subscription.get(id);
            partition
                .is_some_and(|partition| !partition.paused && !partition.revoking && partition.has_room())
        };
        if let Some(mut fetch) = buffer.take(may_take) {
            fetch.acks = subscription.get(fetch.ticket.id).and_then(|partition| partition.acks.clone());
            let (ticket, size_bytes, epochs) = (fetch.ticket, fetch.size_bytes(), fetch.epochs().clone());
            self.progress.begin(fetch.next_offset());
            self.held = Some(Held { ticket, size_bytes, epochs });
            return Delivery::Records(fetch);
        }
        if subscription.is_empty() && !self.in_group {
            return Delivery::Ended;
        }
        self.waker = Some(waker.clone());
        Delivery::Nothing
    }

    /// What was taken has been handed out to its end, or its partition is not assigned any more.
    pub(crate) fn release(&mut self) {
        self.settle_held();
        self.held = None;
    }

    /// Takes over what the caller is done with of the run in its hands.
    fn settle_held(&mut self) {
        let Some(held) = &self.held else { return };
        let offset = self.progress.done_offset();
        let epoch = held.epochs.iter().rev().find(|(start, _)| *start < offset).and_then(|&(_, epoch)| epoch);
        if let Some(partition) = self.subscription.believe(held.ticket) {
            // A run that begins where a commit left off has nothing new to say before its first record is done.
            if partition.done.is_none_or(|done| done.offset < offset) {
                partition.done = Some(FetchPosition { offset, epoch });
            }
        }
    }

    /// Takes back what was not handed out to its end; what belongs to an older position is dropped.
    pub(crate) fn put_back(&mut self, mut fetch: Box<CompletedFetch>) {
        self.release();
        if self.subscription.believe(fetch.ticket).is_some_and(|partition| partition.paused) {
            fetch.detach();
        }
        if self.subscription.believe(fetch.ticket).is_some() {
            self.buffer.put_back(fetch);
        }
    }

    /// How often something happened that may make records in the caller's hands void.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the caller may go on with `fetch`. If not, it is to be dropped, and the error handed out.
    pub(crate) fn recheck(&mut self, fetch: &CompletedFetch) -> Result<bool, Error> {
        let id = fetch.ticket.id;
        let truncated =
            |partition: &AssignedPartition| matches!(partition.state(), FetchState::Truncated { .. });
        if self.subscription.get(id).is_some_and(truncated) {
            self.release();
            return self.resolve_truncation(id, fetch.position()).map_or(Ok(false), Err);
        }
        let is_valid = self.subscription.believe(fetch.ticket).is_some_and(|partition| !partition.revoking);
        if !is_valid {
            self.release();
        }
        Ok(is_valid)
    }

    /// The records in the caller's hands are damaged at `damage`: they are fetched again after a pause.
    pub(crate) fn refetch(
        &mut self,
        ticket: Ticket,
        position: FetchPosition,
        damage: Damage,
    ) -> Option<Error> {
        self.release();
        let partition = self.subscription.believe(ticket)?;
        partition.seek(position);
        partition.fail_outside();
        let error = position_error(partition, damaged(damage));
        self.buffer.drop_partition(ticket.id);
        Some(error.into())
    }

    /// Replaces the assignment: what stays assigned keeps its position.
    pub(crate) fn assign(&mut self, partitions: &[TopicPartition]) {
        for id in self.subscription.assign(partitions) {
            self.buffer.drop_partition(id);
        }
    }

    pub(crate) fn assignment(&self) -> Vec<TopicPartition> {
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
        }
        Ok(())
    }

    pub(crate) fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), Error> {
        let (id, state) = self.assigned(partition)?;
        let position = FetchPosition { offset, epoch: None };
        state.seek(position);
        state.done = Some(position);
        self.renew_acks(id);
        self.buffer.drop_partition(id);
        Ok(())
    }

    pub(crate) fn reset(&mut self, partition: &TopicPartition, to: ResetTo) -> Result<(), Error> {
        let (id, state) = self.assigned(partition)?;
        state.reset(to);
        self.renew_acks(id);
        self.buffer.drop_partition(id);
        Ok(())
    }

    /// The offset that is handed out next, when nothing of the partition is in the caller's hands; `None` until it is known.
    pub(crate) fn position(&mut self, partition: &TopicPartition) -> Result<Option<i64>, Error> {
        let (id, state) = self.assigned(partition)?;
        let fetch_offset = state.fetch_offset();
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

    fn assigned(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<(PartitionId, &mut AssignedPartition), Error> {
        let id = self.subscription.id(partition);
        let found = id.and_then(|id| Some((id, self.subscription.get_mut(id)?)));
        found.ok_or_else(|| PositionError::not_assigned(partition).into())
    }
}

/// What the picture of the cluster says of a partition; `None` when it has not been asked yet.
pub(super) fn leader_view(snapshot: &MetadataSnapshot, partition: &AssignedPartition) -> Option<LeaderView> {
    let TopicPartition { topic, partition } = &partition.name;
    if let Some(view) = snapshot.topic(topic) {
        if view.partition(*partition).is_none() {
            return Some(LeaderView::Missing(Error::UnknownPartition {
                topic: topic.clone(),
                partition: *partition,
                partition_count: view.partitions.len(),
            }));
        }
        let leader = snapshot.leader(topic, *partition).map(|(node, epoch)| Leader { node, epoch });
        return Some(LeaderView::Known { topic_id: view.id, leader });
    }
    let code = snapshot.error(topic)?;
    let refusal = || BrokerError::new(ApiKey::Metadata, code).topic(topic.clone()).into();
    Some(match code.class() {
        _ if code == ErrorCode::UnknownTopicOrPartition => {
            LeaderView::Missing(Error::UnknownTopic { topic: topic.clone() })
        }
        ErrorClass::Retriable | ErrorClass::RefreshMetadata => LeaderView::Missing(refusal()),
        _ => LeaderView::Refused(refusal()),
    })
}

fn position_error(partition: &AssignedPartition, problem: PositionProblem) -> PositionError {
    PositionError::new(partition.topic(), partition.name.partition, problem)
}

const fn damaged(damage: Damage) -> PositionProblem {
    let Damage { offset, next_offset, cause } = damage;
    PositionProblem::Damaged { offset, next_offset, cause }
}

pub(crate) use self::group::Committable;

#[cfg(test)]
mod tests;
