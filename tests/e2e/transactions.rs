//! Transactions: all or nothing, for readers of committed records, for offsets of groups, and for the producer itself.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{ApiKey, CancellationToken};
use kestrel_client::{
    AssignedConsumer, AutoOffsetReset, BrokerError, Client, CommitError, CommitPolicy, Consumer, Error,
    ErrorCode, GroupMetadata, Int32, IsolationLevel, Place, Severity, TopicPartition, Transaction,
    TransactionalProducer, TransactionalTopic, Utf8,
};
use kestrel_tests::{CapturedLog, TestBroker, transactions_have_ended, unique};
use tokio::task::JoinSet;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

const PATIENCE: Duration = Duration::from_secs(60);

type Numbers = TransactionalTopic<str, i32>;

async fn topic(client: &Client, partitions: i32) -> String {
    let name = unique("transactions");
    client.admin().create_topics([NewTopic::new(&name).partitions(partitions)]).await.into_result().unwrap();
    name
}

async fn producer(client: &Client, id: &str) -> TransactionalProducer {
    client.transactional_producer(id).build().await.unwrap()
}

async fn numbers(producer: &TransactionalProducer, topic: &str) -> Numbers {
    producer.topic::<str, i32>(topic).key(Utf8).value(Int32).open().await.unwrap()
}

/// What a reader at this level finds in the topic, in the order of numbers.
async fn read(client: &Client, topic: &str, level: IsolationLevel) -> Vec<i32> {
    let consumer = client.assigned_consumer::<String, i32>().assign_topics([topic]).isolation_level(level);
    let consumer = consumer.between(Place::Beginning, Place::End).key(Utf8).value(Int32).build();
    let mut consumer: AssignedConsumer<String, i32> = consumer.await.unwrap();
    let mut found = Vec::new();
    while let Some(record) = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap() {
        found.extend(record.unwrap().value);
    }
    found.sort_unstable();
    found
}

/// What is committed in a topic that nobody has an open transaction in for long.
async fn committed(client: &Client, topic: &str) -> Vec<i32> {
    transactions_have_ended(client, topic).await;
    read(client, topic, IsolationLevel::ReadCommitted).await
}

async fn member(client: &Client, group: &str, topic: &str) -> Consumer<String, i32> {
    let consumer = client.consumer::<String, i32>(group).topics([topic]).key(Utf8).value(Int32);
    let consumer =
        consumer.isolation_level(IsolationLevel::ReadCommitted).commit_policy(CommitPolicy::Manual);
    consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap()
}

async fn produce(client: &Client, topic: &str, values: std::ops::Range<i32>) {
    let producer = client.producer().build().await.unwrap();
    let numbers = producer.topic::<str, i32>(topic).key(Utf8).value(Int32).open().await.unwrap();
    for value in values {
        drop(numbers.send(&format!("key-{}", value % 7), &value).await.unwrap());
    }
    producer.close(PATIENCE).await.unwrap();
}

async fn group_offset(client: &Client, group: &str, topic: &str) -> Option<i64> {
    let member = member(client, group, topic).await;
    let partition = TopicPartition::new(topic, 0);
    let offset = member.committed([&partition]).await.unwrap().remove(&partition).unwrap();
    offset.map(|offset| offset.offset)
}

/// The transaction that could not be committed, and why.
fn abortable<'p>(outcome: Result<(), CommitError<'p>>) -> (Transaction<'p>, Error) {
    match outcome {
        Err(CommitError::Abortable { transaction, source, .. }) => (transaction, source),
        other => panic!("{other:?}"),
    }
}

