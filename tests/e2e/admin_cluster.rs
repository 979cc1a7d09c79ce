//! Admin of what is on which node: folders, leaders, replicas that are moved, the metadata's quorum, features, brokers that are gone.

use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::{
    ElectionOutcome, ElectionType, FeatureUpdate, NewPartitionReassignment, NewTopic, TopicPartitionReplica,
    TransactionState,
};
use kestrel_client::{Admin, Client, ErrorCode, Int32, NodeId, Record, TopicPartition, Utf8};
use kestrel_tests::{TestBroker, eventually, unique};

/// A topic with two partitions, a record in each.
async fn written_topic(client: &Client) -> String {
    let topic = unique("admin-cluster");
    let new = NewTopic::new(topic.as_str()).partitions(2).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    for partition in 0..2 {
        let record = Record::to(topic.as_str()).partition(partition).value("v");
        producer.send(record).await.unwrap().await.unwrap();
    }
    topic
}

/// The node that leads partition 0 of a topic.
async fn leader(admin: &Admin, topic: &str) -> NodeId {
    let described = admin.describe_topics([topic]).await.into_result().unwrap().remove(0).1;
    described.partitions[0].leader.unwrap()
}

#[tokio::test]
async fn folders_have_the_replicas_with_their_sizes() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic) = (client.admin(), written_topic(&client).await);
    let node = leader(&admin, &topic).await;
    let folders = admin.describe_log_dirs([node]).await.into_result().unwrap().remove(0).1;
    let partition = TopicPartition::from((topic.as_str(), 0));
    let [folder] = &folders[..] else { panic!("one folder: {folders:?}") };
    assert_eq!((folder.error, folder.is_cordoned), (None, false));
    assert!(folder.total_bytes.unwrap() > folder.usable_bytes.unwrap(), "{folder:?}");
    let replica = folder.replicas.get(&partition).unwrap();
    assert!(replica.size_bytes > 61, "a batch with a record: {replica:?}");
    assert_eq!((replica.offset_lag, replica.is_future), (Some(0), false));

    let replica = TopicPartitionReplica::new((topic.as_str(), 0), node);
    let found = admin.describe_replica_log_dirs([replica.clone()]).await.into_result().unwrap().remove(0).1;
    assert_eq!((found.current.unwrap().path, found.future), (folder.path.clone(), None));
    // It is there already.
    admin.alter_replica_log_dirs([(replica.clone(), &*folder.path)]).await.into_result().unwrap();
    let refused = admin.alter_replica_log_dirs([(replica, "/nowhere")]).await.into_result().unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::LogDirNotFound));
    let missing = TopicPartitionReplica::new((topic.as_str(), 7), node);
    let refused = admin.alter_replica_log_dirs([(missing, &*folder.path)]).await.into_result().unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn a_leader_that_is_preferred_is_not_elected_again() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic) = (client.admin(), written_topic(&client).await);
    let missing = unique("missing");
    for election in [ElectionType::Preferred, ElectionType::Unclean] {
        let partitions = [(topic.as_str(), 0), (topic.as_str(), 1), (missing.as_str(), 0)];
        let outcomes: Vec<_> = admin.elect_leaders(election, partitions).await.into_iter().collect();
        assert_eq!(*outcomes[0].1.as_ref().unwrap(), ElectionOutcome::NotNeeded);
        assert_eq!(*outcomes[1].1.as_ref().unwrap(), ElectionOutcome::NotNeeded);
        let unknown = outcomes[2].1.as_ref().unwrap_err();
        assert_eq!(unknown.code(), Some(ErrorCode::UnknownTopicOrPartition));
        let all = admin.elect_all_leaders(election).await.unwrap();
        assert!(all.into_iter().all(|(partition, _)| *partition.topic != *topic), "nothing was to be done");
    }
}

