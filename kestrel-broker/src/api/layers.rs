//! What every request passes before the router: the limit of requests in flight, the trace, fault injection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceBuilder};
use tracing::{Level, debug, enabled};

use super::fault::FaultInjection;
use super::{Answer, Close, Described, Faults, Request, Router};
use crate::clock::Clock;
use crate::log::ByteRun;

/// How many requests of one connection are in flight at most; while there are more, none is read from it.
const MAX_IN_FLIGHT_REQUESTS: usize = 64;

/// The pipeline of one connection.
pub(crate) type Pipeline = ConcurrencyLimit<Trace<FaultInjection<Router>>>;

/// Puts the layers around a router, for one connection.
pub(crate) fn pipeline(router: Router, faults: Faults, clock: Clock) -> Pipeline {
    ServiceBuilder::new()
        .concurrency_limit(MAX_IN_FLIGHT_REQUESTS)
        .layer(TraceLayer { clock })
        .service(FaultInjection::new(faults, router))
}

/// Notes each answer in the log at level debug. Costs one check per request while that level is off.
#[derive(Debug, Clone)]
struct TraceLayer {
    clock: Clock,
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { clock: self.clock.clone(), inner }
    }
}

/// The service of [`TraceLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Trace<S> {
    clock: Clock,
    inner: S,
}

impl<S> Service<Request> for Trace<S>
where
    S: Service<Request, Response = Answer, Error = Close>,
    S::Future: Unpin,
{
    type Response = Answer;
    type Error = Close;
    type Future = Traced<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let note = enabled!(Level::DEBUG).then(|| {
            let description =
                format!("{} from {}", Described::of(&request.frame.header), request.context.origin.peer);
            Note { description, received_at: request.context.received_at, clock: self.clock.clone() }
        });
        Traced { reply: self.inner.call(request), note }
    }
}

/// The reply of [`Trace`].
#[derive(Debug)]
pub(crate) struct Traced<F> {
    reply: F,
    note: Option<Note>,
}

#[derive(Debug)]
struct Note {
    description: String,
    received_at: Instant,
    clock: Clock,
}

impl<F: Future<Output = Result<Answer, Close>> + Unpin> Future for Traced<F> {
    type Output = Result<Answer, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.reply).poll(cx));
        if let (Some(note), Ok(runs)) = (&self.note, &answer) {
            let size_bytes: usize = runs.iter().flatten().map(ByteRun::len).sum();
            let took = note.clock.now().saturating_duration_since(note.received_at);
            debug!("{}: answered with {size_bytes} bytes after {took:?}", note.description);
        }
        Poll::Ready(answer)
    }
}
