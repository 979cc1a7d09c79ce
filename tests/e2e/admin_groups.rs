//! Admin of groups: list, describe, delete; their offsets; setting them elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::{
    DeleteRecordsTo, GroupFilter, GroupState, GroupType, MemberAssignment, MemberToRemove, NewTopic,
    OffsetSpec, ResetTo,
};
use kestrel_client::{
    Admin, ApiKey, AutoOffsetReset, Client, Error, ErrorCode, IsolationLevel, OffsetAndMetadata, Record,
    Severity, Timestamp, TopicPartition,
};
use kestrel_tests::{TestBroker, unique};

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

async fn topic_with(client: &Client, partitions: i32) -> String {
    let topic = unique("admin-groups");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    topic
}

/// Stores `count` records in partition 0, a second apart from 1970 on.
async fn produce(client: &Client, topic: &str, count: i64) {
    let producer = client.producer().build().await.unwrap();
    for number in 0..count {
        let record =
            Record::to(topic).partition(0).value("v").timestamp(Timestamp::from_millis(number * 1000));
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
}

/// The offsets of a group by partition.
async fn offsets(admin: &Admin, group: &str) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
    admin.list_group_offsets([group]).await.into_result().unwrap().remove(0).1
}

#[tokio::test]
async fn offsets_without_members_are_a_group() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    assert!(offsets(&admin, &group).await.is_empty());

    let first = OffsetAndMetadata::new(3).metadata("a note");
    let altered = admin
        .alter_group_offsets(
            group.as_str(),
            [
                ((topic.as_str(), 0), first.clone()),
                ((topic.as_str(), 1), 7.into()),
                ((topic.as_str(), 9), 1.into()),
            ],
        )
        .await;
    let results: Vec<_> = altered.into_iter().collect();
    assert!(results[0].1.is_ok() && results[1].1.is_ok());
    let missing = results[2].1.as_ref().unwrap_err();
    assert_eq!(missing.code(), Some(ErrorCode::UnknownTopicOrPartition), "{missing}");
    assert!(missing.to_string().contains(&group), "{missing}");

    let stored = offsets(&admin, &group).await;
    let expected =
        [((topic.as_str(), 0).into(), first), ((topic.as_str(), 1).into(), OffsetAndMetadata::new(7))];
    assert_eq!(stored, BTreeMap::from(expected));

    let described = admin.describe_groups([group.as_str()]).await.into_result().unwrap().remove(0).1;
    assert_eq!((&*described.group_id, described.state), (group.as_str(), GroupState::Empty));
    assert!(described.members.is_empty());
    let listed = admin.list_groups(GroupFilter::all()).await.unwrap();
    let listed = listed.iter().find(|listed| *listed.group_id == *group).unwrap();
    assert_eq!((listed.state, listed.group_type), (Some(GroupState::Empty), Some(GroupType::Classic)));
}

#[tokio::test]
async fn a_list_has_what_the_filter_lets_through() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    admin.alter_group_offsets(group.as_str(), [((topic.as_str(), 0), 0)]).await.into_result().unwrap();
    let is_listed = async |filter: GroupFilter| {
        admin.list_groups(filter).await.unwrap().iter().any(|listed| *listed.group_id == *group)
    };
    assert!(is_listed(GroupFilter::all().states([GroupState::Empty, GroupState::Stable])).await);
    assert!(is_listed(GroupFilter::all().states([GroupState::Empty]).types([GroupType::Classic])).await);
    assert!(!is_listed(GroupFilter::all().states([GroupState::Stable])).await);
    assert!(!is_listed(GroupFilter::all().types([GroupType::Share])).await);
}

