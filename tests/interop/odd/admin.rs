//! Odd requests about topics and configurations: CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords, DescribeConfigs,
//! AlterConfigs, IncrementalAlterConfigs, DescribeCluster.

use kestrel_protocol::messages::alter_configs::{self, AlterConfigsRequest};
use kestrel_protocol::messages::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use kestrel_protocol::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::{ErrorCode, NodeId, TopicId};

use crate::Run;
use crate::data::{NO_ID, NONE, TOPIC};
use crate::side::Side;

/// Kinds of resources.
const TOPICS: i8 = 2;
const BROKERS: i8 = 4;

/// What is done with a key.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(crate) fn run(run: &mut Run) {
    creations(run);
    assignments(run);
    deletions(run);
    partitions(run);
    records(run);
    descriptions(run);
    alterations(run);
    replacements(run);
    clusters(run);
}

pub(crate) fn prepare(side: &Side) {
    // Apache Kafka writes this down when its controller first starts.
    let mut request = altered(BROKERS, "", &[("min.insync.replicas", SET, Some("1"))]);
    request.validate_only = false;
    let answer = side.call(&request, 1).responses.remove(0);
    assert_eq!(answer.error_code, ErrorCode::None, "{:?}", answer.error_message);
}

/// A topic that is only validated, so that each version meets the same.
fn new(name: &str) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() }
}

fn validated(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest { topics, timeout_ms: 10_000, validate_only: true }
}

fn creations(run: &mut Run) {
    run.case("no topics", |_, _| validated(Vec::new()));
    run.case("a topic", |_, _| validated(vec![new("new")]));
    run.case("a topic twice", |_, _| validated(vec![new("new"), new("new"), new("other")]));
    run.case("a topic that is there", |_, _| validated(vec![new(TOPIC)]));
    let long = "a".repeat(250);
    run.case("names that cannot be", |_, _| {
        validated(["", " ", "a b", ".", "..", "a/b", "ä", &long].iter().map(|name| new(name)).collect())
    });
    run.case("a name that collides", |_, _| validated(vec![new("a.b"), new("a_b")]));
    for (name, num_partitions) in
        [("0 partitions", 0), ("-1 partitions", -1), ("-2 partitions", -2), ("20,000 partitions", 20_000)]
    {
        run.case(name, |_, _| validated(vec![CreatableTopic { num_partitions, ..new("new") }]));
    }
    for (name, replication_factor) in
        [("replication 0", 0), ("replication -1", -1), ("replication -2", -2), ("replication 2", 2)]
    {
        run.case(name, |_, _| validated(vec![CreatableTopic { replication_factor, ..new("new") }]));
    }
    for (name, key, value) in [
        ("an unknown key", "nope", Some("1")),
        ("a key of no name", "", Some("1")),
        ("a value of null", "retention.ms", None),
        ("a value of no characters", "retention.ms", Some("")),
        ("a value that is none", "retention.ms", Some("soon")),
        ("a value below what may be", "retention.ms", Some("-2")),
        ("a value with spaces", "retention.ms", Some(" 5 ")),
        ("a flag that is none", "preallocate", Some("yes")),
        ("a flag in capitals", "preallocate", Some("TRUE")),
        ("a policy that is none", "cleanup.policy", Some("keep")),
        ("two policies", "cleanup.policy", Some("compact, delete")),
        ("no policy", "cleanup.policy", Some("")),
        ("a policy twice", "cleanup.policy", Some("compact,compact")),
        ("a codec that is none", "compression.type", Some("brotli")),
        ("a ratio above 1", "min.cleanable.dirty.ratio", Some("1.5")),
        ("a segment that is too small", "segment.bytes", Some("5")),
        ("a number beyond its type", "segment.bytes", Some("99999999999")),
        ("a replica that is none", "leader.replication.throttled.replicas", Some("0-1")),
        ("every replica", "leader.replication.throttled.replicas", Some("*")),
        ("a format that is gone", "message.format.version", Some("2.8")),
    ] {
        run.case(name, |_, _| {
            let config = CreatableTopicConfig { name: key.into(), value: value.map(Into::into) };
            validated(vec![CreatableTopic { configs: vec![config], ..new("new") }])
        });
    }
    run.case("a key twice", |_, _| {
        let config =
            |value: &str| CreatableTopicConfig { name: "retention.ms".into(), value: Some(value.into()) };
        validated(vec![CreatableTopic { configs: vec![config("1"), config("2")], ..new("new") }])
    });
}

