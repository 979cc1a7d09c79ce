//! The place of one partition: its machine behind a lock, its log, and what the machine asks.
//!
//! The lock is held while an event is handled and its records are written into the page cache, never across an await.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::record::control::EndTransactionMarker;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::batches::batches;
use super::effects::Effects;
use super::load::{load, may_pass};
use super::machine::{EffectsOf, Machine, Now};
use super::record::LogPlace;
use super::reply::{Awaited, LogPrefix, Parked, ReplyTo};
use crate::clock::{Clock, after};
use crate::log::{AppendError, AppendOrigin, Appended, Transaction, VerificationGuard};
use crate::partition::Partition;

/// How long it takes until a log is read again that could not be read or written.
const RELOAD_PAUSE: Duration = Duration::from_secs(1);

/// One partition of an internal topic and the machine that is made of it.
///
/// ```text
///              load                  the log cannot be appended to
///   Loading ─────────► Serving ───────────────────────────────────► Loading, after a pause
///      └─────────────► Failed       the log is damaged
///
///   any ──► Retired   the broker stops
/// ```
#[derive(Debug)]
pub(super) struct Slot<M: Machine> {
    partition: Arc<Partition>,
    settings: M::Settings,
    clock: Clock,
    /// Wakes the driver: there is something to load or to ask, or something is due earlier than it knows.
    driver: Arc<Notify>,
    lives: AtomicU64,
    phase: Mutex<Phase<M>>,
}

#[derive(Debug)]
enum Phase<M: Machine> {
    /// The log is to be read, not before this moment, or is being read.
    Loading(Instant),
    /// Requests are served.
    Serving(Box<Serving<M>>),
    /// The log cannot be read.
    Failed,
    /// Nobody is served any more.
    Retired,
}

#[derive(Debug)]
struct Serving<M: Machine> {
    machine: M,
    life: Life,
    /// What the machine asks and the driver has not fetched yet.
    asks: Vec<Parked<(Life, M::Ask)>>,
    /// The last record of the log: what an answer has seen is stored when this is.
    last_offset: i64,
}

/// Tells the machines of a slot apart, which come one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life(u64);

impl<M: Machine> Slot<M> {
    /// The place of a partition. What is in its log is to be loaded; one without a record serves at once.
    pub(super) fn new(
        partition: Arc<Partition>,
        settings: M::Settings,
        clock: Clock,
        driver: Arc<Notify>,
    ) -> Self {
        let watermarks = partition.watermarks();
        let phase = Mutex::new(Phase::Loading(clock.now()));
        let slot = Self { partition, settings, clock, driver, lives: AtomicU64::new(0), phase };
        if watermarks.log_start == watermarks.end {
            slot.serve(M::new(slot.settings.clone()));
        }
        slot
    }

    /// Reads the log and begins to serve. Blocks.
    pub(super) fn load(&self) {
        // Whatever happens here, it is not tried again at once.
        self.enter(&mut self.phase.lock(), Phase::Loading(after(self.clock.now(), RELOAD_PAUSE)));
        let mut machine = M::new(self.settings.clone());
        match load(&self.partition, &mut machine, || !self.is_retired()) {
            Ok(true) => self.serve(machine),
            Ok(false) => {}
            Err(error) if may_pass(&error) => self.load_later(&mut self.phase.lock(), RELOAD_PAUSE),
            Err(error) => {
                tracing::error!(
                    "what is kept in {} is out of service, its log is damaged: {error}",
                    self.name()
                );
                self.enter(&mut self.phase.lock(), Phase::Failed);
            }
        }
    }

    /// Serves nobody any more: who waits is sent away, and so is who comes.
    pub(super) fn retire(&self) {
        let phase = std::mem::replace(&mut *self.phase.lock(), Phase::Retired);
        // Outside of the lock: it is told to all who wait.
        drop(phase);
    }

    fn is_retired(&self) -> bool {
        matches!(*self.phase.lock(), Phase::Retired)
    }

    /// Handles a request that does not wait.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS`; `COORDINATOR_NOT_AVAILABLE` when the log cannot be read; `MESSAGE_TOO_LARGE` or
    /// `RECORD_LIST_TOO_LARGE` when a record does not fit into the topic; `NOT_COORDINATOR` when it cannot be appended.
    pub(super) fn handle<R>(
        &self,
        command: impl FnOnce(&mut M, Now) -> (R, EffectsOf<M>),
    ) -> Result<Parked<R>, ErrorCode> {
        self.run(|serving, now| {
            let (answer, effects) = command(&mut serving.machine, now);
            self.carry_out(serving, effects, now)?;
            Ok(answer)
        })
    }

