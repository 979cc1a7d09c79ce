//! MetadataCache: decides which metadata to request, and merges the answers into snapshots. A machine: no I/O, no clock.
//!
//! Driven by the [`Refresher`](super::Refresher) task; poked through [`MetadataHandle`](super::MetadataHandle). It
//! asks for all topics in use when the snapshot is old or was reported wrong, and for single topics when they are new.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use kestrel_protocol::wire::MAX_STRING_BYTES;
use kestrel_protocol::{ByteString, ErrorClass, ErrorCode, LeaderEpoch, NodeId};

use super::snapshot::{BrokerView, MetadataSnapshot, PartitionView, TopicView};
use crate::environment::after;
use crate::net::ExponentialBackoff;

/// The most partitions that a topic may have: a higher number in an answer is damage.
const MAX_PARTITIONS: usize = 1_000_000;

/// Whether a user of a topic lets the brokers create it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The topic is looked up and never created.
    IfExists,
    /// The broker may create the topic (`auto.create.topics.enable`) while the call that asked for it waits.
    Created,
}

/// The number of users of a topic. Topics without users are not requested.
#[derive(Debug, Clone, Copy, Default)]
struct Users {
    /// All users: producers, consumers and calls that wait.
    count: usize,
    /// The calls among them that wait for the topic to be created.
    creators: usize,
}

/// A leader that a broker named in its refusal of another request (KIP-951).
#[derive(Debug, Clone)]
pub(crate) struct LeaderHint {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) leader: NodeId,
    pub(crate) leader_epoch: LeaderEpoch,
}

/// The current snapshot, the topics in use, and the time of the next request.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    snapshot: Arc<MetadataSnapshot>,
    used: HashMap<Arc<str>, Users>,
    /// Used topics that the next request has to name, apart from what a full refresh covers.
    pending: HashSet<Arc<str>>,
    refresh_requested: bool,
    asking: bool,
    refreshed_at: Option<Instant>,
    /// The end of the backoff: before it only new topics are requested.
    not_before: Option<Instant>,
    /// Whether the last request got no answer: then new topics wait for the backoff too.
    unreachable: bool,
    failures: u32,
    backoff: ExponentialBackoff,
    max_age: Duration,
}

impl MetadataCache {
    pub(crate) fn new(max_age: Duration, backoff: ExponentialBackoff) -> Self {
        Self {
            snapshot: Arc::default(),
            used: HashMap::new(),
            pending: HashSet::new(),
            refresh_requested: true,
            asking: false,
            refreshed_at: None,
            not_before: None,
            unreachable: false,
            failures: 0,
            backoff,
            max_age,
        }
    }

    /// The current snapshot.
    pub(crate) fn snapshot(&self) -> &Arc<MetadataSnapshot> {
        &self.snapshot
    }

    /// Adds a user of a topic. Returns whether that makes a request due.
    pub(crate) fn handle_used(&mut self, topic: &Arc<str>, wanted: Wanted) -> bool {
        if topic.len() > MAX_STRING_BYTES {
            // No broker has a topic of such a name, and a request that names it cannot be encoded.
            return false;
        }
        let users = self.used.entry(Arc::clone(topic)).or_default();
        users.count += 1;
        users.creators += usize::from(wanted == Wanted::Created);
        !self.snapshot.topics.contains_key(topic) && self.pending.insert(Arc::clone(topic))
    }

    /// Removes a user of a topic. Returns whether it was the last one and the topic has left the snapshot.
    pub(crate) fn handle_released(&mut self, topic: &Arc<str>, wanted: Wanted) -> bool {
        let Some(users) = self.used.get_mut(topic) else { return false };
        users.creators = users.creators.saturating_sub(usize::from(wanted == Wanted::Created));
        users.count = users.count.saturating_sub(1);
        if users.count > 0 {
            return false;
        }
        self.used.remove(topic);
        self.pending.remove(topic);
        if !self.snapshot.topics.contains_key(topic) && !self.snapshot.errors.contains_key(topic) {
            return false;
        }
        // The next user requests it anew: by then it may have been deleted.
        let mut next = MetadataSnapshot::clone(&self.snapshot);
        next.version += 1;
        next.topics.remove(topic);
        next.errors.remove(topic);
        self.snapshot = Arc::new(next);
        true
    }

