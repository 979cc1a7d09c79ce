//! OffsetLookup: what has to be asked before partitions can be fetched, and what the answers mean.
//!
//! A machine without I/O and clock over [`SubscriptionState`]: ListOffsets for partitions without a position and for
//! positions that a broker called out of range, OffsetForLeaderEpoch for positions whose leader has changed (KIP-320).
//! It never moves a position that the caller has set since the question was asked.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use kestrel_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic,
};
use kestrel_protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, LeaderEpoch, NodeId};

use super::partition::{AssignedPartition, FetchPosition, FetchState, StartAt};
use super::position_id::{AssignmentId, PositionId};
use super::subscription::SubscriptionState;
use crate::config::{AutoOffsetReset, IsolationLevel};
use crate::error::{BrokerError, Error, PositionError, PositionProblem};
use crate::record::Timestamp;

/// ListOffsets' name for the first offset of the log.
pub(crate) const EARLIEST_TIMESTAMP: i64 = -2;
/// ListOffsets' name for the offset after the last record.
pub(crate) const LATEST_TIMESTAMP: i64 = -1;
/// ListOffsets' and OffsetForLeaderEpoch's answer for "there is none".
const NO_OFFSET: i64 = -1;

/// The time in which a broker may look for an offset in tiered storage, in milliseconds.
pub(crate) const REMOTE_TIMEOUT_MS: i32 = 20_000;

/// A lookup to be sent to a broker; `asked` comes back with the answer.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) node: NodeId,
    pub(crate) request: LookupRequest,
    pub(crate) asked: AskedPositions,
}

/// The two kinds of lookup.
#[derive(Debug)]
pub(crate) enum LookupRequest {
    Offsets(ListOffsetsRequest),
    LeaderEpochs(OffsetForLeaderEpochRequest),
}

/// The positions that a lookup asked about, by topic and partition.
pub(crate) type AskedPositions = HashMap<(ByteString, i32), PositionId>;

/// The consequences of a lookup's answers for the engine.
#[derive(Debug, Default)]
pub(crate) struct LookupOutcome {
    /// The known leaders are old.
    pub(crate) wants_metadata: bool,
    /// Partitions whose log was found cut below the position.
    pub(crate) truncated: Vec<AssignmentId>,
}

/// The lookups to send now. `wall` is the time that durations are counted back from.
pub(crate) fn poll_lookups(
    subscription: &mut SubscriptionState,
    isolation: IsolationLevel,
    now: Instant,
    wall: Timestamp,
) -> Vec<Lookup> {
    report_missing_positions(subscription, now);
    let policy = subscription.policy();
    let mut offsets: BTreeMap<(NodeId, i8), Questions<ListOffsetsPartition>> = BTreeMap::new();
    let mut epochs: BTreeMap<NodeId, Questions<OffsetForLeaderPartition>> = BTreeMap::new();
    let due: Vec<_> = subscription.lookups(now).map(|(id, _)| id).collect();
    for id in due {
        let Some(partition) = subscription.get_mut(id) else { continue };
        let Some(leader) = partition.leader() else { continue };
        partition.mark_asked();
        let ask = |timestamp| ListOffsetsPartition {
            partition_index: partition.name.partition,
            current_leader_epoch: leader.epoch,
            timestamp,
        };
        match partition.state() {
            FetchState::AwaitingReset(to) => {
                let question = ask(reset_timestamp(to, policy, wall));
                offsets.entry((leader.node, isolation.id())).or_default().add(partition, id, question);
            }
            FetchState::AwaitingRangeCheck { start_offset, .. } => {
                let question = ask(start_offset.map_or(EARLIEST_TIMESTAMP, |_| LATEST_TIMESTAMP));
                let all_records = IsolationLevel::ReadUncommitted.id();
                offsets.entry((leader.node, all_records)).or_default().add(partition, id, question);
            }
            FetchState::AwaitingValidation(position) => {
                let question = OffsetForLeaderPartition {
                    partition: partition.name.partition,
                    current_leader_epoch: leader.epoch,
                    leader_epoch: position.epoch.unwrap_or(LeaderEpoch::NONE),
                };
                epochs.entry(leader.node).or_default().add(partition, id, question);
            }
            FetchState::AwaitingCommitted | FetchState::Truncated { .. } | FetchState::Fetching(_) => {}
        }
    }
    let offsets =
        offsets.into_iter().map(|((node, isolation), questions)| questions.list_offsets(node, isolation));
    offsets.chain(epochs.into_iter().map(|(node, questions)| questions.leader_epochs(node))).collect()
}

/// With `auto.offset.reset=none`, a partition without a position is the caller's business.
fn report_missing_positions(subscription: &mut SubscriptionState, now: Instant) {
    if subscription.policy() != AutoOffsetReset::None {
        return;
    }
    let is_missing =
        |partition: &AssignedPartition| partition.state() == FetchState::AwaitingReset(StartAt::Policy);
    let missing: Vec<_> = subscription
        .lookups(now)
        .filter(|(_, partition)| is_missing(partition))
        .map(|(id, partition)| {
            (id, PositionError::new(partition.topic(), partition.name.partition, PositionProblem::NoOffset))
        })
        .collect();
    for (id, error) in missing {
        subscription.fail(id, now);
        subscription.report(id, error);
    }
}

