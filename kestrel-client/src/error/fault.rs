//! Fault: whether a record is at fault for an error, or the world around it.
//!
//! A record may be given up only for what it is at fault for itself: for everything else, the next one would fail in the same way.

use kestrel_protocol::{ApiKey, ErrorCode};
use kestrel_serde::SerdeError;

use super::Error;

impl Error {
    /// Whether a record is at fault that was read or is to be written, so that it fails as often as it is tried. Everything else is
    /// about the cluster, a setting, a right or a handle: another record would fail in the same way.
    pub(crate) fn is_of_the_record(&self) -> bool {
        match self {
            Self::Serialize(cause) => is_of_the_record(cause),
            Self::Deserialize(poison) => is_of_the_record(&poison.cause),
            Self::RecordTooLarge { .. } | Self::Encode { api: ApiKey::Produce, .. } => true,
            Self::Broker(refusal) => {
                refusal.api == ApiKey::Produce
                    && matches!(
                        refusal.code,
                        ErrorCode::MessageTooLarge
                            | ErrorCode::RecordListTooLarge
                            | ErrorCode::InvalidRecord
                            | ErrorCode::InvalidTimestamp
                    )
            }
            _ => false,
        }
    }
}

/// Whether the value or the bytes are at fault, and not a schema or its registry.
pub(crate) const fn is_of_the_record(error: &SerdeError) -> bool {
    error.is_poison() || matches!(error, SerdeError::Encode { .. })
}
