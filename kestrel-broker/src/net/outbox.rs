//! Bytes on their way to the socket: byte runs of answers, sent several at a time and never copied together.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// How many byte runs one write takes.
const RUNS_PER_WRITE: usize = 64;

/// What waits to be sent. Bounded by its user, who puts nothing in while [`Outbox::len`] is above a limit.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    runs: VecDeque<Bytes>,
    len_bytes: usize,
}

impl Outbox {
    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.len_bytes
    }

    /// Puts an answer's byte runs behind what waits.
    pub(super) fn push(&mut self, runs: Vec<Bytes>) {
        for run in runs.into_iter().filter(|run| !run.is_empty()) {
            self.len_bytes += run.len();
            self.runs.push_back(run);
        }
    }

    /// Sends as much as the socket takes; ready with whether anything was sent once nothing waits any more.
    ///
    /// `sent` is set when bytes were sent, also when more wait.
    pub(super) fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        mut socket: Pin<&mut W>,
        cx: &mut Context<'_>,
        sent: &mut bool,
    ) -> Poll<io::Result<()>> {
        while !self.runs.is_empty() {
            let mut slices = [IoSlice::new(&[]); RUNS_PER_WRITE];
            let mut count = 0;
            for (slice, run) in slices.iter_mut().zip(&self.runs) {
                *slice = IoSlice::new(run);
                count += 1;
            }
            let written = match slices.get(..count) {
                Some([only]) => ready!(socket.as_mut().poll_write(cx, only))?,
                Some(all) => ready!(socket.as_mut().poll_write_vectored(cx, all))?,
                None => unreachable!("no more slices than the array has"),
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent = true;
            self.advance(written);
        }
        socket.poll_flush(cx)
    }

    fn advance(&mut self, mut written: usize) {
        self.len_bytes -= written;
        while let Some(run) = self.runs.front_mut() {
            if written < run.len() {
                run.advance(written);
                return;
            }
            written -= run.len();
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn runs_leave_in_order_through_a_narrow_socket() {
        let mut outbox = Outbox::default();
        let mut expected = Vec::new();
        for index in 0..200u8 {
            let run = vec![index; usize::from(index) * 3];
            expected.extend_from_slice(&run);
            outbox.push(vec![Bytes::from(run), Bytes::new()]);
        }
        assert_eq!(outbox.len(), expected.len());

        let (mut near, mut far) = tokio::io::duplex(100);
        let reader = async {
            let mut received = vec![0; expected.len()];
            far.read_exact(&mut received).await.unwrap();
            received
        };
        let mut sent = false;
        let writer = poll_fn(|cx| outbox.poll_send(Pin::new(&mut near), cx, &mut sent));
        let (received, written) = tokio::join!(reader, writer);
        written.unwrap();
        assert_eq!(received, expected);
        assert_eq!(outbox.len(), 0);
        assert!(sent);
    }
}
