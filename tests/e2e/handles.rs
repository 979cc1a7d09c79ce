//! A consumer that is asked and steered by other tasks, and tasks of partitions that end when they are told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    AckToken, AutoOffsetReset, CancellationToken, Client, CommitPolicy, Consumer, ConsumerBuilder,
    ConsumerHandle, Error, PartitionStream, Record, RecordParts, TopicPartition,
};
use kestrel_tests::{TestBroker, eventually, unique};
use tokio::sync::Semaphore;

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many records each partition has.
const EACH: i64 = 50;

async fn full_topic(client: &Client, partitions: i32) -> String {
    let topic = unique("handles");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    for number in 0..EACH {
        for partition in 0..partitions {
            let record = Record::to(topic.as_str()).partition(partition).value(number.to_string());
            drop(producer.send(record).await.unwrap());
        }
    }
    producer.flush().await.unwrap();
    topic
}

fn member(client: &Client, topic: &str) -> ConsumerBuilder<Bytes, Bytes> {
    let consumer = client.consumer(unique("group")).topics([topic]);
    consumer.auto_offset_reset(AutoOffsetReset::Earliest).heartbeat_interval(Duration::from_millis(200))
}

/// What the tasks of partitions have seen, and how much more they may do: each record costs a permit of its partition after
/// it was seen.
#[derive(Clone, Default)]
struct Bench {
    seen: Arc<Mutex<BTreeMap<i32, Vec<i64>>>>,
    permits: Arc<BTreeMap<i32, Semaphore>>,
}

impl Bench {
    fn with_permits(permits: impl IntoIterator<Item = (i32, usize)>) -> Self {
        let permits = permits.into_iter().map(|(partition, count)| (partition, Semaphore::new(count)));
        Self { permits: Arc::new(permits.collect()), ..Self::default() }
    }

    async fn work(self, mut partition: PartitionStream<Bytes, Bytes>) -> Result<(), Error> {
        let number = partition.partition().partition;
        while let Some(record) = partition.next().await {
            self.seen.lock().unwrap().entry(number).or_default().push(record?.offset);
            self.permits[&number].acquire().await.expect("it stays open").forget();
        }
        Ok(())
    }

    fn allow(&self, partition: i32, count: usize) {
        self.permits[&partition].add_permits(count);
    }

    fn seen(&self, partition: i32) -> Vec<i64> {
        self.seen.lock().unwrap().get(&partition).cloned().unwrap_or_default()
    }

    async fn has_seen(&self, partition: i32, count: usize) {
        let looks = async || (self.seen(partition).len() >= count).then_some(());
        eventually("records of the partition are worked on", looks).await;
    }
}

/// Runs the tasks of all partitions until the token is cancelled; gives the consumer back.
fn run(
    mut consumer: Consumer<Bytes, Bytes>,
    bench: &Bench,
    until: &CancellationToken,
) -> tokio::task::JoinHandle<(Result<(), Error>, Consumer<Bytes, Bytes>)> {
    let (bench, until) = (bench.clone(), until.clone());
    #[expect(clippy::disallowed_methods, reason = "a test's task is awaited by the test")]
    tokio::spawn(async move {
        let outcome = consumer.for_each_partition_until(until, |stream| bench.clone().work(stream)).await;
        (outcome, consumer)
    })
}

async fn committed(handle: &ConsumerHandle, partition: &TopicPartition) -> Option<i64> {
    let mut found = handle.committed([partition]).await.unwrap();
    found.remove(partition).flatten().map(|offset| offset.offset)
}

