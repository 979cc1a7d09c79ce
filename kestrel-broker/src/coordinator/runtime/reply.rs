//! The way of an answer from a machine to whoever asked: typed from end to end, and held back until its records are stored.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::ErrorCode;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::partition::Partition;

/// The log up to a record: what must be stored before an answer that has seen it may leave.
#[derive(Debug, Clone)]
pub(super) struct LogPrefix {
    pub(super) partition: Arc<Partition>,
    pub(super) last_offset: i64,
}

/// A value that may leave once the log is stored up to an offset.
#[derive(Debug)]
pub(super) struct Parked<R> {
    value: R,
    /// None when the value is of a script, which has no disk.
    until: Option<LogPrefix>,
}

impl<R> Parked<R> {
    /// Parks a value until the log is stored.
    pub(super) const fn new(value: R, until: Option<LogPrefix>) -> Self {
        Self { value, until }
    }

    /// The value for whoever does not let it leave the broker.
    pub(super) fn into_value(self) -> R {
        self.value
    }

    /// Waits until the value may leave, and gives it. Has no deadline.
    ///
    /// # Errors
    /// `NOT_COORDINATOR` when the partition is deleted.
    pub(super) async fn stored(self) -> Result<R, ErrorCode> {
        if let Some(LogPrefix { partition, last_offset }) = self.until {
            partition.committed(last_offset).await.map_err(|_| ErrorCode::NotCoordinator)?;
        }
        Ok(self.value)
    }
}

/// Where the parked answer to a request arrives that waits. Closed without one when the machine is dropped.
pub(super) type Awaited<R> = oneshot::Receiver<Parked<R>>;

/// The one who waits for an answer of type `R`. Answered once at most; dropped unanswered, it sends the other side away.
#[derive(Debug)]
pub(in crate::coordinator) struct ReplyTo<R>(oneshot::Sender<Parked<R>>);

impl<R: Debug + Send + 'static> ReplyTo<R> {
    /// An address, and where what is sent to it arrives.
    pub(super) fn new() -> (Self, Awaited<R>) {
        let (sender, awaited) = oneshot::channel();
        (Self(sender), awaited)
    }

    /// Puts an answer with its address; the runtime sends it.
    pub(super) fn answer(self, answer: R) -> Addressed {
        Addressed(Box::new((self, answer)))
    }
}

/// An answer of any type with its address.
#[derive(Debug)]
pub(super) struct Addressed(Box<dyn Deliver>);

impl Addressed {
    /// Sends the answer on its way: it is parked until the log is stored.
    pub(super) fn park(self, until: Option<LogPrefix>) {
        self.0.deliver(until);
    }
}

/// Sends an answer whose type only its address knows.
trait Deliver: Debug + Send {
    fn deliver(self: Box<Self>, until: Option<LogPrefix>);
}

impl<R: Debug + Send> Deliver for (ReplyTo<R>, R) {
    fn deliver(self: Box<Self>, until: Option<LogPrefix>) {
        let (ReplyTo(sender), answer) = *self;
        // Whoever asked may have gone.
        let _ = sender.send(Parked::new(answer, until));
    }
}

/// The answer to a request that was handed to a machine, on its way.
#[derive(Debug)]
pub(in crate::coordinator) struct Pending<R> {
    stage: Result<Stage<R>, ErrorCode>,
    patience: Duration,
}

#[derive(Debug)]
enum Stage<R> {
    /// The machine has not answered yet.
    Awaited(Awaited<R>),
    /// The answer is there, its records may not be stored.
    Parked(Parked<R>),
}

impl<R> Pending<R> {
    /// The answer to a request that does not wait.
    pub(super) fn parked(parked: Result<Parked<R>, ErrorCode>, patience: Duration) -> Self {
        Self { stage: parked.map(Stage::Parked), patience }
    }

    /// The answer to a request that waits.
    pub(super) fn awaited(awaited: Result<Awaited<R>, ErrorCode>, patience: Duration) -> Self {
        Self { stage: awaited.map(Stage::Awaited), patience }
    }

    /// Waits until the answer is there and may leave. Dropping the future undoes nothing.
    ///
    /// # Errors
    /// Why the request could not be handled; `NOT_COORDINATOR` when the machine was dropped or the partition deleted;
    /// `COORDINATOR_NOT_AVAILABLE` when the disk takes longer than it may.
    pub(in crate::coordinator) async fn outcome(self) -> Result<R, ErrorCode> {
        let parked = match self.stage? {
            Stage::Parked(parked) => parked,
            Stage::Awaited(awaited) => awaited.await.map_err(|_| ErrorCode::NotCoordinator)?,
        };
        timeout(self.patience, parked.stored()).await.unwrap_or(Err(ErrorCode::CoordinatorNotAvailable))
    }
}
