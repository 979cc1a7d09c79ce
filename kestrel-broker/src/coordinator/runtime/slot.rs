//! The place of one partition's groups: the machine behind a lock, its log, and who waits for its replies.
//!
//! The lock is held while a request is handled and its records are written into the page cache, never across an await.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::ErrorCode;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::append::batches;
use super::group::{Effects, GroupShard, Handled, Now, Reply, ReplyTo};
use super::load::load;
use crate::clock::{Clock, after};
use crate::config::GroupSettings;
use crate::log::{AppendError, AppendOrigin};
use crate::partition::Partition;

/// How long it takes until groups are loaded again whose log could not be read or written.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);

/// An answer that may leave once the log is stored up to an offset.
#[derive(Debug)]
pub(super) struct Parked<R> {
    answer: R,
    partition: Arc<Partition>,
    last_offset: i64,
}

impl<R> Parked<R> {
    /// Waits until the answer may leave, and gives it.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE` when that takes longer than `patience`; `NOT_COORDINATOR` when the partition is deleted.
    pub(super) async fn stored(self, patience: Duration) -> Result<R, ErrorCode> {
        match timeout(patience, self.partition.committed(self.last_offset)).await {
            Ok(Ok(())) => Ok(self.answer),
            Ok(Err(_)) => Err(ErrorCode::NotCoordinator),
            Err(_) => Err(ErrorCode::CoordinatorNotAvailable),
        }
    }
}

/// The reply to a request that waits. It ends without one when the groups are loaded anew.
pub(super) type Awaited = oneshot::Receiver<Parked<Reply>>;

/// One partition of `__consumer_offsets`.
#[derive(Debug)]
pub(super) struct Slot {
    partition: Arc<Partition>,
    settings: GroupSettings,
    clock: Clock,
    /// Wakes the driver: there is something to load, or something is due earlier than it knows.
    driver: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// The log is to be read, not before this moment, or is being read.
    Loading(Instant),
    /// The groups are served.
    Serving(Box<Serving>),
    /// The log cannot be read.
    Failed,
}

#[derive(Debug)]
struct Serving {
    shard: GroupShard,
    waiting: HashMap<ReplyTo, oneshot::Sender<Parked<Reply>>>,
    next_reply_to: u64,
    /// The last record of the log: what an answer has seen is stored when this is.
    last_offset: i64,
}

impl Slot {
    /// The place of a partition. What is in its log is to be loaded; one without a record serves at once.
    pub(super) fn new(
        partition: Arc<Partition>,
        settings: GroupSettings,
        clock: Clock,
        driver: Arc<Notify>,
    ) -> Self {
        let watermarks = partition.watermarks();
        let state = Mutex::new(State::Loading(clock.now()));
        let slot = Self { partition, settings, clock, driver, state };
        if watermarks.log_start == watermarks.end {
            slot.serve(GroupShard::new(slot.settings.clone()));
        }
        slot
    }

    /// Whether [`load`](Self::load) is to be called.
    pub(super) fn is_load_due(&self) -> bool {
        matches!(*self.state(), State::Loading(not_before) if not_before <= self.clock.now())
    }

    /// Reads the log and begins to serve. Blocks.
    pub(super) fn load(&self) {
        // Whatever happens here, it is not tried again at once.
        *self.state() = State::Loading(after(self.clock.now(), RELOAD_PAUSE));
        match load(&self.partition, self.settings.clone()) {
            Ok(shard) => self.serve(shard),
            Err(error) if error.may_pass() => self.load_again(RELOAD_PAUSE),
            Err(error) => {
                tracing::error!(
                    "the groups of {}-{} are out of service: the log {error}",
                    self.partition.topic(),
                    self.partition.index()
                );
                *self.state() = State::Failed;
            }
        }
    }

    /// Handles a request that does not wait.
    ///
    /// # Errors
    /// Why it cannot be handled now: `COORDINATOR_LOAD_IN_PROGRESS` and the like.
    pub(super) fn handle<R>(
        &self,
        command: impl FnOnce(&mut GroupShard, Now) -> Handled<R>,
    ) -> Result<Parked<R>, ErrorCode> {
        self.with_serving(|serving, now| {
            let (answer, effects) = command(&mut serving.shard, now);
            Ok((answer, effects))
        })
    }