/// What a broker with such groups says of their members is held against Apache Kafka's own tool by tests/interop/consumer-groups.
#[tokio::test]
async fn a_classic_group_is_no_group_of_the_consumer_protocol() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    admin.alter_group_offsets(group.as_str(), [((topic.as_str(), 0), 5)]).await.into_result().unwrap();

    let described = admin.describe_consumer_groups([group.as_str()]).await.into_result();
    match described.unwrap_err() {
        // kestrel-broker has no such groups, and says so at once.
        Error::UnsupportedApi { api: ApiKey::ConsumerGroupDescribe, .. } => {}
        refused => assert_eq!(refused.code(), Some(ErrorCode::GroupIdNotFound), "{refused}"),
    }
    let nothing = admin.describe_consumer_groups([] as [&str; 0]).await;
    assert_eq!(nothing.into_iter().count(), 0);
}

#[tokio::test]
async fn each_group_of_a_call_has_its_own_result() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group, missing) = (topic_with(&client, 1).await, unique("group"), unique("missing"));
    admin.alter_group_offsets(group.as_str(), [((topic.as_str(), 0), 5)]).await.into_result().unwrap();

    let described: Vec<_> =
        admin.describe_groups([missing.as_str(), group.as_str()]).await.into_iter().collect();
    assert_eq!(described[0].1.as_ref().unwrap_err().code(), Some(ErrorCode::GroupIdNotFound));
    assert_eq!(described[1].1.as_ref().unwrap().state, GroupState::Empty);
    let listed = admin.list_group_offsets([missing.as_str(), group.as_str()]).await.into_result().unwrap();
    assert_eq!((listed[0].1.len(), listed[1].1.len()), (0, 1));

    let deleted: Vec<_> = admin.delete_groups([missing.as_str(), group.as_str()]).await.into_iter().collect();
    assert_eq!(deleted[0].1.as_ref().unwrap_err().code(), Some(ErrorCode::GroupIdNotFound));
    assert!(deleted[1].1.is_ok());
    assert!(offsets(&admin, &group).await.is_empty());
    let gone = admin.describe_groups([group.as_str()]).await.into_result().unwrap_err();
    assert_eq!(gone.code(), Some(ErrorCode::GroupIdNotFound));
}

#[tokio::test]
async fn offsets_are_deleted_one_by_one() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    let partitions = || [(topic.as_str(), 0), (topic.as_str(), 1)];
    let both = partitions().map(|partition| (partition, 5));
    admin.alter_group_offsets(group.as_str(), both).await.into_result().unwrap();
    admin.delete_group_offsets(group.as_str(), [partitions()[1]]).await.into_result().unwrap();
    assert_eq!(offsets(&admin, &group).await.into_keys().collect::<Vec<_>>(), [partitions()[0].into()]);

    let missing = unique("missing");
    let refused = admin.delete_group_offsets(missing.as_str(), [partitions()[0]]).await.into_result();
    assert_eq!(refused.unwrap_err().code(), Some(ErrorCode::GroupIdNotFound));
}

#[tokio::test]
async fn offsets_are_set_within_what_the_partition_holds() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    produce(&client, &topic, 20).await;
    admin.delete_records([((topic.as_str(), 0), DeleteRecordsTo::Offset(4))]).await.into_result().unwrap();

    let mut before = None;
    for (to, after) in [
        (ResetTo::Latest, 20),
        (ResetTo::ShiftBy(-3), 17),
        (ResetTo::ShiftBy(-300), 4),
        (ResetTo::Timestamp(Timestamp::from_millis(9_500)), 10),
        (ResetTo::Timestamp(Timestamp::from_millis(99_000)), 20),
        (ResetTo::Offset(12), 12),
        (ResetTo::Offset(0), 4),
        (ResetTo::Earliest, 4),
    ] {
        let reset = admin.reset_group_offsets(group.as_str(), [(topic.as_str(), 0)], to).await;
        let reset = reset.into_result().unwrap().remove(0).1;
        assert_eq!((reset.before, reset.after), (before, after), "{to:?}");
        assert_eq!(offsets(&admin, &group).await[&(topic.as_str(), 0).into()].offset, after, "{to:?}");
        before = Some(after);
    }

    let partitions = [(topic.as_str(), 0), (topic.as_str(), 1), (topic.as_str(), 7)];
    let results: Vec<_> = admin
        .reset_group_offsets(group.as_str(), partitions, ResetTo::ShiftBy(1))
        .await
        .into_iter()
        .map(|(_, result)| result)
        .collect();
    assert_eq!(results[0].as_ref().unwrap().after, 5);
    assert!(matches!(results[1], Err(Error::Position(_))), "nothing is committed: {results:?}");
    assert!(matches!(results[2], Err(Error::UnknownPartition { partition: 7, .. })), "{results:?}");
}

