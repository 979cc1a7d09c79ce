//! Odd requests about records, offsets and topics: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, InitProducerId, Metadata,
//! DescribeTopicPartitions, ApiVersions.

use bytes::Bytes;
use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use kestrel_protocol::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, TopicRequest,
};
use kestrel_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kestrel_protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kestrel_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId, ProducerEpoch, ProducerId, TopicId, Uuid};

use crate::Run;
use crate::side::Side;

/// The topic that both brokers have, with two partitions and three records in the first.
pub(crate) const TOPIC: &str = "odd";
/// A topic that neither has.
pub(crate) const NONE: &str = "no-such-topic";
/// An id that no topic has.
pub(crate) const NO_ID: TopicId = Uuid::from_u128(0x1234_5678_9abc_4def_8765_4321_0fed_cba9);
/// The first version of Fetch and of Produce that names topics by id.
const BY_ID: i16 = 13;

pub(crate) fn prepare(side: &mut Side) {
    let topic =
        CreatableTopic { name: TOPIC.into(), num_partitions: 2, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: false };
    let created = side.call(&request, 7).topics.remove(0);
    assert_eq!(created.error_code, ErrorCode::None, "the topic is new");
    side.topic_id = created.topic_id;
    until("the topic takes records", || {
        let stored = side.call(&produce(side, 9, -1, &[(0, Some(batch(3)))]), 9);
        stored.responses[0].partition_responses[0].error_code == ErrorCode::None
    });
    // The first producer ids are fetched at the first need.
    until("there are producer ids", || {
        side.call(&InitProducerIdRequest::default(), 1).error_code == ErrorCode::None
    });
}

/// Waits until a new broker has come so far.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it is not so within a minute that {what}");
}

pub(crate) fn run(run: &mut Run) {
    produces(run);
    fetches(run);
    offsets(run);
    epochs(run);
    producer_ids(run);
    metadata(run);
    partitions(run);
    api_versions(run);
}

/// A batch of records, the first of 2023.
fn batch(count: usize) -> Bytes {
    let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1 << 20);
    for timestamp in (1_700_000_000_000..).take(count) {
        builder.append(timestamp, Some(b"key"), Some(b"value"), []).expect("it is small");
    }
    builder.build(ProducerStamp::NONE).into_bytes()
}

fn produce(side: &Side, version: i16, acks: i16, partitions: &[(i32, Option<Bytes>)]) -> ProduceRequest {
    let partitions = partitions
        .iter()
        .map(|(index, records)| PartitionProduceData { index: *index, records: records.clone() });
    let topic = TopicProduceData {
        name: if version < BY_ID { TOPIC.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { side.topic_id },
        partition_data: partitions.collect(),
    };
    ProduceRequest { transactional_id: None, acks, timeout_ms: 5_000, topic_data: vec![topic] }
}

fn produces(run: &mut Run) {
    run.case("no topics", |_, _| ProduceRequest { acks: 1, timeout_ms: 1_000, ..Default::default() });
    run.case("a topic without partitions", |side, version| produce(side, version, 1, &[]));
    for (name, acks) in [("acks 2", 2), ("acks -2", -2), ("acks 32767", i16::MAX)] {
        run.case(name, |side, version| produce(side, version, acks, &[(1, Some(batch(1)))]));
    }
    for (name, index) in [("partition -1", -1), ("partition 99", 99)] {
        run.case(name, |side, version| produce(side, version, 1, &[(index, Some(batch(1)))]));
    }
    // Records of null are left out: Apache Kafka 4.3 never answers.
    run.case("records of no bytes", |side, version| produce(side, version, 1, &[(1, Some(Bytes::new()))]));
    run.case("records that are none", |side, version| {
        produce(
            side,
            version,
            1,
            &[(
                1,
                Some(Bytes::from_static(
                    b"these are no records at all, and long enough for a header of a batch",
                )),
            )],
        )
    });
    run.case("half a batch", |side, version| {
        let batch = batch(1);
        produce(side, version, 1, &[(1, Some(batch.slice(..batch.len() - 3)))])
    });
    run.case("two batches", |side, version| {
        produce(side, version, 1, &[(1, Some([batch(1), batch(1)].concat().into()))])
    });
    run.case("a damaged batch", |side, version| {
        let mut batch = batch(1).to_vec();
        if let Some(last) = batch.last_mut() {
            *last ^= 0xff;
        }
        produce(side, version, 1, &[(1, Some(batch.into()))])
    });
    for (name, magic) in [("message format 0", 0), ("message format 1", 1), ("message format 3", 3)] {
        run.case(name, |side, version| {
            let mut batch = batch(1).to_vec();
            if let Some(at) = batch.get_mut(16) {
                *at = magic;
            }
            produce(side, version, 1, &[(1, Some(batch.into()))])
        });
    }
    run.case("an unknown topic", |side, version| {
        let mut request = produce(side, version, 1, &[(0, Some(batch(1)))]);
        request.topic_data[0].name = if version < BY_ID { NONE.into() } else { Default::default() };
        request.topic_data[0].topic_id = if version < BY_ID { TopicId::NIL } else { NO_ID };
        request
    });
    run.case("a topic without name and id", |side, version| {
        let mut request = produce(side, version, 1, &[(0, Some(batch(1)))]);
        request.topic_data[0].name = Default::default();
        request.topic_data[0].topic_id = TopicId::NIL;
        request
    });
    run.case("a timeout below zero", |side, version| ProduceRequest {
        timeout_ms: -1,
        ..produce(side, version, -1, &[(99, Some(batch(1)))])
    });
    run.case("an internal topic", |side, version| {
        let mut request = produce(side, version, 1, &[(0, Some(batch(1)))]);
        if version < BY_ID {
            request.topic_data[0].name = "__consumer_offsets".into();
        }
        request.topic_data[0].partition_data[0].index = 77;
        request
    });
}

fn fetch(side: &Side, version: i16, partition: FetchPartition) -> FetchRequest {
    let topic = FetchTopic {
        topic: if version < BY_ID { TOPIC.into() } else { Default::default() },
        topic_id: if version < BY_ID { TopicId::NIL } else { side.topic_id },
        partitions: vec![partition],
    };
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 0,
        max_bytes: 1 << 20,
        topics: vec![topic],
        ..Default::default()
    }
}

