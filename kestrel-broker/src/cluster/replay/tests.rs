//! Replay of the metadata log into an image.

use bytestring::ByteString;
use kestrel_protocol::Uuid;

use super::*;
use crate::cluster::records::*;

const TOPIC: TopicId = Uuid::from_u128(7);

fn replay_of(records: impl IntoIterator<Item = MetadataRecord>) -> Replay {
    let mut replay = Replay::new(ClusterImage::new("cluster", NodeId(1)));
    for (offset, record) in (0..).zip(records) {
        replay.replay(record, offset).unwrap();
    }
    replay
}

fn topic() -> MetadataRecord {
    TopicRecord { name: "t".into(), topic_id: TOPIC }.into()
}

fn partition(partition_id: i32) -> MetadataRecord {
    PartitionRecord {
        partition_id,
        topic_id: TOPIC,
        replicas: vec![NodeId(1)],
        isr: vec![NodeId(1)],
        leader: NodeId(1),
        leader_epoch: 0,
        partition_epoch: 0,
        ..PartitionRecord::default()
    }
    .into()
}

fn change() -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id: 0, topic_id: TOPIC, ..PartitionChangeRecord::default() }
}

fn config(name: &'static str, value: Option<&'static str>) -> MetadataRecord {
    ConfigRecord {
        resource_type: 2,
        resource_name: "t".into(),
        name: name.into(),
        value: value.map(ByteString::from_static),
    }
    .into()
}

#[test]
fn a_topic_comes_with_partitions_and_goes_with_its_configuration() {
    let mut replay =
        replay_of([topic(), partition(0), partition(1), config("a", Some("1")), config("b", Some("2"))]);
    let image = replay.image();
    assert_eq!(image.topic("t").unwrap().partitions.len(), 2);
    assert_eq!(image.topic_by_id(TOPIC), image.topic("t"));
    assert_eq!((image.topic_config("t").len(), image.last_offset()), (2, 4));

    replay.replay(config("a", None), 5).unwrap();
    assert_eq!(replay.image().topic_config("t").keys().collect::<Vec<_>>(), ["b"]);

    replay.replay(RemoveTopicRecord { topic_id: TOPIC }.into(), 6).unwrap();
    let mut empty = ClusterImage::new("cluster", NodeId(1));
    empty.last_offset = 6;
    assert_eq!(*replay.image(), empty);
}

#[test]
fn naming_a_leader_begins_an_epoch_and_anything_else_does_not() {
    let mut replay = replay_of([topic(), partition(0)]);
    let state = |replay: &Replay| {
        let partition = replay.image().topic("t").unwrap().partitions[0].clone();
        (partition.leader.0, partition.leader_epoch.0, partition.partition_epoch)
    };
    replay.replay(PartitionChangeRecord { isr: Some(vec![]), ..change() }.into(), 2).unwrap();
    assert_eq!(state(&replay), (1, 0, 1));
    replay.replay(PartitionChangeRecord { leader: NodeId::NONE, ..change() }.into(), 3).unwrap();
    assert_eq!(state(&replay), (-1, 1, 2));
    replay.replay(PartitionChangeRecord { leader: NodeId(1), ..change() }.into(), 4).unwrap();
    assert_eq!(state(&replay), (1, 2, 3));
}

#[test]
fn a_registration_changes_piece_by_piece() {
    let mut replay =
        replay_of([
            RegisterBrokerRecord { broker_id: NodeId(1), broker_epoch: 0, ..Default::default() }.into()
        ]);
    let flags = |replay: &Replay| {
        let broker = replay.image().broker(NodeId(1)).unwrap();
        (broker.fenced, broker.in_controlled_shutdown)
    };
    assert_eq!(flags(&replay), (true, false));
    let mut apply = |fenced, in_controlled_shutdown| {
        let change = BrokerRegistrationChangeRecord {
            broker_id: NodeId(1),
            fenced,
            in_controlled_shutdown,
            ..Default::default()
        };
        replay.replay(change.into(), 1).unwrap();
        flags(&replay)
    };
    assert_eq!(apply(-1, 0), (false, false));
    assert_eq!(apply(0, 1), (false, true));
    assert_eq!(apply(1, 0), (true, true));
}

