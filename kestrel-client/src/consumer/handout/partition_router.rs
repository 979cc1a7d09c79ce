//! Routing: what hands the records of a consumer to the tasks of its partitions, and waits for the tasks.
//!
//! Runs in the caller's task: [`Consumer::for_each_partition`]. It asks for records all the time, whatever a task is at.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::partition_reader::PartitionReader;
use super::partition_stream::{Item, PartitionStream};
use super::partition_tasks::PartitionTasks;
use super::stream::RawReader;
use crate::config::CommitPolicy;
use crate::consumer::Consumer;
use crate::consumer::engine::Engine;
use crate::error::{Chain, Error, Result};
use crate::reader::Decoders;
use crate::record::{ConsumerRecord, TopicPartition};

/// The way of a partition's records to its task.
struct TaskRoute {
    records: mpsc::Sender<Item>,
    tasks: PartitionTasks,
}

impl<K: Send + 'static, V: Send + 'static> Consumer<K, V> {
    /// Works on each partition in a task of its own, begun with its first record. Runs until one of the tasks ends by itself.
    ///
    /// A record is done when its task asks for the next one; what is done is committed as the
    /// [`CommitPolicy`] says. When a partition is given up, its stream ends, its task is waited for, and
    /// what it has done is committed before anybody else gets the partition. A task has at most `max_poll_records` records
    /// before it, and deserializes them itself; a slow one holds up no other partition, nor does one whose next record is
    /// [held](Error::Held). Work that is tried again when it fails, and kept: [`Self::handling`].
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
    /// what is done is committed, and the call returns that. The consumer can go on then: after what is done.
    /// [`Self::for_each_partition_until`] ends it from outside, and [`Self::handle`] asks and steers meanwhile.
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
    pub async fn for_each_partition<F, T, E>(&mut self, work: F) -> Result<(), E>
    where
        F: FnMut(PartitionStream<K, V>) -> T,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.for_each_partition_until(CancellationToken::new(), work).await
    }

    /// As [`Self::for_each_partition`], until `until` is cancelled too: then every stream ends, the tasks finish what they are
    /// at, what is done is committed unless the policy is [`CommitPolicy::Manual`], and the call returns `Ok`. The consumer is
    /// still a member of its group; [`Self::close`] leaves.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::CancellationToken;
    ///
    /// let until = CancellationToken::new();
    /// let interrupted = until.clone();
    /// # async fn ctrl_c() {}
    /// tokio::spawn(async move {
    ///     ctrl_c().await; // tokio::signal::ctrl_c
    ///     interrupted.cancel();
    /// });
    /// consumer
    ///     .for_each_partition_until(until, |mut partition| async move {
    ///         while let Some(record) = partition.next().await {
    ///             println!("{:?}", record?.value);
    ///         }
    ///         Ok::<(), kestrel_client::Error>(())
    ///     })
    ///     .await?;
    /// consumer.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::for_each_partition`]; what a task fails with while it ends; what the last commit fails with.
    ///
    /// # Panics
    /// When a task does, with its panic.
    ///
    /// # Cancel safety
    /// As [`Self::for_each_partition`].
    pub async fn for_each_partition_until<F, T, E>(
        &mut self,
        until: CancellationToken,
        mut work: F,
    ) -> Result<(), E>
    where
        F: FnMut(PartitionStream<K, V>) -> T,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.hand.ask();
        self.hand.clear();
        let max_open_records = self.handle.base.settings.max_poll_records;
        self.handle.base.shared.change(|engine| engine.begin_partition_acks(max_open_records));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut routes = HashMap::new();
        let mut is_at_end = false;
        let mut reader = RawReader::new(Decoders::raw());
        let outcome = loop {
            let item = tokio::select! {
                biased;
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => match finished(ended) {
                    Ended::WithPartition => continue,
                    Ended::ByItself(outcome) => break outcome,
                },
                () = until.cancelled() => break Ok(()),
                item = self.next_raw(&mut reader) => item,
            };
            let Some(item) = item else {
                let open = self.handle.base.shared.look(|engine| engine.check_open());
                is_at_end = open.is_ok();
                break open.map_err(E::from);
            };
            let item = match partition_of(&item) {
                Some(partition) => (partition, item),
                None => match item {
                    Err(error) if !error.is_retriable() => break Err(error.into()),
                    _ => continue,
                },
            };
            self.route(
                item,
                &mut routes,
                |stream, of_partition| {
                    let future = work(stream);
                    tasks.spawn(of_partition.run(future));
                },
                &stop,
            );
        };
        // Nothing is in our own hands: a rebalance need not wait for us.
        self.hand.ask();
        // Only a consumer from records comes to an end: its tasks do with their streams.
        match is_at_end {
            true => routes.clear(),
            false => stop.cancel(),
        }
        self.end(tasks, outcome).await
    }

    /// Waits for the tasks, and commits what they have done. The first failure is the outcome.
    async fn end<E: From<Error> + 'static>(
        &mut self,
        mut tasks: JoinSet<OfPartition<E>>,
        mut outcome: Result<(), E>,
    ) -> Result<(), E> {
        while let Some(ended) = tasks.join_next().await {
            if let Ended::ByItself(ended) = finished(ended) {
                outcome = outcome.and(ended);
            }
        }
        self.hand.clear();
        if self.handle.base.settings.group.commit_policy() != CommitPolicy::Manual {
            let commit = self.handle.source.group.submit_at_end();
            if outcome.is_ok() {
                outcome = commit.await.map_err(E::from);
            }
        }
        self.handle.base.shared.change(Engine::end_partition_acks);
        outcome
    }

    /// Hands `item` to the task of its partition, which is begun if there is none.
    fn route(
        &self,
        (partition, item): (TopicPartition, Item),
        routes: &mut HashMap<TopicPartition, TaskRoute>,
        begin: impl FnOnce(PartitionStream<K, V>, PartitionTasks),
        stop: &CancellationToken,
    ) {
        let shared = &self.handle.base.shared;
        let Some(tasks) = shared.tasks_on(&partition) else { return };
        let route = routes.remove(&partition).filter(|route| !route.tasks.are_over());
        let route = route.unwrap_or_else(|| {
            // One more than there can be open records: for an error that has none.
            let (sender, records) = mpsc::channel(self.handle.base.settings.max_poll_records + 1);
            let stream = PartitionStream::new(
                partition.clone(),
                records,
                self.partition_reader(),
                (tasks.clone(), stop.clone()),
                shared.clone(),
                self.handle.base.settings.max_poll_records,
            );
            begin(stream, tasks.clone());
            TaskRoute { records: sender, tasks }
        });
        if let Err(mpsc::error::TrySendError::Full(Err(error))) = route.records.try_send(item) {
            tracing::warn!(%partition, error = %Chain(&error), "the task of the partition has not seen the errors before this one yet");
        }
        routes.insert(partition, route);
    }

    fn partition_reader(&self) -> PartitionReader<K, V> {
        let backoff = self.handle.base.client.retry_backoff();
        PartitionReader::new(self.reader.decoders().clone(), Arc::clone(&self.settler), backoff)
    }
}

