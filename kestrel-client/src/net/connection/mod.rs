//! One connection to one broker: its task, and the handle through which requests go in.
//!
//! Made by the [`Pool`](super::Pool) after the handshake. [`Connection::poll_ready`] is the window of requests in flight;
//! [`Connection::call`] writes the request at once, so calls are written in call order. The task reads
//! the answers, watches the deadlines, writes what the socket did not take, and authenticates again when the broker's session ends
//! ([`reauthentication`]). A request that is not answered by its deadline ends the connection, because the answers behind it can't come either.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Once};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kestrel_protocol::{ApiKey, ByteString, Request, decode_response, encode_request};
use kestrel_serde::BoxError;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::AsyncRead;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::{CancellationToken, PollSemaphore};

use super::broker_name::BrokerName;
use super::dial::Dialled;
use super::in_flight::InFlight;
use super::session::Session;
use super::stream::Stream;
use super::versions::Versions;
use crate::environment::{self, after};
use crate::error::{self, Chain, Error, SharedError};
use crate::observer::{Disconnected, ObserverSeat, RequestEnded};
use crate::tasks::Tasks;

mod chunks;
mod deadlines;
mod outbox;
mod reader;
mod reauthentication;
mod throttle;

use outbox::{Outbox, Outgoing};
use reader::read_all_answers;
use reauthentication::keep_authenticated;

/// How long a stream may take for its farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a connection needs to know besides its stream.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionOptions {
    pub(crate) broker: BrokerName,
    pub(crate) client_id: ByteString,
    /// The most requests in flight: what `poll_ready` waits for.
    pub(crate) window: usize,
    /// The largest answer, in bytes.
    pub(crate) receive_limit_bytes: usize,
    /// How long the connection may be silent before it is closed.
    pub(crate) max_idle: Duration,
}

/// A request with the version it goes out in and the time its answer may take.
#[derive(Debug)]
pub(crate) struct Call<'a, R> {
    pub(crate) request: &'a R,
    pub(crate) version: i16,
    pub(crate) timeout: Duration,
    /// Whether the broker answers at all: it does not answer a Produce request with acks=0.
    pub(crate) expects_answer: bool,
}

/// A handle on a connection; clones share it.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    window: PollSemaphore,
    permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Shared {
    options: ConnectionOptions,
    observer: ObserverSeat,
    versions: Versions,
    next_correlation_id: AtomicI32,
    outbox: Outbox,
    window: Arc<Semaphore>,
    waits: Mutex<Waits>,
    /// Tells the task that a deadline earlier than its timer has come up.
    rearm: Notify,
    /// A long throttle is spoken of once.
    long_throttle: Once,
    ended: CancellationToken,
}

#[derive(Debug)]
struct Waits {
    in_flight: InFlight<Waiter>,
    /// When the timer fires.
    armed: Instant,
    /// When the last request came or was written.
    active_at: Instant,
    /// Whether a request was written since the broker's session began.
    is_session_used: bool,
    /// Hears when no answer is owed any more.
    drained: Option<oneshot::Sender<()>>,
    /// Why the connection ended.
    end: Option<SharedError>,
}

/// Who waits for an answer; holds a place in the window until then.
#[derive(Debug)]
struct Waiter {
    reply: oneshot::Sender<Result<Bytes, Error>>,
    api: ApiKey,
    version: i16,
    asked_at: Instant,
    /// Later than `asked_at` when the socket did not take it at once.
    written_at: Instant,
    timeout: Duration,
    /// `None` for requests of an authentication, which have no place in the window.
    permit: Option<OwnedSemaphorePermit>,
    /// Looks for a throttle in an answer that nobody takes any more; `None` when there is none in it.
    unheard: Option<fn(&Shared, Bytes, i16)>,
}

