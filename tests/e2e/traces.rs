//! The trace of a record goes on from who sends it to who reads it: on every way of sending, of reading, and past a dead letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kestrel_client::admin::NewTopic;
use kestrel_client::{AutoOffsetReset, Client, Consumer, NoKey, Raw, Record, Remedy, TraceContext, Utf8};
use kestrel_tests::{TestBroker, unique};

/// How many records a test sends in one batch.
const RECORDS: usize = 500;

tokio::task_local! {
    static CURRENT: TraceContext;
}

fn trace(number: u64) -> TraceContext {
    let context = TraceContext::new(7_u128.to_be_bytes(), number.to_be_bytes(), 1).unwrap();
    context.with_state(&format!("shop={number}"))
}

/// A client whose records are in the trace of the task that sends them, and how often it was asked for that.
async fn traced(broker: &TestBroker) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let current = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        CURRENT.try_with(Clone::clone).ok()
    };
    (Client::builder(broker.bootstrap_servers()).trace_context(current).connect().await.unwrap(), asked)
}

async fn topic(client: &Client) -> String {
    let topic = unique("traced");
    client.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    topic
}

async fn reader(
    client: &Client,
    topic: &str,
) -> Consumer<bytes::Bytes, bytes::Bytes, kestrel_client::Assigned> {
    let reader = client.assigned_consumer().assign_topics([topic]);
    reader.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap()
}

#[tokio::test]
async fn every_way_of_sending_writes_the_trace_of_its_task() {
    let broker = TestBroker::start().await;
    let (client, asked) = traced(&broker).await;
    let topic = topic(&client).await;
    let producer = client.producer().build().await.unwrap();
    let values = producer.topic::<str, [u8]>(topic.as_str()).key(Utf8).value(Raw).open().await.unwrap();
    let record = || Record::to(topic.as_str()).value("value").header("own", "1");
    CURRENT.scope(trace(1), producer.send(record())).await.unwrap().await.unwrap();
    CURRENT.sync_scope(trace(2), || producer.try_send(record())).unwrap().await.unwrap();
    CURRENT.scope(trace(3), values.send("key", b"value")).await.unwrap().await.unwrap();
    CURRENT.sync_scope(trace(4), || values.try_send("key", b"value")).unwrap().await.unwrap();
    let headed = values.record("key", b"value").header("own", "1");
    CURRENT.scope(trace(5), headed.send()).await.unwrap().await.unwrap();
    CURRENT.scope(trace(6), values.tombstone("key")).await.unwrap().await.unwrap();
    producer.send(record()).await.unwrap().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 7, "once for each record");

    let mut reader = reader(&client, &topic).await;
    for number in 1..=6 {
        let record = reader.next().await.unwrap().unwrap();
        assert_eq!(record.trace_context(), Some(trace(number)));
        let names: Vec<_> = record.headers.iter().map(|(name, _)| name.to_owned()).collect();
        let own = if [1, 2, 5].contains(&number) { 1 } else { 0 };
        assert_eq!(names[own..], ["traceparent", "tracestate"], "{number}");
    }
    assert_eq!(reader.next().await.unwrap().unwrap().trace_context(), None);
    reader.seek_to_beginning(reader.assignment()).unwrap();
    let batch = reader.next_batch().await.unwrap().unwrap();
    assert_eq!(batch.records().next().unwrap().trace_context(), Some(trace(1)));
}

/// That of a request is made once, and every record of it shares what is beside the ids.
#[tokio::test]
async fn the_headers_of_a_trace_are_written_without_an_allocation() {
    let broker = TestBroker::start().await;
    let (client, asked) = traced(&broker).await;
    let producer = client.producer().linger(Duration::from_secs(60)).batch_size(1 << 20);
    let producer = producer.build().await.unwrap();
    let values = producer.topic::<NoKey, [u8]>(topic(&client).await).value(Raw).open().await.unwrap();
    let send = || values.unkeyed(&[7; 10]).partition(0).try_send().unwrap();
    let mut deliveries = Vec::with_capacity(1 + RECORDS);
    CURRENT.sync_scope(trace(1), || {
        // The first one opens the batch, and takes the buffers for all.
        deliveries.push(send());
        let memory = allocation_counter::measure(|| deliveries.extend((0..RECORDS).map(|_| send())));
        assert_eq!((memory.count_total, asked.load(Ordering::Relaxed)), (0, 1 + RECORDS));
    });
    producer.flush().await.unwrap();
    assert_eq!(deliveries.pop().unwrap().await.unwrap().offset, Some(RECORDS as i64), "all were one batch");
}

#[tokio::test]
async fn a_record_that_is_sent_on_belongs_to_who_sends_it_on() {
    let broker = TestBroker::start().await;
    let (client, _) = traced(&broker).await;
    let topic = topic(&client).await;
    let producer = client.producer().build().await.unwrap();
    let mut first = Record::to(topic.as_str()).value("value").header("tracestate", "other=1");
    first = first.header("traceparent", trace(1).to_string()).header("own", "1");
    // Nobody's trace: the headers stay as they are.
    producer.send(first.clone()).await.unwrap().await.unwrap();
    let bare = TraceContext::new(7_u128.to_be_bytes(), 2_u64.to_be_bytes(), 0).unwrap();
    CURRENT.scope(bare.clone(), producer.send(first)).await.unwrap().await.unwrap();
    let mut reader = reader(&client, &topic).await;
    let kept = reader.next().await.unwrap().unwrap();
    assert_eq!(kept.trace_context(), Some(trace(1).with_state("other=1")));
    let sent_on = reader.next().await.unwrap().unwrap();
    assert_eq!(sent_on.trace_context(), Some(bare));
    let names: Vec<_> = sent_on.headers.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["own", "traceparent"]);
}

#[tokio::test]
async fn a_dead_letter_stays_in_the_trace_of_its_record() {
    let broker = TestBroker::start().await;
    let (client, _) = traced(&broker).await;
    let (topic, dead) = (topic(&client).await, topic(&client).await);
    let producer = client.producer().build().await.unwrap();
    let values = producer.topic::<NoKey, [u8]>(topic.as_str()).value(Raw).open().await.unwrap();
    for value in [&b"\xff"[..], b"text"] {
        CURRENT.scope(trace(9), values.send_unkeyed(value)).await.unwrap().await.unwrap();
    }
    let consumer = client.assigned_consumer::<String, String>().assign_topics([topic.as_str()]);
    let consumer = consumer.key(Utf8).value(Utf8).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.on_poison(Remedy::dead_letter(dead.as_str())).build().await.unwrap();
    let next = CURRENT.scope(trace(10), consumer.next());
    assert_eq!(next.await.unwrap().unwrap().value.as_deref(), Some("text"));
    let letter = reader(&client, &dead).await.next().await.unwrap().unwrap();
    assert_eq!(letter.trace_context(), Some(trace(9)));
}
