//! The sender's side of transactions: carries out what the machine asks of coordinators, and tells those who wait how it stands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::coordinator::{Answered, CoordinatorCalls};
use super::observed::{tell_ended, tell_over};
use super::transaction_watch::{End, TransactionWatch};
use super::{Event, Sender, Transactional, draw};
use crate::client::Client;
use crate::environment::{self, after};
use crate::error::{Error, Result};
use crate::net::HandleId;
use crate::observer::ObserverSeat;
use crate::producer::dispatcher::ended_by;
use crate::producer::transaction::{EndFailure, Gate, Standing, TransactionCommand};

/// What the sender of a transactional producer has beside.
pub(super) struct Transactions {
    calls: CoordinatorCalls,
    gate: Arc<Gate>,
    waiters: Waiters,
    patience: Patience,
    watch: TransactionWatch,
    observer: ObserverSeat,
}

/// How long the end of the last transaction is worth waiting for once the producer is closed: the broker aborts it by then.
struct Patience {
    lasts: Duration,
    ends_at: Option<Instant>,
    is_over: bool,
}

impl Patience {
    const fn new(lasts: Duration) -> Self {
        Self { lasts, ends_at: None, is_over: false }
    }

    /// The producer is closed.
    fn begin(&mut self, now: Instant) {
        if !self.is_over {
            self.ends_at.get_or_insert_with(|| after(now, self.lasts));
        }
    }

    /// Looks at the clock. What is over is no deadline any more: it would be due for ever.
    fn look(&mut self, now: Instant) {
        self.is_over |= self.ends_at.take_if(|at| *at <= now).is_some();
    }
}

/// The callers who wait for something.
#[derive(Default)]
struct Waiters {
    begin: Option<oneshot::Sender<Result<()>>>,
    /// In the order of their calls.
    offsets: VecDeque<oneshot::Sender<Result<()>>>,
    commit: Option<oneshot::Sender<Result<(), EndFailure>>>,
    abort: Option<oneshot::Sender<Result<(), EndFailure>>>,
}

impl Transactions {
    pub(super) fn new(client: Client, handle: HandleId, transactional: Transactional) -> Self {
        let Transactional { transactional_id, timeout, gate } = transactional;
        let observer = client.observer().clone();
        let calls = CoordinatorCalls::new(client, handle, transactional_id, timeout);
        let (waiters, watch) = (Waiters::default(), TransactionWatch::default());
        Self { calls, gate, waiters, patience: Patience::new(timeout), watch, observer }
    }

    /// So many records of the open transaction are stored.
    pub(super) fn note_stored(&mut self, records: usize) {
        self.watch.handle_stored(records);
    }
}

impl Sender {
    /// The id of a producer that writes in transactions.
    pub(super) fn transactional_id(&self) -> Option<&Arc<str>> {
        self.transactions.as_ref().map(|transactions| &transactions.calls.transactional_id)
    }

    /// A handle asks for something.
    pub(super) fn handle_transaction_command(&mut self, command: TransactionCommand) {
        self.take_news();
        let now = environment::now();
        let Some(transactions) = &mut self.transactions else { return };
        match command {
            TransactionCommand::Begin(reply) => {
                transactions.waiters.begin = Some(reply);
                transactions.watch.handle_asked(End::Abort, now);
                // Its handle is gone, if one is open.
                self.dispatcher.handle_abort();
            }
            TransactionCommand::SendOffsets(offsets, reply) => {
                transactions.waiters.offsets.push_back(reply);
                self.dispatcher.handle_offsets(offsets);
            }
            TransactionCommand::Commit(reply) => {
                transactions.waiters.commit = Some(reply);
                transactions.watch.handle_asked(End::Commit, now);
                self.dispatcher.handle_commit();
                self.seal_all(now);
            }
            TransactionCommand::Abort(reply) => {
                transactions.waiters.abort = Some(reply);
                transactions.watch.handle_asked(End::Abort, now);
                self.dispatcher.handle_abort();
            }
            TransactionCommand::Abandon => {
                transactions.watch.handle_asked(End::Abort, now);
                self.dispatcher.handle_abort();
            }
        }
    }

    pub(super) fn handle_transaction_answer(&mut self, (finalized, answer): Answered, now: Instant) {
        if let Some(version) = finalized {
            self.dispatcher.handle_finalized(version);
        }
        self.dispatcher.handle_transaction_answer(answer, now);
    }