impl Connection {
    /// Takes over what a dial has made; spawns its task on `tasks`.
    pub(crate) fn start(
        dialled: Dialled,
        options: ConnectionOptions,
        tasks: &Tasks,
        ended: CancellationToken,
    ) -> Self {
        let Dialled { stream: Stream { reader, writer, at_once_bytes }, versions, session } = dialled;
        let window = Arc::new(Semaphore::new(options.window));
        let active_at = environment::now();
        let armed = after(active_at, options.max_idle);
        let shared = Arc::new(Shared {
            options,
            observer: tasks.observer().clone(),
            versions,
            next_correlation_id: AtomicI32::new(1),
            outbox: Outbox::new(writer, at_once_bytes),
            window: Arc::clone(&window),
            waits: Mutex::new(Waits {
                in_flight: InFlight::new(),
                armed,
                active_at,
                is_session_used: false,
                drained: None,
                end: None,
            }),
            rearm: Notify::new(),
            long_throttle: Once::new(),
            ended,
        });
        let lost = Arc::clone(&shared);
        tasks.spawn("connection", run(reader, session, Arc::clone(&shared)), move |error| {
            lost.close_outbox(error);
        });
        Self { shared, window: PollSemaphore::new(window), permit: None }
    }

    /// The newest version of `api` that both sides speak.
    pub(crate) fn version(&self, api: ApiKey) -> Result<i16, Error> {
        self.shared.versions.newest(api).ok_or_else(|| self.unsupported(api))
    }

    /// The newest version of `api` that both sides speak and that is not above `at_most`.
    pub(crate) fn version_up_to(&self, api: ApiKey, at_most: i16) -> Result<i16, Error> {
        self.shared.versions.newest_up_to(api, at_most).ok_or_else(|| self.unsupported(api))
    }

    /// The newest version of `api` that both sides speak, if it is not below `at_least`.
    pub(crate) fn version_since(&self, api: ApiKey, at_least: i16) -> Result<i16, Error> {
        self.version(api).and_then(
            |newest| {
                if newest < at_least { Err(self.unsupported(api)) } else { Ok(newest) }
            },
        )
    }

    /// The level of `transaction.version` that the cluster had finalized when the connection was made.
    pub(crate) fn transaction_level(&self) -> i16 {
        self.shared.versions.transaction_level()
    }

