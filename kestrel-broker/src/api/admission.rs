//! The first layer: finds the row of a request in the table of APIs and who it is from, or closes the connection.
//!
//! Below it everything knows both: metrics, audit, faults and, when they come, authorization and quotas are layers over [`Call`].

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::Service;

use super::{AnswerFrame, Call, Close, Request, RequestContext, Session, table};

/// The service of this layer, for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Admission<S> {
    session: Session,
    inner: S,
}

impl<S> Admission<S> {
    pub(super) const fn new(session: Session, inner: S) -> Self {
        Self { session, inner }
    }

    fn admit(&self, request: Request) -> Result<Call, Close> {
        let Request { frame, size_bytes, origin, client_id, received_at } = request;
        let api = table::find(frame.header.api_key)?;
        let principal = self.session.principal(api.key)?;
        let version = frame.header.api_version;
        let context = RequestContext { version, client_id, principal, origin, received_at };
        Ok(Call { api, frame, size_bytes, context })
    }
}

impl<S> Service<Request> for Admission<S>
where
    S: Service<Call, Response = AnswerFrame, Error = Close>,
    S::Future: Unpin,
{
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Admitted<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.admit(request) {
            Ok(call) => Admitted::Called(self.inner.call(call)),
            Err(close) => Admitted::Refused(Some(close)),
        }
    }
}

/// The reply of [`Admission`].
#[derive(Debug)]
pub(crate) enum Admitted<F> {
    /// As the service below answers.
    Called(F),
    /// The end of the connection.
    Refused(Option<Close>),
}

impl<F: Future<Output = Result<AnswerFrame, Close>> + Unpin> Future for Admitted<F> {
    type Output = Result<AnswerFrame, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Called(reply) => Pin::new(reply).poll(cx),
            Self::Refused(close) => {
                Poll::Ready(Err(close.take().expect("a reply is polled until it is ready, not again")))
            }
        }
    }
}