fn assigned(assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignments = assignments.iter().map(|(partition_index, brokers)| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: brokers.iter().map(|id| NodeId(*id)).collect(),
    });
    CreatableTopic {
        num_partitions: -1,
        replication_factor: -1,
        assignments: assignments.collect(),
        ..new("new")
    }
}

fn assignments(run: &mut Run) {
    for (name, assignments) in [
        ("an assignment", &[(0, &[1][..]), (1, &[1])][..]),
        ("an unknown broker", &[(0, &[99])]),
        ("a broker below zero", &[(0, &[-1])]),
        ("a broker twice", &[(0, &[1, 1])]),
        ("nobody", &[(0, &[])]),
        ("a gap", &[(0, &[1]), (2, &[1])]),
        ("a partition twice in the assignment", &[(0, &[1]), (0, &[1])]),
        ("a partition below zero", &[(-1, &[1])]),
        ("assignments of different size", &[(0, &[1]), (1, &[1, 99])]),
    ] {
        run.case(name, |_, _| validated(vec![assigned(assignments)]));
    }
    run.case("an assignment and a count", |_, _| {
        validated(vec![CreatableTopic { num_partitions: 2, ..assigned(&[(0, &[1])]) }])
    });
    run.case("an assignment and a replication", |_, _| {
        validated(vec![CreatableTopic { replication_factor: 1, ..assigned(&[(0, &[1])]) }])
    });
}

fn deletions(run: &mut Run) {
    let by_name = |version: i16, names: &[&str]| DeleteTopicsRequest {
        topic_names: names.iter().filter(|_| version < 6).map(|name| (*name).into()).collect(),
        topics: names
            .iter()
            .filter(|_| version >= 6)
            .map(|name| DeleteTopicState { name: Some((*name).into()), topic_id: TopicId::NIL })
            .collect(),
        timeout_ms: 10_000,
    };
    run.case("no topics", |_, version| by_name(version, &[]));
    run.case("an unknown topic", |_, version| by_name(version, &[NONE]));
    run.case("a topic of no name", |_, version| by_name(version, &[""]));
    run.case("an unknown topic twice", |_, version| by_name(version, &[NONE, NONE]));
    run.case("names that cannot be", |_, version| by_name(version, &["a b", ".."]));
    let one = |version: i16, name: Option<&str>, topic_id| {
        if version < 6 {
            return by_name(version, &[]);
        }
        let topic = DeleteTopicState { name: name.map(Into::into), topic_id };
        DeleteTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() }
    };
    run.case("an unknown id", |_, version| one(version, None, NO_ID));
    run.case("neither name nor id", |_, version| one(version, None, TopicId::NIL));
    run.case("name and id", |side, version| one(version, Some(TOPIC), side.topic_id));
    run.case("an unknown id twice", |_, version| {
        let mut request = one(version, None, NO_ID);
        request.topics = [request.topics.clone(), request.topics].concat();
        request
    });
}

