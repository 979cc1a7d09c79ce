//! A consumer from records: the real engine and the real stream over logs in memory, and a group that only writes down.
//!
//! Stands in for the two drivers. Public as [`kestrel_client::testing`](crate::testing).

mod batch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_serde::{Deserializer, Raw};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Consumer;
use super::engine::Engine;
use super::group::OffsetAndMetadata;
use super::group::handle::{GroupCommand, GroupHandle, done_entries};
use super::group::machine::MemberIdentity;
use super::handle::{Base, ConsumerHandle};
use super::shared_engine::SharedEngine;
use super::source::Subscribed;
use crate::client::Client;
use crate::config::{CommitPolicy, ConsumerConfig};
use crate::environment;
use crate::error::Result;
use crate::metadata::TopicUses;
use crate::reader::Decoders;
use crate::record::{Record, Timestamp, TopicPartition};
use crate::rejected::{LetterBox, LetterPaper, PoisonPolicy, Remedy, Settler};

/// Room for the header and varints of a batch with one record, and more.
const BATCH_SLACK_BYTES: usize = 1024;

/// Begins a consumer that hands out `records`, for a unit test of what consumes them; [`batch`](RecordedConsumerBuilder::batch)
/// makes one [`Batch`](crate::Batch) of them instead.
///
/// It is a [`Consumer`] as of [`Client::consumer`]: records come through its deserializers, in batches too, and can be poison; it
/// can seek, pause and commit. The offsets of a partition begin at 0 in the order of `records`; a record without a partition is
/// in partition 0, and one without a timestamp has none. After the last record the stream ends with `None`, and
/// [`Consumer::for_each_partition`] returns when its tasks have. Nothing is committed by time, but on [`Consumer::close`], as the
/// [`CommitPolicy`] says. Questions that only a broker can answer (`committed`, offsets for times) fail with
/// [`Error::Closed`](crate::Error::Closed); [`RecordedGroup`] has the answers to assert.
///
/// ```
/// use kestrel_client::{Consumer, Error, Record, Utf8, testing};
///
/// // What is tested: sums up numbers, and skips what is none.
/// async fn sum(mut consumer: Consumer<String, String>) -> Result<i64, Error> {
///     let mut sum = 0;
///     while let Some(record) = consumer.next().await {
///         match record {
///             Ok(record) => sum += record.value.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0),
///             Err(Error::Deserialize(_)) => {}
///             Err(error) => return Err(error),
///         }
///     }
///     consumer.close().await?;
///     Ok(sum)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let records = ["1", "two", "3"].map(|text| Record::to("numbers").value(text));
/// let poison = Record::to("numbers").value(&b"\xff"[..]);
/// let (consumer, group) =
///     testing::from_records(records.into_iter().chain([poison])).key(Utf8).value(Utf8).build()?;
/// assert_eq!(sum(consumer).await?, 4);
/// assert_eq!(group.committed(("numbers", 0)).map(|offset| offset.offset), Some(4));
/// # Ok::<(), Error>(())
/// # }).unwrap();
/// ```
pub fn from_records(records: impl IntoIterator<Item = Record>) -> RecordedConsumerBuilder {
    RecordedConsumerBuilder {
        records: records.into_iter().collect(),
        config: ConsumerConfig::default(),
        on_poison: PoisonPolicy::default(),
        key: Raw,
        value: Raw,
    }
}

/// Configures and starts a consumer from records, or makes a batch of them; made by [`from_records`].
#[derive(Debug)]
#[must_use]
pub struct RecordedConsumerBuilder<KD = Raw, VD = Raw> {
    records: Vec<Record>,
    config: ConsumerConfig,
    on_poison: PoisonPolicy,
    key: KD,
    value: VD,
}

