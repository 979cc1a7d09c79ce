//! From settings to a running transactional producer.

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::record::Compression;

use super::TransactionalProducer;
use crate::client::Client;
use crate::config::setters::setters;
use crate::config::{Acks, PRODUCER, ProducerConfig, argument_fits, producer_settings};
use crate::error::{Error, Result};
use crate::into::IntoName;
use crate::producer::partitioner::Partitioner;
use crate::producer::start_transactional;

/// Configures and starts a [`TransactionalProducer`]; made by [`Client::transactional_producer`].
///
/// The settings are those of every producer, and `transaction.timeout.ms`. What rules idempotence out is refused: `acks` other
/// than all, more than five requests in flight, no retries.
///
/// ```no_run
/// # async fn example(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// use std::time::Duration;
///
/// let producer = client.transactional_producer("billing-1").transaction_timeout(Duration::from_secs(15)).build().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct TransactionalProducerBuilder {
    client: Client,
    transactional_id: Arc<str>,
    config: ProducerConfig,
}

producer_settings!(setters! [] TransactionalProducerBuilder, [.config]);

impl Client {
    /// Begins a producer that writes in transactions, under an id of its own: see [`TransactionalProducer`].
    pub fn transactional_producer(&self, transactional_id: impl IntoName) -> TransactionalProducerBuilder {
        TransactionalProducerBuilder {
            client: self.clone(),
            transactional_id: transactional_id.into_name(),
            config: self.settings().producer.clone(),
        }
    }

    /// As [`transactional_producer`](Self::transactional_producer), with the id that the client's properties have as
    /// `transactional.id`.
    pub fn configured_transactional_producer(&self) -> TransactionalProducerBuilder {
        self.transactional_producer(self.settings().producer.transactional_id.as_str())
    }
}

impl TransactionalProducerBuilder {
    /// Replaces all settings made so far, those of the client's properties included.
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Starts the producer: its task runs, and it has its identity. What an earlier producer of the same id has left open is
    /// aborted, or committed if that was decided, and the earlier one is fenced.
    ///
    /// # Errors
    /// [`Error::Config`] when a setting is wrong, the id is empty, or `transaction.timeout.ms` is above the broker's
    /// `transaction.max.timeout.ms`; what else the coordinator refuses, or why it was not reached within `max.block.ms`.
    ///
    /// # Cancel safety
    /// Cancel-safe: dropping the future ends the producer. It may have fenced the earlier one by then.
    pub async fn build(self) -> Result<TransactionalProducer> {
        let Self { client, transactional_id, config } = self;
        if transactional_id.is_empty() {
            return Err(Error::config(PRODUCER.transactional_id.name, "must not be empty"));
        }
        argument_fits("transactional_id", &transactional_id)?;
        let (producer, control) = start_transactional(&client, config, transactional_id).await?;
        Ok(TransactionalProducer::new(producer, control))
    }
}