fn partitions(run: &mut Run) {
    let grown = |topics: &[(&str, i32)]| CreatePartitionsRequest {
        topics: topics
            .iter()
            .map(|(name, count)| CreatePartitionsTopic {
                name: (*name).into(),
                count: *count,
                assignments: None,
            })
            .collect(),
        timeout_ms: 10_000,
        validate_only: true,
    };
    run.case("no topics", |_, _| grown(&[]));
    for (name, count) in
        [("one more", 3), ("as many", 2), ("fewer", 1), ("none", 0), ("-1", -1), ("20,000", 20_000)]
    {
        run.case(name, |_, _| grown(&[(TOPIC, count)]));
    }
    run.case("an unknown topic", |_, _| grown(&[(NONE, 3)]));
    run.case("a topic of no name", |_, _| grown(&[("", 3)]));
    run.case("a topic twice", |_, _| grown(&[(TOPIC, 3), (TOPIC, 4), (NONE, 1)]));
    for (name, brokers) in [
        ("an assignment", &[&[1][..]][..]),
        ("an unknown broker", &[&[99]]),
        ("a broker twice", &[&[1, 1]]),
        ("nobody", &[&[]]),
        ("too many assignments", &[&[1], &[1]]),
        ("too few assignments", &[]),
    ] {
        run.case(name, |_, _| {
            let mut request = grown(&[(TOPIC, 3)]);
            let assignment = |brokers: &&[i32]| CreatePartitionsAssignment {
                broker_ids: brokers.iter().map(|id| NodeId(*id)).collect(),
            };
            request.topics[0].assignments = Some(brokers.iter().map(assignment).collect());
            request
        });
    }
}

fn records(run: &mut Run) {
    let deleted = |topic: &str, partitions: &[(i32, i64)]| DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: topic.into(),
            partitions: partitions
                .iter()
                .map(|(partition_index, offset)| DeleteRecordsPartition {
                    partition_index: *partition_index,
                    offset: *offset,
                })
                .collect(),
        }],
        timeout_ms: 5_000,
    };
    run.case("no topics", |_, _| DeleteRecordsRequest::default());
    run.case("a topic without partitions", |_, _| deleted(TOPIC, &[]));
    for (name, offset) in [
        ("offset 0", 0),
        ("offset -2", -2),
        ("offset -5", -5),
        ("an offset beyond the end", 1_000),
        ("the largest offset", i64::MAX),
    ] {
        run.case(name, |_, _| deleted(TOPIC, &[(0, offset)]));
    }
    run.case("the end of an empty partition", |_, _| deleted("odd", &[(99, -1), (-1, 0)]));
    run.case("an unknown topic", |_, _| deleted(NONE, &[(0, 0)]));
    run.case("a topic of no name", |_, _| deleted("", &[(0, 0)]));
    run.case("a topic twice", |_, _| {
        let mut request = deleted(TOPIC, &[(0, 0)]);
        request.topics.push(request.topics[0].clone());
        request
    });
}

fn described(resource_type: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.into(),
        configuration_keys: keys.map(|keys| keys.iter().map(|key| (*key).into()).collect()),
    };
    DescribeConfigsRequest { resources: vec![resource], include_synonyms: true, ..Default::default() }
}