/// Polls a call so many times, and drops it if it is not ready by then.
async fn poll_times<F: Future>(times: usize, call: F) -> Option<F::Output> {
    let (mut call, mut polls) = (pin!(call), 0);
    let polled = poll_fn(move |cx| {
        polls += 1;
        match call.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    polled.await
}

#[tokio::test]
async fn records_of_several_topics_are_committed_together_or_not_at_all() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (left, right) = (topic(&client, 3).await, topic(&client, 1).await);
    let mut producer = producer(&client, &unique("id")).await;
    let (lefts, rights) = (numbers(&producer, &left).await, numbers(&producer, &right).await);
    for round in 0..6 {
        let transaction = producer.begin().await.unwrap();
        for value in round * 10..round * 10 + 10 {
            transaction.send(&lefts, &format!("key-{value}"), &value).await.unwrap();
        }
        // A record that is stored is no record that is committed.
        let receipt = transaction.record(&rights, "key", &round).send().await.unwrap().await.unwrap();
        assert!(receipt.offset.is_some());
        if round % 2 == 0 {
            transaction.commit().await.unwrap();
        } else {
            transaction.abort().await.unwrap();
        }
    }
    let kept: Vec<i32> = (0..60).filter(|value| (value / 10) % 2 == 0).collect();
    assert_eq!(committed(&client, &left).await, kept);
    assert_eq!(committed(&client, &right).await, [0, 2, 4]);
    assert_eq!(read(&client, &right, IsolationLevel::ReadUncommitted).await, [0, 1, 2, 3, 4, 5]);
    producer.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_aborted_and_the_next_one_begins() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic(&client, 1).await;
    let mut producer = producer(&client, &unique("id")).await;
    let numbers = numbers(&producer, &topic).await;
    for round in 0..3 {
        let dropped = producer.begin().await.unwrap();
        dropped.record(&numbers, "key", &(10 + round)).send().await.unwrap().await.unwrap();
        let waits = dropped.record(&numbers, "key", &(20 + round)).send().await.unwrap();
        drop(dropped);
        let outcome = waits.await;
        assert!(matches!(outcome, Ok(_) | Err(Error::TransactionAborted { .. })), "{outcome:?}");
        let kept = producer.begin().await.unwrap();
        kept.send(&numbers, "key", &round).await.unwrap();
        kept.commit().await.unwrap();
    }
    // What the producer leaves behind when it is dropped is aborted too.
    let last = producer.begin().await.unwrap();
    last.record(&numbers, "key", &99).send().await.unwrap().await.unwrap();
    drop(last);
    drop(producer);
    let mut next = client.transactional_producer(unique("other")).build().await.unwrap();
    next.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(committed(&client, &topic).await, [0, 1, 2]);
}

#[tokio::test]
async fn who_takes_over_a_transactional_id_fences_whoever_had_it() {
    let log = CapturedLog::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt().with_ansi(false).with_max_level(LevelFilter::INFO);
    // This test has one thread: the tasks of the client log here.
    let _guard = logging.with_writer(move || writer.clone()).finish().set_default();
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, id) = (topic(&client, 1).await, unique("id"));
    let mut old = producer(&client, &id).await;
    let olds = numbers(&old, &topic).await;
    let left_open = old.begin().await.unwrap();
    left_open.record(&olds, "key", &1).send().await.unwrap().await.unwrap();
    let mut new = producer(&client, &id).await;
    let news = numbers(&new, &topic).await;
    let source = match left_open.commit().await {
        Err(CommitError::Fatal { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    assert!(matches!(&source, Error::ProducerFenced { transactional_id, .. } if **transactional_id == *id));
    assert_eq!(source.severity(), Severity::Fatal);
    assert!(source.to_string().contains("make a new producer"), "{source}");
    let again = old.begin().await.unwrap_err();
    assert!(matches!(again, Error::ProducerFenced { .. }), "{again}");
    let transaction = new.begin().await.unwrap();
    transaction.send(&news, "key", &2).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(committed(&client, &topic).await, [2]);
    assert!(log.text().contains("another one has its id"), "{}", log.text());
    log.assert_has_none_of(&["ERROR"]);
}

#[tokio::test]
async fn a_record_that_is_refused_lets_its_transaction_only_be_aborted_and_the_next_one_commits() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let name = unique("transactions");
    let small = NewTopic::new(&name).partitions(1).config("max.message.bytes", "1000");
    client.admin().create_topics([small]).await.into_result().unwrap();
    let mut producer = producer(&client, &unique("id")).await;
    let texts = producer.topic::<str, str>(&*name).key(Utf8).value(Utf8).open().await.unwrap();
    let other = topic(&client, 1).await;
    let others = numbers(&producer, &other).await;
    for round in 0..3 {
        let transaction = producer.begin().await.unwrap();
        transaction.send(&others, "key", &(10 + round)).await.unwrap();
        let long = "x".repeat(2000);
        let refused = transaction.record(&texts, "key", &*long).send().await.unwrap().await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::MessageTooLarge));
        let after = transaction.send(&others, "key", &99).await;
        if let Err(error) = &after {
            assert!(matches!(error, Error::TransactionFailed { .. }), "{error}");
            assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge));
        }
        let (transaction, source) = abortable(transaction.commit().await);
        assert_eq!(source.code(), Some(ErrorCode::MessageTooLarge), "{source:#}");
        let error = transaction.send(&others, "key", &99).await.unwrap_err();
        assert!(matches!(error, Error::TransactionFailed { .. }), "{error}");
        transaction.abort().await.unwrap();
        let transaction = producer.begin().await.unwrap();
        transaction.send(&texts, "key", "short").await.unwrap();
        transaction.send(&others, "key", &round).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(committed(&client, &other).await, [0, 1, 2]);
}

