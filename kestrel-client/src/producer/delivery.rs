//! The outcome of a batch, shared by all records in it, and the future of one record's part.
//!
//! A [`Delivery`] is a handle on the batch and an index into it: nothing is allocated per record, and wakers are kept
//! only for deliveries that someone polls. A batch that had to be split points on to its parts.

use std::fmt;
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};

use crate::error::Error;
use crate::record::{RecordMetadata, Timestamp, TopicPartition};

/// What became of a batch.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The broker has it.
    Stored {
        /// The first record's offset, when it is known.
        base_offset: Option<i64>,
        /// The broker's time, when the topic uses that.
        log_append_time: Option<Timestamp>,
    },
    /// It is lost, or no one knows.
    Failed(Error),
    /// It goes on as smaller batches, each with the index of its first record.
    Split(Arc<[(u32, Arc<BatchState>)]>),
}

/// What the records of one batch share.
pub(crate) struct BatchState {
    topic: Arc<str>,
    partition: i32,
    outcome: OnceLock<Outcome>,
    wakers: Mutex<Vec<Option<Waker>>>,
}

impl BatchState {
    pub(crate) fn new(topic: Arc<str>, partition: i32) -> Self {
        Self { topic, partition, outcome: OnceLock::new(), wakers: Mutex::new(Vec::new()) }
    }

    pub(crate) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    /// The outcome, once it is known.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// Whether the outcome is known.
    pub(crate) fn is_settled(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// Tells everyone what became of the batch. The first outcome stands; gives whether this was it.
    pub(crate) fn settle(&self, outcome: Outcome) -> bool {
        if self.outcome.set(outcome).is_err() {
            return false;
        }
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().flatten().for_each(Waker::wake);
        true
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Option<Waker>>> {
        self.wakers.lock()
    }

    /// The outcome, or the caller's waker is kept in `place` until there is one.
    fn poll_outcome(&self, place: &mut Option<NonZeroU32>, cx: &mut Context<'_>) -> Poll<&Outcome> {
        if let Some(outcome) = self.outcome.get() {
            return Poll::Ready(outcome);
        }
        let mut wakers = self.wakers();
        // Settling sets the outcome before it takes the wakers: whoever is in the list by now will be woken.
        if let Some(outcome) = self.outcome.get() {
            return Poll::Ready(outcome);
        }
        match place.and_then(|place| wakers.get_mut(index(place))) {
            Some(Some(kept)) => kept.clone_from(cx.waker()),
            Some(empty) => *empty = Some(cx.waker().clone()),
            None => {
                wakers.push(Some(cx.waker().clone()));
                *place = u32::try_from(wakers.len()).ok().and_then(NonZeroU32::new);
            }
        }
        Poll::Pending
    }

    fn forget_waker(&self, place: NonZeroU32) {
        if let Some(waker) = self.wakers().get_mut(index(place)) {
            *waker = None;
        }
    }
}

/// Where the waker is that came as the `place`th: small, as deliveries are kept by the million.
fn index(place: NonZeroU32) -> usize {
    place.get() as usize - 1
}

impl fmt::Debug for BatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchState")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("outcome", &self.outcome.get())
            .finish_non_exhaustive()
    }
}

/// Waits until the batch, or every part that it was split into, has its outcome.
pub(crate) async fn settled(batch: Arc<BatchState>) {
    let mut remaining = vec![batch];
    while let Some(batch) = remaining.pop() {
        let mut place = None;
        let parts = poll_fn(|cx| {
            batch.poll_outcome(&mut place, cx).map(|outcome| match outcome {
                Outcome::Split(parts) => Some(Arc::clone(parts)),
                _ => None,
            })
        });
        if let Some(parts) = parts.await {
            remaining.extend(parts.iter().map(|(_, part)| Arc::clone(part)));
        }
    }
}

/// The receipt to come of a record that the producer has accepted: the second of the two awaits.
///
/// It may be dropped: the record is sent all the same.
///
/// # Cancel safety
/// Cancel-safe: it may be polled, dropped, or awaited later, from any task.
#[must_use = "dropping a delivery means not to know whether the record was stored"]
pub struct Delivery {
    batch: Arc<BatchState>,
    index: u32,
    timestamp: Timestamp,
    waker_place: Option<NonZeroU32>,
}

impl Delivery {
    #[inline]
    pub(crate) fn new(batch: Arc<BatchState>, index: u32, timestamp: Timestamp) -> Self {
        Self { batch, index, timestamp, waker_place: None }
    }

