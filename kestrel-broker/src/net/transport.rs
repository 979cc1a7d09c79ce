//! What a connection runs over: a byte stream that can also send a part of a file without a copy in memory.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

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
        match run.read(PIECE_BYTES) {
            Ok(piece) if piece.is_empty() => Poll::Ready(Ok(0)),
            Ok(piece) => Pin::new(self).poll_write(cx, &piece),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Transport for TcpStream {}

#[cfg(target_os = "linux")]
impl Transport for TcpStream {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        poll_write_with(self, cx, |socket| {
            sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)
        })
    }

    fn poll_send_file(&mut self, cx: &mut Context<'_>, run: &FileRun) -> Poll<io::Result<usize>> {
        poll_write_with(self, cx, |socket| {
            let mut position = run.position();
            rustix::fs::sendfile(socket, run.file(), Some(&mut position), run.len())
        })
    }
}

/// Calls `write` when the socket takes bytes.
#[cfg(target_os = "linux")]
fn poll_write_with(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    write: impl Fn(&TcpStream) -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        std::task::ready!(socket.poll_write_ready(cx))?;
        match socket.try_io(tokio::io::Interest::WRITABLE, || write(socket).map_err(io::Error::from)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

#[cfg(test)]
impl Transport for tokio::io::DuplexStream {}
