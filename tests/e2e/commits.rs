//! Commits that tell the truth: what `Ok` promises, what closing commits, and what is lost.

use std::time::Duration;

use kestrel_client::{CommitPolicy, Error, TopicPartition};
use kestrel_tests::{TestBroker, eventually, unique};

use crate::groups::{
    Member, PATIENCE, member, next, next_numbers, number, poll_until, produce, shares, topic_with,
};

async fn committed(consumer: &Member, topic: &str) -> Option<i64> {
    let partition = TopicPartition::new(topic, 0);
    consumer.committed([&partition]).await.unwrap().remove(&partition).unwrap().map(|found| found.offset)
}

/// Asserts that a commit fails for partition 0, which is lost.
async fn assert_lost(consumer: &Member) {
    let error = consumer.commit().await.unwrap_err();
    let Error::CommitFailed(failed) = &error else { panic!("{error}") };
    assert_eq!(failed.partitions.iter().map(|partition| partition.partition).collect::<Vec<_>>(), [0]);
    assert!(!error.is_retriable() && error.to_string().contains("max.poll.interval.ms"), "{error}");
}

/// Others read the records already, so neither the first commit nor the second may succeed.
#[tokio::test]
async fn what_others_have_read_meanwhile_cannot_be_committed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let manual = || member(&client, &group, &topic).commit_policy(CommitPolicy::Manual);
    let mut slow = manual().max_poll_interval(Duration::from_secs(5)).build().await.unwrap();
    let batch = tokio::time::timeout(PATIENCE, slow.next_batch()).await.unwrap().unwrap().unwrap();
    assert_eq!(batch.len(), 10);
    // It stays away for too long; another member reads the same.
    let mut others = vec![manual().build().await.unwrap()];
    poll_until(&mut others, |owned| shares(owned, 1, 1)).await;
    let mut other = others.into_iter().next().unwrap();
    assert_lost(&slow).await;
    assert_lost(&slow).await;
    assert!(matches!(slow.commit_async().await, Err(Error::CommitFailed(_))));
    while committed(&other, &topic).await != Some(10) {
        next(&mut other).await;
        other.commit().await.unwrap();
    }
    assert_lost(&slow).await;
    // It goes on: what it is handed out from now on is its own.
    other.close().await.unwrap();
    produce(&client, &topic, 1, 10..12).await;
    assert_eq!(next_numbers(&mut slow, 2).await, [10, 11]);
    slow.commit().await.unwrap();
    assert_eq!(committed(&slow, &topic).await, Some(12));
    slow.close().await.unwrap();
}

/// A record counts as done when the next one is asked for, or when it is said to be: closing says nothing.
#[tokio::test]
async fn closing_does_not_commit_what_may_have_failed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let build = || member(&client, &group, &topic).build();
    let mut consumer = build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 3).await, [0, 1, 2]);
    // The work on the third has failed.
    consumer.close().await.unwrap();

    let mut consumer = build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 3).await, [2, 3, 4]);
    let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
    assert_eq!(batch.len(), 5);
    consumer.close().await.unwrap();

    let mut consumer = build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 2).await, [5, 6]);
    consumer.commit().await.unwrap();
    consumer.close().await.unwrap();

    let mut consumer = build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 3).await, [7, 8, 9]);
    // Whoever waits for the next one is done with the last.
    tokio::time::timeout(Duration::from_millis(10), consumer.next()).await.unwrap_err();
    consumer.close().await.unwrap();
    let consumer = build().await.unwrap();
    assert_eq!(committed(&consumer, &topic).await, Some(10));
    consumer.close().await.unwrap();
}

/// A rebalance waits for the application's next call; until then the partitions are its own, and commits succeed.
#[tokio::test]
async fn a_commit_while_the_group_waits_for_it_succeeds() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let manual = || member(&client, &group, &topic).commit_policy(CommitPolicy::Manual);
    let mut first = manual().build().await.unwrap();
    assert_eq!(next_numbers(&mut first, 3).await, [0, 1, 2]);
    let mut second = tokio::task::JoinSet::new();
    let build = manual();
    second.spawn(async move {
        let mut second = build.build().await.unwrap();
        (number(&next(&mut second).await), second)
    });
    // The group rebalances, as the coordinator says it does.
    eventually("the second member waits to be let in", async || {
        let found = client.admin().describe_groups([group.as_str()]).await.into_result().unwrap();
        (found[0].1.state == kestrel_client::admin::GroupState::PreparingRebalance).then_some(())
    })
    .await;
    tokio::time::timeout(PATIENCE, first.commit()).await.expect("it waits for nothing").unwrap();
    assert_eq!(committed(&first, &topic).await, Some(3));
    first.close().await.unwrap();
    let (number, second) = second.join_next().await.unwrap().unwrap();
    assert_eq!(number, 3);
    second.close().await.unwrap();
}

/// A member that was replaced can commit nothing any more, and says so also when it is closed.
#[tokio::test]
async fn a_member_that_was_replaced_does_not_commit() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let rarely = CommitPolicy::Interval(Duration::from_secs(3600));
    let build = || member(&client, &group, &topic).group_instance_id("only").commit_policy(rarely).build();
    let mut old = build().await.unwrap();
    assert_eq!(next_numbers(&mut old, 3).await, [0, 1, 2]);
    let mut new = build().await.unwrap();
    assert_eq!(next_numbers(&mut new, 1).await, [0]);
    eventually("the old one hears of it", async || old.assignment().is_empty().then_some(())).await;
    assert_lost(&old).await;
    assert_lost(&old).await;
    let closed = old.close().await;
    assert!(matches!(closed, Err(Error::CommitFailed(_))), "{closed:?}");
    new.close().await.unwrap();
}

/// Where the application has sent itself is what it commits, also to the end of a log that is only being looked up.
#[tokio::test]
async fn a_commit_after_a_seek_stores_where_it_goes() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let manual = member(&client, &group, &topic).commit_policy(CommitPolicy::Manual);
    let mut consumer = manual.build().await.unwrap();
    let partition = TopicPartition::new(topic.as_str(), 0);
    assert_eq!(next_numbers(&mut consumer, 3).await, [0, 1, 2]);
    consumer.seek_to_end([&partition]).unwrap();
    consumer.commit().await.unwrap();
    assert_eq!(committed(&consumer, &topic).await, Some(10));
    consumer.seek_to_beginning([&partition]).unwrap();
    consumer.commit().await.unwrap();
    assert_eq!(committed(&consumer, &topic).await, Some(0));
    consumer.seek(&partition, 7).unwrap();
    consumer.commit().await.unwrap();
    assert_eq!(committed(&consumer, &topic).await, Some(7));
    // A pause takes nothing back: the last record is committed too.
    assert_eq!(next_numbers(&mut consumer, 1).await, [7]);
    consumer.pause([&partition]).unwrap();
    consumer.commit().await.unwrap();
    assert_eq!(committed(&consumer, &topic).await, Some(8));
    consumer.close().await.unwrap();
}
