//! Admin: topics, partitions, configurations, offsets, records, the cluster.

use kestrel_client::admin::{
    AlterConfigs, ConfigEntry, ConfigResource, ConfigSource, DeleteRecordsTo, NewPartitions, NewTopic,
    OffsetSpec,
};
use kestrel_client::{Admin, Error, ErrorCode, IsolationLevel, Record, Timestamp};
use kestrel_tests::{TestBroker, eventually, unique};

async fn created(admin: &Admin, partitions: i32) -> String {
    let topic = unique("admin");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    admin.create_topics([new]).await.into_result().unwrap();
    topic
}

#[tokio::test]
async fn each_topic_of_a_call_has_its_own_result() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let (first, second) = (unique("admin"), unique("admin"));
    let topics = || {
        [
            NewTopic::new(first.as_str())
                .partitions(2)
                .replication_factor(1)
                .config("retention.ms", "3600000"),
            NewTopic::new("not a name"),
            NewTopic::new(second.as_str()).partitions(0),
        ]
    };
    let validated: Vec<_> = admin.validate_topics(topics()).await.into_iter().collect();
    assert!(validated[0].1.is_ok() && validated[1].1.is_err());
    assert!(!admin.list_topics().await.unwrap().iter().any(|topic| *topic.name == *first));

    let results: Vec<_> = admin.create_topics(topics()).await.into_iter().collect();
    let topic = results[0].1.as_ref().unwrap();
    assert_eq!((topic.partition_count, topic.replication_factor), (Some(2), Some(1)));
    assert!(!topic.id.is_nil());
    assert_eq!(results[1].1.as_ref().unwrap_err().code(), Some(ErrorCode::InvalidTopic));
    assert_eq!(results[2].1.as_ref().unwrap_err().code(), Some(ErrorCode::InvalidPartitions));

    let again = admin.create_topics([NewTopic::new(first.as_str())]).await.into_result().unwrap_err();
    assert_eq!(again.code(), Some(ErrorCode::TopicAlreadyExists));
    assert!(again.to_string().contains(&first), "the broker's words: {again}");
}

#[tokio::test]
async fn a_topic_is_described_listed_and_deleted() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let topic = created(&admin, 5).await;
    let missing = unique("missing");
    let described: Vec<_> =
        admin.describe_topics([topic.as_str(), missing.as_str()]).await.into_iter().collect();
    let description = described[0].1.as_ref().unwrap();
    assert_eq!((&*description.name, description.partitions.len()), (topic.as_str(), 5));
    for (number, partition) in (0..).zip(&description.partitions) {
        assert_eq!(partition.partition, number);
        assert!(partition.leader.is_some_and(|leader| partition.isr.contains(&leader)));
    }
    assert_eq!(described[1].1.as_ref().unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
    let listed = admin.list_topics().await.unwrap();
    let listed = listed.iter().find(|listing| *listing.name == *topic).unwrap();
    assert_eq!((listed.id, listed.partition_count, listed.is_internal), (description.id, 5, false));

    let deleted: Vec<_> = admin.delete_topics([topic.as_str(), missing.as_str()]).await.into_iter().collect();
    assert!(deleted[0].1.is_ok());
    assert_eq!(deleted[1].1.as_ref().unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
    assert!(!admin.list_topics().await.unwrap().iter().any(|listing| *listing.name == *topic));
}

#[tokio::test]
async fn a_topic_is_told_by_its_id_from_a_later_one_of_the_name() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let topic = created(&admin, 2).await;
    let described = admin.describe_topics([topic.as_str()]).await.into_result().unwrap().remove(0).1;
    let missing = "AAAAAAAAAAAAAAAAAAAAEw".parse().unwrap();
    let by_id: Vec<_> = admin.describe_topics_by_id([missing, described.id]).await.into_iter().collect();
    let found = by_id[1].1.as_ref().unwrap();
    assert_eq!((&*found.name, found.id, found.partitions.len()), (topic.as_str(), described.id, 2));
    let unknown = by_id[0].1.as_ref().unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::UnknownTopicId));
    assert!(unknown.to_string().contains("AAAAAAAAAAAAAAAAAAAAEw"), "{unknown}");

    admin.delete_topics([topic.as_str()]).await.into_result().unwrap();
    admin.create_topics([NewTopic::new(topic.as_str()).replication_factor(1)]).await.into_result().unwrap();
    let refused = admin.delete_topics_by_id([described.id]).await.into_result().unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownTopicId));
    let later = admin.describe_topics([topic.as_str()]).await.into_result().unwrap().remove(0).1;
    assert_ne!(later.id, described.id);
    admin.delete_topics_by_id([later.id]).await.into_result().unwrap();
    assert!(!admin.list_topics().await.unwrap().iter().any(|listing| *listing.name == *topic));
}

