//! Records, offsets, metadata and producer ids.

use bytes::Bytes;
use kestrel_protocol::messages::describe_producers::{self, DescribeProducersRequest};
use kestrel_protocol::messages::describe_topic_partitions::{DescribeTopicPartitionsRequest, TopicRequest};
use kestrel_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kestrel_protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kestrel_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_protocol::{ErrorCode, NodeId, TopicId};

use super::{Case, NO_TOPIC, TOPIC, TRANSACTIONAL_ID, same, same_denial, same_part};
use crate::side::Side;

/// The first version of Produce and Fetch that names topics by id.
const BY_ID: i16 = 13;
/// The last version of Metadata that asks for operations on the cluster.
const LAST_WITH_CLUSTER: i16 = 10;
const PREFIX: &str = crate::states::PREFIX;

pub(super) fn prepare(side: &mut Side) {
    side.until(|side| {
        let produce = produce(side.topic_id, TOPIC, 9);
        let stored = side.call(&produce, 9).responses.remove(0).partition_responses.remove(0);
        stored.error_code.is_none().then_some(())
    });
    side.until(|side| {
        let given = side.call(&InitProducerIdRequest::default(), 1).error_code;
        (given == ErrorCode::None).then_some(())
    });
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        same("Produce", |side, version| produce(side.topic_id, TOPIC, version)),
        same("Produce to what is not there", |_, version| produce(TopicId::from_u128(9), NO_TOPIC, version)),
        same("Fetch", |side, version| fetch(side.topic_id, TOPIC, version)),
        same("Fetch of what is not there", |_, version| fetch(TopicId::from_u128(9), NO_TOPIC, version)),
        same_denial("Fetch as a follower", |side, version| FetchRequest {
            replica_id: NodeId(if version < 15 { 7 } else { -1 }),
            ..fetch(side.topic_id, TOPIC, version)
        })
        .until_version(14),
        same("ListOffsets", |_, _| list_offsets(TOPIC)),
        same("ListOffsets of what is not there", |_, _| list_offsets(NO_TOPIC)),
        same("OffsetForLeaderEpoch", |_, _| epochs(TOPIC)),
        same("Metadata", |_, _| metadata(TOPIC)),
        // Where a request cannot say that nothing is to be created, no name of a topic.
        same("Metadata of what is not there", |_, version| {
            metadata(if version < 4 { "matrix-!" } else { NO_TOPIC })
        }),
        same("Metadata that creates", |_, version| MetadataRequest {
            // No name of a topic, so that nothing is created where it is allowed.
            allow_auto_topic_creation: true,
            ..metadata(if version < 4 { "matrix-!" } else { "matrix-?" })
        }),
        same("Metadata by id", |side, version| match version {
            ..12 => metadata(TOPIC),
            _ => by_id(side.topic_id),
        }),
        same("Metadata by an id that nobody has", |_, version| match version {
            ..12 => metadata(TOPIC),
            _ => by_id(TopicId::from_u128(9)),
        }),
        same_part(
            "Metadata of all",
            |_, version| MetadataRequest {
                topics: (version == 0).then(Vec::new),
                include_cluster_authorized_operations: version >= 8,
                ..Default::default()
            },
            |response| response.topics.retain(|topic| is_ours(topic.name.as_deref())),
        )
        .until_version(LAST_WITH_CLUSTER),
        same("DescribeTopicPartitions", |_, _| topic_partitions(&[TOPIC, NO_TOPIC])),
        same_part(
            "DescribeTopicPartitions of all",
            |_, _| topic_partitions(&[]),
            |response| {
                response.topics.retain(|topic| is_ours(topic.name.as_deref()));
            },
        ),
        same("DescribeProducers", |_, _| producers(TOPIC)),
        same("DescribeProducers of what is not there", |_, _| producers(NO_TOPIC)),
        same("InitProducerId", |_, _| InitProducerIdRequest::default()),
        same_denial("InitProducerId for transactions", |_, _| InitProducerIdRequest {
            transactional_id: Some(TRANSACTIONAL_ID.into()),
            transaction_timeout_ms: 10_000,
            ..Default::default()
        }),
    ]
}

fn is_ours(name: Option<&str>) -> bool {
    name.is_none_or(|name| name.starts_with(PREFIX))
}

/// A batch of one record.
pub(super) fn batch(options: BuilderOptions, stamp: ProducerStamp) -> Bytes {
    let mut builder = RecordBatchBuilder::new(options, 1 << 16);
    builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), []).expect("it is small");
    builder.build(stamp).into_bytes()
}

fn produce(topic_id: TopicId, name: &str, version: i16) -> ProduceRequest {
    produce_batch(topic_id, name, version, batch(BuilderOptions::default(), ProducerStamp::NONE))
}

/// Writes a batch outside of transactions.
pub(super) fn produce_batch(topic_id: TopicId, name: &str, version: i16, batch: Bytes) -> ProduceRequest {
    let topic = TopicProduceData {
        name: if version < BY_ID { name.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { topic_id },
        partition_data: vec![PartitionProduceData { index: 0, records: Some(batch) }],
    };
    ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 10_000, topic_data: vec![topic] }
}

fn fetch(topic_id: TopicId, name: &str, version: i16) -> FetchRequest {
    // One whole batch: Apache Kafka cuts what follows.
    let partition = FetchPartition { partition_max_bytes: 1, ..Default::default() };
    let topic = FetchTopic {
        topic: if version < BY_ID { name.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { topic_id },
        partitions: vec![partition],
    };
    FetchRequest { replica_id: NodeId(-1), max_bytes: 1, topics: vec![topic], ..Default::default() }
}

fn list_offsets(name: &str) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition { timestamp: -2, ..Default::default() };
    let topic = ListOffsetsTopic { name: name.into(), partitions: vec![partition] };
    ListOffsetsRequest { replica_id: NodeId(-1), topics: vec![topic], ..Default::default() }
}

fn epochs(name: &str) -> OffsetForLeaderEpochRequest {
    let partition =
        OffsetForLeaderPartition { leader_epoch: kestrel_protocol::LeaderEpoch(0), ..Default::default() };
    let topic = OffsetForLeaderTopic { topic: name.into(), partitions: vec![partition] };
    OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() }
}

fn metadata(name: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic { name: Some(name.into()), ..Default::default() };
    MetadataRequest {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: false,
        include_topic_authorized_operations: true,
        ..Default::default()
    }
}

fn by_id(topic_id: TopicId) -> MetadataRequest {
    let topic = MetadataRequestTopic { topic_id, name: None };
    MetadataRequest { topics: Some(vec![topic]), ..metadata("") }
}

fn producers(name: &str) -> DescribeProducersRequest {
    let topic = describe_producers::TopicRequest { name: name.into(), partition_indexes: vec![0] };
    DescribeProducersRequest { topics: vec![topic] }
}

fn topic_partitions(names: &[&str]) -> DescribeTopicPartitionsRequest {
    DescribeTopicPartitionsRequest {
        topics: names.iter().map(|name| TopicRequest { name: (*name).into() }).collect(),
        response_partition_limit: 1_000,
        ..Default::default()
    }
}