#[tokio::test]
async fn other_tasks_pause_ask_and_commit_while_partitions_are_worked_on() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 2).await;
    let [slow, quick] = [0, 1].map(|number| TopicPartition::new(topic.as_str(), number));
    let consumer = member(&client, &topic).build().await.unwrap();
    let (handle, until) = (consumer.handle(), CancellationToken::new());
    let bench = Bench::with_permits([(0, 3), (1, usize::MAX >> 4)]);
    let running = run(consumer, &bench, &until);
    bench.has_seen(0, 4).await;
    assert_eq!(handle.assignment().len(), 2);

    // The fourth is in the task's hands, and all others are on their way to it.
    handle.pause([&slow]).unwrap();
    assert_eq!(handle.paused(), std::slice::from_ref(&slow));
    bench.allow(0, 1_000);
    bench.has_seen(1, 50).await;
    eventually("the fourth is done", async || {
        handle.commit().await.unwrap();
        (committed(&handle, &slow).await == Some(4)).then_some(())
    })
    .await;
    assert_eq!(bench.seen(0), [0, 1, 2, 3], "nothing of a paused partition reaches its task");
    assert_eq!(handle.position(&quick).await.unwrap(), EACH);
    assert_eq!(handle.lag(&quick).unwrap(), Some(0));

    handle.resume([&slow]).unwrap();
    bench.has_seen(0, 50).await;
    until.cancel();
    let (outcome, consumer) = tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    outcome.unwrap();
    assert_eq!(committed(&handle, &slow).await, Some(EACH));
    assert_eq!(bench.seen(0), (0..EACH).collect::<Vec<_>>());
    consumer.close().await.unwrap();
    assert!(matches!(handle.commit_offsets([(&slow, 1)]).await, Err(Error::Closed { .. })));
    assert!(matches!(handle.commit().await, Err(Error::Closed { .. })));
    assert!(matches!(handle.pause([&slow]), Err(Error::Closed { .. })));
    assert!(matches!(handle.position(&slow).await, Err(Error::Closed { .. })));
}

