//! PartitionStream: the records of one partition, for a task of its own; and what hands them to the tasks.
//!
//! [`Consumer::for_each_partition`] runs in the caller's task and routes; a record counts as done when its task asks for the
//! next one. Nothing here limits a partition but its acks: so many records as a batch may be with a task at once.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Consumer;
use super::acks::AckToken;
use super::engine::Engine;
use crate::error::{Chain, Error, Result};
use crate::record::{ConsumerRecord, TopicPartition};

/// The tasks that work on one assignment of a partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers {
    /// The partition is being given up, or is gone.
    pub(crate) over: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Workers {
    /// Waits until the tasks have finished what they were at.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The records of one partition, as long as the consumer has it; see [`Consumer::for_each_partition`].
pub struct PartitionStream<K, V> {
    partition: TopicPartition,
    records: mpsc::Receiver<Result<ConsumerRecord<K, V>>>,
    over: CancellationToken,
    stop: CancellationToken,
    current: Option<AckToken>,
}

impl<K, V> PartitionStream<K, V> {
    /// Which partition it is.
    #[must_use]
    pub const fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The next record; the one before it is done. `None` when the partition is given up: then the task is waited for, and
    /// what it has done is committed.
    ///
    /// Errors are those of [`Consumer::next`] that concern the partition; the stream goes on after them.
    ///
    /// # Cancel safety
    /// Cancel-safe: a record is handed out only by the call that returns it.
    pub async fn next(&mut self) -> Option<Result<ConsumerRecord<K, V>>> {
        if let Some(done) = self.current.take() {
            done.ack();
        }
        let item = tokio::select! {
            biased;
            () = self.over.cancelled() => None,
            () = self.stop.cancelled() => None,
            item = self.records.recv() => item,
        };
        self.current = item.as_ref().and_then(|item| match item {
            Ok(record) => record.ack_token(),
            Err(Error::Deserialize(poison)) => poison.record.ack_token(),
            Err(_) => None,
        });
        item
    }
}

impl<K, V> fmt::Debug for PartitionStream<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionStream").field("partition", &self.partition).finish_non_exhaustive()
    }
}

/// Where the records of a partition go.
struct Worker<K, V> {
    records: mpsc::Sender<Result<ConsumerRecord<K, V>>>,
    over: CancellationToken,
}

impl<K: Send + 'static, V: Send + 'static> Consumer<K, V> {
    /// Works on each partition in a task of its own, begun with its first record. Runs until one of the tasks ends by itself.
    ///
    /// A record is done when its task asks for the next one; what is done is committed as the
    /// [`CommitPolicy`](crate::CommitPolicy) says. When a partition is given up, its stream ends, its task is waited for, and
    /// what it has done is committed before anybody else gets the partition. A task has at most `max_poll_records` records
    /// before it; a slow one holds up no other partition.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// consumer
    ///     .for_each_partition(|mut partition| async move {
    ///         while let Some(record) = partition.next().await {
    ///             println!("{}: {:?}", partition.partition(), record?.value);
    ///         }
    ///         Ok::<(), kestrel_client::Error>(())
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// When a task ends although its stream has not, with a result or an error, the others finish the record that they are at,
    /// and the call returns that. The consumer can go on then: after what is done.
    ///
    /// # Errors
    /// What a task gives; an error of the stream that concerns no single partition and is not retriable.
    ///
    /// # Panics
    /// When a task does, with its panic.
    ///
    /// # Cancel safety
    /// Dropping the future ends the tasks where they are. What they have not done is read again by whoever has the partition
    /// next; for this consumer, that needs a new call of this method, or a seek.
    pub async fn for_each_partition<F, T, E>(&mut self, mut work: F) -> Result<(), E>
    where
        F: FnMut(PartitionStream<K, V>) -> T,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.note_ask();
        self.return_run();
        let max_open_records = self.handle.base.settings.max_poll_records;
        self.handle.base.shared.change(|engine| engine.begin_partition_acks(max_open_records));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut workers = HashMap::new();
        let outcome = loop {
            let item = tokio::select! {
                biased;
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => match finished(ended) {
                    Ended::WithPartition => continue,
                    Ended::ByItself(outcome) => break outcome,
                },
                item = self.next() => item,
            };
            let Some(item) = item else { break Err(Error::closed("consumer").into()) };
            let item = match partition_of(&item) {
                Some(partition) => (partition, item),
                None => match item {
                    Err(error) if !error.is_retriable() => break Err(error.into()),
                    _ => continue,
                },
            };
            self.route(
                item,
                &mut workers,
                |stream, over, running| {
                    let future = work(stream);
                    tasks.spawn(running.track_future(async move { (over, future.await) }));
                },
                &stop,
            );
        };
        stop.cancel();
        while let Some(ended) = tasks.join_next().await {
            finished(ended);
        }
        self.return_run();
        self.handle.base.shared.change(Engine::end_partition_acks);
        outcome
    }

    /// Hands `item` to the task of its partition, which is begun if there is none.
    fn route(
        &self,
        (partition, item): (TopicPartition, Result<ConsumerRecord<K, V>>),
        workers: &mut HashMap<TopicPartition, Worker<K, V>>,
        begin: impl FnOnce(PartitionStream<K, V>, CancellationToken, TaskTracker),
        stop: &CancellationToken,
    ) {
        let Some(Workers { over, tasks }) = self.handle.base.shared.look(|engine| engine.workers(&partition))
        else {
            return;
        };
        let worker = workers.remove(&partition).filter(|worker| !worker.over.is_cancelled());
        let worker = worker.unwrap_or_else(|| {
            // One more than there can be open records: for an error that has none.
            let (sender, records) = mpsc::channel(self.handle.base.settings.max_poll_records + 1);
            let stream = PartitionStream {
                partition: partition.clone(),
                records,
                over: over.clone(),
                stop: stop.clone(),
                current: None,
            };
            begin(stream, over.clone(), tasks);
            Worker { records: sender, over }
        });
        if let Err(mpsc::error::TrySendError::Full(Err(error))) = worker.records.try_send(item) {
            tracing::warn!(%partition, error = %Chain(&error), "the task of the partition has not seen the errors before this one yet");
        }
        workers.insert(partition, worker);
    }
}

/// How a task has ended.
enum Ended<E> {
    /// Its partition was given up.
    WithPartition,
    ByItself(Result<(), E>),
}

fn finished<E>(ended: Result<(CancellationToken, Result<(), E>), tokio::task::JoinError>) -> Ended<E> {
    match ended {
        Ok((over, Ok(()))) if over.is_cancelled() => Ended::WithPartition,
        Ok((_, outcome)) => Ended::ByItself(outcome),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ended::WithPartition,
        },
    }
}

/// Which partition an item of the stream is about.
fn partition_of<K, V>(item: &Result<ConsumerRecord<K, V>>) -> Option<TopicPartition> {
    match item {
        Ok(record) => Some(TopicPartition::new(record.topic.clone(), record.partition)),
        Err(Error::Deserialize(poison)) => {
            Some(TopicPartition::new(poison.record.topic.clone(), poison.record.partition))
        }
        Err(Error::Position(error)) => Some(TopicPartition::new(error.topic.clone(), error.partition)),
        Err(_) => None,
    }
}
