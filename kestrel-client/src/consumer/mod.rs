//! Consumer: reads records from the partitions that it is assigned.
//!
//! ```text
//!   caller's task                          lock                     driver's task
//!   handout: Hand                    ┌──────────────┐         sends Fetch to each leader on a
//!     takes a run of batches ◄────── │   Engine     │ ◄────── connection of its own, keeps one
//!     opens one batch at a time      │   fetch      │         request under way per broker
//!     reads one record at a time     │   position   │ ──────► ListOffsets, OffsetForLeaderEpoch
//!   seek, pause, assign ───────────► │              │         when a position is unknown or doubtful
//!                                    └──────▲───────┘
//!                                           └ group's task: what is assigned, where it begins, what is committed
//! ```
//!
//! | room | what is in it |
//! |---|---|
//! | [`fetch`] | machines: which broker is asked for what, and the batches that came |
//! | [`position`] | machines: assigned partitions, their offsets, leaders and stalls |
//! | [`engine`] | joins both behind one lock, [`shared_engine`] |
//! | [`handout`] | the caller's task: records, batches, tasks of partitions |
//! | [`group`] | a member of a group: membership, commits, rebalances |
//! | [`driver`] | the task that sends what the engine says |
//!
//! Decoding is not here but in [`reader`](crate::reader), acks in [`acks`](crate::acks), assignors in [`assignor`](crate::assignor).

mod builder;
mod calls;
mod driver;
mod engine;
mod fetch;
mod from_records;
mod group;
mod handed_out;
mod handle;
mod handout;
mod position;
mod range;
mod retry;
mod shared_engine;
mod source;
#[cfg(test)]
mod testing;

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use self::driver::Driver;
use self::engine::Engine;
use self::handle::Base;
use self::handout::Hand;
use self::shared_engine::SharedEngine;
use crate::client::Client;
use crate::config::ConsumerSettings;
use crate::metadata::TopicUses;
use crate::observer::ObserverSeat;
use crate::producer::Producer;
use crate::reader::{Decoders, RecordReader};
use crate::record::Timestamp;
use crate::rejected::{LetterBox, PoisonPolicy, Settler};

pub use self::builder::{AssignedConsumerBuilder, ConsumerBuilder};
pub use self::from_records::{RecordedConsumerBuilder, RecordedGroup, from_records};
pub use self::group::{
    AssignedPartitions, Commit, GroupMetadata, OffsetAndMetadata, RebalanceListener, RevokedPartitions,
};
pub(crate) use self::group::{LAST_VERSION_WITH_NAMES, OffsetQuestion, refusal};
pub(crate) use self::handed_out::HandedOut;
pub use self::handle::{ConsumerHandle, OffsetAndTimestamp};
pub use self::handout::PartitionStream;
pub use self::range::Place;
pub use self::source::{Assigned, Source, Subscribed};

