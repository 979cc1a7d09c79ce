//! PartitionStream: the records of one partition, for a task of its own.
//!
//! [`Consumer::for_each_partition`](crate::Consumer::for_each_partition) runs in the caller's task and routes; a record counts as done when its task asks for the
//! next one. Nothing here limits a partition but its acks: so many records as a batch may be with a task at once. Records come as
//! they were stored, and are deserialized in the task.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::partition_reader::PartitionReader;
use super::partition_tasks::PartitionTasks;
use crate::acks::AckToken;
use crate::consumer::shared_engine::SharedEngine;
use crate::error::{Error, Result};
use crate::record::{ConsumerRecord, TopicPartition};
use crate::rejected::{Settler, StoredParts};

/// The records of one partition, as long as the consumer has it; see [`Consumer::for_each_partition`](crate::Consumer::for_each_partition).
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
    records: mpsc::Receiver<Item>,
    reader: PartitionReader<K, V>,
    /// The item before which a batch ended.
    put_back: Option<Result<ConsumerRecord<K, V>>>,
    has_ended: bool,
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

/// A record as it was stored, or what is wrong with the partition.
pub(super) type Item = Result<ConsumerRecord>;

impl<K: Send + 'static, V: Send + 'static> PartitionStream<K, V> {
    /// The records that come through `records`, until the partition is given up or `stop` is cancelled.
    pub(super) fn new(
        partition: TopicPartition,
        records: mpsc::Receiver<Item>,
        reader: PartitionReader<K, V>,
        (tasks, stop): (PartitionTasks, CancellationToken),
        shared: SharedEngine,
        max_poll_records: usize,
    ) -> Self {
        Self {
            partition,
            records,
            reader,
            put_back: None,
            has_ended: false,
            is_over: Box::pin(tasks.over()),
            is_stopped: Box::pin(stop.cancelled_owned()),
            tasks,
            shared,
            in_hand: Vec::new(),
            next_offset: None,
            max_poll_records,
        }
    }

    /// Which partition it is.
    #[must_use]
    pub const fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The next record; the one before it is done. `None` when the partition is given up: then the task is waited for, and
    /// what it has done is committed.
    ///
    /// Errors are those of [`Consumer::next`](crate::Consumer::next) that concern the partition; the stream goes on after them.
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
            match self.read_at_hand() {
                Some(Ok(record)) => {
                    self.hand_out(&record);
                    batch.push(record);
                }
                Some(error) => {
                    self.put_back = Some(error);
                    break;
                }
                None => break,
            }
        }
        Ok(Some(batch))
    }

    /// The next item if it is there and need not wait.
    fn read_at_hand(&mut self) -> Option<Result<ConsumerRecord<K, V>>> {
        while !self.reader.is_busy() {
            match self.records.try_recv().ok()? {
                item if is_void(&item) => {}
                Ok(record) => return self.reader.read(record),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    /// Waits until the partition is given up, or the work is over: the stream has ended then. For a task that waits for something
    /// else than the next record, such as the end of a pause.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use kestrel_client::PartitionStream;
    ///
    /// /// Whether there is time to try again.
    /// async fn pause(partition: &mut PartitionStream<String, u64>) -> bool {
    ///     tokio::select! {
    ///         () = partition.ended() => false,
    ///         () = tokio::time::sleep(Duration::from_secs(1)) => true,
    ///     }
    /// }
    /// ```
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn ended(&mut self) {
        poll_fn(|cx| self.poll_ended(cx)).await;
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_ended
            || self.is_over.as_mut().poll(cx).is_ready()
            || self.is_stopped.as_mut().poll(cx).is_ready()
        {
            self.has_ended = true;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// The key and the value of the record that was handed out last, as they were stored.
    pub(crate) const fn stored(&self) -> &StoredParts {
        self.reader.stored()
    }

    /// What carries out what becomes of a record.
    pub(crate) const fn settler(&self) -> &Arc<Settler> {
        self.reader.settler()
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
    /// [`Consumer::lag`](crate::Consumer::lag) counts.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        let end = self.shared.look(|engine| engine.readable_end(&self.partition)).ok()??;
        Some((end - self.position()?).max(0))
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ConsumerRecord<K, V>>>> {
        self.in_hand.drain(..).for_each(|done| done.ack());
        if self.poll_ended(cx).is_ready() {
            return Poll::Ready(None);
        }
        ready!(self.tasks.poll_resumed(cx));
        let item = ready!(self.poll_read(cx));
        match &item {
            Some(Ok(record)) => self.hand_out(record),
            Some(Err(Error::Deserialize(poison))) => self.hand_out(&poison.record),
            Some(Err(_)) | None => {}
        }
        Poll::Ready(item)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ConsumerRecord<K, V>>>> {
        if let Some(item) = self.put_back.take().filter(|item| !is_void(item)) {
            return Poll::Ready(Some(item));
        }
        loop {
            if let Some(item) = ready!(self.reader.poll(cx)) {
                return Poll::Ready(Some(item));
            }
            let read = match ready!(self.records.poll_recv(cx)) {
                Some(item) if is_void(&item) => None,
                Some(Ok(record)) => self.reader.read(record),
                Some(Err(error)) => Some(Err(error)),
                None => return Poll::Ready(None),
            };
            if read.is_some() {
                return Poll::Ready(read);
            }
        }
    }
}

impl<K, V> PartitionStream<K, V> {
    fn hand_out<A, B>(&mut self, record: &ConsumerRecord<A, B>) {
        self.next_offset = Some(record.offset.saturating_add(1));
        self.in_hand.extend(record.ack_token());
    }
}

/// Whether the record belongs to an older position: another task has sought since it was fetched.
fn is_void<K, V>(item: &Result<ConsumerRecord<K, V>>) -> bool {
    let token = match item {
        Ok(record) => record.ack_token(),
        Err(Error::Deserialize(poison)) => poison.record.ack_token(),
        Err(_) => None,
    };
    token.is_some_and(|token| token.is_void())
}

impl<K: Send + 'static, V: Send + 'static> Stream for PartitionStream<K, V> {
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