#[tokio::test]
async fn a_group_with_members_is_described_and_left_alone() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 3).await, unique("group"));
    produce(&client, &topic, 1).await;
    let mut consumer = client
        .consumer::<Bytes, Bytes>(group.as_str())
        .topics([topic.as_str()])
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    let first = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.offset, 0);

    let described = admin.describe_groups([group.as_str()]).await.into_result().unwrap().remove(0).1;
    assert_eq!((described.state, &*described.protocol_type), (GroupState::Stable, "consumer"));
    let member = described.members.first().unwrap();
    let expected: Vec<TopicPartition> = (0..3).map(|partition| (topic.as_str(), partition).into()).collect();
    match &member.assignment {
        MemberAssignment::Partitions(partitions) => {
            let mut partitions = partitions.clone();
            partitions.sort();
            assert_eq!(partitions, expected);
        }
        opaque => panic!("{opaque:?}"),
    }
    assert!(!member.metadata.is_empty() && member.client_host.contains("127.0.0.1"), "{member:?}");

    let code = |result: Result<_, Error>| result.unwrap_err().code();
    let partition = (topic.as_str(), 0);
    let deleted = admin.delete_groups([group.as_str()]).await.into_result().map(drop);
    assert_eq!(code(deleted), Some(ErrorCode::NonEmptyGroup));
    let altered = admin.alter_group_offsets(group.as_str(), [(partition, 1)]).await.into_result().map(drop);
    assert_eq!(code(altered), Some(ErrorCode::UnknownMemberId));
    let reset = admin.reset_group_offsets(group.as_str(), [partition], ResetTo::Latest).await;
    assert_eq!(code(reset.into_result().map(drop)), Some(ErrorCode::UnknownMemberId));
    let deleted = admin.delete_group_offsets(group.as_str(), [partition]).await.into_result().map(drop);
    assert_eq!(code(deleted), Some(ErrorCode::GroupSubscribedToTopic));

    consumer.close().await.unwrap();
    admin.delete_groups([group.as_str()]).await.into_result().unwrap();
}

#[tokio::test]
async fn members_that_are_gone_are_removed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    produce(&client, &topic, 1).await;
    // A static member stays in its group when its consumer goes.
    let consumer = client.consumer::<Bytes, Bytes>(group.as_str()).topics([topic.as_str()]);
    let mut consumer = consumer
        .group_instance_id("host-7")
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
    consumer.close().await.unwrap();
    let members =
        async || admin.describe_groups([group.as_str()]).await.into_result().unwrap().remove(0).1.members;
    let found = members().await;
    assert_eq!(found[0].group_instance_id.as_deref(), Some("host-7"));

    let remove = [
        MemberToRemove::group_instance("host-8"),
        MemberToRemove::from(&found[0]).reason("the host is gone"),
        MemberToRemove::member("nobody"),
    ];
    let removed: Vec<_> =
        admin.remove_group_members(group.as_str(), remove.clone()).await.into_iter().collect();
    let unknown = removed[0].1.as_ref().unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::UnknownMemberId));
    assert!(unknown.to_string().contains(&group), "{unknown}");
    assert!(removed[1].1.is_ok() && removed[1].0 == remove[1], "{removed:?}");
    assert_eq!(removed[2].1.as_ref().unwrap_err().code(), Some(ErrorCode::UnknownMemberId));
    assert!(members().await.is_empty());
}

