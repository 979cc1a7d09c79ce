//! Groups: members that come, go and vanish; what is committed, what is read again, and what the listener hears.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use kestrel_client::admin::NewTopic;
use kestrel_client::assignor::{Assignor, CooperativeSticky};
use kestrel_client::{
    AssignedPartitions, AutoOffsetReset, Client, CommitPolicy, Consumer, ConsumerBuilder, ConsumerRecord,
    Error, OffsetAndMetadata, PositionError, PositionProblem, RebalanceListener, Record, RevokedPartitions,
    TopicPartition,
};
use kestrel_tests::{TestBroker, eventually, unique};

use crate::work::Work;

/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a member that has vanished is waited for: the least that Apache Kafka allows.
pub(crate) const SESSION: Duration = Duration::from_secs(6);

pub(crate) type Member = Consumer<Bytes, Bytes>;

pub(crate) async fn topic_with(client: &Client, partitions: i32) -> String {
    let topic = unique("groups");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    topic
}

/// Stores `numbers` as values, in turn in the partitions `0..partitions`.
pub(crate) async fn produce(client: &Client, topic: &str, partitions: i32, numbers: std::ops::Range<i32>) {
    let producer = client.producer().build().await.unwrap();
    for number in numbers {
        let record = Record::to(topic).partition(number % partitions).value(number.to_string());
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
}

/// A member that hears of rebalances soon.
pub(crate) fn member(client: &Client, group: &str, topic: &str) -> ConsumerBuilder<Bytes, Bytes> {
    client
        .consumer(group)
        .topics([topic])
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .heartbeat_interval(Duration::from_millis(200))
        .session_timeout(SESSION)
}

fn cooperative() -> [Arc<dyn Assignor>; 1] {
    [Arc::new(CooperativeSticky)]
}

pub(crate) async fn next(consumer: &mut Member) -> ConsumerRecord {
    let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
    next.expect("a record comes in time").expect("the stream goes on").unwrap()
}

/// The values of the next `count` records.
pub(crate) async fn next_numbers(consumer: &mut Member, count: usize) -> Vec<i32> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.push(number(&next(consumer).await));
    }
    numbers
}

pub(crate) fn number(record: &ConsumerRecord) -> i32 {
    std::str::from_utf8(record.value.as_ref().unwrap()).unwrap().parse().unwrap()
}

fn partitions_of(consumer: &Member) -> BTreeSet<i32> {
    consumer.assignment().iter().map(|partition| partition.partition).collect()
}

