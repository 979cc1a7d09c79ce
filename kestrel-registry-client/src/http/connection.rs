//! Connection: one request after the other, and their answers. It needs no task: whoever waits for an answer drives it.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream to a registry, plain or encrypted.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection on which nothing is under way.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes; `None` when it has ended.
    driver: Option<Driver>,
    idle_since: Instant,
}

/// An exchange that failed.
#[derive(Debug)]
pub(super) struct ExchangeError {
    /// Whether the registry has seen nothing of it.
    pub(super) is_unsent: bool,
    pub(super) cause: Box<dyn Error + Send + Sync>,
}

impl Connection {
    /// Prepares a stream for requests.
    pub(super) async fn new(stream: Box<dyn Stream>, now: Instant) -> Result<Self, hyper::Error> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::pin(connection)), idle_since: now })
    }

    /// Whether it can be used: the registry may have closed it meanwhile.
    pub(super) fn is_open(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        if let Some(driver) = &mut self.driver
            && driver.as_mut().poll(&mut cx).is_ready()
        {
            self.driver = None;
        }
        // Not ready is one whose last request was answered before it was read to its end.
        self.driver.is_some() && self.sender.is_ready()
    }

    pub(super) const fn idle_since(&self) -> Instant {
        self.idle_since
    }

    pub(super) fn rest(&mut self, now: Instant) {
        self.idle_since = now;
    }

    /// Sends a request and reads the answer, which may have so many bytes.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        max_bytes: usize,
    ) -> Result<(StatusCode, Bytes), ExchangeError> {
        let Self { sender, driver, .. } = self;
        let exchange = async {
            sender.ready().await.map_err(|cause| ExchangeError { is_unsent: true, cause: cause.into() })?;
            let response = sender.send_request(request).await.map_err(ExchangeError::of)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), max_bytes).collect().await;
            let body = body.map_err(|cause| ExchangeError { is_unsent: false, cause })?;
            Ok((status, body.to_bytes()))
        };
        let mut exchange = pin!(exchange);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = exchange.as_mut().poll(cx) {
                return Poll::Ready(answer);
            }
            let Some(polled) = driver.as_mut().map(|driver| driver.as_mut().poll(cx)) else {
                return Poll::Pending;
            };
            // It may end with the last bytes of the answer, and what it has read may be the answer, however it ends.
            let answer = exchange.as_mut().poll(cx);
            let Poll::Ready(ended) = polled else { return answer };
            *driver = None;
            match (answer, ended) {
                (Poll::Ready(Err(_)) | Poll::Pending, Err(cause)) => {
                    Poll::Ready(Err(ExchangeError::of(cause)))
                }
                (answer, _) => answer,
            }
        })
        .await
    }
}

impl ExchangeError {
    fn of(cause: hyper::Error) -> Self {
        Self { is_unsent: cause.is_canceled(), cause: cause.into() }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_open", &self.driver.is_some()).finish_non_exhaustive()
    }
}