impl<KD, VD> RecordedConsumerBuilder<KD, VD> {
    /// Sets the deserializer of keys. Default: [`Raw`].
    pub fn key<D>(self, key: D) -> RecordedConsumerBuilder<D, VD> {
        let Self { records, config, on_poison, key: _, value } = self;
        RecordedConsumerBuilder { records, config, on_poison, key, value }
    }

    /// Sets the deserializer of values. Default: [`Raw`].
    pub fn value<D>(self, value: D) -> RecordedConsumerBuilder<KD, D> {
        let Self { records, config, on_poison, key, value: _ } = self;
        RecordedConsumerBuilder { records, config, on_poison, key, value }
    }

    /// The consumer's settings: `commit_policy` and `max_poll_records` matter here.
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// As [`ConsumerBuilder::on_poison`](crate::ConsumerBuilder::on_poison): letters go to [`RecordedGroup::dead_letters`].
    pub fn on_poison(mut self, remedy: Remedy) -> Self {
        self.on_poison = PoisonPolicy::Always(remedy);
        self
    }

    /// The consumer, and the group that writes down what it commits. Runs on the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for settings that cannot work;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a negative partition or an empty topic;
    /// [`Error::Ended`](crate::Error::Ended) outside of a tokio runtime.
    pub fn build<K: 'static, V: 'static>(self) -> Result<(Consumer<K, V>, RecordedGroup)>
    where
        KD: Deserializer<K>,
        VD: Deserializer<V>,
    {
        let client = Client::offline()?;
        let settings = Arc::new(self.config.check(client.request_timeout())?);
        let logs = logs(self.records)?;
        let mut engine =
            Engine::new(settings.clone(), client.settings().metadata_max_age, &client.retry_backoff());
        engine.enter_group();
        let partitions: BTreeSet<_> = logs.keys().cloned().collect();
        engine.take_on(&partitions, &BTreeMap::new(), &BTreeSet::new());
        for (partition, log) in &logs {
            engine.set_range(partition, 0..length(log))?;
        }
        engine.serve(&logs, environment::now());
        let shared = SharedEngine::new(engine);
        let (group, inbox) = GroupHandle::new("from-records".into(), shared.clone());
        let commits = Arc::default();
        let stop = CancellationToken::new();
        let policy = settings.group.commit_policy();
        let stand_in = StandIn { shared: shared.clone(), logs, inbox, policy, commits: Arc::clone(&commits) };
        client.tasks().spawn("consumer", stand_in.run(stop.clone()), shared.on_loss(&stop));
        let topics = TopicUses::new(client.metadata().clone());
        let handle = ConsumerHandle {
            base: Base { client, settings, shared: shared.clone(), topics },
            source: Subscribed { group },
        };
        let decoders = Decoders::new(self.key, self.value, Duration::MAX);
        let (letters, observer) = (LetterPaper::default(), handle.base.client.observer().clone());
        let group = Some(Arc::from("from-records"));
        let settler = Settler::new(self.on_poison, LetterBox::Kept(Arc::clone(&letters)), observer, group);
        Ok((Consumer::over(handle, decoders, settler, stop), RecordedGroup { shared, commits, letters }))
    }
}

type Commits = Arc<Mutex<Vec<(TopicPartition, OffsetAndMetadata)>>>;

/// The group of a consumer from records: writes down commits, and knows which records are done. Clones are the same group.
///
/// ```
/// use kestrel_client::{CommitPolicy, ConsumerConfig, Record, testing};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let records = ["a", "b"].map(|text| Record::to("letters").value(text));
/// let on_ack = ConsumerConfig::default().commit_policy(CommitPolicy::OnAck);
/// let (mut consumer, group) = testing::from_records(records).config(on_ack).build::<bytes::Bytes, bytes::Bytes>()?;
/// let first = consumer.next().await.expect("there are two")?;
/// let _second = consumer.next().await.expect("there are two")?;
/// assert_eq!(group.done_offset(("letters", 0)), Some(0));
/// first.ack();
/// assert_eq!(group.done_offset(("letters", 0)), Some(1));
/// assert_eq!(group.commits(), []);
/// # Ok::<(), kestrel_client::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct RecordedGroup {
    shared: SharedEngine,
    commits: Commits,
    letters: LetterPaper,
}