/// Polls all `members` until `done` says that their partitions are as wanted. Gives the records that came meanwhile.
pub(crate) async fn poll_until(
    members: &mut [Member],
    mut done: impl FnMut(&[BTreeSet<i32>]) -> bool,
) -> Vec<ConsumerRecord> {
    let mut records = Vec::new();
    let settled = async {
        loop {
            for consumer in members.iter_mut() {
                if let Ok(Some(record)) =
                    tokio::time::timeout(Duration::from_millis(10), consumer.next()).await
                {
                    records.push(record.unwrap());
                }
            }
            let owned: Vec<_> = members.iter().map(partitions_of).collect();
            if done(&owned) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("the group settles");
    records
}

/// Whether the members have `count` partitions between them, each one once, and each member at least `least`.
pub(crate) fn shares(owned: &[BTreeSet<i32>], count: usize, least: usize) -> bool {
    let all: BTreeSet<_> = owned.iter().flatten().collect();
    all.len() == count
        && owned.iter().map(BTreeSet::len).sum::<usize>() == count
        && owned.iter().all(|partitions| partitions.len() >= least)
}

#[tokio::test]
async fn a_closed_member_resumes_where_it_was() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..100).await;
    let mut consumer = member(&client, &group, &topic).build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 60).await, (0..60).collect::<Vec<_>>());
    assert_eq!(partitions_of(&consumer), [0].into());
    consumer.commit().await.unwrap();
    consumer.close().await.unwrap();

    let mut consumer = member(&client, &group, &topic).build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 40).await, (60..100).collect::<Vec<_>>());
    let committed = consumer.committed([(topic.as_str(), 0)]).await.unwrap();
    let committed = committed[&TopicPartition::new(topic.as_str(), 0)].clone().unwrap();
    assert_eq!((committed.offset, committed.leader_epoch.is_some()), (60, true));
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn commits_say_what_was_asked_for() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    produce(&client, &topic, 2, 0..20).await;
    let manual = || member(&client, &group, &topic).commit_policy(CommitPolicy::Manual);
    let mut consumer = manual().build().await.unwrap();
    let [zero, one] = [0, 1].map(|partition| TopicPartition::new(topic.as_str(), partition));
    next_numbers(&mut consumer, 20).await;
    let committed = consumer.committed([&zero, &one]).await.unwrap();
    assert_eq!(committed, [(zero.clone(), None), (one.clone(), None)].into());

    consumer.commit().await.unwrap();
    let at = |committed: &std::collections::HashMap<_, Option<OffsetAndMetadata>>, partition| {
        committed[partition].as_ref().map(|offset| offset.offset)
    };
    let committed = consumer.committed([&zero, &one]).await.unwrap();
    assert_eq!([at(&committed, &zero), at(&committed, &one)], [Some(10), Some(10)]);

    let noted = OffsetAndMetadata::new(4).metadata("by hand");
    consumer.commit_offsets([(zero.clone(), noted.clone())]).await.unwrap();
    let committed = consumer.committed([&zero]).await.unwrap();
    assert_eq!(committed[&zero], Some(noted));

    let elsewhere = consumer.commit_offsets([(("elsewhere", 0), 4)]).await.unwrap_err();
    let Error::Position(error) = elsewhere else { panic!("{elsewhere}") };
    let PositionError { problem, .. } = *error;
    assert_eq!(problem, PositionProblem::NotAssigned);
    let first = consumer.commit_async();
    consumer.seek(zero.clone(), 7).unwrap();
    let second = consumer.commit_async();
    second.await.unwrap();
    first.await.unwrap();
    consumer.close().await.unwrap();
    let mut consumer = manual().build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 3).await, [14, 16, 18]);
    consumer.close().await.unwrap();
}

/// Row 20: what was handed out and not yet worked on is not committed by itself.
#[tokio::test]
async fn a_member_that_vanishes_loses_nothing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let often = CommitPolicy::Interval(Duration::from_millis(50));
    let first = member(&client, &group, &topic).commit_policy(often).leave_group_on_drop(false);
    let mut first = first.build().await.unwrap();
    assert_eq!(next_numbers(&mut first, 5).await, [0, 1, 2, 3, 4]);
    let partition = TopicPartition::new(topic.as_str(), 0);
    let committed = async {
        loop {
            let found = first.committed([&partition]).await.unwrap();
            if let Some(offset) = &found[&partition] {
                if offset.offset == 4 {
                    return;
                }
                assert!(offset.offset < 4, "{offset:?}");
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, committed).await.expect("the commit comes by itself");
    drop(first);

    let mut second = member(&client, &group, &topic).build().await.unwrap();
    assert_eq!(next_numbers(&mut second, 6).await, [4, 5, 6, 7, 8, 9]);
    second.close().await.unwrap();
}

async fn members_share_and_take_over(
    configure: impl Fn(ConsumerBuilder<Bytes, Bytes>) -> ConsumerBuilder<Bytes, Bytes>,
) {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 4).await, unique("group"));
    produce(&client, &topic, 4, 0..40).await;
    let build = || configure(member(&client, &group, &topic)).build();
    let mut members = vec![build().await.unwrap()];
    let mut records = poll_until(&mut members, |owned| shares(owned, 4, 4)).await;
    members.push(build().await.unwrap());
    records.extend(poll_until(&mut members, |owned| shares(owned, 4, 2)).await);
    produce(&client, &topic, 4, 40..80).await;
    members.push(build().await.unwrap());
    records.extend(poll_until(&mut members, |owned| shares(owned, 4, 1)).await);
    members[0].commit().await.unwrap();
    members.remove(0).close().await.unwrap();
    records.extend(poll_until(&mut members, |owned| shares(owned, 4, 2)).await);
    produce(&client, &topic, 4, 80..120).await;
    let missing = |records: &[ConsumerRecord]| {
        let seen: BTreeSet<_> = records.iter().map(number).collect();
        (0..120).any(|number| !seen.contains(&number))
    };
    while missing(&records) {
        records.extend(poll_until(&mut members, |_| true).await);
    }
    // Everything went in good order, so nothing came twice, and each partition in order.
    assert_eq!(records.len(), 120);
    let mut ends = BTreeMap::new();
    for record in &records {
        assert!(ends.insert(record.partition, record.offset).is_none_or(|last| last < record.offset));
    }
    for consumer in members {
        consumer.close().await.unwrap();
    }
}

