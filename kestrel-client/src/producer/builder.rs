//! From settings to a running producer.

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::record::{BuilderOptions, Compression};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::accumulator::{Accumulator, AccumulatorSettings};
use super::buffer_watch::BufferWatch;
use super::dispatcher::{Dispatcher, DispatcherSettings};
use super::partitioner::Partitioner;
use super::sender::{Command, Sender, SenderSettings, SharedSender, Transactional};
use super::transaction::{Gate, TransactionControl};
use super::{Intake, Producer};
use crate::client::Client;
use crate::config::setters::setters;
use crate::config::{Acks, PRODUCER, ProducerConfig, ProducerSettings, producer_settings};
use crate::environment;
use crate::error::Error;

/// How many flushes can wait for the sender's attention at once before the next one waits too.
const COMMANDS: usize = 16;

/// Configures and starts a [`Producer`].
///
/// Setters have Kafka's key names in snake case, and the defaults of Apache Kafka 4, `batch.size` (64 KiB) apart. Their
/// documentation has the property's name, its default and the values that it takes; a property has durations in milliseconds.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct ProducerBuilder {
    client: Client,
    config: ProducerConfig,
}

producer_settings!(setters! [] ProducerBuilder, [.config]);

impl ProducerBuilder {
    pub(super) fn new(client: Client) -> Self {
        let config = client.settings().producer.clone();
        Self { client, config }
    }

    /// Replaces all settings made so far, those of the client's properties included.
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// The same without transactions, also where the client's properties name an id for them.
    pub(crate) fn without_transactional_id(mut self) -> Self {
        self.config.transactional_id.clear();
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
        if !self.config.transactional_id.is_empty() {
            let problem =
                "is for `configured_transactional_producer`; a producer without transactions has none";
            return Err(Error::config(PRODUCER.transactional_id.name, problem));
        }
        let settings = self.config.check(self.client.request_timeout())?;
        let Started { producer, .. } = start(&self.client, settings, None).await?;
        Ok(producer)
    }
}

/// Starts a producer with this transactional id, and what steers its transactions.
pub(crate) async fn start_transactional(
    client: &Client,
    config: ProducerConfig,
    transactional_id: Arc<str>,
) -> Result<(Producer, TransactionControl), Error> {
    let settings = config.check_transactional(client.request_timeout())?;
    let (max_block, gate) = (settings.max_block, Arc::<Gate>::default());
    let transactional = Transactional {
        transactional_id: Arc::clone(&transactional_id),
        timeout: settings.transaction_timeout,
        gate: Arc::clone(&gate),
    };
    let Started { producer, commands } = start(client, settings, Some(transactional)).await?;
    let intake = Arc::clone(&producer.intake);
    let control = TransactionControl::new(transactional_id, commands, gate, intake, max_block);
    Ok((producer, control))
}

/// A producer whose task runs.
struct Started {
    producer: Producer,
    commands: mpsc::Sender<Command>,
}

/// Starts a producer and waits until it has its identity, if it needs one.
async fn start(
    client: &Client,
    settings: ProducerSettings,
    transactional: Option<Transactional>,
) -> Result<Started, Error> {
    client.tasks().check()?;
    let patience = settings.max_block;
    let (started, has_begun) = spawn(client, settings, transactional);
    match tokio::time::timeout(patience, has_begun).await {
        Ok(Ok(outcome)) => outcome.map(|()| started),
        Ok(Err(_)) => Err(started.producer.intake.ended()),
        Err(_) => Err(Error::timeout("asking for a producer id", patience, "max.block.ms")),
    }
}

/// Puts the rooms together and spawns the sender task.
fn spawn(
    client: &Client,
    settings: ProducerSettings,
    transactional: Option<Transactional>,
) -> (Started, oneshot::Receiver<Result<(), Error>>) {
    let transactional_id = transactional.as_ref().map(|one| Arc::clone(&one.transactional_id));
    let builder = BuilderOptions {
        codec: settings.codec,
        transactional: transactional_id.is_some(),
        ..BuilderOptions::default()
    };
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
        delivery_timeout: *settings.delivery_timeout,
        max_in_flight: settings.max_in_flight_requests_per_connection,
        max_request_size: settings.max_request_size,
        retries: settings.retries,
        idempotent: *settings.enable_idempotence,
        transactional_id,
    };
    let dispatcher = Dispatcher::new(dispatcher, client.retry_backoff());
    let sender = SenderSettings {
        acks: settings.acks.on_the_wire(),
        request_timeout: client.request_timeout(),
        max_in_flight: settings.max_in_flight_requests_per_connection,
        compresses: settings.codec.compression() != Compression::None,
        lingers: !settings.linger.is_zero(),
        metadata_max_idle: settings.metadata_max_idle,
    };
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let (tell, started) = oneshot::channel();
    let released = CancellationToken::new();
    let snapshots = client.metadata().subscribe();
    let watched = (accumulator, Arc::new(BufferWatch::new(client)));
    let sender = Sender::new(sender, client.clone(), watched.clone(), dispatcher, tell, transactional);
    let sender = Arc::new(SharedSender::new(sender));
    let lost = Arc::clone(&sender);
    let intake = Intake::new(client.clone(), settings, watched, &sender, commands.clone(), released.clone());
    client.tasks().spawn("producer", sender.run(inbox, snapshots, released), move |error| lost.lose(error));
    (Started { producer: Producer::new(intake), commands }, started)
}
