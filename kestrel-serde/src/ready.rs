//! Whether a format must wait before it can be used.
//!
//! What the traits' `ready` returns, in place of an `async fn`: with it they are usable as trait objects, and a format that
//! never waits costs no allocation. It never looks at a record.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::SerdeError;

/// The answer of [`Serializer::ready`](crate::Serializer::ready) and [`Deserializer::ready`](crate::Deserializer::ready):
/// there at once, or a future to be awaited.
///
/// A format that fetches something gives an `async` block:
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Ready, SerdeContext, SerdeError, SerializeContext, Serializer};
///
/// #[derive(Debug)]
/// struct Registered; // has a client of a schema registry
///
/// impl Registered {
///     async fn register(&self, topic: &str) -> Result<(), SerdeError> {
///         println!("registering a schema for {topic}");
///         Ok(())
///     }
/// }
///
/// impl Serializer<str> for Registered {
///     fn ready<'a>(&'a self, ctx: SerdeContext<'a>) -> Ready<'a> {
///         Ready::when(async move { self.register(ctx.topic).await })
///     }
///
///     fn serialize(&self, _: &mut SerializeContext<'_>, text: &str, out: &mut BytesMut) -> Result<(), SerdeError> {
///         out.extend_from_slice(text.as_bytes());
///         Ok(())
///     }
/// }
/// ```
///
/// # Cancel safety
/// Dropping it has no effect other than work not done.
#[must_use = "a format is ready when this was awaited"]
pub struct Ready<'a> {
    state: State<'a>,
}

enum State<'a> {
    /// Taken by the first poll.
    Now(Option<Result<(), SerdeError>>),
    When(Pin<Box<dyn Future<Output = Result<(), SerdeError>> + Send + 'a>>),
}

impl<'a> Ready<'a> {
    /// There is nothing to wait for. Costs nothing.
    #[inline]
    pub const fn now() -> Self {
        Self { state: State::Now(Some(Ok(()))) }
    }

    /// When this future has ended.
    pub fn when(future: impl Future<Output = Result<(), SerdeError>> + Send + 'a) -> Self {
        Self { state: State::When(Box::pin(future)) }
    }

    /// What is known without waiting; `None` when there is a future to be awaited, which is then dropped before it has begun.
    ///
    /// ```
    /// use kestrel_serde::Ready;
    ///
    /// assert!(Ready::now().known().is_some());
    /// assert!(Ready::when(async { Ok(()) }).known().is_none());
    /// ```
    #[must_use]
    pub fn known(self) -> Option<Result<(), SerdeError>> {
        match self.state {
            State::Now(known) => known,
            State::When(_) => None,
        }
    }
}

/// What is known without waiting.
impl From<Result<(), SerdeError>> for Ready<'_> {
    fn from(known: Result<(), SerdeError>) -> Self {
        Self { state: State::Now(Some(known)) }
    }
}

impl Future for Ready<'_> {
    type Output = Result<(), SerdeError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Now(known) => Poll::Ready(known.take().expect("a future is not polled after its end")),
            State::When(future) => future.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Now(_) => "Ready::now",
            State::When(_) => "Ready::when",
        })
    }
}
