//! The answer of a handler, and the frame that leaves.

use std::time::Duration;

use kestrel_protocol::messages::Message;
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
        /// How long the sender is held back by its quotas.
        throttle: Duration,
    },
    /// Nothing, since the client wants no answer (acks=0).
    Nothing {
        /// How long the sender is held back by its quotas.
        throttle: Duration,
    },
    /// The end of the connection.
    Close(Close),
}

impl<R> From<R> for Answer<R> {
    fn from(response: R) -> Self {
        Self::Response { response, files: Vec::new(), throttle: Duration::ZERO }
    }
}

impl<R: Message> Answer<R> {
    /// The answer with a throttle of at least so long.
    pub(super) fn held_back(mut self, at_least: Duration) -> Self {
        if let Self::Response { throttle, .. } | Self::Nothing { throttle } = &mut self {
            *throttle = at_least.max(*throttle);
        }
        self
    }

    /// The frame that leaves.
    ///
    /// # Errors
    /// Why the connection is closed instead; among others when something in the response is longer than the protocol can say.
    pub(super) fn encode<Q: kestrel_protocol::Request<Response = R>>(
        self,
        version: i16,
        correlation_id: i32,
    ) -> Result<AnswerFrame, Close> {
        let (mut response, files, throttle) = match self {
            Self::Response { response, files, throttle } => (response, files, throttle),
            Self::Nothing { throttle } => return Ok(AnswerFrame { throttle, ..AnswerFrame::default() }),
            Self::Close(close) => return Err(close),
        };
        if !throttle.is_zero() {
            response.set_throttle_time_ms(i32::try_from(throttle.as_millis()).unwrap_or(i32::MAX));
        }
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
        Ok(AnswerFrame { runs: runs.collect(), errors: encoded.errors, throttle })
    }
}

/// An answer as it leaves.
#[derive(Debug, Default)]
pub(crate) struct AnswerFrame {
    /// The byte runs of its frame, length included; none when the client wants no answer.
    pub(crate) runs: Vec<ByteRun>,
    /// The error codes in it, other than `NONE`.
    pub(crate) errors: Vec<ErrorCode>,
    /// How long no further request is read from the connection, once it has left (KIP-219).
    pub(crate) throttle: Duration,
}
