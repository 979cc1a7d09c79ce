//! Fetcher: which broker is asked for which partitions, from where, and what its answer means for each of them.
//!
//! A machine without I/O and clock, owned by the [`Engine`](crate::consumer::engine::Engine). A broker is asked again, for all of
//! its partitions, once no more than half of what one answer may bring is still waiting for the caller: so the next
//! records are on their way while the caller works, and an idle partition never keeps a busy one out of a request that
//! is waiting at the broker.
//!
//! That request may wait there for `fetch.max.wait.ms`. A partition that is assigned, moved or resumed meanwhile is asked
//! for on a second lane, a connection of its own, until the first one is free again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use kestrel_protocol::messages::fetch::{FetchRequest, FetchResponse, PartitionData, RecordData};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId};

use super::buffer::FetchBuffer;
use super::session::{FetchSession, PartitionFetch};
use crate::config::ConsumerSettings;
use crate::consumer::position::{AssignmentId, FetchPosition, PositionId, SubscriptionState};
use crate::consumer::retry::Pause;
use crate::environment::{after, wire_millis};
use crate::net::ExponentialBackoff;

/// The number of answers that the buffer has room for. One of `fetch.max.bytes`, 50 MiB, would be most of it: broker and caller would
/// wait for one another, and memory that large is fetched from the system and given back each time.
const ANSWERS_IN_THE_BUFFER: usize = 4;

/// The connections to a broker that fetches are sent on, one request at a time each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// For all partitions, in a fetch session.
    Main,
    /// For those that the request under way on the main lane does not ask for.
    Side,
}

/// A request to be sent to a broker.
#[derive(Debug)]
pub(crate) struct FetchWork {
    pub(crate) node: NodeId,
    pub(crate) lane: Lane,
    pub(crate) request: FetchRequest,
}

/// A broker's answer for one partition.
#[derive(Debug)]
pub(crate) struct PartitionAnswer {
    pub(crate) position_id: PositionId,
    /// The offset that was asked for.
    pub(crate) fetch_offset: i64,
    /// The epoch that the request named.
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) data: PartitionData,
}

/// The result of one Fetch request.
#[derive(Debug, Default)]
pub(crate) struct FetchOutcome {
    pub(crate) answers: Vec<PartitionAnswer>,
    /// An error of the whole request, when it says something about leaders or access.
    pub(crate) error: Option<ErrorCode>,
    /// The positions that such a request was about.
    pub(crate) refused: Vec<PositionId>,
    /// The pause before the broker is asked again, after such an error.
    pub(crate) pause: Option<Pause>,
    /// The bytes of records in the answer.
    pub(crate) size_bytes: usize,
}

/// The fetching from one broker.
#[derive(Debug)]
struct FetchNode {
    main: LaneState,
    side: LaneState,
    failures: u32,
    not_before: Option<Instant>,
}

/// The fetching on one lane.
#[derive(Debug)]
struct LaneState {
    session: FetchSession,
    /// The most bytes that the request under way may bring.
    in_flight_bytes: Option<usize>,
    /// When the broker answered last.
    answered_at: Option<Instant>,
    /// The last answer says that a quota was exceeded.
    is_held_back: bool,
}

/// The fetch requests of one consumer.
#[derive(Debug)]
pub(crate) struct Fetcher {
    nodes: HashMap<NodeId, FetchNode>,
    /// A broker would have been asked but for what still waits for the caller or is in its hands.
    lacks_room: bool,
    backoff: ExponentialBackoff,
}

/// A partition that a broker can be asked for now.
#[derive(Debug)]
struct Candidate {
    /// The partition that has waited longest comes first.
    last_served: u64,
    wanted: PartitionFetch,
    /// The bytes of it that still wait for the caller.
    waiting_bytes: usize,
}

impl Fetcher {
    pub(crate) fn new(backoff: ExponentialBackoff) -> Self {
        Self { nodes: HashMap::new(), lacks_room: false, backoff }
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
        let in_flight_bytes: usize = self.nodes.values().map(FetchNode::in_flight_bytes).sum();
        let used_bytes = held_bytes + waiting.values().sum::<usize>() + in_flight_bytes;
        let mut free_bytes = settings.fetch_buffer_bytes.saturating_sub(used_bytes);
        let mut work = Vec::new();
        self.lacks_room = false;
        for (id, candidates) in candidates(subscription, &waiting, settings, now) {
            let node = self.nodes.entry(id).or_default();
            if node.not_before.is_some_and(|at| at > now) {
                continue;
            }
            let Some((lane, candidates)) = node.free_lane(candidates) else { continue };
            let answer_bytes = room(&candidates, settings).min(free_bytes);
            if answer_bytes == 0 {
                self.lacks_room = true;
                continue;
            }
            free_bytes -= answer_bytes;
            let state = node.lane(lane);
            state.in_flight_bytes = Some(answer_bytes);
            work.push(FetchWork {
                node: id,
                lane,
                request: request(state, candidates, answer_bytes, settings),
            });
        }
        work
    }

