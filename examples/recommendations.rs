//! Who saw this also saw: recommendations from what visitors of a shop look at. `cargo run --release --example recommendations`.
//!
//! ```text
//!   shop ──► views, keyed by visitor ──► pair: what was seen together ──► pairs, keyed by thing
//!                                                                            │
//!   shop ◄── recommendations, one for each thing (compacted) ◄── count ◄─────┘
//! ```
//!
//! Two services, each a group with a task per partition. The key of a topic decides what comes together in a task: all views of a
//! visitor in the first, all pairs of a thing in the second. So each keeps what it needs in memory and asks nobody. Records are
//! worked on at least once: a pair that is counted twice after a crash recommends nothing else. On an embedded broker, or on any
//! cluster with `--bootstrap`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    AutoOffsetReset, CancellationToken, Client, CommitPolicy, Consumer, PartitionStream, Place, TypedProducer,
};
use kestrel_examples::{Cluster, Dice, Result, connect, create_new_topics, exit_code, thousands, until_read};
use kestrel_serde::{Json, Utf8};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

const PARTITIONS: i32 = 4;
/// What somebody looks at counts as seen together with so many things that they have looked at before.
const REMEMBERED: usize = 4;
/// How many things are recommended beside one.
const RECOMMENDED: usize = 3;
/// How often what is done is committed; 5 seconds if nothing is said.
const COMMIT: Duration = Duration::from_millis(200);
/// The shop's things; those of a line belong together, so this is what should be found out.
const THINGS: [[&str; 5]; 4] = [
    ["tent", "sleeping bag", "camping stove", "head torch", "mat"],
    ["violin", "bow", "rosin", "music stand", "metronome"],
    ["flour", "yeast", "rolling pin", "proving basket", "scales"],
    ["bicycle", "pump", "helmet", "lock", "repair kit"],
];

/// Recommend things by what visitors look at.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// The beginning of the names of topics and groups; the topics must not be there yet.
    #[arg(long, default_value = "shop")]
    name: String,
    /// How many visitors the shop has.
    #[arg(long, default_value_t = 3_000)]
    visitors: u64,
    /// Decides what they look at.
    #[arg(long, default_value_t = 1998)]
    seed: u64,
}

/// A visitor, who is the record's key, has looked at a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct View {
    thing: String,
}

/// Whoever has seen the thing that is the record's key has also seen this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AlsoSeen {
    thing: String,
}

/// What goes with the thing that is the record's key, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Recommendation {
    also_seen: Vec<String>,
}

/// The topics and groups of the shop.
#[derive(Debug, Clone)]
struct Names {
    views: String,
    pairs: String,
    recommendations: String,
    pairing: String,
    counting: String,
}