    /// Sends `request` in the newest common version and waits for the answer.
    ///
    /// Cancel-safe in that the answer is then ignored; the request may have been carried out.
    pub(crate) async fn send<R: Request>(
        &self,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Response, Error> {
        let version = self.version(R::KEY)?;
        self.send_version(request, version, timeout).await
    }

    /// As [`Self::send`], in the given version.
    pub(crate) async fn send_version<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<R::Response, Error> {
        let mut connection = self.clone();
        connection.ready_within(timeout).await?;
        connection.call(&Call { request, version, timeout, expects_answer: true }).await
    }

    /// Waits for a place in the window of requests in flight, and holds it until the next call.
    ///
    /// # Errors
    /// [`Error::Disconnected`] when the connection has ended.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_closed() {
            return Poll::Ready(Err(self.shared.disconnected(false)));
        }
        if self.permit.is_none() {
            self.permit = ready!(self.window.poll_acquire(cx));
        }
        match self.permit {
            Some(_) => Poll::Ready(Ok(())),
            None => Poll::Ready(Err(self.shared.disconnected(false))),
        }
    }

    /// As [`Self::poll_ready`], for no longer than `timeout`; time in which the broker holds the client back does not count.
    async fn ready_within(&mut self, timeout: Duration) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let mut ready = std::pin::pin!(poll_fn(|cx| self.poll_ready(cx)));
        loop {
            let held_back_for = shared.outbox.mute_left().unwrap_or_default();
            match tokio::time::timeout(timeout.saturating_add(held_back_for), &mut ready).await {
                Ok(outcome) => return outcome,
                // It is held back anew: once that is over the places in the window become free.
                Err(_) if shared.outbox.mute_left().is_some() => {}
                Err(_) => return Err(shared.timed_out(timeout, false)),
            }
        }
    }

    /// Sends a request: it is written, or in the line for that, before this returns.
    ///
    /// # Panics
    /// When `poll_ready` was not ready before.
    pub(crate) fn call<R: Request>(&mut self, call: &Call<'_, R>) -> Answer<R> {
        let &Call { request, version, timeout, expects_answer } = call;
        let permit = self.permit.take().expect("poll_ready comes before call");
        let shared = &self.shared;
        let correlation_id = shared.next_correlation_id();
        let client_id = Some(shared.options.client_id.clone());
        let (reply, answer) = oneshot::channel();
        let asked_at = environment::now();
        match encode_request(request, version, correlation_id, client_id) {
            Ok(chunks) => {
                let outgoing = Outgoing {
                    chunks,
                    correlation_id,
                    deadline: after(asked_at, timeout),
                    expects_answer,
                    waiter: Waiter {
                        reply,
                        api: R::KEY,
                        version,
                        asked_at,
                        written_at: asked_at,
                        timeout,
                        permit: Some(permit),
                        unheard: expects_answer.then_some(Shared::hear_throttle::<R> as _),
                    },
                };
                shared.outbox.push(outgoing, shared);
            }
            Err(cause) => {
                let _ = reply.send(Err(Error::Encode { api: R::KEY, cause }));
            }
        }
        Answer { answer, version, expects_answer, shared: Arc::clone(shared), request: PhantomData }
    }

    /// Whether the connection has ended; requests fail at once then.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.ended.is_cancelled()
    }

    /// Whether the broker holds the client back at the moment: requests wait for the end of that.
    pub(crate) fn is_held_back(&self) -> bool {
        self.shared.outbox.mute_left().is_some()
    }

    /// Ends the connection: requests in flight fail.
    pub(crate) fn close(&self, cause: &str) {
        self.shared.end(cause);
    }

    /// How many requests wait for an answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.shared.options.window.saturating_sub(self.shared.window.available_permits())
    }

    fn unsupported(&self, api: ApiKey) -> Error {
        Error::UnsupportedApi { broker: self.shared.options.broker.text(), api }
    }
}

impl Clone for Connection {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), window: self.window.clone(), permit: None }
    }
}

/// The answer to come. With acks=0 it is the default value as soon as the request was written.
#[derive(Debug)]
pub(crate) struct Answer<R> {
    answer: oneshot::Receiver<Result<Bytes, Error>>,
    version: i16,
    expects_answer: bool,
    shared: Arc<Shared>,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Future for Answer<R> {
    type Output = Result<R::Response, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let received = ready!(Pin::new(&mut self.answer).poll(cx));
        let frame = match received {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => return Poll::Ready(Err(error)),
            // The tasks were dropped with their runtime: no one knows how far the request came.
            Err(_) => return Poll::Ready(Err(self.shared.disconnected(true))),
        };
        if !self.expects_answer {
            return Poll::Ready(Ok(R::Response::default()));
        }
        let response = decode_response::<R>(frame, self.version).map_err(|cause| {
            self.shared.end("an answer could not be read");
            Error::MalformedResponse { broker: self.shared.options.broker.text(), cause }
        })?;
        self.shared.hold_back::<R>(&response, self.version);
        Poll::Ready(Ok(response))
    }
}

impl Waits {
    /// A request of a caller is about to be written.
    fn note_use(&mut self, now: Instant) {
        self.active_at = self.active_at.max(now);
        self.is_session_used = true;
    }

    /// Hears when no answer is owed any more, at once if none is.
    fn await_drained(&mut self) -> oneshot::Receiver<()> {
        let (told, drained) = oneshot::channel();
        self.drained = Some(told);
        self.tell_if_drained();
        drained
    }

    /// Tells whoever waits for it that no answer is owed.
    fn tell_if_drained(&mut self) {
        if self.in_flight.is_empty()
            && let Some(drained) = self.drained.take()
        {
            let _ = drained.send(());
        }
    }
}

