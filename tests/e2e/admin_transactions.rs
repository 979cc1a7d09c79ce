//! Admin of transactions: list, describe, fence; producers of partitions; transactions that hang.

use std::time::Duration;

use kestrel_client::admin::{
    AlterConfigs, ConfigResource, NewTopic, OffsetSpec, TransactionFilter, TransactionListing,
    TransactionState,
};
use kestrel_client::{
    Admin, Client, Error, ErrorCode, IsolationLevel, ProducerEpoch, ProducerId, TopicPartition,
};
use kestrel_tests::{TestBroker, eventually, unique};

use crate::raw_writer::RawWriter;

async fn topic_with(client: &Client, partitions: i32) -> String {
    let topic = unique("admin-transactions");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    topic
}

/// A writer with a transaction of one record in partition 0.
async fn open_transaction(broker: &TestBroker, topic: &str, id: &str) -> RawWriter {
    let mut writer = RawWriter::start(broker, id).await;
    writer.add(topic, 0).await;
    writer.write(topic, 0, &["open"]).await.unwrap();
    writer
}

async fn listed(admin: &Admin, id: &str, filter: TransactionFilter) -> Option<TransactionListing> {
    let listed = admin.list_transactions(filter).await.unwrap();
    assert!(listed.is_sorted_by(|left, right| left.transactional_id < right.transactional_id));
    listed.into_iter().find(|listed| *listed.transactional_id == *id)
}

/// How far readers of committed records get in partition 0.
async fn last_stable_offset(admin: &Admin, topic: &str) -> Option<i64> {
    let latest = [((topic, 0), OffsetSpec::Latest)];
    let ends = admin.list_offsets(latest, IsolationLevel::ReadCommitted).await;
    ends.into_result().unwrap().remove(0).1.offset
}

#[tokio::test]
async fn transactions_are_listed_as_the_filter_says() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic, id) = (client.admin(), topic_with(&client, 1).await, unique("listed"));
    let mut writer = open_transaction(&broker, &topic, &id).await;
    let all = TransactionFilter::all;

    let found = listed(&admin, &id, all()).await.unwrap();
    assert_eq!((found.state, found.producer_id), (TransactionState::Ongoing, writer.producer_id));
    let others = [TransactionState::Empty, TransactionState::CompleteCommit];
    assert!(listed(&admin, &id, all().states([TransactionState::Ongoing])).await.is_some());
    assert!(listed(&admin, &id, all().states(others)).await.is_none());
    assert!(listed(&admin, &id, all().producer_ids([writer.producer_id])).await.is_some());
    assert!(listed(&admin, &id, all().producer_ids([ProducerId(i64::MAX)])).await.is_none());
    assert!(listed(&admin, &id, all().longer_than(Duration::from_secs(3600))).await.is_none());
    assert!(listed(&admin, &id, all().transactional_id_pattern("listed-.*")).await.is_some());
    assert!(listed(&admin, &id, all().transactional_id_pattern("isted-.*")).await.is_none(), "the whole id");
    let refused = admin.list_transactions(all().transactional_id_pattern("(")).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::InvalidRegularExpression), "{refused}");

    writer.end(true).await;
    eventually("the committed transaction", async || {
        listed(&admin, &id, all().states([TransactionState::CompleteCommit])).await
    })
    .await;
}

#[tokio::test]
async fn a_transaction_is_described_with_its_partitions() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic, id) = (client.admin(), topic_with(&client, 3).await, unique("described"));
    let mut writer = open_transaction(&broker, &topic, &id).await;
    writer.add(&topic, 2).await;

    let missing = unique("missing");
    let described: Vec<_> =
        admin.describe_transactions([missing.as_str(), id.as_str()]).await.into_iter().collect();
    let not_found = described[0].1.as_ref().unwrap_err();
    assert_eq!(not_found.code(), Some(ErrorCode::TransactionalIdNotFound), "{not_found}");
    assert!(not_found.to_string().contains(&missing), "{not_found}");
    let mut found = described[1].1.clone().unwrap();
    found.partitions.sort();
    let expected: [TopicPartition; 2] = [(topic.as_str(), 0).into(), (topic.as_str(), 2).into()];
    assert_eq!((found.state, found.partitions.as_slice()), (TransactionState::Ongoing, &expected[..]));
    assert_eq!((found.producer_id, found.producer_epoch), (writer.producer_id, writer.producer_epoch));
    assert_eq!(found.timeout, Duration::from_secs(60));
    assert!(found.started_at.is_some());

    writer.end(false).await;
    let ended = eventually("the aborted transaction", async || {
        let described = admin.describe_transactions([id.as_str()]).await.into_result().unwrap().remove(0).1;
        (described.state == TransactionState::CompleteAbort).then_some(described)
    })
    .await;
    assert!(ended.partitions.is_empty(), "{ended:?}");
}

#[tokio::test]
async fn a_fenced_producer_loses_its_transaction_and_writes_no_more() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic, id) = (client.admin(), topic_with(&client, 1).await, unique("fenced"));
    let mut writer = open_transaction(&broker, &topic, &id).await;
    assert_eq!(last_stable_offset(&admin, &topic).await, Some(0));

    let fenced = admin.fence_producers([id.as_str()]).await.into_result().unwrap().remove(0).1;
    assert_eq!(fenced.producer_id, writer.producer_id);
    assert!(fenced.producer_epoch > writer.producer_epoch, "{fenced:?}");
    let refused = writer.write(&topic, 0, &["late"]).await.unwrap_err();
    assert!(matches!(refused, ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced), "{refused}");
    eventually("what it had open to be aborted", async || {
        (last_stable_offset(&admin, &topic).await == Some(2)).then_some(())
    })
    .await;

    let unused = unique("unused");
    let made = admin.fence_producers([unused.as_str()]).await.into_result().unwrap().remove(0).1;
    assert_eq!(made.producer_epoch, ProducerEpoch(0));
}