#[test]
fn a_metadata_transaction_takes_effect_at_its_end_or_never() {
    let begin = || MetadataRecord::from(BeginTransactionRecord::default());
    let mut replay = replay_of([begin(), topic(), partition(0)]);
    assert!(replay.is_in_transaction() && replay.image().topic("t").is_none());

    let mut ended = replay.clone();
    ended.replay(EndTransactionRecord {}.into(), 3).unwrap();
    assert!(!ended.is_in_transaction() && ended.image().topic("t").is_some());

    replay.replay(AbortTransactionRecord::default().into(), 3).unwrap();
    assert!(!replay.is_in_transaction() && replay.image().topic("t").is_none());
}

#[test]
fn contradictions_are_named_with_their_offset() {
    let contradictions: [(&[MetadataRecord], MetadataRecord); 12] = [
        (&[topic()], topic()),
        (&[], partition(0)),
        (&[topic()], partition(1)),
        (&[topic()], change().into()),
        (&[], RemoveTopicRecord { topic_id: TOPIC }.into()),
        (&[], EndTransactionRecord {}.into()),
        (&[], AbortTransactionRecord::default().into()),
        (&[], FenceBrokerRecord::default().into()),
        (&[], RemoveAccessControlEntryRecord::default().into()),
        (&[], RemoveUserScramCredentialRecord::default().into()),
        (&[], UserScramCredentialRecord::default().into()),
        (&[], ClientQuotaRecord::default().into()),
    ];
    for (before, record) in contradictions {
        let mut replay = replay_of(before.to_vec());
        let error = replay.replay(record, 99).unwrap_err();
        assert!(error.to_string().starts_with("metadata record at offset 99: "), "{error}");
    }
}

#[test]
fn records_of_security_are_true_until_others_end_them() {
    let id = Uuid::from_u128(7);
    let acl = AccessControlEntryRecord {
        id,
        resource_type: 2,
        resource_name: "t".into(),
        pattern_type: 3,
        principal: "User:a".into(),
        host: "*".into(),
        operation: 3,
        permission_type: 3,
    };
    let user =
        UserScramCredentialRecord { name: "a".into(), mechanism: 1, iterations: 4096, ..Default::default() };
    let limit = ClientQuotaRecord {
        entity: vec![QuotaEntityData { entity_type: "user".into(), entity_name: None }],
        key: "producer_byte_rate".into(),
        value: 5.0,
        remove: false,
    };
    let token = DelegationTokenRecord { token_id: "id".into(), ..Default::default() };
    let begin: [MetadataRecord; 4] = [acl.into(), user.into(), limit.clone().into(), token.into()];
    let end: [MetadataRecord; 4] = [
        RemoveAccessControlEntryRecord { id }.into(),
        RemoveUserScramCredentialRecord { name: "a".into(), mechanism: 1 }.into(),
        ClientQuotaRecord { remove: true, ..limit }.into(),
        RemoveDelegationTokenRecord { token_id: "id".into() }.into(),
    ];
    let empty = ClusterImage::new("cluster", NodeId(1));
    for (begin, end) in begin.into_iter().zip(end) {
        let mut replay = replay_of([begin.clone()]);
        assert_eq!(replay.image().to_records().len(), 1, "{begin:?}");
        // Again, it is still one.
        replay.replay(begin, 1).unwrap();
        assert_eq!(replay.image().to_records().len(), 1);
        replay.replay(end.clone(), 2).unwrap();
        assert_eq!(*replay.image(), ClusterImage { last_offset: 2, ..empty.clone() }, "{end:?}");
    }
}

#[test]
fn clearing_eligible_replicas_names_one_topic_or_all() {
    let with_elr = PartitionChangeRecord { eligible_leader_replicas: Some(vec![NodeId(2)]), ..change() };
    for (name, is_cleared) in [("", true), ("t", true), ("other", false)] {
        let clear = ClearElrRecord { topic_name: name.into() };
        let replay = replay_of([topic(), partition(0), with_elr.clone().into(), clear.into()]);
        let elr = &replay.image().topic("t").unwrap().partitions[0].eligible_leader_replicas;
        assert_eq!(elr.is_empty(), is_cleared, "{name}");
    }
}
