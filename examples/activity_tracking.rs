//! A site's activity as typed events, counted while it happens and replayed later: `cargo run --release --example
//! activity_tracking`.
//!
//! ```text
//!                ┌─► views ────┬──► live: how often each page was viewed, while it is
//!   site ──JSON──┼─► searches  │
//!                └─► uploads ──┴──► replay: all three from the beginning, for questions that came up later
//! ```
//!
//! Each kind of activity is a Rust type and has a topic of its own; the visitor is the key. The live count is a group, which goes on
//! where it has stopped. The replay is none: it reads everything and disturbs nobody. On an embedded broker, or on any cluster
//! with `--bootstrap`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use futures::TryStreamExt;
use kestrel_client::{AutoOffsetReset, Client, Delivery, Place, Producer, Timestamp, TypedProducer};
use kestrel_examples::{
    Cluster, Dice, Result, connect, create_new_topics, exit_code, in_time, thousands, utc,
};
use kestrel_serde::{DeserializeContext, Deserializer, Json, SerdeError, Utf8};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

const PARTITIONS: i32 = 4;
const PAGES: [&str; 6] = ["/", "/pictures", "/pictures/new", "/map", "/about", "/prices"];
const WORDS: [&str; 6] = ["heron", "kingfisher", "owl", "gryphon", "red kite", "phoenix"];
/// What nobody has taken a picture of yet.
const NOT_FOUND: [&str; 2] = ["gryphon", "phoenix"];

/// Track what visitors of a site do.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// The group, and the beginning of the topics' names; they must not be there yet.
    #[arg(long, default_value = "site")]
    name: String,
    /// How often somebody visits the site.
    #[arg(long, default_value_t = 2_000)]
    visits: u64,
    /// How many seconds the day takes.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Decides what the visitors do.
    #[arg(long, default_value_t = 2003)]
    seed: u64,
}

/// Somebody has viewed a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct View {
    page: String,
}

/// Somebody has searched for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Search {
    words: String,
    /// How much was found.
    results: u32,
}

/// Somebody has uploaded a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Upload {
    file: String,
    size_bytes: u64,
}

/// Whatever visitors do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Activity {
    View(View),
    Search(Search),
    Upload(Upload),
}

/// What a visitor did when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    visitor: String,
    time_ms: i64,
    activity: Activity,
}

/// A topic for each kind of activity.
#[derive(Debug, Clone)]
struct Topics {
    views: String,
    searches: String,
    uploads: String,
}

impl Topics {
    fn of(name: &str) -> Self {
        let topic = |kind| format!("{name}-{kind}");
        Self { views: topic("views"), searches: topic("searches"), uploads: topic("uploads") }
    }

    fn all(&self) -> [&str; 3] {
        [&self.views, &self.searches, &self.uploads]
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await)
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let client = connect(bootstrap, "activity-tracking").await?;
    let topics = Topics::of(&options.name);
    create_new_topics(&client, topics.all(), PARTITIONS).await?;
    let day = visits(options.visits, options.seed);
    let mut expected = Report::default();
    day.iter().for_each(|event| expected.add(&event.visitor, &event.activity));

    let pause = Duration::from_secs(options.seconds.into());
    let (live, ()) = tokio::try_join!(
        in_time("counting views", count_live(&client, &options.name, &topics, expected.views.total())),
        publish(&client, &topics, &day, pause),
    )?;
    let replayed = replay(&client, &topics).await?;
    println!("\n{replayed}");
    verify(&live, &replayed, &expected)
}

/// The site: each activity goes to the topic of its kind.
struct Site {
    views: TypedProducer<str, View>,
    searches: TypedProducer<str, Search>,
    uploads: TypedProducer<str, Upload>,
}

impl Site {
    async fn open(producer: &Producer, topics: &Topics) -> Result<Self> {
        Ok(Self {
            views: producer.topic(topics.views.as_str()).key(Utf8).value(Json).open().await?,
            searches: producer.topic(topics.searches.as_str()).key(Utf8).value(Json).open().await?,
            uploads: producer.topic(topics.uploads.as_str()).key(Utf8).value(Json).open().await?,
        })
    }

