//! Compaction in the background: one log after the other on a blocking thread, as long as one is worth it.
//!
//! One task, spawned by `broker/`; the work itself is `log/upkeep/cleaner/`'s. Its settings are those of the moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use kestrel_protocol::Timestamp;

use crate::clock::Clock;
use crate::cluster::{Cluster, ConfigMap};
use crate::config::BrokerConfig;
use crate::log::{Cleaned, CleanerHost, CleanerSettings, LogManager};

/// The task's inputs.
#[derive(Debug)]
pub(crate) struct Cleaner {
    /// The data folder.
    pub(crate) logs: Arc<LogManager>,
    /// The metadata, with what was set on a running broker.
    pub(crate) cluster: Cluster,
    /// The settings that the broker was started with.
    pub(crate) config: Arc<BrokerConfig>,
    /// The time.
    pub(crate) clock: Clock,
}

impl Cleaner {
    /// Works until `stopping` is cancelled; a log that is being cleaned then is left between two batches.
    pub(crate) async fn drive(self, stopping: CancellationToken) {
        if !self.config.cleans_logs {
            return;
        }
        let host = Arc::new(Host { clock: self.clock.clone(), stopping: stopping.clone() });
        loop {
            let settings = self.settings();
            if let Some(settings) = settings {
                let (logs, host) = (Arc::clone(&self.logs), Arc::clone(&host));
                // A panic in there is a bug, which its own message reports; the next round tries again.
                let _ =
                    spawn_blocking(move || while logs.clean_next(&settings, &*host) == Cleaned::One {}).await;
            }
            tokio::select! {
                () = self.rest(settings) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    /// Waits for the backoff, or until there are other settings.
    async fn rest(&self, settings: Option<CleanerSettings>) {
        let mut images = self.cluster.watch();
        let changed = async {
            while images.changed().await.is_ok() {
                if self.settings() != settings {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        match settings {
            Some(settings) => tokio::select! {
                () = tokio::time::sleep(settings.backoff) => {}
                () = changed => {}
            },
            None => changed.await,
        }
    }

    fn settings(&self) -> Option<CleanerSettings> {
        let image = self.cluster.image();
        self.cluster.with_layers(&image, &ConfigMap::default(), |layers| layers.cleaner_config().settings())
    }
}

/// The time and the end, for the blocking thread.
#[derive(Debug)]
struct Host {
    clock: Clock,
    stopping: CancellationToken,
}

impl CleanerHost for Host {
    fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn rest(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }
}

#[cfg(test)]
mod tests;