fn descriptions(run: &mut Run) {
    run.case("no resources", |_, _| DescribeConfigsRequest::default());
    run.case("all keys of a topic", |_, _| described(TOPICS, TOPIC, None));
    run.case("an empty list of keys", |_, _| described(TOPICS, TOPIC, Some(&[])));
    run.case("a key twice", |_, _| described(TOPICS, TOPIC, Some(&["retention.ms", "retention.ms"])));
    run.case("unknown keys", |_, _| described(TOPICS, TOPIC, Some(&["nope", ""])));
    run.case("a topic twice", |_, _| {
        let mut request = described(TOPICS, TOPIC, Some(&["retention.ms"]));
        request.resources.push(request.resources[0].clone());
        request
    });
    for (name, topic) in
        [("an unknown topic", NONE), ("a topic of no name", ""), ("a name that cannot be", "a b")]
    {
        run.case(name, |_, _| described(TOPICS, topic, None));
    }
    // What was said when the brokers were started, defaults, and what nothing stands in for.
    for (name, key) in [
        ("a key that was said", "num.partitions"),
        ("a key that a topic inherits and was said", "log.segment.bytes"),
        ("a key that stands in for one and was said", "log.retention.minutes"),
        ("the key that it stands in for", "log.retention.ms"),
        ("the last that stands in", "log.retention.hours"),
        ("a default", "message.max.bytes"),
        ("a key without default", "log.roll.ms"),
        ("a key that was said and is not acted on", "num.io.threads"),
        ("a key of another area", "ssl.keystore.password"),
        ("a flag", "auto.create.topics.enable"),
    ] {
        run.case(name, |_, _| described(BROKERS, "1", Some(&[key])));
    }
    run.case("an unknown key of a broker", |_, _| described(BROKERS, "1", Some(&["nope"])));
    run.case("all brokers", |_, _| described(BROKERS, "", None));
    for (name, broker) in [
        ("an unknown broker", "99"),
        ("a broker with a sign", "+1"),
        ("a broker of letters", "x"),
        ("broker -1", "-1"),
    ] {
        run.case(name, |_, _| described(BROKERS, broker, Some(&["num.partitions"])));
    }
    for (name, kind) in [("kind 0", 0), ("kind 1", 1), ("kind 3", 3), ("kind 99", 99), ("kind -1", -1)] {
        run.case(name, |_, _| described(kind, "x", None));
    }
    run.case("a group", |_, _| described(32, "x", None));
    run.case("client metrics", |_, _| described(16, "x", None));
}

type Change<'a> = (&'a str, i8, Option<&'a str>);

fn altered(kind: i8, name: &str, changes: &[Change<'_>]) -> IncrementalAlterConfigsRequest {
    let configs = changes.iter().map(|(name, config_operation, value)| AlterableConfig {
        name: (*name).into(),
        config_operation: *config_operation,
        value: value.map(Into::into),
    });
    let resource =
        AlterConfigsResource { resource_type: kind, resource_name: name.into(), configs: configs.collect() };
    IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: true }
}

fn alterations(run: &mut Run) {
    run.case("no resources", |_, _| IncrementalAlterConfigsRequest::default());
    run.case("no keys", |_, _| altered(TOPICS, TOPIC, &[]));
    for (name, change) in [
        ("a value", ("retention.ms", SET, Some("5"))),
        ("a value of null", ("retention.ms", SET, None)),
        ("a value of no characters", ("retention.ms", SET, Some(""))),
        ("a value that is none", ("retention.ms", SET, Some("soon"))),
        ("an unknown key", ("nope", SET, Some("1"))),
        ("a key of no name", ("", SET, Some("1"))),
        ("an unknown key to delete", ("nope", DELETE, None)),
        ("a key that is not set to delete", ("retention.ms", DELETE, Some("5"))),
        ("appending to what is no list", ("retention.ms", APPEND, Some("5"))),
        ("appending to an unknown key", ("nope", APPEND, Some("5"))),
        ("appending nothing", ("cleanup.policy", APPEND, Some(""))),
        ("appending null", ("cleanup.policy", APPEND, None)),
        ("appending what is there", ("cleanup.policy", APPEND, Some("delete"))),
        ("appending what cannot be", ("cleanup.policy", APPEND, Some("keep"))),
        ("taking away all", ("cleanup.policy", SUBTRACT, Some("delete"))),
        ("taking away what is not there", ("cleanup.policy", SUBTRACT, Some("compact"))),
        ("taking away null", ("cleanup.policy", SUBTRACT, None)),
        ("operation 9", ("retention.ms", 9, Some("5"))),
        ("operation -1", ("retention.ms", -1, Some("5"))),
    ] {
        run.case(name, |_, _| altered(TOPICS, TOPIC, &[change]));
    }
    run.case("a key twice", |_, _| {
        altered(TOPICS, TOPIC, &[("retention.ms", SET, Some("5")), ("retention.ms", DELETE, None)])
    });
    run.case("a topic twice", |_, _| {
        let mut request = altered(TOPICS, TOPIC, &[("retention.ms", SET, Some("5"))]);
        request.resources.push(request.resources[0].clone());
        request
    });
    for (name, topic) in
        [("an unknown topic", NONE), ("a topic of no name", ""), ("a name that cannot be", "a b")]
    {
        run.case(name, |_, _| altered(TOPICS, topic, &[("retention.ms", SET, Some("5"))]));
    }
    for (name, broker, key, value) in [
        ("a broker", "1", "message.max.bytes", "5000"),
        ("all brokers", "", "message.max.bytes", "5000"),
        ("an unknown broker", "99", "message.max.bytes", "5000"),
        ("a broker of letters", "x", "message.max.bytes", "5000"),
        ("a value of a broker that is none", "1", "message.max.bytes", "much"),
        ("a key that cannot be changed", "1", "node.id", "5"),
        ("an unknown key of a broker", "1", "nope", "5"),
    ] {
        run.case(name, |_, _| altered(BROKERS, broker, &[(key, SET, Some(value))]));
    }
    for (name, kind) in [("kind 0", 0), ("kind 3", 3), ("kind 99", 99)] {
        run.case(name, |_, _| altered(kind, "x", &[("retention.ms", SET, Some("5"))]));
    }
}

