//! SharedSender: the [`Sender`] behind its lock, driven by the producer's task and, when that sleeps, by the caller of `send`.
//!
//! Who sends a record is decided here ([`SharedSender::handle_due`]) and nowhere else. A record that need not linger and finds
//! nothing under way goes out in the thread that has accepted it: waking the task on another thread would take longer than all
//! the rest of the way to the socket (decision 0011). The lock is never held across an await.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

use super::{Command, Sender};
use crate::environment;
use crate::error::Error;
use crate::metadata::MetadataSnapshot;
use crate::producer::accumulator::Accumulator;

/// A sender that its task shares with the callers of `send`.
pub(crate) struct SharedSender {
    sender: Mutex<Sender>,
    accumulator: Arc<Accumulator>,
    /// Whether a caller may send its own record: it need not linger, and compressing is not for a caller's thread.
    callers_send: bool,
}

impl SharedSender {
    pub(crate) fn new(sender: Sender) -> Self {
        let callers_send = !sender.settings.lingers && !sender.settings.compresses;
        let accumulator = Arc::clone(&sender.accumulator);
        Self { sender: Mutex::new(sender), accumulator, callers_send }
    }

    /// The task: runs until `released` is cancelled and all that was accepted is settled.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut commands: mpsc::Receiver<Command>,
        mut snapshots: watch::Receiver<Arc<MetadataSnapshot>>,
        released: CancellationToken,
    ) {
        loop {
            // Read once: what is cancelled after this ends the wait below.
            let closing = released.is_cancelled();
            let Some(deadline) = self.drive(closing) else { return };
            tokio::select! {
                () = poll_fn(|cx| self.poll_event(cx)) => {}
                () = self.accumulator.signals().woken() => {}
                Some(command) = commands.recv() => self.sender().handle_command(command),
                Ok(()) = snapshots.changed() => {
                    let snapshot = Arc::clone(&snapshots.borrow_and_update());
                    self.sender().handle_snapshot(snapshot);
                }
                () = environment::sleep_until(deadline) => {}
                () = released.cancelled(), if !closing => {}
            }
        }
    }

    /// An append has made something due ([`Attempt::is_due`](crate::producer::accumulator::Attempt::is_due)): the caller sends
    /// it, if it may and nothing else has to be done, or else wakes the task.
    pub(crate) fn handle_due(&self) {
        if !(self.callers_send && self.send_at_once()) {
            self.accumulator.signals().wake();
        }
    }

    /// The task is lost: nothing more is accepted, and what was fails, with `error`.
    pub(crate) fn lose(&self, error: Error) {
        self.accumulator.end(error);
    }

    fn send_at_once(&self) -> bool {
        // Only tried: a caller never waits for the task or for another caller, who may be past the news by now.
        let Some(mut sender) = self.sender.try_lock() else { return false };
        // A caller that sends many records without a pause has no budget left, and would be told that the socket is full.
        unconstrained(async { sender.send_at_once() }).now_or_never().unwrap_or_default()
    }

    /// Does everything that can be done now. Gives until when to wait for more, if any is to come.
    fn drive(&self, closing: bool) -> Option<Option<Instant>> {
        let mut sender = self.sender();
        if closing {
            self.accumulator.end(Error::closed("producer"));
            sender.close_transactions(environment::now());
        }
        sender.drive();
        if closing && sender.is_done() {
            return None;
        }
        let deadline = sender.next_deadline();
        self.accumulator.signals().set_timer(deadline);
        Some(deadline)
    }

    fn poll_event(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.sender().poll_event(cx)
    }

    fn sender(&self) -> MutexGuard<'_, Sender> {
        self.sender.lock()
    }
}
