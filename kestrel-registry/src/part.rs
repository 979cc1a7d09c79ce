//! Part: tasks of a registry that end together, and its health, which is that none of them ends before.

use std::time::Duration;

use kestrel_client::CancellationToken;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::error::Refusal;
use crate::failure::Failure;

/// How long a stop waits for the calls that have begun, and then for the last write.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Whether every part of a registry does its work. A copy of it is the same one.
#[derive(Debug, Clone)]
pub(crate) struct Health(watch::Sender<Option<Failure>>);

impl Health {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Whether the registry may answer anything.
    ///
    /// # Errors
    /// When a part of it has failed: with what everybody is answered.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.0.borrow().as_ref().map_or(Ok(()), |failure| Err(Refusal::failed(failure)))
    }

    /// Waits for a failure; without one it waits for ever.
    pub(crate) async fn failed(&self) -> Failure {
        let mut health = self.0.subscribe();
        let failure = health.wait_for(Option::is_some).await.expect("the sender is in self");
        failure.clone().expect("it was waited for")
    }

    /// The first failure is the one that is told.
    fn fail(&self, failure: Failure) {
        error!("{failure}");
        self.0.send_if_modified(|told| {
            let is_first = told.is_none();
            told.get_or_insert(failure);
            is_first
        });
    }
}

/// Tasks that end together.
#[derive(Debug)]
pub(crate) struct Part {
    tasks: TaskTracker,
    stop: CancellationToken,
    health: Health,
    _on_drop: DropGuard,
}

impl Part {
    pub(crate) fn new(health: &Health) -> Self {
        let stop = CancellationToken::new();
        let health = health.clone();
        Self { tasks: TaskTracker::new(), _on_drop: stop.clone().drop_guard(), stop, health }
    }

    /// Runs a task that the registry cannot do without: if it ends before the stop, or panics, the registry has failed.
    pub(crate) fn run(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let running = self.tasks.spawn(task);
        let (stop, health) = (self.stop.clone(), self.health.clone());
        self.tasks.spawn(async move {
            match running.await {
                Ok(()) if stop.is_cancelled() => {}
                Ok(()) => health.fail(Failure::new(name, "nobody has asked it to")),
                Err(ended) if ended.is_panic() => health.fail(Failure::new(name, ended.to_string())),
                // The runtime has.
                Err(_) => {}
            }
        });
    }

    /// Where tasks run that come and go.
    pub(crate) const fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    pub(crate) const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(crate) const fn health(&self) -> &Health {
        &self.health
    }

    /// Lets them come to their end, or leaves them to the runtime after a while.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(STOP_PATIENCE, self.tasks.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_a_failure() {
        let health = Health::new();
        let part = Part::new(&health);
        part.run("the follower", std::future::ready(()));
        assert_eq!(health.failed().await, Failure::new("the follower", "nobody has asked it to"));
        assert_eq!(health.check().unwrap_err().status(), 503);
    }

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let health = Health::new();
        let part = Part::new(&health);
        part.run("the writer", async { panic!("no way on") });
        let failure = health.failed().await.to_string();
        assert!(failure.starts_with("the writer has ended: ") && failure.contains("no way on"), "{failure}");
        // The first one is told.
        part.run("the follower", std::future::ready(()));
        part.end().await;
        assert!(health.failed().await.to_string().starts_with("the writer"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_none() {
        let health = Health::new();
        let part = Part::new(&health);
        let stop = part.stop().clone();
        part.run("the follower", async move { stop.cancelled().await });
        part.end().await;
        assert!(health.check().is_ok());
        assert!(tokio::time::timeout(Duration::from_secs(60), health.failed()).await.is_err());
    }
}