#[tokio::test]
async fn members_share_and_take_over_eagerly() {
    members_share_and_take_over(|member| member).await;
}

#[tokio::test]
async fn members_share_and_take_over_cooperatively() {
    members_share_and_take_over(|member| member.partition_assignment_strategy(cooperative())).await;
}

/// What a listener has heard, in order.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note<'a>(&self, what: &str, partitions: impl Iterator<Item = &'a TopicPartition>) {
        let numbers: Vec<_> = partitions.map(|partition| partition.partition).collect();
        self.0.lock().unwrap().push(format!("{what} {numbers:?}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl RebalanceListener for Heard {
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        self.note("assigned", assigned.partitions());
    }

    async fn revoked(&self, revoked: &RevokedPartitions) {
        self.note("revoked", revoked.partitions());
    }

    async fn lost(&self, partitions: &[TopicPartition]) {
        self.note("lost", partitions.iter());
    }
}

#[tokio::test]
async fn a_cooperative_member_keeps_what_it_keeps() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 4).await, unique("group"));
    let build = |heard: &Heard| {
        let member = member(&client, &group, &topic).partition_assignment_strategy(cooperative());
        member.rebalance_listener(heard.clone()).build()
    };
    let [first, second] = [Heard::default(), Heard::default()];
    let mut members = vec![build(&first).await.unwrap()];
    poll_until(&mut members, |owned| shares(owned, 4, 4)).await;
    assert_eq!(first.take(), ["assigned [0, 1, 2, 3]"]);
    members.push(build(&second).await.unwrap());
    poll_until(&mut members, |owned| shares(owned, 4, 2)).await;
    // Two rebalances: in the first, two partitions go; in the second, they come.
    let heard: Vec<_> = first.take().into_iter().filter(|one| one != "assigned []").collect();
    assert_eq!(heard, ["revoked [2, 3]"]);
    let heard: Vec<_> = second.take().into_iter().filter(|one| one != "assigned []").collect();
    assert_eq!(heard, ["assigned [2, 3]"]);
    for consumer in members {
        consumer.close().await.unwrap();
    }
    assert_eq!(first.take().last().map(String::as_str), Some("revoked [0, 1]"));
}

#[tokio::test]
async fn the_listener_hears_of_everything_in_order() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    let heard = Heard::default();
    let first = member(&client, &group, &topic).rebalance_listener(heard.clone());
    let mut members = vec![first.build().await.unwrap()];
    poll_until(&mut members, |owned| shares(owned, 2, 2)).await;
    members.push(member(&client, &group, &topic).build().await.unwrap());
    poll_until(&mut members, |owned| shares(owned, 2, 1)).await;
    let first = members.remove(0);
    let left = *partitions_of(&first).first().unwrap();
    first.close().await.unwrap();
    let mut expected = vec!["assigned [0, 1]".to_owned(), "revoked [0, 1]".to_owned()];
    expected.push(format!("assigned [{left}]"));
    expected.push(format!("revoked [{left}]"));
    assert_eq!(heard.take(), expected);
    members.remove(0).close().await.unwrap();
}

