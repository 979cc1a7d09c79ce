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
/// | | the record that was read | and then |
/// |---|---|---|
/// | [`Decode`](Self::Decode) | [is poison](Self::is_poison): its bytes are to blame | it may be passed: skipped, put aside |
/// | [`Unavailable`](Self::Unavailable) | is kept | the same call [may succeed later](Self::is_retriable) |
/// | [`Schema`](Self::Schema) | is kept | somebody has to change something |
/// | [`Encode`](Self::Encode) | | of values that are written alone |
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
    /// The bytes are not what this format or type expects (a *poison pill*): reading them again gives the same error. It is
    /// the only kind that says so: where the reason is anything but the record itself, it is one of the others.
    #[non_exhaustive]
    Decode {
        /// The topic that the record was read from.
        topic: Box<str>,
        /// Key or value.
        part: Part,
        /// What the format said.
        cause: BoxError,
    },
    /// A schema cannot be used: it is malformed, does not fit the type, cannot be resolved with another one, or its registry does not
    /// give it and will not until somebody changes something. It says nothing about bytes that were read: they are no poison pill.
    #[non_exhaustive]
    Schema {
        /// What the format said.
        cause: BoxError,
    },
    /// What the format needs cannot be had at the moment, such as a schema while its registry is down. It says nothing about the
    /// bytes, so they are no poison pill: the same call may succeed later.
    #[non_exhaustive]
    Unavailable {
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

    /// Something that the format needs cannot be had at the moment: for use in `ready`, of both traits.
    ///
    /// ```
    /// use kestrel_serde::SerdeError;
    ///
    /// assert!(SerdeError::unavailable("the registry does not answer").is_retriable());
    /// assert!(!SerdeError::schema("no schema has the id 7").is_retriable());
    /// ```
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable { cause: cause.into() }
    }

    /// Whether the record that was read is to blame, so that it fails as often as it is read: it alone may be skipped or put
    /// aside. With every other error the record is kept, because another try, or another setting, may read it.
    ///
    /// ```
    /// use kestrel_serde::{SerdeContext, SerdeError};
    ///
    /// assert!(SerdeError::decode(&SerdeContext::value("orders"), "expected 8 bytes, found 3").is_poison());
    /// assert!(!SerdeError::unavailable("the registry does not answer").is_poison());
    /// assert!(!SerdeError::schema("the registry refuses the password").is_poison());
    /// ```
    #[must_use]
    pub const fn is_poison(&self) -> bool {
        matches!(self, Self::Decode { .. })
    }

    /// Whether the same call may succeed later, without anybody changing anything. A record that was read is kept for it.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// What the format said, to be downcast: a `serde_json::Error`, an `apache_avro::Error`, a [`Utf8Error`](std::str::Utf8Error).
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        match self {
            Self::Encode { cause, .. }
            | Self::Decode { cause, .. }
            | Self::Schema { cause }
            | Self::Unavailable { cause } => &**cause,
        }
    }

    /// The topic of the record, when the error belongs to one.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::Encode { topic, .. } | Self::Decode { topic, .. } => Some(topic),
            Self::Schema { .. } | Self::Unavailable { .. } => None,
        }
    }

    /// Key or value, when the error belongs to a record.
    pub fn part(&self) -> Option<Part> {
        match self {
            Self::Encode { part, .. } | Self::Decode { part, .. } => Some(*part),
            Self::Schema { .. } | Self::Unavailable { .. } => None,
        }
    }
}

impl fmt::Display for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode { topic, part, .. } => write!(f, "cannot encode the {part} of topic {topic}"),
            Self::Decode { topic, part, .. } => write!(f, "cannot decode the {part} of topic {topic}"),
            Self::Schema { .. } => f.write_str("cannot use the schema"),
            Self::Unavailable { .. } => f.write_str("cannot have what the format needs at the moment"),
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
