//! Work that fails: tried again after a pause, kept as a dead letter, in the order of the partition, and no other one waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kestrel_client::admin::NewTopic;
use kestrel_client::observer::{Observer, RecordRejected, Retried};
use kestrel_client::{
    AutoOffsetReset, CancellationToken, Client, Consumer, Error, Failure, HandlingError, Place, Record,
    Remedy, Severity, Utf8,
};
use kestrel_tests::{TestBroker, eventually, unique};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);
/// A pause that no test waits for.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A topic with these records in each partition, and one for dead letters.
async fn topics(client: &Client, partitions: i32, texts: &[&str]) -> (String, String) {
    let (topic, letters) = (unique("handling"), unique("letters"));
    let new = [NewTopic::new(&topic).partitions(partitions), NewTopic::new(&letters).partitions(1)];
    client.admin().create_topics(new).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    for text in texts {
        for partition in 0..partitions {
            let record = Record::to(&topic).key("key").value(text.to_string()).partition(partition);
            drop(producer.send(record).await.unwrap());
        }
    }
    producer.close(PATIENCE).await.unwrap();
    (topic, letters)
}

async fn member(client: &Client, group: &str, topic: &str) -> Consumer<String, String> {
    let consumer = client.consumer(group).topics([topic]).key(Utf8).value(Utf8);
    consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap()
}

async fn committed(client: &Client, group: &str) -> BTreeMap<i32, i64> {
    let groups = client.admin().list_group_offsets([group]).await.into_result().unwrap();
    let offsets = groups.into_iter().flat_map(|(_, offsets)| offsets);
    offsets.map(|(partition, offset)| (partition.partition, offset.offset)).collect()
}

/// The texts of all letters, each with what it says of why it is there.
async fn read_letters(client: &Client, letters: &str) -> Vec<(String, String)> {
    let consumer =
        client.assigned_consumer::<String, String>().assign_topics([letters]).key(Utf8).value(Utf8);
    let mut consumer = consumer.between(Place::Beginning, Place::End).build().await.unwrap();
    let mut found = Vec::new();
    while let Some(letter) = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap() {
        let letter = letter.unwrap();
        let why = letter.headers.last("__connect.errors.exception.message").flatten().unwrap();
        found.push((letter.value.unwrap(), String::from_utf8(why.to_vec()).unwrap()));
    }
    found
}

#[derive(Default)]
struct Heard {
    retried: AtomicUsize,
    rejected: Mutex<Vec<String>>,
}

