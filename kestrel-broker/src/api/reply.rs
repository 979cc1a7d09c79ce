//! The future of an answer: what a pipeline gives for a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{AnswerFrame, Close, Turn};

/// An answer that is there, or comes later. What had to happen in request order has happened when this exists, or when its
/// [`Turn`] is over.
pub(crate) enum Reply {
    /// Nothing to wait for.
    Now(Option<Result<AnswerFrame, Close>>),
    /// The waiting part.
    Later(Waiting),
    /// The waiting part of a request whose ordered part takes its time as well.
    Held(Turn, Waiting),
}

/// The future of an answer.
type Waiting = Pin<Box<dyn Future<Output = Result<AnswerFrame, Close>> + Send>>;

impl Reply {
    /// An answer that is there.
    pub(crate) fn now(answer: Result<AnswerFrame, Close>) -> Self {
        Self::Now(Some(answer))
    }

    /// An answer that comes later.
    pub(crate) fn later(answer: impl Future<Output = Result<AnswerFrame, Close>> + Send + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }

    /// An answer that comes later than the end of the request's turn.
    pub(super) fn held(
        turn: Turn,
        answer: impl Future<Output = Result<AnswerFrame, Close>> + Send + 'static,
    ) -> Self {
        Self::Held(turn, Box::pin(answer))
    }

    /// What the next request has to wait for.
    pub(super) fn turn(&self) -> Option<Turn> {
        match self {
            Self::Held(turn, _) => Some(turn.clone()),
            Self::Now(_) | Self::Later(_) => None,
        }
    }
}

impl Future for Reply {
    type Output = Result<AnswerFrame, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Now(answer) => {
                Poll::Ready(answer.take().expect("a reply is polled until it is ready, not again"))
            }
            Self::Later(answer) | Self::Held(_, answer) => answer.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Reply::Now",
            Self::Later(_) => "Reply::Later",
            Self::Held(..) => "Reply::Held",
        })
    }
}
