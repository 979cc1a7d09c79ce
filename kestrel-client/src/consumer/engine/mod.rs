//! Engine: the machines of one consumer together, behind the one lock that the driver and the caller's task share.
//!
//! The driver polls it for requests and hands in answers; the caller's task takes out fetched records and sets positions.
//! No I/O, no clock, no await: every call is a few lines of state. Seeks and pauses are synchronous because of it.

mod answers;
mod caller;
mod group;
mod losses;
mod problems;
mod stalls;

use std::collections::HashSet;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::list_offsets::ListOffsetsResponse;
use kestrel_protocol::messages::offset_for_leader_epoch::OffsetForLeaderEpochResponse;
use kestrel_protocol::{ApiKey, ByteString, NodeId};

use self::losses::Losses;
use self::problems::Problems;
use self::stalls::Detectors;
use crate::config::{AutoOffsetReset, ConsumerSettings};
use crate::consumer::fetch::{Brought, CompletedFetch, Damage, EpochStart, FetchBuffer, FetchWork, Fetcher};
use crate::consumer::handout::CallerProgress;
use crate::consumer::position::{
    AskedPositions, AssignedPartition, AssignmentId, FetchPosition, FetchState, Lookup, LookupOutcome,
    PositionId, SubscriptionState, leader_view, lookup,
};
use crate::consumer::retry::Retry;
use crate::error::{Chain, Error, PositionError, PositionProblem};
use crate::metadata::{LeaderHint, MetadataSnapshot};
use crate::net::ExponentialBackoff;
use crate::record::{Timestamp, TopicPartition};

/// Requests for the driver to send.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) fetches: Vec<FetchWork>,
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) wants_metadata: bool,
    /// What is not read any more.
    pub(crate) released: Vec<TopicPartition>,
}

/// The answer to a lookup.
#[derive(Debug)]
pub(crate) enum LookupAnswer {
    Offsets(ListOffsetsResponse),
    LeaderEpochs(OffsetForLeaderEpochResponse),
}

/// The news in an answer to a fetch, beside its records.
#[derive(Debug, Default)]
pub(crate) struct FetchNews {
    pub(crate) brought: Brought,
    /// The assignments that it was about.
    pub(crate) heard: Vec<AssignmentId>,
    /// Leaders that the broker named, with their addresses at the end (KIP-951).
    pub(crate) leaders: Vec<LeaderHint>,
    /// What is fetched again.
    pub(crate) retries: Vec<Retry>,
    pub(crate) endpoints: Vec<(NodeId, ByteString, i32, Option<ByteString>)>,
}

/// What the engine has for the caller.
#[derive(Debug)]
pub(crate) enum Offer {
    Records(Box<CompletedFetch>),
    Problem(Error),
    /// Nothing will ever come: nothing is assigned, or the consumer is closed.
    Ended,
    /// Nothing yet: the waker will be called.
    Nothing,
}

/// The run that the caller's task has taken.
#[derive(Debug, Clone)]
struct Held {
    position_id: PositionId,
    size_bytes: usize,
    /// The offset at which it begins.
    first_offset: i64,
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
    progress: Arc<CallerProgress>,
    detectors: Detectors,
    /// Whether the records go to tasks of their partitions.
    has_partition_tasks: bool,
    /// Whether a group decides what is assigned: then nothing assigned is not the end.
    in_group: bool,
    /// The most records of a partition that may be open at once, when the caller acks each of them.
    max_open_records: Option<usize>,
    problems: Problems,
    losses: Losses,
    /// Paused partitions that the group has taken away, if their pauses are to be kept.
    kept_pauses: HashSet<TopicPartition>,
    /// The cluster as it was when the driver last saw it.
    snapshot: Arc<MetadataSnapshot>,
    /// Partitions were assigned that have not been looked up in `snapshot` yet. A new one may never come.
    has_new_partitions: bool,
    served: u64,
    revision: u64,
    wants_metadata: bool,
    closed: bool,
    /// Why it is over, if it was not asked to be.
    loss: Option<Error>,
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
            detectors: Detectors::new(settings.fetch_max_wait),
            has_partition_tasks: false,
            settings,
            buffer: FetchBuffer::default(),
            held: None,
            progress: Arc::default(),
            in_group: false,
            max_open_records: None,
            problems: Problems::default(),
            losses: Losses::default(),
            kept_pauses: HashSet::new(),
            snapshot: Arc::default(),
            has_new_partitions: false,
            served: 0,
            revision: 0,
            wants_metadata: false,
            closed: false,
            loss: None,
            waker: None,
        }
    }
}

/// The driver's side, but for what a fetch brings.
impl Engine {
    /// The requests to send now. `wall` is for reset policies that count back from the present.
    pub(crate) fn poll(&mut self, now: Instant, wall: Timestamp) -> Work {
        let failed = self.subscription.iter().filter(|(_, partition)| partition.has_failed_outside());
        let failed: Vec<_> = failed.map(|(id, _)| id).collect();
        for id in failed {
            self.subscription.fail(id, now);
        }
        if self.has_new_partitions {
            self.look_at_metadata(now);
        }
        if self.subscription.poll_rests(now) {
            self.wake();
        }
        self.subscription.poll_trouble(now);
        self.look_for_stalls(now);
        let lookups = lookup::poll_lookups(&mut self.subscription, self.settings.isolation_level, now, wall);
        let held_bytes = self.held.as_ref().map_or(0, |held| held.size_bytes);
        let fetches = self.fetcher.poll(&self.subscription, &self.buffer, held_bytes, &self.settings, now);
        self.wake_for_reports();
        let wants_metadata = std::mem::take(&mut self.wants_metadata);
        Work { fetches, lookups, wants_metadata, released: self.subscription.take_released() }
    }

