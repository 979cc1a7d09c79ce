//! Outbox: the requests of one connection on their way to its socket, with the socket's writing half.
//!
//! The caller that has a request writes it itself, as far as the socket takes it without waiting: no other task has to wake up
//! for it. What is left over, and all that comes behind it, is written by the connection's task, as many requests as possible
//! with one call; so are requests that are too large for a stream that encrypts.
//!
//! While the broker holds the client back (KIP-219) no request is begun: what comes is queued, and its time begins afterwards.

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
}

struct State {
    writer: Box<dyn AsyncWrite + Unpin + Send>,
    queue: VecDeque<Outgoing>,
    /// What was taken out of the queue and is not written yet.
    chunks: Chunks,
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
            chunks: Chunks::default(),
            unanswered: Vec::new(),
            muted_until: None,
            is_closed: false,
        };
        Self { state: Mutex::new(state), at_once_bytes, left_over: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Writes `outgoing` behind all before it, now as far as that is possible. Fails it when the connection has ended.
    pub(super) fn push(&self, mut outgoing: Outgoing, shared: &Shared) {
        let mut state = self.state();
        if state.is_closed {
            let _ = outgoing.waiter.reply.send(Err(shared.disconnected(false)));
            return;
        }
        let is_first = state.is_empty();
        let is_large = outgoing.size_bytes() > self.at_once_bytes;
        let mute = state.mute_left();
        outgoing.deadline = after(outgoing.deadline, mute.unwrap_or_default());
        state.queue.push_back(outgoing);
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
            for outgoing in &mut state.queue {
                outgoing.deadline = after(outgoing.deadline, longer);
            }
        }
        longer
    }

    /// How long no request is begun from now on; `None` when one may be.
    pub(super) fn mute_left(&self) -> Option<Duration> {
        self.state().mute_left()
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

    /// Takes nothing more; gives the requests of which not a byte was written, and those that were to end when they are.
    pub(super) fn close(&self) -> (VecDeque<Outgoing>, Vec<Waiter>) {
        let mut state = self.state();
        state.is_closed = true;
        (std::mem::take(&mut state.queue), std::mem::take(&mut state.unanswered))
    }

    /// Tells the peer that nothing more comes.
    pub(super) async fn shut_down(&self) {
        let _ = poll_fn(|cx| Pin::new(&mut self.state().writer).poll_shutdown(cx)).await;
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.chunks.has_remaining()
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
            } else if !self.chunks.has_remaining() {
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
            }
            ready!(Pin::new(&mut self.writer).poll_flush(cx))?;
            for waiter in self.unanswered.drain(..) {
                shared.settle(waiter, Ok(Bytes::new()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes requests out of the queue that go with one write.
    fn gather(&mut self, shared: &Shared) {
        while self.chunks.count() < GATHERED_CHUNKS {
            let Some(mut outgoing) = self.queue.pop_front() else { return };
            let now = environment::now();
            // Who gave up before a byte was written has nothing to wait for; the request is not sent.
            if outgoing.deadline <= now {
                let timed_out = shared.timed_out(outgoing.waiter.timeout, false);
                let _ = outgoing.waiter.reply.send(Err(timed_out));
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
                self.unanswered.push(outgoing.waiter);
            }
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