#[tokio::test]
async fn offsets_belong_to_the_group_when_their_transaction_is_committed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, group) = (topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..20).await;
    let mut producer = producer(&client, &unique("id")).await;
    let mut consumer = member(&client, &group, &source).await;
    for value in 0..5 {
        assert_eq!(consumer.next().await.unwrap().unwrap().value, Some(value));
    }
    let transaction = producer.begin().await.unwrap();
    transaction.send_offsets(&consumer).await.unwrap();
    transaction.abort().await.unwrap();
    // Row 30: what was read on from the old position is not handed out.
    consumer.seek_to_committed().unwrap();
    for value in 0..8 {
        assert_eq!(consumer.next().await.unwrap().unwrap().value, Some(value));
    }
    let transaction = producer.begin().await.unwrap();
    transaction.send_offsets(&consumer).await.unwrap();
    transaction.commit().await.unwrap();
    consumer.seek_to_committed().unwrap();
    assert_eq!(consumer.next().await.unwrap().unwrap().value, Some(8));
    consumer.close().await.unwrap();
    assert_eq!(group_offset(&client, &group, &source).await, Some(8));
    // Offsets that nobody in the group stands for.
    let transaction = producer.begin().await.unwrap();
    transaction.send_offsets_of(&GroupMetadata::new(&*group), [((&*source, 0), 11)]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(group_offset(&client, &group, &source).await, Some(11));
}

/// Row 31: a caller that has stopped waiting does not know what is in the transaction.
#[tokio::test]
async fn a_call_that_sends_offsets_and_is_dropped_anywhere_lets_its_transaction_only_be_aborted() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, group) = (topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..3).await;
    let mut producer = producer(&client, &unique("id")).await;
    // It waits for the group at first, and for coordinators then.
    let mut consumer = member(&client, &group, &source).await;
    let transaction = producer.begin().await.unwrap();
    assert!(poll_times(1, transaction.send_offsets(&consumer)).await.is_none(), "it has not joined yet");
    let (transaction, _) = abortable(transaction.commit().await);
    transaction.abort().await.unwrap();
    assert_eq!(consumer.next().await.unwrap().unwrap().value, Some(0));
    for times in 1.. {
        let transaction = producer.begin().await.unwrap();
        let sent = poll_times(times, transaction.send_offsets(&consumer)).await;
        if let Some(sent) = sent {
            sent.unwrap();
            assert!(times > 1, "it waits for the broker");
            transaction.commit().await.unwrap();
            break;
        }
        let (transaction, error) = abortable(transaction.commit().await);
        assert!(matches!(error, Error::TransactionFailed { .. }), "{error:#}");
        transaction.abort().await.unwrap();
    }
    consumer.close().await.unwrap();
    assert_eq!(group_offset(&client, &group, &source).await, Some(1));
}

#[tokio::test]
async fn offsets_of_a_member_that_the_group_went_on_without_are_refused() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, group) = (topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..3).await;
    let mut producer = producer(&client, &unique("id")).await;
    let mut first = member(&client, &group, &source).await;
    first.next().await.unwrap().unwrap();
    let zombie = first.group_metadata().await.unwrap();
    first.close().await.unwrap();
    let mut second = member(&client, &group, &source).await;
    assert_eq!(second.next().await.unwrap().unwrap().value, Some(0));
    let transaction = producer.begin().await.unwrap();
    let refused = transaction.send_offsets_of(&zombie, [((&*source, 0), 1)]).await.unwrap_err();
    assert!(
        matches!(refused.code(), Some(ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration)),
        "{refused:#}"
    );
    let (transaction, _) = abortable(transaction.commit().await);
    transaction.abort().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    transaction.send_offsets(&second).await.unwrap();
    transaction.commit().await.unwrap();
    second.close().await.unwrap();
    assert_eq!(group_offset(&client, &group, &source).await, Some(1));
}