fn from(fetch_offset: i64) -> FetchPartition {
    FetchPartition { fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() }
}

fn fetches(run: &mut Run) {
    run.case("no topics", |_, _| FetchRequest { max_bytes: 1 << 20, ..Default::default() });
    for (name, offset) in [
        ("offset -1", -1),
        ("offset -2", -2),
        ("the smallest offset", i64::MIN),
        ("the largest offset", i64::MAX),
        ("an offset beyond the end", 1_000),
        ("the end", 3),
    ] {
        run.case(name, |side, version| fetch(side, version, from(offset)));
    }
    for (name, partition) in [("partition -1", -1), ("partition 99", 99)] {
        run.case(name, |side, version| fetch(side, version, FetchPartition { partition, ..from(0) }));
    }
    for (name, max_bytes) in [("max_bytes 0", 0), ("max_bytes -1", -1)] {
        run.case(name, |side, version| FetchRequest { max_bytes, ..fetch(side, version, from(0)) });
    }
    for (name, partition_max_bytes) in [("partition_max_bytes 0", 0), ("partition_max_bytes -1", -1)] {
        run.case(name, |side, version| {
            fetch(side, version, FetchPartition { partition_max_bytes, ..from(0) })
        });
    }
    run.case("a wait and min_bytes below zero", |side, version| FetchRequest {
        max_wait_ms: -1,
        min_bytes: -1,
        ..fetch(side, version, from(3))
    });
    run.case("an isolation level that is none", |side, version| FetchRequest {
        isolation_level: 7,
        ..fetch(side, version, from(0))
    });
    for (name, epoch) in [("an epoch of tomorrow", 99), ("epoch -2", -2)] {
        run.case(name, |side, version| {
            fetch(side, version, FetchPartition { current_leader_epoch: LeaderEpoch(epoch), ..from(0) })
        });
    }
    run.case("a last fetched epoch of tomorrow", |side, version| {
        fetch(side, version, FetchPartition { last_fetched_epoch: LeaderEpoch(99), ..from(3) })
    });
    for (name, session_id, session_epoch) in [
        ("an unknown session", 12_345, 1),
        ("a session of no id", 0, 5),
        ("an unknown session that ends", 12_345, -1),
        ("a session below zero", -5, 3),
        ("a new session", 0, 0),
    ] {
        run.case(name, |side, version| FetchRequest {
            session_id,
            session_epoch,
            ..fetch(side, version, from(3))
        });
    }
    run.case("a follower that is none", |side, version| {
        let mut request = fetch(side, version, from(0));
        request.replica_id = if version <= 14 { NodeId(5) } else { NodeId::NONE };
        request.replica_state.replica_id = if version > 14 { NodeId(5) } else { NodeId::NONE };
        request
    });
    run.case("an unknown topic", |side, version| {
        let mut request = fetch(side, version, from(0));
        request.topics[0].topic = if version < BY_ID { NONE.into() } else { Default::default() };
        request.topics[0].topic_id = if version < BY_ID { TopicId::NIL } else { NO_ID };
        request
    });
    run.case("a topic without name and id", |side, version| {
        let mut request = fetch(side, version, from(0));
        request.topics[0].topic = Default::default();
        request.topics[0].topic_id = TopicId::NIL;
        request
    });
    run.case("a partition twice", |side, version| {
        let mut request = fetch(side, version, from(3));
        request.topics[0].partitions.push(from(1));
        request
    });
}

