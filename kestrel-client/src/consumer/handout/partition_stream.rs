//! PartitionStream: the records of one partition, for a task of its own; and what hands them to the tasks.
//!
//! [`Consumer::for_each_partition`] runs in the caller's task and routes; a record counts as done when its task asks for the
//! next one. Nothing here limits a partition but its acks: so many records as a batch may be with a task at once.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::partition_tasks::PartitionTasks;
use crate::acks::AckToken;
use crate::config::CommitPolicy;
use crate::consumer::Consumer;
use crate::consumer::engine::Engine;
use crate::consumer::shared_engine::SharedEngine;
use crate::error::{Chain, Error, Result};
use crate::record::{ConsumerRecord, TopicPartition};

/// The records of one partition, as long as the consumer has it; see [`Consumer::for_each_partition`].
///
/// A [`Stream`]; [`Self::next`] is the same without an import. A record is done when the task asks for the one after it. The stream
/// ends when the partition is given up, and when the work is over: then the task is waited for, and what it has done is
/// committed.
///
/// ```
/// use kestrel_client::{Error, PartitionStream};
///
/// async fn insert_rows(mut partition: PartitionStream<String, u64>) -> Result<(), Error> {
///     while let Some(rows) = partition.next_batch().await? {
///         println!("{} rows, {:?} to go", rows.len(), partition.lag());
///     }
///     Ok(())
/// }
/// ```
pub struct PartitionStream<K, V> {
    partition: TopicPartition,
    records: mpsc::Receiver<Item<K, V>>,
    /// The item before which a batch ended.
    put_back: Option<Item<K, V>>,
    is_over: Pin<Box<WaitForCancellationFutureOwned>>,
    is_stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    tasks: PartitionTasks,
    shared: SharedEngine,
    /// The acks of the records that are done when more is asked for.
    in_hand: Vec<AckToken>,
    /// The offset after the last record that was handed out.
    next_offset: Option<i64>,
    max_poll_records: usize,
}

