//! One Produce request from the batches of a shipment, and the answers back to the batches. Pure.
//!
//! Called by the sender. Record bytes are shared with the batches, not copied.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use kestrel_protocol::{ByteString, ErrorCode, TopicId};

use crate::error::Error;
use crate::metadata::{LeaderHint, MetadataSnapshot};
use crate::producer::batch::ProducerBatch;
use crate::producer::dispatcher::ProduceAnswer;

/// The first version with topic ids instead of names (KIP-516).
pub(super) const FIRST_VERSION_WITH_IDS: i16 = 13;
/// The first version with which a batch adds its partition to the transaction (KIP-890).
pub(super) const FIRST_VERSION_OF_TRANSACTIONS_V2: i16 = 12;

/// A request, and what is needed to read its answer.
#[derive(Debug)]
pub(super) struct BuiltRequest {
    /// Shares the bytes of the batches: to be dropped as soon as it is encoded, so that their buffers can be used again.
    pub(super) request: ProduceRequest,
    /// Whether the id of every topic is known, so that the request can go out in a version without names.
    pub(super) has_ids: bool,
    pub(super) asked: AskedTopics,
}

/// The topics of a request by how its answer names them: in an old version by name, in a new one by id.
#[derive(Debug)]
pub(super) struct AskedTopics(HashMap<TopicKey, Arc<str>>);

/// A topic as an answer names it.
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

impl BuiltRequest {
    /// Gathers built batches by topic.
    pub(super) fn new(
        batches: &[ProducerBatch],
        acks: i16,
        timeout_ms: i32,
        transactional_id: Option<&Arc<str>>,
        snapshot: &MetadataSnapshot,
    ) -> Self {
        let mut topic_data: Vec<TopicProduceData> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        let mut asked = HashMap::new();
        for batch in batches {
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
        let transactional_id = transactional_id.map(|id| ByteString::from(&**id));
        let request = ProduceRequest { transactional_id, acks, timeout_ms, topic_data };
        Self { request, has_ids, asked: AskedTopics(asked) }
    }
}

impl AskedTopics {
    /// The answers for each partition, to be taken out one by one, and the leaders that the broker named.
    pub(super) fn read(&self, response: ProduceResponse) -> (Answers, Vec<LeaderHint>) {
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

/// The answers of a broker, by topic and partition.
#[derive(Debug)]
pub(super) struct Answers(HashMap<(Arc<str>, i32), PartitionProduceResponse>);

impl Answers {
    /// The answer for one batch; a broker that leaves one out has not done what was asked.
    pub(super) fn take(&mut self, batch: &ProducerBatch) -> ProduceAnswer {
        let state = batch.state();
        match self.0.remove(&(Arc::clone(state.topic()), state.partition())) {
            Some(response) => ProduceAnswer::Response(response),
            None => ProduceAnswer::Lost(Error::disconnected(
                "the broker",
                "its answer leaves out a partition",
                true,
            )),
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