fn reset_timestamp(to: StartAt, policy: AutoOffsetReset, wall: Timestamp) -> i64 {
    match (to, policy) {
        (StartAt::Earliest, _) | (StartAt::Policy, AutoOffsetReset::Earliest) => EARLIEST_TIMESTAMP,
        (StartAt::Policy, AutoOffsetReset::ByDuration(ago)) => before(wall, ago),
        (StartAt::Time(time), _) => time.as_millis(),
        (StartAt::Latest, _) | (StartAt::Policy, AutoOffsetReset::Latest | AutoOffsetReset::None) => {
            LATEST_TIMESTAMP
        }
    }
}

fn before(wall: Timestamp, ago: Duration) -> i64 {
    wall.as_millis().saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)).max(0)
}

/// A broker answered a ListOffsets lookup.
pub(crate) fn handle_offsets(
    subscription: &mut SubscriptionState,
    asked: &AskedPositions,
    response: ListOffsetsResponse,
    now: Instant,
) -> LookupOutcome {
    let mut outcome = LookupOutcome::default();
    for topic in response.topics {
        for answer in topic.partitions {
            let Some(&position_id) = asked.get(&(topic.name.clone(), answer.partition_index)) else {
                continue;
            };
            let Some(partition) = subscription.if_current(position_id) else { continue };
            if answer.error_code.is_none() {
                partition.succeed();
                handle_offset(subscription, position_id.id, &answer, now, &mut outcome);
            } else {
                refused(
                    subscription,
                    position_id.id,
                    ApiKey::ListOffsets,
                    answer.error_code,
                    now,
                    &mut outcome,
                );
            }
        }
    }
    fail_unanswered(subscription, asked, now);
    outcome
}

fn handle_offset(
    subscription: &mut SubscriptionState,
    id: AssignmentId,
    answer: &ListOffsetsPartitionResponse,
    now: Instant,
    outcome: &mut LookupOutcome,
) {
    let Some(partition) = subscription.get_mut(id) else { return };
    match partition.state() {
        // No record is that young: what is read is what comes from now on.
        FetchState::AwaitingReset(_) if answer.offset == NO_OFFSET => {
            partition.enter(FetchState::AwaitingReset(StartAt::Latest));
        }
        FetchState::AwaitingReset(_) => {
            let epoch = (answer.leader_epoch != LeaderEpoch::NONE).then_some(answer.leader_epoch);
            partition.start_at(FetchPosition { offset: answer.offset, epoch });
        }
        FetchState::AwaitingRangeCheck { position, start_offset: None } => {
            partition.enter(FetchState::AwaitingRangeCheck { position, start_offset: Some(answer.offset) });
        }
        FetchState::AwaitingRangeCheck { position, start_offset: Some(start_offset) } => {
            let range = start_offset..=answer.offset;
            handle_range(subscription, id, position, range, now, outcome);
        }
        FetchState::AwaitingValidation(_)
        | FetchState::AwaitingCommitted
        | FetchState::Truncated { .. }
        | FetchState::Fetching(_) => {}
    }
}

/// The leader says which offsets a position may have, after a broker had called it out of range.
fn handle_range(
    subscription: &mut SubscriptionState,
    id: AssignmentId,
    position: FetchPosition,
    range: std::ops::RangeInclusive<i64>,
    now: Instant,
    outcome: &mut LookupOutcome,
) {
    let policy = subscription.policy();
    let Some(partition) = subscription.get_mut(id) else { return };
    let offset = position.offset;
    if range.contains(&offset) {
        tracing::warn!(partition = %partition.name, offset, "a broker called an offset out of range that is not");
        partition.enter(FetchState::Fetching(position));
        subscription.fail(id, now);
    } else if offset > *range.end() && position.epoch.is_some() {
        // Records up to there were read, so it was not always so.
        partition.truncate(position, FetchPosition { offset: *range.end(), epoch: None });
        outcome.truncated.push(id);
    } else if policy == AutoOffsetReset::None {
        let (&start_offset, &end_offset) = (range.start(), range.end());
        let problem = PositionProblem::OutOfRange { offset, start_offset, end_offset };
        let error = PositionError::new(partition.topic(), partition.name.partition, problem);
        partition.enter(FetchState::AwaitingRangeCheck { position, start_offset: None });
        subscription.fail(id, now);
        subscription.report(id, error);
    } else {
        tracing::warn!(partition = %partition.name, offset, ?range, ?policy, "the position is not in the log any more");
        partition.reset(StartAt::Policy);
    }
}

