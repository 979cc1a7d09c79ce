//! Odd requests about what is on which node: DescribeLogDirs, AlterReplicaLogDirs, ElectLeaders, AlterPartitionReassignments,
//! ListPartitionReassignments, DescribeQuorum, UpdateFeatures, UnregisterBroker.

use kestrel_protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use kestrel_protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
};
use kestrel_protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsRequest, DescribeLogDirsResponse,
};
use kestrel_protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, PartitionData, TopicData,
};
use kestrel_protocol::messages::elect_leaders::{ElectLeadersRequest, ElectLeadersResponse, TopicPartitions};
use kestrel_protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsTopics,
};
use kestrel_protocol::messages::unregister_broker::UnregisterBrokerRequest;
use kestrel_protocol::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest};
use kestrel_protocol::{LeaderEpoch, NodeId};

use crate::Run;
use crate::data::{NONE, TOPIC};
use crate::side::Side;

/// The log of the metadata.
const METADATA: &str = "__cluster_metadata";
/// The types of changes of feature levels.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

/// Topics with partitions, as a case names them.
type Named<'a> = &'a [(&'a str, &'a [i32])];
/// Partitions with the brokers that shall have them.
type Wanted<'a> = &'a [(i32, Option<&'a [i32]>)];

pub(crate) fn run(run: &mut Run) {
    folders(run);
    moves(run);
    elections(run);
    reassignments(run);
    quorums(run);
    features(run);
    unregistrations(run);
}

fn folders(run: &mut Run) {
    let asked = |topics: Option<Named<'_>>| {
        let topic = |(topic, partitions): &(&str, &[i32])| DescribableLogDirTopic {
            topic: (*topic).into(),
            partitions: partitions.to_vec(),
        };
        DescribeLogDirsRequest { topics: topics.map(|topics| topics.iter().map(topic).collect()) }
    };
    let cases: [(&str, Option<Named<'_>>); 8] = [
        ("everything", None),
        ("no topics", Some(&[])),
        ("a topic", Some(&[(TOPIC, &[0, 1])])),
        ("a topic without partitions", Some(&[(TOPIC, &[])])),
        ("a partition twice", Some(&[(TOPIC, &[0, 0]), (TOPIC, &[0])])),
        ("unknown partitions", Some(&[(TOPIC, &[9, -1]), (NONE, &[0])])),
        ("a topic of no name", Some(&[("", &[0])])),
        ("the metadata", Some(&[(METADATA, &[0])])),
    ];
    for (name, topics) in cases {
        run.case_part(name, |_, _| asked(topics), |response| only_own(response, topics.is_none()));
    }
}

/// Takes out where a folder is, how large its volume is, and of everything what other cases have made.
fn only_own(response: &mut DescribeLogDirsResponse, is_everything: bool) {
    for folder in &mut response.results {
        assert!(folder.log_dir.starts_with('/'), "{}", folder.log_dir);
        let says_room = folder.usable_bytes > 0 && folder.total_bytes > folder.usable_bytes;
        (folder.log_dir, folder.total_bytes, folder.usable_bytes) = ("/".into(), i64::from(says_room), 0);
        folder.topics.retain(|topic| !is_everything || topic.name == TOPIC);
        // Other cases have written, and deleted, as each broker lays out its segments.
        let partitions = folder.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        partitions.for_each(|partition| partition.partition_size = partition.partition_size.min(0));
    }
}

/// The folder of a broker.
fn folder(side: &Side) -> String {
    side.call(&DescribeLogDirsRequest::default(), 5).results.remove(0).log_dir.to_string()
}

fn moves(run: &mut Run) {
    let moved = |path: &str, topic: &str, partitions: &[i32]| AlterReplicaLogDir {
        path: path.into(),
        topics: vec![AlterReplicaLogDirTopic { name: topic.into(), partitions: partitions.to_vec() }],
    };
    run.case("no folders", |_, _| AlterReplicaLogDirsRequest::default());
    run.case("a folder and no topics", |side, _| AlterReplicaLogDirsRequest {
        dirs: vec![AlterReplicaLogDir { path: folder(side).into(), topics: Vec::new() }],
    });
    run.case("a topic and no partitions", |side, _| AlterReplicaLogDirsRequest {
        dirs: vec![moved(&folder(side), TOPIC, &[])],
    });
    let (longest, too_long) = ("a".repeat(213), "a".repeat(214));
    for (name, path, topic, partitions) in [
        ("where it is", None, TOPIC, &[0, 1][..]),
        ("another folder", Some("/nowhere"), TOPIC, &[0]),
        ("a folder of no name", Some(""), TOPIC, &[0]),
        ("a relative folder", Some("data"), TOPIC, &[0]),
        ("unknown partitions", None, TOPIC, &[9, -1]),
        ("an unknown topic", None, NONE, &[0]),
        ("an unknown topic to another folder", Some("/nowhere"), NONE, &[0]),
        ("the longest topic", None, longest.as_str(), &[0]),
        ("a topic that is too long", None, too_long.as_str(), &[0]),
        ("a topic that is too long to another folder", Some("/nowhere"), too_long.as_str(), &[0]),
        ("a topic of no name", None, "", &[0]),
    ] {
        run.case(name, |side, _| {
            let path = path.map_or_else(|| folder(side), Into::into);
            AlterReplicaLogDirsRequest { dirs: vec![moved(&path, topic, partitions)] }
        });
    }
    run.case("a partition to two folders", |side, _| AlterReplicaLogDirsRequest {
        dirs: vec![moved("/nowhere", TOPIC, &[0]), moved(&folder(side), TOPIC, &[0, 0])],
    });
}

fn elections(run: &mut Run) {
    let held = |election_type: i8, topics: Option<Named<'_>>| {
        let topic = |(topic, partitions): &(&str, &[i32])| TopicPartitions {
            topic: (*topic).into(),
            partitions: partitions.to_vec(),
        };
        let topic_partitions = topics.map(|topics| topics.iter().map(topic).collect());
        ElectLeadersRequest { election_type, topic_partitions, timeout_ms: 10_000 }
    };
    for (name, of_everything, election_type) in [
        ("preferred", "everything, preferred", 0),
        ("unclean", "everything, unclean", 1),
        ("type 2", "everything, type 2", 2),
        ("type -1", "everything, type -1", -1),
    ] {
        let in_version = |version| if version < 1 { 0 } else { election_type };
        run.case(name, |_, version| held(in_version(version), Some(&[(TOPIC, &[0, 1]), (NONE, &[0])])));
        run.case_part(
            of_everything,
            |_, version| held(in_version(version), None),
            |response: &mut ElectLeadersResponse| {
                response.replica_election_results.retain(|result| result.topic == TOPIC);
            },
        );
    }
    let cases: [(&str, Named<'_>); 5] = [
        ("no topics", &[]),
        ("no partitions", &[(TOPIC, &[])]),
        ("a partition twice", &[(TOPIC, &[0, 0]), (TOPIC, &[0])]),
        ("unknown partitions", &[(TOPIC, &[9, -1])]),
        ("a topic of no name", &[("", &[0])]),
    ];
    for (name, topics) in cases {
        run.case(name, |_, _| held(0, Some(topics)));
    }
}

fn reassignments(run: &mut Run) {
    let wanted = |topic: &str, partitions: Wanted<'_>| {
        let partition = |(partition_index, replicas): &(i32, Option<&[i32]>)| ReassignablePartition {
            partition_index: *partition_index,
            replicas: replicas.map(|ids| ids.iter().copied().map(NodeId).collect()),
        };
        ReassignableTopic { name: topic.into(), partitions: partitions.iter().map(partition).collect() }
    };
    let request =
        |topics| AlterPartitionReassignmentsRequest { timeout_ms: 10_000, topics, ..Default::default() };
    run.case("no topics", |_, _| request(Vec::new()));
    let cases: [(&str, &str, Wanted<'_>); 11] = [
        ("no partitions", TOPIC, &[]),
        ("where it is", TOPIC, &[(0, Some(&[1])), (1, Some(&[1]))]),
        ("an unknown broker", TOPIC, &[(0, Some(&[99]))]),
        ("an unknown broker beside this one", TOPIC, &[(0, Some(&[1, 99]))]),
        ("a broker below zero", TOPIC, &[(0, Some(&[-1]))]),
        ("a broker twice", TOPIC, &[(0, Some(&[1, 1]))]),
        ("nobody", TOPIC, &[(0, Some(&[]))]),
        ("nothing to call off", TOPIC, &[(0, None)]),
        ("unknown partitions", TOPIC, &[(9, Some(&[1])), (-1, None)]),
        ("an unknown topic", NONE, &[(0, Some(&[1])), (0, None)]),
        ("a topic of no name", "", &[(0, Some(&[1]))]),
    ];
    for (name, topic, partitions) in cases {
        run.case(name, |_, _| request(vec![wanted(topic, partitions)]));
    }
    run.case("a partition twice", |_, _| {
        let twice = wanted(TOPIC, &[(0, Some(&[1])), (0, Some(&[1]))]);
        request(vec![twice.clone(), twice])
    });
    run.case("a factor that is kept", |_, version| AlterPartitionReassignmentsRequest {
        allow_replication_factor_change: version < 1,
        ..request(vec![wanted(TOPIC, &[(0, Some(&[1])), (1, Some(&[1, 99]))])])
    });
    let listed = |topics: Option<Named<'_>>| {
        let topic = |(name, partitions): &(&str, &[i32])| ListPartitionReassignmentsTopics {
            name: (*name).into(),
            partition_indexes: partitions.to_vec(),
        };
        let topics = topics.map(|topics| topics.iter().map(topic).collect());
        ListPartitionReassignmentsRequest { topics, timeout_ms: 10_000 }
    };
    let cases: [(&str, Option<Named<'_>>); 4] = [
        ("everything", None),
        ("no topics", Some(&[])),
        ("a topic", Some(&[(TOPIC, &[0, 1, 9, -1])])),
        ("unknown topics", Some(&[(NONE, &[0]), ("", &[0])])),
    ];
    for (name, topics) in cases {
        run.case(name, |_, _| listed(topics));
    }
}

fn quorums(run: &mut Run) {
    let asked = |topics: Named<'_>| {
        let partition = |index: &i32| PartitionData { partition_index: *index };
        let topic = |(name, partitions): &(&str, &[i32])| TopicData {
            topic_name: (*name).into(),
            partitions: partitions.iter().map(partition).collect(),
        };
        DescribeQuorumRequest { topics: topics.iter().map(topic).collect() }
    };
    let cases: [(&str, Named<'_>); 9] = [
        ("the metadata", &[(METADATA, &[0])]),
        ("no topics", &[]),
        ("no partitions", &[(METADATA, &[])]),
        ("another partition", &[(METADATA, &[1])]),
        ("a partition twice", &[(METADATA, &[0, 0])]),
        ("the metadata twice", &[(METADATA, &[0]), (METADATA, &[0])]),
        ("a topic that has none", &[(TOPIC, &[0, 1])]),
        ("the metadata and another", &[(METADATA, &[0]), (TOPIC, &[0])]),
        ("an unknown topic", &[(NONE, &[0])]),
    ];
    for (name, topics) in cases {
        run.case_part(name, |_, _| asked(topics), without_offsets);
    }
}

/// Takes out how far the logs are, and where controllers listen.
fn without_offsets(response: &mut DescribeQuorumResponse) {
    for node in &mut response.nodes {
        node.listeners.clear();
    }
    for partition in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        // Apache Kafka goes on writing: what it says is of one moment.
        for voter in &mut partition.current_voters {
            assert!(voter.log_end_offset >= partition.high_watermark && partition.high_watermark > 0);
            voter.log_end_offset = 0;
            let times = [&mut voter.last_fetch_timestamp, &mut voter.last_caught_up_timestamp];
            times.into_iter().for_each(|time| *time = time.signum());
        }
        partition.high_watermark = partition.high_watermark.signum();
        partition.leader_epoch = LeaderEpoch(partition.leader_epoch.0.signum());
    }
}

fn features(run: &mut Run) {
    let update = |feature: &str, max_version_level, upgrade_type| FeatureUpdateKey {
        feature: feature.into(),
        max_version_level,
        allow_downgrade: false,
        upgrade_type,
    };
    // What is asked for in version 0 cannot be only checked.
    let checked = |feature_updates, version: i16| UpdateFeaturesRequest {
        timeout_ms: 10_000,
        feature_updates,
        validate_only: version >= 1,
    };
    run.case("nothing", |_, version| checked(Vec::new(), version));
    for (name, feature, level, upgrade_type) in [
        ("the level that it has", "transaction.version", 2, UPGRADE),
        ("a level that nobody knows", "transaction.version", 3, UPGRADE),
        ("a level below zero", "transaction.version", -1, UPGRADE),
        ("a downgrade that does not say so", "transaction.version", 1, UPGRADE),
        ("an upgrade that is called a downgrade", "transaction.version", 3, SAFE_DOWNGRADE),
        ("an unknown feature", "nope", 1, UPGRADE),
        ("an unknown feature that is off", "nope", 0, UPGRADE),
        ("an unknown feature to turn off", "nope", 0, SAFE_DOWNGRADE),
        ("a feature of no name", "", 1, UPGRADE),
        ("the metadata as it is", "metadata.version", 30, UPGRADE),
        ("metadata that nobody knows", "metadata.version", 99, UPGRADE),
        ("metadata 0", "metadata.version", 0, UPGRADE),
        ("metadata that is too old", "metadata.version", 6, UNSAFE_DOWNGRADE),
        ("a group's version", "group.version", 1, UPGRADE),
        ("the quorum as it is", "kraft.version", 0, UPGRADE),
        ("a quorum that nobody knows", "kraft.version", 2, UPGRADE),
    ] {
        run.case(name, |_, version| {
            let upgrade_type = if version < 1 { UPGRADE } else { upgrade_type };
            checked(vec![update(feature, level, upgrade_type)], version)
        });
    }
    // These would be carried out, or refused for another reason, by who does not know types.
    for (name, feature, level, upgrade_type) in [
        ("a safe downgrade", "transaction.version", 1, SAFE_DOWNGRADE),
        ("an unsafe downgrade", "transaction.version", 0, UNSAFE_DOWNGRADE),
        ("a downgrade to the same", "transaction.version", 2, SAFE_DOWNGRADE),
        ("type 0", "transaction.version", 2, 0),
        ("type 9", "transaction.version", 2, 9),
        ("type -1", "transaction.version", 2, -1),
        ("metadata to lose", "metadata.version", 29, SAFE_DOWNGRADE),
        ("metadata to lose by force", "metadata.version", 29, UNSAFE_DOWNGRADE),
        ("another quorum", "kraft.version", 1, UPGRADE),
    ] {
        run.case(name, |_, version| {
            let updates = vec![update(feature, level, upgrade_type)];
            checked(if version < 1 { Vec::new() } else { updates }, version)
        });
    }
    run.case("one that can be and one that cannot", |_, version| {
        let updates = [("transaction.version", 2), ("metadata.version", 99)];
        checked(updates.map(|(feature, level)| update(feature, level, UPGRADE)).to_vec(), version)
    });
    run.case("a feature twice", |_, version| {
        let updates = [2, 3].map(|level| update("transaction.version", level, UPGRADE));
        checked(updates.to_vec(), version)
    });
}

fn unregistrations(run: &mut Run) {
    for (name, id) in [("an unknown broker", 99), ("broker 0", 0), ("broker -1", -1)] {
        run.case(name, |_, _| UnregisterBrokerRequest { broker_id: NodeId(id) });
    }
}
