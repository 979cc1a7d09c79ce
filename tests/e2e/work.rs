//! Work: what members of a group have worked on together, in tests of several members.

use std::sync::{Arc, Mutex};

use kestrel_client::{ConsumerRecord, Error};
use tokio::sync::Notify;

use crate::groups::PATIENCE;

/// What was worked on, as partition and offset; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    seen: Arc<Mutex<Vec<(i32, i64)>>>,
    grew: Arc<Notify>,
    stop: Arc<Notify>,
}

impl Work {
    /// Works on a record: whoever else has something to do gets a turn meanwhile.
    pub(crate) async fn on<K, V>(&self, record: ConsumerRecord<K, V>) {
        tokio::task::yield_now().await;
        self.seen.lock().unwrap().push((record.partition, record.offset));
        self.grew.notify_waiters();
    }

    /// Runs a member's loop, which does not end by itself, until [`Self::stop`].
    pub(crate) async fn until_stopped(&self, work: impl Future<Output = Result<(), Error>>) {
        tokio::select! {
            outcome = work => outcome.unwrap(),
            () = self.stop.notified() => {}
        }
    }

    /// Waits until `count` records were worked on.
    pub(crate) async fn reaches(&self, count: usize) {
        let reached = async {
            loop {
                let grew = self.grew.notified();
                if self.seen().len() >= count {
                    return;
                }
                grew.await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("all is worked on");
    }

    /// Ends the loops of all members.
    pub(crate) fn stop(&self) {
        self.stop.notify_waiters();
    }

    /// In the order in which it was worked on.
    pub(crate) fn seen(&self) -> Vec<(i32, i64)> {
        self.seen.lock().unwrap().clone()
    }
}