#[tokio::test]
async fn producers_are_described_by_the_leaders_of_their_partitions() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic, id) = (client.admin(), topic_with(&client, 2).await, unique("producers"));
    let mut writer = open_transaction(&broker, &topic, &id).await;

    let partitions = [(topic.as_str(), 0), (topic.as_str(), 1), (topic.as_str(), 9)];
    let described: Vec<_> = admin.describe_producers(partitions).await.into_iter().collect();
    let producers = described[0].1.as_ref().unwrap();
    assert_eq!(producers.len(), 1, "{producers:?}");
    assert_eq!(
        (producers[0].producer_id, producers[0].producer_epoch),
        (writer.producer_id, writer.producer_epoch)
    );
    assert_eq!((producers[0].last_sequence, producers[0].coordinator_epoch), (Some(0), None));
    let open = producers[0].open_transaction((topic.as_str(), 0)).unwrap();
    assert_eq!((open.start_offset, open.producer_id), (0, writer.producer_id));
    assert!(described[1].1.as_ref().unwrap().is_empty());
    assert!(matches!(described[2].1, Err(Error::UnknownPartition { partition: 9, .. })), "{described:?}");

    writer.end(true).await;
    let ended = eventually("the end of the transaction", async || {
        let described =
            admin.describe_producers([(topic.as_str(), 0)]).await.into_result().unwrap().remove(0).1;
        described[0].current_transaction_start_offset.is_none().then(|| described[0].clone())
    })
    .await;
    assert!(ended.coordinator_epoch.is_some_and(|epoch| epoch >= 0), "{ended:?}");
    assert_eq!(ended.open_transaction((topic.as_str(), 0)), None);
}

#[tokio::test]
async fn an_open_transaction_is_not_a_hanging_one_but_can_be_aborted_in_its_partition() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic, id) = (client.admin(), topic_with(&client, 1).await, unique("aborted"));
    // The second of its id has an epoch that the first can be behind.
    RawWriter::start(&broker, &id).await;
    let writer = open_transaction(&broker, &topic, &id).await;
    let hanging = admin.find_hanging_transactions([topic.as_str()], Duration::ZERO).await.unwrap();
    assert_eq!(hanging, [], "its coordinator knows it");

    let producers = admin.describe_producers([(topic.as_str(), 0)]).await.into_result().unwrap().remove(0).1;
    let mut open = producers[0].open_transaction((topic.as_str(), 0)).unwrap();
    open.producer_epoch = ProducerEpoch(writer.producer_epoch.0 - 1);
    let stale = admin.abort_transaction(&open).await.unwrap_err();
    assert_eq!(stale.code(), Some(ErrorCode::InvalidProducerEpoch), "{stale}");
    assert_eq!(last_stable_offset(&admin, &topic).await, Some(0));

    open.producer_epoch = writer.producer_epoch;
    admin.abort_transaction(&open).await.unwrap();
    assert_eq!(last_stable_offset(&admin, &topic).await, Some(2));
}

#[tokio::test]
async fn a_transaction_that_no_coordinator_knows_is_found_and_aborted() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic, id) = (client.admin(), topic_with(&client, 1).await, unique("hanging"));
    let values = ["nobody", "told", "the coordinator"];
    if let TestBroker::Embedded(_) = broker {
        // It always asks the coordinator: nothing hangs there.
        let mut writer = RawWriter::start(&broker, &id).await;
        assert_eq!(writer.write(&topic, 0, &values).await, Err(ErrorCode::TransactionAbortable));
        return;
    }
    // As it was before Apache Kafka 3.6 (KIP-890).
    let unverified = AlterConfigs::of(ConfigResource::AllBrokers);
    let unverified = unverified.set("transaction.partition.verification.enable", "false");
    admin.alter_configs([unverified]).await.into_result().unwrap();
    let writer = eventually("a broker that does not ask the coordinator any more", async || {
        let mut writer = RawWriter::start(&broker, &id).await;
        writer.write(&topic, 0, &values).await.ok().map(|_| writer)
    })
    .await;

    let recent = admin.find_hanging_transactions([topic.as_str()], Duration::MAX).await.unwrap();
    assert_eq!(recent, [], "its coordinator may yet hear of it");
    let hanging = admin.find_hanging_transactions([topic.as_str()], Duration::ZERO).await.unwrap();
    assert_eq!(hanging.len(), 1, "{hanging:?}");
    assert_eq!((hanging[0].producer_id, hanging[0].start_offset), (writer.producer_id, 0));
    assert_eq!(last_stable_offset(&admin, &topic).await, Some(0));
    admin.abort_transaction(&hanging[0]).await.unwrap();
    assert_eq!(last_stable_offset(&admin, &topic).await, Some(4));
    assert_eq!(admin.find_hanging_transactions([topic.as_str()], Duration::ZERO).await.unwrap(), []);
}
