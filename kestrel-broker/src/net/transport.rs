//! What a connection runs over: a byte stream that can also send a part of a file.
//!
//! A plain socket does that without a copy in memory ([`acceptor`](super::acceptor)). What encrypts cannot: it keeps the methods
//! given here, which read the file in pieces while it is sent (decisions 0012 and 0035).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::log::FileRun;

/// How many bytes of a file are in memory at a time where the system can't send from files.
const PIECE_BYTES: usize = 64 << 10;

/// A byte stream to a client.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// From how many bytes on records are worth being left in their file: below it, reading them costs less (decision 0012).
    const FILE_RUN_MIN_BYTES: usize = 128 << 10;

    /// Sends some of `slices`; gives how many bytes. `more` says that other bytes follow at once and may share a packet.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let _ = more;
        match slices {
            [only] => Pin::new(self).poll_write(cx, only),
            all => Pin::new(self).poll_write_vectored(cx, all),
        }
    }

    /// Sends some of `run`; gives how many bytes, 0 when the file ends before the run.
    fn poll_send_file(&mut self, cx: &mut Context<'_>, run: &FileRun) -> Poll<io::Result<usize>> {
        send_piece(self, cx, run)
    }
}

/// Reads a piece of `run` and sends some of it.
pub(super) fn send_piece(
    stream: &mut (impl AsyncWrite + Unpin + ?Sized),
    cx: &mut Context<'_>,
    run: &FileRun,
) -> Poll<io::Result<usize>> {
    match run.read(PIECE_BYTES) {
        Ok(piece) if piece.is_empty() => Poll::Ready(Ok(0)),
        Ok(piece) => Pin::new(stream).poll_write(cx, &piece),
        Err(error) => Poll::Ready(Err(error)),
    }
}

#[cfg(test)]
impl Transport for tokio::io::DuplexStream {}
