//! Work on several records at once that acknowledges by itself, in order per key if asked.
//!
//! Runs in the caller's task. What is done is counted as for the tasks of partitions; what may begin is said by [`Lanes`].

use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, BuildHasherDefault, Hash};
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};

use super::lanes::Lanes;
use super::partition_router::partition_of;
use super::partition_tasks::PartitionTasks;
use crate::consumer::Consumer;
use crate::consumer::engine::Engine;
use crate::error::{DeserializeError, Error, Result};
use crate::record::ConsumerRecord;
use crate::rejected::{RejectedRecord, Remedy, Settler};

/// An item on its way to be worked on.
struct LaneItem<K, V> {
    lane: Option<u64>,
    item: Result<ConsumerRecord<K, V>>,
    /// The work on its partition, which is waited for before the partition is given up.
    tasks: PartitionTasks,
}

/// The result of the work on an item.
struct Finished<E> {
    lane: Option<u64>,
    outcome: Result<(), E>,
}

impl<K, V> Consumer<K, V> {
    /// Works on up to `limit` records at once, 1 or more, in this task. Runs until the work on one of them fails.
    ///
    /// A record is done when its future gives `Ok`; what is done, up to the first record of a partition that is not, is
    /// committed as the [`CommitPolicy`](crate::CommitPolicy) says. When a partition is given up, what is under way of it is
    /// waited for and committed before anybody else gets the partition; what has not begun goes to the next owner.
    ///
    /// Records begin in the order in which they come, and end in any. [`Self::for_each_concurrent_by`] keeps the order of those
    /// that belong together. This is what `StreamExt::for_each_concurrent`, `buffered` and `chunks` are not: with those, a record
    /// counts as done as soon as the combinator asks for the next one.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// # async fn charge(_: Option<u64>) -> Result<(), kestrel_client::Error> { Ok(()) }
    /// consumer.for_each_concurrent(32, |record| async move { charge(record?.value).await }).await
    /// # }
    /// ```
    ///
    /// Items are those of [`Self::next`] that concern a record or a partition: an error that is answered with `Ok` is passed over.
    /// With another [remedy](crate::Remedy) than `Fail`, records that cannot be read are not among them; one that a handler of poison
    /// lets fail, and one whose dead letter is not stored, ends the call with that error.
    /// When work fails, what else is under way ends first, and the consumer can go on: after what is done. While `limit` records
    /// are under way nothing is asked for, so none of them may take as long as `max.poll.interval.ms`.
    ///
    /// # Errors
    /// What the work gives; an error of the stream that concerns no single partition and is not retriable.
    ///
    /// # Cancel safety
    /// Dropping the future drops the work where it is. What was not done is read again by whoever has the partition next; for this
    /// consumer, that needs a new call of this method, or a seek.
    pub async fn for_each_concurrent<F, T, E>(&mut self, limit: usize, work: F) -> Result<(), E>
    where
        F: FnMut(Result<ConsumerRecord<K, V>>) -> T,
        T: Future<Output = Result<(), E>>,
        E: From<Error>,
    {
        self.work_on(limit, |_| None, work).await
    }

