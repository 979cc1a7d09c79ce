//! Tasks: spawns everything that the client does in the background, and reports tasks that end by mishap.
//!
//! Every task, and every connection, lives in the runtime that the client was made in, whichever runtime a caller is in. A
//! task that is dropped with that runtime, or panics, is *lost*: its `on_loss` callback runs before the task is dropped,
//! so that the handle on it ends with an error that says why. When the client as a whole is lost, so are all of its tasks.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::error::Error;
use crate::observer::{ObserverSeat, TaskLost};

/// The error text of tasks whose runtime has shut down.
const RUNTIME_GONE: &str = "the tokio runtime that the client was made in has shut down; make the client in a runtime \
    that lives as long, for example one client for each runtime of a test";

/// Spawns tasks and keeps track of them; clones share the same tasks.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    runtime: Handle,
    observer: ObserverSeat,
    running: Mutex<Vec<AbortHandle>>,
    /// The error that ended the client as a whole.
    failure: OnceLock<Error>,
    failed: CancellationToken,
}

impl Tasks {
    /// Tasks of the runtime that the caller is in; `observer` hears of those that are lost.
    ///
    /// # Errors
    /// [`Error::Ended`] when the caller is in none.
    pub(crate) fn here(observer: ObserverSeat) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::Ended {
            what: "client",
            cause: "there is no tokio runtime: a client is made, and lives, in one".into(),
            possibly_written: false,
        })?;
        Ok(Self(Arc::new(Inner {
            runtime,
            observer,
            running: Mutex::default(),
            failure: OnceLock::new(),
            failed: CancellationToken::new(),
        })))
    }

    /// The observer of the client, which every task may tell what it does.
    pub(crate) fn observer(&self) -> &ObserverSeat {
        &self.0.observer
    }

    /// Runs `task` in the background. If it is lost, `on_loss` runs before the task is dropped. Errors call the task `what`.
    pub(crate) fn spawn(
        &self,
        what: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
        on_loss: impl FnOnce(Error) + Send + 'static,
    ) {
        let watched =
            Watched { what, task: Box::pin(task), on_loss: Some(Box::new(on_loss)), tasks: self.clone() };
        let spawned = self.0.runtime.spawn(watched).abort_handle();
        let mut running = self.0.running.lock();
        running.retain(|task| !task.is_finished());
        running.push(spawned);
        drop(running);
        // A task spawned while `fail` was aborting the others is aborted here.
        if self.0.failed.is_cancelled() {
            self.end_all();
        }
    }

    /// Runs `work` in the client's runtime and waits for it. Dropping the future ends the work.
    ///
    /// # Errors
    /// [`Error::Ended`] when the runtime has shut down or the work panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        self.check()?;
        let work = AbortOnDropHandle::new(self.0.runtime.spawn(work));
        work.await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => ended("client", &panicked(&*panic)),
            Err(_) => self.loss("client"),
        })
    }

    /// Runs `work`, which takes long and waits for nothing, on a thread for such work.
    pub(crate) fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.runtime.spawn_blocking(work)
    }

    /// Ends the client as a whole: every task and every waiting call fails with `error`. The first error stands.
    pub(crate) fn fail(&self, error: Error) {
        let _ = self.0.failure.set(error);
        self.0.failed.cancel();
        self.end_all();
    }

    /// Fails when the client as a whole has ended.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.0.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Waits until the client as a whole has ended, for ever if it does not.
    pub(crate) async fn failed(&self) -> Error {
        self.0.failed.cancelled().await;
        self.loss("client")
    }

    fn end_all(&self) {
        let running = std::mem::take(&mut *self.0.running.lock());
        running.iter().for_each(AbortHandle::abort);
    }

    /// The error of a task that was dropped.
    fn loss(&self, what: &'static str) -> Error {
        match self.0.failure.get() {
            Some(Error::Ended { cause, .. }) => ended(what, cause),
            _ => ended(what, RUNTIME_GONE),
        }
    }
}

/// A task that calls back when it is lost.
struct Watched {
    what: &'static str,
    task: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// `None` once the task has ended in good order.
    on_loss: Option<Box<dyn FnOnce(Error) + Send>>,
    tasks: Tasks,
}

