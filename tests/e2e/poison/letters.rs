//! Dead letters that are slow, refused or too large: what waits for them, who is told, and that each is written once.

use std::sync::Mutex;

use kestrel_broker::{Broker, Durability};
use kestrel_client::observer::ProducerBuffer;
use kestrel_client::{Failure, HeldError, Producer, Severity};

use super::*;

/// A producer that sends nothing before it is told to: its letters are slow.
async fn slow_producer(client: &Client) -> Producer {
    client.producer().linger(Duration::from_secs(24 * 60 * 60)).build().await.unwrap()
}

/// Letters of partition 0, and nothing of the poison of others.
fn letters_of_the_first(
    consumer: ConsumerBuilder<String, i32, Utf8, Int32>,
    letters: &str,
) -> ConsumerBuilder<String, i32, Utf8, Int32> {
    let letters = letters.to_owned();
    consumer.on_poison_with(move |poison| {
        let remedy = match poison.record.partition {
            0 => Remedy::dead_letter(&letters),
            _ => Remedy::Skip,
        };
        async move { Ok(remedy) }
    })
}

/// What comes while the producer sends whatever it has, again and again.
async fn while_flushing<T>(producer: &Producer, coming: impl Future<Output = T>) -> T {
    let mut coming = std::pin::pin!(coming);
    loop {
        tokio::select! {
            biased;
            come = &mut coming => return come,
            flushed = producer.flush() => flushed.unwrap(),
        }
        tokio::task::yield_now().await;
    }
}

fn held(error: Error) -> HeldError {
    match error {
        Error::Held(held) => *held,
        error => panic!("{error:#}"),
    }
}

#[tokio::test]
async fn a_slow_letter_holds_up_no_other_partition() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, letters) = topics(&client, 2, 3).await;
    let slow = slow_producer(&client).await;
    let consumer = letters_of_the_first(reader(&client, &unique("group"), &topic), &letters);
    let mut consumer = consumer.dead_letter_producer(&slow).build().await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let record = next(&mut consumer).await.unwrap();
        seen.push((record.partition, record.offset));
    }
    seen.sort_unstable();
    assert_eq!(seen, [(0, 0), (1, 0), (1, 2)]);
    assert_eq!(consumer.position((topic.as_str(), 0)).await.unwrap(), 1, "nothing is passed");
    let record = while_flushing(&slow, next(&mut consumer)).await.unwrap();
    assert_eq!((record.partition, record.offset), (0, 2));
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 1, 3);
}

#[tokio::test]
async fn a_batch_that_waits_for_a_letter_holds_up_no_other_partition() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, letters) = topics(&client, 2, 3).await;
    let slow = slow_producer(&client).await;
    let consumer = letters_of_the_first(reader(&client, &unique("group"), &topic), &letters);
    let mut consumer = consumer.dead_letter_producer(&slow).build().await.unwrap();
    let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
    assert_eq!((batch.partition(), batch.len()), (1, 2));
    let next = while_flushing(&slow, tokio::time::timeout(PATIENCE, consumer.next_batch()));
    let batch = next.await.unwrap().unwrap().unwrap();
    assert_eq!((batch.partition(), batch.len()), (0, 2));
}

#[tokio::test]
async fn letters_of_a_batch_are_written_once_however_often_one_of_them_is_tried() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, letters) = topics(&client, 1, 9).await;
    let is_mended = Arc::new(AtomicBool::new(false));
    let consumer = reader(&client, &unique("group"), &topic).on_poison_with({
        let (is_mended, letters) = (is_mended.clone(), letters.clone());
        move |poison| {
            let is_good = poison.record.offset != 7 || is_mended.load(Ordering::SeqCst);
            let topic = if is_good { letters.clone() } else { NO_TOPIC.to_owned() };
            async move { Ok(Remedy::dead_letter(topic)) }
        }
    });
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    for _ in 0..3 {
        let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap();
        assert_eq!(held(batch.unwrap_err()).offset, 7);
    }
    is_mended.store(true, Ordering::SeqCst);
    let mut seen = Vec::new();
    while seen.len() < good(9).len() {
        let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
        seen.extend(batch.records().map(|record| record.value().unwrap().unwrap()));
    }
    assert_eq!(seen, good(9));
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 1, 9);
}

#[tokio::test]
async fn a_letter_that_is_too_large_holds_its_record_and_says_what_to_change() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, small) = (unique("poison"), unique("letters"));
    let new = [
        NewTopic::new(&topic).partitions(1),
        NewTopic::new(&small).partitions(1).config("max.message.bytes", "300"),
    ];
    client.admin().create_topics(new).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    producer.send(Record::to(&topic).value(vec![0; 1000])).await.unwrap().await.unwrap();
    let group = unique("group");
    let consumer = reader(&client, &group, &topic).on_poison(Remedy::dead_letter(&small));
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let error = next(&mut consumer).await.unwrap_err();
    assert_eq!(error.severity(), Severity::Invalid, "{error:#}");
    let text = format!("{error:#}");
    assert!(text.contains("raise its max.message.bytes") && text.contains("MESSAGE_TOO_LARGE"), "{text}");
    let ended = tokio::time::timeout(PATIENCE, consumer.handling().run(|_| async { Ok(()) })).await.unwrap();
    assert_eq!(held(ended.unwrap_err()).offset, 0);
    consumer.close().await.unwrap();
    assert!(committed(&client, &group).await.values().all(|offset| *offset == 0));
}

