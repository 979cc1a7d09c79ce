//! One Produce request from the batches of a wave, and the answers back to the batches. Pure.
//!
//! Called by the sender task. Record bytes are shared with the batches, not copied.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use kestrel_protocol::{ByteString, ErrorCode, TopicId};

use super::dispatcher::{Answer, Outbound};
use crate::error::Error;
use crate::metadata::{LeaderHint, MetadataSnapshot};

/// The first version with topic ids instead of names (KIP-516).
pub(crate) const FIRST_VERSION_WITH_IDS: i16 = 13;

/// A request, and what is needed to read its answer.
#[derive(Debug)]
pub(crate) struct Produce {
    /// Shares the bytes of the batches: to be dropped as soon as it is encoded, so that their buffers can be used again.
    pub(crate) request: ProduceRequest,
    /// Whether the id of every topic is known, so that the request can go out in a version without names.
    pub(crate) has_ids: bool,
    pub(crate) asked: Asked,
}

/// What was asked for, by topic: an answer in an old version has names, in a new one ids.
#[derive(Debug)]
pub(crate) struct Asked(HashMap<TopicKey, Arc<str>>);

/// The topics of an answer: by id or by name, whichever it has.
#[derive(Debug, PartialEq, Eq, Hash)]
enum TopicKey {
    Id(TopicId),
    Name(ByteString),
}

impl TopicKey {
    fn new(id: TopicId, name: &ByteString) -> Self {
        if name.is_empty() { Self::Id(id) } else { Self::Name(name.clone()) }
    }
}

impl Produce {
    /// Gathers built batches by topic.
    pub(crate) fn new(batches: &[Outbound], acks: i16, timeout_ms: i32, snapshot: &MetadataSnapshot) -> Self {
        let mut topic_data: Vec<TopicProduceData> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        let mut asked = HashMap::new();
        for Outbound { batch, .. } in batches {
            let topic = batch.state().topic();
            let place = *places.entry(Arc::clone(topic)).or_insert_with(|| {
                let entry = topic_entry(topic, snapshot);
                asked.insert(TopicKey::Id(entry.topic_id), Arc::clone(topic));
                asked.insert(TopicKey::Name(entry.name.clone()), Arc::clone(topic));
                topic_data.push(entry);
                topic_data.len() - 1
            });
            let records: Option<Bytes> = batch.bytes().cloned();
            let data = PartitionProduceData { index: batch.state().partition(), records };
            if let Some(entry) = topic_data.get_mut(place) {
                entry.partition_data.push(data);
            }
        }
        let has_ids = topic_data.iter().all(|topic| !topic.topic_id.is_nil());
        let request = ProduceRequest { transactional_id: None, acks, timeout_ms, topic_data };
        Self { request, has_ids, asked: Asked(asked) }
    }
}

impl Asked {
    /// What the broker said of each partition, to be taken out one by one, and the leaders that it named.
    pub(crate) fn read(&self, response: ProduceResponse) -> (Answers, Vec<LeaderHint>) {
        let mut answers = HashMap::new();
        let mut hints = Vec::new();
        for topic in response.responses {
            let Some(name) = self.0.get(&TopicKey::new(topic.topic_id, &topic.name)) else { continue };
            for partition in topic.partition_responses {
                hints.extend(hint(name, &partition));
                answers.insert((Arc::clone(name), partition.index), partition);
            }
        }
        (Answers(answers), hints)
    }
}

/// What a broker said, by topic and partition.
#[derive(Debug)]
pub(crate) struct Answers(HashMap<(Arc<str>, i32), PartitionProduceResponse>);

impl Answers {
    /// The answer for one batch; a broker that leaves one out has not done what was asked.
    pub(crate) fn take(&mut self, outbound: &Outbound) -> Answer {
        let state = outbound.batch.state();
        match self.0.remove(&(Arc::clone(state.topic()), state.partition())) {
            Some(said) => Answer::Said(said),
            None => {
                Answer::Lost(Error::disconnected("the broker", "its answer leaves out a partition", true))
            }
        }
    }
}

fn topic_entry(topic: &Arc<str>, snapshot: &MetadataSnapshot) -> TopicProduceData {
    let known = snapshot.topic(topic);
    TopicProduceData {
        name: known.map_or_else(|| ByteString::from(&**topic), |view| view.wire_name.clone()),
        topic_id: known.map(|view| view.id).unwrap_or_default(),
        partition_data: Vec::new(),
    }
}

fn hint(topic: &Arc<str>, partition: &PartitionProduceResponse) -> Option<LeaderHint> {
    let leader = &partition.current_leader;
    let moved = matches!(partition.error_code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
    (moved && leader.leader_id.0 >= 0).then(|| LeaderHint {
        topic: Arc::clone(topic),
        partition: partition.index,
        leader: leader.leader_id,
        leader_epoch: leader.leader_epoch,
    })
}
