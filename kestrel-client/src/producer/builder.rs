//! From settings to a running producer.

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::record::{BuilderOptions, Compression};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::accumulator::{Accumulator, AccumulatorSettings};
use super::dispatcher::{Dispatcher, DispatcherSettings};
use super::partitioner::Partitioner;
use super::sender::{Sender, SenderSettings, SharedSender};
use super::{Intake, Producer};
use crate::client::Client;
use crate::config::{Acks, PRODUCER, ProducerConfig, ProducerSettings, apply};
use crate::environment;
use crate::error::Error;

/// How many flushes can wait for the sender's attention at once before the next one waits too.
const COMMANDS: usize = 16;

/// What was said about a producer; [`build`](Self::build) turns it into one.
///
/// Setters have Kafka's key names in snake case, and the defaults of Apache Kafka 4.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct ProducerBuilder {
    client: Client,
    config: ProducerConfig,
}

impl ProducerBuilder {
    pub(super) fn new(client: Client) -> Self {
        let mut config = ProducerConfig::default();
        apply(PRODUCER, &client.settings().properties, &mut config)
            .expect("the properties were checked when the client was made");
        Self { client, config }
    }

    /// `acks`: who has to have a record before it counts as stored; default all in-sync replicas.
    pub fn acks(mut self, acks: Acks) -> Self {
        self.config.acks = acks;
        self
    }

    /// `enable.idempotence` (KIP-98): whether a retry can neither duplicate nor reorder records; default on, unless
    /// `acks`, `retries` or more than five requests in flight rule it out.
    pub fn enable_idempotence(mut self, enabled: bool) -> Self {
        self.config.enable_idempotence = Some(enabled);
        self
    }

    /// `linger.ms`: how long a record may wait for others to share a batch with; default 5 ms, 0 for not at all.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// `batch.size`: how many bytes a batch may have before it is sent, counted before compression; default 16,384,
    /// at most 1 GiB. A larger record has a batch of its own.
    pub fn batch_size(mut self, bytes: usize) -> Self {
        self.config.batch_size = bytes;
        self
    }

    /// `buffer.memory`: how many bytes may wait in the producer before `send` waits; default 32 MiB. Each open batch
    /// takes `batch.size` of it.
    pub fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// `max.in.flight.requests.per.connection`: how many requests a broker may have at once; default 5, which is also
    /// the most that idempotence allows.
    pub fn max_in_flight_requests_per_connection(mut self, requests: usize) -> Self {
        self.config.max_in_flight = requests;
        self
    }

    /// `retries`: how often a batch may be sent again; default 2,147,483,647: until `delivery.timeout.ms`.
    pub fn retries(mut self, retries: u32) -> Self {
        self.config.retries = retries;
        self
    }

    /// `delivery.timeout.ms`: how long an accepted record may take to be stored before its delivery fails; default
    /// 120 s, at least `linger.ms` and `request.timeout.ms` together.
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.config.delivery_timeout = Some(timeout);
        self
    }

    /// `max.block.ms`: how long `send` may wait for memory or for a topic's metadata; default 60 s.
    pub fn max_block(mut self, patience: Duration) -> Self {
        self.config.max_block = patience;
        self
    }

    /// `metadata.max.idle.ms`: after how long without a record a topic is forgotten, so that it is not asked for any more;
    /// default 5 min. The next record to it looks it up again.
    pub fn metadata_max_idle(mut self, idle: Duration) -> Self {
        self.config.metadata_max_idle = idle;
        self
    }

    /// `max.request.size`: the largest request, and so the largest record, in bytes; default 1 MiB, at most 1 GiB.
    pub fn max_request_size(mut self, bytes: usize) -> Self {
        self.config.max_request_size = bytes;
        self
    }

    /// `compression.type`: the codec of the batches; default none. Each codec is a cargo feature of its name.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.config.compression = compression;
        self
    }

    /// `compression.gzip.level` and its like: the codec's level; default the codec's own.
    pub fn compression_level(mut self, level: i32) -> Self {
        self.config.compression_level = Some(level);
        self
    }

    /// `partitioner.class`: which partition a record goes to; default [`Murmur2`](super::partitioner::Murmur2).
    pub fn partitioner(mut self, partitioner: impl Partitioner) -> Self {
        self.config.partitioner = Arc::new(partitioner);
        self
    }

    /// Starts the producer: its task runs, and with idempotence it has its producer id.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is wrong; with idempotence, why no producer id could be had within
    /// `max.block.ms`.
    ///
    /// # Cancel safety
    /// Cancel-safe: dropping the future ends the producer.
    pub async fn build(self) -> Result<Producer, Error> {
        let settings = self.config.check(self.client.request_timeout())?;
        self.client.tasks().check()?;
        let patience = settings.max_block;
        let (producer, started) = start(&self.client, settings);
        match tokio::time::timeout(patience, started).await {
            Ok(Ok(outcome)) => outcome.map(|()| producer),
            Ok(Err(_)) => Err(producer.intake.ended()),
            Err(_) => Err(Error::timeout("asking for a producer id", patience, "max.block.ms")),
        }
    }
}

/// Puts the rooms together and spawns the sender task.
fn start(client: &Client, settings: ProducerSettings) -> (Producer, oneshot::Receiver<Result<(), Error>>) {
    let builder = BuilderOptions { codec: settings.codec, ..BuilderOptions::default() };
    let accumulator = AccumulatorSettings {
        batch_size: settings.batch_size,
        linger: settings.linger,
        buffer_memory: settings.buffer_memory,
        max_request_size: settings.max_request_size,
        builder,
    };
    let accumulator =
        Arc::new(Accumulator::new(accumulator, Box::new(environment::now), environment::seed()));
    let dispatcher = DispatcherSettings {
        linger: settings.linger,
        delivery_timeout: settings.delivery_timeout,
        max_in_flight: settings.max_in_flight,
        max_request_size: settings.max_request_size,
        retries: settings.retries,
        idempotent: settings.idempotent,
    };
    let dispatcher = Dispatcher::new(dispatcher, client.retry_backoff());
    let sender = SenderSettings {
        acks: settings.acks.on_the_wire(),
        request_timeout: client.request_timeout(),
        max_in_flight: settings.max_in_flight,
        compresses: settings.codec.compression() != Compression::None,
        lingers: !settings.linger.is_zero(),
        metadata_max_idle: settings.metadata_max_idle,
    };
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let (tell, started) = oneshot::channel();
    let released = CancellationToken::new();
    let snapshots = client.metadata().subscribe();
    let sender = Sender::new(sender, client.clone(), Arc::clone(&accumulator), dispatcher, tell);
    let sender = Arc::new(SharedSender::new(sender));
    let lost = Arc::clone(&sender);
    let intake = Intake::new(client.clone(), settings, accumulator, &sender, commands, released.clone());
    client.tasks().spawn("producer", sender.run(inbox, snapshots, released), move |error| lost.lose(error));
    (Producer::new(intake), started)
}
