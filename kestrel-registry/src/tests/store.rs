//! Stores on an embedded broker: what survives, and two of them on one topic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kestrel_broker::Broker;
use kestrel_client::Client;

use crate::error::Refusal;
use crate::http::{Call, Route, route};
use crate::machine::Answer;
use crate::part::{Health, Part};
use crate::store::{Store, StoreSettings};

async fn store(broker: &Broker, part: &Part) -> Store {
    store_with(broker, part, Duration::from_secs(60)).await
}

async fn store_with(broker: &Broker, part: &Part, write_timeout: Duration) -> Store {
    let client = Client::builder(broker.bootstrap_servers()).connect().await.unwrap();
    let settings = StoreSettings { write_timeout, ..StoreSettings::new() };
    Store::start(&client, settings, part).await.unwrap()
}

async fn register(store: &Store, subject: &str, size: usize) -> i32 {
    let body = format!(r#"{{"schema":"{{\"type\":\"fixed\",\"name\":\"F\",\"size\":{size}}}"}}"#);
    let path = format!("/subjects/{subject}/versions");
    let Ok(Route::Ask(request)) =
        route(Call { method: "POST", path: &path, query: "", body: body.as_bytes() })
    else {
        panic!("{path}")
    };
    match store.ask(*request).await {
        Ok(Answer::Schema(answer)) => answer.id.unwrap(),
        other => panic!("{subject}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registries_never_give_two_ids_to_a_schema_nor_an_id_to_two() {
    let broker = Broker::test().await.unwrap();
    let part = Part::new(&Health::new());
    let stores = [store(&broker, &part).await, store(&broker, &part).await];
    let ids = |store: usize| {
        let store = &stores[store];
        async move {
            let mut ids = Vec::new();
            for size in 1..=12 {
                // The same schemas from both, under subjects of their own.
                let subject = format!("s{size}-{store:p}");
                ids.push((size, register(store, &subject, size).await));
            }
            ids
        }
    };
    let (one, other) = tokio::join!(ids(0), ids(1));
    let mut by_schema = BTreeMap::<_, BTreeSet<_>>::new();
    one.into_iter().chain(other).for_each(|(size, id)| {
        by_schema.entry(size).or_default().insert(id);
    });
    assert!(by_schema.values().all(|ids| ids.len() == 1), "{by_schema:?}");
    let all: BTreeSet<_> = by_schema.values().flatten().collect();
    assert_eq!(all.len(), 12, "{by_schema:?}");
    part.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_keep_every_id() {
    let broker = Broker::test().await.unwrap();
    let part = Part::new(&Health::new());
    let first = store(&broker, &part).await;
    assert_eq!(register(&first, "a", 1).await, 1);
    broker.restart().await.unwrap();
    // The same store goes on, and a new one has what it wrote.
    assert_eq!(register(&first, "b", 2).await, 2);
    let second = store(&broker, &part).await;
    assert_eq!(register(&second, "c", 1).await, 1);
    assert_eq!(register(&second, "c2", 3).await, 3);
    assert_eq!(register(&first, "d", 3).await, 3);
    part.end().await;
}

/// Neither the clock nor the brokers, which refuse a transaction that may be open for so long, are asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_may_take_for_ever() {
    let broker = Broker::test().await.unwrap();
    let part = Part::new(&Health::new());
    let store = store_with(&broker, &part, Duration::MAX).await;
    assert_eq!(register(&store, "s", 1).await, 1);
    assert_eq!(find(&store, "/schemas/ids/2").await.unwrap_err().code(), 40403);
    part.end().await;
}

async fn find(store: &Store, path: &str) -> Result<Answer, Refusal> {
    let Ok(Route::Ask(request)) = route(Call { method: "GET", path, query: "", body: &[] }) else {
        panic!("{path}")
    };
    store.ask(*request).await
}

/// What one registry has acknowledged, another one knows, however far it has read by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_registry_has_given_another_one_knows_at_once() {
    let broker = Broker::test().await.unwrap();
    let part = Part::new(&Health::new());
    let (one, other) = (store(&broker, &part).await, store(&broker, &part).await);
    for size in 1..=40 {
        let id = register(&one, &format!("s{size}"), size).await;
        let path = match size % 3 {
            0 => format!("/schemas/ids/{id}"),
            1 => format!("/subjects/s{size}/versions/latest"),
            _ => format!("/schemas/ids/{id}/versions"),
        };
        assert!(find(&other, &path).await.is_ok(), "{path}");
    }
    assert_eq!(find(&other, "/schemas/ids/41").await.unwrap_err().code(), 40403);
    part.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_brokers_are_away_what_is_known_is_told_and_nothing_else() {
    let broker = Broker::test().await.unwrap();
    let part = Part::new(&Health::new());
    let store = store_with(&broker, &part, Duration::from_secs(1)).await;
    assert_eq!(register(&store, "s", 1).await, 1);
    broker.stop().await.unwrap();
    // A registration too, since there is nothing to write.
    assert_eq!(register(&store, "s", 1).await, 1);
    assert!(find(&store, "/schemas/ids/1").await.is_ok());
    // Another registry may have given it before the brokers went.
    let refused = find(&store, "/schemas/ids/2").await.unwrap_err();
    assert!(
        refused.code() == 50001 && refused.message().contains("the end of the topic cannot be read"),
        "{refused}"
    );
    part.end().await;
}