fn replacements(run: &mut Run) {
    let replaced = |kind: i8, name: &str, configs: &[(&str, Option<&str>)]| {
        let configs = configs.iter().map(|(name, value)| alter_configs::AlterableConfig {
            name: (*name).into(),
            value: value.map(Into::into),
        });
        let resource = alter_configs::AlterConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configs: configs.collect(),
        };
        AlterConfigsRequest { resources: vec![resource], validate_only: true }
    };
    run.case("no resources", |_, _| AlterConfigsRequest::default());
    run.case("no keys", |_, _| replaced(TOPICS, TOPIC, &[]));
    for (name, key, value) in [
        ("a value", "retention.ms", Some("5")),
        ("a value of null", "retention.ms", None),
        ("a value of no characters", "retention.ms", Some("")),
        ("a value that is none", "retention.ms", Some("soon")),
        ("an unknown key", "nope", Some("1")),
        ("a key of no name", "", Some("1")),
    ] {
        run.case(name, |_, _| replaced(TOPICS, TOPIC, &[(key, value)]));
    }
    run.case("a key twice", |_, _| {
        replaced(TOPICS, TOPIC, &[("retention.ms", Some("5")), ("retention.ms", Some("6"))])
    });
    // A topic twice is left out: Apache Kafka 4.3 never answers.
    for (name, topic) in
        [("an unknown topic", NONE), ("a topic of no name", ""), ("a name that cannot be", "a b")]
    {
        run.case(name, |_, _| replaced(TOPICS, topic, &[("retention.ms", Some("5"))]));
    }
    for (name, broker, key, value) in [
        ("a broker", "1", "message.max.bytes", "5000"),
        ("all brokers", "", "message.max.bytes", "5000"),
        ("an unknown broker", "99", "message.max.bytes", "5000"),
        ("a key that cannot be changed", "1", "node.id", "5"),
        ("an unknown key of a broker", "1", "nope", "5"),
    ] {
        run.case(name, |_, _| replaced(BROKERS, broker, &[(key, Some(value))]));
    }
    for (name, kind) in [("kind 0", 0), ("kind 3", 3), ("kind 99", 99)] {
        run.case(name, |_, _| replaced(kind, "x", &[("retention.ms", Some("5"))]));
    }
}

fn clusters(run: &mut Run) {
    for (name, endpoint_type) in
        [("brokers", 1), ("controllers", 2), ("kind 0", 0), ("kind 9", 9), ("kind -1", -1)]
    {
        run.case(name, |_, version| DescribeClusterRequest {
            endpoint_type: if version < 1 { 1 } else { endpoint_type },
            ..Default::default()
        });
    }
    run.case("authorized operations and fenced brokers", |_, version| DescribeClusterRequest {
        include_cluster_authorized_operations: true,
        endpoint_type: 1,
        include_fenced_brokers: version >= 2,
    });
}