/// The group takes the partition away while its records are worked on: what came of them is not committed.
#[tokio::test]
async fn a_rebalance_in_a_transaction_lets_it_only_be_aborted() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, sink, group) = (topic(&client, 1).await, topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..5).await;
    let slow = client.consumer::<String, i32>(&*group).topics([&*source]).key(Utf8).value(Int32);
    let slow = slow.auto_offset_reset(AutoOffsetReset::Earliest).commit_policy(CommitPolicy::Manual);
    let mut slow = slow.max_poll_interval(Duration::from_secs(5)).build().await.unwrap();
    let mut producer = producer(&client, &unique("id")).await;
    let copies = numbers(&producer, &sink).await;
    let batch = slow.next_batch().await.unwrap().unwrap();
    let transaction = producer.begin().await.unwrap();
    for record in &batch {
        transaction.send(&copies, "key", &record.value().unwrap().unwrap()).await.unwrap();
    }
    // It stays away for too long; another member reads the same.
    let mut other = member(&client, &group, &source).await;
    assert_eq!(other.next().await.unwrap().unwrap().value, Some(0));
    let error = transaction.send_offsets(&slow).await.unwrap_err();
    assert!(matches!(error, Error::CommitFailed(_)), "{error:#}");
    let (transaction, source_of_it) = abortable(transaction.commit().await);
    assert!(matches!(source_of_it, Error::TransactionFailed { .. }), "{source_of_it:#}");
    transaction.abort().await.unwrap();
    assert!(committed(&client, &sink).await.is_empty());
    other.close().await.unwrap();
    // It goes on with what is its own again.
    slow.seek_to_committed().unwrap();
    assert_eq!(slow.next().await.unwrap().unwrap().value, Some(0));
    let transaction = producer.begin().await.unwrap();
    transaction.send_offsets(&slow).await.unwrap();
    transaction.commit().await.unwrap();
    slow.close().await.unwrap();
    assert_eq!(group_offset(&client, &group, &source).await, Some(1));
}