    /// Gives the event to the producer.
    async fn track(&self, event: &Event) -> Result<Delivery> {
        let (visitor, time) = (event.visitor.as_str(), Timestamp::from_millis(event.time_ms));
        let accepted = match &event.activity {
            Activity::View(view) => self.views.record(visitor, view).timestamp(time).send().await,
            Activity::Search(search) => self.searches.record(visitor, search).timestamp(time).send().await,
            Activity::Upload(upload) => self.uploads.record(visitor, upload).timestamp(time).send().await,
        };
        Ok(accepted?)
    }
}

/// Tracks a day in as much time as one has to look at it.
async fn publish(client: &Client, topics: &Topics, day: &[Event], takes: Duration) -> Result {
    const STEPS: u32 = 40;
    let producer = client.producer().build().await?;
    let site = Site::open(&producer, topics).await?;
    for hour in day.chunks(day.len().div_ceil(STEPS as usize).max(1)) {
        let mut deliveries = Vec::with_capacity(hour.len());
        for event in hour {
            deliveries.push(site.track(event).await?);
        }
        futures::future::try_join_all(deliveries).await?;
        sleep(takes / STEPS).await;
    }
    Ok(())
}

/// Counts the views of each page as they come, until `views` are counted, and says how it stands ten times on the way.
async fn count_live(client: &Client, group: &str, topics: &Topics, views: u64) -> Result<Counts> {
    let mut consumer = client
        .consumer::<String, View>(group)
        .topics([topics.views.as_str()])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let (mut counts, step) = (Counts::default(), views.div_ceil(10).max(1));
    println!("until                 views  most viewed");
    while counts.total() < views {
        let record = consumer.next().await.ok_or("the consumer was closed")??;
        let Some(view) = record.value else { continue };
        counts.add(&view.page);
        if counts.total().is_multiple_of(step) {
            println!("{} {:>7}  {}", utc(record.timestamp), thousands(counts.total()), counts.top(3));
        }
    }
    // Says that the last one is done, too.
    consumer.close().await?;
    Ok(counts)
}

/// Reads all that is in the topics now, from the beginning.
async fn replay(client: &Client, topics: &Topics) -> Result<Report> {
    let mut events = client
        .assigned_consumer::<String, Activity>()
        .assign_topics(topics.all())
        .key(Utf8)
        .value(ByTopic(topics.clone()))
        .between(Place::Beginning, Place::End)
        .build()
        .await?;
    let mut report = Report::default();
    while let Some(event) = events.try_next().await? {
        if let (Some(visitor), Some(activity)) = (event.key, event.value) {
            report.add(&visitor, &activity);
        }
    }
    Ok(report)
}

/// Reads each value as the type of its topic, so that one consumer reads them all.
#[derive(Debug)]
struct ByTopic(Topics);

impl Deserializer<Activity> for ByTopic {
    fn deserialize(
        &self,
        ctx: &DeserializeContext<'_>,
        bytes: &Bytes,
    ) -> std::result::Result<Activity, SerdeError> {
        let Self(topics) = self;
        if ctx.topic == topics.views {
            Json.deserialize(ctx, bytes).map(Activity::View)
        } else if ctx.topic == topics.searches {
            Json.deserialize(ctx, bytes).map(Activity::Search)
        } else if ctx.topic == topics.uploads {
            Json.deserialize(ctx, bytes).map(Activity::Upload)
        } else {
            Err(SerdeError::decode(ctx, "the topic is of no kind of activity"))
        }
    }
}

/// What can be said of a day.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    visitors: BTreeSet<String>,
    views: Counts,
    searches: Counts,
    /// What was searched for and not found.
    in_vain: Counts,
    uploads: u64,
    uploaded_bytes: u64,
}

impl Report {
    fn add(&mut self, visitor: &str, activity: &Activity) {
        if !self.visitors.contains(visitor) {
            self.visitors.insert(visitor.to_owned());
        }
        match activity {
            Activity::View(view) => self.views.add(&view.page),
            Activity::Search(search) => {
                self.searches.add(&search.words);
                if search.results == 0 {
                    self.in_vain.add(&search.words);
                }
            }
            Activity::Upload(upload) => {
                self.uploads += 1;
                self.uploaded_bytes += upload.size_bytes;
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { visitors, views, searches, in_vain, uploads, uploaded_bytes } = self;
        writeln!(f, "read again from the beginning:")?;
        writeln!(f, "  visitors  {}", thousands(visitors.len() as u64))?;
        writeln!(f, "  views     {}: {}", thousands(views.total()), views.top(PAGES.len()))?;
        writeln!(f, "  searches  {}: {}", thousands(searches.total()), searches.top(WORDS.len()))?;
        writeln!(f, "  in vain   {}: {}", thousands(in_vain.total()), in_vain.top(WORDS.len()))?;
        write!(f, "  uploads   {}: {} MB", thousands(*uploads), thousands(uploaded_bytes / 1_000_000))
    }
}

/// How often there was what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, what: &str) {
        match self.0.get_mut(what) {
            Some(count) => *count += 1,
            None => _ = self.0.insert(what.to_owned(), 1),
        }
    }

    fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The so many most frequent.
    fn top(&self, count: usize) -> String {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let shown = all.into_iter().take(count).map(|(what, count)| format!("{what} {}", thousands(*count)));
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// Whether what was counted live and what was replayed is what happened.
fn verify(live: &Counts, replayed: &Report, expected: &Report) -> Result {
    if live != &expected.views {
        return Err(format!("the live counts are {live:?}, and should be {:?}", expected.views).into());
    }
    if replayed != expected {
        return Err(format!("the replay says {replayed:?}, and should say {expected:?}").into());
    }
    println!("the live counts were right, and the replay gives the same ones");
    Ok(())
}

/// What happens on a day with so many visits, in the order of time.
fn visits(count: u64, seed: u64) -> Vec<Event> {
    const MIDNIGHT_MS: i64 = 1_772_409_600_000; // 2026-03-02 00:00 UTC
    const DAY_S: u64 = 86_400;
    let mut dice = Dice::new(seed);
    let mut events = Vec::new();
    for _ in 0..count {
        let visitor = format!("visitor-{}", dice.roll(500));
        // Most come in the middle of the day.
        let mut second = (0..3).map(|_| dice.roll(DAY_S / 3)).sum::<u64>();
        for step in 0..=dice.roll(6) {
            let time_ms = MIDNIGHT_MS + i64::try_from(second * 1_000).unwrap_or(i64::MAX);
            let activity = next_activity(step, &mut dice);
            events.push(Event { visitor: visitor.clone(), time_ms, activity });
            second += 2 + dice.roll(60);
        }
    }
    events.sort_by_key(|event| event.time_ms);
    events
}

/// Whoever comes sees the first page; later some search, and few upload.
fn next_activity(step: u64, dice: &mut Dice) -> Activity {
    match dice.roll(10) {
        0 | 1 if step > 0 => {
            let words = *dice.pick(&WORDS);
            let results = if NOT_FOUND.contains(&words) { 0 } else { 1 + dice.roll(90) };
            let results = u32::try_from(results).unwrap_or(u32::MAX);
            Activity::Search(Search { words: words.to_owned(), results })
        }
        2 if step > 0 => Activity::Upload(Upload {
            file: format!("picture-{}.jpg", dice.roll(100_000)),
            size_bytes: 200_000 + dice.roll(4_000_000),
        }),
        _ if step == 0 => Activity::View(View { page: PAGES[0].to_owned() }),
        _ => Activity::View(View { page: (*dice.pick(&PAGES)).to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn live_counts_and_replay_are_what_happened() {
        let cluster = Cluster::default();
        let options = Options { cluster, name: "quick".to_owned(), visits: 300, seconds: 0, seed: 7 };
        options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await.unwrap();
    }

    #[test]
    fn the_verdict_tells_lost_and_doubled_events() {
        let report = |events: &[Event]| {
            let mut report = Report::default();
            events.iter().for_each(|event| report.add(&event.visitor, &event.activity));
            report
        };
        let day = visits(300, 7);
        let expected = report(&day);
        verify(&expected.views, &expected, &report(&day)).unwrap();
        let kinds: [fn(&Activity) -> bool; 3] = [
            |activity| matches!(activity, Activity::View(_)),
            |activity| matches!(activity, Activity::Search(_)),
            |activity| matches!(activity, Activity::Upload(_)),
        ];
        for kind in kinds {
            let one = day.iter().position(|event| kind(&event.activity)).unwrap();
            let lost = [&day[..one], &day[one + 1..]].concat();
            let doubled = [&day[..], &day[one..=one]].concat();
            for wrong in [report(&lost), report(&doubled)] {
                assert!(verify(&expected.views, &wrong, &expected).is_err());
            }
        }
        assert!(verify(&Counts::default(), &expected, &expected).is_err());
    }
}
