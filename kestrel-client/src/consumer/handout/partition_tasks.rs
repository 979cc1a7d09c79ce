//! PartitionTasks: the tasks that work on one assignment of a partition, and how they learn that it is paused or given up.
//!
//! The machines know no tasks. [`TaskRegistry`] stands beside the [`Engine`] behind the same lock and follows it after each
//! change: what the engine says of an assignment becomes a pause, or the end of its tasks.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::consumer::engine::{Engine, MayWork};
use crate::consumer::position::AssignmentId;

/// The tasks that work on one assignment of a partition. Clones are the same tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartitionTasks {
    over: CancellationToken,
    tracker: TaskTracker,
    pause: Arc<Pause>,
}

/// Whether the partition is paused.
#[derive(Debug, Default)]
struct Pause {
    is_on: AtomicBool,
    /// Woken when the pause ends.
    waker: AtomicWaker,
}

impl PartitionTasks {
    /// Counts a piece of work until the token is dropped; `None` when the partition is being given up or gone.
    pub(crate) fn begin(&self) -> Option<TaskTrackerToken> {
        // Counted before the look: a rebalance that gives the partition up between the two waits for it.
        let token = self.tracker.token();
        (!self.are_over()).then_some(token)
    }

    /// Counts `work` until it ends; its result comes with the tasks that it belonged to.
    pub(crate) fn run<F: Future>(self, work: F) -> impl Future<Output = (Self, F::Output)> {
        let tracker = self.tracker.clone();
        tracker.track_future(async move {
            let result = work.await;
            (self, result)
        })
    }

    /// Waits until the tasks have finished what they were at.
    pub(crate) async fn finish(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Whether the partition is being given up, or is gone.
    pub(crate) fn are_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Waits until the partition is being given up.
    pub(crate) fn over(&self) -> WaitForCancellationFutureOwned {
        self.over.clone().cancelled_owned()
    }

    /// Ready when the partition is not paused. One task at a time may wait.
    pub(crate) fn poll_resumed(&self, cx: &Context<'_>) -> Poll<()> {
        let is_paused = || self.pause.is_on.load(Ordering::SeqCst);
        if !is_paused() {
            return Poll::Ready(());
        }
        self.pause.waker.register(cx.waker());
        // After the waker is there, so that no end falls between.
        if is_paused() { Poll::Pending } else { Poll::Ready(()) }
    }

    fn follow(&self, may_work: MayWork) {
        let is_paused = may_work == MayWork::Later;
        let was_paused = self.pause.is_on.swap(is_paused, Ordering::SeqCst);
        if was_paused && !is_paused {
            self.pause.waker.wake();
        }
        if may_work == MayWork::NoMore {
            self.over.cancel();
        }
    }
}

/// The tasks of all partitions that have any, by assignment.
#[derive(Debug, Default)]
pub(crate) struct TaskRegistry(BTreeMap<AssignmentId, PartitionTasks>);

impl TaskRegistry {
    /// The tasks of an assignment, none at first; `None` when nothing may begin any more.
    pub(crate) fn of(&mut self, id: AssignmentId, may_work: MayWork) -> Option<PartitionTasks> {
        if may_work == MayWork::NoMore {
            return None;
        }
        let tasks = self.0.entry(id).or_default();
        tasks.follow(may_work);
        Some(tasks.clone())
    }

    /// The tasks of an assignment, if any have begun.
    pub(crate) fn begun(&self, id: AssignmentId) -> Option<PartitionTasks> {
        self.0.get(&id).cloned()
    }

    /// Takes over what the engine says of the assignments; forgets those that have ended.
    pub(crate) fn follow(&mut self, engine: &Engine) {
        self.0.retain(|&id, tasks| {
            tasks.follow(engine.may_work_on(id));
            engine.is_assigned(id)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn tasks_learn_of_pauses_and_of_the_end() {
        let cx = &Context::from_waker(std::task::Waker::noop());
        let mut registry = TaskRegistry::default();
        assert!(registry.of(AssignmentId(0), MayWork::NoMore).is_none());
        let tasks = registry.of(AssignmentId(0), MayWork::Later).unwrap();
        assert!(tasks.poll_resumed(cx).is_pending() && !tasks.are_over());
        tasks.follow(MayWork::Now);
        assert!(tasks.poll_resumed(cx).is_ready());
        let work = tasks.begin().unwrap();
        registry.begun(AssignmentId(0)).unwrap().follow(MayWork::NoMore);
        assert!(tasks.are_over() && tasks.begin().is_none());
        let mut finished = pin!(tasks.finish());
        assert!(finished.as_mut().now_or_never().is_none(), "what has begun is waited for");
        drop(work);
        assert!(finished.now_or_never().is_some());
        assert!(registry.begun(AssignmentId(1)).is_none());
    }
}
