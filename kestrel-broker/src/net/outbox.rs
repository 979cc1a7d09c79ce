//! Bytes on their way to the socket: byte runs of answers, sent several at a time and never copied together; those in files
//! are sent from there.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::transport::Transport;
use crate::log::ByteRun;

/// How many byte runs one write takes.
const RUNS_PER_WRITE: usize = 64;

/// The bytes that wait to be sent. Bounded by the connection, which puts nothing in while [`Outbox::len`] is above a limit.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    runs: VecDeque<ByteRun>,
    len_bytes: usize,
}

impl Outbox {
    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.len_bytes
    }

    /// Puts an answer's byte runs behind what waits.
    pub(super) fn push(&mut self, runs: Vec<ByteRun>) {
        for run in runs.into_iter().filter(|run| !run.is_empty()) {
            self.len_bytes += run.len();
            self.runs.push_back(run);
        }
    }

    /// Sends as much as the socket takes; ready with whether anything was sent once nothing waits any more.
    ///
    /// `sent` is set when bytes were sent, also when more wait.
    pub(super) fn poll_send<T: Transport>(
        &mut self,
        socket: &mut T,
        cx: &mut Context<'_>,
        sent: &mut bool,
    ) -> Poll<io::Result<()>> {
        while let Some(front) = self.runs.front() {
            let (written, none_left) = match front {
                ByteRun::File(run) => (ready!(socket.poll_send_file(cx, run))?, io::ErrorKind::UnexpectedEof),
                ByteRun::Memory(_) => (ready!(self.poll_send_memory(socket, cx))?, io::ErrorKind::WriteZero),
            };
            if written == 0 {
                return Poll::Ready(Err(none_left.into()));
            }
            *sent = true;
            self.advance(written);
        }
        Pin::new(socket).poll_flush(cx)
    }

    /// Sends of what is in memory, up to the first run that is in a file.
    fn poll_send_memory<T: Transport>(
        &self,
        socket: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); RUNS_PER_WRITE];
        let mut count = 0;
        let in_memory = self.runs.iter().map_while(|run| match run {
            ByteRun::Memory(bytes) => Some(bytes),
            ByteRun::File(_) => None,
        });
        for (slice, bytes) in slices.iter_mut().zip(in_memory) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        let slices = slices.get(..count).expect("no more slices than the array has");
        socket.poll_send(cx, slices, count < self.runs.len())
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

    use bytes::Bytes;
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::log::FileRun;

    /// Sends what is in `outbox` through a pipe of 100 bytes; gives what came out, and how it ended.
    async fn through_a_pipe(outbox: &mut Outbox, length: usize) -> (Vec<u8>, io::Result<()>) {
        let (mut near, mut far) = tokio::io::duplex(100);
        let reader = async {
            let mut received = vec![0; length];
            far.read_exact(&mut received).await.unwrap();
            received
        };
        let mut sent = false;
        let writer = poll_fn(|cx| outbox.poll_send(&mut near, cx, &mut sent));
        let (received, ended) = tokio::join!(reader, writer);
        assert!(sent);
        (received, ended)
    }

    #[tokio::test]
    async fn runs_leave_in_order_through_a_narrow_socket() {
        let mut outbox = Outbox::default();
        let mut expected = Vec::new();
        for index in 0..200u8 {
            let run = vec![index; usize::from(index) * 3];
            expected.extend_from_slice(&run);
            outbox.push(vec![Bytes::from(run).into(), ByteRun::default()]);
        }
        assert_eq!(outbox.len(), expected.len());
        let (received, ended) = through_a_pipe(&mut outbox, expected.len()).await;
        ended.unwrap();
        assert_eq!(received, expected);
        assert_eq!(outbox.len(), 0);
    }

    #[tokio::test]
    async fn what_is_in_files_leaves_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records");
        let contents: Vec<u8> = (0..200_000u32).flat_map(u32::to_be_bytes).collect();
        std::fs::write(&path, &contents).unwrap();
        let file = |position, length| ByteRun::File(FileRun::of(&path, position, length));
        let header = || Bytes::from_static(b"header").into();
        let mut outbox = Outbox::default();
        outbox.push(vec![header(), file(7, 700_000), header(), file(100, 3), file(0, 0), header()]);
        let expected = [b"header", &contents[7..700_007], b"header", &contents[100..103], b"header"].concat();
        let (received, ended) = through_a_pipe(&mut outbox, expected.len()).await;
        ended.unwrap();
        assert_eq!(received, expected);
    }

    #[tokio::test]
    async fn a_file_that_ends_too_early_ends_the_connection() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records");
        std::fs::write(&path, [7; 50]).unwrap();
        let mut outbox = Outbox::default();
        outbox.push(vec![ByteRun::File(FileRun::of(&path, 0, 51))]);
        let (received, ended) = through_a_pipe(&mut outbox, 50).await;
        assert_eq!(received, [7; 50]);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
