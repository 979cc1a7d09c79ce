//! What can go wrong between a typed value and its bytes.
//!
//! Every format returns it; the client hands it on beside the raw record. It never holds the record's bytes.

use std::error::Error;
use std::fmt;

use crate::{Part, SerdeContext};

/// Any error of a format or of a user's closure, as `?` makes it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// Why a value could not become bytes, or bytes no value.
///
/// The text (`{error}`) says what failed; why is the [`source`](Error::source), which is the [`cause`](Self::cause) and
/// can be downcast. `{error:#}` writes both, and whatever is behind them, in one line:
/// `cannot decode the key of topic orders: expected 4 bytes, found 3`.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::{Deserializer, SerdeContext, SerdeError, deserialize_with};
///
/// let parity = deserialize_with(|bytes: &Bytes| match bytes.len() % 2 {
///     0 => Ok(()),
///     _ => Err("an odd number of bytes".into()),
/// });
/// let error = parity.deserialize(&SerdeContext::key("orders").reading(), &Bytes::from_static(b"abc")).unwrap_err();
/// assert_eq!(error.to_string(), "cannot decode the key of topic orders");
/// assert_eq!(format!("{error:#}"), "cannot decode the key of topic orders: an odd number of bytes");
/// assert!(matches!(error, SerdeError::Decode { .. }));
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub enum SerdeError {
    /// The value cannot be written in this format: the record was not sent.
    #[non_exhaustive]
    Encode {
        /// The topic that the record was meant for.
        topic: Box<str>,
        /// Key or value.
        part: Part,
        /// What the format said.
        cause: BoxError,
    },
    /// The bytes are not what this format or type expects (a *poison pill*): reading them again gives the same error.
    #[non_exhaustive]
    Decode {
        /// The topic that the record was read from.
        topic: Box<str>,
        /// Key or value.
        part: Part,
        /// What the format said.
        cause: BoxError,
    },
    /// A schema is malformed, does not fit the type, or cannot be resolved with another one.
    #[non_exhaustive]
    Schema {
        /// What the format said.
        cause: BoxError,
    },
}

impl SerdeError {
    /// A value that cannot be written: for use in a [`Serializer`](crate::Serializer).
    pub fn encode(ctx: &SerdeContext<'_>, cause: impl Into<BoxError>) -> Self {
        Self::Encode { topic: ctx.topic.into(), part: ctx.part, cause: cause.into() }
    }

    /// Bytes that cannot be read: for use in a [`Deserializer`](crate::Deserializer).
    pub fn decode(ctx: &SerdeContext<'_>, cause: impl Into<BoxError>) -> Self {
        Self::Decode { topic: ctx.topic.into(), part: ctx.part, cause: cause.into() }
    }

    /// A schema that cannot be used.
    pub fn schema(cause: impl Into<BoxError>) -> Self {
        Self::Schema { cause: cause.into() }
    }

    /// What the format said, to be downcast: a `serde_json::Error`, an `apache_avro::Error`, a [`Utf8Error`](std::str::Utf8Error).
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        match self {
            Self::Encode { cause, .. } | Self::Decode { cause, .. } | Self::Schema { cause } => &**cause,
        }
    }

    /// The topic of the record, when the error belongs to one.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::Encode { topic, .. } | Self::Decode { topic, .. } => Some(topic),
            Self::Schema { .. } => None,
        }
    }

    /// Key or value, when the error belongs to a record.
    pub fn part(&self) -> Option<Part> {
        match self {
            Self::Encode { part, .. } | Self::Decode { part, .. } => Some(*part),
            Self::Schema { .. } => None,
        }
    }
}

impl fmt::Display for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode { topic, part, .. } => write!(f, "cannot encode the {part} of topic {topic}"),
            Self::Decode { topic, part, .. } => write!(f, "cannot decode the {part} of topic {topic}"),
            Self::Schema { .. } => f.write_str("cannot use the schema"),
        }?;
        if f.alternate() {
            for cause in std::iter::successors(self.source(), |&cause| cause.source()) {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

impl Error for SerdeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause())
    }
}
