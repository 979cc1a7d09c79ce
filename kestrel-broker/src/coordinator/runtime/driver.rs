//! A coordinator's task: opens and loads slots, does what is due, carries what machines ask, and notices deleted topics.
//!
//! Spawned once for each coordinator by `broker/`. Requests do not pass through it.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::coordinator::Coordinator;
use super::machine::Machine;
use super::reply::Parked;
use super::slot::{Life, Slot};
use crate::cluster::TopicImage;

/// Carries what machines ask to other rooms and nodes.
///
/// The same may be asked twice: a machine that is loaded anew does not know how far its predecessor came.
pub(in crate::coordinator) trait Envoy<M: Machine>: Send + Sync + 'static {
    /// Asks, and gives the answer; what goes wrong is part of it. Runs in the driver's task, beside other asks.
    fn carry(&self, ask: M::Ask) -> impl Future<Output = M::Answer> + Send;
}

/// The envoy of machines that ask nobody.
#[derive(Debug, Clone, Copy)]
pub(in crate::coordinator) struct NoEnvoy;

impl<M: Machine<Ask = Infallible>> Envoy<M> for NoEnvoy {
    async fn carry(&self, ask: Infallible) -> M::Answer {
        match ask {}
    }
}

/// A coordinator's task: see [`Driver::drive`].
#[derive(Debug)]
pub(in crate::coordinator) struct Driver<M: Machine, E> {
    coordinator: Arc<Coordinator<M>>,
    envoy: E,
}

impl<M: Machine, E: Envoy<M>> Driver<M, E> {
    /// The task of this coordinator.
    pub(in crate::coordinator) const fn new(coordinator: Arc<Coordinator<M>>, envoy: E) -> Self {
        Self { coordinator, envoy }
    }

    /// Works until `stopping` is cancelled; sends away then who waits for an answer.
    pub(in crate::coordinator) async fn drive(self, stopping: CancellationToken) {
        let mut loading = Loading::default();
        self.work(&stopping, &mut loading).await;
        self.coordinator.slots_in_service().iter().for_each(|slot| slot.retire());
        // It reads a log that is closed next.
        loading.stopped().await;
    }

    async fn work(&self, stopping: &CancellationToken, loading: &mut Loading) {
        let Self { coordinator, envoy } = self;
        let mut images = coordinator.cluster().watch();
        let mut known = coordinator.cluster().image();
        let mut under_way = FuturesUnordered::new();
        let mut has_loaded = false;
        loop {
            coordinator.refresh();
            let slots = coordinator.slots_in_service();
            loading.begin(&slots, coordinator.clock().now());
            let image = Arc::clone(&images.borrow_and_update());
            let is_deleted = |topic: &Arc<TopicImage>| image.topic_by_id(topic.id).is_none();
            if std::mem::take(&mut has_loaded) || known.topics().any(is_deleted) {
                slots.iter().for_each(|slot| forget_topics(slot, coordinator));
            }
            known = image;
            let now = coordinator.clock().now();
            let due = slots.iter().filter(|slot| slot.next_deadline().is_some_and(|due| due <= now));
            due.for_each(|slot| slot.handle_timeouts());
            for slot in &slots {
                let asks = slot.take_asks().into_iter();
                under_way.extend(asks.map(|ask| carry(envoy, Arc::downgrade(slot), ask)));
            }
            let next_deadline = slots.iter().filter_map(|slot| slot.next_deadline()).min();
            let next_load = loading.next(&slots);
            tokio::select! {
                () = stopping.cancelled() => return,
                () = coordinator.woken() => {}
                changed = images.changed() => if changed.is_err() { return },
                () = until(next_deadline.into_iter().chain(next_load).min()) => {}
                () = loading.ended() => has_loaded = true,
                Some(()) = under_way.next() => {}
            }
        }
    }
}

/// Carries an ask once its records are stored, and brings the answer back.
async fn carry<M: Machine, E: Envoy<M>>(envoy: &E, slot: Weak<Slot<M>>, ask: Parked<(Life, M::Ask)>) {
    // When the partition is deleted nobody wants to know any more.
    let Ok((life, ask)) = ask.stored().await else { return };
    let answer = envoy.carry(ask).await;
    if let Some(slot) = slot.upgrade() {
        slot.handle_answer(life, answer);
    }
}

/// Tells a machine that topics may be gone. One that is loading is told when it is loaded.
fn forget_topics<M: Machine>(slot: &Slot<M>, coordinator: &Coordinator<M>) {
    // The image is read under the slot's lock: a topic that records came in for before is in it.
    let _ = slot.handle(|machine, _| ((), machine.handle_deleted_topics(&coordinator.cluster().image())));
}

/// The loading of slots beside what the driver does: some at a time, one after the other.
#[derive(Debug, Default)]
struct Loading {
    at_work: Option<JoinHandle<()>>,
}

impl Loading {
    /// Begins to load what is to be loaded by now, unless it is loading.
    fn begin<M: Machine>(&mut self, slots: &[Arc<Slot<M>>], now: Instant) {
        let is_due = |slot: &&Arc<Slot<M>>| slot.next_load().is_some_and(|due| due <= now);
        if self.at_work.is_none() {
            let due: Vec<_> = slots.iter().filter(is_due).map(Arc::clone).collect();
            if !due.is_empty() {
                self.at_work = Some(spawn_blocking(move || due.iter().for_each(|slot| slot.load())));
            }
        }
    }

    /// When [`Self::begin`] is to be called; none while it is loading.
    fn next<M: Machine>(&self, slots: &[Arc<Slot<M>>]) -> Option<Instant> {
        match self.at_work {
            Some(_) => None,
            None => slots.iter().filter_map(|slot| slot.next_load()).min(),
        }
    }

    /// Waits until what is loading is loaded; for ever when nothing is. Cancel safe.
    async fn ended(&mut self) {
        if self.at_work.is_none() {
            std::future::pending::<()>().await;
        }
        self.stopped().await;
    }

    /// Waits until nothing is loading.
    async fn stopped(&mut self) {
        if let Some(at_work) = &mut self.at_work {
            // A panic in there is a bug, which its own message reports; what it left is tried again when it is due.
            let _ = at_work.await;
            self.at_work = None;
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
