//! A stream whose first bytes have to begin a handshake of TLS; when they do not, nobody answers them.
//!
//! rustls would answer what is not TLS with an alert, which a Kafka client without TLS takes for the length of a frame of 350 MB.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stranger::Stranger;

/// The first byte of a record of TLS with a handshake message.
const HANDSHAKE_RECORD: u8 = 0x16;

/// A stream whose first read is looked at.
#[derive(Debug)]
pub(super) struct FirstBytes<S> {
    stream: S,
    has_begun: bool,
}

/// The reason why a first read fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTls {
    /// The stream ended before its first byte: somebody only looked whether the port is open.
    #[error("nothing was sent")]
    Nothing,
    /// The first bytes are of something else: of a protocol that is known, or perhaps of Kafka's without TLS.
    #[error("this is not TLS")]
    Other(Option<Stranger>),
}

impl<S> FirstBytes<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, has_begun: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_begun {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.has_begun = true;
        let first = buf.filled().get(before..).unwrap_or_default();
        match first {
            [HANDSHAKE_RECORD, ..] => Poll::Ready(Ok(())),
            [] => Poll::Ready(Err(io::Error::other(NotTls::Nothing))),
            other => Poll::Ready(Err(io::Error::other(NotTls::Other(Stranger::of(other))))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstBytes<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
