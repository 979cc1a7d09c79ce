//! What a filter sees of a record: its parts, each asked for only when the filter needs it.

pub(crate) mod nothing;
pub(crate) mod part;
pub(crate) mod plain_record;

use serde_json::Value as Json;

/// What a filter asks of a record. Whoever has records to filter implements it over what it has.
///
/// A filter asks for the key or the value only when it has come to a part that needs them, at most a few times for each record: an
/// implementation decodes at the first call and keeps the result. [`PlainRecord`](crate::PlainRecord) does so with JSON.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::{Context, Decoded, Filter, Record, Undecodable};
///
/// /// A reading of a thermometer, which has no key and no headers.
/// struct Reading {
///     offset: i64,
///     celsius: serde_json::Value,
/// }
///
/// impl Record for Reading {
///     fn topic(&self) -> &str { "readings" }
///     fn partition(&self) -> i32 { 0 }
///     fn offset(&self) -> i64 { self.offset }
///     fn timestamp_millis(&self) -> i64 { 0 }
///     fn raw_key(&self) -> Option<&[u8]> { None }
///     fn raw_value(&self) -> Option<&[u8]> { None }
///     fn header(&self, _name: &str) -> Option<Option<&[u8]>> { None }
///     fn key(&self) -> Result<Decoded<'_>, Undecodable> { Ok(Decoded::Null) }
///     fn value(&self) -> Result<Decoded<'_>, Undecodable> { Ok(Decoded::Json(&self.celsius)) }
/// }
///
/// let frost = Filter::parse("value < 0")?;
/// let reading = Reading { offset: 7, celsius: (-3.5).into() };
/// assert_eq!(frost.matches(&reading, &Context::at(SystemTime::UNIX_EPOCH)), Ok(true));
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
pub trait Record {
    /// The topic's name.
    fn topic(&self) -> &str;

    /// The partition's number.
    fn partition(&self) -> i32;

    /// The record's offset in its partition.
    fn offset(&self) -> i64;

    /// The milliseconds from 1970 to the record's timestamp; -1 if it has none.
    fn timestamp_millis(&self) -> i64;

    /// The bytes of the key; `None` where it is null.
    fn raw_key(&self) -> Option<&[u8]>;

    /// The bytes of the value; `None` where it is null.
    fn raw_value(&self) -> Option<&[u8]>;

    /// The last header of that name: `None` where there is none, `Some(None)` where it is null.
    fn header(&self, name: &str) -> Option<Option<&[u8]>>;

    /// The key, decoded.
    ///
    /// # Errors
    /// When its bytes are not what the decoder takes them for: the filter is undecided then, if the key matters.
    fn key(&self) -> Result<Decoded<'_>, Undecodable>;

    /// The value, decoded.
    ///
    /// # Errors
    /// When its bytes are not what the decoder takes them for: the filter is undecided then, if the value matters.
    fn value(&self) -> Result<Decoded<'_>, Undecodable>;
}

/// A key or a value after its decoder.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::Decoded;
///
/// assert_ne!(Decoded::Text("7"), Decoded::Json(&7.into()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Decoded<'a> {
    /// Null: the value of a tombstone.
    Null,
    /// A text.
    Text(&'a str),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
    /// Anything that has the form of JSON.
    Json(&'a Json),
}

/// The error of a decoder, for whoever reads why a record is undecided.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::Undecodable;
///
/// assert_eq!(Undecodable::new("no schema with id 7").to_string(), "no schema with id 7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(Box<str>);

impl Undecodable {
    /// An error with the decoder's words.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into().into_boxed_str())
    }

    pub(crate) fn into_reason(self) -> Box<str> {
        self.0
    }
}