#[tokio::test]
async fn a_listener_may_say_where_to_begin() {
    struct FromSeven;

    #[async_trait::async_trait]
    impl RebalanceListener for FromSeven {
        async fn assigned(&self, assigned: &mut AssignedPartitions) {
            let partitions: Vec<_> = assigned.partitions().cloned().collect();
            for partition in partitions {
                assigned.seek(partition, 7).unwrap();
            }
            assigned.seek(("elsewhere", 0), 7).unwrap_err();
        }
    }

    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let consumer = member(&client, &group, &topic).rebalance_listener(FromSeven);
    let mut consumer = consumer.build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 3).await, [7, 8, 9]);
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn a_static_member_restarts_without_a_rebalance() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 4).await, unique("group"));
    produce(&client, &topic, 4, 0..40).await;
    let build = |name: &str, heard: &Heard| {
        let member = member(&client, &group, &topic).group_instance_id(name);
        member.rebalance_listener(heard.clone()).build()
    };
    let [first, second] = [Heard::default(), Heard::default()];
    let mut members = vec![build("a", &first).await.unwrap(), build("b", &second).await.unwrap()];
    poll_until(&mut members, |owned| shares(owned, 4, 2)).await;
    let kept = partitions_of(&members[1]);
    first.take();
    members.pop().unwrap().close().await.unwrap();
    members.push(build("b", &second).await.unwrap());
    poll_until(&mut members, |owned| shares(owned, 4, 2)).await;
    assert_eq!(partitions_of(&members[1]), kept);
    assert_eq!(first.take(), [] as [&str; 0], "the other member has not noticed");
    for consumer in members {
        consumer.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_static_member_is_replaced_by_its_namesake() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    let build = || member(&client, &group, &topic).group_instance_id("only").build();
    let mut members = vec![build().await.unwrap()];
    poll_until(&mut members, |owned| shares(owned, 1, 1)).await;
    let mut old = members.pop().unwrap();
    members.push(build().await.unwrap());
    poll_until(&mut members, |owned| shares(owned, 1, 1)).await;
    let fenced = tokio::time::timeout(PATIENCE, old.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(fenced.code(), Some(kestrel_client::ErrorCode::FencedInstanceId));
    assert_eq!(fenced.severity(), kestrel_client::Severity::Fatal);
    assert!(tokio::time::timeout(PATIENCE, old.next()).await.unwrap().is_none());
    members.remove(0).close().await.unwrap();
}

#[tokio::test]
async fn topics_are_found_by_a_pattern() {
    let broker = TestBroker::start().await;
    let client = Client::builder(broker.bootstrap_servers())
        .metadata_max_age(Duration::from_millis(300))
        .connect()
        .await
        .unwrap();
    let (prefix, group) = (unique("pattern"), unique("group"));
    let create = |name: String| {
        let client = client.clone();
        async move {
            let new = NewTopic::new(name.as_str()).partitions(1).replication_factor(1);
            client.admin().create_topics([new]).await.into_result().unwrap();
            produce(&client, &name, 1, 0..1).await;
        }
    };
    create(format!("{prefix}-a")).await;
    create(format!("other-{prefix}-a")).await;
    let consumer = client.consumer::<Bytes, Bytes>(group.as_str()).topics_matching(&format!("{prefix}-.*"));
    let consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.heartbeat_interval(Duration::from_millis(200)).build().await.unwrap();
    assert_eq!(*next(&mut consumer).await.topic, format!("{prefix}-a"));
    create(format!("{prefix}-b")).await;
    assert_eq!(*next(&mut consumer).await.topic, format!("{prefix}-b"));
    consumer.close().await.unwrap();
}

/// Row 23: a pause does not outlive the assignment, unless it is asked to.
#[tokio::test]
async fn a_pause_is_released_when_its_partition_goes() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    for keep in [false, true] {
        let (topic, group) = (topic_with(&client, 2).await, unique("group"));
        let first = member(&client, &group, &topic).keep_pauses(keep).build().await.unwrap();
        let mut members = vec![first];
        poll_until(&mut members, |owned| shares(owned, 2, 2)).await;
        let both = members[0].assignment();
        members[0].pause(both.clone()).unwrap();
        members.push(member(&client, &group, &topic).build().await.unwrap());
        poll_until(&mut members, |owned| shares(owned, 2, 1)).await;
        members.pop().unwrap().close().await.unwrap();
        poll_until(&mut members, |owned| shares(owned, 2, 2)).await;
        let paused: BTreeSet<_> = members[0].paused().into_iter().collect();
        assert_eq!(paused, if keep { both.into_iter().collect() } else { BTreeSet::new() });
        members.remove(0).close().await.unwrap();
    }
}