/// The result of a task, with the tasks of its partition.
type OfPartition<E> = (PartitionTasks, Result<(), E>);

/// The end of a task.
enum Ended<E> {
    /// Its partition was given up.
    WithPartition,
    ByItself(Result<(), E>),
}

fn finished<E>(ended: Result<OfPartition<E>, JoinError>) -> Ended<E> {
    match ended {
        Ok((tasks, Ok(()))) if tasks.are_over() => Ended::WithPartition,
        Ok((_, outcome)) => Ended::ByItself(outcome),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ended::WithPartition,
        },
    }
}

/// Which partition an item of the stream is about.
pub(super) fn partition_of<K, V>(item: &Result<ConsumerRecord<K, V>>) -> Option<TopicPartition> {
    match item {
        Ok(record) => Some(TopicPartition::new(record.topic.clone(), record.partition)),
        Err(Error::Deserialize(poison)) => {
            Some(TopicPartition::new(poison.record.topic.clone(), poison.record.partition))
        }
        Err(Error::Stalled(stall)) => Some(TopicPartition::new(stall.topic.clone(), stall.partition)),
        Err(Error::Held(held)) => Some(TopicPartition::new(held.topic.clone(), held.partition)),
        Err(Error::Position(error)) => Some(TopicPartition::new(error.topic.clone(), error.partition)),
        Err(_) => None,
    }
}
