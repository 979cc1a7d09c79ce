//! Decides what to ask of the cluster and what to believe of the answers. A machine: no I/O, no clock.
//!
//! Driven by the [`Refresher`](super::Refresher) task; poked through [`MetadataHandle`](super::MetadataHandle). It
//! asks for all topics in use when the picture is old or was reported wrong, and for single topics when they are new.

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

/// The most partitions that are believed of a topic: more in an answer is damage.
const MAX_PARTITIONS: usize = 1_000_000;

/// How a topic is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// As it is.
    IfExists,
    /// Created by the broker if it allows that (`auto.create.topics.enable`): by a call that waits for it, and only that long.
    Created,
}

/// Who uses a topic. A topic that nobody uses is not asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Users {
    /// Producers, consumers and calls that wait.
    count: usize,
    /// Those of them that wait for it to be created.
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

/// What the client knows, what it wants to know, and when it asks next.
#[derive(Debug)]
pub(crate) struct MetadataCache {
    snapshot: Arc<MetadataSnapshot>,
    used: HashMap<Arc<str>, Users>,
    /// Used topics that have to be asked for, apart from what a full refresh covers.
    pending: HashSet<Arc<str>>,
    refresh_requested: bool,
    asking: bool,
    refreshed_at: Option<Instant>,
    /// Before this, new topics are asked for and nothing else.
    not_before: Option<Instant>,
    /// The last request failed on the way: new topics have to wait too.
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

    /// What is known now.
    pub(crate) fn snapshot(&self) -> &Arc<MetadataSnapshot> {
        &self.snapshot
    }

    /// One more uses the topic from now on. Gives whether that changes what is asked for.
    pub(crate) fn handle_used(&mut self, topic: &Arc<str>, wanted: Wanted) -> bool {
        if topic.len() > MAX_STRING_BYTES {
            // Nobody can ask for it, and a request with it in would take the others down.
            return false;
        }
        let users = self.used.entry(Arc::clone(topic)).or_default();
        users.count += 1;
        users.creators += usize::from(wanted == Wanted::Created);
        !self.snapshot.topics.contains_key(topic) && self.pending.insert(Arc::clone(topic))
    }

    /// One who used the topic does not any more. Gives whether it was the last one and the topic has left the snapshot.
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
        // Whoever uses it next asks for it: by then it may have been deleted.
        let mut next = MetadataSnapshot::clone(&self.snapshot);
        next.version += 1;
        next.topics.remove(topic);
        next.errors.remove(topic);
        self.snapshot = Arc::new(next);
        true
    }

    /// The picture was found wrong, or someone wants it new.
    pub(crate) fn handle_refresh_request(&mut self) {
        self.refresh_requested = true;
    }

    /// What to ask now, if anything.
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

    /// When to call [`Self::poll_request`] again if nothing else happens before.
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

    /// The last request failed on the way.
    pub(crate) fn handle_failure(&mut self, now: Instant) {
        self.asking = false;
        self.unreachable = true;
        self.refresh_requested = true;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(after(now, self.backoff.delay(self.failures)));
    }

    /// The last request was answered. The snapshot is a new one afterwards.
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
        // An error of an earlier answer settles nothing: the topic is to be asked for again.
        self.pending.retain(|name| !next.topics.contains_key(name) && !answered.contains(&**name));
        self.snapshot = Arc::new(next);
        self.refreshed_at = Some(now);
        self.refresh_requested |= unsettled;
        // Even a good answer is followed by a pause: whoever finds a leader wrong meets others that find the same.
        self.failures = if unsettled { self.failures.saturating_add(1) } else { 0 };
        self.not_before = Some(after(now, self.backoff.delay(self.failures.max(1))));
    }

    /// A broker named the leaders of partitions. Gives whether anything was new; the snapshot is a new one then.
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

    /// Asks for topics that may be created together with that permission, and for the others without it.
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

/// Takes over what an answer says of a topic. Gives whether it has to be asked for again soon.
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

/// Whether an answer comes from a broker that has not heard of the last election yet.
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
