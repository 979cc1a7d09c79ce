//! ExactlyOnce: the loop that reads, works and writes so that each record takes effect once.
//!
//! One transaction after the other: what was read, what came of it, and how far the group has read are committed together. It
//! only calls what any program could call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::ErrorCode;
use tokio_util::sync::CancellationToken;

use super::{CommitError, Transaction, TransactionalProducer};
use crate::client::Client;
use crate::consumer::Consumer;
use crate::environment::{self, after};
use crate::error::{Chain, Error, Result, Severity};
use crate::reader::Batch;
use crate::rejected::{RejectedRecord, Remedy, Settler, not_stored};

/// How long a transaction takes in more batches: the commit interval of Kafka Streams with exactly-once.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// A loop that consumes, transforms and produces exactly once; made by [`Client::exactly_once`].
#[must_use = "a loop does nothing until `run`"]
pub struct ExactlyOnce<'a, K, V> {
    client: Client,
    consumer: &'a mut Consumer<K, V>,
    producer: &'a mut TransactionalProducer,
    stop: CancellationToken,
    commit_interval: Duration,
}

impl Client {
    /// Begins a loop that reads with `consumer`, hands each batch to the application with an open transaction of `producer`, and
    /// commits the group's offsets in that transaction: what the application writes in it happens exactly once for each record
    /// that is read, whatever fails on the way. Effects outside of the transaction may happen more than once.
    ///
    /// The consumer has to leave commits to the loop ([`CommitPolicy::Manual`](crate::CommitPolicy::Manual)). If what it reads is
    /// written in transactions too, it has to read committed
    /// ([`IsolationLevel::ReadCommitted`](crate::IsolationLevel::ReadCommitted)), as whoever reads what is written here.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{CommitPolicy, IsolationLevel, Utf8};
    ///
    /// let mut consumer = client
    ///     .consumer::<String, String>("shouting")
    ///     .topics(["said"])
    ///     .key(Utf8)
    ///     .value(Utf8)
    ///     .isolation_level(IsolationLevel::ReadCommitted)
    ///     .commit_policy(CommitPolicy::Manual)
    ///     .build()
    ///     .await?;
    /// let mut producer = client.transactional_producer("shouting-1").build().await?;
    /// let shouted = producer.topic::<str, str>("shouted").key(Utf8).value(Utf8).open().await?;
    /// client
    ///     .exactly_once(&mut consumer, &mut producer)
    ///     .run(async move |batch, transaction| {
    ///         for record in batch {
    ///             let (key, value) = (record.key()?.unwrap_or_default(), record.value()?.unwrap_or_default());
    ///             transaction.send(&shouted, &*key, &*value.to_uppercase()).await?;
    ///         }
    ///         Ok(())
    ///     })
    ///     .await
    /// # }
    /// ```
    pub fn exactly_once<'a, K, V>(
        &self,
        consumer: &'a mut Consumer<K, V>,
        producer: &'a mut TransactionalProducer,
    ) -> ExactlyOnce<'a, K, V> {
        ExactlyOnce {
            client: self.clone(),
            consumer,
            producer,
            stop: CancellationToken::new(),
            commit_interval: COMMIT_INTERVAL,
        }
    }
}

