//! Handling: a loop that works on each record, tries again what may pass, and does not stop at a record that is at fault itself.
//!
//! Only calls what any program could call: a task for each partition, and in it one attempt after the other. What comes after an
//! attempt says [`Retries`], which is pure.
//!
//! ```text
//!   PartitionStream ── record ──► attempt ── Ok ──────────────────────────► done when the next one is asked for
//!                                   ▲   └── Failure ──► Retries ── remedy ─► letter stored, skipped, or the loop fails
//!                                   └── pause ◄───────────┘ again
//! ```

mod failure;
mod partition;
mod retries;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::partition::PartitionHandler;
use self::retries::Retries;
use crate::consumer::Consumer;
use crate::error::{Error, Result};
use crate::record::ConsumerRecord;
use crate::rejected::Remedy;

pub use self::failure::{Failure, HandlingError};

/// A loop that works on each record of a consumer; made by [`Consumer::handling`].
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// # async fn charge(_: &str, _: i64) -> std::io::Result<()> { Ok(()) }
/// use std::time::Duration;
///
/// use kestrel_client::{Consumer, Failure, Int64, Remedy, Utf8};
///
/// let dead_letters = Remedy::dead_letter("payments.dlq");
/// let consumer = client.consumer("billing").topics(["payments"]).key(Utf8).value(Int64);
/// let mut consumer: Consumer<String, i64> = consumer.on_poison(dead_letters.clone()).build().await?;
/// consumer
///     .handling()
///     .attempts(4)
///     .backoff(Duration::from_millis(50), Duration::from_secs(5))
///     .then(dead_letters)
///     .run(|payment| async move {
///         let (Some(customer), Some(cents)) = (&payment.key, payment.value) else {
///             return Err(Failure::lasting("nobody pays nothing"));
///         };
///         charge(customer, cents).await?; // tried again, and the payment is never given up for it
///         Ok(())
///     })
///     .await
/// # }
/// ```
#[must_use = "a loop does nothing until `run`"]
pub struct Handling<'a, K, V> {
    consumer: &'a mut Consumer<K, V>,
    retries: Retries,
    remedy: RemedyFor<K, V>,
    stop: CancellationToken,
}

/// Which remedy a record gets whose work has failed because of it.
type RemedyFor<K, V> = Arc<dyn Fn(&ConsumerRecord<K, V>, &Failure) -> Remedy + Send + Sync>;

impl<K, V> Consumer<K, V> {
    /// Begins a loop that works on each record, tries again what may pass, and passes a record that is at fault itself as it is told to;
    /// see [`Handling`].
    pub fn handling(&mut self) -> Handling<'_, K, V> {
        Handling {
            consumer: self,
            retries: Retries::default(),
            remedy: Arc::new(|_, _| Remedy::Fail),
            stop: CancellationToken::new(),
        }
    }
}

impl<K, V> Handling<'_, K, V> {
    /// How often a record is tried whose work may succeed later ([`Failure::is_passing`]), the first attempt included. From 1, which is
    /// not again; default 10, as Spring's listeners do. [`run`](Self::run) refuses 0.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.retries.attempts = attempts;
        self
    }

    /// How long the pause before the second attempt is, and the longest one: each is twice as long as the one before, give or take
    /// 20%. Default: 100 ms to 10 s.
    ///
    /// A pause may be longer than `max.poll.interval.ms`: the consumer goes on asking for records meanwhile, so that it stays a member
    /// of its group.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.retries.first_pause, self.retries.longest_pause) = (first, longest);
        self
    }

    /// How long a record is tried, from its first attempt on; a pause that would end later is not begun. Default: as long as
    /// [`attempts`](Self::attempts) last.
    pub fn within(mut self, limit: Duration) -> Self {
        self.retries.limit = Some(limit);
        self
    }

    /// What becomes of a record whose work has failed because of it: [`Failure::lasting`], and [`Failure::passing`] after the last
    /// attempt. Default: [`Remedy::Fail`], which ends the loop.
    ///
    /// A record is not given up for anything else, such as a database that is down or a producer that is closed: whatever is said
    /// here, the loop ends then, and the record is kept. [`Failure`] says which is which.
    ///
    /// What becomes of a record that cannot be read is the consumer's [`on_poison`](crate::ConsumerBuilder::on_poison).
    pub fn then(self, remedy: Remedy) -> Self {
        self.then_with(move |_, _| remedy.clone())
    }

    /// As [`Self::then`], by record and failure.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, i64>) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::Remedy;
    ///
    /// let handling = consumer.handling().then_with(|record, failure| match failure.is_passing() {
    ///     true => Remedy::Fail, // down for so long that somebody has to look
    ///     false => Remedy::dead_letter(format!("{}.dlq", record.topic)),
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn then_with(
        mut self,
        remedy: impl Fn(&ConsumerRecord<K, V>, &Failure) -> Remedy + Send + Sync + 'static,
    ) -> Self {
        self.remedy = Arc::new(remedy);
        self
    }

    /// Ends the loop in good order once `stop` is cancelled: attempts that are under way are waited for, pauses and letters are not, and
    /// what is done is committed. Default: never.
    pub fn stop_on(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Handling<'_, K, V> {
    /// Works on records until it is told to stop, or something fails that a [`Remedy`] does not answer.
    ///
    /// The records of a partition are worked on one after the other, in a task of the partition's own: one that is tried again holds up
    /// those behind it and no other partition. `work` gets a record again for each attempt. A record is done when `work` has given
    /// `Ok`, and when its [`Remedy`] was carried out; what is done is committed as the
    /// [`CommitPolicy`](crate::CommitPolicy) says, and when partitions are given up. A partition that is given up ends the pause
    /// that it is in, and whoever has it next tries the record anew.
    ///
    /// A dead letter that is not stored for a reason that may pass holds its partition until it is, as does a record whose schema cannot
    /// be had; the log says so, and of letters the client's [observer](crate::Observer::on_retried) too.
    ///
    /// # Errors
    /// An [`Error::Other`] with a [`HandlingError`] behind it when a record's remedy is to fail, and when work fails
    /// for which the record is not given up. [`Error::Deserialize`] when the remedy of one that cannot be read
    /// is to fail. An error of the stream that is not [retriable](crate::Error::is_retriable): an [`Error::Held`] when
    /// a letter is too large or its topic may not be written to, or a registry refuses. What the last commit fails with.
    /// [`Error::InvalidArgument`] for no attempts. What is done by then is committed, and the record itself
    /// is not.
    ///
    /// # Panics
    /// When `work` does, with its panic.
    ///
    /// # Cancel safety
    /// As [`Consumer::for_each_partition`]: dropping the future drops the work where it is. What was not done is read again.
    pub async fn run<F, T>(self, work: F) -> Result<()>
    where
        F: Fn(Arc<ConsumerRecord<K, V>>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let Self { consumer, retries, remedy, stop } = self;
        if retries.attempts == 0 {
            return Err(Error::invalid_argument("attempts", "0: a record is tried once or more"));
        }
        let observer = consumer.observer().clone();
        let handler = Arc::new(PartitionHandler::new(retries, remedy, work, observer));
        consumer.for_each_partition_until(stop, |partition| Arc::clone(&handler).run(partition)).await
    }
}

impl<K, V> fmt::Debug for Handling<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling")
            .field("consumer", &self.consumer)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