fn ask(partitions: &[(i32, i64)]) -> ListOffsetsRequest {
    let partitions = partitions.iter().map(|(partition_index, timestamp)| ListOffsetsPartition {
        partition_index: *partition_index,
        timestamp: *timestamp,
        ..Default::default()
    });
    let topic = ListOffsetsTopic { name: TOPIC.into(), partitions: partitions.collect() };
    ListOffsetsRequest {
        replica_id: NodeId::NONE,
        topics: vec![topic],
        timeout_ms: 1_000,
        ..Default::default()
    }
}

fn offsets(run: &mut Run) {
    run.case("no topics", |_, _| ListOffsetsRequest { replica_id: NodeId::NONE, ..Default::default() });
    for (name, timestamp) in [
        ("the latest", -1),
        ("the earliest", -2),
        ("the largest timestamp", -3),
        ("the earliest local", -4),
        ("the latest tiered", -5),
        ("the earliest that is pending", -6),
        ("timestamp -7", -7),
        ("timestamp -100", -100),
        ("the smallest timestamp", i64::MIN),
        ("the largest number", i64::MAX),
        ("timestamp 0", 0),
        ("the time of the second record", 1_700_000_000_001),
    ] {
        run.case(name, |_, _| ask(&[(0, timestamp), (1, timestamp)]));
    }
    run.case("partitions that are not there", |_, _| ask(&[(-1, -1), (99, -1)]));
    run.case("a partition twice", |_, _| ask(&[(0, -1), (0, -2)]));
    run.case("an unknown topic", |_, _| {
        let mut request = ask(&[(0, -1)]);
        request.topics[0].name = NONE.into();
        request
    });
    run.case("a topic twice", |_, _| {
        let mut request = ask(&[(0, -1)]);
        request.topics.push(request.topics[0].clone());
        request
    });
    run.case("a topic of no name", |_, _| {
        let mut request = ask(&[(0, -1)]);
        request.topics[0].name = Default::default();
        request
    });
    for (name, replica_id) in [("replica -2", -2), ("replica 5", 5), ("replica -3", -3)] {
        run.case(name, |_, _| ListOffsetsRequest { replica_id: NodeId(replica_id), ..ask(&[(0, -1)]) });
    }
    for (name, isolation_level) in [("read_committed", 1), ("isolation 7", 7), ("isolation -1", -1)] {
        run.case(name, |_, version| ListOffsetsRequest {
            isolation_level: if version < 2 { 0 } else { isolation_level },
            ..ask(&[(0, -1), (1, 5)])
        });
    }
    for (name, epoch) in [("an epoch of tomorrow", 99), ("epoch -2", -2), ("epoch 0", 0)] {
        run.case(name, |_, version| {
            let mut request = ask(&[(0, -1)]);
            request.topics[0].partitions[0].current_leader_epoch =
                LeaderEpoch(if version < 4 { -1 } else { epoch });
            request
        });
    }
}

fn epochs(run: &mut Run) {
    let ask = |partition, current, epoch| {
        let partition = OffsetForLeaderPartition {
            partition,
            current_leader_epoch: LeaderEpoch(current),
            leader_epoch: LeaderEpoch(epoch),
        };
        let topic = OffsetForLeaderTopic { topic: TOPIC.into(), partitions: vec![partition] };
        OffsetForLeaderEpochRequest { replica_id: NodeId(-1), topics: vec![topic] }
    };
    run.case("no topics", |_, _| OffsetForLeaderEpochRequest { replica_id: NodeId(-1), topics: Vec::new() });
    for (name, partition, current, epoch) in [
        ("epoch 0", 0, -1, 0),
        ("epoch -1", 0, -1, -1),
        ("epoch -5", 0, -1, -5),
        ("an epoch of tomorrow", 0, -1, 99),
        ("a current epoch of tomorrow", 0, 99, 0),
        ("a current epoch of -2", 0, -2, 0),
        ("partition -1", -1, -1, 0),
        ("partition 99", 99, -1, 0),
        ("an empty partition", 1, -1, 0),
    ] {
        run.case(name, |_, _| ask(partition, current, epoch));
    }
    run.case("an unknown topic", |_, _| {
        let mut request = ask(0, -1, 0);
        request.topics[0].topic = NONE.into();
        request
    });
}

