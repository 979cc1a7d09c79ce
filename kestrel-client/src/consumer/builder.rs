//! ConsumerBuilder: configures and starts consumers, with assigned partitions or as members of a group.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use kestrel_serde::Deserializer;

use super::group::topics::TopicSelection;
use super::group::{self, RebalanceListener};
use super::handle::{Base, checked};
use super::range::{Place, PlaceRange, check_time};
use super::source::{Assigned, AssignmentPlan, Source, Subscribed, SubscriptionPlan};
use super::{AssignedConsumer, Consumer, Reading};
use crate::assignor::Assignor;
use crate::client::Client;
use crate::config::setters::setters;
use crate::config::{
    AutoOffsetReset, CONSUMER, CommitPolicy, ConsumerConfig, IsolationLevel, argument_fits,
    consumer_settings, fits, group_settings,
};
use crate::error::{DeserializeError, Error, Result};
use crate::into::IntoName;
use crate::metadata::{FoundTopic, Wanted};
use crate::producer::Producer;
use crate::reader::Decoders;
use crate::record::{Timestamp, TopicPartition};
use crate::rejected::{PoisonPolicy, Remedy};
use crate::typed::Unset;

impl Client {
    /// Begins a consumer that reads the partitions it is assigned: no group, no rebalancing, positions kept by the caller.
    ///
    /// Without [`key`](AssignedConsumerBuilder::key) and [`value`](AssignedConsumerBuilder::value), keys and values are
    /// bytes as they are:
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use bytes::Bytes;
    ///
    /// let mut consumer = client.assigned_consumer::<Bytes, Bytes>().assign_topics(["clicks"]).build().await?;
    /// consumer.seek_to_beginning(consumer.assignment())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn assigned_consumer<K, V>(&self) -> AssignedConsumerBuilder<K, V> {
        self.consumer_builder(AssignmentPlan::default())
    }

    /// Begins a consumer that is a member of the group `group_id`: the members share the partitions of their topics, and go on
    /// where the group has committed. See [`Consumer`] for three ways to commit.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{AutoOffsetReset, Utf8};
    ///
    /// let mut consumer = client
    ///     .consumer::<String, String>("billing")
    ///     .topics(["clicks"])
    ///     .key(Utf8)
    ///     .value(Utf8)
    ///     .auto_offset_reset(AutoOffsetReset::Earliest)
    ///     .build()
    ///     .await?;
    /// while let Some(record) = consumer.next().await {
    ///     println!("{:?}", record?.value);
    /// }
    /// consumer.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn consumer<K, V>(&self, group_id: impl Into<String>) -> ConsumerBuilder<K, V> {
        let group_id = group_id.into();
        self.consumer_builder(SubscriptionPlan {
            group_id,
            topics: TopicSelection::default(),
            listener: None,
        })
    }

    /// As [`consumer`](Self::consumer), for the group that the client's properties name as `group.id`.
    pub fn configured_consumer<K, V>(&self) -> ConsumerBuilder<K, V> {
        self.consumer(self.settings().consumer.group_id.as_str())
    }

    fn consumer_builder<K, V, S: Source>(&self, plan: S::Plan) -> ConsumerBuilder<K, V, Unset, Unset, S> {
        ConsumerBuilder {
            client: self.clone(),
            config: self.settings().consumer.clone(),
            problem: None,
            start_at: None,
            on_poison: PoisonPolicy::default(),
            letters: None,
            plan,
            key: Unset,
            value: Unset,
            types: PhantomData,
        }
    }
}

/// Configures and starts a [`Consumer`]; made by [`Client::consumer`] and [`Client::assigned_consumer`].
///
/// Settings begin as the client's properties have them. The documentation of a setter has the property's name, its default and
/// the values that it takes; a property has durations in milliseconds. `S` says where the partitions come from.
#[derive(Debug)]
#[must_use]
pub struct ConsumerBuilder<K, V, KD = Unset, VD = Unset, S: Source = Subscribed> {
    client: Client,
    config: ConsumerConfig,
    problem: Option<Error>,
    start_at: Option<Timestamp>,
    on_poison: PoisonPolicy,
    letters: Option<Producer>,
    plan: S::Plan,
    key: KD,
    value: VD,
    types: PhantomData<fn() -> (K, V)>,
}

/// The builder of a consumer with assigned partitions; made by [`Client::assigned_consumer`].
pub type AssignedConsumerBuilder<K, V, KD = Unset, VD = Unset> = ConsumerBuilder<K, V, KD, VD, Assigned>;