/// Reads records, with keys and values of the types `K` and `V`: as a member of a group, or from assigned partitions.
///
/// Made by [`Client::consumer`] and [`Client::assigned_consumer`]. It is a [`Stream`](futures::Stream) of records;
/// [`Self::next`] is the same without an import. Records are fetched in the background, bounded in bytes, while the caller
/// works.
///
/// ```no_run
/// # async fn f() -> Result<(), kestrel_client::Error> {
/// use kestrel_client::{AutoOffsetReset, Client, Json, Utf8};
///
/// #[derive(Debug, serde::Deserialize)]
/// struct Click {
///     page: String,
/// }
///
/// let client = Client::builder("localhost:9092").connect().await?;
/// let mut consumer = client
///     .consumer::<String, Click>("billing")
///     .topics(["clicks"])
///     .key(Utf8)
///     .value(Json)
///     .auto_offset_reset(AutoOffsetReset::Earliest)
///     .build()
///     .await?;
/// while let Some(record) = consumer.next().await {
///     let record = record?;
///     println!("{}@{}: {:?}", record.partition, record.offset, record.value);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Groups
/// The members of a group divide the partitions of their topics: each partition is read by one member. Members may come and
/// go at any time; a member that is closed gives up its partitions at once, one that vanishes after `session.timeout.ms`,
/// and one whose application does not ask for records within `max.poll.interval.ms` until it asks again. Partitions that
/// come begin where the group has committed, and where `auto.offset.reset` says when it has not.
///
/// While a partition is given up, nothing more of it is handed out, and the rebalance waits until the caller asks for the next
/// record: so what it was at is done, and committed. A [`RebalanceListener`] may do more then. What a rebalance does not
/// take is read on, if the assignors are cooperative ones; see [`assignor`](crate::assignor).
///
/// # Three ways to commit
/// At least once, which is the default: a record counts as done when the next one is asked for, and what is done is
/// committed each 5 s, when partitions are given up, and on [`Self::close`]. A crash repeats what came after the last commit.
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// # async fn work(_: kestrel_client::ConsumerRecord<String, u64>) {}
/// while let Some(record) = consumer.next().await {
///     work(record?).await;
/// }
/// # Ok(())
/// # }
/// ```
///
/// At least once with work in other tasks, in any order: with [`CommitPolicy::OnAck`](crate::CommitPolicy::OnAck), what is
/// committed is the first record that was not acknowledged. [`Self::for_each_partition`] is the same with a task for each
/// partition, and [`Self::for_each_concurrent`] with several records at once. Whatever else reads ahead, such as `buffered`,
/// `chunks` and `for_each_concurrent` of `StreamExt`, asks for the next record before the work on the last one is done: with the
/// default policy that commits what is not done, so it needs `OnAck`.
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// # async fn work(_: &kestrel_client::ConsumerRecord) {}
/// use kestrel_client::CommitPolicy;
///
/// let consumer = client.consumer("billing").topics(["clicks"]).commit_policy(CommitPolicy::OnAck);
/// let mut consumer = consumer.build().await?;
/// while let Some(record) = consumer.next().await {
///     let record = record?;
///     tokio::spawn(async move {
///         work(&record).await;
///         record.ack();
///     });
/// }
/// # Ok(())
/// # }
/// ```
///
/// At most once: commit first, then work, with [`CommitPolicy::Manual`](crate::CommitPolicy::Manual). A crash loses what was
/// committed and not worked on.
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// # async fn work(_: kestrel_client::Batch<String, u64>) {}
/// while let Some(batch) = consumer.next_batch().await? {
///     consumer.commit().await?;
///     work(batch).await;
/// }
/// # Ok(())
/// # }
/// ```
///
/// To read again from an earlier place, [`Self::seek`], or say where partitions begin in
/// [`RebalanceListener::assigned`].
///
/// # Position
/// A partition's position is the offset that is handed out next. It moves when a record is handed out (with
/// [`Self::next_batch`]: when its batch is), and past what is never handed out: transaction markers, records of aborted
/// transactions with `read_committed`, and what compaction has removed.
///
/// # Order and fairness
/// Records of a partition come in the order of their offsets, each once. Between partitions there is no order; runs of
/// fetched batches take turns.
///
/// # Memory
/// At most `fetch_buffer_bytes` wait for the caller. Keys, values and headers that are much smaller than the buffer they
/// were fetched in are copied into small shared blocks (16 KiB), so a record that is kept for long does not keep a large
/// buffer; larger ones share the buffer without a copy. Both hold for what a deserializer is given: what it makes of
/// the bytes is its own business.
///
/// # Errors in the stream
/// An `Err` item never ends the stream. A record that cannot be deserialized comes as
/// [`Error::Deserialize`](crate::Error::Deserialize) with its bytes, unless
/// [`on_poison`](ConsumerBuilder::on_poison) says something else; one whose schema cannot be had, or whose dead letter is not stored, as
/// [`Error::Held`](crate::Error::Held), and again until it need not; trouble with a position as
/// [`Error::Position`](crate::Error::Position); a topic that is missing for 5 seconds as
/// [`Error::UnknownTopic`](crate::Error::UnknownTopic), and again every 5 seconds. Lost connections and leader changes
/// are not reported: the consumer goes on by itself. But whatever keeps a partition from moving for ten seconds, while the
/// application asks for records, comes as [`Error::Stalled`](crate::Error::Stalled) with its last cause, every 5 seconds; so
/// does what keeps the whole group from working, as the error that it is. The consumer goes on trying: an application that
/// does not want to end then goes on after errors that are [retriable](crate::Error::is_retriable).
///
/// # What cannot be read, and what cannot be worked on
/// A record that is no `K` and `V` is *poison*: it fails as often as it is read. [`on_poison`](ConsumerBuilder::on_poison) says what
/// becomes of it: the application gets the error (the default), it is skipped, or it goes to a topic of dead letters; in any case the
/// stream goes on. Work that fails is tried again by the loop [`Self::handling`], and a record that is at fault itself is kept or given
/// up in the same way.
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// # async fn charge(_: &kestrel_client::ConsumerRecord<String, i64>) -> std::io::Result<()> { Ok(()) }
/// use kestrel_client::{Consumer, Int64, Remedy, Utf8};
///
/// let dead_letters = Remedy::dead_letter("payments.dlq");
/// let consumer = client.consumer("billing").topics(["payments"]).key(Utf8).value(Int64);
/// let mut consumer: Consumer<String, i64> = consumer.on_poison(dead_letters.clone()).build().await?;
/// consumer
///     .handling()
///     .attempts(4)
///     .then(dead_letters)
///     .run(|payment| async move {
///         charge(&payment).await?; // tried again, never given up: what may be is said by `Failure::lasting`
///         Ok(())
///     })
///     .await
/// # }
/// ```
///
/// The record is passed, and counts as done, once what becomes of it is done: a dead letter is stored before any commit covers its
/// record, on every way of reading. A letter that is slow or cannot be stored holds its partition and no other, and loses nothing:
/// [`Error::Held`](crate::Error::Held).
///
/// # With and without a group
/// `S` is where its partitions come from. A member of a group is [`Subscribed`], which is what `Consumer<K, V>` means; it can
/// commit. [`AssignedConsumer`] reads what it is told to with [`assign`](AssignedConsumer::assign); there is no group to commit to,
/// and the calls for that do not exist. All others are the same. Code for both is generic over [`Source`].
///
/// Dropping the consumer stops its tasks and closes its connections without blocking or committing, and leaves its group in the
/// background; see [`Self::close`].
pub struct Consumer<K, V, S: Source = Subscribed> {
    handle: ConsumerHandle<S>,
    hand: Hand,
    reader: RecordReader<K, V>,
    /// Says what becomes of records that cannot be read or worked on.
    settler: Arc<Settler>,
    /// Ends the drivers when the consumer is dropped.
    _on_drop: DropGuard,
}

