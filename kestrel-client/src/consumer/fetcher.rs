//! Fetcher: which broker is asked for which partitions, from where, and what its answer means for each of them.
//!
//! A machine without I/O and clock, owned by the [`Engine`](super::engine::Engine). One request is under way per broker
//! at most. A broker is asked again, for all of its partitions, once no more than half of what one answer may bring is
//! still waiting for the caller: so the next records are on their way while the caller works, and an idle partition
//! never keeps a busy one out of a request that is waiting at the broker.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use kestrel_protocol::messages::fetch::{FetchRequest, FetchResponse, PartitionData};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId};

use super::fetch_buffer::FetchBuffer;
use super::fetch_session::{FetchSession, Wanted};
use super::partition::FetchPosition;
use super::subscription::{PartitionId, SubscriptionState, Ticket};
use crate::config::ConsumerSettings;
use crate::net::ExponentialBackoff;

/// A request to be sent to a broker on its fetch connection.
#[derive(Debug)]
pub(crate) struct FetchWork {
    pub(crate) node: NodeId,
    pub(crate) request: FetchRequest,
}

/// What a broker answered for one partition, as far as it is to be believed.
#[derive(Debug)]
pub(crate) struct PartitionAnswer {
    pub(crate) ticket: Ticket,
    /// What was asked for.
    pub(crate) fetch_offset: i64,
    /// The epoch that the request named.
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) data: PartitionData,
}

/// What became of one Fetch request.
#[derive(Debug, Default)]
pub(crate) struct FetchOutcome {
    pub(crate) answers: Vec<PartitionAnswer>,
    /// An error of the whole request, when it says something about leaders or access.
    pub(crate) error: Option<ErrorCode>,
    /// How many bytes of records the answer has.
    pub(crate) size_bytes: usize,
}

/// What is known of a broker that is fetched from.
#[derive(Debug, Default)]
struct Node {
    session: FetchSession,
    /// How many bytes the request under way may bring.
    in_flight_bytes: Option<usize>,
    failures: u32,
    not_before: Option<Instant>,
}

/// The fetch requests of one consumer.
#[derive(Debug)]
pub(crate) struct Fetcher {
    nodes: HashMap<NodeId, Node>,
    backoff: ExponentialBackoff,
}

/// The partitions that one broker can be asked for now.
#[derive(Debug, Default)]
struct Candidate {
    /// Who has waited longest comes first.
    wanted: Vec<(u64, Wanted)>,
    waiting_bytes: usize,
    largest_bytes: usize,
}

impl Fetcher {
    pub(crate) fn new(backoff: ExponentialBackoff) -> Self {
        Self { nodes: HashMap::new(), backoff }
    }

    /// The requests to send now. `held_bytes` is what the caller's task has taken and not finished.
    pub(crate) fn poll(
        &mut self,
        subscription: &SubscriptionState,
        buffer: &FetchBuffer,
        held_bytes: usize,
        settings: &ConsumerSettings,
        now: Instant,
    ) -> Vec<FetchWork> {
        let waiting = waiting_by_partition(subscription, buffer);
        let mut used_bytes = held_bytes + waiting.values().sum::<usize>();
        used_bytes += self.nodes.values().filter_map(|node| node.in_flight_bytes).sum::<usize>();
        let mut work = Vec::new();
        for (id, candidate) in candidates(subscription, &waiting, settings, now) {
            let node = self.nodes.entry(id).or_default();
            if node.in_flight_bytes.is_some() || node.not_before.is_some_and(|at| at > now) {
                continue;
            }
            let partition_bytes = to_usize(settings.max_partition_fetch_bytes);
            let whole_bytes =
                (candidate.wanted.len() * partition_bytes).min(to_usize(settings.fetch_max_bytes));
            let has_enough =
                candidate.waiting_bytes * 2 > whole_bytes || candidate.largest_bytes > partition_bytes;
            let free_bytes = settings.fetch_buffer_bytes.saturating_sub(used_bytes);
            if has_enough || free_bytes == 0 {
                continue;
            }
            let answer_bytes = whole_bytes.min(free_bytes);
            used_bytes += answer_bytes;
            node.in_flight_bytes = Some(answer_bytes);
            work.push(FetchWork { node: id, request: request(node, candidate, answer_bytes, settings) });
        }
        work
    }