consumer_settings!(setters! [K, V, KD, VD, S: Source] ConsumerBuilder<K, V, KD, VD, S>, [.config]);
group_settings!(setters! [K, V, KD, VD] ConsumerBuilder<K, V, KD, VD, Subscribed>, [.config.group]);

impl<K, V, KD, VD, S: Source> ConsumerBuilder<K, V, KD, VD, S> {
    /// Sets the deserializer of keys. Bytes need none.
    pub fn key<D: Deserializer<K>>(self, key: D) -> ConsumerBuilder<K, V, D, VD, S> {
        let Self { client, config, problem, start_at, on_poison, letters, plan, key: _, value, types } = self;
        ConsumerBuilder { client, config, problem, start_at, on_poison, letters, plan, key, value, types }
    }

    /// Sets the deserializer of values. Bytes need none.
    pub fn value<D: Deserializer<V>>(self, value: D) -> ConsumerBuilder<K, V, KD, D, S> {
        let Self { client, config, problem, start_at, on_poison, letters, plan, key, value: _, types } = self;
        ConsumerBuilder { client, config, problem, start_at, on_poison, letters, plan, key, value, types }
    }

    /// Begins at the first record with this timestamp or a later one, and at the end when there is none: where nothing else says
    /// where to begin. That is the group's committed offset; of assigned partitions, [`Consumer::seek`].
    ///
    /// Comes before `auto.offset.reset`, which still says what happens when a position is not in the log any more.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use std::time::{Duration, SystemTime};
    ///
    /// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    /// let consumer = client.consumer("billing").topics(["clicks"]).start_at(an_hour_ago).build().await?;
    /// # let _: kestrel_client::Consumer<bytes::Bytes, bytes::Bytes> = consumer;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A time before 1970, [`Timestamp::NONE`] among them, is an [`Error::InvalidArgument`] of `build`.
    pub fn start_at(mut self, time: impl Into<Timestamp>) -> Self {
        let time = time.into();
        match check_time(time) {
            Ok(()) => self.start_at = Some(time),
            Err(error) => self.problem = Some(error),
        }
        self
    }

    /// What becomes of a record whose key or value no deserializer accepts (a *poison pill*), on every way of reading. Default:
    /// [`Remedy::Fail`], so that nothing is passed that the application has not seen.
    ///
    /// With another remedy, such a record is none of the application's: it is passed once the remedy was carried out. For that,
    /// [`next_batch`](Consumer::next_batch) deserializes each record of a batch before it hands the batch out, and the application
    /// gets the values that it has made.
    ///
    /// Only a record that is at fault itself is poison. One whose schema cannot be had, because a registry is down or refuses, is held,
    /// with [`Error::Held`], until it can be read. Nor is a record batch that is damaged as a whole: that is [`Error::Position`], and the batch is fetched again.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{Int64, Remedy, Utf8};
    ///
    /// let consumer = client.consumer::<String, i64>("billing").topics(["payments"]).key(Utf8).value(Int64);
    /// let mut consumer = consumer.on_poison(Remedy::dead_letter("payments.dlq")).build().await?;
    /// while let Some(record) = consumer.next().await {
    ///     println!("{:?}", record?.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Who wants the bytes of what cannot be read, in the types of the records: [`OrRaw`](crate::OrRaw).
    pub fn on_poison(mut self, remedy: Remedy) -> Self {
        self.on_poison = PoisonPolicy::Always(remedy);
        self
    }

    /// As [`Self::on_poison`], with a handler that gets each such record, may do something about it itself, and says what becomes of
    /// it. If it fails, the record is held with [`Error::Held`], and the handler gets it again after a pause; in
    /// [`exactly_once`](Client::exactly_once) the transaction is aborted and done again. It may get a record more than once, as after a
    /// crash. While it is at work, other partitions go on.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{Int64, Remedy, Utf8};
    ///
    /// let consumer = client.consumer::<String, i64>("billing").topics(["payments", "refunds"]).key(Utf8).value(Int64);
    /// let consumer = consumer.on_poison_with(|poison| async move {
    ///     let record = &poison.record;
    ///     if record.value.as_deref() == Some(b"ping") {
    ///         return Ok(Remedy::Skip);
    ///     }
    ///     Ok(Remedy::dead_letter(format!("{}.dlq", record.topic)))
    /// });
    /// let mut consumer = consumer.build().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_poison_with<F, T>(mut self, handler: F) -> Self
    where
        F: Fn(Arc<DeserializeError>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<Remedy>> + Send + 'static,
    {
        self.on_poison = PoisonPolicy::handler(handler);
        self
    }

    /// Writes dead letters with this producer, perhaps one of another cluster. Default: one of the client's own, made for the first
    /// letter, with `acks=all` and no lingering, whose letters are as large as their topic allows.
    ///
    /// A letter counts as stored when this producer says so, as its `acks` are. If it is closed, there is no other one:
    /// [`Error::Held`] is fatal then.
    pub fn dead_letter_producer(mut self, producer: &Producer) -> Self {
        self.letters = Some(producer.clone());
        self
    }

    /// Replaces all settings made so far, those of the client's properties included.
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }
}

