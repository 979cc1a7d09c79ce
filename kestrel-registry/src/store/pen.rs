//! Pen: the right to write the topic, which one registry has at a time.
//!
//! It is a transactional producer whose id belongs to the topic. Whoever takes the pen fences who had it before: what that one has not
//! committed by then never takes effect. So a commit that succeeds proves that nobody has written since the pen was taken, and what
//! was decided on the end of the topic is still right.

use std::sync::Arc;
use std::time::Duration;

use kestrel_client::{
    Client, CommitError, Error, ErrorCode, TransactionalProducer, TransactionalTopic, Utf8,
};
use tracing::{debug, info};

use crate::record::{Entry, RecordText};

/// How long a pen may take to end what it was at, when it is put away.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How long a transaction may be open before the brokers abort it: as long as a write may take, between these. They refuse to keep one open
/// for longer than their `transaction.max.timeout.ms`, and a write that lost its transaction is done anew.
const SHORTEST_TRANSACTION: Duration = Duration::from_secs(1);
const LONGEST_TRANSACTION: Duration = Duration::from_secs(60);

/// Where the pen is kept: taken when it is needed, put away when it fails.
#[derive(Debug)]
pub(super) struct PenCase {
    client: Client,
    topic: Arc<str>,
    patience: Duration,
    pen: Option<Pen>,
}

#[derive(Debug)]
struct Pen {
    producer: TransactionalProducer,
    topic: TransactionalTopic<str, str>,
}

/// Why records were not written.
#[derive(Debug)]
pub(super) enum WriteFailure {
    /// Another registry has the pen, or something passed: nothing was written, and it may be tried again.
    Again(Error),
    /// They are larger than the topic takes.
    TooLarge(Error),
    /// They were not written, or perhaps they were.
    Failed(Error),
}

impl From<Error> for WriteFailure {
    fn from(error: Error) -> Self {
        let is_too_large = matches!(error, Error::RecordTooLarge { .. })
            || error.code() == Some(ErrorCode::MessageTooLarge)
            || error.code() == Some(ErrorCode::RecordListTooLarge);
        match error {
            error if is_too_large => Self::TooLarge(error),
            error if error.possibly_written() => Self::Failed(error),
            error @ (Error::ProducerFenced { .. } | Error::TransactionFailed { .. }) => Self::Again(error),
            error => Self::Failed(error),
        }
    }
}

impl PenCase {
    pub(super) fn new(client: Client, topic: Arc<str>, patience: Duration) -> Self {
        Self { client, topic, patience, pen: None }
    }

    pub(super) const fn is_put_away(&self) -> bool {
        self.pen.is_none()
    }

    /// Takes the pen, if this registry does not think that it has it.
    pub(super) async fn take(&mut self) -> Result<(), Error> {
        if self.pen.is_none() {
            self.pen = Some(Pen::take(&self.client, &self.topic, self.patience).await?);
        }
        Ok(())
    }

    /// Writes records, all or none. Gives the offset after the last of them.
    ///
    /// # Errors
    /// The pen is put away then, unless the records were too large.
    ///
    /// # Cancel safety
    /// Not cancel-safe: the records may be written or not, and the pen has to be put away.
    pub(super) async fn write(&mut self, entries: &[Entry]) -> Result<i64, WriteFailure> {
        self.take().await?;
        let pen = self.pen.as_mut().expect("it was taken");
        let written = pen.write(entries).await;
        if let Err(WriteFailure::Again(_) | WriteFailure::Failed(_)) = &written {
            self.put_away().await;
        }
        written
    }

    /// Ends the producer: what is open is aborted, and the next one begins with a clean sheet.
    pub(super) async fn put_away(&mut self) {
        if let Some(pen) = self.pen.take()
            && let Err(error) = pen.producer.close(CLOSE_PATIENCE).await
        {
            debug!("the last transaction has not ended yet: {error:#}");
        }
    }
}

impl Pen {
    async fn take(client: &Client, topic: &Arc<str>, patience: Duration) -> Result<Self, Error> {
        let producer = client.transactional_producer(format!("kestrel-registry.{topic}"));
        let transaction_timeout = patience.clamp(SHORTEST_TRANSACTION, LONGEST_TRANSACTION);
        let producer = producer.transaction_timeout(transaction_timeout).max_block(patience);
        let producer = producer.linger(Duration::ZERO).build().await?;
        let topic = producer.topic::<str, str>(Arc::clone(topic)).key(Utf8).value(Utf8).open().await?;
        info!("this registry writes the topic from now on");
        Ok(Self { producer, topic })
    }

    async fn write(&mut self, entries: &[Entry]) -> Result<i64, WriteFailure> {
        let transaction = self.producer.begin().await?;
        let mut deliveries = Vec::with_capacity(entries.len());
        for entry in entries {
            let RecordText { key, value } = entry.encode();
            let record = match &value {
                Some(value) => transaction.record(&self.topic, &key, value),
                None => transaction.tombstone_record(&self.topic, &key),
            };
            deliveries.push(record.send().await?);
        }
        let mut outcome = transaction.commit().await;
        while let Err(CommitError::Undecided { commit, .. }) = outcome {
            outcome = commit.outcome().await;
        }
        outcome.map_err(Error::from)?;
        let mut end = 0;
        for delivery in deliveries {
            end = end.max(delivery.await?.offset.unwrap_or_default() + 1);
        }
        Ok(end)
    }
}
