//! The errors of decoding and encoding: bytes of a peer or a disk that are wrong, and values that do not fit. They never carry the
//! bytes themselves.

/// Why bytes could not be decoded, and where.
///
/// ```
/// use kestrel_protocol::{DecodeError, DecodeErrorKind};
/// let error = DecodeError::new(DecodeErrorKind::Truncated, "correlation_id");
/// assert_eq!(error.to_string(), "correlation_id: the bytes end too early");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {kind}")]
pub struct DecodeError {
    /// The field or part of a layout that was read.
    pub what: &'static str,
    /// The problem with it.
    pub kind: DecodeErrorKind,
}

/// The problem with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Fewer bytes than the layout, or a length inside it, asks for.
    #[error("the bytes end too early")]
    Truncated,
    /// A length or count is negative or larger than what is left.
    #[error("length {0} is not possible here")]
    InvalidLength(i64),
    /// A variable-length integer longer than its type.
    #[error("variable-length integer is too long")]
    InvalidVarint,
    /// A text longer than [`MAX_STRING_BYTES`](crate::wire::MAX_STRING_BYTES).
    #[error("{0} bytes of text, and the protocol has room for {limit}", limit = crate::wire::MAX_STRING_BYTES)]
    TextTooLong(usize),
    /// A null where the protocol allows none.
    #[error("null is not allowed here")]
    UnexpectedNull,
    /// Text that is not UTF-8.
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// Tagged fields repeated or not in ascending order (KIP-482).
    #[error("tagged field {0} repeats or is out of order")]
    TagOutOfOrder(u32),
    /// Bytes left over after the last field.
    #[error("{0} bytes are left over")]
    TrailingBytes(usize),
    /// A version of a message that this crate does not speak.
    #[error("version {0} is not supported")]
    UnsupportedVersion(i16),
    /// A record batch of an old format: only magic 2 is supported.
    #[error("record format (magic) {0} is not supported, only 2 is")]
    UnsupportedMagic(i8),
    /// The checksum does not match the bytes.
    #[error("checksum is {actual:#010x} where {stored:#010x} was stored")]
    ChecksumMismatch {
        /// The checksum found in the bytes.
        stored: u32,
        /// The checksum of the bytes as they are.
        actual: u32,
    },
    /// Fields that contradict each other.
    #[error("{0}")]
    Inconsistent(&'static str),
    /// A compression codec that is unknown or not compiled in.
    #[error("compression codec {0} is not supported")]
    UnsupportedCompression(u8),
    /// Compressed bytes that their codec refuses.
    #[error("compressed data is damaged")]
    InvalidCompression,
    /// Output larger than the limit that the caller set.
    #[error("larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
}

impl DecodeError {
    /// An error of `kind` found while `what` was read.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, what: &'static str) -> Self {
        Self { what, kind }
    }
}

/// Why a message cannot be encoded, and where: the protocol has no room for something in it.
///
/// ```
/// use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
/// use kestrel_protocol::{EncodeErrorKind, encode_request};
/// let request = FindCoordinatorRequest { key: "a".repeat(40_000).into(), ..Default::default() };
/// let error = encode_request(&request, 2, 1, None).unwrap_err();
/// assert_eq!((error.what, error.kind), ("key", EncodeErrorKind::TextTooLong(40_000)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {kind}")]
pub struct EncodeError {
    /// The field of the message.
    pub what: &'static str,
    /// The problem with it.
    pub kind: EncodeErrorKind,
}

/// A value that the protocol has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// A text of so many bytes, more than [`MAX_STRING_BYTES`](crate::wire::MAX_STRING_BYTES).
    #[error("{0} bytes of text, and the protocol has room for {limit}", limit = crate::wire::MAX_STRING_BYTES)]
    TextTooLong(usize),
    /// A byte run, an array or a frame of more than [`MAX_LENGTH`](crate::wire::MAX_LENGTH) bytes or elements.
    #[error("a length of {0}, and the protocol has room for {limit}", limit = crate::wire::MAX_LENGTH)]
    TooLarge(usize),
}

impl EncodeError {
    /// An error of `kind` found while `what` was written.
    #[must_use]
    pub const fn new(kind: EncodeErrorKind, what: &'static str) -> Self {
        Self { what, kind }
    }
}