impl RecordedGroup {
    /// The dead letters that were written, in order.
    ///
    /// ```
    /// use kestrel_client::{Consumer, Error, Record, Remedy, Utf8, testing};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let records = [&b"a"[..], b"\xff", b"b"].map(|text| Record::to("letters").value(text));
    /// let consumer = testing::from_records(records).key(Utf8).value(Utf8).on_poison(Remedy::dead_letter("dead"));
    /// let (mut consumer, group): (Consumer<String, String>, _) = consumer.build()?;
    /// let mut texts = Vec::new();
    /// while let Some(record) = consumer.next().await {
    ///     texts.extend(record?.value);
    /// }
    /// assert_eq!(texts, ["a", "b"]);
    /// let letters = group.dead_letters();
    /// assert_eq!((&*letters[0].topic, letters[0].value.as_deref()), ("dead", Some(&b"\xff"[..])));
    /// # Ok::<(), Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn dead_letters(&self) -> Vec<Record> {
        self.letters.lock().clone()
    }

    /// Every commit, in order.
    #[must_use]
    pub fn commits(&self) -> Vec<(TopicPartition, OffsetAndMetadata)> {
        self.commits.lock().clone()
    }

    /// The offset that was committed last for a partition; `None` when there is none.
    #[must_use]
    pub fn committed(&self, partition: impl Into<TopicPartition>) -> Option<OffsetAndMetadata> {
        let partition = partition.into();
        let last = self.commits().into_iter().rev().find(|(committed, _)| *committed == partition);
        last.map(|(_, offset)| offset)
    }

    /// The offset of the first record of a partition that is not done: what a commit would commit. `None` for a partition
    /// without records.
    #[must_use]
    pub fn done_offset(&self, partition: impl Into<TopicPartition>) -> Option<i64> {
        let partition = partition.into();
        let done = self.shared.look(Engine::committable);
        done.into_iter().find(|one| one.partition == partition).map(|one| one.position.offset)
    }
}

impl fmt::Debug for RecordedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedGroup").field("commits", &self.commits()).finish_non_exhaustive()
    }
}

/// A batch for each record, by partition: a log's index is its offset.
type Logs = BTreeMap<TopicPartition, Vec<Bytes>>;

fn logs(records: Vec<Record>) -> Result<Logs> {
    let mut logs = Logs::new();
    for record in records {
        let partition = TopicPartition::new(record.topic.clone(), record.partition.unwrap_or(0));
        super::handle::checked([&partition])?;
        let log = logs.entry(partition).or_default();
        log.push(batch(&record, length(log)));
    }
    Ok(logs)
}

fn length(log: &[Bytes]) -> i64 {
    i64::try_from(log.len()).unwrap_or(i64::MAX)
}

fn batch(record: &Record, offset: i64) -> Bytes {
    let Record { key, value, headers, timestamp, .. } = record;
    let bytes = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    let header_bytes: usize = headers.iter().map(|(key, value)| key.len() + bytes(value) + 16).sum();
    let limit = bytes(key.as_deref()) + bytes(value.as_deref()) + header_bytes + BATCH_SLACK_BYTES;
    let mut builder =
        RecordBatchBuilder::new(BuilderOptions { base_offset: offset, ..BuilderOptions::default() }, limit);
    let timestamp = timestamp.unwrap_or(Timestamp::NONE).as_millis();
    builder
        .append(timestamp, key.as_deref(), value.as_deref(), headers.iter())
        .expect("the limit was made for it");
    builder.build(ProducerStamp::NONE).into_bytes()
}

