//! Wire: the TCP stream of a connection. Where the other side takes nothing any more, it is read all the same.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream, of TCP, whose other side may answer before it has heard everything: a proxy that takes no request of this size says so and
/// closes. What is written after that is lost without an error, because the answer that is there is what counts. If there is none,
/// the end of the stream is the error.
#[derive(Debug)]
pub(super) struct Wire<S>(S);

impl<S> Wire<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self(stream)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write(cx, buf));
        Poll::Ready(or_lost(written, buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write_vectored(cx, bufs));
        Poll::Ready(or_lost(written, bufs.iter().map(|buf| buf.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The result of writing so many bytes.
fn or_lost(written: io::Result<usize>, length: usize) -> io::Result<usize> {
    written.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Ok(length)
        }
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::{Request, StatusCode};

    use super::super::connection::Connection;
    use super::*;
    use crate::environment::now;

    /// One that takes nothing, and says something when it is spoken to.
    #[derive(Debug)]
    struct Deaf {
        said: &'static [u8],
        is_spoken_to: bool,
        reader: Option<Waker>,
    }

    impl AsyncRead for Deaf {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if !self.is_spoken_to {
                self.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Pin::new(&mut self.said).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Deaf {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            self.is_spoken_to = true;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_a_deaf_one_has_said_is_heard() {
        let exchange = async |said| {
            let wire = Box::new(Wire::new(Deaf { said, is_spoken_to: false, reader: None }));
            let mut connection = Connection::new(wire, now()).await.unwrap();
            let request = Request::post("/").body(Full::new(Bytes::from_static(b"schema"))).unwrap();
            let answer = connection.exchange(request, 100).await;
            assert!(!connection.is_open(), "it is of no further use");
            answer
        };
        let (status, body) = exchange(b"HTTP/1.1 413 x\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
        assert_eq!((status, &body[..]), (StatusCode::PAYLOAD_TOO_LARGE, &b"no"[..]));
        assert!(!exchange(b"").await.unwrap_err().is_unsent);
    }
}
