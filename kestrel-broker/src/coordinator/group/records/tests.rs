//! The records are those of Apache Kafka: what a real node wrote is read, and written again with the same bytes.

use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::{LeaderEpoch, TopicId};

use super::*;

/// `__consumer_offsets` of a node of Apache Kafka 4.3.1, by group; see `testdata/README.md`.
const SEGMENTS: [(&str, &[u8]); 4] = [
    ("simple", include_bytes!("../../../../testdata/consumer-offsets/partition-6.log")),
    ("txgroup", include_bytes!("../../../../testdata/consumer-offsets/partition-7.log")),
    ("static", include_bytes!("../../../../testdata/consumer-offsets/partition-8.log")),
    ("billing", include_bytes!("../../../../testdata/consumer-offsets/partition-9.log")),
];

/// The keys and values of a segment, without control records.
fn contents(segment: &'static [u8]) -> Vec<(Bytes, Option<Bytes>)> {
    let mut contents = Vec::new();
    for batch in RecordBatches::new(Bytes::from_static(segment)) {
        let batch = batch.unwrap();
        if !batch.header().is_control() {
            let records = batch.records(1 << 20).unwrap().map(Result::unwrap);
            contents.extend(records.map(|record| (record.key.unwrap(), record.value)));
        }
    }
    contents
}

fn record(value: OffsetCommitValue) -> GroupRecord {
    let key = OffsetCommitKey { group: "g".into(), topic: "t".into(), partition: 7 };
    GroupRecord::Offset(key, Some(value))
}

#[test]
fn records_of_apache_kafka_come_back_byte_for_byte() {
    for (group, segment) in SEGMENTS {
        let contents = contents(segment);
        assert!(!contents.is_empty());
        for (key, value) in contents {
            let record = GroupRecord::decode(key.clone(), value.clone()).unwrap();
            let of = match &record {
                GroupRecord::Offset(key, _) => &key.group,
                GroupRecord::Group(key, _) => &key.group,
            };
            assert_eq!(of, group);
            assert_eq!(record.encode(), (key, value));
        }
    }
}

#[test]
fn a_group_of_apache_kafka_is_what_its_client_said() {
    let stable = contents(SEGMENTS[2].1).into_iter().nth(1).unwrap();
    let GroupRecord::Group(_, Some(group)) = GroupRecord::decode(stable.0, stable.1).unwrap() else {
        panic!("a group")
    };
    assert_eq!((&*group.protocol_type, group.generation), ("consumer", 1));
    assert_eq!(group.protocol.as_deref(), Some("range"));
    let [member] = &group.members[..] else { panic!("one member") };
    assert_eq!(
        (group.leader.as_ref(), member.group_instance_id.as_deref()),
        (Some(&member.member_id), Some("one"))
    );
    assert_eq!((&*member.client_id, &*member.client_host), ("seed", "/127.0.0.1"));
    assert_eq!((member.session_timeout, member.rebalance_timeout), (30_000, 300_000));
    assert!(!member.subscription.is_empty() && !member.assignment.is_empty());
}

#[test]
fn offsets_of_every_version_are_read() {
    let all = OffsetCommitValue {
        offset: 1 << 40,
        leader_epoch: LeaderEpoch(3),
        metadata: "noted".into(),
        commit_timestamp: 77,
        expire_timestamp: 99,
        topic_id: TopicId::from_u128(5),
    };
    let written = |version| Some(versioned(&all, version));
    let key = || record(OffsetCommitValue::default()).encode().0;
    for version in 0..=4 {
        let GroupRecord::Offset(_, Some(read)) = GroupRecord::decode(key(), written(version)).unwrap() else {
            panic!("an offset")
        };
        assert_eq!((read.offset, &*read.metadata, read.commit_timestamp), (1 << 40, "noted", 77));
        assert_eq!(read.expire_timestamp, if version == 1 { 99 } else { -1 }, "version {version}");
        assert_eq!(read.leader_epoch, LeaderEpoch(if version >= 3 { 3 } else { -1 }));
        assert_eq!(read.topic_id.is_nil(), version < 4);
    }
    // An expiry of its own fits into one version only.
    let (_, value) = record(all.clone()).encode();
    assert_eq!(value, written(1));
    let (_, value) = record(OffsetCommitValue { expire_timestamp: -1, ..all }).encode();
    assert_eq!(value.unwrap()[..2], [0, 4]);
}

#[test]
fn groups_of_every_version_are_read() {
    let member = MemberMetadata { member_id: "m".into(), session_timeout: 9, ..Default::default() };
    let group = GroupMetadataValue {
        protocol_type: "consumer".into(),
        generation: 4,
        protocol: Some("range".into()),
        leader: Some("m".into()),
        members: vec![member],
        ..Default::default()
    };
    let (key, _) = GroupRecord::group_tombstone("g".into()).encode();
    for version in 0..=4 {
        let read = GroupRecord::decode(key.clone(), Some(versioned(&group, version))).unwrap();
        assert_eq!(read, GroupRecord::Group(GroupMetadataKey { group: "g".into() }, Some(group.clone())));
    }
}

#[test]
fn what_is_not_known_is_skipped_and_what_is_damaged_is_not() {
    for (key_type, kind) in
        [(3, "KIP-848"), (8, "KIP-848"), (15, "KIP-932"), (16, "regular"), (23, "KIP-1071"), (99, "newer")]
    {
        let Err(Unreadable::Foreign(said)) =
            GroupRecord::decode(Bytes::copy_from_slice(&[0, key_type, 1, 2, 3]), None)
        else {
            panic!("{key_type} is not known")
        };
        assert!(said.contains(kind), "{key_type}: {said}");
    }
    let (key, value) = record(OffsetCommitValue::default()).encode();
    let value = value.unwrap();
    let is_damaged = |key, value| matches!(GroupRecord::decode(key, value), Err(Unreadable::Damaged(_)));
    assert!(is_damaged(key.slice(..key.len() - 1), None));
    assert!(is_damaged(key.clone(), Some(value.slice(..value.len() - 1))));
    assert!(is_damaged(Bytes::from_static(b"\0"), None));
    // KIP-915: a version of the future has further tagged fields.
    let mut future = value.to_vec();
    future[1] = 9;
    let tags = future.len() - 1;
    future.splice(tags.., [1, 42, 1, 7]);
    assert_eq!(GroupRecord::decode(key, Some(future.into())), Ok(record(OffsetCommitValue::default())));
}
