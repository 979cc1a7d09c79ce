//! Outbox: the requests of one connection on their way to its socket, with the socket's writing half.
//!
//! The caller that has a request writes it itself, as far as the socket takes it without waiting: no other task has to wake up
//! for it. What is left over, and all that comes behind it, is written by the connection's task, as many requests as possible
//! with one call; so are requests that are too large for a stream that encrypts.
//!
//! While the broker holds the client back (KIP-219) no request is begun: what comes is queued, and its time begins afterwards.
//!
//! While it pauses, for the connection to authenticate again, it takes requests in and writes none but those of the
//! authentication; what has gathered goes out in its order when it resumes. What is not begun by its deadline fails where it waits.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use parking_lot::{Mutex, MutexGuard};
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

use super::chunks::Chunks;
use super::{Shared, Waiter};
use crate::environment::{self, after};
use crate::observer::RequestWritten;

/// How many byte runs are gathered before they are written.
const GATHERED_CHUNKS: usize = 64;

/// A request that was not written yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) chunks: Vec<Bytes>,
    pub(super) correlation_id: i32,
    pub(super) deadline: Instant,
    pub(super) expects_answer: bool,
    pub(super) waiter: Waiter,
}

impl Outgoing {
    fn size_bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }
}

/// What a connection writes. Bounded by its window: each request in it has a place there.
pub(super) struct Outbox {
    state: Mutex<State>,
    /// The largest request that is not left to the connection's task.
    at_once_bytes: usize,
    /// The socket did not take everything.
    left_over: Notify,
    /// A request has come while the outbox pauses.
    held_back: Notify,
}

struct State {
    writer: Box<dyn AsyncWrite + Unpin + Send>,
    queue: VecDeque<Outgoing>,
    /// Requests in the queue wait until the outbox resumes.
    is_paused: bool,
    /// When it pauses by itself: with the session nearly over, nobody waits for a timer that may be late.
    pauses_at: Option<Instant>,
    /// The request that goes out all the same.
    urgent: Option<Outgoing>,
    /// What was taken out of the queue and is not written yet.
    chunks: Chunks,
    /// What was written and the stream may still hold: one that encrypts does.
    is_unflushed: bool,
    /// Those of it that are done when they are written.
    unanswered: Vec<Waiter>,
    /// Until when no request is begun.
    muted_until: Option<Instant>,
    is_closed: bool,
}

