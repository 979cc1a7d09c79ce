//! Several records at once: what is done is committed, what is not is read again, and keys keep their order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kestrel_client::{Client, CommitPolicy, Error, Record};
use kestrel_tests::{TestBroker, unique};

use crate::groups::{Member, PATIENCE, member, next_numbers, number, produce, topic_with};
use crate::work::Work;

/// Stores `numbers`, in turn with four keys, in one partition.
async fn produce_with_keys(client: &Client, topic: &str, numbers: std::ops::Range<i32>) {
    let producer = client.producer().build().await.unwrap();
    for number in numbers {
        let record = Record::to(topic).partition(0).key(format!("k{}", number % 4)).value(number.to_string());
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
}

#[tokio::test]
async fn keys_keep_their_order_and_others_go_on() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 1).await, unique("group"));
    produce_with_keys(&client, &topic, 0..80).await;
    let build =
        || member(&client, &group, &topic).commit_policy(CommitPolicy::Interval(Duration::from_millis(50)));
    let mut consumer = build().build().await.unwrap();
    let (done, at_once, most) = (Mutex::new(Vec::new()), AtomicUsize::new(0), AtomicUsize::new(0));
    let by_key = |record: &kestrel_client::ConsumerRecord| record.key.clone();
    let work = consumer.for_each_concurrent_by(3, by_key, |record| {
        let (done, at_once, most) = (&done, &at_once, &most);
        async move {
            let number = number(&record?);
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..number % 7 {
                tokio::task::yield_now().await;
            }
            at_once.fetch_sub(1, Ordering::SeqCst);
            if number == 60 {
                return Err(Error::other("the test"));
            }
            done.lock().unwrap().push(number);
            Ok(())
        }
    });
    let outcome = tokio::time::timeout(PATIENCE, work).await.expect("the work ends");
    assert!(matches!(outcome, Err(Error::Other { .. })), "{outcome:?}");
    assert_eq!(most.load(Ordering::SeqCst), 3);
    let done = done.into_inner().unwrap();
    let of_key = |key: i32| done.iter().copied().filter(|number| number % 4 == key).collect::<Vec<_>>();
    for key in 0..4 {
        assert!(of_key(key).is_sorted(), "{done:?}");
    }
    assert_eq!(of_key(0).last(), Some(&56), "nothing overtakes the one that failed");
    assert!(!done.is_sorted(), "but others do");
    // What was not done comes again, here and to whoever comes later.
    let seen: BTreeSet<_> = done.iter().copied().collect();
    let first = (0..80).find(|number| !seen.contains(number)).unwrap();
    assert_eq!(next_numbers(&mut consumer, 1).await, [first]);
    consumer.close().await.unwrap();
    let mut consumer = build().build().await.unwrap();
    assert_eq!(next_numbers(&mut consumer, 1).await, [first]);
    consumer.close().await.unwrap();
}

/// Works until told to stop.
async fn work_on(mut consumer: Member, work: Work) -> Member {
    let each = consumer.for_each_concurrent(4, |record| async {
        work.on(record?).await;
        Ok::<(), Error>(())
    });
    work.until_stopped(each).await;
    consumer
}

#[tokio::test]
async fn what_is_under_way_is_done_before_its_partition_goes() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, group) = (topic_with(&client, 4).await, unique("group"));
    produce(&client, &topic, 4, 0..200).await;
    let build = || member(&client, &group, &topic).build();
    let work = Work::default();
    let mut members = tokio::task::JoinSet::new();
    members.spawn(work_on(build().await.unwrap(), work.clone()));
    work.reaches(100).await;
    members.spawn(work_on(build().await.unwrap(), work.clone()));
    work.reaches(200).await;
    produce(&client, &topic, 4, 200..400).await;
    work.reaches(400).await;
    work.stop();
    while let Some(consumer) = members.join_next().await {
        consumer.unwrap().close().await.unwrap();
    }
    let mut counts = BTreeMap::new();
    for record in work.seen() {
        *counts.entry(record).or_insert(0) += 1;
    }
    assert_eq!((counts.len(), counts.values().max()), (400, Some(&1)));
}