impl<K, V, KD, VD> ConsumerBuilder<K, V, KD, VD, Assigned> {
    /// Assigns these partitions too.
    pub fn assign(mut self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Self {
        match checked(partitions) {
            Ok(partitions) => self.plan.partitions.extend(partitions),
            Err(error) => self.problem = Some(error),
        }
        self
    }

    /// Assigns all partitions that these topics have when the consumer is built. Partitions that are added to the topics
    /// later are not read.
    pub fn assign_topics(mut self, topics: impl IntoIterator<Item = impl IntoName>) -> Self {
        self.plan.topics.extend(topics.into_iter().map(IntoName::into_name));
        self
    }

    /// Reads the assigned partitions from `start` up to `end`, which is not read; then the stream ends: `None`.
    ///
    /// What the two places are in each partition is found out once, by `build`: an end that is a time is the first record with
    /// that timestamp or a later one. The range has what the log holds then, so an `end` that lies beyond is the end of the log.
    /// What compaction has removed, aborted transactions and their markers are passed; a range without records ends at once.
    /// Partitions that are assigned later have no end. [`Consumer::seek`] may go back within the range.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{AssignedConsumer, Place};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    /// let consumer = client.assigned_consumer().assign_topics(["clicks"]).between(an_hour_ago, Place::End);
    /// let mut consumer: AssignedConsumer<bytes::Bytes, bytes::Bytes> = consumer.build().await?;
    /// while let Some(record) = consumer.next().await {
    ///     println!("{:?}", record?.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Negative offsets, times before 1970 and a start after the end are an [`Error::InvalidArgument`] of `build`.
    pub fn between(mut self, start: impl Into<Place>, end: impl Into<Place>) -> Self {
        match PlaceRange::new(start.into(), end.into()) {
            Ok(range) => self.plan.range = Some(range),
            Err(error) => self.problem = Some(error),
        }
        self
    }

    /// Assigns these partitions too, and reads of each the offsets from the first up to the last of a range, which is not read. When
    /// all partitions with a range were read to their ends, the stream ends: `None`.
    ///
    /// Unlike [`Self::between`] it takes the offsets as they are: an end that the log has not reached is waited for, and a start that
    /// it does not hold is a matter of `auto.offset.reset`. Of a partition that both name, this range counts.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::AssignedConsumer;
    ///
    /// let consumer = client.assigned_consumer().assign_ranges([(("clicks", 0), 100..200), (("clicks", 1), 70..i64::MAX)]);
    /// let mut consumer: AssignedConsumer<bytes::Bytes, bytes::Bytes> = consumer.build().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A negative offset, and a start after the end, are an [`Error::InvalidArgument`] of `build`.
    pub fn assign_ranges(
        mut self,
        ranges: impl IntoIterator<Item = (impl Into<TopicPartition>, Range<i64>)>,
    ) -> Self {
        for (partition, range) in ranges {
            let partition = partition.into();
            if let Err(error) = PlaceRange::new(range.start.into(), range.end.into()) {
                self.problem = Some(error);
            }
            self = self.assign([&partition]);
            self.plan.ranges.push((partition, range));
        }
        self
    }

    /// Checks the settings, looks up the topics of [`Self::assign_topics`] and the places of [`Self::between`], and starts to
    /// fetch.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that cannot work; [`Error::UnknownTopic`] for a topic of [`Self::assign_topics`] that
    /// does not exist; what looking up the places of [`Self::between`] fails with. Whether single partitions exist is not checked: it shows in the stream.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing has been started when the future is dropped.
    pub async fn build(self) -> Result<AssignedConsumer<K, V>>
    where
        KD: Deserializer<K>,
        VD: Deserializer<V>,
        K: 'static,
        V: 'static,
    {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let settings = self.config.check(self.client.request_timeout())?;
        self.client.tasks().check()?;
        let AssignmentPlan { mut partitions, topics, range, ranges: given } = self.plan;
        let mut used = Vec::new();
        for topic in &topics {
            let timeout = settings.default_api_timeout;
            let looked_up =
                self.client.metadata().topic(topic, Wanted::IfExists, timeout, "default.api.timeout.ms");
            let FoundTopic { view, topic_use, .. } = looked_up.await?;
            let count = i32::try_from(view.partitions.len()).unwrap_or(i32::MAX);
            // Until the consumer uses it.
            used.push(topic_use);
            partitions.extend((0..count).map(|number| TopicPartition::new(topic.clone(), number)));
        }
        let partitions = checked(partitions)?;
        let mut ranges = match range {
            Some(range) => {
                let (level, timeout) = (settings.isolation_level, settings.default_api_timeout);
                range.resolve(&self.client, &partitions, level, timeout).await?
            }
            None => Vec::new(),
        };
        ranges.extend(given);
        let reading = Reading {
            decoders: Decoders::new(self.key, self.value, settings.default_api_timeout),
            start_at: self.start_at,
            on_poison: self.on_poison,
            letters: self.letters,
        };
        let consumer = Consumer::start(self.client, settings, reading, None, |_, _| Assigned(()));
        consumer.handle.assign_ranges(&partitions, ranges)?;
        Ok(consumer)
    }
}

impl<K, V, KD, VD> ConsumerBuilder<K, V, KD, VD, Subscribed> {
    /// Reads these topics too. They need not exist yet.
    pub fn topics(mut self, topics: impl IntoIterator<Item = impl IntoName>) -> Self {
        self.plan.topics.names.extend(topics.into_iter().map(IntoName::into_name));
        self
    }