#[tokio::test]
async fn a_coordinator_that_moves_or_starts_is_asked_for_again() {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let client = Client::builder(broker.bootstrap_servers())
        .retry_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .reconnect_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .connect()
        .await
        .unwrap();
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    let partition = (topic.as_str(), 0);
    let apis = [
        ApiKey::FindCoordinator,
        ApiKey::OffsetCommit,
        ApiKey::OffsetFetch,
        ApiKey::DescribeGroups,
        ApiKey::ListGroups,
        ApiKey::OffsetDelete,
        ApiKey::DeleteGroups,
    ];
    let fail = |how: &dyn Fn(ApiKey)| apis.into_iter().for_each(how);
    let faults = broker.kestrel().faults();
    for code in
        [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable, ErrorCode::CoordinatorLoadInProgress]
    {
        fail(&|api| faults.on(api).times(2).answer(code));
        everything_of_a_group(&admin, &group, partition).await;
    }
    fail(&|api| faults.on(api).drop_connection());
    everything_of_a_group(&admin, &group, partition).await;
}

/// Makes a group and lets nothing of it be left, with every call that goes to its coordinator.
async fn everything_of_a_group(admin: &Admin, group: &str, partition: (&str, i32)) {
    admin.alter_group_offsets(group, [(partition, 5)]).await.into_result().unwrap();
    assert_eq!(offsets(admin, group).await[&partition.into()].offset, 5);
    admin.describe_groups([group]).await.into_result().unwrap();
    assert!(admin.list_groups(GroupFilter::all()).await.unwrap().iter().any(|one| *one.group_id == *group));
    admin.delete_group_offsets(group, [partition]).await.into_result().unwrap();
    // Without offsets and members Kafka takes a group away by itself.
    admin.alter_group_offsets(group, [(partition, 6)]).await.into_result().unwrap();
    admin.delete_groups([group]).await.into_result().unwrap();
    assert!(offsets(admin, group).await.is_empty());
}

/// -1 and -2 are names on the wire for things that nobody means who has a time or an offset.
#[tokio::test]
async fn numbers_that_are_names_on_the_wire_are_refused() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 3).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    admin.alter_group_offsets(group.as_str(), [(&partition, 1)]).await.into_result().unwrap();
    let assert_invalid = |error: Error| assert_eq!(error.severity(), Severity::Invalid, "{error}");

    let consumer = client.assigned_consumer::<Bytes, Bytes>().assign([&partition]).build().await.unwrap();
    for time in [Timestamp::NONE, Timestamp::from_millis(-2), Timestamp::from_millis(i64::MIN)] {
        assert_invalid(consumer.offsets_for_times([(&partition, time)]).await.unwrap_err());
        let listed = [(&partition, OffsetSpec::Timestamp(time))];
        let listed = admin.list_offsets(listed, IsolationLevel::ReadUncommitted).await;
        assert_invalid(listed.into_result().unwrap_err());
        let to = ResetTo::Timestamp(time);
        assert_invalid(
            admin.reset_group_offsets(group.as_str(), [&partition], to).await.into_result().unwrap_err(),
        );
    }
    for number in [-1, -2, i64::MIN] {
        let to = ResetTo::Offset(number);
        assert_invalid(
            admin.reset_group_offsets(group.as_str(), [&partition], to).await.into_result().unwrap_err(),
        );
        let offsets = [(&partition, number)];
        assert_invalid(admin.alter_group_offsets(group.as_str(), offsets).await.into_result().unwrap_err());
        let records = [(&partition, DeleteRecordsTo::Offset(number))];
        assert_invalid(admin.delete_records(records).await.into_result().unwrap_err());
    }
    for new in
        [NewTopic::new(unique("new")).partitions(-1), NewTopic::new(unique("new")).replication_factor(-1)]
    {
        assert_invalid(admin.create_topics([new]).await.into_result().unwrap_err());
    }
    // Nothing has happened.
    assert_eq!(offsets(&admin, &group).await[&partition].offset, 1);
    let starts = [(&partition, OffsetSpec::Earliest)];
    let starts = admin.list_offsets(starts, IsolationLevel::ReadUncommitted).await.into_result().unwrap();
    assert_eq!(starts[0].1.offset, Some(0));
}