#[tokio::test]
async fn idle_members_take_over_when_one_vanishes() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let build = || member(&client, &group, &topic).leave_group_on_drop(false).build();
    let mut members = vec![build().await.unwrap()];
    poll_until(&mut members, |owned| shares(owned, 1, 1)).await;
    members.push(build().await.unwrap());
    members.push(build().await.unwrap());
    poll_until(&mut members, |owned| shares(owned, 1, 0)).await;
    let reader = members.iter().position(|member| !member.assignment().is_empty()).unwrap();
    drop(members.remove(reader));
    poll_until(&mut members, |owned| shares(owned, 1, 0)).await;
    for consumer in members {
        consumer.close().await.unwrap();
    }
}

/// A member whose application does not poll leaves, and comes back when it does.
#[tokio::test]
async fn a_member_that_does_not_poll_leaves_until_it_does() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    produce(&client, &topic, 2, 0..10).await;
    let heard = Heard::default();
    let slow = member(&client, &group, &topic).max_poll_interval(Duration::from_secs(1));
    let mut slow = slow.rebalance_listener(heard.clone()).build().await.unwrap();
    next_numbers(&mut slow, 1).await;
    let mut others = vec![member(&client, &group, &topic).build().await.unwrap()];
    poll_until(&mut others, |owned| shares(owned, 2, 2)).await;
    let mut heard = heard.take();
    assert_eq!(heard.pop().as_deref(), Some("lost [0, 1]"));
    assert!(slow.assignment().is_empty());
    others.push(slow);
    poll_until(&mut others, |owned| shares(owned, 2, 1)).await;
    for consumer in others {
        consumer.close().await.unwrap();
    }
}

/// Waits until the group has committed `offset` for the partition, and checks that it never had more.
async fn committed_becomes(consumer: &Member, partition: &TopicPartition, offset: i64) {
    let becomes = async {
        loop {
            let found = consumer.committed([partition]).await.unwrap();
            let found = found[partition].as_ref().map_or(0, |found| found.offset);
            assert!(found <= offset, "{found} is committed");
            if found == offset {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, becomes).await.expect("the commit comes");
}

#[tokio::test]
async fn acks_come_in_any_order_from_any_task() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let build = || member(&client, &group, &topic).commit_policy(CommitPolicy::OnAck).build();
    let mut consumer = build().await.unwrap();
    let mut records = Vec::new();
    for _ in 0..9 {
        records.push(next(&mut consumer).await);
    }
    let tokens: Vec<_> = records.iter().map(|record| record.ack_token().unwrap()).collect();
    // All but the fourth, backwards, elsewhere.
    let acked = records.into_iter().rev().filter(|record| record.offset != 3);
    let acked: Vec<_> = acked.collect();
    std::thread::spawn(move || acked.iter().for_each(ConsumerRecord::ack)).join().unwrap();
    let partition = TopicPartition::new(topic.as_str(), 0);
    committed_becomes(&consumer, &partition, 3).await;
    next(&mut consumer).await;
    tokens[3].ack();
    committed_becomes(&consumer, &partition, 9).await;
    consumer.close().await.unwrap();

    // The last record was handed out, but nobody said that it is done.
    let mut consumer = build().await.unwrap();
    let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
    assert_eq!(batch.records().map(|record| record.offset()).collect::<Vec<_>>(), [9]);
    tokens[8].ack();
    batch.ack();
    consumer.close().await.unwrap();
    let consumer = build().await.unwrap();
    committed_becomes(&consumer, &partition, 10).await;
    consumer.close().await.unwrap();
}

/// A listener that waits for what is still worked on hands its partitions over without a record twice.
#[tokio::test]
async fn a_listener_may_wait_for_acks() {
    struct Drains;

    #[async_trait::async_trait]
    impl RebalanceListener for Drains {
        async fn revoked(&self, revoked: &RevokedPartitions) {
            revoked.drain().await;
            revoked.commit().await.unwrap();
        }
    }

    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let on_ack = || member(&client, &group, &topic).commit_policy(CommitPolicy::OnAck);
    let mut first = on_ack().rebalance_listener(Drains).build().await.unwrap();
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(next(&mut first).await);
    }
    let mut closing = tokio::task::JoinSet::new();
    closing.spawn(first.close());
    let second = on_ack().build().await.unwrap();
    let mut members = vec![second];
    for record in &open {
        assert!(members[0].assignment().is_empty());
        poll_until(&mut members, |_| true).await;
        record.ack();
    }
    closing.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(next_numbers(&mut members[0], 5).await, [5, 6, 7, 8, 9]);
    members.remove(0).close().await.unwrap();
}