    /// Reads all topics whose whole name the regular expression matches, also those that are created later: they are looked
    /// for each `metadata.max.age.ms`. Topics that Kafka made for itself are never among them.
    ///
    /// The syntax is that of the crate `regex-lite`, which has what Java's has but look-around and back-references.
    pub fn topics_matching(mut self, pattern: &str) -> Self {
        if let Err(error) = self.plan.topics.matching(pattern) {
            self.problem = Some(error);
        }
        self
    }

    /// Called when partitions are assigned, revoked or lost. Default: none.
    pub fn rebalance_listener(mut self, listener: impl RebalanceListener) -> Self {
        self.plan.listener = Some(Arc::new(listener));
        self
    }

    /// When offsets are committed without being asked to. See [`ConsumerConfig::commit_policy`].
    pub fn commit_policy(mut self, policy: CommitPolicy) -> Self {
        self.config = self.config.commit_policy(policy);
        self
    }

    /// Checks the settings, looks up the topics of [`Self::topics_matching`], and starts to join the group.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that cannot work or an empty group id, [`Error::InvalidArgument`] for no topic; what listing topics fails with, when
    /// there is a pattern. What the group refuses shows in the stream.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing has been started when the future is dropped.
    pub async fn build(self) -> Result<Consumer<K, V>>
    where
        KD: Deserializer<K>,
        VD: Deserializer<V>,
        K: 'static,
        V: 'static,
    {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let settings = self.config.check(self.client.request_timeout())?;
        self.client.tasks().check()?;
        let SubscriptionPlan { group_id, topics, .. } = &self.plan;
        if group_id.is_empty() {
            return Err(Error::config(CONSUMER.group_id.name, "must not be empty"));
        }
        fits(&CONSUMER.group_id, group_id)?;
        topics.names.iter().try_for_each(|topic| argument_fits("topics", topic))?;
        if topics.is_empty() {
            return Err(Error::invalid_argument("topics", "a member of a group reads at least one topic"));
        }
        let found = topics.resolve(&self.client).await?;
        let reading = Reading {
            decoders: Decoders::new(self.key, self.value, settings.default_api_timeout),
            start_at: self.start_at,
            on_poison: self.on_poison,
            letters: self.letters,
        };
        let (group_id, plan) = (Some(Arc::from(&**group_id)), self.plan);
        let join = |base: &Base, stop| Subscribed { group: group::join(base, plan, found, &stop) };
        Ok(Consumer::start(self.client, settings, reading, group_id, join))
    }
}