impl Outbox {
    pub(super) fn new(writer: Box<dyn AsyncWrite + Unpin + Send>, at_once_bytes: usize) -> Self {
        let state = State {
            writer,
            queue: VecDeque::new(),
            is_paused: false,
            pauses_at: None,
            urgent: None,
            chunks: Chunks::default(),
            is_unflushed: false,
            unanswered: Vec::new(),
            muted_until: None,
            is_closed: false,
        };
        Self { state: Mutex::new(state), at_once_bytes, left_over: Notify::new(), held_back: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Writes `outgoing` behind all before it, now as far as that is possible. Fails it when the connection has ended.
    pub(super) fn push(&self, mut outgoing: Outgoing, shared: &Shared) {
        let mut state = self.state();
        state.pause_if_due(outgoing.waiter.asked_at);
        if state.is_closed {
            let _ = outgoing.waiter.reply.send(Err(shared.disconnected(false)));
            return;
        }
        let is_first = state.is_empty();
        let is_large = outgoing.size_bytes() > self.at_once_bytes;
        let mute = state.mute_left();
        outgoing.deadline = after(outgoing.deadline, mute.unwrap_or_default());
        if state.is_paused || !is_first || is_large || mute.is_some() {
            shared.note_queued(outgoing.waiter.asked_at, outgoing.deadline);
        }
        state.queue.push_back(outgoing);
        if state.is_paused {
            return self.held_back.notify_one();
        }
        if !is_first {
            return;
        }
        // While it is muted the task waits for the end of that, and writes then.
        if is_large || mute.is_some() {
            return self.left_over.notify_one();
        }
        let written = state.poll_write(shared, &mut Context::from_waker(Waker::noop()));
        drop(state);
        match written {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => shared.end(error),
            Poll::Pending => self.left_over.notify_one(),
        }
    }

    /// Begins no request for so long; gives by how much that is longer than what was said before.
    pub(super) fn mute(&self, throttle: Duration) -> Duration {
        let mut state = self.state();
        let longer = throttle.saturating_sub(state.mute_left().unwrap_or_default());
        if !longer.is_zero() {
            state.muted_until = Some(after(environment::now(), throttle));
            let State { queue, urgent, .. } = &mut *state;
            for outgoing in queue.iter_mut().chain(urgent) {
                outgoing.deadline = after(outgoing.deadline, longer);
            }
        }
        longer
    }

    /// How long no request is begun from now on; `None` when one may be.
    pub(super) fn mute_left(&self) -> Option<Duration> {
        self.state().mute_left()
    }

    /// Holds back the requests that come from now on. Those of which a byte was written are written to their end.
    pub(super) fn pause(&self) {
        self.state().is_paused = true;
    }

    /// Holds back the requests that come from `at` on, if nobody has paused it until then.
    pub(super) fn pause_at(&self, at: Instant) {
        self.state().pauses_at = Some(at);
    }

    /// Waits until the outbox holds a request back.
    pub(super) async fn holds_back(&self) {
        while self.state().queue.is_empty() {
            self.held_back.notified().await;
        }
    }

    /// Has the connection's task write `outgoing` before those that are held back.
    pub(super) fn push_urgent(&self, mut outgoing: Outgoing) {
        let mut state = self.state();
        outgoing.deadline = after(outgoing.deadline, state.mute_left().unwrap_or_default());
        state.urgent = Some(outgoing);
        drop(state);
        self.left_over.notify_one();
    }

    /// Lets the requests that were held back go, in their order.
    pub(super) fn resume(&self) {
        let mut state = self.state();
        (state.is_paused, state.pauses_at) = (false, None);
        drop(state);
        self.left_over.notify_one();
    }

    /// Writes what the socket did not take at once, or what came while it was muted, until that fails: for the connection's task.
    pub(super) async fn write_left_over(&self, shared: &Shared) -> io::Error {
        loop {
            self.left_over.notified().await;
            loop {
                if let Err(error) = poll_fn(|cx| self.state().poll_write(shared, cx)).await {
                    return error;
                }
                let Some(mute) = self.rest() else { break };
                environment::sleep_until(Some(after(environment::now(), mute))).await;
            }
        }
    }

    /// How long what is still queued has to wait; `None` when nothing is.
    fn rest(&self) -> Option<Duration> {
        let mut state = self.state();
        (!state.is_empty()).then(|| state.mute_left().unwrap_or_default())
    }

    /// Fails the requests of which not a byte was written when their time is over; gives when that of the next one is.
    pub(super) fn expire(&self, now: Instant, shared: &Shared) -> Option<Instant> {
        let mut state = self.state();
        let State { queue, urgent, .. } = &mut *state;
        let is_over = |outgoing: &Outgoing| outgoing.deadline <= now;
        let mut overdue: Vec<_> = urgent.take_if(|outgoing| is_over(outgoing)).into_iter().collect();
        while let Some(index) = queue.iter().position(is_over) {
            overdue.extend(queue.remove(index));
        }
        let next = queue.iter().chain(urgent.as_ref()).map(|outgoing| outgoing.deadline).min();
        drop(state);
        for outgoing in overdue {
            fail_overdue(outgoing, shared);
        }
        next
    }

    /// Takes nothing more; gives the requests of which not a byte was written, and those that were to end when they are.
    pub(super) fn close(&self) -> (VecDeque<Outgoing>, Vec<Waiter>) {
        let mut state = self.state();
        state.is_closed = true;
        let urgent = state.urgent.take();
        (urgent.into_iter().chain(state.queue.drain(..)).collect(), std::mem::take(&mut state.unanswered))
    }

    /// Tells the peer that nothing more comes.
    pub(super) async fn shut_down(&self) {
        let _ = poll_fn(|cx| Pin::new(&mut self.state().writer).poll_shutdown(cx)).await;
    }
}

impl State {
    fn is_empty(&self) -> bool {
        let has_next = self.urgent.is_some() || (!self.is_paused && !self.queue.is_empty());
        !has_next && !self.chunks.has_remaining() && !self.is_unflushed
    }

    fn pause_if_due(&mut self, now: Instant) {
        if self.pauses_at.is_some_and(|at| at <= now) {
            self.is_paused = true;
        }
    }

    /// Takes out the request that goes next.
    fn next(&mut self, now: Instant) -> Option<Outgoing> {
        self.pause_if_due(now);
        match self.urgent.take() {
            None if self.is_paused => None,
            None => self.queue.pop_front(),
            urgent => urgent,
        }
    }

    fn mute_left(&mut self) -> Option<Duration> {
        let left = self.muted_until?.saturating_duration_since(environment::now());
        if left.is_zero() {
            self.muted_until = None;
        }
        self.muted_until.map(|_| left)
    }

    /// Writes until nothing is left, or the socket takes no more; while it is muted, only what was begun.
    fn poll_write(&mut self, shared: &Shared, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            if self.mute_left().is_none() {
                self.gather(shared);
            } else if !self.chunks.has_remaining() && !self.is_unflushed {
                break;
            }
            while self.chunks.has_remaining() {
                let mut slices = [IoSlice::new(&[]); GATHERED_CHUNKS];
                let filled = self.chunks.chunks_vectored(&mut slices);
                let writer = Pin::new(&mut self.writer);
                match ready!(writer.poll_write_vectored(cx, &slices[..filled]))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => self.chunks.advance(written),
                }
                self.is_unflushed = true;
            }
            ready!(Pin::new(&mut self.writer).poll_flush(cx))?;
            self.is_unflushed = false;
            for waiter in self.unanswered.drain(..) {
                shared.settle(waiter, Ok(Bytes::new()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes requests out of the queue that go with one write.
    fn gather(&mut self, shared: &Shared) {
        while self.chunks.count() < GATHERED_CHUNKS {
            let now = environment::now();
            let Some(mut outgoing) = self.next(now) else { return };
            // Who gave up before a byte was written has nothing to wait for; the request is not sent.
            if outgoing.deadline <= now {
                fail_overdue(outgoing, shared);
                continue;
            }
            outgoing.waiter.written_at = now;
            shared.observer.tell(|observer| {
                let Waiter { api, version, asked_at, .. } = outgoing.waiter;
                observer.on_request_written(&RequestWritten {
                    broker: shared.options.broker.observed(),
                    api,
                    version,
                    bytes: outgoing.size_bytes(),
                    queued: now.saturating_duration_since(asked_at),
                });
            });
            self.chunks.extend(outgoing.chunks);
            if outgoing.expects_answer {
                shared.register(outgoing.correlation_id, outgoing.deadline, outgoing.waiter);
            } else {
                shared.note_use(now);
                self.unanswered.push(outgoing.waiter);
            }
        }
    }
}

fn fail_overdue(outgoing: Outgoing, shared: &Shared) {
    let timed_out = shared.timed_out(outgoing.waiter.timeout, false);
    let _ = outgoing.waiter.reply.send(Err(timed_out));
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