/// A [`Consumer`] that reads the partitions it is told to; made by [`Client::assigned_consumer`].
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::{AssignedConsumer, Utf8};
///
/// let consumer = client.assigned_consumer().assign([("clicks", 0)]).key(Utf8).value(Utf8);
/// let mut consumer: AssignedConsumer<String, String> = consumer.build().await?;
/// consumer.assign([("clicks", 0), ("clicks", 1)])?;
/// # Ok(())
/// # }
/// ```
pub type AssignedConsumer<K, V> = Consumer<K, V, Assigned>;

/// How a consumer reads.
struct Reading<K, V> {
    decoders: Decoders<K, V>,
    /// Where partitions begin that nothing else says it of.
    start_at: Option<Timestamp>,
    /// What becomes of what cannot be read.
    on_poison: PoisonPolicy,
    /// The application's producer of dead letters.
    letters: Option<Producer>,
}

impl<K, V, S: Source> Consumer<K, V, S> {
    /// Starts the driver; `join` starts what else the source needs.
    fn start(
        client: Client,
        settings: ConsumerSettings,
        reading: Reading<K, V>,
        group_id: Option<Arc<str>>,
        join: impl FnOnce(&Base, CancellationToken) -> S,
    ) -> Self {
        let settings = Arc::new(settings);
        let Reading { decoders, start_at, on_poison, letters } = reading;
        let letters = LetterBox::new(client.clone(), letters);
        let settler = Settler::new(on_poison, letters, client.observer().clone(), group_id.clone());
        let max_age = client.settings().metadata_max_age;
        let mut engine = Engine::new(settings.clone(), max_age, &client.retry_backoff());
        if let Some(time) = start_at {
            engine.start_at(time);
        }
        let shared = SharedEngine::new(engine);
        let stop = CancellationToken::new();
        let topics = TopicUses::new(client.metadata().clone());
        let driver = Driver::new(client.clone(), shared.clone(), topics.clone(), group_id);
        client.tasks().spawn("consumer", driver.run(stop.clone()), shared.on_loss(&stop));
        let base = Base { client, settings, shared, topics };
        let source = join(&base, stop.clone());
        Self::over(ConsumerHandle { base, source }, decoders, settler, stop)
    }

    /// Hands out what the engine of `handle` has; ends its tasks with `stop` when it is dropped.
    fn over(
        handle: ConsumerHandle<S>,
        decoders: Decoders<K, V>,
        settler: Settler,
        stop: CancellationToken,
    ) -> Self {
        let (base, group) = (&handle.base, settler.group().cloned());
        let hand = Hand::new(base.shared.clone(), base.client.observer().clone(), group);
        let (reader, settler) = (RecordReader::new(decoders), Arc::new(settler));
        Self { handle, hand, reader, settler, _on_drop: stop.drop_guard() }
    }

    pub(crate) fn observer(&self) -> &ObserverSeat {
        self.handle.base.client.observer()
    }

    /// What says what becomes of records that cannot be read or worked on.
    pub(crate) const fn settler(&self) -> &Arc<Settler> {
        &self.settler
    }
}

impl<K, V, S: Source> fmt::Debug for Consumer<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("assignment", &self.assignment()).finish_non_exhaustive()
    }
}