#[tokio::test]
async fn a_transaction_that_is_open_for_too_long_is_aborted_by_the_broker_and_its_producer_is_told() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let sink = topic(&client, 1).await;
    let builder = client.transactional_producer(unique("id")).transaction_timeout(Duration::from_secs(5));
    let mut producer = builder.build().await.unwrap();
    let copies = numbers(&producer, &sink).await;
    let transaction = producer.begin().await.unwrap();
    transaction.record(&copies, "key", &1).send().await.unwrap().await.unwrap();
    transactions_have_ended(&client, &sink).await;
    // With version 2 the producer goes on; before, it cannot tell this from having been replaced.
    let aborted = match transaction.commit().await {
        Err(CommitError::Abortable { transaction, .. }) => transaction.abort().await,
        Err(CommitError::Fatal { source, .. }) => Err(source),
        other => panic!("{other:?}"),
    };
    match aborted {
        Ok(()) => {
            let transaction = producer.begin().await.unwrap();
            transaction.send(&copies, "key", &2).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(committed(&client, &sink).await, [2]);
        }
        Err(source) => {
            assert!(source.to_string().contains("transaction.timeout.ms"), "{source:#}");
            assert!(committed(&client, &sink).await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_consumer_that_commits_by_itself_is_refused() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let source = topic(&client, 1).await;
    let mut producer = producer(&client, &unique("id")).await;
    let consumer = client.consumer::<String, i32>(unique("group")).topics([&*source]).key(Utf8).value(Int32);
    let mut consumer = consumer.build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    let error = transaction.send_offsets(&consumer).await.unwrap_err();
    assert!(error.to_string().contains("CommitPolicy::Manual"), "{error}");
    drop(transaction);
    let error = client.exactly_once(&mut consumer, &mut producer).run(async |_, _| Ok(())).await.unwrap_err();
    assert!(error.to_string().contains("CommitPolicy::Manual"), "{error}");
}

#[tokio::test]
async fn what_is_read_is_written_exactly_once_whatever_fails_on_the_way() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, sink, group) = (topic(&client, 3).await, topic(&client, 2).await, unique("group"));
    produce(&client, &source, 0..300).await;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    {
        let (client, source, sink, stop) = (client.clone(), source.clone(), sink.clone(), stop.clone());
        tasks.spawn(async move {
            let mut consumer = member(&client, &group, &source).await;
            let mut producer = producer(&client, &unique("id")).await;
            let doubled = numbers(&producer, &sink).await;
            let mut calls = 0;
            let loops = client.exactly_once(&mut consumer, &mut producer);
            let loops = loops.commit_interval(Duration::ZERO).stop_on(stop);
            loops
                .run(async move |batch, transaction| {
                    calls += 1;
                    for (index, record) in batch.records().enumerate() {
                        let record = record.to_record()?;
                        let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
                        let delivery = transaction.record(&doubled, &*key, &(2 * value)).send().await?;
                        // Each other batch fails half way at first, in a way that passes, and with something stored.
                        if calls % 2 == 1 && index == batch.len() / 2 {
                            delivery.await?;
                            return Err(BrokerError::new(ApiKey::Fetch, ErrorCode::RequestTimedOut).into());
                        }
                    }
                    Ok(())
                })
                .await
                .unwrap();
            consumer.close().await.unwrap();
            producer.close(PATIENCE).await.unwrap();
        });
    }
    let done = async {
        while read(&client, &sink, IsolationLevel::ReadCommitted).await.len() < 300 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    stop.cancel();
    tasks.join_next().await.unwrap().unwrap();
    assert_eq!(committed(&client, &sink).await, (0..300).map(|value| 2 * value).collect::<Vec<_>>());
    assert!(read(&client, &sink, IsolationLevel::ReadUncommitted).await.len() > 300, "some was aborted");
}

/// Nothing is committed before, so that only the place where reading began says where it begins again.
#[tokio::test]
async fn what_comes_after_the_beginning_of_a_group_is_not_lost_by_its_first_abort() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, sink, group) = (topic(&client, 1).await, topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..3).await;
    let consumer = client.consumer::<String, i32>(&*group).topics([&*source]).key(Utf8).value(Int32);
    let consumer = consumer.auto_offset_reset(AutoOffsetReset::Latest).commit_policy(CommitPolicy::Manual);
    let mut consumer = consumer.build().await.unwrap();
    let mut producer = producer(&client, &unique("id")).await;
    let copies = numbers(&producer, &sink).await;
    let stop = CancellationToken::new();
    let loops = client.exactly_once(&mut consumer, &mut producer).stop_on(stop.clone());
    let mut calls = 0;
    let seen = loops.run(async |batch, transaction| {
        calls += 1;
        for record in batch {
            let value = record.value()?.unwrap_or_default();
            transaction.send(&copies, "key", &value).await?;
            if value == i32::MAX {
                stop.cancel();
            }
        }
        if calls == 1 {
            return Err(BrokerError::new(ApiKey::Fetch, ErrorCode::RequestTimedOut).into());
        }
        Ok(())
    });
    let write = async {
        // Until the loop has begun, which is where the group's log ends by then.
        let mut value = 100;
        while read(&client, &sink, IsolationLevel::ReadUncommitted).await.is_empty() {
            produce(&client, &source, value..value + 1).await;
            value += 1;
        }
        let last = client.producer().build().await.unwrap();
        let last_of = last.topic::<str, i32>(&source).key(Utf8).value(Int32).open().await.unwrap();
        last_of.send("key", &i32::MAX).await.unwrap().await.unwrap();
        value
    };
    let (ran, end) = tokio::time::timeout(PATIENCE, async { tokio::join!(seen, write) }).await.unwrap();
    ran.unwrap();
    let mut copied = committed(&client, &sink).await;
    assert_eq!(copied.pop(), Some(i32::MAX));
    let first = *read(&client, &sink, IsolationLevel::ReadUncommitted).await.first().unwrap();
    assert_eq!(
        copied,
        (first..end).collect::<Vec<_>>(),
        "the first that was read is there, and all after it"
    );
}

