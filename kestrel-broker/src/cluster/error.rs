//! The refusal of a change of the metadata: the code and the message that the client gets.

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

/// An error code with the sentence that goes beside it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub(crate) struct ApiError {
    /// The code.
    pub(crate) code: ErrorCode,
    /// The reason, in a sentence for a person.
    pub(crate) message: String,
}

impl ApiError {
    /// An error with its own sentence.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An outcome as responses have it: the code, and a message if there is an error.
    pub(crate) fn fields(outcome: Result<(), Self>) -> (ErrorCode, Option<ByteString>) {
        match outcome {
            Ok(()) => (ErrorCode::None, None),
            Err(error) => (error.code, Some(error.message.into())),
        }
    }
}

impl From<ErrorCode> for ApiError {
    /// The error with the meaning of its code as the sentence.
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.meaning())
    }
}