    /// As [`Self::for_each_concurrent`], and records of one partition for which `key` gives the same are worked on one after the
    /// other, in their order. As many records as `limit` says may wait for those before them.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// # async fn charge(_: Option<u64>) -> Result<(), kestrel_client::Error> { Ok(()) }
    /// let by_key = |record: &kestrel_client::ConsumerRecord<String, u64>| record.key.clone();
    /// consumer.for_each_concurrent_by(32, by_key, |record| async move { charge(record?.value).await }).await
    /// # }
    /// ```
    ///
    /// An item that has no record, or one that no deserializer accepted, waits for none.
    ///
    /// # Errors
    /// As [`Self::for_each_concurrent`].
    ///
    /// # Cancel safety
    /// As [`Self::for_each_concurrent`].
    pub async fn for_each_concurrent_by<G, Q, F, T, E>(
        &mut self,
        limit: usize,
        key: G,
        work: F,
    ) -> Result<(), E>
    where
        G: Fn(&ConsumerRecord<K, V>) -> Q,
        Q: Hash,
        F: FnMut(Result<ConsumerRecord<K, V>>) -> T,
        T: Future<Output = Result<(), E>>,
        E: From<Error>,
    {
        // Two keys that happen to share a lane wait for one another, and nothing else.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let lane = |record: &ConsumerRecord<K, V>| {
            Some(hasher.hash_one((&record.topic, record.partition, key(record))))
        };
        self.work_on(limit, lane, work).await
    }

    async fn work_on<F, T, E>(
        &mut self,
        limit: usize,
        lane_of: impl Fn(&ConsumerRecord<K, V>) -> Option<u64>,
        mut work: F,
    ) -> Result<(), E>
    where
        F: FnMut(Result<ConsumerRecord<K, V>>) -> T,
        T: Future<Output = Result<(), E>>,
        E: From<Error>,
    {
        self.hand.ask();
        self.hand.clear();
        let (base, settler) = (self.handle.base.clone(), Arc::clone(&self.settler));
        let max_open_records = base.settings.max_poll_records.max(limit.saturating_mul(2));
        base.shared.change(|engine| engine.begin_partition_acks(max_open_records));
        let mut lanes = Lanes::new(limit);
        let mut running = FuturesUnordered::new();
        let outcome = loop {
            let item = tokio::select! {
                biased;
                Some(finished) = running.next(), if !running.is_empty() => {
                    let Finished { lane, outcome } = finished;
                    if outcome.is_err() {
                        break outcome;
                    }
                    while let Some(item) = lanes.finish(lane) {
                        if let Some(future) = begin(item, &mut work, &settler) {
                            running.push(future);
                            break;
                        }
                    }
                    continue;
                }
                item = self.next_unsettled(), if lanes.has_room() => item,
            };
            let Some(item) = item else { break Err(Error::closed("consumer").into()) };
            let begun = match (partition_of(&item), item) {
                (Some(partition), item) => base.shared.tasks_on(&partition).map(|tasks| (tasks, item)),
                (None, Err(error)) if !error.is_retriable() => break Err(error.into()),
                (None, _) => None,
            };
            if let Some((tasks, item)) = begun {
                let lane = item.as_ref().ok().and_then(&lane_of);
                if let Some(item) = lanes.push(lane, LaneItem { lane, item, tasks }) {
                    match begin(item, &mut work, &settler) {
                        Some(future) => running.push(future),
                        None => drop(lanes.finish(lane)),
                    }
                }
            }
            // From here on the work is waited for, and not the next call.
            base.shared.let_go();
        };
        // The first failure is the outcome.
        while running.next().await.is_some() {}
        self.hand.clear();
        base.shared.change(Engine::end_partition_acks);
        outcome
    }
}

/// Begins to work on an item, unless its partition has gone meanwhile.
fn begin<'a, K, V, F, T, E>(
    item: LaneItem<K, V>,
    work: &mut F,
    settler: &'a Settler,
) -> Option<impl Future<Output = Finished<E>> + use<'a, K, V, F, T, E>>
where
    F: FnMut(Result<ConsumerRecord<K, V>>) -> T,
    T: Future<Output = Result<(), E>>,
    E: From<Error>,
{
    let LaneItem { lane, item, tasks } = item;
    let token = tasks.begin()?;
    let ack = match &item {
        Ok(record) => record.ack_token(),
        Err(Error::Deserialize(poison)) => poison.record.ack_token(),
        Err(_) => None,
    };
    let task = match item {
        Err(Error::Deserialize(poison)) if settler.looks_ahead() => Task::Settle(poison),
        item => {
            if let Err(Error::Deserialize(poison)) = &item {
                settler.tell(&RejectedRecord::unreadable(poison), &Remedy::Fail);
            }
            Task::Work(work(item))
        }
    };
    Some(async move {
        let done = match task {
            Task::Work(future) => future.await.map(|()| true),
            Task::Settle(poison) => tokio::select! {
                biased;
                settled = settle(settler, poison) => settled.map(|()| true).map_err(E::from),
                // A letter that is slow does not hold up who has the partition next.
                () = tasks.over() => Ok(false),
            },
        };
        if let (Ok(true), Some(ack)) = (&done, ack) {
            ack.ack();
        }
        let outcome = done.map(drop);
        drop(token);
        Finished { lane, outcome }
    })
}

/// What is done about an item.
enum Task<T> {
    Work(T),
    /// It cannot be read, and something else is to become of it than an error.
    Settle(Arc<DeserializeError>),
}

async fn settle(settler: &Settler, poison: Arc<DeserializeError>) -> Result<()> {
    match settler.settle_one(&poison).await? {
        Remedy::Fail => Err(Error::Deserialize(poison)),
        Remedy::Skip | Remedy::DeadLetter(_) => Ok(()),
    }
}