    /// Brings the transactions forward: asks coordinators, answers callers.
    pub(super) fn drive_transactions(&mut self, now: Instant) {
        let Some(transactions) = &mut self.transactions else { return };
        transactions.patience.look(now);
        let queues = &self.queues;
        self.dispatcher.drop_refused(now, &mut |id| draw(queues, id));
        self.tell_waiters(now);
        if let (Some(request), Some(transactions)) =
            (self.dispatcher.poll_transaction_request(now), &self.transactions)
        {
            let calls = transactions.calls.clone();
            self.events.begin(async move { Event::Transaction(calls.ask(request).await) });
        }
        // What ends without a request has ended by now.
        self.tell_waiters(now);
    }

    /// The producer is closed: what is open is aborted.
    pub(super) fn close_transactions(&mut self, now: Instant) {
        let Some(transactions) = &mut self.transactions else { return };
        transactions.patience.begin(now);
        transactions.watch.handle_asked(End::Abort, now);
        self.dispatcher.handle_abort();
    }

    /// Whether a transaction is being ended, and not for too long.
    pub(super) fn is_ending_transaction(&self) -> bool {
        // One that never had an identity has nothing to end.
        let is_busy =
            self.dispatcher.has_identity() && matches!(self.dispatcher.standing(), Some(Standing::Busy));
        is_busy && self.transactions.as_ref().is_none_or(|transactions| !transactions.patience.is_over)
    }

    /// When a closed producer stops waiting for its last transaction.
    pub(super) fn transactions_deadline(&self) -> Option<Instant> {
        self.transactions.as_ref()?.patience.ends_at
    }

    fn tell_waiters(&mut self, now: Instant) {
        let Some(Transactions { calls, gate, waiters, watch, observer, .. }) = &mut self.transactions else {
            return;
        };
        let id = &*calls.transactional_id;
        while let Some(sent) = self.dispatcher.poll_offsets_sent() {
            if let Some(reply) = waiters.offsets.pop_front() {
                // The caller may have stopped waiting; so may all below.
                let _ = reply.send(sent);
            }
        }
        if let Some(cause) = self.dispatcher.failure() {
            let error = ended_by(cause);
            tell_over(observer, id, watch.handle_over(&error, now), &error);
            return waiters.fail(&error, gate);
        }
        match self.dispatcher.standing() {
            Some(Standing::Ready) => {
                if let Some(ended) = watch.handle_ready(now) {
                    tell_ended(observer, id, &ended);
                }
                let ends = [waiters.commit.take(), waiters.abort.take()].into_iter().flatten();
                for reply in ends {
                    let _ = reply.send(Ok(()));
                }
                if let Some(reply) = waiters.begin.take().filter(|reply| !reply.is_closed())
                    && self.dispatcher.handle_begin(now)
                {
                    gate.open();
                    watch.handle_begun(now);
                    let _ = reply.send(Ok(()));
                }
            }
            Some(Standing::Failed(cause)) => {
                gate.shut(cause);
                watch.handle_failed(cause);
                if let Some(reply) = waiters.commit.take() {
                    let cause = Box::new(cause.clone());
                    let _ = reply.send(Err(EndFailure::Abortable(Error::TransactionFailed { cause })));
                }
                if waiters.begin.is_some() || waiters.abort.is_some() {
                    watch.handle_asked(End::Abort, now);
                    self.dispatcher.handle_abort();
                }
            }
            Some(Standing::Open | Standing::Busy) | None => {}
        }
    }
}

impl Waiters {
    /// The producer has failed.
    fn fail(&mut self, error: &Error, gate: &Gate) {
        gate.shut_for_good(error);
        for reply in self.begin.take().into_iter().chain(self.offsets.drain(..)) {
            let _ = reply.send(Err(error.clone()));
        }
        for reply in [self.commit.take(), self.abort.take()].into_iter().flatten() {
            let _ = reply.send(Err(EndFailure::Fatal(error.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patience_that_is_over_is_no_deadline_and_does_not_begin_again() {
        let (now, lasts) = (environment::now(), Duration::from_secs(60));
        let mut patience = Patience::new(lasts);
        patience.look(now);
        assert!(!patience.is_over && patience.ends_at.is_none());
        patience.begin(now);
        patience.begin(now + Duration::from_secs(1));
        patience.look(now + Duration::from_secs(59));
        assert_eq!((patience.is_over, patience.ends_at), (false, Some(now + lasts)));
        patience.look(now + lasts);
        patience.begin(now + lasts);
        assert_eq!((patience.is_over, patience.ends_at), (true, None));
    }
}