#[tokio::test]
async fn a_topic_of_letters_that_is_not_there_is_named() {
    let builder = Broker::builder().ephemeral().durability(Durability::Os);
    let broker = TestBroker::embedded(builder.set("auto.create.topics.enable", "false")).await;
    let client = broker.client().await;
    let (topic, _) = topics(&client, 1, 3).await;
    let missing = unique("missing");
    let impatient = client.producer().max_block(Duration::from_secs(5)).build().await.unwrap();
    let consumer = reader(&client, &unique("group"), &topic).on_poison(Remedy::dead_letter(&missing));
    let consumer = consumer.dead_letter_producer(&impatient);
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, consumer.handling().run(|_| async { Ok(()) })).await.unwrap();
    let error = ended.unwrap_err();
    assert_eq!(error.severity(), Severity::Invalid, "{error:#}");
    assert!(error.to_string().contains(&format!("create topic {missing}")), "{error:#}");
    // It is tried again all the same.
    client.admin().create_topics([NewTopic::new(&missing)]).await.into_result().unwrap();
    let record = loop {
        match next(&mut consumer).await {
            Ok(record) => break record,
            Err(error) => assert_eq!(held(error).offset, 1),
        }
    };
    assert_eq!(record.offset, 2, "the first record was done by the loop");
    assert_letters_of(&read_letters(&client, &missing).await, &topic, 1, 3);
}

#[tokio::test]
async fn who_seeks_past_a_held_record_gets_no_letter_of_it() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, letters) = topics(&client, 1, 3).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let consumer = reader(&client, &unique("group"), &topic).on_poison_with({
        let (asked, letters) = (asked.clone(), letters.clone());
        move |_| {
            let is_first = asked.fetch_add(1, Ordering::SeqCst) == 0;
            let remedy = Remedy::dead_letter(&letters);
            async move { if is_first { Err(Error::other("the database is down")) } else { Ok(remedy) } }
        }
    });
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let (handle, until) = (consumer.handle(), CancellationToken::new());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let work = consumer.for_each_partition_until(until.clone(), |mut partition| {
        let (handle, until, seen) = (handle.clone(), until.clone(), seen.clone());
        async move {
            while let Some(record) = partition.next().await {
                match record {
                    Ok(record) => seen.lock().unwrap().push(record.offset),
                    Err(error) => {
                        assert_eq!(held(error).offset, 1);
                        handle.seek(partition.partition().clone(), 2)?;
                    }
                }
                if seen.lock().unwrap().last() == Some(&2) {
                    until.cancel();
                }
            }
            Ok::<(), Error>(())
        }
    });
    tokio::time::timeout(PATIENCE, work).await.unwrap().unwrap();
    assert_eq!((&*seen.lock().unwrap(), asked.load(Ordering::SeqCst)), (&vec![0, 2], 1));
    assert!(read_letters(&client, &letters).await.is_empty());
}

/// The transaction is aborted, and the handler asked again in the next one.
#[tokio::test]
async fn a_handler_of_poison_that_fails_does_not_end_exactly_once() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 1, 6).await, unique("group"));
    let failures = Arc::new(AtomicUsize::new(3));
    let consumer = reader(&client, &group, &topic).commit_policy(CommitPolicy::Manual).on_poison_with({
        let letters = letters.clone();
        move |poison| {
            let left = |left: usize| left.checked_sub(1);
            let fails = poison.record.offset == 4
                && failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok();
            let remedy = Remedy::dead_letter(&letters);
            async move { if fails { Err(Error::other("the database is down")) } else { Ok(remedy) } }
        }
    });
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let mut producer = client.transactional_producer(unique("id")).build().await.unwrap();
    let (stop, mut seen) = (CancellationToken::new(), Vec::new());
    let run =
        client.exactly_once(&mut consumer, &mut producer).stop_on(stop.clone()).run(async |batch, _| {
            seen.extend(batch.records().map(|record| record.offset()));
            if seen.last() == Some(&5) {
                stop.cancel();
            }
            Ok(())
        });
    tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 1, 6);
    assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 6)]));
}

/// Knows whether a producer has something to send.
#[derive(Default)]
struct Buffered(AtomicBool);

impl Observer for Buffered {
    fn on_producer_buffer(&self, event: &ProducerBuffer) {
        self.0.store(event.used_bytes > 0, Ordering::SeqCst);
    }
}

/// A letter of work that is on its way does not keep a loop from ending; the record is not done.
#[tokio::test]
async fn a_slow_letter_of_work_ends_with_its_partition() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 1, 1).await, unique("group"));
    let buffered = Arc::new(Buffered::default());
    let writer =
        Client::builder(broker.bootstrap_servers()).observer(buffered.clone()).connect().await.unwrap();
    let consumer = reader(&client, &group, &topic).dead_letter_producer(&slow_producer(&writer).await);
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let stop = CancellationToken::new();
    let run = consumer
        .handling()
        .then(Remedy::dead_letter(&letters))
        .stop_on(stop.clone())
        .run(|_| async { Err(Failure::lasting("never")) });
    let stopped = eventually("the letter is on its way", async || {
        buffered.0.load(Ordering::SeqCst).then(|| stop.cancel())
    });
    let (ended, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(run, stopped) }).await.unwrap();
    ended.unwrap();
    consumer.close().await.unwrap();
    assert!(committed(&client, &group).await.values().all(|offset| *offset == 0));
}

#[tokio::test]
async fn a_producer_of_letters_that_is_closed_ends_the_loop() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, letters) = topics(&client, 1, 1).await;
    let producer = client.producer().build().await.unwrap();
    let consumer = reader(&client, &unique("group"), &topic).dead_letter_producer(&producer);
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    producer.close(PATIENCE).await.unwrap();
    let run = consumer
        .handling()
        .then(Remedy::dead_letter(&letters))
        .run(|_| async { Err(Failure::lasting("never")) });
    let ended = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap_err();
    assert_eq!((ended.severity(), held(ended).offset), (Severity::Fatal, 0));
}