impl Names {
    fn of(name: &str) -> Self {
        let named = |what| format!("{name}-{what}");
        Self {
            views: named("views"),
            pairs: named("pairs"),
            recommendations: named("recommendations"),
            pairing: named("pairing"),
            counting: named("counting"),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await)
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let client = connect(bootstrap, "recommendations").await?;
    let names = Names::of(&options.name);
    create_topics(&client, &names).await?;
    let views = browse(options.visitors, options.seed);
    let pairs = pairs_of(&views);

    let stop = CancellationToken::new();
    let mut services = JoinSet::new();
    services.spawn(pair(client.clone(), names.clone(), stop.clone()));
    services.spawn(count(client.clone(), names.clone(), stop.clone()));
    publish(&client, &names.views, &views).await?;
    tokio::select! {
        read = until_read(&client, &names.pairing, views.len()) => read?,
        Some(ended) = services.join_next() => return Err(early(ended)),
    }
    tokio::select! {
        read = until_read(&client, &names.counting, pairs.len()) => read?,
        Some(ended) = services.join_next() => return Err(early(ended)),
    }
    stop.cancel();
    while let Some(ended) = services.join_next().await {
        ended??;
    }

    let shown = read_recommendations(&client, &names.recommendations).await?;
    println!(
        "{} views of {} visitors, {} times seen together\n",
        thousands(views.len() as u64),
        thousands(options.visitors),
        thousands(pairs.len() as u64)
    );
    print_recommendations(&shown);
    verify(&shown, &pairs)
}

/// Why a service has ended that should go on.
fn early(
    ended: std::result::Result<Result, tokio::task::JoinError>,
) -> Box<dyn std::error::Error + Send + Sync> {
    match ended {
        Ok(Ok(())) => "a service has ended too early".into(),
        Ok(Err(error)) => error,
        Err(error) => error.into(),
    }
}

async fn create_topics(client: &Client, names: &Names) -> Result {
    create_new_topics(client, [&*names.views, &*names.pairs], PARTITIONS).await?;
    // A thing has one recommendation, its last.
    let compacted =
        NewTopic::new(&*names.recommendations).partitions(PARTITIONS).config("cleanup.policy", "compact");
    client.admin().create_topics([compacted]).await.into_result()?;
    Ok(())
}

/// The first service: says of everything that a visitor looks at what else they have looked at.
async fn pair(client: Client, names: Names, stop: CancellationToken) -> Result {
    // One view at a time: waiting for more records to send with these would be in vain.
    let producer = client.producer().linger(Duration::ZERO).build().await?;
    let pairs = producer.topic(&*names.pairs).key(Utf8).value(Json).open().await?;
    let mut views = member(&client, &names.pairing, &names.views).await?;
    views.for_each_partition_until(stop, |views| pair_partition(views, pairs.clone())).await?;
    views.close().await?;
    Ok(())
}

async fn pair_partition(
    mut views: PartitionStream<String, View>,
    pairs: TypedProducer<str, AlsoSeen>,
) -> Result {
    let mut visitors: HashMap<String, LastSeen> = HashMap::new();
    while let Some(view) = views.next().await {
        let view = view?;
        let (Some(visitor), Some(View { thing })) = (view.key, view.value) else { continue };
        let mut deliveries = Vec::new();
        for (one, other) in visitors.entry(visitor).or_default().see(&thing) {
            deliveries.push(pairs.send(&one, &AlsoSeen { thing: other }).await?);
        }
        // Stored before the next view is asked for, which says that this one is done.
        futures::future::try_join_all(deliveries).await?;
    }
    Ok(())
}

/// The second service: counts what was seen together, and recommends what was most often.
async fn count(client: Client, names: Names, stop: CancellationToken) -> Result {
    let producer = client.producer().linger(Duration::ZERO).build().await?;
    let recommendations = producer.topic(&*names.recommendations).key(Utf8).value(Json).open().await?;
    let mut pairs = member(&client, &names.counting, &names.pairs).await?;
    pairs.for_each_partition_until(stop, |pairs| count_partition(pairs, recommendations.clone())).await?;
    pairs.close().await?;
    Ok(())
}

async fn count_partition(
    mut pairs: PartitionStream<String, AlsoSeen>,
    recommendations: TypedProducer<str, Recommendation>,
) -> Result {
    let mut things: BTreeMap<String, Counts> = BTreeMap::new();
    while let Some(pair) = pairs.next().await {
        let pair = pair?;
        let (Some(thing), Some(also_seen)) = (pair.key, pair.value) else { continue };
        let counts = things.entry(thing.clone()).or_default();
        if counts.add(also_seen.thing) {
            recommendations.send(&thing, &counts.recommendation()).await?.await?;
        }
    }
    Ok(())
}

/// A member of a group that reads a topic from its beginning.
async fn member<T: DeserializeOwned + Send + 'static>(
    client: &Client,
    group: &str,
    topic: &str,
) -> Result<Consumer<String, T>> {
    Ok(client
        .consumer(group)
        .topics([topic])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::Interval(COMMIT))
        .build()
        .await?)
}

/// What a visitor has looked at last, each thing once.
#[derive(Debug, Default)]
struct LastSeen(VecDeque<String>);

impl LastSeen {
    /// Adds a thing; gives what it was seen together with, both ways.
    fn see(&mut self, thing: &str) -> Vec<(String, String)> {
        self.0.retain(|seen| seen != thing);
        let both = |seen: &String| [(seen.clone(), thing.to_owned()), (thing.to_owned(), seen.clone())];
        let pairs = self.0.iter().flat_map(both).collect();
        self.0.push_back(thing.to_owned());
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
        pairs
    }
}

/// How often something else was seen with a thing.
#[derive(Debug, Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// Counts one more; gives whether the recommendation is another one now.
    fn add(&mut self, thing: String) -> bool {
        let before = self.recommendation();
        *self.0.entry(thing).or_default() += 1;
        before != self.recommendation()
    }

    /// The most frequent; of those that are equally frequent the first of the alphabet.
    fn recommendation(&self) -> Recommendation {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        Recommendation {
            also_seen: all.into_iter().take(RECOMMENDED).map(|(thing, _)| thing.clone()).collect(),
        }
    }
}

/// The last recommendation of each thing: what the shop's pages are made from.
async fn read_recommendations(client: &Client, topic: &str) -> Result<BTreeMap<String, Recommendation>> {
    let mut records = client
        .assigned_consumer::<String, Recommendation>()
        .assign_topics([topic])
        .key(Utf8)
        .value(Json)
        .between(Place::Beginning, Place::End)
        .build()
        .await?;
    let mut last = BTreeMap::new();
    while let Some(record) = records.next().await {
        let record = record?;
        if let (Some(thing), Some(recommendation)) = (record.key, record.value) {
            last.insert(thing, recommendation);
        }
    }
    Ok(last)
}

fn print_recommendations(recommendations: &BTreeMap<String, Recommendation>) {
    println!("who saw          also saw");
    for (thing, Recommendation { also_seen }) in recommendations {
        println!("{thing:<16} {}", also_seen.join(", "));
    }
}