    /// A delivery whose outcome is known: for unit tests of what awaits deliveries.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use kestrel_client::{ApiKey, BrokerError, Delivery, ErrorCode, RecordMetadata, Timestamp};
    ///
    /// let receipt = RecordMetadata::new(("orders", 3), Some(42), Timestamp::from_millis(1_000));
    /// assert_eq!(Delivery::settled(("orders", 3), Ok(receipt.clone())).await.unwrap(), receipt);
    ///
    /// let refusal = BrokerError::new(ApiKey::Produce, ErrorCode::NotEnoughReplicas);
    /// let lost = Delivery::settled(("orders", 3), Err(refusal.into()));
    /// assert_eq!((lost.topic(), lost.partition()), ("orders", 3));
    /// assert!(lost.await.unwrap_err().is_retriable());
    /// # }
    /// ```
    pub fn settled(partition: impl Into<TopicPartition>, outcome: Result<RecordMetadata, Error>) -> Self {
        let TopicPartition { topic, partition } = partition.into();
        let (topic, partition, timestamp, outcome) = match outcome {
            Ok(RecordMetadata { topic, partition, offset, timestamp }) => {
                (topic, partition, timestamp, Outcome::Stored { base_offset: offset, log_append_time: None })
            }
            Err(error) => (topic, partition, Timestamp::NONE, Outcome::Failed(error)),
        };
        let batch = Arc::new(BatchState::new(topic, partition));
        batch.settle(outcome);
        Self::new(batch, 0, timestamp)
    }

    /// The topic that the record goes to.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.batch.topic
    }

    /// The partition that the record goes to.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.batch.partition
    }

    fn poll_receipt(&mut self, cx: &mut Context<'_>) -> Poll<Result<RecordMetadata, Error>> {
        loop {
            let outcome = std::task::ready!(self.batch.poll_outcome(&mut self.waker_place, cx));
            let (first, part) = match outcome {
                Outcome::Stored { base_offset, log_append_time } => {
                    return Poll::Ready(Ok(RecordMetadata {
                        topic: Arc::clone(&self.batch.topic),
                        partition: self.batch.partition,
                        offset: base_offset.map(|base| base + i64::from(self.index)),
                        timestamp: log_append_time.unwrap_or(self.timestamp),
                    }));
                }
                Outcome::Failed(error) => return Poll::Ready(Err(error.clone())),
                Outcome::Split(parts) => {
                    let after = parts.partition_point(|(first, _)| *first <= self.index);
                    let part = after.checked_sub(1).and_then(|index| parts.get(index));
                    part.cloned().expect("the first part begins at index 0")
                }
            };
            self.index -= first;
            self.batch = part;
            self.waker_place = None;
        }
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_receipt(cx)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(place) = self.waker_place {
            self.batch.forget_waker(place);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("batch", &self.batch).field("index", &self.index).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn batch() -> Arc<BatchState> {
        Arc::new(BatchState::new("t".into(), 3))
    }

    fn delivery(batch: &Arc<BatchState>, index: u32) -> Delivery {
        Delivery::new(Arc::clone(batch), index, Timestamp::from_millis(5))
    }

    fn stored(base_offset: i64) -> Outcome {
        Outcome::Stored { base_offset: Some(base_offset), log_append_time: None }
    }

    #[tokio::test]
    async fn each_record_has_its_own_offset() {
        let batch = batch();
        let waiting = tokio::task::JoinSet::from_iter((0..3).map(|index| delivery(&batch, index)));
        assert!(batch.settle(stored(100)));
        let mut offsets: Vec<_> =
            waiting.join_all().await.into_iter().map(|receipt| receipt.unwrap().offset.unwrap()).collect();
        offsets.sort_unstable();
        assert_eq!(offsets, [100, 101, 102]);
        assert!(!batch.settle(Outcome::Failed(Error::closed("producer"))), "the first outcome stands");
    }

    #[tokio::test]
    async fn a_split_batch_leads_to_its_parts() {
        let (whole, first, second) = (batch(), batch(), batch());
        let mut waiting: Vec<_> = (0..4).map(|index| delivery(&whole, index)).collect();
        for delivery in &mut waiting {
            assert!(delivery.now_or_never().is_none());
        }
        whole.settle(Outcome::Split([(0, Arc::clone(&first)), (3, Arc::clone(&second))].into()));
        first.settle(stored(10));
        assert!(settled(Arc::clone(&whole)).now_or_never().is_none(), "one part is still open");
        second.settle(stored(50));
        settled(whole).await;
        let receipts = futures::future::join_all(waiting).await;
        let offsets: Vec<_> = receipts.into_iter().map(|receipt| receipt.unwrap().offset.unwrap()).collect();
        assert_eq!(offsets, [10, 11, 12, 50]);
    }

    #[test]
    fn only_deliveries_that_are_polled_leave_a_waker() {
        let batch = batch();
        let mut polled = delivery(&batch, 0);
        let _idle = delivery(&batch, 1);
        for _ in 0..3 {
            assert!((&mut polled).now_or_never().is_none());
        }
        assert_eq!(batch.wakers().len(), 1);
        drop(polled);
        assert!(batch.wakers().iter().all(Option::is_none));
    }
}