#[tokio::test]
async fn a_seek_from_another_task_reaches_the_task_of_the_partition() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 1).await;
    let consumer = member(&client, &topic).build().await.unwrap();
    let (handle, until) = (consumer.handle(), CancellationToken::new());
    let bench = Bench::with_permits([(0, 0)]);
    let running = run(consumer, &bench, &until);
    bench.has_seen(0, 1).await;
    // Whatever was on its way to the task belongs to the old position.
    handle.seek((topic.as_str(), 0), 45).unwrap();
    bench.allow(0, 1_000);
    bench.has_seen(0, 6).await;
    assert_eq!(bench.seen(0), [0, 45, 46, 47, 48, 49]);
    handle.seek_to_beginning([(topic.as_str(), 0)]).unwrap();
    bench.has_seen(0, 56).await;
    assert_eq!(bench.seen(0)[6..], (0..EACH).collect::<Vec<_>>());
    until.cancel();
    let (outcome, consumer) = tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    outcome.unwrap();
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn who_is_told_to_end_finishes_what_it_is_at_and_commits_it() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 1).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let consumer = member(&client, &topic).build().await.unwrap();
    let (handle, until) = (consumer.handle(), CancellationToken::new());
    let bench = Bench::with_permits([(0, 6)]);
    let running = run(consumer, &bench, &until);
    bench.has_seen(0, 7).await;
    until.cancel();
    assert!(!running.is_finished(), "the seventh is not done");
    bench.allow(0, 1_000);
    let (outcome, mut consumer) = tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    outcome.unwrap();
    assert_eq!(bench.seen(0), (0..7).collect::<Vec<_>>());
    assert_eq!(committed(&handle, &partition).await, Some(7));
    // The consumer goes on after what is done; and told before it begins, it begins nothing.
    let next = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.offset, 7);
    let outcome = consumer.for_each_partition_until(until, |stream| bench.clone().work(stream)).await;
    outcome.unwrap();
    assert_eq!(bench.seen(0).len(), 7);
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn what_a_task_fails_with_while_it_ends_is_told() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 1).await;
    let mut consumer = member(&client, &topic).build().await.unwrap();
    let until = CancellationToken::new();
    let work = consumer.for_each_partition_until(until.clone(), |mut partition| {
        let until = until.clone();
        async move {
            while partition.next().await.is_some() {
                until.cancel();
            }
            Err(Box::<dyn std::error::Error + Send + Sync>::from("the task's own"))
        }
    });
    let outcome = tokio::time::timeout(PATIENCE, work).await.unwrap();
    assert_eq!(outcome.unwrap_err().to_string(), "the task's own");
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn a_partition_comes_in_batches_and_as_a_stream() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 1).await;
    let config = kestrel_client::ConsumerConfig::default()
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .max_poll_records(10);
    let consumer = client.consumer::<Bytes, Bytes>(unique("group")).topics([topic.as_str()]).config(config);
    let mut consumer = consumer.build().await.unwrap();
    let until = CancellationToken::new();
    let work = consumer.for_each_partition_until(until.clone(), |mut partition| {
        let until = until.clone();
        async move {
            assert_eq!(partition.position(), Some(0));
            let first = partition.next().await.unwrap()?;
            assert_eq!((first.offset, partition.position(), partition.lag()), (0, Some(1), Some(EACH - 1)));
            let second = StreamExt::next(&mut partition).await.unwrap()?;
            let mut offsets = vec![first.offset, second.offset];
            while offsets.len() < 50 {
                let batch = partition.next_batch().await?.unwrap();
                assert!((1..=10).contains(&batch.len()));
                offsets.extend(batch.iter().map(|record| record.offset));
                assert_eq!(partition.position(), offsets.last().map(|offset| offset + 1));
            }
            assert_eq!(offsets, (0..EACH).collect::<Vec<_>>());
            assert_eq!(partition.lag(), Some(0));
            until.cancel();
            assert!(partition.next_batch().await?.is_none());
            Ok::<(), Error>(())
        }
    });
    tokio::time::timeout(PATIENCE, work).await.unwrap().unwrap();
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_waits_hears_of_what_others_say() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 1).await;
    let consumer = client.assigned_consumer::<Bytes, Bytes>().assign([(topic.as_str(), 0)]);
    let mut consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    let handle = consumer.handle();
    let next = async |consumer: &mut kestrel_client::AssignedConsumer<Bytes, Bytes>| {
        let next = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("the wait ends");
        next.map(|record| record.unwrap().offset)
    };
    assert_eq!(next(&mut consumer).await, Some(0));
    assert_eq!(handle.position((topic.as_str(), 0)).await.unwrap(), 1);
    handle.pause([(topic.as_str(), 0)]).unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(300), consumer.next()).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(handle.position((topic.as_str(), 0)).await.unwrap(), 1, "a pause loses nothing");

    let (offset, ()) =
        tokio::join!(next(&mut consumer), async { handle.resume([(topic.as_str(), 0)]).unwrap() });
    assert_eq!(offset, Some(1));
    handle.seek((topic.as_str(), 0), 49).unwrap();
    assert_eq!(next(&mut consumer).await, Some(49));
    let (end, ()) = tokio::join!(next(&mut consumer), async { handle.unassign() });
    assert_eq!(end, None);
    handle.assign([(topic.as_str(), 0)]).unwrap();
    assert_eq!(next(&mut consumer).await, Some(0));
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn a_value_and_its_ack_go_separate_ways() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = full_topic(&client, 1).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let consumer = member(&client, &topic).commit_policy(CommitPolicy::OnAck);
    let mut consumer = consumer.build().await.unwrap();
    let handle = consumer.handle();
    let (mut values, mut acks) = (Vec::new(), Vec::new());
    while values.len() < 5 {
        let record = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
        let RecordParts { value, ack, .. } = record.into_parts();
        values.extend(value);
        acks.extend(ack);
    }
    assert_eq!(values, ["0", "1", "2", "3", "4"].map(Bytes::from));
    acks[..3].iter().for_each(AckToken::ack);
    handle.commit().await.unwrap();
    assert_eq!(committed(&handle, &partition).await, Some(3));
    consumer.close().await.unwrap();
}
