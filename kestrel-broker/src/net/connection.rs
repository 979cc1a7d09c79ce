//! One connection, one task: bytes in, requests to the pipeline in order, answers out in order.
//!
//! ```text
//!  socket ── read ──▶ FrameDecoder ──▶ Service::call ──▶ in flight ──▶ Outbox ── write ──▶ socket
//!                     (size limit)     (ordered part)    (front only)  (bounded)
//! ```
//!
//! `call` runs the ordered part of a request at once, so that five pipelined Produce requests are appended one after the
//! other and share one flush. Only the oldest request in flight is waited for, since no later answer may leave before it;
//! an answer is not even made while the ones before it wait for a slow reader. Never looks into a request's body.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use kestrel_protocol::{ApiKey, DecodeError, FrameDecoder, RequestFrame};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;

use super::closed::Closed;
use super::outbox::Outbox;
use super::stranger::Stranger;
use super::transport::Transport;
use crate::api::{AnswerFrame, Content, FrameKind, Origin, Pipeline, Request, RequestName};
use crate::clock::after;

/// How many bytes say the length of a frame.
const FRAME_LENGTH_BYTES: usize = 4;
/// How many bytes are read at once while no large frame is under way.
const READ_BYTES: usize = 16 << 10;
/// No further answer is made while this many bytes wait to be sent.
const OUTBOX_LIMIT_BYTES: usize = 64 << 10;
/// A read buffer that grew beyond this for one frame is given back after it.
const KEPT_BUFFER_BYTES: usize = 4 << 20;

/// How long a stop waits for a peer to take the answers that are there: enough for one on a slow network.
const UNREAD_PATIENCE: Duration = Duration::from_secs(1);

/// An idle limit beyond this is none: a year.
const LONGEST_IDLE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// `socket.request.max.bytes`: the largest frame, checked before room is made for it.
    pub(crate) request_max_bytes: usize,
    /// `connections.max.idle.ms`: how long no whole request may come in and no byte go out, unless a handler is at work.
    pub(crate) max_idle: Option<Duration>,
}

/// A connection over any stream: TCP, TLS, or a pipe in memory.
#[derive(Debug)]
pub(crate) struct Connection<S, P: Pipeline> {
    stream: S,
    pipeline: P,
    /// Whether the pipeline has room for one more request (it has said so and was not called since).
    pipeline_ready: bool,
    origin: Origin,
    /// `client.id` of the latest request.
    client_id: ByteString,
    /// The largest frame, where the pipeline has no limit of its own.
    request_max_bytes: usize,
    /// Whether no frame has come yet, so that the peer may speak another protocol.
    is_new: bool,
    received: BytesMut,
    /// Whether the peer sends nothing more, which showed while it was muted.
    has_hung_up: bool,
    /// Whether more requests are taken; not after a fault or when the broker stops.
    input_open: bool,
    in_flight: VecDeque<InFlight<P::Future>>,
    outbox: Outbox,
    /// While it runs no request is taken: the client is held back by its quotas (KIP-219).
    muted: Option<Pin<Box<Sleep>>>,
    /// Set when the end has come; what is in the outbox still leaves.
    closing: Option<Closed>,
    last_active: Instant,
    idle: Option<(Duration, Pin<Box<Sleep>>)>,
    /// The deadline that the pipeline has, while it has one.
    deadline: Option<(std::time::Instant, Pin<Box<Sleep>>)>,
}

/// Something that leaves the connection in its turn.
#[derive(Debug)]
enum InFlight<F> {
    /// The answer to a request.
    Request(RequestName, F),
    /// Nothing more: the connection ends here.
    End(Closed),
}