type Item<K, V> = Result<ConsumerRecord<K, V>>;

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
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// The records that are there, at least one and at most `max_poll_records`; those before them are done. Waits for the
    /// first. `None` as from [`Self::next`].
    ///
    /// # Errors
    /// As the items of [`Self::next`]: an error comes alone, after the records before it. The next call goes on.
    ///
    /// # Cancel safety
    /// Cancel-safe: records are handed out only by the call that returns them.
    pub async fn next_batch(&mut self) -> Result<Option<Vec<ConsumerRecord<K, V>>>> {
        let Some(first) = self.next().await.transpose()? else { return Ok(None) };
        let mut batch = vec![first];
        while batch.len() < self.max_poll_records {
            match self.records.try_recv() {
                Ok(item) if is_void(&item) => {}
                Ok(Ok(record)) => {
                    self.hand_out(&record);
                    batch.push(record);
                }
                Ok(error) => {
                    self.put_back = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(Some(batch))
    }

    /// The offset that is handed out next; `None` while it is not known, and when the partition was given up before a record
    /// was handed out.
    #[must_use]
    pub fn position(&self) -> Option<i64> {
        let in_hand = self.in_hand.len();
        let known = self.shared.look(|engine| engine.task_position(&self.partition, in_hand));
        known.or(self.next_offset)
    }

    /// The number of records that are yet to be handed out, as the last fetch said; `None` when that is not known. Counted as
    /// [`Consumer::lag`] counts.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        let end = self.shared.look(|engine| engine.readable_end(&self.partition)).ok()??;
        Some((end - self.position()?).max(0))
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item<K, V>>> {
        self.in_hand.drain(..).for_each(|done| done.ack());
        if self.is_over.as_mut().poll(cx).is_ready() || self.is_stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        ready!(self.tasks.poll_resumed(cx));
        loop {
            let item = match self.put_back.take() {
                Some(item) => item,
                None => match ready!(self.records.poll_recv(cx)) {
                    Some(item) => item,
                    None => return Poll::Ready(None),
                },
            };
            if is_void(&item) {
                continue;
            }
            match &item {
                Ok(record) => self.hand_out(record),
                Err(Error::Deserialize(poison)) => self.hand_out(&poison.record),
                Err(_) => {}
            }
            return Poll::Ready(Some(item));
        }
    }

    fn hand_out<A, B>(&mut self, record: &ConsumerRecord<A, B>) {
        self.next_offset = Some(record.offset.saturating_add(1));
        self.in_hand.extend(record.ack_token());
    }
}

/// Whether the record belongs to an older position: another task has sought since it was fetched.
fn is_void<K, V>(item: &Item<K, V>) -> bool {
    let token = match item {
        Ok(record) => record.ack_token(),
        Err(Error::Deserialize(poison)) => poison.record.ack_token(),
        Err(_) => None,
    };
    token.is_some_and(|token| token.is_void())
}

impl<K, V> Stream for PartitionStream<K, V> {
    type Item = Result<ConsumerRecord<K, V>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

impl<K, V> Unpin for PartitionStream<K, V> {}

impl<K, V> fmt::Debug for PartitionStream<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionStream").field("partition", &self.partition).finish_non_exhaustive()
    }
}

/// The way of a partition's records to its task.
struct TaskRoute<K, V> {
    records: mpsc::Sender<Result<ConsumerRecord<K, V>>>,
    tasks: PartitionTasks,
}

impl<K: Send + 'static, V: Send + 'static> Consumer<K, V> {
    /// Works on each partition in a task of its own, begun with its first record. Runs until one of the tasks ends by itself.
    ///
    /// A record is done when its task asks for the next one; what is done is committed as the
    /// [`CommitPolicy`] says. When a partition is given up, its stream ends, its task is waited for, and
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
        self.hand.put_back();
        let max_open_records = self.handle.base.settings.max_poll_records;
        self.handle.base.shared.change(|engine| engine.begin_partition_acks(max_open_records));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut routes = HashMap::new();
        let mut is_at_end = false;
        let mut outcome = loop {
            let item = tokio::select! {
                biased;
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => match finished(ended) {
                    Ended::WithPartition => continue,
                    Ended::ByItself(outcome) => break outcome,
                },
                () = until.cancelled() => break Ok(()),
                item = self.next() => item,
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
        while let Some(ended) = tasks.join_next().await {
            if let Ended::ByItself(ended) = finished(ended) {
                outcome = outcome.and(ended);
            }
        }
        self.hand.put_back();
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
        (partition, item): (TopicPartition, Result<ConsumerRecord<K, V>>),
        routes: &mut HashMap<TopicPartition, TaskRoute<K, V>>,
        begin: impl FnOnce(PartitionStream<K, V>, PartitionTasks),
        stop: &CancellationToken,
    ) {
        let shared = &self.handle.base.shared;
        let Some(tasks) = shared.tasks_on(&partition) else { return };
        let route = routes.remove(&partition).filter(|route| !route.tasks.are_over());
        let route = route.unwrap_or_else(|| {
            // One more than there can be open records: for an error that has none.
            let (sender, records) = mpsc::channel(self.handle.base.settings.max_poll_records + 1);
            let stream = PartitionStream {
                partition: partition.clone(),
                records,
                put_back: None,
                is_over: Box::pin(tasks.over()),
                is_stopped: Box::pin(stop.clone().cancelled_owned()),
                tasks: tasks.clone(),
                shared: shared.clone(),
                in_hand: Vec::new(),
                next_offset: None,
                max_poll_records: self.handle.base.settings.max_poll_records,
            };
            begin(stream, tasks.clone());
            TaskRoute { records: sender, tasks }
        });
        if let Err(mpsc::error::TrySendError::Full(Err(error))) = route.records.try_send(item) {
            tracing::warn!(%partition, error = %Chain(&error), "the task of the partition has not seen the errors before this one yet");
        }
        routes.insert(partition, route);
    }
}

/// The end of a task.
enum Ended<E> {
    /// Its partition was given up.
    WithPartition,
    ByItself(Result<(), E>),
}

fn finished<E>(ended: Result<(PartitionTasks, Result<(), E>), tokio::task::JoinError>) -> Ended<E> {
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
        Err(Error::Position(error)) => Some(TopicPartition::new(error.topic.clone(), error.partition)),
        Err(_) => None,
    }
}