/// A broker answered an OffsetForLeaderEpoch lookup.
pub(crate) fn handle_leader_epochs(
    subscription: &mut SubscriptionState,
    asked: &AskedPositions,
    response: OffsetForLeaderEpochResponse,
    now: Instant,
) -> LookupOutcome {
    let mut outcome = LookupOutcome::default();
    for topic in response.topics {
        for answer in topic.partitions {
            let Some(&position_id) = asked.get(&(topic.topic.clone(), answer.partition)) else { continue };
            let Some(partition) = subscription.if_current(position_id) else { continue };
            if !answer.error_code.is_none() {
                let api = ApiKey::OffsetForLeaderEpoch;
                refused(subscription, position_id.id, api, answer.error_code, now, &mut outcome);
                continue;
            }
            partition.succeed();
            if let FetchState::AwaitingValidation(position) = partition.state()
                && handle_epoch_end(partition, position, &answer)
            {
                outcome.truncated.push(position_id.id);
            }
        }
    }
    fail_unanswered(subscription, asked, now);
    outcome
}

/// True when the log was cut below the position.
fn handle_epoch_end(
    partition: &mut AssignedPartition,
    position: FetchPosition,
    answer: &EpochEndOffset,
) -> bool {
    if answer.end_offset == NO_OFFSET || answer.leader_epoch == LeaderEpoch::NONE {
        // The leader knows nothing of the epoch, so it can't say where the logs part: see that the position is in it.
        partition.enter(FetchState::AwaitingRangeCheck { position, start_offset: None });
        return false;
    }
    if answer.end_offset < position.offset {
        let end = FetchPosition { offset: answer.end_offset, epoch: Some(answer.leader_epoch) };
        partition.truncate(position, end);
        return true;
    }
    partition.enter(FetchState::Fetching(position));
    false
}

/// No answer came to a lookup, or none that can be used.
pub(crate) fn handle_lookup_failure(
    subscription: &mut SubscriptionState,
    asked: &AskedPositions,
    error: &Error,
    now: Instant,
) {
    for &position_id in asked.values() {
        if let Some(partition) = subscription.if_current(position_id) {
            partition.note_failure(error.clone());
            subscription.fail(position_id.id, now);
        }
    }
}

/// A broker that leaves a partition out of its answer must not leave it waiting for ever.
fn fail_unanswered(subscription: &mut SubscriptionState, asked: &AskedPositions, now: Instant) {
    for &position_id in asked.values() {
        if subscription.if_current(position_id).is_some_and(|partition| partition.is_asked()) {
            subscription.fail(position_id.id, now);
        }
    }
}

/// The broker does not know OffsetForLeaderEpoch: positions can't be checked, and are taken as they are.
pub(crate) fn skip_validation(subscription: &mut SubscriptionState, asked: &AskedPositions) {
    for &position_id in asked.values() {
        if let Some(partition) = subscription.if_current(position_id)
            && let FetchState::AwaitingValidation(position) = partition.state()
        {
            partition.enter(FetchState::Fetching(position));
        }
    }
}

fn refused(
    subscription: &mut SubscriptionState,
    id: AssignmentId,
    api: ApiKey,
    code: ErrorCode,
    now: Instant,
    outcome: &mut LookupOutcome,
) {
    subscription.fail(id, now);
    let Some(partition) = subscription.get_mut(id) else { return };
    let error = BrokerError::new(api, code).topic(partition.topic()).partition(partition.name.partition);
    match code.class() {
        ErrorClass::Retriable | ErrorClass::RefreshMetadata => {
            partition.note_failure(error.into());
            outcome.wants_metadata = true;
        }
        _ => subscription.report(id, error),
    }
}

/// Questions for one broker, by topic.
#[derive(Debug)]
struct Questions<Q> {
    topics: BTreeMap<ByteString, Vec<Q>>,
    asked: AskedPositions,
}

impl<Q> Default for Questions<Q> {
    fn default() -> Self {
        Self { topics: BTreeMap::new(), asked: AskedPositions::new() }
    }
}

impl<Q> Questions<Q> {
    fn add(&mut self, partition: &AssignedPartition, id: AssignmentId, question: Q) {
        let topic = partition.wire_topic.clone();
        self.topics.entry(topic.clone()).or_default().push(question);
        self.asked.insert((topic, partition.name.partition), partition.position_id(id));
    }
}

impl Questions<ListOffsetsPartition> {
    fn list_offsets(self, node: NodeId, isolation_level: i8) -> Lookup {
        let topics = self.topics.into_iter().map(|(name, partitions)| ListOffsetsTopic { name, partitions });
        let request = ListOffsetsRequest {
            replica_id: NodeId::NONE,
            isolation_level,
            topics: topics.collect(),
            timeout_ms: REMOTE_TIMEOUT_MS,
        };
        Lookup { node, request: LookupRequest::Offsets(request), asked: self.asked }
    }
}

impl Questions<OffsetForLeaderPartition> {
    fn leader_epochs(self, node: NodeId) -> Lookup {
        let topics =
            self.topics.into_iter().map(|(topic, partitions)| OffsetForLeaderTopic { topic, partitions });
        let request = OffsetForLeaderEpochRequest { replica_id: NodeId::NONE, topics: topics.collect() };
        Lookup { node, request: LookupRequest::LeaderEpochs(request), asked: self.asked }
    }
}

#[cfg(test)]
mod tests;
