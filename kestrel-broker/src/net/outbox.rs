//! Answers on their way to the socket: byte runs, sent several at a time and never copied together, and records of files.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;

use super::socket::Socket;
use crate::api::{Frame, Run};

/// How many byte runs one write takes.
const RUNS_PER_WRITE: usize = 64;

/// What waits to be sent. Bounded by its user, who puts nothing in while [`Outbox::len`] is above a limit.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    runs: VecDeque<Run>,
    len_bytes: usize,
    /// How many of the runs are in files.
    files: usize,
    /// Whether the socket holds packets back that are not full.
    corked: bool,
}

impl Outbox {
    /// How many bytes wait, those of files too: they cost no memory here, but an open file, and the answer behind them would
    /// wait just as long.
    pub(super) const fn len(&self) -> usize {
        self.len_bytes
    }

    /// Puts an answer behind what waits.
    pub(super) fn push(&mut self, frame: Frame) {
        for run in frame.into_runs().into_iter().filter(|run| run.len() > 0) {
            self.len_bytes += run.len();
            self.files += usize::from(matches!(run, Run::File(_)));
            self.runs.push_back(run);
        }
    }

    /// Sends as much as the socket takes; ready once nothing waits any more.
    ///
    /// `sent` is set when bytes were sent, also when more wait.
    pub(super) fn poll_send<S: Socket>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        sent: &mut bool,
    ) -> Poll<io::Result<()>> {
        if self.files > 0 && !self.corked {
            socket.set_corked(true)?;
            self.corked = true;
        }
        while let Some(front) = self.runs.front() {
            let written = match front {
                Run::File(records) => ready!(socket.poll_send_file(cx, records))?,
                Run::Bytes(_) => ready!(self.poll_write(socket, cx))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent = true;
            self.advance(written);
        }
        if self.corked {
            socket.set_corked(false)?;
            self.corked = false;
        }
        Pin::new(socket).poll_flush(cx)
    }

    /// Writes the byte runs before the next file.
    fn poll_write<S: Socket>(&self, socket: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let bytes = self.runs.iter().map_while(|run| match run {
            Run::Bytes(bytes) => Some(bytes),
            Run::File(_) => None,
        });
        let mut slices = [IoSlice::new(&[]); RUNS_PER_WRITE];
        let mut count = 0;
        for (slice, run) in slices.iter_mut().zip(bytes) {
            *slice = IoSlice::new(run);
            count += 1;
        }
        match slices.get(..count) {
            Some([only]) => Pin::new(socket).poll_write(cx, only),
            Some(all) => Pin::new(socket).poll_write_vectored(cx, all),
            None => unreachable!("no more slices than the array has"),
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.len_bytes -= written;
        while let Some(run) = self.runs.front_mut() {
            if written < run.len() {
                match run {
                    Run::Bytes(bytes) => bytes.advance(written),
                    Run::File(records) => records.advance(written),
                }
                return;
            }
            written -= run.len();
            self.files -= usize::from(matches!(run, Run::File(_)));
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn runs_leave_in_order_through_a_narrow_socket() {
        let mut outbox = Outbox::default();
        let mut expected = Vec::new();
        for index in 0..200u8 {
            let run = vec![index; usize::from(index) * 3];
            expected.extend_from_slice(&run);
            outbox.push(vec![Bytes::from(run), Bytes::new()].into());
        }
        assert_eq!(outbox.len(), expected.len());

        let (mut near, mut far) = tokio::io::duplex(100);
        let reader = async {
            let mut received = vec![0; expected.len()];
            far.read_exact(&mut received).await.unwrap();
            received
        };
        let mut sent = false;
        let writer = poll_fn(|cx| outbox.poll_send(&mut near, cx, &mut sent));
        let (received, written) = tokio::join!(reader, writer);
        written.unwrap();
        assert_eq!(received, expected);
        assert_eq!(outbox.len(), 0);
        assert!(sent);
    }
}