    /// Makes a full refresh due, since the snapshot was found wrong or has to be new.
    pub(crate) fn handle_refresh_request(&mut self) {
        self.refresh_requested = true;
    }

    /// The request to send now, if one is due.
    pub(crate) fn poll_request(&mut self, now: Instant) -> Option<MetadataRequest> {
        if self.asking {
            return None;
        }
        let pauses = self.not_before.is_some_and(|not_before| now < not_before);
        let aged = self.refreshed_at.is_none_or(|at| now.duration_since(at) >= self.max_age);
        let names = if !pauses && (aged || self.refresh_requested) {
            self.refresh_requested = false;
            self.used.keys().cloned().collect()
        } else if self.pending.is_empty() || (pauses && self.unreachable) {
            return None;
        } else {
            std::mem::take(&mut self.pending)
        };
        Some(self.request_for(names))
    }

    /// The time to call [`Self::poll_request`] again unless something else happens before.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if self.asking {
            return None;
        }
        if !self.pending.is_empty() && !self.unreachable {
            return Some(now);
        }
        let due = if self.refresh_requested || !self.pending.is_empty() {
            now
        } else {
            self.refreshed_at.map_or(now, |at| after(at, self.max_age))
        };
        Some(self.not_before.map_or(due, |not_before| not_before.max(due)))
    }

    /// Notes that the last request got no answer, and backs off.
    pub(crate) fn handle_failure(&mut self, now: Instant) {
        self.asking = false;
        self.unreachable = true;
        self.refresh_requested = true;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(after(now, self.backoff.delay(self.failures)));
    }

    /// Merges the answer to the last request into a new snapshot.
    pub(crate) fn handle_response(&mut self, response: MetadataResponse, now: Instant) {
        self.asking = false;
        self.unreachable = false;
        let mut next = MetadataSnapshot::clone(&self.snapshot);
        next.version += 1;
        next.cluster_id = response.cluster_id;
        next.controller = (response.controller_id != NodeId::NONE).then_some(response.controller_id);
        next.brokers = brokers(response.brokers.into_iter().map(|b| (b.node_id, b.host, b.port, b.rack)));
        let mut unsettled = false;
        let mut answered = HashSet::with_capacity(response.topics.len());
        for topic in response.topics {
            let Some(name) = topic.name.clone().filter(|name| self.used.contains_key(&**name)) else {
                continue;
            };
            answered.insert(name);
            unsettled |= merge_topic(&mut next, topic);
        }
        // An error of an earlier answer settles nothing: such a topic stays pending.
        self.pending.retain(|name| !next.topics.contains_key(name) && !answered.contains(&**name));
        self.snapshot = Arc::new(next);
        self.refreshed_at = Some(now);
        self.refresh_requested |= unsettled;
        // Even a good answer is followed by a pause: when one request finds a leader wrong, many others do at the same time.
        self.failures = if unsettled { self.failures.saturating_add(1) } else { 0 };
        self.not_before = Some(after(now, self.backoff.delay(self.failures.max(1))));
    }

    /// Takes over leaders that a broker named (KIP-951). Returns whether that made a new snapshot.
    pub(crate) fn handle_hints(
        &mut self,
        hints: impl IntoIterator<Item = LeaderHint>,
        endpoints: impl IntoIterator<Item = (NodeId, ByteString, i32, Option<ByteString>)>,
    ) -> bool {
        let mut next = MetadataSnapshot::clone(&self.snapshot);
        next.brokers.extend(brokers(endpoints));
        let mut changed = false;
        for hint in hints {
            changed |= apply_hint(&mut next, &hint);
        }
        if changed {
            next.version += 1;
            self.snapshot = Arc::new(next);
        }
        changed
    }

    /// The request for `names`. Topics that may be created and those that may not never share one: the permission holds for all.
    fn request_for(&mut self, names: HashSet<Arc<str>>) -> MetadataRequest {
        self.asking = true;
        let to_create = |name: &Arc<str>| {
            !self.snapshot.topics.contains_key(name)
                && self.used.get(name).is_some_and(|users| users.creators > 0)
        };
        let (create, others): (HashSet<_>, HashSet<_>) = names.into_iter().partition(to_create);
        let (now, later, allow_auto_topic_creation) =
            if others.is_empty() { (create, HashSet::new(), true) } else { (others, create, false) };
        self.pending.retain(|name| !now.contains(name));
        self.pending.extend(later);
        let topic = |name: &Arc<str>| MetadataRequestTopic {
            name: Some(ByteString::from(&**name)),
            ..MetadataRequestTopic::default()
        };
        MetadataRequest {
            topics: Some(now.iter().map(topic).collect()),
            allow_auto_topic_creation,
            ..MetadataRequest::default()
        }
    }
}