impl Observer for Heard {
    fn on_retried(&self, event: &Retried<'_>) {
        if event.operation == "working on a record" {
            self.retried.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn on_record_rejected(&self, event: &RecordRejected<'_>) {
        let RecordRejected { offset, stage, remedy, attempts, cause, .. } = event;
        self.rejected.lock().unwrap().push(format!("{offset} {stage} {attempts}: {remedy}: {cause}"));
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_kept_in_order() {
    let broker = TestBroker::start().await;
    let heard = Arc::new(Heard::default());
    let client = Client::builder(broker.bootstrap_servers()).observer(heard.clone()).connect().await.unwrap();
    let group = unique("group");
    let (topic, letters) = topics(&client, 1, &["a", "shy", "wrong", "stubborn", "b"]).await;
    let mut consumer = member(&client, &group, &topic).await;
    let (tried, stop) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
    let handling = consumer.handling().attempts(3).backoff(SHORT, SHORT).then(Remedy::dead_letter(&letters));
    let run = handling.stop_on(stop.clone()).run({
        let tried = Arc::clone(&tried);
        move |record| {
            let text = record.value.clone().unwrap();
            let attempt = {
                let mut tried = tried.lock().unwrap();
                tried.push(text.clone());
                tried.iter().filter(|known| **known == text).count()
            };
            let stop = stop.clone();
            async move {
                match text.as_str() {
                    "shy" if attempt < 3 => Err(Failure::passing("not yet")),
                    "wrong" => Err(Failure::lasting("never")),
                    "stubborn" => Err(Failure::passing("no answer")),
                    "b" => {
                        stop.cancel();
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
        }
    });
    tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    let expected = ["a", "shy", "shy", "shy", "wrong", "stubborn", "stubborn", "stubborn", "b"];
    assert_eq!(*tried.lock().unwrap(), expected);
    let kept = [("wrong", "never"), ("stubborn", "no answer, 3 times")];
    assert_eq!(
        read_letters(&client, &letters).await,
        kept.map(|(text, why)| (text.to_owned(), why.to_owned()))
    );
    assert_eq!(heard.retried.load(Ordering::SeqCst), 4);
    let rejected = [(2, 1, "never"), (3, 3, "no answer")]
        .map(|(offset, attempts, why)| format!("{offset} work {attempts}: dead letter to {letters}: {why}"));
    assert_eq!(*heard.rejected.lock().unwrap(), rejected);
    consumer.close().await.unwrap();
    let end = committed(&client, &group).await[&0];
    // The last record is done when its task asks for more, which it may have been kept from.
    assert!(end == 4 || end == 5, "{end}");
}

#[tokio::test]
async fn a_record_that_fails_ends_the_loop_and_is_not_committed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let group = unique("group");
    let (topic, _) = topics(&client, 1, &["a", "b", "wrong", "c"]).await;
    let mut consumer = member(&client, &group, &topic).await;
    let run = consumer.handling().run(|record| async move {
        match record.value.as_deref() {
            Some("wrong") => Err(Failure::lasting("never")),
            _ => Ok(()),
        }
    });
    let error = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap_err();
    let Error::Other { cause, .. } = &error else { panic!("{error:#}") };
    let failed: &HandlingError = cause.downcast_ref().unwrap();
    assert_eq!((failed.offset, failed.attempts), (2, 1));
    assert!(format!("{error:#}").ends_with("was tried once: never"), "{error:#}");
    assert_ne!(error.severity(), Severity::Fatal, "the consumer goes on");
    // The commit is on its way when the loop fails.
    consumer.close().await.unwrap();
    assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 2)]));
}

/// Records that are tried again for ever hold up neither another partition, nor whoever takes theirs over.
#[tokio::test]
async fn a_long_pause_holds_up_no_other_partition_and_ends_with_its_own() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let group = unique("group");
    // However four partitions are divided between two, each member has one of the first three.
    let (topic, _) = topics(&client, 4, &["a", "b"]).await;
    let (seen, others) = (Seen::default(), Seen::default());
    let mut members = JoinSet::new();
    members.spawn(pausing_member(client.clone(), group.clone(), topic.clone(), seen.clone()));
    eventually("one partition goes on, and the others are tried", async || {
        let seen = seen.lock().unwrap();
        let tried = [(0, 0), (1, 0), (2, 0), (3, 1)];
        tried.iter().all(|place| seen.contains(place)).then_some(())
    })
    .await;
    let is_behind = |&(partition, offset): &(i32, i64)| partition < 3 && offset > 0;
    assert!(!seen.lock().unwrap().iter().any(is_behind), "what is behind such a record waits");
    members.spawn(pausing_member(client.clone(), group.clone(), topic.clone(), others.clone()));
    eventually("the second member has such a record", async || {
        others.lock().unwrap().iter().any(|&(partition, _)| partition < 3).then_some(())
    })
    .await;
    assert!(!others.lock().unwrap().contains(&(3, 0)), "what was done is not done again");
    assert!(!others.lock().unwrap().iter().any(is_behind));
}

/// What was tried, as partition and offset.
type Seen = Arc<Mutex<Vec<(i32, i64)>>>;

/// A member that never gets past the first record of most partitions.
async fn pausing_member(client: Client, group: String, topic: String, seen: Seen) -> Result<(), Error> {
    let mut consumer = member(&client, &group, &topic).await;
    let handling = consumer.handling().attempts(u32::MAX).backoff(FOR_EVER, FOR_EVER);
    let run = handling.run(move |record| {
        seen.lock().unwrap().push((record.partition, record.offset));
        async move { if record.partition < 3 { Err(Failure::passing("no answer")) } else { Ok(()) } }
    });
    run.await
}

/// The stop waits for no pause, and what was tried and not done is there for the next start.
#[tokio::test]
async fn what_a_stop_finds_in_a_pause_is_tried_anew() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let group = unique("group");
    let (topic, _) = topics(&client, 1, &["a", "b"]).await;
    for expected in [1, 2] {
        let mut consumer = member(&client, &group, &topic).await;
        let (tried, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let run = consumer.handling().backoff(FOR_EVER, FOR_EVER).stop_on(stop.clone()).run({
            let tried = Arc::clone(&tried);
            move |record| {
                tried.fetch_add(1, Ordering::SeqCst);
                let is_second = record.value.as_deref() == Some("b");
                async move { if is_second { Err(Failure::passing("no answer")) } else { Ok(()) } }
            }
        });
        // The first run works on the first record, and both come to the second one.
        let until_tried = eventually("the second record is tried", async || {
            (tried.load(Ordering::SeqCst) == 3 - expected).then(|| stop.cancel())
        });
        let (outcome, ()) =
            tokio::time::timeout(PATIENCE, async { tokio::join!(run, until_tried) }).await.unwrap();
        outcome.unwrap();
        consumer.close().await.unwrap();
        assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 1)]));
    }
}