#[tokio::test]
async fn a_partition_is_reassigned_to_where_it_is_and_to_nobody_else() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (admin, topic) = (client.admin(), written_topic(&client).await);
    let (node, name) = (leader(&admin, &topic).await, topic.as_str());
    let reassign = async |reassignment: NewPartitionReassignment| {
        admin.alter_partition_reassignments([reassignment]).await.into_result().map(drop)
    };
    reassign(NewPartitionReassignment::to((name, 0), [node]).keep_replication_factor()).await.unwrap();
    for (reassignment, code) in [
        (NewPartitionReassignment::to((name, 0), [NodeId(99)]), ErrorCode::InvalidReplicaAssignment),
        (NewPartitionReassignment::to((name, 0), [node, node]), ErrorCode::InvalidReplicaAssignment),
        (NewPartitionReassignment::cancel((name, 0)), ErrorCode::NoReassignmentInProgress),
        (NewPartitionReassignment::to((name, 9), [node]), ErrorCode::UnknownTopicOrPartition),
    ] {
        let refused = reassign(reassignment).await.unwrap_err();
        assert_eq!(refused.code(), Some(code), "{refused}");
    }
    let ongoing = admin.list_partition_reassignments().await.unwrap();
    assert!(ongoing.keys().all(|partition| *partition.topic != *topic), "{ongoing:?}");
}

#[tokio::test]
async fn the_quorum_of_the_metadata_has_a_leader_and_goes_on() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let admin = client.admin();
    let before = admin.describe_metadata_quorum().await.unwrap();
    let leader = before.voters.iter().find(|voter| voter.id == before.leader).unwrap();
    assert_eq!(before.lag(leader), Some(0));
    assert!(leader.last_caught_up_timestamp.is_some() && before.leader_epoch.0 > 0);
    written_topic(&client).await;
    let after = admin.describe_metadata_quorum().await.unwrap();
    assert!(after.high_watermark > before.high_watermark, "{before:?} {after:?}");
}

#[tokio::test]
async fn feature_levels_are_told_and_checked() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let features = admin.describe_features().await.unwrap();
    let name = "transaction.version";
    let level = features.level(name);
    assert!(features.supported[name].contains(&level) && features.finalized_epoch.is_some());
    admin.update_features([FeatureUpdate::upgrade(name, level)]).await.into_result().unwrap();
    admin.validate_features([FeatureUpdate::safe_downgrade(name, 0)]).await.into_result().unwrap();
    for update in [
        FeatureUpdate::upgrade(name, 99),
        FeatureUpdate::upgrade(name, level - 1),
        FeatureUpdate::upgrade("nope", 1),
        FeatureUpdate::unsafe_downgrade("metadata.version", 7),
    ] {
        let refused = admin.validate_features([update]).await.into_result().unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::InvalidUpdateVersion), "{refused}");
    }
    assert_eq!(admin.describe_features().await.unwrap().level(name), level);
}

#[tokio::test]
async fn transactions_follow_the_version_that_is_finalized() {
    // A broker of its own: other tests write in transactions to a cluster that is shared.
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let name = "transaction.version";
    for (update, epochs_of_two) in [
        (FeatureUpdate::safe_downgrade(name, 0), 0),
        (FeatureUpdate::upgrade(name, 1), 0),
        (FeatureUpdate::upgrade(name, 2), 2),
        (FeatureUpdate::safe_downgrade(name, 1), 0),
    ] {
        broker.client().await.admin().update_features([update.clone()]).await.into_result().unwrap();
        // What a connection has been told of features stays: another client.
        let client = broker.client().await;
        let (admin, topic, id) = (client.admin(), written_topic(&client).await, unique("versions"));
        let mut producer = client.transactional_producer(id.as_str()).build().await.unwrap();
        let numbers = producer.topic::<str, i32>(topic.as_str()).key(Utf8).value(Int32).open().await.unwrap();
        for number in 0..2 {
            let transaction = producer.begin().await.unwrap();
            transaction.send(&numbers, "key", &number).await.unwrap();
            transaction.commit().await.unwrap();
        }
        // From version 2 on each transaction ends with an epoch of its own (KIP-890).
        let epoch = eventually("the end of the last transaction", async || {
            let found = admin.describe_transactions([id.as_str()]).await.into_result().unwrap().remove(0).1;
            (found.state == TransactionState::CompleteCommit).then_some(found.producer_epoch)
        });
        assert_eq!(epoch.await.0, epochs_of_two, "{update:?}");
    }
}

#[tokio::test]
async fn a_broker_that_nobody_knows_cannot_leave() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let refused = admin.unregister_broker(NodeId(99)).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::BrokerIdNotRegistered), "{refused}");
}
