//! What a change of the metadata does to partitions and settings.

use kestrel_protocol::{LeaderEpoch, TopicId, Uuid};

use super::news::news;
use super::*;
use crate::authorizer::{AclBinding, AclOperation, ResourcePattern};
use crate::cluster::records::*;
use crate::cluster::replay::Replay;
use crate::config::RawSettings;

const ONE: TopicId = Uuid::from_u128(1);
const TWO: TopicId = Uuid::from_u128(2);
const LOG_DIR: Uuid = Uuid::from_u128(1 << 100);

fn config() -> BrokerConfig {
    BrokerConfig::new(&RawSettings::default()).unwrap()
}

fn image_after(image: &ClusterImage, records: Vec<MetadataRecord>) -> ClusterImage {
    let mut replay = Replay::new(image.clone());
    for record in records {
        replay.replay(record, 0).unwrap();
    }
    replay.image().clone()
}

fn topic(name: &'static str, topic_id: TopicId, leaders: &[i32]) -> Vec<MetadataRecord> {
    let partitions = (0..).zip(leaders).map(|(partition_id, leader)| {
        let (leader, leader_epoch) = (NodeId(*leader), 0);
        PartitionRecord { partition_id, topic_id, leader, leader_epoch, ..Default::default() }.into()
    });
    [TopicRecord { name: name.into(), topic_id }.into()].into_iter().chain(partitions).collect()
}

fn set(kind: i8, resource: &'static str, name: &'static str, value: &'static str) -> MetadataRecord {
    let (resource_name, name, value) = (resource.into(), name.into(), Some(value.into()));
    ConfigRecord { resource_type: kind, resource_name, name, value }.into()
}

fn led(changes: &ReplicaChanges) -> Vec<(&str, i32, i32)> {
    changes.led.iter().map(|led| (&*led.topic, led.partition, led.leader_epoch.0)).collect()
}

#[test]
fn new_partitions_are_led_where_this_broker_leads() {
    let empty = ClusterImage::new("c", NodeId(1));
    let one = image_after(&empty, topic("one", ONE, &[1, 2, 1]));
    let changes = replica_changes(&empty, &one, &config(), LOG_DIR);
    assert_eq!(led(&changes), [("one", 0, 0), ("one", 2, 0)]);
    assert!(changes.deleted.is_empty() && changes.reconfigured.is_empty());
    assert_eq!(led(&replica_changes(&one, &one, &config(), LOG_DIR)), []);
}

#[test]
fn topics_that_come_grow_and_go_are_news() {
    let empty = ClusterImage::new("c", NodeId(1));
    let one = image_after(&empty, topic("one", ONE, &[1, 1]));
    assert_eq!(news(&empty, &one), ["created topic one (2 partitions)"]);
    assert_eq!(news(&one, &one), [""; 0]);
    let partition =
        PartitionRecord { partition_id: 2, topic_id: ONE, leader: NodeId(1), ..Default::default() };
    let grown = image_after(&one, [vec![partition.into()], topic("two", TWO, &[1])].concat());
    assert_eq!(
        news(&one, &grown),
        ["created topic two (1 partition)", "grew topic one (from 2 to 3 partitions)"]
    );
    let gone = image_after(&grown, vec![RemoveTopicRecord { topic_id: ONE }.into()]);
    assert_eq!(news(&grown, &gone), ["deleted topic one"]);
    let names: Vec<&'static str> = (10..30).map(|n| &*format!("t{n}").leak()).collect();
    let many = names.iter().zip(100..).flat_map(|(name, id)| topic(name, Uuid::from_u128(id), &[1]));
    let [line] = &news(&empty, &image_after(&empty, many.collect()))[..] else { panic!("one line") };
    assert!(line.starts_with("created 20 topics: t10 (1 partition), ") && line.ends_with(", ..."), "{line}");
}

#[test]
fn acls_users_and_quotas_are_news_too() {
    let empty = ClusterImage::new("c", NodeId(1));
    let id = Uuid::from_u128(7);
    let acl = AclBinding::allow("User:alice", AclOperation::Read, ResourcePattern::topic("t"));
    let user = UserScramCredentialRecord {
        name: "alice".into(),
        mechanism: 1,
        stored_key: b"secret".to_vec().into(),
        ..Default::default()
    };
    let limit = ClientQuotaRecord {
        entity: vec![QuotaEntityData { entity_type: "user".into(), entity_name: None }],
        key: "producer_byte_rate".into(),
        value: 5.0,
        remove: false,
    };
    let begin = vec![AccessControlEntryRecord::new(id, &acl).into(), user.into(), limit.clone().into()];
    let after = image_after(&empty, begin);
    assert_eq!(
        news(&empty, &after),
        [
            "created ACL (ALLOW User:alice from * READ on Topic:LITERAL:t)",
            "changed credentials of user alice (SCRAM-SHA-256)",
            "changed quotas of entity user=<default> (producer_byte_rate=5)",
        ]
    );
    let end = vec![
        RemoveAccessControlEntryRecord { id }.into(),
        RemoveUserScramCredentialRecord { name: "alice".into(), mechanism: 1 }.into(),
        ClientQuotaRecord { remove: true, ..limit }.into(),
    ];
    assert_eq!(
        news(&after, &image_after(&after, end)),
        [
            "deleted ACL (ALLOW User:alice from * READ on Topic:LITERAL:t)",
            "deleted credentials of user alice",
            "deleted quotas of entity user=<default>",
        ]
    );
}

