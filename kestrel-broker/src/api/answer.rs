//! The answer of a handler, and the frame that leaves.

use kestrel_protocol::wire::Chunk;
use kestrel_protocol::{ErrorCode, encode_response_with_gaps};

use super::Close;
use crate::log::{ByteRun, FileRun};

/// The answer of a handler.
#[derive(Debug)]
pub(crate) enum Answer<R> {
    /// A response, and what of it is in files: one run for each part of it that is [elsewhere], in order.
    ///
    /// [elsewhere]: kestrel_protocol::messages::fetch::RecordData::Elsewhere
    Response {
        /// The response.
        response: R,
        /// The parts of it that are in files.
        files: Vec<FileRun>,
    },
    /// Nothing, since the client wants no answer (acks=0).
    Nothing,
    /// The end of the connection.
    Close(Close),
}

impl<R> From<R> for Answer<R> {
    fn from(response: R) -> Self {
        Self::Response { response, files: Vec::new() }
    }
}

impl<R> Answer<R> {
    /// The frame that leaves.
    ///
    /// # Errors
    /// Why the connection is closed instead; among others when something in the response is longer than the protocol can say.
    pub(super) fn encode<Q: kestrel_protocol::Request<Response = R>>(
        self,
        version: i16,
        correlation_id: i32,
    ) -> Result<AnswerFrame, Close> {
        let (response, files) = match self {
            Self::Response { response, files } => (response, files),
            Self::Nothing => return Ok(AnswerFrame::default()),
            Self::Close(close) => return Err(close),
        };
        let encoded = encode_response_with_gaps::<Q>(&response, version, correlation_id)
            .map_err(|cause| Close::Unsayable { api: Q::KEY, cause })?;
        let mut files = files.into_iter();
        let runs = encoded.chunks.into_iter().map(|chunk| match chunk {
            Chunk::Bytes(bytes) => ByteRun::Memory(bytes),
            Chunk::Gap(length) => {
                let file = files.next().filter(|file| file.len() == length);
                ByteRun::File(file.expect("each gap has its file"))
            }
        });
        Ok(AnswerFrame { runs: runs.collect(), errors: encoded.errors })
    }
}

/// An answer as it leaves.
#[derive(Debug, Default)]
pub(crate) struct AnswerFrame {
    /// The byte runs of its frame, length included; none when the client wants no answer.
    pub(crate) runs: Vec<ByteRun>,
    /// The error codes in it, other than `NONE`.
    pub(crate) errors: Vec<ErrorCode>,
}
