//! Stream: both halves of a connection to a broker, whatever carries them.
//!
//! Made by [`dial`](super::dial); used by what is said before the first real request, one question at a time, and then taken over by
//! a [`Connection`](super::Connection).

use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use kestrel_protocol::{FrameDecoder, FrameSizeError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest answer before the first real request, in bytes: the list of APIs takes a few hundred.
const FRAME_LIMIT_BYTES: usize = 1024 * 1024;
/// The largest request that a caller encrypts itself: one record of TLS. It takes a fraction of what waking a task does, and
/// no other caller waits for long behind the outbox's lock (decision 0034).
#[cfg(feature = "tls")]
const ENCRYPTED_AT_ONCE_BYTES: usize = 16 * 1024;

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

    /// A stream that encrypts. Both halves share its state, and a lock that is held while one of them works on a piece.
    #[cfg(feature = "tls")]
    pub(crate) fn encrypted(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { at_once_bytes: ENCRYPTED_AT_ONCE_BYTES, ..Self::plain(reader, writer) }
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
            if let Some(frame) = decoder.decode(&mut received).map_err(|error| no_frame(&error))? {
                return Ok(frame);
            }
            if self.reader.read_buf(&mut received).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the broker closed the connection"));
            }
        }
    }
}

/// What begins like no answer of a broker: often the alert of a listener that speaks TLS, which has been spoken to in plain text.
fn no_frame(error: &FrameSizeError) -> io::Error {
    let begin = error.claimed_bytes.to_be_bytes();
    let what = match begin {
        [0x15, 3, ..] => {
            "the listener speaks TLS and was spoken to in plain text: set security.protocol to SSL or SASL_SSL, or `.tls(..)`"
                .to_owned()
        }
        _ => format!("{error}: is this a Kafka listener?"),
    };
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("at_once_bytes", &self.at_once_bytes).finish_non_exhaustive()
    }
}
