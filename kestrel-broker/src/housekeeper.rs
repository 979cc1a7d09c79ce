//! What has to be done from time to time: flushes that are due, checkpoint files, folders of deleted topics.
//!
//! One task, spawned by `broker.rs`; the work itself is `log/`'s and runs where blocking is allowed. Also the one who
//! notices that the data folder is out of service.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::log::LogManager;

/// How often it looks what is due.
const TICK: Duration = Duration::from_secs(1);
/// How many ticks there are between two checkpoints: a minute, as in Apache Kafka.
const TICKS_PER_CHECKPOINT: u32 = 60;

/// The task's inputs.
#[derive(Debug)]
pub(crate) struct Housekeeper {
    /// The data folder.
    pub(crate) logs: Arc<LogManager>,
    /// The time.
    pub(crate) clock: Clock,
    /// Cancelled when the folder is out of service.
    pub(crate) failed: CancellationToken,
}

impl Housekeeper {
    /// Works until `stopping` is cancelled or the data folder fails.
    pub(crate) async fn drive(self, stopping: CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for tick in 1u32.. {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            if self.logs.poisoned().is_some() {
                return self.failed.cancel();
            }
            let (logs, now) = (Arc::clone(&self.logs), self.clock.wall());
            let work = spawn_blocking(move || {
                logs.tick(now);
                if tick.is_multiple_of(TICKS_PER_CHECKPOINT) {
                    let done = logs.checkpoint().and_then(|()| logs.purge_deleted());
                    if let Err(error) = done {
                        warn!("housekeeping failed: {error}");
                    }
                }
            });
            // A panic in there is a bug, which its own message reports; the next tick tries again.
            let _ = work.await;
        }
    }
}