impl Shared {
    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock()
    }

    fn next_correlation_id(&self) -> i32 {
        self.next_correlation_id.fetch_add(1, Ordering::Relaxed)
    }

    /// A request is about to be written that will be answered.
    fn register(&self, correlation_id: i32, deadline: Instant, waiter: Waiter) {
        let mut waits = self.waits();
        if waiter.permit.is_some() {
            waits.note_use(waiter.written_at);
        }
        waits.in_flight.push(correlation_id, deadline, waiter);
        if deadline < waits.armed {
            drop(waits);
            self.rearm.notify_one();
        }
    }

    /// Ends the connection once: whoever waits is told why.
    fn end(&self, cause: impl Into<BoxError>) {
        let now = environment::now();
        let mut waits = self.waits();
        let cause = waits.end.is_none().then(|| Arc::clone(waits.end.insert(error::shared(cause))));
        let waiters: Vec<_> = waits.in_flight.drain(now).collect();
        drop(waits);
        self.ended.cancel();
        if let Some(cause) = cause {
            let broker = &self.options.broker;
            tracing::debug!(%broker, cause = %Chain(&*cause), "connection ended");
            let event = Disconnected { broker: broker.observed(), in_flight: waiters.len(), cause: &*cause };
            self.observer.tell(|observer| observer.on_disconnected(&event));
        }
        for (waiter, overdue) in waiters {
            let error = if overdue { self.timed_out(waiter.timeout, true) } else { self.disconnected(true) };
            self.settle(waiter, Err(error));
        }
    }

    /// Ends the connection, and takes no more requests: for when nobody is left to write them.
    fn close_outbox(&self, cause: impl Into<BoxError>) {
        // Closed first: then what is in flight is all that there will be.
        let (unwritten, unanswered) = self.outbox.close();
        self.end(cause);
        for waiter in unanswered {
            self.settle(waiter, Err(self.disconnected(true)));
        }
        for outgoing in unwritten {
            let _ = outgoing.waiter.reply.send(Err(self.disconnected(false)));
        }
    }

    /// A request that was written has come to its end: its asker, who may have gone, and the observer hear of it.
    fn settle(&self, waiter: Waiter, result: Result<Bytes, Error>) {
        self.observer.tell(|observer| {
            observer.on_request_ended(&RequestEnded {
                broker: self.options.broker.observed(),
                api: waiter.api,
                version: waiter.version,
                latency: environment::now().saturating_duration_since(waiter.written_at),
                outcome: result.as_ref().map(Bytes::len),
            });
        });
        let unheard = waiter.unheard;
        if let (Err(Ok(frame)), Some(hear)) = (waiter.reply.send(result), unheard) {
            hear(self, frame, waiter.version);
        }
    }

    fn disconnected(&self, possibly_written: bool) -> Error {
        let cause = self.waits().end.clone().unwrap_or_else(|| error::shared("the connection was closed"));
        Error::Disconnected { broker: self.options.broker.text(), cause, possibly_written }
    }

    fn timed_out(&self, after: Duration, possibly_written: bool) -> Error {
        Error::Timeout {
            operation: "a request",
            after,
            setting: Some("request.timeout.ms"),
            cause: None,
            possibly_written,
        }
    }
}

/// The task: runs until the connection ends, for whatever reason, and tells everyone why.
async fn run<R: AsyncRead + Unpin>(mut reader: R, session: Option<Session>, shared: Arc<Shared>) {
    let cause: BoxError = tokio::select! {
        () = shared.ended.cancelled() => "the connection was closed".into(),
        cause = read_all_answers(&mut reader, &shared, session.is_some()) => cause,
        cause = shared.watch_deadlines() => cause.into(),
        error = shared.outbox.write_left_over(&shared) => error.into(),
        error = keep_authenticated(session.as_ref(), &shared) => error.into(),
    };
    shared.close_outbox(cause);
    // A stream that encrypts has a farewell to write, which a peer that reads nothing does not take.
    let _ = tokio::time::timeout(FAREWELL, shared.outbox.shut_down()).await;
}

#[cfg(test)]
mod tests;