    /// A broker answered. Gives what the answer says of the partitions that the request was about.
    pub(crate) fn handle_answer(
        &mut self,
        node: NodeId,
        response: FetchResponse,
        now: Instant,
    ) -> FetchOutcome {
        let Some(node) = self.nodes.get_mut(&node) else { return FetchOutcome::default() };
        node.in_flight_bytes = None;
        let mut outcome = FetchOutcome::default();
        match response.error_code {
            ErrorCode::None => {
                node.failures = 0;
                node.not_before = None;
                for topic in response.responses {
                    for data in topic.partitions {
                        let asked = node.session.asked(&topic.topic, topic.topic_id, data.partition_index);
                        let Some(asked) = asked else { continue };
                        outcome.size_bytes += data.records.as_ref().map_or(0, bytes::Bytes::len);
                        outcome.answers.push(PartitionAnswer {
                            ticket: asked.ticket,
                            fetch_offset: asked.fetch_offset,
                            leader_epoch: asked.leader_epoch,
                            data,
                        });
                    }
                }
            }
            // The session is over, nothing is wrong otherwise: ask again at once, in full.
            ErrorCode::FetchSessionIdNotFound | ErrorCode::InvalidFetchSessionEpoch => {}
            error => {
                node.fail(&mut self.backoff, now);
                outcome.error = Some(error);
            }
        }
        node.session.handle_answer(response.error_code, response.session_id);
        outcome
    }

    /// No answer came from a broker. Gives the partitions that the request was about.
    pub(crate) fn handle_failure(&mut self, node: NodeId, now: Instant) -> Vec<Ticket> {
        let Some(node) = self.nodes.get_mut(&node) else { return Vec::new() };
        node.in_flight_bytes = None;
        node.fail(&mut self.backoff, now);
        node.session.handle_failure();
        node.session.all_asked().map(|asked| asked.ticket).collect()
    }

    /// When a broker may be asked again after a failure.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.nodes.values().filter_map(|node| node.not_before).filter(|&at| at > now).min()
    }

    /// Forgets the brokers that are gone from the cluster, unless one is being asked.
    pub(crate) fn retain_nodes(&mut self, known: &HashSet<NodeId>) {
        self.nodes.retain(|id, node| known.contains(id) || node.in_flight_bytes.is_some());
    }
}

impl Node {
    fn fail(&mut self, backoff: &mut ExponentialBackoff, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + backoff.delay(self.failures));
    }
}

/// How much waits of each partition that the caller can have. What a paused partition keeps is bounded by itself, and
/// does not count: otherwise a few paused partitions would stop all others.
fn waiting_by_partition(
    subscription: &SubscriptionState,
    buffer: &FetchBuffer,
) -> HashMap<PartitionId, usize> {
    let mut waiting = HashMap::new();
    for (id, bytes) in buffer.sizes() {
        if subscription.get(id).is_some_and(|partition| !partition.paused) {
            *waiting.entry(id).or_default() += bytes;
        }
    }
    waiting
}

fn candidates(
    subscription: &SubscriptionState,
    waiting: &HashMap<PartitionId, usize>,
    settings: &ConsumerSettings,
    now: Instant,
) -> BTreeMap<NodeId, Candidate> {
    let mut candidates: BTreeMap<NodeId, Candidate> = BTreeMap::new();
    for (id, partition) in subscription.iter() {
        let Some((node, FetchPosition { offset, .. })) = partition.fetch_target(now) else { continue };
        let candidate = candidates.entry(node).or_default();
        let waiting_bytes = waiting.get(&id).copied().unwrap_or_default();
        candidate.waiting_bytes += waiting_bytes;
        candidate.largest_bytes = candidate.largest_bytes.max(waiting_bytes);
        let wanted = Wanted {
            topic: partition.wire_topic.clone(),
            topic_id: partition.topic_id,
            partition: partition.name.partition,
            leader_epoch: partition.leader().map_or(LeaderEpoch::NONE, |leader| leader.epoch),
            fetch_offset: offset,
            max_bytes: settings.max_partition_fetch_bytes,
            ticket: partition.ticket(id),
        };
        candidate.wanted.push((partition.last_served, wanted));
    }
    candidates
}

fn request(
    node: &mut Node,
    candidate: Candidate,
    answer_bytes: usize,
    settings: &ConsumerSettings,
) -> FetchRequest {
    let mut wanted = candidate.wanted;
    wanted.sort_by_key(|&(last_served, _)| last_served);
    let session = node.session.request(wanted.into_iter().map(|(_, wanted)| wanted).collect());
    FetchRequest {
        max_wait_ms: millis(settings.fetch_max_wait),
        min_bytes: settings.fetch_min_bytes,
        max_bytes: i32::try_from(answer_bytes).unwrap_or(i32::MAX),
        isolation_level: settings.isolation_level.id(),
        session_id: session.session_id,
        session_epoch: session.session_epoch,
        topics: session.topics,
        forgotten_topics_data: session.forgotten,
        rack_id: settings.client_rack.as_str().into(),
        ..FetchRequest::default()
    }
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

fn to_usize(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