/// Asking for a partition twice is asking for it.
#[tokio::test]
async fn committed_offsets_may_be_asked_for_twice() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let mut consumer = member(&client, &group, &topic).build().await.unwrap();
    next(&mut consumer).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    consumer.commit_offsets([(partition.clone(), 7)]).await.unwrap();
    let committed = consumer.committed([partition.clone(), partition.clone()]).await.unwrap();
    assert_eq!(committed[&partition].as_ref().unwrap().offset, 7);
}

/// Works on all partitions, each in a task of its own, until told to stop.
async fn work_on_partitions(mut consumer: Member, work: Work) -> Member {
    let each = consumer.for_each_partition(|mut partition| {
        let work = work.clone();
        async move {
            while let Some(record) = partition.next().await {
                work.on(record?).await;
            }
            Ok::<(), Error>(())
        }
    });
    work.until_stopped(each).await;
    consumer
}

#[tokio::test]
async fn partitions_have_tasks_of_their_own() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 4).await, unique("group"));
    produce(&client, &topic, 4, 0..200).await;
    let config = kestrel_client::ConsumerConfig::default()
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .heartbeat_interval(Duration::from_millis(200))
        .max_poll_records(5);
    let build = || client.consumer(group.as_str()).topics([topic.as_str()]).config(config.clone()).build();
    let work = Work::default();
    let mut members = tokio::task::JoinSet::new();
    members.spawn(work_on_partitions(build().await.unwrap(), work.clone()));
    work.reaches(100).await;
    // A second member takes over half of it while tasks are at work.
    members.spawn(work_on_partitions(build().await.unwrap(), work.clone()));
    work.reaches(200).await;
    produce(&client, &topic, 4, 200..400).await;
    work.reaches(400).await;
    work.stop();
    while let Some(consumer) = members.join_next().await {
        consumer.unwrap().close().await.unwrap();
    }
    let mut seen = work.seen();
    let mut ends = BTreeMap::new();
    for &(partition, offset) in &seen {
        assert!(ends.insert(partition, offset).is_none_or(|last| last < offset));
    }
    seen.sort_unstable();
    let expected: Vec<_> =
        (0..4).flat_map(|partition| (0..100).map(move |offset| (partition, offset))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_tasks_of_partitions_end_together() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 2).await, unique("group"));
    produce(&client, &topic, 2, 0..20).await;
    let mut consumer = member(&client, &group, &topic).build().await.unwrap();
    let work = consumer.for_each_partition(|mut partition| async move {
        while let Some(record) = partition.next().await {
            if number(&record?) == 6 {
                return Err(Error::other("the test"));
            }
        }
        Ok(())
    });
    let outcome = tokio::time::timeout(PATIENCE, work).await.expect("the task ends");
    assert!(matches!(outcome, Err(Error::Other { .. })), "{outcome:?}");
    // The record that was not done comes again.
    let mut again = Vec::new();
    while again.first() != Some(&6) {
        again = next_numbers(&mut consumer, 1).await;
    }
    consumer.close().await.unwrap();
}