impl<K, V> ExactlyOnce<'_, K, V> {
    /// Ends the loop in good order once `stop` is cancelled: the transaction that is open is committed first. Default: never.
    ///
    /// A commit without an outcome after `max.block.ms` is not waited for then: the loop ends with an [`Error::Timeout`] that
    /// [says](Error::possibly_written) that it may have happened.
    pub fn stop_on(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// How long a transaction takes in batches that are there already, before it is committed; default 100 ms, as in Kafka
    /// Streams. It never waits for more to come. Zero is a transaction for each batch.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval;
        self
    }

    /// Runs until it is told to stop, the consumer reads nothing any more, or something fails for good.
    ///
    /// `work` is called for each batch, one after the other, several times for the same one if its transaction is aborted. What
    /// it has sent need not be awaited: the commit does. What it keeps in memory is its business: what it has changed there for a
    /// batch that comes again is not taken back. Written as `async move`, it can be part of a task that is spawned.
    ///
    /// Records that cannot be deserialized are its business too, unless the consumer's
    /// [remedy](crate::ConsumerBuilder::on_poison) is another one than `Fail`: then they are not among those of the batch, and dead
    /// letters are written in the transaction, so that there is one for each such record, whatever fails on the way.
    ///
    /// A transaction is aborted when a record or a dead letter cannot be stored, when the group takes partitions away that it has read,
    /// when a handler of poison fails, and when `work` does. Then the consumer goes back to what is committed, drops what was fetched from there on, and after
    /// `retry.backoff.ms`, growing to `retry.backoff.max.ms`, the same work is done again.
    ///
    /// # Errors
    /// What does not pass, after the transaction was aborted: an error of `work` that is neither
    /// [retriable](Error::is_retriable) nor abortable, [`Error::ProducerFenced`] when another run of the same transactional id
    /// has begun, a record that the broker refuses as it is, an [`Error::Held`] that is not retriable: what a record needs, or its dead
    /// letter, is there when somebody has changed something. [`Error::InvalidArgument`] for a consumer that commits by itself.
    ///
    /// # Cancel safety
    /// Cancel-safe for the records: when the future is dropped, the open transaction is aborted, or its commit goes on if it had
    /// been asked for. The consumer then stands behind what it has handed out: before the next run
    /// [`seek_to_committed`](Consumer::seek_to_committed) takes it back, which this call does at its beginning.
    pub async fn run(
        self,
        mut work: impl AsyncFnMut(&Batch<K, V>, &Transaction<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { client, consumer, producer, stop, commit_interval } = self;
        consumer.check_commits_nothing()?;
        consumer.seek_to_committed()?;
        let mut backoff = client.retry_backoff();
        let mut failures = 0;
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                batch = consumer.next_batch_unsettled() => match pass(batch)? {
                    Passed::Batch(batch) => batch,
                    Passed::Nothing => continue,
                    Passed::End => return Ok(()),
                },
            };
            let limits = Limits { ends_at: after(environment::now(), commit_interval), stop: &stop };
            let Err(error) = transact(consumer, producer, batch, &mut work, &limits).await else {
                failures = 0;
                continue;
            };
            consumer.seek_to_committed()?;
            let is_left_undecided = stop.is_cancelled() && error.possibly_written();
            if is_left_undecided || !is_worth_another_try(&error) {
                return Err(error);
            }
            failures += 1;
            tracing::warn!(error = %Chain(&error), failures, "a transaction was aborted, and its work is done again");
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(backoff.delay(failures)) => {}
            }
        }
    }
}

impl<K, V> fmt::Debug for ExactlyOnce<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExactlyOnce")
            .field("consumer", &self.consumer)
            .field("producer", &self.producer)
            .field("commit_interval", &self.commit_interval)
            .finish_non_exhaustive()
    }
}

/// An answer of the consumer, without the troubles that pass by themselves.
enum Passed<K, V> {
    Batch(Batch<K, V>),
    Nothing,
    End,
}

fn pass<K, V>(answer: Result<Option<Batch<K, V>>>) -> Result<Passed<K, V>> {
    match answer {
        Ok(Some(batch)) => Ok(Passed::Batch(batch)),
        Ok(None) => Ok(Passed::End),
        Err(error) if error.is_retriable() => {
            tracing::warn!(error = %Chain(&error), "reading goes on");
            Ok(Passed::Nothing)
        }
        Err(error) => Err(error),
    }
}

/// What ends a transaction, and the loop.
struct Limits<'a> {
    /// When no more batches are taken in.
    ends_at: Instant,
    /// Cancelled when an outcome that is not known is waited for no longer.
    stop: &'a CancellationToken,
}