    /// Handles a request that may wait.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub(super) fn ask(
        &self,
        command: impl FnOnce(&mut GroupShard, ReplyTo, Now) -> Effects,
    ) -> Result<Awaited, ErrorCode> {
        let parked = self.with_serving(|serving, now| {
            let reply_to = ReplyTo(serving.next_reply_to);
            serving.next_reply_to += 1;
            let (sender, awaited) = oneshot::channel();
            serving.waiting.insert(reply_to, sender);
            Ok((awaited, command(&mut serving.shard, reply_to, now)))
        })?;
        Ok(parked.answer)
    }

    /// Does what is due.
    pub(super) fn handle_timeouts(&self) {
        loop {
            let done = self.with_serving(|serving, now| {
                let effects = serving.shard.handle_timeout(now).ok_or(ErrorCode::None)?;
                Ok(((), effects))
            });
            if done.is_err() {
                return;
            }
        }
    }

    /// When [`Self::handle_timeouts`] or [`Self::load`] is to be called.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &*self.state() {
            State::Serving(serving) => serving.shard.next_deadline(),
            State::Loading(not_before) => Some(*not_before),
            State::Failed => None,
        }
    }

    /// Runs one event: the machine's part, the log's part, and the replies.
    fn with_serving<R>(
        &self,
        event: impl FnOnce(&mut Serving, Now) -> Result<(R, Effects), ErrorCode>,
    ) -> Result<Parked<R>, ErrorCode> {
        let mut state = self.state();
        let serving = match &mut *state {
            State::Serving(serving) => serving,
            State::Loading(_) => return Err(ErrorCode::CoordinatorLoadInProgress),
            State::Failed => return Err(ErrorCode::CoordinatorNotAvailable),
        };
        let now = self.now();
        let due_before = serving.shard.next_deadline();
        let (answer, effects) = event(serving, now)?;
        if let Err(error) = self.carry_out(serving, effects, now) {
            // The machine has gone ahead of its log: it is dropped, and with it everyone who waits.
            drop(state);
            self.report(&error);
            self.load_again(if is_storage_failure(&error) { RELOAD_PAUSE } else { Duration::ZERO });
            return Err(refusal(&error));
        }
        let due = serving.shard.next_deadline();
        if due.is_some() && (due_before.is_none() || due < due_before) {
            self.driver.notify_one();
        }
        Ok(Parked { answer, partition: Arc::clone(&self.partition), last_offset: serving.last_offset })
    }

    /// Appends the records, replays them and sends the replies on their way.
    fn carry_out(&self, serving: &mut Serving, effects: Effects, now: Now) -> Result<(), AppendError> {
        if !effects.records.is_empty() {
            let bytes = batches(&effects.records, now.wall);
            let appended = self.partition.append(bytes, AppendOrigin::Coordinator, now.wall)?;
            serving.last_offset = appended.last_offset;
            for (offset, record) in (appended.base_offset..).zip(effects.records) {
                serving.shard.replay(record, offset, None);
            }
        }
        for (to, answer) in effects.replies {
            if let Some(waiting) = serving.waiting.remove(&to) {
                let partition = Arc::clone(&self.partition);
                // Whoever asked may have gone.
                let _ = waiting.send(Parked { answer, partition, last_offset: serving.last_offset });
            }
        }
        Ok(())
    }

    fn serve(&self, mut shard: GroupShard) {
        let now = self.now();
        let effects = shard.loaded(now);
        let last_offset = self.partition.watermarks().end - 1;
        let mut serving = Serving { shard, waiting: HashMap::new(), next_reply_to: 0, last_offset };
        match self.carry_out(&mut serving, effects, now) {
            Ok(()) => *self.state() = State::Serving(Box::new(serving)),
            Err(error) => {
                self.report(&error);
                if is_storage_failure(&error) {
                    return self.load_again(RELOAD_PAUSE);
                }
                *self.state() = State::Failed;
            }
        }
        self.driver.notify_one();
    }

    /// Drops the groups; their log is read again after a pause.
    fn load_again(&self, pause: Duration) {
        *self.state() = State::Loading(after(self.clock.now(), pause));
        self.driver.notify_one();
    }

    fn report(&self, error: &AppendError) {
        // What the disk refuses is said once, by the log.
        if !is_storage_failure(error) {
            let (topic, index) = (self.partition.topic(), self.partition.index());
            tracing::error!("cannot append to {topic}-{index}: {error}");
        }
    }

    fn now(&self) -> Now {
        Now { instant: self.clock.now(), wall: self.clock.wall() }
    }

    /// A panic under the lock is a bug of the machine. Its groups are as far as the log is; the others go on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Whether the disk refused records, which may pass.
fn is_storage_failure(error: &AppendError) -> bool {
    ErrorCode::from(error) == ErrorCode::KafkaStorageError
}

/// What a client is told whose records could not be appended.
const fn refusal(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::MessageTooLarge { .. } | AppendError::RecordListTooLarge { .. } => {
            ErrorCode::InvalidCommitOffsetSize
        }
        _ => ErrorCode::NotCoordinator,
    }
}
