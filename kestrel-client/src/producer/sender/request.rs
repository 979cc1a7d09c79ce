//! One Produce request from the batches of a shipment, and the answers back to the batches. Pure.
//!
//! Called by the sender. Record bytes are shared with the batches, not copied.

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

/// The topics of a request, in its order.
#[derive(Debug)]
pub(super) struct AskedTopics(Vec<AskedTopic>);

/// A topic of a request, by how the answer names it: in an old version by name, in a new one by id.
#[derive(Debug)]
struct AskedTopic {
    topic: Arc<str>,
    id: TopicId,
    wire_name: ByteString,
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
        let mut asked = AskedTopics(Vec::new());
        let mut place = 0;
        for batch in batches {
            let topic = batch.state().topic();
            place = asked.find(place, |asked| asked.topic == *topic).unwrap_or_else(|| {
                let entry = topic_entry(topic, snapshot);
                asked.add(topic, &entry);
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
        Self { request, has_ids, asked }
    }
}

impl AskedTopics {
    fn add(&mut self, topic: &Arc<str>, entry: &TopicProduceData) {
        let (topic, wire_name) = (Arc::clone(topic), entry.name.clone());
        self.0.push(AskedTopic { topic, id: entry.topic_id, wire_name });
    }

    /// The place of the topic that `is_it` says it is, which most often is the one at `likely`: batches and answers come in the
    /// request's order, or nearly.
    fn find(&self, likely: usize, is_it: impl Fn(&AskedTopic) -> bool) -> Option<usize> {
        if self.0.get(likely).is_some_and(&is_it) {
            return Some(likely);
        }
        self.0.iter().position(is_it)
    }

    /// The answers for each partition, to be taken out one by one, and the leaders that the broker named.
    pub(super) fn read(&self, response: ProduceResponse) -> (Answers<'_>, Vec<LeaderHint>) {
        let partition_count = response.responses.iter().map(|topic| topic.partition_responses.len()).sum();
        let mut answers = Vec::with_capacity(partition_count);
        let mut hints = Vec::new();
        for (likely, topic) in response.responses.into_iter().enumerate() {
            let is_it = |asked: &AskedTopic| match topic.name.is_empty() {
                true => asked.id == topic.topic_id,
                false => asked.wire_name == topic.name,
            };
            let Some(place) = self.find(likely, is_it) else { continue };
            for partition in topic.partition_responses {
                hints.extend(self.0.get(place).and_then(|asked| hint(&asked.topic, &partition)));
                answers.push(((place, partition.index), Some(partition)));
            }
        }
        answers.sort_unstable_by_key(|(partition, _)| *partition);
        (Answers { asked: self, place: 0, answers }, hints)
    }
}

/// The answers of a broker, by topic and partition.
#[derive(Debug)]
pub(super) struct Answers<'a> {
    asked: &'a AskedTopics,
    /// The topic of the batch before.
    place: usize,
    answers: Vec<((usize, i32), Option<PartitionProduceResponse>)>,
}

impl Answers<'_> {
    /// The answer for one batch; a broker that leaves one out has not done what was asked.
    pub(super) fn take(&mut self, batch: &ProducerBatch) -> ProduceAnswer {
        match self.find(batch) {
            Some(response) => ProduceAnswer::Response(response),
            None => ProduceAnswer::Lost(Error::disconnected(
                "the broker",
                "its answer leaves out a partition",
                true,
            )),
        }
    }

    fn find(&mut self, batch: &ProducerBatch) -> Option<PartitionProduceResponse> {
        let state = batch.state();
        self.place = self.asked.find(self.place, |asked| asked.topic == *state.topic())?;
        let key = (self.place, state.partition());
        let index = self.answers.binary_search_by_key(&key, |(partition, _)| *partition).ok()?;
        self.answers.get_mut(index)?.1.take()
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