    /// Handles a request that may wait.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub(super) fn handle_waiting<R: std::fmt::Debug + Send + 'static>(
        &self,
        command: impl FnOnce(&mut M, ReplyTo<R>, Now) -> EffectsOf<M>,
    ) -> Result<Awaited<R>, ErrorCode> {
        let (reply_to, awaited) = ReplyTo::new();
        self.handle(|machine, now| ((), command(machine, reply_to, now)))?;
        Ok(awaited)
    }

    /// The partition that has the log.
    pub(super) const fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Handles a request that does not wait and whose records are part of a transaction, with the guard of its verification.
    ///
    /// # Errors
    /// As [`Self::handle`]; `INVALID_PRODUCER_EPOCH`, and `INVALID_TXN_STATE` when the transaction ended after it was verified.
    pub(super) fn handle_in_transaction<R>(
        &self,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
        command: impl FnOnce(&mut M, Now) -> (R, EffectsOf<M>),
    ) -> Result<Parked<R>, ErrorCode> {
        self.run(|serving, now| {
            // Before the machine hears of it, so that it has nothing to take back. Whatever else is appended here, markers
            // included, waits for the slot's lock.
            self.partition.check_transaction(transaction, guard)?;
            let (answer, effects) = command(&mut serving.machine, now);
            self.carry_out(serving, effects, now)?;
            Ok(answer)
        })
    }

    /// Ends a transaction in this partition: appends its marker and lets it take effect (KIP-98).
    ///
    /// # Errors
    /// As [`Self::handle`]; `INVALID_PRODUCER_EPOCH` and `TRANSACTION_COORDINATOR_FENCED` for a marker that comes late.
    pub(super) fn end_transaction(
        &self,
        transaction: Transaction,
        marker: EndTransactionMarker,
        transaction_version: i16,
    ) -> Result<Parked<()>, ErrorCode> {
        self.run(|serving, now| {
            let appended =
                self.partition.append_marker(transaction, marker, transaction_version, now.wall)?;
            serving.last_offset = appended.last_offset;
            serving.machine.replay_end(transaction, marker.outcome);
            Ok(())
        })
    }

    /// Does what is due.
    pub(super) fn handle_timeouts(&self) {
        let step = |machine: &mut M, now| {
            let effects = machine.handle_timeout(now);
            (effects.is_some(), effects.unwrap_or_default())
        };
        while self.handle(step).is_ok_and(Parked::into_value) {}
    }

    /// Takes what the machine asks, each with the life that it is asked in.
    pub(super) fn take_asks(&self) -> Vec<Parked<(Life, M::Ask)>> {
        match &mut *self.phase.lock() {
            Phase::Serving(serving) => std::mem::take(&mut serving.asks),
            Phase::Loading(_) | Phase::Failed | Phase::Retired => Vec::new(),
        }
    }

    /// Brings the answer to what the machine of that life asked. A later one has asked again, if it still wants to know.
    pub(super) fn handle_answer(&self, life: Life, answer: M::Answer) {
        // If it cannot be handled the machine is gone, and the next one asks again.
        let _ = self.run(|serving, now| {
            if serving.life == life {
                let effects = serving.machine.handle_answer(answer, now);
                self.carry_out(serving, effects, now)?;
            }
            Ok(())
        });
    }

    /// When [`Self::handle_timeouts`] is to be called.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &*self.phase.lock() {
            Phase::Serving(serving) => serving.machine.next_deadline(),
            Phase::Loading(_) | Phase::Failed | Phase::Retired => None,
        }
    }

    /// When [`Self::load`] is to be called, unless it is at work.
    pub(super) fn next_load(&self) -> Option<Instant> {
        match *self.phase.lock() {
            Phase::Loading(not_before) => Some(not_before),
            Phase::Serving(_) | Phase::Failed | Phase::Retired => None,
        }
    }

    /// Runs one event. When its records cannot be appended the machine has gone ahead of its log: it is dropped, and with it
    /// everyone who waits. An event that is fenced has changed nothing.
    fn run<R>(
        &self,
        event: impl FnOnce(&mut Serving<M>, Now) -> Result<R, AppendError>,
    ) -> Result<Parked<R>, ErrorCode> {
        let mut phase = self.phase.lock();
        let serving = match &mut *phase {
            Phase::Serving(serving) => serving,
            Phase::Loading(_) => return Err(ErrorCode::CoordinatorLoadInProgress),
            Phase::Failed => return Err(ErrorCode::CoordinatorNotAvailable),
            Phase::Retired => return Err(ErrorCode::NotCoordinator),
        };
        let due_before = serving.machine.next_deadline();
        match event(serving, self.now()) {
            Ok(answer) => {
                let due = serving.machine.next_deadline();
                let is_sooner = due.is_some() && (due_before.is_none() || due < due_before);
                if is_sooner || !serving.asks.is_empty() {
                    self.driver.notify_one();
                }
                Ok(Parked::new(answer, Some(self.prefix(serving.last_offset))))
            }
            Err(error) if is_fenced(&error) => Err(ErrorCode::from(&error)),
            Err(error) => {
                let pause = if is_storage_failure(&error) { RELOAD_PAUSE } else { Duration::ZERO };
                // Before the lock is free: nobody may meet this machine again.
                self.load_later(&mut phase, pause);
                drop(phase);
                self.report(&error);
                Err(refusal::<M>(&error))
            }
        }
    }

    /// Appends the records, replays them, and sends replies and asks on their way.
    fn carry_out(
        &self,
        serving: &mut Serving<M>,
        effects: EffectsOf<M>,
        now: Now,
    ) -> Result<(), AppendError> {
        let Effects { records, transaction, replies, asks } = effects;
        if !records.is_empty() {
            let appended = self.append(serving, batches(&records, transaction, now.wall), now)?;
            for (offset, record) in (appended.base_offset..).zip(records) {
                serving.machine.replay(record, LogPlace { offset, transaction });
            }
        }
        let until = || Some(self.prefix(serving.last_offset));
        replies.into_iter().for_each(|reply| reply.park(until()));
        let life = serving.life;
        serving.asks.extend(asks.into_iter().map(|ask| Parked::new((life, ask), until())));
        Ok(())
    }

    fn append(&self, serving: &mut Serving<M>, records: Bytes, now: Now) -> Result<Appended, AppendError> {
        let appended = self.partition.append(records, AppendOrigin::Coordinator, now.wall)?;
        serving.last_offset = appended.last_offset;
        Ok(appended)
    }

    /// Begins to serve with a machine that was loaded.
    fn serve(&self, mut machine: M) {
        let now = self.now();
        let effects = machine.loaded(now);
        let life = Life(self.lives.fetch_add(1, Ordering::Relaxed));
        let last_offset = self.partition.watermarks().end - 1;
        let mut serving = Serving { machine, life, asks: Vec::new(), last_offset };
        let outcome = self.carry_out(&mut serving, effects, now);
        let mut phase = self.phase.lock();
        match outcome {
            Ok(()) => self.enter(&mut phase, Phase::Serving(Box::new(serving))),
            Err(error) if is_storage_failure(&error) => self.load_later(&mut phase, RELOAD_PAUSE),
            Err(error) => {
                self.enter(&mut phase, Phase::Failed);
                self.report(&error);
            }
        }
        self.driver.notify_one();
    }

    /// Drops the machine; the log is read again after a pause.
    fn load_later(&self, phase: &mut Phase<M>, pause: Duration) {
        self.enter(phase, Phase::Loading(after(self.clock.now(), pause)));
        self.driver.notify_one();
    }

    /// Begins a phase, unless the slot is retired.
    fn enter(&self, phase: &mut Phase<M>, next: Phase<M>) {
        if !matches!(phase, Phase::Retired) {
            *phase = next;
        }
    }

    fn report(&self, error: &AppendError) {
        // The log reports what the disk refuses.
        if !is_storage_failure(error) {
            tracing::error!("cannot append to {}: {error}", self.name());
        }
    }

    fn name(&self) -> String {
        format!("{}-{}", self.partition.topic(), self.partition.index())
    }

    fn prefix(&self, last_offset: i64) -> LogPrefix {
        LogPrefix { partition: Arc::clone(&self.partition), last_offset }
    }

    fn now(&self) -> Now {
        Now { instant: self.clock.now(), wall: self.clock.wall() }
    }
}

/// Whether the disk refused records, which may pass.
fn is_storage_failure(error: &AppendError) -> bool {
    ErrorCode::from(error) == ErrorCode::KafkaStorageError
}

/// Whether the log refused the end of a transaction, or records of one, before anything was done.
const fn is_fenced(error: &AppendError) -> bool {
    matches!(
        error,
        AppendError::InvalidProducerEpoch { .. }
            | AppendError::InvalidTxnState { .. }
            | AppendError::TransactionCoordinatorFenced { .. }
    )
}

/// The answer to a request whose records could not be appended.
fn refusal<M: Machine>(error: &AppendError) -> ErrorCode {
    match ErrorCode::from(error) {
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => M::TOO_LARGE,
        _ => ErrorCode::NotCoordinator,
    }
}
