//! The layer that sees each request and its answer: notes both in the log at level debug.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tower::Service;
use tracing::{Level, debug, enabled};

use super::{AnswerFrame, Call, Close, RequestName};
use crate::clock::Clock;
use crate::log::ByteRun;

/// The service of this layer. Its note costs one check per request while the level is off.
#[derive(Debug, Clone)]
pub(crate) struct Observe<S> {
    clock: Clock,
    inner: S,
}

impl<S> Observe<S> {
    pub(super) const fn new(clock: Clock, inner: S) -> Self {
        Self { clock, inner }
    }
}

impl<S> Service<Call> for Observe<S>
where
    S: Service<Call, Response = AnswerFrame, Error = Close>,
    S::Future: Unpin,
{
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let description = enabled!(Level::DEBUG).then(|| describe(&call));
        let received_at = call.context.received_at;
        Observed { reply: self.inner.call(call), description, received_at, clock: self.clock.clone() }
    }
}

/// What a request is, who it is from and what it would need to be allowed.
fn describe(call: &Call) -> String {
    let Call { api, frame, size_bytes, context } = call;
    let needs: Vec<String> = api.needs.iter().map(ToString::to_string).collect();
    format!(
        "{} of {size_bytes} bytes (needs {}) by {}, client.id {:?}, from {}",
        RequestName::of(&frame.header),
        if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") },
        context.principal,
        &*context.client_id,
        context.origin.peer,
    )
}

/// The reply of [`Observe`].
#[derive(Debug)]
pub(crate) struct Observed<F> {
    reply: F,
    description: Option<String>,
    received_at: Instant,
    clock: Clock,
}

impl<F: Future<Output = Result<AnswerFrame, Close>> + Unpin> Future for Observed<F> {
    type Output = Result<AnswerFrame, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.reply).poll(cx));
        if let (Some(description), Ok(frame)) = (&self.description, &answer) {
            let size_bytes: usize = frame.runs.iter().map(ByteRun::len).sum();
            let took = self.clock.now().saturating_duration_since(self.received_at);
            debug!(
                "{description}: answered with {size_bytes} bytes after {took:?}; errors: {:?}",
                frame.errors
            );
        }
        Poll::Ready(answer)
    }
}