    /// Whether the last [`Self::poll`] left a broker out that is to be asked as soon as the caller takes more.
    pub(crate) const fn lacks_room(&self) -> bool {
        self.lacks_room
    }

    /// A broker answered. Gives what the answer says of the partitions that the request was about.
    pub(crate) fn handle_answer(
        &mut self,
        node: NodeId,
        lane: Lane,
        response: FetchResponse,
        now: Instant,
    ) -> FetchOutcome {
        let Some(node) = self.nodes.get_mut(&node) else { return FetchOutcome::default() };
        node.lane(lane).in_flight_bytes = None;
        node.lane(lane).is_held_back = response.throttle_time_ms > 0;
        let mut outcome = FetchOutcome::default();
        match response.error_code {
            ErrorCode::None => {
                node.failures = 0;
                node.not_before = None;
                node.lane(lane).answered_at = Some(now);
                for topic in response.responses {
                    for data in topic.partitions {
                        let asked =
                            node.lane(lane).session.asked(&topic.topic, topic.topic_id, data.partition_index);
                        let Some(asked) = asked else { continue };
                        outcome.size_bytes += data.records.as_ref().map_or(0, RecordData::len);
                        outcome.answers.push(PartitionAnswer {
                            position_id: asked.position_id,
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
                outcome.pause = Some(node.fail(&mut self.backoff, now));
                outcome.error = Some(error);
                outcome.refused =
                    node.lane(lane).session.all_asked().map(|asked| asked.position_id).collect();
            }
        }
        node.lane(lane).session.handle_answer(response.error_code, response.session_id);
        outcome
    }

    /// No answer came from a broker. Gives the positions that the request was about, and the pause before the broker is asked again.
    pub(crate) fn handle_failure(
        &mut self,
        node: NodeId,
        lane: Lane,
        now: Instant,
    ) -> (Vec<PositionId>, Option<Pause>) {
        let Some(node) = self.nodes.get_mut(&node) else { return (Vec::new(), None) };
        let pause = node.fail(&mut self.backoff, now);
        let state = node.lane(lane);
        state.in_flight_bytes = None;
        state.is_held_back = false;
        state.session.handle_failure();
        (state.session.all_asked().map(|asked| asked.position_id).collect(), Some(pause))
    }

    /// When a broker last answered a request about `position_id`'s partition, if only by not mentioning it.
    pub(crate) fn heard_at(&self, wanted: PositionId) -> Option<Instant> {
        self.lanes_with(wanted).filter_map(|lane| lane.answered_at).max()
    }

    /// Whether the broker of `wanted`'s partition holds the client back, because a quota was exceeded.
    pub(crate) fn is_held_back(&self, wanted: PositionId) -> bool {
        self.lanes_with(wanted).any(|lane| lane.is_held_back)
    }

    fn lanes_with(&self, wanted: PositionId) -> impl Iterator<Item = &LaneState> {
        let lanes = self.nodes.values().flat_map(|node| [&node.main, &node.side]);
        lanes.filter(move |lane| lane.session.all_asked().any(|asked| asked.position_id == wanted))
    }

    /// When a broker may be asked again after a failure.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        self.nodes.values().filter_map(|node| node.not_before).filter(|&at| at > now).min()
    }

    /// Forgets the brokers that are gone from the cluster, unless one is being asked.
    pub(crate) fn retain_nodes(&mut self, known: &HashSet<NodeId>) {
        self.nodes.retain(|id, node| known.contains(id) || node.in_flight_bytes() > 0);
    }
}

impl Default for FetchNode {
    fn default() -> Self {
        let lane =
            |session| LaneState { session, in_flight_bytes: None, answered_at: None, is_held_back: false };
        Self {
            main: lane(FetchSession::default()),
            side: lane(FetchSession::sessionless()),
            failures: 0,
            not_before: None,
        }
    }
}

impl FetchNode {
    const fn lane(&mut self, lane: Lane) -> &mut LaneState {
        match lane {
            Lane::Main => &mut self.main,
            Lane::Side => &mut self.side,
        }
    }

    fn in_flight_bytes(&self) -> usize {
        [&self.main, &self.side].into_iter().filter_map(|lane| lane.in_flight_bytes).sum()
    }

    /// The lane that can take a request now, and the partitions that no request under way asks for.
    fn free_lane(&self, mut candidates: Vec<Candidate>) -> Option<(Lane, Vec<Candidate>)> {
        let lane = match (self.main.in_flight_bytes, self.side.in_flight_bytes) {
            (None, _) => Lane::Main,
            (Some(_), None) => Lane::Side,
            (Some(_), Some(_)) => return None,
        };
        candidates.retain(|candidate| !self.main.is_asking(&candidate.wanted));
        candidates.retain(|candidate| !self.side.is_asking(&candidate.wanted));
        (!candidates.is_empty()).then_some((lane, candidates))
    }

    fn fail(&mut self, backoff: &mut ExponentialBackoff, now: Instant) -> Pause {
        self.failures = self.failures.saturating_add(1);
        let pause = Pause { failures: self.failures, backoff: backoff.delay(self.failures) };
        self.not_before = Some(after(now, pause.backoff));
        pause
    }
}

impl LaneState {
    /// Whether the request under way asks for just this.
    fn is_asking(&self, wanted: &PartitionFetch) -> bool {
        let asked = self.session.asked(&wanted.topic, wanted.topic_id, wanted.partition);
        self.in_flight_bytes.is_some()
            && asked.is_some_and(|asked| {
                asked.position_id == wanted.position_id && asked.fetch_offset == wanted.fetch_offset
            })
    }
}

/// The most bytes that an answer may bring; none while enough of the same partitions waits for the caller.
fn room(candidates: &[Candidate], settings: &ConsumerSettings) -> usize {
    let partition_bytes = to_usize(settings.max_partition_fetch_bytes);
    let share_bytes = settings.fetch_buffer_bytes / ANSWERS_IN_THE_BUFFER;
    let most_bytes = share_bytes.max(partition_bytes).max(to_usize(settings.fetch_min_bytes));
    let whole_bytes =
        (candidates.len() * partition_bytes).min(to_usize(settings.fetch_max_bytes)).min(most_bytes);
    let waiting_bytes: usize = candidates.iter().map(|candidate| candidate.waiting_bytes).sum();
    let is_one_full = candidates.iter().any(|candidate| candidate.waiting_bytes > partition_bytes);
    if is_one_full || waiting_bytes * 2 > whole_bytes { 0 } else { whole_bytes }
}

/// The bytes that wait of each partition that is neither paused nor parked. What such a partition keeps is bounded by itself, and
/// does not count: otherwise a few of them would stop all others.
fn waiting_by_partition(
    subscription: &SubscriptionState,
    buffer: &FetchBuffer,
) -> HashMap<AssignmentId, usize> {
    let mut waiting = HashMap::new();
    for (id, bytes) in buffer.sizes() {
        if subscription.get(id).is_some_and(|partition| !partition.paused && !partition.parking.is_on()) {
            *waiting.entry(id).or_default() += bytes;
        }
    }
    waiting
}

fn candidates(
    subscription: &SubscriptionState,
    waiting: &HashMap<AssignmentId, usize>,
    settings: &ConsumerSettings,
    now: Instant,
) -> BTreeMap<NodeId, Vec<Candidate>> {
    let mut candidates: BTreeMap<NodeId, Vec<Candidate>> = BTreeMap::new();
    for (id, partition) in subscription.iter() {
        let Some((node, FetchPosition { offset, .. })) = partition.fetch_target(now) else { continue };
        candidates.entry(node).or_default().push(Candidate {
            last_served: partition.last_served,
            wanted: PartitionFetch {
                topic: partition.wire_topic.clone(),
                topic_id: partition.topic_id,
                partition: partition.name.partition,
                leader_epoch: partition.leader().map_or(LeaderEpoch::NONE, |leader| leader.epoch),
                fetch_offset: offset,
                max_bytes: settings.max_partition_fetch_bytes,
                position_id: partition.position_id(id),
            },
            waiting_bytes: waiting.get(&id).copied().unwrap_or_default(),
        });
    }
    candidates
}

fn request(
    lane: &mut LaneState,
    mut candidates: Vec<Candidate>,
    answer_bytes: usize,
    settings: &ConsumerSettings,
) -> FetchRequest {
    candidates.sort_by_key(|candidate| candidate.last_served);
    let session = lane.session.request(candidates.into_iter().map(|candidate| candidate.wanted).collect());
    FetchRequest {
        max_wait_ms: wire_millis(settings.fetch_max_wait),
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

fn to_usize(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