impl Watched {
    fn lose(&mut self, error: Error) {
        if let Some(on_loss) = self.on_loss.take() {
            let event = TaskLost { what: self.what, error: &error };
            self.tasks.observer().tell(|observer| observer.on_task_lost(&event));
            on_loss(error);
        }
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match catch_unwind(AssertUnwindSafe(|| this.task.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => this.on_loss = None,
            Err(panic) => {
                let error = ended(this.what, &panicked(&*panic));
                tracing::error!(%error, "a background task of the client has panicked: this is a bug");
                this.lose(error);
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Watched {
    /// Calls back before the fields, and with them the task, are dropped.
    fn drop(&mut self) {
        let error = self.tasks.loss(self.what);
        self.lose(error);
    }
}

fn ended(what: &'static str, cause: &str) -> Error {
    Error::Ended { what, cause: cause.into(), possibly_written: false }
}

/// The error text of a panic, with its message.
fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("its background task has panicked: {}", text.unwrap_or("without a text"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    /// Tells that it was dropped.
    struct Tells(mpsc::Sender<String>);

    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.try_send("dropped".into());
        }
    }

    fn telling(what: &mpsc::Sender<String>) -> impl FnOnce(Error) + Send + 'static {
        let what = what.clone();
        move |error| what.try_send(error.to_string()).unwrap()
    }

    #[tokio::test]
    async fn who_spawned_a_task_that_panics_is_told_what_it_said() {
        let tasks = Tasks::here(ObserverSeat::default()).unwrap();
        let (told, mut news) = mpsc::channel(4);
        tasks.spawn("producer", async { panic!("no {}", "more") }, telling(&told));
        let error = news.recv().await.unwrap();
        assert_eq!(error, "the producer has ended: its background task has panicked: no more");
        tasks.check().unwrap();
    }

    #[tokio::test]
    async fn a_task_that_ends_is_not_lost() {
        let tasks = Tasks::here(ObserverSeat::default()).unwrap();
        let (told, mut news) = mpsc::channel(4);
        let (done, is_done) = oneshot::channel();
        tasks.spawn("producer", async { done.send(()).unwrap() }, telling(&told));
        is_done.await.unwrap();
        drop(told);
        assert_eq!(news.recv().await, None);
    }

    #[test]
    fn a_task_is_lost_with_its_runtime_before_what_it_holds_is_dropped() {
        for runtime in [Builder::new_current_thread().build(), Builder::new_multi_thread().build()] {
            let runtime = runtime.unwrap();
            let (told, mut news) = mpsc::channel(4);
            let tasks = runtime.block_on(async { Tasks::here(ObserverSeat::default()).unwrap() });
            let held = Tells(told.clone());
            let waits = async move {
                let _held = held;
                std::future::pending::<()>().await;
            };
            tasks.spawn("consumer", waits, telling(&told));
            drop(runtime);
            assert_eq!(news.try_recv().unwrap(), format!("the consumer has ended: {RUNTIME_GONE}"));
            assert_eq!(news.try_recv().unwrap(), "dropped");
            // What is spawned now is lost at once.
            tasks.spawn("producer", std::future::pending(), telling(&told));
            assert!(news.blocking_recv().unwrap().starts_with("the producer has ended: the tokio runtime"));
            let other = Builder::new_current_thread().build().unwrap();
            let error = other.block_on(tasks.run(async {})).unwrap_err();
            assert!(matches!(error, Error::Ended { .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn when_the_client_fails_all_of_it_does() {
        let tasks = Tasks::here(ObserverSeat::default()).unwrap();
        let (told, mut news) = mpsc::channel(4);
        tasks.spawn("consumer", std::future::pending(), telling(&told));
        let client = tasks.clone();
        tasks.spawn("client", async { panic!("metadata") }, move |error| client.fail(error));
        let cause = "its background task has panicked: metadata";
        assert_eq!(tasks.failed().await.to_string(), format!("the client has ended: {cause}"));
        assert_eq!(news.recv().await.unwrap(), format!("the consumer has ended: {cause}"));
        assert!(tasks.check().is_err() && tasks.run(async {}).await.is_err());
        tasks.spawn("producer", std::future::pending(), telling(&told));
        assert_eq!(news.recv().await.unwrap(), format!("the producer has ended: {cause}"));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let tasks = Tasks::here(ObserverSeat::default()).unwrap();
        let (told, mut news) = mpsc::channel(4);
        let held = Tells(told);
        let work = tasks.run(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        tokio::time::timeout(Duration::from_millis(1), work).await.unwrap_err();
        assert_eq!(news.recv().await.unwrap(), "dropped");
    }
}
