//! What a connection sends through: bytes, and records of a file, without a copy in this process where the system can do that.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::log::FileRecords;

/// How many bytes of a file are read at a time where they are copied.
const COPIED_BYTES: usize = 64 << 10;
/// How many bytes of a file the system sends at a time: the runtime counts calls, and lets other tasks run after many.
#[cfg(target_os = "linux")]
const SENT_BYTES: usize = 256 << 10;

/// A stream that can send records of a file.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Sends some of `records`; gives how many bytes, never 0.
    ///
    /// Fails when the file is shorter than it was: what follows would be taken for records.
    fn poll_send_file(&mut self, cx: &mut Context<'_>, records: &FileRecords) -> Poll<io::Result<usize>> {
        poll_copy(self, cx, records)
    }

    /// Holds a packet that is not full back until it is, or until this is called with `false`.
    ///
    /// What is sent with several calls would otherwise leave in as many packets, and wake the reader for each.
    fn set_corked(&self, _corked: bool) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a piece and writes as much of it as the stream takes.
fn poll_copy<S: AsyncWrite + Unpin + ?Sized>(
    mut stream: &mut S,
    cx: &mut Context<'_>,
    records: &FileRecords,
) -> Poll<io::Result<usize>> {
    let piece = records.read(COPIED_BYTES)?;
    Pin::new(&mut stream).poll_write(cx, &piece)
}

#[cfg(not(target_os = "linux"))]
impl Socket for TcpStream {}

#[cfg(target_os = "linux")]
impl Socket for TcpStream {
    fn poll_send_file(&mut self, cx: &mut Context<'_>, records: &FileRecords) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.poll_write_ready(cx))?;
            let sent = self.try_io(tokio::io::Interest::WRITABLE, || records.send_to(&*self, SENT_BYTES));
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if is_unsupported(&error) => return poll_copy(self, cx, records),
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn set_corked(&self, corked: bool) -> io::Result<()> {
        Ok(rustix::net::sockopt::set_tcp_cork(self, corked)?)
    }
}

/// Whether the file lies where the system cannot send from.
#[cfg(target_os = "linux")]
fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP))
}

#[cfg(test)]
impl Socket for tokio::io::DuplexStream {}
