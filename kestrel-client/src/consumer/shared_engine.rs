//! SharedEngine: the engine behind its lock, and the signals between the tasks that share it.
//!
//! ```text
//!   who                 calls                    wakes
//!   caller, handles     change, change_by_group  the driver; with the latter also who waits for a position
//!   caller              take, release            the driver, if it lacked room
//!   caller              tell_if_awaited          the group's driver and its effects, if they wait for the caller
//!   driver              handle                   who waits for a position; the engine itself wakes the caller
//!   acks                CallerProgress::ring     the group's driver, and who waits for records to be done
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::engine::{Engine, Offer};
use crate::consumer::handout::{CallerProgress, PartitionTasks, TaskRegistry};
use crate::error::Error;
use crate::record::TopicPartition;

/// The engine of a consumer, shared by its tasks and handles.
///
/// The lock is held for a few lines at a time and never across an await; the caller's task takes it per fetched run of
/// batches, not per record.
#[derive(Debug, Clone)]
pub(crate) struct SharedEngine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    guarded: Mutex<Guarded>,
    /// The engine's revision, to be looked at without the lock.
    revision: AtomicU64,
    /// The caller changed something: the driver looks what there is to do.
    changed_by_caller: Notify,
    /// The driver changed something: who waits for a position looks again.
    changed_by_driver: Notify,
    /// The caller did something that the group's driver waits for.
    changed_for_group: Notify,
    /// The caller asked for more, while someone waited for that.
    asked_by_caller: Notify,
    progress: Arc<CallerProgress>,
}

/// The state behind the lock: the machines, and the tasks that work on partitions, which follow them.
#[derive(Debug)]
struct Guarded {
    engine: Engine,
    tasks: TaskRegistry,
}

impl SharedEngine {
    pub(crate) fn new(engine: Engine) -> Self {
        Self(Arc::new(Inner {
            progress: engine.progress().clone(),
            changed_for_group: Notify::new(),
            asked_by_caller: Notify::new(),
            guarded: Mutex::new(Guarded { engine, tasks: TaskRegistry::default() }),
            revision: AtomicU64::new(0),
            changed_by_caller: Notify::new(),
            changed_by_driver: Notify::new(),
        }))
    }

    /// A change by the caller's task.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Engine) -> T) -> T {
        let result = self.apply(change);
        self.0.changed_by_caller.notify_one();
        result
    }

    fn apply<T>(&self, change: impl FnOnce(&mut Engine) -> T) -> T {
        let mut guarded = self.0.guarded.lock();
        let result = change(&mut guarded.engine);
        let Guarded { engine, tasks } = &mut *guarded;
        // Under the lock: who sees the change sees its tasks stopped too.
        tasks.follow(engine);
        self.0.revision.store(engine.revision(), Ordering::Release);
        result
    }

    /// A look by the caller's task that gives the driver nothing to do.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Engine) -> T) -> T {
        look(&mut self.0.guarded.lock().engine)
    }

    /// Takes out the next run or problem for the caller.
    pub(crate) fn take(&self, waker: &Waker) -> Offer {
        self.consume(|engine| engine.take(waker))
    }

    /// Ends the run that was taken: it was handed out to its end.
    pub(crate) fn release(&self) {
        self.consume(Engine::release);
    }

    /// A step of the caller's task that can only make room: the driver is woken when it waits for that, which is not so as
    /// long as the caller keeps up. Then the next fetch has long been sent.
    fn consume<T>(&self, step: impl FnOnce(&mut Engine) -> T) -> T {
        let mut guarded = self.0.guarded.lock();
        let result = step(&mut guarded.engine);
        let is_awaited = guarded.engine.lacks_room();
        drop(guarded);
        if is_awaited {
            self.0.changed_by_caller.notify_one();
        }
        result
    }

    /// An event that the driver hands in.
    pub(crate) fn handle<T>(&self, event: impl FnOnce(&mut Engine) -> T) -> T {
        let result = self.apply(event);
        self.0.changed_by_driver.notify_waiters();
        result
    }

    /// The caller asks for nothing more, and works on nothing: what it was at is not done by that.
    pub(crate) fn let_go(&self) {
        self.0.progress.let_go();
        self.tell_if_awaited();
    }

    /// Wakes those who wait for the caller to ask, or to look whether what it has is still its own.
    pub(crate) fn tell_if_awaited(&self) {
        if self.0.progress.is_awaited() {
            self.0.changed_for_group.notify_one();
            self.0.asked_by_caller.notify_waiters();
        }
    }

    /// The progress of the caller's task, which needs no lock.
    pub(crate) fn progress(&self) -> &CallerProgress {
        &self.0.progress
    }

    pub(crate) fn asked_by_caller(&self) -> &Notify {
        &self.0.asked_by_caller
    }

    pub(crate) async fn changed_for_group(&self) {
        self.0.changed_for_group.notified().await;
    }

    /// A change by the group's driver, or by a task that has a handle: all others look.
    pub(crate) fn change_by_group<T>(&self, change: impl FnOnce(&mut Engine) -> T) -> T {
        let result = self.change(change);
        self.0.changed_by_driver.notify_waiters();
        result
    }

    /// The tasks that work on a partition, none at first; `None` when it is not assigned or is being given up.
    pub(crate) fn tasks_on(&self, partition: &TopicPartition) -> Option<PartitionTasks> {
        let mut guarded = self.0.guarded.lock();
        let Guarded { engine, tasks } = &mut *guarded;
        let id = engine.assigned_id(partition)?;
        tasks.of(id, engine.may_work_on(id))
    }

    /// The tasks that have begun to work on `partitions`, which may be about to be given up.
    pub(crate) fn begun_tasks_on(&self, partitions: &BTreeSet<TopicPartition>) -> Vec<PartitionTasks> {
        let guarded = self.0.guarded.lock();
        let ids = partitions.iter().filter_map(|partition| guarded.engine.assigned_id(partition));
        ids.filter_map(|id| guarded.tasks.begun(id)).collect()
    }

    /// Why the consumer is over; that it is closed, if nothing else is known.
    pub(crate) fn ended(&self) -> Error {
        self.look(|engine| engine.check_open()).err().unwrap_or_else(|| Error::closed("consumer"))
    }

    /// The last act of a task of the consumer that is lost: the caller gets the reason, and the other task ends.
    pub(crate) fn on_loss(&self, stop: &CancellationToken) -> impl FnOnce(Error) + Send + 'static {
        let (shared, stop) = (self.clone(), stop.clone());
        move |error| {
            shared.change_by_group(|engine| engine.lose(error));
            stop.cancel();
        }
    }

    /// Grows when records in the caller's hands may have become void.
    pub(crate) fn revision(&self) -> u64 {
        self.0.revision.load(Ordering::Acquire)
    }

    pub(crate) async fn changed_by_caller(&self) {
        self.0.changed_by_caller.notified().await;
    }

    pub(crate) fn changed_by_driver(&self) -> &Notify {
        &self.0.changed_by_driver
    }
}