/// Whether the recommendations are those that one who sees everything would make, and whether they make sense: each is of the
/// kind of its thing.
fn verify(shown: &BTreeMap<String, Recommendation>, pairs: &[(String, String)]) -> Result {
    let mut things: BTreeMap<_, Counts> = BTreeMap::new();
    for (thing, also_seen) in pairs {
        *things.entry(thing.clone()).or_default().0.entry(also_seen.clone()).or_default() += 1;
    }
    let expected: BTreeMap<_, _> =
        things.into_iter().map(|(thing, counts)| (thing, counts.recommendation())).collect();
    if shown != &expected {
        return Err(format!("the recommendations are {shown:?}, and should be {expected:?}").into());
    }
    for (thing, Recommendation { also_seen }) in shown {
        if let Some(other) = also_seen.iter().find(|other| kind_of(other) != kind_of(thing)) {
            return Err(format!("{other} is recommended to who looks at {thing}").into());
        }
    }
    println!("\neach thing goes with things of its own kind, though nobody has said what kinds there are");
    Ok(())
}

fn kind_of(thing: &str) -> Option<usize> {
    THINGS.iter().position(|kind| kind.contains(&thing))
}

/// All pairs that are seen by one who sees all views.
fn pairs_of(views: &[(String, View)]) -> Vec<(String, String)> {
    let mut visitors: HashMap<&str, LastSeen> = HashMap::new();
    views.iter().flat_map(|(visitor, view)| visitors.entry(visitor).or_default().see(&view.thing)).collect()
}

async fn publish(client: &Client, topic: &str, views: &[(String, View)]) -> Result {
    let producer = client.producer().build().await?;
    let topic = producer.topic::<str, View>(topic).key(Utf8).value(Json).open().await?;
    let mut deliveries = Vec::with_capacity(views.len());
    for (visitor, view) in views {
        deliveries.push(topic.send(visitor, view).await?);
    }
    futures::future::try_join_all(deliveries).await?;
    Ok(())
}

/// What visitors look at, in the order of time: mostly things of the kind that they came for.
fn browse(visitors: u64, seed: u64) -> Vec<(String, View)> {
    let mut dice = Dice::new(seed);
    let kinds: Vec<usize> = (0..visitors).map(|_| *dice.pick(&[0, 1, 2, 3])).collect();
    let mut views = Vec::new();
    for _ in 0..6 {
        for (visitor, kind) in kinds.iter().enumerate() {
            let kind = if dice.roll(8) == 0 { *dice.pick(&[0, 1, 2, 3]) } else { *kind };
            let thing = (*dice.pick(&THINGS[kind])).to_owned();
            views.push((format!("visitor-{visitor}"), View { thing }));
        }
    }
    views
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_thing_goes_with_its_kind() {
        let options =
            Options { cluster: Cluster::default(), name: "quick".to_owned(), visitors: 400, seed: 7 };
        options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await.unwrap();
    }

    #[test]
    fn a_thing_is_seen_with_the_last_ones_both_ways() {
        let mut seen = LastSeen::default();
        assert!(seen.see("a").is_empty());
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(seen.see("b"), [pair("a", "b"), pair("b", "a")]);
        assert_eq!(seen.see("a"), [pair("b", "a"), pair("a", "b")], "not with itself");
        for thing in ["c", "d", "e"] {
            seen.see(thing);
        }
        let with: Vec<_> = seen.see("f").into_iter().step_by(2).map(|(seen, _)| seen).collect();
        assert_eq!(with, ["a", "c", "d", "e"], "b is too long ago");
    }

    #[test]
    fn the_most_frequent_is_recommended_and_said_when_it_changes() {
        let mut counts = Counts::default();
        let changes: Vec<_> = ["x", "y", "z", "w", "w", "z"].map(|thing| counts.add(thing.to_owned())).into();
        assert_eq!(changes, [true, true, true, true, false, true]);
        let also_seen = ["w", "z", "x"].map(str::to_owned).to_vec();
        assert_eq!(counts.recommendation(), Recommendation { also_seen });
        assert!(!counts.add("w".to_owned()), "it is the first already");
    }

    #[test]
    fn the_verdict_tells_wrong_recommendations() {
        let pairs = pairs_of(&browse(400, 7));
        let mut right: BTreeMap<String, Counts> = BTreeMap::new();
        for (thing, also_seen) in &pairs {
            right.entry(thing.clone()).or_default().add(also_seen.clone());
        }
        let mut shown: BTreeMap<_, _> =
            right.into_iter().map(|(thing, counts)| (thing, counts.recommendation())).collect();
        verify(&shown, &pairs).unwrap();
        assert!(verify(&shown, &pairs[..10]).is_err());
        shown.pop_first();
        assert!(verify(&shown, &pairs).is_err());
    }
}
