//! The coordinator's task: loads groups, does what is due, and notices when topics are deleted.
//!
//! Spawned once by `broker/`. Requests do not pass through it.

use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::groups::GroupCoordinator;
use super::slot::Slot;
use crate::cluster::TopicImage;

/// The coordinator's task: see [`Driver::drive`].
#[derive(Debug)]
pub(crate) struct Driver {
    coordinator: Arc<GroupCoordinator>,
}

impl Driver {
    /// The task of this coordinator.
    pub(crate) const fn new(coordinator: Arc<GroupCoordinator>) -> Self {
        Self { coordinator }
    }

    /// Works until `stopping` is cancelled.
    pub(crate) async fn drive(self, stopping: CancellationToken) {
        let mut images = self.coordinator.cluster().watch();
        let mut known = self.coordinator.cluster().image();
        loop {
            let slots = self.coordinator.all_slots();
            let loaded = load(&slots).await;
            let image = Arc::clone(&images.borrow_and_update());
            let is_deleted = |topic: &Arc<TopicImage>| image.topic_by_id(topic.id).is_none();
            if loaded || known.topics().any(is_deleted) {
                self.coordinator.forget_deleted_topics();
            }
            known = image;
            let now = self.coordinator.clock().now();
            let due = slots.iter().filter(|slot| slot.next_deadline().is_some_and(|due| due <= now));
            due.for_each(|slot| slot.handle_timeouts());
            let next = slots.iter().filter_map(|slot| slot.next_deadline()).min();
            tokio::select! {
                () = stopping.cancelled() => return,
                () = self.coordinator.wake.notified() => {}
                changed = images.changed() => if changed.is_err() { return },
                () = until(next.map(Instant::from_std)) => {}
            }
        }
    }
}

/// Loads what is not loaded yet; whether there was anything.
async fn load(slots: &[Arc<Slot>]) -> bool {
    let loading: Vec<_> = slots.iter().filter(|slot| slot.is_load_due()).map(Arc::clone).collect();
    if loading.is_empty() {
        return false;
    }
    // A panic in there is a bug, which its own message reports; what it left is tried again at the next wake.
    let _ = spawn_blocking(move || loading.iter().for_each(|slot| slot.load())).await;
    true
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