#[tokio::test]
async fn partitions_are_added_and_usable_at_once() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let topic = created(&admin, 1).await;
    let more = || [NewPartitions::increase_to(topic.as_str(), 3)];
    admin.validate_partitions(more()).await.into_result().unwrap();
    let described = admin.describe_topics([topic.as_str()]).await.into_result().unwrap().remove(0).1;
    assert_eq!(described.partitions.len(), 1, "nothing is added yet");
    admin.create_partitions(more()).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let receipt = producer.send(Record::to(topic.as_str()).partition(2)).await.unwrap().await.unwrap();
    assert_eq!((receipt.partition, receipt.offset), (2, Some(0)));
    let fewer = admin.create_partitions([NewPartitions::increase_to(topic.as_str(), 2)]).await;
    assert_eq!(fewer.into_result().unwrap_err().code(), Some(ErrorCode::InvalidPartitions));
}

#[tokio::test]
async fn configurations_change_key_by_key() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let topic = created(&admin, 1).await;
    let resource = ConfigResource::topic(topic.as_str());
    let entry = async |key: &str| -> ConfigEntry {
        let described =
            admin.describe_configs([ConfigResource::topic(topic.as_str())]).await.into_result().unwrap();
        described[0].1.iter().find(|entry| &*entry.name == key).cloned().unwrap()
    };
    let alter = async |changes| admin.alter_configs([changes]).await.into_result();

    assert_eq!(entry("cleanup.policy").await.value.as_deref(), Some("delete"));
    alter(AlterConfigs::of(resource.clone()).set("retention.ms", "1000").append("cleanup.policy", "compact"))
        .await
        .unwrap();
    let retention = eventually("retention.ms is the topic's", async || {
        Some(entry("retention.ms").await).filter(|entry| entry.source == ConfigSource::Topic)
    });
    assert_eq!(retention.await.value.as_deref(), Some("1000"));
    let policy = entry("cleanup.policy").await.value.unwrap();
    assert!(policy.contains("compact") && policy.contains("delete"), "{policy}");
    alter(AlterConfigs::of(resource.clone()).delete("retention.ms").subtract("cleanup.policy", "delete"))
        .await
        .unwrap();
    eventually("retention.ms is not the topic's", async || {
        Some(entry("retention.ms").await).filter(|entry| entry.source != ConfigSource::Topic)
    })
    .await;
    assert_eq!(entry("cleanup.policy").await.value.as_deref(), Some("compact"));

    let wrong = AlterConfigs::of(resource.clone()).set("retention.ms", "soon");
    assert!(admin.validate_configs([wrong.clone()]).await.into_result().is_err());
    let error = alter(wrong).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidConfig), "{error:#}");
    let missing = AlterConfigs::of(ConfigResource::topic(unique("missing"))).set("retention.ms", "1");
    assert_eq!(alter(missing).await.unwrap_err().code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn a_broker_describes_its_own_configuration() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let cluster = admin.describe_cluster().await.unwrap();
    assert!(!cluster.cluster_id.is_empty());
    let node = cluster.brokers.first().unwrap().id;
    let described = admin.describe_configs([ConfigResource::Broker(node)]).await.into_result().unwrap();
    let node_id = described[0].1.iter().find(|entry| &*entry.name == "node.id").unwrap();
    assert_eq!(node_id.value.as_deref(), Some(node.to_string().as_str()));
    assert!(node_id.is_read_only);
}

#[tokio::test]
async fn offsets_are_listed_and_records_deleted_at_the_leaders() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let topic = created(&admin, 2).await;
    let producer = client.producer().build().await.unwrap();
    for number in 0..10 {
        let timestamp = Timestamp::from_millis(if number == 4 { 5_000 } else { 1_000 + number });
        let record = Record::to(topic.as_str()).partition(1).value("v").timestamp(timestamp);
        producer.send(record).await.unwrap().await.unwrap();
    }
    let name = topic.as_str();
    let specs = [
        ((name, 1), OffsetSpec::Earliest),
        ((name, 1), OffsetSpec::Latest),
        ((name, 1), OffsetSpec::MaxTimestamp),
        ((name, 1), OffsetSpec::Timestamp(Timestamp::from_millis(1_003))),
        ((name, 0), OffsetSpec::Timestamp(Timestamp::from_millis(0))),
        ((name, 9), OffsetSpec::Latest),
    ];
    let listed: Vec<_> =
        admin.list_offsets(specs, IsolationLevel::ReadUncommitted).await.into_iter().collect();
    let offset = |index: usize| listed[index].1.as_ref().unwrap().offset;
    assert_eq!(
        [offset(0), offset(1), offset(2), offset(3), offset(4)],
        [Some(0), Some(10), Some(4), Some(3), None]
    );
    assert!(matches!(listed[5].1, Err(Error::UnknownPartition { partition: 9, partition_count: 2, .. })));

    let records = [((name, 1), DeleteRecordsTo::Offset(6)), ((name, 0), DeleteRecordsTo::HighWatermark)];
    let deleted = admin.delete_records(records).await.into_result().unwrap();
    assert_eq!((deleted[0].1, deleted[1].1), (6, 0));
    let beyond =
        admin.delete_records([((name, 1), DeleteRecordsTo::Offset(11))]).await.into_result().unwrap_err();
    assert_eq!(beyond.code(), Some(ErrorCode::OffsetOutOfRange));
    let start = admin.list_offsets([((name, 1), OffsetSpec::Earliest)], IsolationLevel::ReadCommitted).await;
    assert_eq!(start.into_result().unwrap()[0].1.offset, Some(6));
}