impl<S, P> Connection<S, P>
where
    S: Transport,
    P: Pipeline,
    P::Future: Unpin,
{
    /// A connection whose requests go to `pipeline`.
    pub(crate) fn new(stream: S, origin: Origin, pipeline: P, limits: ConnectionLimits) -> Self {
        let now = Instant::now();
        Self {
            stream,
            pipeline,
            pipeline_ready: false,
            origin,
            client_id: ByteString::new(),
            request_max_bytes: limits.request_max_bytes,
            is_new: true,
            received: BytesMut::new(),
            has_hung_up: false,
            input_open: true,
            in_flight: VecDeque::new(),
            outbox: Outbox::default(),
            muted: None,
            closing: None,
            last_active: now,
            idle: limits
                .max_idle
                .filter(|limit| *limit < LONGEST_IDLE)
                .map(|limit| (limit, Box::pin(sleep_until(after(now.into_std(), limit).into())))),
            deadline: None,
        }
    }

    /// `client.id` of the latest request.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Serves the connection until its end. When `stopping` is cancelled no more requests are taken, those in flight are
    /// answered, and then it ends; what the peer does not take within [`UNREAD_PATIENCE`] is lost.
    pub(crate) async fn drive(&mut self, stopping: &CancellationToken) -> Closed {
        tokio::select! {
            biased;
            closed = poll_fn(|cx| self.poll_drive(cx)) => return closed,
            () = stopping.cancelled() => self.end_input(Closed::Stopping),
        }
        loop {
            match timeout(UNREAD_PATIENCE, poll_fn(|cx| self.poll_drive(cx))).await {
                Ok(closed) => return closed,
                Err(_) if self.outbox.len() > 0 => return Closed::Unread(UNREAD_PATIENCE),
                // A handler is at work, for which the broker waits longer.
                Err(_) => {}
            }
        }
    }

    /// Tells the peer that nothing more comes, as far as the stream can and without waiting: TLS has a message for it, without
    /// which the end could be one that somebody on the way made.
    pub(crate) async fn take_leave(&mut self) {
        let _it_may_be_gone = poll_fn(|cx| Poll::Ready(Pin::new(&mut self.stream).poll_shutdown(cx))).await;
    }

    /// Moves everything that can be moved; ready at the end of the connection.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        loop {
            let mut moved = self.take_requests(cx);
            moved |= self.take_answers(cx);
            let mut sent = false;
            match self.outbox.poll_send(&mut self.stream, cx, &mut sent) {
                Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
                Poll::Ready(Ok(())) => {
                    if let Some(closed) = self.closing.take() {
                        return Poll::Ready(closed);
                    }
                }
                Poll::Pending => {}
            }
            if sent {
                self.last_active = Instant::now();
            } else if !moved {
                return self.poll_deadline(cx).map_or_else(|| self.poll_idle(cx), Poll::Ready);
            }
        }
    }

    /// Reads once and hands every whole request to the pipeline, or only reads ahead while it is muted; gives whether anything
    /// came.
    fn take_requests(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.input_open {
            let taken =
                if self.poll_unmuted(cx).is_ready() { self.poll_request(cx) } else { self.poll_ahead(cx) };
            match taken {
                Poll::Ready(()) => moved = true,
                Poll::Pending => break,
            }
        }
        moved
    }

    /// Reads a little while no request is taken, so that a peer that hangs up is noticed.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_read_ahead() { Poll::Pending } else { self.poll_read(cx) }
    }

    /// Whether nothing more is read until a request is taken.
    fn is_read_ahead(&self) -> bool {
        self.has_hung_up || self.received.len() >= READ_BYTES
    }

    /// Takes one request from the read buffer, or reads.
    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.pipeline_ready {
            match ready!(self.pipeline.poll_ready(cx)) {
                Ok(()) => self.pipeline_ready = true,
                Err(close) => {
                    self.end_input(Closed::Ended(close));
                    return Poll::Ready(());
                }
            }
        }
        if self.is_new
            && let Some(stranger) = Stranger::of(&self.received)
        {
            self.end_input(Closed::Stranger(stranger));
            return Poll::Ready(());
        }
        let intake = self.pipeline.intake();
        let decoder = FrameDecoder::new(intake.max_frame_bytes.unwrap_or(self.request_max_bytes));
        match decoder.decode(&mut self.received) {
            Ok(Some(frame)) => self.dispatch(intake.kind, frame),
            Ok(None) => return self.poll_read(cx),
            Err(error) => self.end_input(error.into()),
        }
        Poll::Ready(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The decoder has made room for the rest of a frame that has begun: that room is not to be moved.
        if self.received.is_empty() || self.received.len() == self.received.capacity() {
            self.received.reserve(READ_BYTES);
        }
        match ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.received)) {
            // What came before the end is still taken when the mute is over: a producer with acks=0 waits for nothing.
            Ok(0) if self.muted.is_some() && !self.received.is_empty() => self.has_hung_up = true,
            Ok(0) => self.close(Closed::ByPeer),
            Ok(_) => {}
            Err(error) => self.close(error.into()),
        }
        Poll::Ready(())
    }

    /// Runs the ordered part of a request.
    fn dispatch(&mut self, kind: FrameKind, frame: Bytes) {
        self.is_new = false;
        let size_bytes = frame.len() + FRAME_LENGTH_BYTES;
        match self.open(kind, frame) {
            Ok((name, content)) => self.call(name, content, size_bytes),
            Err(error) => self.end_input(error.into()),
        }
        if size_bytes > KEPT_BUFFER_BYTES {
            self.received = BytesMut::from(self.received.as_ref());
        }
    }

    /// Reads the header of a frame, if it has one.
    fn open(&mut self, kind: FrameKind, frame: Bytes) -> Result<(RequestName, Content), DecodeError> {
        if kind == FrameKind::Token {
            return Ok((RequestName::of_api(ApiKey::SaslAuthenticate), Content::Token(frame.into())));
        }
        let frame = RequestFrame::parse(frame)?;
        self.note_client_id(frame.header.client_id.as_deref().unwrap_or_default());
        Ok((RequestName::of(&frame.header), Content::Request(frame)))
    }

    fn call(&mut self, name: RequestName, content: Content, size_bytes: usize) {
        self.last_active = Instant::now();
        let reply = self.pipeline.call(Request {
            content,
            size_bytes,
            origin: self.origin,
            file_run_min_bytes: S::FILE_RUN_MIN_BYTES,
            client_id: self.client_id.clone(),
            received_at: self.last_active.into_std(),
        });
        self.pipeline_ready = false;
        self.in_flight.push_back(InFlight::Request(name, reply));
    }

    /// Copies the name when it changes: a slice of the frame would keep the whole frame.
    fn note_client_id(&mut self, client_id: &str) {
        if self.client_id != client_id {
            self.client_id = client_id.to_owned().into();
        }
    }

    /// Puts answers into the outbox, oldest request first; gives whether any came.
    fn take_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.outbox.len() < OUTBOX_LIMIT_BYTES {
            let answer = match self.in_flight.front_mut() {
                Some(InFlight::Request(_, reply)) => match Pin::new(reply).poll(cx) {
                    Poll::Ready(answer) => answer,
                    Poll::Pending => break,
                },
                Some(InFlight::End(_)) => Ok(AnswerFrame::default()),
                None => break,
            };
            moved = true;
            match (self.in_flight.pop_front(), answer) {
                (Some(InFlight::Request(_, _)), Ok(frame)) => {
                    self.outbox.push(frame.runs);
                    self.mute(frame.throttle);
                }
                (Some(InFlight::Request(name, _)), Err(close)) => self.close(Closed::Refused(name, close)),
                (Some(InFlight::End(closed)), _) => self.close(closed),
                (None, _) => {}
            }
        }
        moved
    }

    /// Takes no further request for so long. What was taken before is answered, and the answers leave.
    fn mute(&mut self, throttle: Duration) {
        if throttle.is_zero() {
            return;
        }
        let until = after(Instant::now().into_std(), throttle).into();
        if self.muted.as_ref().is_none_or(|timer| timer.deadline() < until) {
            self.muted = Some(Box::pin(sleep_until(until)));
        }
    }

    fn poll_unmuted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(timer) = &mut self.muted {
            ready!(timer.as_mut().poll(cx));
            self.muted = None;
        }
        Poll::Ready(())
    }

    /// Takes no more requests; ends when those in flight are answered.
    fn end_input(&mut self, closed: Closed) {
        if self.input_open {
            self.input_open = false;
            self.in_flight.push_back(InFlight::End(closed));
        }
    }

    /// Ends now, but for what is in the outbox.
    fn close(&mut self, closed: Closed) {
        self.input_open = false;
        self.in_flight.clear();
        if matches!(closed, Closed::ByPeer | Closed::Io(_)) {
            self.outbox = Outbox::default();
        }
        self.closing.get_or_insert(closed);
    }

    /// Ends the connection when what the pipeline waits for has not come in time.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Option<Closed> {
        let Some(deadline) = self.pipeline.intake().deadline else {
            self.deadline = None;
            return None;
        };
        let is_new = self.deadline.as_ref().is_none_or(|(of, _)| *of != deadline);
        if is_new {
            self.deadline = Some((deadline, Box::pin(sleep_until(deadline.into()))));
        }
        let (_, timer) = self.deadline.as_mut()?;
        timer.as_mut().poll(cx).is_ready().then_some(Closed::LoginTimeout)
    }

    /// Whether it is the broker that keeps the peer waiting. One that no longer reads its socket cannot see a peer go: then the
    /// idle limit has to end it, but for a stop, which has limits of its own.
    fn is_at_work(&self) -> bool {
        let is_heard =
            self.input_open || matches!(self.in_flight.back(), Some(InFlight::End(Closed::Stopping)));
        let has_handler = self.outbox.len() == 0 && !self.in_flight.is_empty() && is_heard;
        let is_muted = self.muted.as_ref().is_some_and(|timer| !timer.is_elapsed());
        has_handler || (is_muted && !self.is_read_ahead())
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        loop {
            let Some((_, timer)) = &mut self.idle else { return Poll::Pending };
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.is_at_work() {
                self.last_active = now;
            }
            let Some((limit, timer)) = &mut self.idle else { return Poll::Pending };
            let deadline = after(self.last_active.into_std(), *limit).into();
            if deadline <= now {
                return Poll::Ready(Closed::Idle);
            }
            timer.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests;