/// The broker goes away between the record and the commit.
#[tokio::test]
async fn a_commit_that_nobody_answers_may_have_happened() {
    let home = tokio::runtime::Runtime::new().unwrap();
    let broker = Broker::builder().ephemeral().durability(Durability::Os).start().await.unwrap();
    let servers = broker.bootstrap_servers().to_owned();
    let made = home.spawn(async move {
        let client = Client::builder(servers).connect().await.unwrap();
        let topic = topic(&client, 1).await;
        let builder = client.transactional_producer(unique("id")).max_block(Duration::from_secs(8));
        let producer = builder.build().await.unwrap();
        let copies = numbers(&producer, &topic).await;
        (client, producer, copies)
    });
    let (_client, mut producer, copies) = made.await.unwrap();
    let transaction = producer.begin().await.unwrap();
    transaction.record(&copies, "key", &1).send().await.unwrap().await.unwrap();
    broker.stop().await.unwrap();
    let commit = match transaction.commit().await {
        Err(CommitError::Undecided { commit, source, .. }) => {
            assert!(matches!(source, Error::Timeout { .. }) && source.possibly_written(), "{source:#}");
            commit
        }
        other => panic!("{other:?}"),
    };
    home.shutdown_background();
    match commit.outcome().await {
        Err(CommitError::Fatal { source, .. }) => assert!(source.possibly_written(), "{source:#}"),
        other => panic!("{other:?}"),
    }
}

/// The broker has raised the epoch when the offsets come: nobody else has the id, so that the loop goes on.
#[tokio::test]
async fn a_loop_whose_transaction_was_open_for_too_long_does_its_work_again() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, sink, group) = (topic(&client, 1).await, topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..3).await;
    let mut consumer = member(&client, &group, &source).await;
    let builder = client.transactional_producer(unique("id")).transaction_timeout(Duration::from_secs(5));
    let mut producer = builder.build().await.unwrap();
    let copies = numbers(&producer, &sink).await;
    let stop = CancellationToken::new();
    let loops = client.exactly_once(&mut consumer, &mut producer).stop_on(stop.clone());
    let mut calls = 0;
    let work = loops.run(async |batch, transaction| {
        calls += 1;
        for record in batch {
            let value = record.value()?.unwrap_or_default();
            transaction.record(&copies, "key", &value).send().await?.await?;
            if calls > 1 && value == 2 {
                stop.cancel();
            }
        }
        if calls == 1 {
            transactions_have_ended(&client, &sink).await;
        }
        Ok(())
    });
    tokio::time::timeout(PATIENCE, work).await.unwrap().unwrap();
    assert_eq!(committed(&client, &sink).await, [0, 1, 2]);
    assert!(read(&client, &sink, IsolationLevel::ReadUncommitted).await.len() > 3, "some was aborted");
}

/// What is sent is never stored, so that the commit waits for it, and the loop for the commit.
#[tokio::test]
async fn a_loop_that_is_told_to_stop_waits_no_longer_for_a_commit_that_is_not_decided() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, sink, group) = (topic(&client, 1).await, topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..1).await;
    let mut consumer = member(&client, &group, &source).await;
    let builder = client.transactional_producer(unique("id")).max_block(Duration::from_secs(8));
    let mut producer = builder.linger(Duration::from_secs(60)).build().await.unwrap();
    let copies = numbers(&producer, &sink).await;
    let stop = CancellationToken::new();
    let loops = client.exactly_once(&mut consumer, &mut producer).stop_on(stop.clone());
    let work = loops.run(async |_, transaction| {
        transaction.send(&copies, "key", &1).await?;
        client.admin().delete_topics([&*sink]).await.into_result()?;
        stop.cancel();
        Ok(())
    });
    let error = tokio::time::timeout(PATIENCE, work).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }) && error.possibly_written(), "{error:#}");
}

#[tokio::test]
async fn an_error_of_the_work_that_does_not_pass_ends_the_loop_and_leaves_nothing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (source, sink, group) = (topic(&client, 1).await, topic(&client, 1).await, unique("group"));
    produce(&client, &source, 0..10).await;
    let mut consumer = member(&client, &group, &source).await;
    let mut producer = producer(&client, &unique("id")).await;
    let copies = numbers(&producer, &sink).await;
    let loops = client.exactly_once(&mut consumer, &mut producer);
    let error = loops
        .run(async |batch, transaction| {
            for record in batch {
                transaction.send(&copies, "key", &record.value()?.unwrap_or_default()).await?;
            }
            Err(Error::other("no more"))
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Other { .. }), "{error}");
    assert!(committed(&client, &sink).await.is_empty());
    // The next run reads it again.
    let stop = CancellationToken::new();
    let loops = client.exactly_once(&mut consumer, &mut producer).stop_on(stop.clone());
    let mut seen = Vec::new();
    loops
        .run(async |batch, _| {
            for record in batch {
                seen.extend(record.value()?);
            }
            if seen.len() == 10 {
                stop.cancel();
            }
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    consumer.close().await.unwrap();
    assert_eq!(group_offset(&client, &group, &source).await, Some(10));
}