/// Waiting for records is polling, however long none comes.
#[tokio::test]
async fn a_member_that_waits_for_records_stays() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    let heard = Heard::default();
    let consumer = member(&client, &group, &topic).max_poll_interval(Duration::from_secs(2));
    let mut consumer = consumer.rebalance_listener(heard.clone()).build().await.unwrap();
    let late = async {
        // Several intervals, in which nothing is there to be read.
        tokio::time::sleep(Duration::from_secs(7)).await;
        produce(&client, &topic, 1, 0..1).await;
    };
    let (record, ()) = tokio::join!(next(&mut consumer), late);
    assert_eq!((number(&record), heard.take()), (0, vec!["assigned [0]".to_owned()]));
    consumer.close().await.unwrap();
}

/// Longer than any test is patient: whoever is missed only then has not left.
const LONG_SESSION: Duration = Duration::from_secs(600);

/// Waits until the group has no members.
async fn becomes_empty(client: &Client, group: &str) {
    eventually("the group is empty", async || {
        let found = client.admin().describe_groups([group]).await.into_iter().next()?;
        // A group that nobody has joined yet is not there.
        found.1.map_or(Some(()), |group| group.members.is_empty().then_some(()))
    })
    .await;
}

/// A consumer that is dropped leaves in the background, and commits nothing by that.
#[tokio::test]
async fn a_consumer_that_is_dropped_leaves() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce(&client, &topic, 1, 0..10).await;
    let build = || member(&client, &group, &topic).session_timeout(LONG_SESSION).build();
    let mut first = build().await.unwrap();
    assert_eq!(next_numbers(&mut first, 5).await, [0, 1, 2, 3, 4]);
    drop(first);
    let mut second = build().await.unwrap();
    assert_eq!(next_numbers(&mut second, 2).await, [0, 1]);
    // Also half way through joining, and many at once, and when closing was given up.
    let mut others = Vec::new();
    for _ in 0..30 {
        others.push(build().await.unwrap());
    }
    drop(others);
    drop(second.close());
    becomes_empty(&client, &group).await;
}

/// Who is to keep its place keeps it: a static member always, another one if it is told to.
#[tokio::test]
async fn a_consumer_that_is_dropped_may_keep_its_place() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    let [stays, named, leaves] = ["stays", "named", "leaves"].map(unique);
    let build = |group: &str| member(&client, group, &topic).session_timeout(LONG_SESSION);
    let mut members = vec![
        build(&stays).leave_group_on_drop(false).build().await.unwrap(),
        build(&named).group_instance_id("only").build().await.unwrap(),
        build(&leaves).build().await.unwrap(),
    ];
    poll_until(&mut members, |owned| owned.iter().all(|partitions| partitions.len() == 1)).await;
    drop(members);
    becomes_empty(&client, &leaves).await;
    for group in [&stays, &named] {
        let found = client.admin().describe_groups([group.as_str()]).await.into_result().unwrap();
        assert_eq!(found[0].1.members.len(), 1, "{group}");
    }
}

/// A runtime that shuts down waits for nobody who leaves.
#[test]
fn a_runtime_that_ends_is_not_held_up_by_dropped_consumers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let broker = TestBroker::start().await;
        let client = broker.client().await;
        let (topic, group) = (topic_with(&client, 1).await, unique("group"));
        let mut members = Vec::new();
        for _ in 0..10 {
            members.push(member(&client, &group, &topic).build().await.unwrap());
        }
        poll_until(&mut members[..1], |_| true).await;
    });
    drop(runtime);
}