fn producer_ids(run: &mut Run) {
    let ask = |id: i64, epoch: i16| InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
    };
    for (name, id, epoch) in [
        ("nothing said", -1, -1),
        ("an id alone", 5, -1),
        ("an epoch alone", -1, 5),
        ("an id and an epoch", 5, 5),
        ("an id of -2", -2, -1),
        ("the last epoch", 5, i16::MAX),
    ] {
        run.case(name, |_, version| if version < 3 { ask(-1, -1) } else { ask(id, epoch) });
    }
    run.case("a transaction timeout below zero", |_, _| InitProducerIdRequest {
        transaction_timeout_ms: -1,
        ..ask(-1, -1)
    });
    run.case("a transactional id of no characters", |_, _| InitProducerIdRequest {
        transactional_id: Some(Default::default()),
        ..ask(-1, -1)
    });
}

fn named(names: &[&str]) -> Option<Vec<MetadataRequestTopic>> {
    let topic = |name: &&str| MetadataRequestTopic { name: Some((*name).into()), topic_id: TopicId::NIL };
    Some(names.iter().map(topic).collect())
}

fn metadata(run: &mut Run) {
    let asking = |topics: Option<Vec<MetadataRequestTopic>>| MetadataRequest {
        topics,
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    run.case("no topic", |_, _| asking(named(&[])));
    run.case("one topic", |_, _| asking(named(&[TOPIC])));
    // Version 0 to 3 create what is not there.
    run.case("an unknown topic", |_, version| asking(named(if version < 4 { &[TOPIC] } else { &[NONE] })));
    run.case("a topic twice", |_, _| asking(named(&[TOPIC, TOPIC])));
    run.case("a topic of no name", |_, _| asking(named(&[""])));
    run.case("names that cannot be", |_, _| asking(named(&["a b", ".", "..", "a/b", "ä"])));
    let long = "a".repeat(250);
    run.case("a name that is too long", |_, _| asking(named(&[&long])));
    run.case("impossible names that may be created", |_, _| MetadataRequest {
        allow_auto_topic_creation: true,
        ..asking(named(&["a b", "", "..", &long]))
    });
    let one = |name: Option<&str>, topic_id| {
        asking(Some(vec![MetadataRequestTopic { name: name.map(Into::into), topic_id }]))
    };
    let by_id = |version: i16, request: MetadataRequest| {
        if version < 10 { asking(named(&[TOPIC])) } else { request }
    };
    run.case("an id", |side, version| by_id(version, one(None, side.topic_id)));
    run.case("an unknown id", |_, version| by_id(version, one(None, NO_ID)));
    run.case("neither name nor id", |_, version| by_id(version, one(None, TopicId::NIL)));
    run.case("name and id", |side, version| by_id(version, one(Some(TOPIC), side.topic_id)));
    run.case("a name and another's id", |_, version| by_id(version, one(Some(TOPIC), NO_ID)));
    run.case("authorized operations", |_, version| MetadataRequest {
        include_cluster_authorized_operations: (8..=10).contains(&version),
        include_topic_authorized_operations: version >= 8,
        ..asking(named(&[TOPIC]))
    });
}

fn partitions(run: &mut Run) {
    let asking = |names: &[&str]| DescribeTopicPartitionsRequest {
        topics: names.iter().map(|name| TopicRequest { name: (*name).into() }).collect(),
        response_partition_limit: 2000,
        cursor: None,
    };
    run.case("one topic", |_, _| asking(&[TOPIC]));
    run.case("a topic twice", |_, _| asking(&[TOPIC, TOPIC]));
    run.case("an unknown topic", |_, _| asking(&[NONE]));
    run.case("a topic of no name", |_, _| asking(&[""]));
    run.case("names that cannot be", |_, _| asking(&["a b", ".."]));
    for (name, response_partition_limit) in [("a limit of 0", 0), ("a limit of -1", -1), ("a limit of 1", 1)]
    {
        run.case(name, |_, _| DescribeTopicPartitionsRequest {
            response_partition_limit,
            ..asking(&[TOPIC])
        });
    }
    for (name, topic, partition_index) in [
        ("a cursor in the topic", TOPIC, 1),
        ("a cursor at partition -1", TOPIC, -1),
        ("a cursor behind the last partition", TOPIC, 99),
        ("a cursor in an unknown topic", NONE, 0),
        ("a cursor behind all topics", "zzz", 0),
        ("a cursor before all topics", "a", 0),
        ("a cursor in no topic", "", 0),
    ] {
        run.case(name, |_, _| DescribeTopicPartitionsRequest {
            cursor: Some(Cursor { topic_name: topic.into(), partition_index }),
            ..asking(&[TOPIC])
        });
    }
}

fn api_versions(run: &mut Run) {
    for (name, software, software_version) in [
        ("a software of no name", "", "1"),
        ("a software of no version", "odd", ""),
        ("a software with spaces", "odd software", "1 0"),
        ("a software with a dash at the end", "odd-", "1-"),
    ] {
        run.case(name, |_, version| ApiVersionsRequest {
            client_software_name: if version < 3 { Default::default() } else { software.into() },
            client_software_version: if version < 3 { Default::default() } else { software_version.into() },
        });
    }
}
