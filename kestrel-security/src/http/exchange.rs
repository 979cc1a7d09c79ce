//! A request over a stream, and the answer to it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode};

/// The most bytes of an answer. Tokens and keys are a few thousand.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The reason why there is no answer: the other side does not speak HTTP, or ended in the middle of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(Box<dyn std::error::Error + Send + Sync>);

/// Sends a request and gives the answer: its status and its body, of 256 KiB at most.
///
/// Cancel safe in the sense that nothing is left behind but the stream.
///
/// # Errors
/// When the other side does not answer as HTTP says, or says more than that.
pub async fn exchange(
    stream: impl Read + Write + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), HttpError> {
    let (mut sender, connection) = handshake(stream).await.map_err(|error| HttpError(error.into()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| HttpError(error.into()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(HttpError)?;
        Ok((status, body.to_bytes()))
    };
    let (mut answer, mut connection) = (pin!(answer), pin!(connection));
    let mut is_connected = true;
    // The connection does the reading and writing: it is polled here, so that it needs no task.
    poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        if is_connected && let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            is_connected = false;
            if let Err(error) = ended {
                return Poll::Ready(Err(HttpError(error.into())));
            }
            // It may end with the last bytes of the answer.
            return answer.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}
