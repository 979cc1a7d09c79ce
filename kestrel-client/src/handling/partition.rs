//! PartitionHandler: works on the records of one partition, one after the other, each as often as it takes.
//!
//! The shell of [`Retries`]: its task is one of [`Consumer::for_each_partition`](crate::Consumer::for_each_partition).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::RemedyFor;
use super::failure::{Failure, HandlingError};
use super::retries::{Next, Retries};
use crate::consumer::PartitionStream;
use crate::environment;
use crate::error::{Chain, Error, Result};
use crate::observer::{ObserverSeat, Retried};
use crate::record::ConsumerRecord;
use crate::rejected::{RejectedRecord, Remedy, not_stored};

/// Works on the records of partitions; one for all of them.
pub(super) struct PartitionHandler<K, V, F> {
    retries: Retries,
    remedy: RemedyFor<K, V>,
    work: F,
    observer: ObserverSeat,
}

/// What has come of the attempts on a record.
enum Attempted {
    Done,
    /// The work on it has failed, and is not tried again.
    Failed {
        failure: Failure,
        attempts: u32,
    },
    /// The partition was given up in a pause: whoever has it next tries the record anew.
    GivenUp,
}

/// Whether a task goes on with the next record, and by that says that the last one is done.
type GoesOn = bool;

impl<K, V, F, T> PartitionHandler<K, V, F>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(Arc<ConsumerRecord<K, V>>) -> T + Send + Sync + 'static,
    T: Future<Output = Result<(), Failure>> + Send + 'static,
{
    pub(super) fn new(retries: Retries, remedy: RemedyFor<K, V>, work: F, observer: ObserverSeat) -> Self {
        Self { retries, remedy, work, observer }
    }

    /// Works until the partition is given up. A record is done when the next one is asked for.
    pub(super) async fn run(self: Arc<Self>, mut partition: PartitionStream<K, V>) -> Result<()> {
        while let Some(item) = partition.next().await {
            match item {
                Ok(record) => {
                    if !self.handle(&mut partition, Arc::new(record)).await? {
                        return Ok(());
                    }
                }
                // It is tried again after a pause, or goes away by itself.
                Err(error) if error.is_retriable() => {
                    tracing::warn!(partition = %partition.partition(), error = %Chain(&error), "a partition waits");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn handle(
        &self,
        partition: &mut PartitionStream<K, V>,
        record: Arc<ConsumerRecord<K, V>>,
    ) -> Result<GoesOn> {
        let (failure, attempts) = match self.attempt(partition, &record).await {
            Attempted::Done => return Ok(true),
            Attempted::GivenUp => return Ok(false),
            Attempted::Failed { failure, attempts } => (failure, attempts),
        };
        let remedy = match failure.gives_up_the_record() {
            true => (self.remedy)(&record, &failure),
            false => Remedy::Fail,
        };
        if !self.store(partition, &record, (&failure, attempts), &remedy).await? {
            return Ok(false);
        }
        let rejected = RejectedRecord::unworkable(&record, partition.stored(), attempts, failure.cause());
        partition.settler().tell(&rejected, &remedy);
        match remedy {
            Remedy::Fail => {
                let place = (record.topic.clone(), record.partition);
                Err(Error::other(HandlingError::new(place, record.offset, attempts, failure)))
            }
            Remedy::Skip | Remedy::DeadLetter(_) => Ok(true),
        }
    }

    /// Tries a record until that succeeds, or there is no hope, or no time.
    async fn attempt(
        &self,
        partition: &mut PartitionStream<K, V>,
        record: &Arc<ConsumerRecord<K, V>>,
    ) -> Attempted {
        let (begun_at, mut pauses) = (environment::now(), self.retries.pauses(environment::seed()));
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Err(failure) = (self.work)(Arc::clone(record)).await else { return Attempted::Done };
            let elapsed = environment::now().saturating_duration_since(begun_at);
            match self.retries.after(&failure, attempts, elapsed, &mut pauses) {
                Next::Remedy => return Attempted::Failed { failure, attempts },
                Next::Again { after } => {
                    self.note_retry("working on a record", record, attempts, after, &failure.to_error());
                    if !pause(partition, after).await {
                        return Attempted::GivenUp;
                    }
                }
            }
        }
    }

    /// Stores the letter of a record, tried again as long as that may help; false when the partition is given up meanwhile.
    async fn store(
        &self,
        partition: &mut PartitionStream<K, V>,
        record: &ConsumerRecord<K, V>,
        (failure, attempts): (&Failure, u32),
        remedy: &Remedy,
    ) -> Result<GoesOn> {
        let (settler, stored) = (Arc::clone(partition.settler()), partition.stored().clone());
        let rejected = RejectedRecord::unworkable(record, &stored, attempts, failure.cause());
        let (mut pauses, mut failures) = (self.retries.pauses(environment::seed()), 0);
        loop {
            let stored = tokio::select! {
                biased;
                stored = settler.store(&rejected, remedy) => stored,
                // Whoever has the partition next tries the record anew, and need not wait for a slow letter.
                () = partition.ended() => return Ok(false),
            };
            let Err(cause) = stored else { return Ok(true) };
            let error = not_stored(record, remedy, cause);
            if !error.is_retriable() {
                return Err(error);
            }
            failures += 1;
            let after = pauses.delay(failures);
            tracing::warn!(error = %Chain(&error), failures, "a partition waits");
            self.note_retry("storing a dead letter", record, failures, after, &error);
            if !pause(partition, after).await {
                return Ok(false);
            }
        }
    }

    fn note_retry(
        &self,
        operation: &'static str,
        record: &ConsumerRecord<K, V>,
        failures: u32,
        backoff: Duration,
        error: &Error,
    ) {
        let (topic, partition) = (Some(&*record.topic), Some(record.partition));
        self.observer.tell(|observer| {
            observer.on_retried(&Retried { operation, topic, partition, failures, backoff, error });
        });
    }
}

/// Waits for a while; false when the partition is given up meanwhile, so that there is nothing to wait for.
async fn pause<K: Send + 'static, V: Send + 'static>(
    partition: &mut PartitionStream<K, V>,
    pause: Duration,
) -> bool {
    tokio::select! {
        biased;
        () = partition.ended() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
