//! A record as formats are given it: borrowed, with what a decoder has made of its key and value.

use kestrel_client::TimestampType;
use serde_json::Value;

/// The name of a header and its bytes, which may be null.
pub(crate) type HeaderPair<'a> = (&'a str, Option<&'a [u8]>);

/// A record that was read, with all that can be shown of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Milliseconds since 1970; -1 without a timestamp.
    pub(crate) timestamp_millis: i64,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) headers: &'a [HeaderPair<'a>],
    pub(crate) key: Field<'a>,
    pub(crate) value: Field<'a>,
}

/// A key or a value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    /// The bytes as they are stored; `None` is null.
    pub(crate) bytes: Option<&'a [u8]>,
    /// What the decoder says of them.
    pub(crate) meaning: Meaning<'a>,
}

/// What a decoder has made of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Meaning<'a> {
    /// The bytes are all there is: nobody has decoded them.
    #[default]
    Bytes,
    /// They mean this.
    Json(&'a Value),
    /// They are not what the decoder takes, for this reason.
    Unreadable(&'a str),
}

impl<'a> Field<'a> {
    /// Bytes that nobody decodes.
    pub(crate) const fn bytes(bytes: Option<&'a [u8]>) -> Self {
        Self { bytes, meaning: Meaning::Bytes }
    }
}
