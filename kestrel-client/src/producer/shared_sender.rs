//! SharedSender: the [`Sender`] behind its lock, driven by the producer's task and, when that sleeps, by whoever has a record.
//!
//! A record that need not linger and finds nothing under way goes out in the thread that has accepted it: waking the task on
//! another thread would take longer than all the rest of the way to the socket. The lock is never held across an await.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::FutureExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

use super::accumulator::{Accumulator, SendAtOnce};
use super::sender::{Command, Sender};
use crate::environment;
use crate::error::Error;
use crate::metadata::MetadataSnapshot;

/// A sender, and what it is asked through.
pub(crate) struct SharedSender {
    sender: Mutex<Sender>,
    accumulator: Arc<Accumulator>,
}

impl SharedSender {
    pub(crate) fn new(sender: Sender, accumulator: Arc<Accumulator>) -> Self {
        Self { sender: Mutex::new(sender), accumulator }
    }

    fn sender(&self) -> MutexGuard<'_, Sender> {
        self.sender.lock()
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

    /// The task is lost: nothing more is taken, and what was is failed, for this reason.
    pub(crate) fn lose(&self, error: Error) {
        self.accumulator.end(error);
    }

    /// Everything that can be done now. Gives until when to wait for more, if any is to come.
    fn drive(&self, closing: bool) -> Option<Option<Instant>> {
        let mut sender = self.sender();
        if closing {
            self.accumulator.end(Error::closed("producer"));
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
}

impl SendAtOnce for SharedSender {
    fn send_at_once(&self) -> bool {
        // Whoever has the lock may be past the news by now.
        let Some(mut sender) = self.sender.try_lock() else { return false };
        // A caller that sends many records without a pause has no budget left, and would be told that the socket is full.
        unconstrained(async { sender.send_at_once() }).now_or_never().unwrap_or_default()
    }
}
