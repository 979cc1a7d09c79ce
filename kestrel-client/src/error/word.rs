//! The kind of an error as a word of few: what spans and metrics are told apart by. Never for a person to read.

use super::Error;

impl Error {
    /// The name of the error that a broker answered, or what kept it from answering; `_OTHER` as OpenTelemetry's conventions have it.
    pub(crate) fn word(&self) -> &'static str {
        if let Some(code) = self.code() {
            return code.name();
        }
        match self {
            Self::Timeout { .. } => "timeout",
            Self::Disconnected { .. } => "disconnected",
            Self::Bootstrap { .. } => "bootstrap",
            Self::Authentication { .. } => "authentication",
            Self::MalformedResponse { .. } => "malformed_response",
            Self::UnsupportedApi { .. } => "unsupported_api",
            Self::UnknownTopic { .. } => "unknown_topic",
            Self::UnknownPartition { .. } => "unknown_partition",
            Self::RecordTooLarge { .. } => "record_too_large",
            Self::ProducerFenced { .. } => "producer_fenced",
            Self::TransactionAborted { .. } => "transaction_aborted",
            Self::Closed { .. } | Self::Ended { .. } => "closed",
            _ => "_OTHER",
        }
    }
}
