//! The builder of consumers with assigned partitions.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use kestrel_serde::{Deserializer, Raw};

use super::Consumer;
use super::control::checked;
use crate::client::Client;
use crate::config::{AutoOffsetReset, CONSUMER, ConsumerConfig, IsolationLevel, apply};
use crate::error::{Error, Result};
use crate::metadata::Wanted;
use crate::record::TopicPartition;
use crate::typed::consumer::Decoders;

impl Client {
    /// Begins a consumer that reads the partitions it is told to: no group, no rebalancing, positions kept by the caller.
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
        let mut config = ConsumerConfig::default();
        let applied = apply(CONSUMER, &self.settings().properties, &mut config);
        AssignedConsumerBuilder {
            client: self.clone(),
            config,
            problem: applied.err(),
            partitions: Vec::new(),
            topics: Vec::new(),
            key: Raw,
            value: Raw,
            types: PhantomData,
        }
    }
}

/// What was said about a consumer with assigned partitions; made by [`Client::assigned_consumer`].
///
/// Settings are those of [`ConsumerConfig`]; what the client was given as properties comes first.
#[derive(Debug)]
#[must_use]
pub struct AssignedConsumerBuilder<K, V, KD = Raw, VD = Raw> {
    client: Client,
    config: ConsumerConfig,
    problem: Option<Error>,
    partitions: Vec<TopicPartition>,
    topics: Vec<Arc<str>>,
    key: KD,
    value: VD,
    types: PhantomData<fn() -> (K, V)>,
}

/// Setters of the builder that hand on to [`ConsumerConfig`].
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty),+ $(,)?) => {
        impl<K, V, KD, VD> AssignedConsumerBuilder<K, V, KD, VD> {
            $(
                $(#[$doc])*
                #[doc = concat!("See [`ConsumerConfig::", stringify!($name), "`].")]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.config = self.config.$name($name);
                    self
                }
            )+
        }
    };
}

settings! {
    /// Where to begin without a position. Default: the end.
    auto_offset_reset: AutoOffsetReset,
    /// Whether records of open and aborted transactions are read. Default: they are.
    isolation_level: IsolationLevel,
    /// How many bytes a broker waits for. Default: 1.
    fetch_min_bytes: i32,
    /// How many bytes a broker may put into one answer. Default: 50 MiB.
    fetch_max_bytes: i32,
    /// How many bytes of one partition a broker may put into one answer. Default: 1 MiB.
    max_partition_fetch_bytes: i32,
    /// How long a broker waits for `fetch.min.bytes`. Default: 500 ms.
    fetch_max_wait: Duration,
    /// Whether checksums are verified. Default: true.
    check_crcs: bool,
    /// How many records a batch gathers at most. Default: 500.
    max_poll_records: usize,
    /// How long questions about offsets may take. Default: 60 s.
    default_api_timeout: Duration,
    /// How many fetched bytes may wait for the caller. Default: 64 MiB.
    fetch_buffer_bytes: usize,
    /// How large a batch may be when it is decompressed. Default: 128 MiB.
    max_decompressed_batch_bytes: usize,
}

impl<K, V, KD, VD> AssignedConsumerBuilder<K, V, KD, VD> {
    /// Assigns these partitions too.
    pub fn assign(mut self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Self {
        match checked(partitions) {
            Ok(partitions) => self.partitions.extend(partitions),
            Err(error) => self.problem = Some(error),
        }
        self
    }

    /// Assigns all partitions that these topics have when the consumer is built. Partitions that are added to the topics
    /// later are not read.
    pub fn assign_topics(mut self, topics: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        self.topics.extend(topics.into_iter().map(Into::into));
        self
    }

    /// How keys become values of `K`. Default: [`Raw`].
    pub fn key<D>(self, key: D) -> AssignedConsumerBuilder<K, V, D, VD> {
        let Self { client, config, problem, partitions, topics, key: _, value, types } = self;
        AssignedConsumerBuilder { client, config, problem, partitions, topics, key, value, types }
    }

    /// How values become values of `V`. Default: [`Raw`].
    pub fn value<D>(self, value: D) -> AssignedConsumerBuilder<K, V, KD, D> {
        let Self { client, config, problem, partitions, topics, key, value: _, types } = self;
        AssignedConsumerBuilder { client, config, problem, partitions, topics, key, value, types }
    }

    /// Replaces all settings said so far, those of the client's properties included.
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// The rack of this client: brokers that have a replica in it are read from. Default: none.
    /// See [`ConsumerConfig::client_rack`].
    pub fn client_rack(mut self, rack: impl Into<String>) -> Self {
        self.config = self.config.client_rack(rack);
        self
    }

    /// Checks the settings, looks up the topics of [`Self::assign_topics`], and starts to fetch.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that cannot work; [`Error::UnknownTopic`] for a topic of [`Self::assign_topics`] that
    /// does not exist. Whether single partitions exist is not checked: it shows in the stream.
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
        let settings = self.config.settings(self.client.request_timeout())?;
        let mut partitions = self.partitions;
        for topic in &self.topics {
            let timeout = settings.default_api_timeout;
            let looked_up =
                self.client.metadata().topic(topic, Wanted::IfExists, timeout, "default.api.timeout.ms");
            let count = i32::try_from(looked_up.await?.partitions.len()).unwrap_or(i32::MAX);
            partitions.extend((0..count).map(|number| TopicPartition::new(topic.clone(), number)));
        }
        let decoders = Decoders { key: Arc::new(self.key), value: Arc::new(self.value) };
        let mut consumer = Consumer::start(self.client, settings, decoders);
        consumer.assign(partitions)?;
        Ok(consumer)
    }
}