fn brokers(
    brokers: impl IntoIterator<Item = (NodeId, ByteString, i32, Option<ByteString>)>,
) -> HashMap<NodeId, Arc<BrokerView>> {
    let view = |(id, host, port, rack): (NodeId, ByteString, i32, Option<ByteString>)| {
        let port = u16::try_from(port).ok()?;
        Some((id, Arc::new(BrokerView { id, host: (&*host).into(), port, rack })))
    };
    brokers.into_iter().filter_map(view).collect()
}

/// Merges the answer about a topic. Returns whether it has to be requested again soon.
fn merge_topic(next: &mut MetadataSnapshot, topic: MetadataResponseTopic) -> bool {
    let Some(wire_name) = topic.name else { return false };
    let name: Arc<str> = match next.topics.get_key_value(&*wire_name) {
        Some((known, _)) => Arc::clone(known),
        None => (&*wire_name).into(),
    };
    if !topic.error_code.is_none() {
        // A topic that exists and has no leader yet keeps what is known of it; one that is gone does not.
        if topic.error_code != ErrorCode::LeaderNotAvailable {
            next.topics.remove(&name);
        }
        next.errors.insert(name, topic.error_code);
        return topic.error_code.class() == ErrorClass::RefreshMetadata;
    }
    let previous = next.topics.get(&name).filter(|previous| {
        // Another id means that the topic was deleted and made anew: what was known belongs to the old one.
        previous.id == topic.topic_id || previous.id.is_nil() || topic.topic_id.is_nil()
    });
    let (partitions, unsettled) =
        merge_partitions(previous.map(|previous| &*previous.partitions), topic.partitions);
    let view = TopicView {
        name: Arc::clone(&name),
        wire_name,
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
    };
    next.errors.remove(&name);
    next.topics.insert(name, Arc::new(view));
    unsettled
}

fn merge_partitions(
    previous: Option<&[PartitionView]>,
    answered: Vec<MetadataResponsePartition>,
) -> (Box<[PartitionView]>, bool) {
    let index_of = |partition: &MetadataResponsePartition| {
        usize::try_from(partition.partition_index).ok().filter(|index| *index < MAX_PARTITIONS)
    };
    let count = answered.iter().filter_map(index_of).max().map_or(0, |highest| highest + 1);
    let mut partitions = vec![PartitionView::leaderless(); count.min(2 * answered.len())];
    let mut unsettled = false;
    for answer in answered {
        let Some(index) = index_of(&answer) else { continue };
        let Some(slot) = partitions.get_mut(index) else { continue };
        let known = previous.and_then(|previous| previous.get(index));
        unsettled |= answer.leader_id == NodeId::NONE;
        *slot = match known {
            Some(known) if is_older(answer.leader_epoch, known.leader_epoch) => known.clone(),
            _ => PartitionView {
                leader: answer.leader_id,
                leader_epoch: answer.leader_epoch,
                replicas: answer.replica_nodes,
                isr: answer.isr_nodes,
                offline_replicas: answer.offline_replicas,
            },
        };
    }
    (partitions.into(), unsettled)
}

/// Whether an answer comes from a broker that does not know of the last election yet.
fn is_older(answered: LeaderEpoch, known: LeaderEpoch) -> bool {
    answered != LeaderEpoch::NONE && answered < known
}

fn apply_hint(next: &mut MetadataSnapshot, hint: &LeaderHint) -> bool {
    if !next.brokers.contains_key(&hint.leader) {
        return false;
    }
    let Some(topic) = next.topics.get_mut(&hint.topic) else { return false };
    let index = usize::try_from(hint.partition).unwrap_or(usize::MAX);
    if topic.partitions.get(index).is_none_or(|known| known.leader_epoch >= hint.leader_epoch) {
        return false;
    }
    if let Some(partition) = Arc::make_mut(topic).partitions.get_mut(index) {
        partition.leader = hint.leader;
        partition.leader_epoch = hint.leader_epoch;
    }
    true
}

#[cfg(test)]
mod tests;
