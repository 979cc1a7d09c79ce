//! What a key or a value is to be.

use bytes::Bytes;
use serde_json::Value;

/// What a key or a value is to be made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// These bytes; `None` is null.
    Bytes(Option<Bytes>),
    /// A JSON document.
    Json(Value),
    /// What somebody has decoded, without the bytes: only a format can write it.
    Decoded(Value),
    /// Both: the bytes, and what they mean. Whoever has a format of their own writes the second one in it.
    Both(Bytes, Value),
}

impl Content {
    /// The bytes where no format says otherwise.
    pub(crate) fn into_bytes(self) -> Result<Option<Bytes>, String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Both(bytes, _) => Ok(Some(bytes)),
            Self::Json(value) => Ok(Some(value.to_string().into())),
            Self::Decoded(_) => {
                Err("only what was decoded is there, and no bytes: a format has to say how to write it"
                    .into())
            }
        }
    }

    /// What a format is to write; `None` is null. Bytes are read as JSON.
    pub(crate) fn into_value(self) -> Result<Option<Value>, String> {
        match self {
            Self::Bytes(None) => Ok(None),
            Self::Bytes(Some(bytes)) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|error| format!("it is no JSON: {error}"))
            }
            Self::Json(value) | Self::Decoded(value) | Self::Both(_, value) => Ok(Some(value)),
        }
    }
}