#[test]
fn levels_of_features_and_brokers_that_go_are_news() {
    let empty = ClusterImage::new("c", NodeId(1));
    let level = |feature_level| FeatureLevelRecord { name: "transaction.version".into(), feature_level };
    let broker = RegisterBrokerRecord { broker_id: NodeId(2), ..Default::default() };
    let before = image_after(&empty, vec![level(2).into(), broker.into()]);
    let gone = UnregisterBrokerRecord { broker_id: NodeId(2), broker_epoch: 0 };
    let after = image_after(&before, vec![level(0).into(), gone.into()]);
    let expected =
        ["unregistered broker 2", "changed the level of feature transaction.version (from 2 to 0)"];
    assert_eq!(news(&before, &after), expected);
}

#[test]
fn only_what_changed_is_touched() {
    let empty = ClusterImage::new("c", NodeId(1));
    let before = image_after(&empty, [topic("one", ONE, &[1, 1]), topic("two", TWO, &[1])].concat());
    let elected =
        PartitionChangeRecord { partition_id: 1, topic_id: ONE, leader: NodeId(1), ..Default::default() };
    let after = image_after(&before, vec![elected.into()]);
    let changes = replica_changes(&before, &after, &config(), LOG_DIR);
    assert_eq!(led(&changes), [("one", 1, 1)]);
    assert_eq!(changes.led[0].leader_epoch, LeaderEpoch(1));
}

#[test]
fn a_topic_that_returns_is_deleted_and_led_again() {
    let empty = ClusterImage::new("c", NodeId(1));
    let before = image_after(&empty, topic("one", ONE, &[1]));
    let removed = vec![RemoveTopicRecord { topic_id: ONE }.into()];
    let after = image_after(&before, [removed, topic("one", TWO, &[1])].concat());
    let changes = replica_changes(&before, &after, &config(), LOG_DIR);
    assert_eq!(changes.deleted, [ONE]);
    assert_eq!((led(&changes), changes.led[0].topic_id), (vec![("one", 0, 0)], TWO));
}

#[test]
fn settings_reach_the_topics_that_they_are_of() {
    let empty = ClusterImage::new("c", NodeId(1));
    let before = image_after(&empty, [topic("one", ONE, &[1]), topic("two", TWO, &[1])].concat());

    let own = image_after(&before, vec![set(2, "one", "max.message.bytes", "5")]);
    let changes = replica_changes(&before, &own, &config(), LOG_DIR);
    let reconfigured: Vec<_> =
        changes.reconfigured.iter().map(|topic| (&*topic.topic, topic.config.max_message_bytes)).collect();
    assert_eq!((reconfigured, led(&changes)), (vec![("one", 5)], vec![]));

    // A default reaches every topic, but not past the value of its own.
    for resource in ["", "1"] {
        let after = image_after(&own, vec![set(4, resource, "message.max.bytes", "6")]);
        let changes = replica_changes(&own, &after, &config(), LOG_DIR);
        let sizes: Vec<_> = changes.reconfigured.iter().map(|topic| topic.config.max_message_bytes).collect();
        assert_eq!(sizes, [5, 6]);
    }
    let other_broker = image_after(&own, vec![set(4, "9", "message.max.bytes", "6")]);
    assert!(replica_changes(&own, &other_broker, &config(), LOG_DIR).reconfigured.is_empty());
}

#[test]
fn what_another_folder_has_is_known_though_nobody_leads_it() {
    let elsewhere = |partition_id, leader, directory| {
        let (leader, replicas, directories) = (NodeId(leader), vec![NodeId(1)], vec![directory]);
        PartitionRecord { partition_id, topic_id: ONE, leader, replicas, directories, ..Default::default() }
    };
    let other = Uuid::from_u128(1 << 101);
    let records = vec![
        TopicRecord { name: "t".into(), topic_id: ONE }.into(),
        elsewhere(0, -1, other).into(),
        elsewhere(1, 1, other).into(),
        elsewhere(2, -1, LOG_DIR).into(),
        elsewhere(3, 1, LOG_DIR).into(),
    ];
    let empty = ClusterImage::new("cluster", NodeId(1));
    let image = image_after(&empty, records);
    let changes = replica_changes(&empty, &image, &config(), LOG_DIR);
    assert_eq!(led(&changes).iter().map(|(_, number, _)| *number).collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(changes.led[0].directory, other);
    assert_eq!(led(&replica_changes(&image, &image, &config(), LOG_DIR)), []);
}