    /// Whether something more is to be sent as soon as the caller takes or finishes what it has.
    pub(crate) const fn lacks_room(&self) -> bool {
        self.fetcher.lacks_room()
    }

    /// The next time at which there may be something to do without a new event.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let deadlines = [
            self.subscription.next_deadline(now),
            self.fetcher.next_deadline(now),
            self.detectors.next_deadline().filter(|_| !self.subscription.is_empty()),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Takes in new metadata.
    pub(crate) fn handle_metadata(&mut self, snapshot: &Arc<MetadataSnapshot>, now: Instant) {
        self.snapshot = Arc::clone(snapshot);
        self.look_at_metadata(now);
    }

    fn look_at_metadata(&mut self, now: Instant) {
        self.has_new_partitions = false;
        let snapshot = Arc::clone(&self.snapshot);
        let views = self
            .subscription
            .iter()
            .filter_map(|(id, partition)| Some((id, leader_view(&snapshot, &partition.name)?)));
        let views: Vec<_> = views.collect();
        for (id, view) in views {
            if self.subscription.is_recreated(id, &view) {
                self.note_loss(id);
            }
            if self.subscription.handle_leader(id, view, now) {
                self.handle_recreated(id);
            }
        }
        let known: HashSet<_> = snapshot.brokers.keys().copied().collect();
        self.fetcher.retain_nodes(&known);
        self.wake_for_reports();
    }

    fn handle_recreated(&mut self, id: AssignmentId) {
        self.buffer.drop_partition(id);
        self.renew_acks(id);
        self.revision += 1;
        let Some(partition) = self.subscription.get(id) else { return };
        tracing::warn!(partition = %partition.name, "the topic was deleted and created again");
        let error = position_error(partition, PositionProblem::Recreated);
        self.subscription.report(id, error);
    }

    /// A broker answered a lookup, or did not.
    pub(crate) fn handle_lookup(
        &mut self,
        asked: &AskedPositions,
        result: Result<LookupAnswer, Error>,
        now: Instant,
    ) {
        let outcome = match result {
            Ok(LookupAnswer::Offsets(response)) => {
                lookup::handle_offsets(&mut self.subscription, asked, response, now)
            }
            Ok(LookupAnswer::LeaderEpochs(response)) => {
                lookup::handle_leader_epochs(&mut self.subscription, asked, response, now)
            }
            Err(Error::UnsupportedApi { api: ApiKey::OffsetForLeaderEpoch, .. }) => {
                lookup::skip_validation(&mut self.subscription, asked);
                LookupOutcome::default()
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "a lookup of offsets failed");
                self.report_refusal(&error);
                lookup::handle_lookup_failure(&mut self.subscription, asked, &error, now);
                LookupOutcome { wants_metadata: true, ..LookupOutcome::default() }
            }
        };
        self.wants_metadata |= outcome.wants_metadata;
        for id in outcome.truncated {
            self.handle_truncated(id);
        }
        if self.is_range_over() {
            self.wake();
        }
        self.wake_for_reports();
    }

    /// A log was cut. When the caller's task has records of it in its hands, only that task knows the position.
    fn handle_truncated(&mut self, id: AssignmentId) {
        if self.held.as_ref().is_some_and(|held| held.position_id.id == id) {
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
    fn resolve_truncation(&mut self, id: AssignmentId, consumed: FetchPosition) -> Option<Error> {
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
            partition.handed_out = None;
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

    /// Ends the consumer, and wakes a waiting caller.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.wake();
    }

    /// What is read, and is not any more from now on: the driver has ended.
    pub(crate) fn release_all(&mut self) -> Vec<TopicPartition> {
        let read = self.subscription.iter().map(|(_, partition)| partition.name.clone());
        let read: Vec<_> = read.collect();
        self.subscription.take_released().into_iter().chain(read).collect()
    }

    /// Ends the consumer because one of its tasks is lost: the caller gets the reason, once.
    pub(crate) fn lose(&mut self, error: Error) {
        if self.closed {
            return;
        }
        self.problems.push_last(error.clone());
        self.loss = Some(error);
        self.close();
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Fails when the consumer is over without having been asked to be.
    pub(crate) fn loss(&self) -> Result<(), Error> {
        self.loss.clone().map_or(Ok(()), Err)
    }

    /// A consumer that is over does nothing any more, and says why.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match &self.loss {
            Some(error) => Err(error.clone()),
            None if self.closed => Err(Error::closed("consumer")),
            None => Ok(()),
        }
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

fn position_error(partition: &AssignedPartition, problem: PositionProblem) -> PositionError {
    PositionError::new(partition.topic(), partition.name.partition, problem)
}

const fn damaged(damage: Damage) -> PositionProblem {
    let Damage { offset, next_offset, cause } = damage;
    PositionProblem::Damaged { offset, next_offset, cause }
}

pub(crate) use self::caller::{Lag, Recheck};
pub(crate) use self::group::{Committable, MayWork};

#[cfg(test)]
mod tests;