/// Stands in for the drivers: serves the logs, and writes down what is committed.
struct StandIn {
    shared: SharedEngine,
    logs: Logs,
    inbox: mpsc::Receiver<GroupCommand>,
    policy: CommitPolicy,
    commits: Commits,
}

impl StandIn {
    async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.drive() => {}
        }
        self.shared.change_by_group(Engine::close);
    }

    async fn drive(&mut self) {
        loop {
            self.shared.handle(|engine| engine.serve(&self.logs, environment::now()));
            tokio::select! {
                command = self.inbox.recv() => match command {
                    Some(GroupCommand::Commit(submission, reply)) => {
                        self.write_down(submission.entries);
                        let _ = reply.send(Ok(()));
                    }
                    Some(GroupCommand::Identify(reply)) => {
                        let member_id = "from-records".into();
                        let _ = reply.send(MemberIdentity { generation: 1, member_id, instance_id: None });
                    }
                    Some(GroupCommand::Close(_)) | None => {
                        if self.policy != CommitPolicy::Manual {
                            let done = self.shared.look(|engine| done_entries(engine, None));
                            self.write_down(done);
                        }
                        return;
                    }
                },
                () = self.shared.changed_by_caller() => {}
                // The caller may wait because too much was not done.
                () = self.shared.progress().acked().notified() => self.shared.look(Engine::nudge),
            }
        }
    }

    fn write_down(&self, entries: super::group::committer::Entries) {
        let mut commits = self.commits.lock();
        commits.extend(entries.into_iter().map(|(partition, entry)| (partition, entry.offset)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Error;

    fn letters() -> Vec<Record> {
        let record =
            |(number, text): (i32, &'static str)| Record::to("letters").partition(number % 2).value(text);
        (0..).zip(["a", "b", "c", "d", "e"]).map(record).collect()
    }

    #[tokio::test]
    async fn records_come_as_from_a_broker_and_end() {
        let (mut consumer, group) = from_records(letters()).build::<Bytes, Bytes>().unwrap();
        let mut seen = Vec::new();
        while let Some(record) = consumer.next().await {
            let record = record.unwrap();
            seen.push((record.partition, record.offset, record.value.unwrap()));
        }
        seen.sort();
        let expected = [(0, 0, "a"), (0, 1, "c"), (0, 2, "e"), (1, 0, "b"), (1, 1, "d")];
        assert_eq!(seen, expected.map(|(partition, offset, text)| (partition, offset, Bytes::from(text))));
        assert_eq!(consumer.lag(("letters", 0)).unwrap(), Some(0));
        consumer.commit().await.unwrap();
        assert_eq!(group.committed(("letters", 0)).unwrap().offset, 3);
        consumer.seek(("letters", 0), 1).unwrap();
        assert_eq!(consumer.next_batch().await.unwrap().unwrap().len(), 2);
        consumer.seek_to_beginning([("letters", 1)]).unwrap();
        assert_eq!(consumer.next().await.unwrap().unwrap().value, Some(Bytes::from("b")));
        let handle = consumer.handle();
        consumer.close().await.unwrap();
        assert!(matches!(handle.commit().await, Err(Error::Closed { .. })));
    }

    #[tokio::test]
    async fn tasks_of_partitions_end_with_the_records() {
        let seen = Arc::new(AtomicUsize::new(0));
        let records =
            (0..2_000).map(|number: i32| Record::to("t").partition(number % 3).value(number.to_string()));
        let (mut consumer, group) = from_records(records).build::<Bytes, Bytes>().unwrap();
        consumer
            .for_each_partition(|mut partition| {
                let seen = Arc::clone(&seen);
                async move {
                    while let Some(record) = partition.next().await {
                        record?;
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok::<(), Error>(())
                }
            })
            .await
            .unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 2_000);
        let committed = [0, 1, 2].map(|number| group.committed(("t", number)).unwrap().offset);
        assert_eq!(committed, [667, 667, 666]);
    }
}