/// One transaction: the work on `batch`, and on what else is there in time.
async fn transact<K, V>(
    consumer: &mut Consumer<K, V>,
    producer: &mut TransactionalProducer,
    batch: Batch<K, V>,
    work: &mut impl AsyncFnMut(&Batch<K, V>, &Transaction<'_>) -> Result<()>,
    limits: &Limits<'_>,
) -> Result<()> {
    let transaction = producer.begin().await?;
    let filled = fill(consumer, &transaction, batch, work, limits.ends_at).await;
    let (transaction, error) = match filled {
        Err(error) => (transaction, error),
        Ok(()) => {
            let mut outcome = transaction.commit().await;
            while let Err(CommitError::Undecided { commit, source }) = outcome {
                tracing::warn!(error = %Chain(&source), "whether a transaction is committed is not known yet");
                outcome = tokio::select! {
                    biased;
                    outcome = commit.outcome() => outcome,
                    () = limits.stop.cancelled() => return Err(source),
                };
            }
            match outcome {
                Ok(()) => return Ok(()),
                Err(CommitError::Abortable { transaction, source }) => (transaction, source),
                Err(other) => return Err(other.into()),
            }
        }
    };
    match transaction.abort().await {
        // It goes on in the background, and `begin` waits for it.
        Ok(()) | Err(Error::Timeout { .. }) => Err(error),
        Err(fatal) => Err(fatal),
    }
}

async fn fill<K, V>(
    consumer: &mut Consumer<K, V>,
    transaction: &Transaction<'_>,
    first: Batch<K, V>,
    work: &mut impl AsyncFnMut(&Batch<K, V>, &Transaction<'_>) -> Result<()>,
    ends_at: Instant,
) -> Result<()> {
    let mut next = Some(first);
    while let Some(mut batch) = next {
        settle(consumer.settler(), transaction, &mut batch).await?;
        if !batch.is_empty() {
            work(&batch, transaction).await?;
        }
        // What is handed out has to be worked on: nothing is asked for when the time is over.
        let answer = if environment::now() < ends_at { consumer.batch_at_hand() } else { None };
        next = match answer.map(pass).transpose()? {
            Some(Passed::Batch(batch)) => Some(batch),
            Some(Passed::Nothing | Passed::End) | None => None,
        };
    }
    transaction.send_offsets(consumer).await
}

/// Settles what becomes of records that cannot be read: their letters are part of the transaction.
async fn settle<K, V>(
    settler: &Settler,
    transaction: &Transaction<'_>,
    batch: &mut Batch<K, V>,
) -> Result<()> {
    for poison in batch.take_rejected() {
        let poison = Arc::new(poison);
        let remedy = settler.decide(&poison).await?;
        let rejected = RejectedRecord::unreadable(&poison);
        if let Some(letter) = settler.letter(&rejected, &remedy) {
            let sent = transaction.send_on(letter).await;
            sent.map_err(|cause| not_stored(&poison.record, &remedy, cause))?;
        }
        settler.tell(&rejected, &remedy);
        if remedy == Remedy::Fail {
            batch.restore(poison.record.offset);
        }
    }
    Ok(())
}

/// Whether the work may succeed when it is done again: what kept it from being committed passes.
fn is_worth_another_try(error: &Error) -> bool {
    let cause = match error {
        Error::TransactionFailed { cause } => cause,
        // A letter was not accepted, or the handler of poison has failed.
        Error::Held(held) => match held.cause.downcast_ref() {
            Some(Error::TransactionFailed { cause }) => cause,
            _ => return error.is_retriable(),
        },
        other => other,
    };
    // The broker has ended the transaction, or has lost count: the next one begins anew.
    let is_of_this_transaction = matches!(
        cause.code(),
        Some(
            ErrorCode::InvalidProducerEpoch
                | ErrorCode::ProducerFenced
                | ErrorCode::InvalidProducerIdMapping
                | ErrorCode::UnknownProducerId
                | ErrorCode::InvalidTxnState
        )
    );
    let passes = matches!(cause.severity(), Severity::Retriable | Severity::Abortable);
    let is_fatal = matches!(error, Error::ProducerFenced { .. } | Error::ProducerFailed { .. });
    !is_fatal && (passes || is_of_this_transaction || matches!(cause, Error::CommitFailed(_)))
}
