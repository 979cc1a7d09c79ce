//! Failure: what ends a broker before it is asked to. Its data folder is out of service, or one of its tasks has panicked.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::log::LogManager;

/// Whether something has ended the broker, and what. A clone is the same one.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    logs: Arc<LogManager>,
    /// The task that has panicked, if one has.
    broken: Arc<OnceLock<&'static str>>,
    happened: CancellationToken,
}

impl Failure {
    /// Nothing has, of a broker with these logs.
    pub(super) fn none_yet(logs: Arc<LogManager>) -> Self {
        Self { logs, broken: Arc::default(), happened: CancellationToken::new() }
    }

    /// Starts a task that nothing stands in for. When it panics the broker has failed, which whoever runs it is told: without it
    /// sessions would last for ever, say, or no log be cleaned again, and nobody would know.
    pub(super) fn watch(
        &self,
        tasks: &TaskTracker,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let (happened, broken) = (self.happened.clone(), Arc::clone(&self.broken));
        tasks.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                // The first one is the reason; others may only follow from it.
                let _ = broken.set(name);
                happened.cancel();
            }
        });
    }

    /// What whoever notices that the data folder is out of service cancels.
    pub(super) fn signal(&self) -> CancellationToken {
        self.happened.clone()
    }

    /// What has happened, if anything has.
    pub(super) fn reason(&self) -> Option<String> {
        if let Some(task) = self.broken.get() {
            return Some(format!(
                "{task} has panicked, which is a defect of the broker: nothing of its kind is done any more"
            ));
        }
        let reason = self.logs.poisoned()?;
        Some(format!("the data folder {} is out of service: {reason}", self.logs.data_dir().display()))
    }

    /// Waits until something happens, and gives what.
    pub(super) async fn happened(self) -> String {
        self.happened.cancelled().await;
        self.reason().expect("it is signalled after it has happened")
    }
}
