//! Does what is due from time to time: flushes that are due, checkpoint files, folders of deleted topics, old segments.
//!
//! One task, spawned by `broker/`; the work itself is `log/`'s and runs where blocking is allowed. Also the one who
//! notices that the data folder is out of service. Compaction has a task of its own, `cleaner`.

mod cleaner;

pub(crate) use cleaner::Cleaner;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::{Clock, after};
use crate::log::LogManager;
use crate::net::Encryption;
use crate::partition::ReplicaManager;

/// How often it looks what is due.
const TICK: Duration = Duration::from_secs(1);
/// How many ticks there are between two checkpoints: a minute, as in Apache Kafka.
const TICKS_PER_CHECKPOINT: u32 = 60;
/// When old segments are first looked for, unless they are looked for more often: as in Apache Kafka.
const FIRST_RETENTION_CHECK: Duration = Duration::from_secs(30);

/// The task's inputs.
#[derive(Debug)]
pub(crate) struct Housekeeper {
    /// The data folder.
    pub(crate) logs: Arc<LogManager>,
    /// The partitions, whose old segments are deleted.
    pub(crate) replicas: Arc<ReplicaManager>,
    /// What encrypts the connections of listeners: certificates that changed are read again.
    pub(crate) encryptions: Vec<Arc<Encryption>>,
    /// How often old segments are looked for: `log.retention.check.interval.ms`.
    pub(crate) retention_check_interval: Duration,
    /// The time.
    pub(crate) clock: Clock,
    /// Cancelled when the folder is out of service.
    pub(crate) failed: CancellationToken,
}

impl Housekeeper {
    /// Works until `stopping` is cancelled or the data folder fails.
    pub(crate) async fn drive(self, stopping: CancellationToken) {
        let mut ticks = interval(TICK);
        let mut next_retention_check =
            after(self.clock.now(), self.retention_check_interval.min(FIRST_RETENTION_CHECK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for tick in 1u32.. {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stopping.cancelled() => return,
            }
            if self.logs.poisoned().is_some() {
                return self.failed.cancel();
            }
            let retention_due = self.is_due(&mut next_retention_check);
            let (logs, replicas, now) =
                (Arc::clone(&self.logs), Arc::clone(&self.replicas), self.clock.wall());
            let encryptions = self.encryptions.clone();
            let work = spawn_blocking(move || {
                logs.tick(now);
                for encryption in encryptions {
                    encryption.refresh();
                }
                if retention_due {
                    replicas.delete_old_segments(now);
                }
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

    /// Whether it is time for the next check; then the one after it is set.
    fn is_due(&self, next_check: &mut Instant) -> bool {
        let now = self.clock.now();
        let is_due = now >= *next_check;
        if is_due {
            // At the same pace, but for checks that were missed.
            *next_check = after(*next_check, self.retention_check_interval).max(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests;
