//! The layer that sees each request and its answer: counts both, and notes them in the log at level debug.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use kestrel_protocol::ApiKey;
use tower::Service;
use tracing::{Level, debug, enabled};

use super::{AnswerFrame, Call, Close, RequestName, State};
use crate::log::ByteRun;

/// The service of this layer. Its note costs one check per request while the level is off.
#[derive(Debug, Clone)]
pub(crate) struct Observe<S> {
    state: Arc<State>,
    inner: S,
}

impl<S> Observe<S> {
    pub(super) const fn new(state: Arc<State>, inner: S) -> Self {
        Self { state, inner }
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
        self.state.counters.came(call.api.key, call.context.version, call.size_bytes);
        let (api, received_at) = (call.api.key, call.context.received_at);
        let reply = self.inner.call(call);
        Observed { reply, api, description, received_at, state: Arc::clone(&self.state) }
    }
}

/// Describes a request: its name and size, its needs, its sender.
fn describe(call: &Call) -> String {
    let Call { api, frame, size_bytes, context, .. } = call;
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
    api: ApiKey,
    description: Option<String>,
    received_at: Instant,
    state: Arc<State>,
}

impl<F: Future<Output = Result<AnswerFrame, Close>> + Unpin> Future for Observed<F> {
    type Output = Result<AnswerFrame, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.reply).poll(cx));
        let took = self.state.clock.now().saturating_duration_since(self.received_at);
        self.state.counters.answered(self.api, &answer, took);
        if let (Some(description), Ok(frame)) = (&self.description, &answer) {
            let size_bytes: usize = frame.runs.iter().map(ByteRun::len).sum();
            debug!(
                "{description}: answered with {size_bytes} bytes after {took:?}; errors: {:?}",
                frame.errors
            );
        }
        Poll::Ready(answer)
    }
}
