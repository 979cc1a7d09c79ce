//! Stream: both halves of a connection to a broker, whatever carries them.
//!
//! Made by [`dial`](super::dial), which alone knows TCP; used by what is said before the first real request, one question at a
//! time, and then taken over by a [`Connection`](super::Connection).

use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use kestrel_protocol::FrameDecoder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest answer before the first real request, in bytes: the list of APIs takes a few hundred.
const FRAME_LIMIT_BYTES: usize = 1024 * 1024;

/// A stream to a broker.
pub(crate) struct Stream {
    pub(crate) reader: Box<dyn AsyncRead + Unpin + Send>,
    pub(crate) writer: Box<dyn AsyncWrite + Unpin + Send>,
    /// The largest request, in bytes, that the caller who has it may write itself. Writing to plain TCP is one system call
    /// whatever the size; a stream that encrypts works for each byte, and leaves large requests to the connection's task.
    pub(crate) at_once_bytes: usize,
}

impl Stream {
    /// A stream whose bytes go out as they are.
    pub(crate) fn plain(
        reader: impl AsyncRead + Unpin + Send + 'static,
        writer: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), at_once_bytes: usize::MAX }
    }

    /// Writes one request and waits for its answer: the frame without its length.
    pub(crate) async fn ask(&mut self, request: Vec<Bytes>) -> io::Result<Bytes> {
        for chunk in request {
            self.writer.write_all(&chunk).await?;
        }
        self.writer.flush().await?;
        let decoder = FrameDecoder::new(FRAME_LIMIT_BYTES);
        let mut received = BytesMut::new();
        loop {
            let frame = decoder.decode(&mut received).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{error}: is this a Kafka listener?"))
            })?;
            if let Some(frame) = frame {
                return Ok(frame);
            }
            if self.reader.read_buf(&mut received).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the broker closed the connection"));
            }
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("at_once_bytes", &self.at_once_bytes).finish_non_exhaustive()
    }
}
