//! A record whose key and value are JSON, text or bytes, as they look.

use std::cell::OnceCell;
use std::fmt;

use serde_json::Value as Json;

use crate::record::{Decoded, Record, Undecodable};

/// A [`Record`] of borrowed parts. Key and value count as JSON if they are an object or a list, else as text if they are UTF-8, else
/// as bytes; they are looked at when a filter asks, once.
///
/// ```
/// use std::time::SystemTime;
///
/// use kestrel_filter::{Context, Filter, PlainRecord};
///
/// let record = PlainRecord::new("earthquakes", 3, 17)
///     .with_timestamp_millis(1_796_026_500_000)
///     .with_key(b"us7000abcd")
///     .with_value(br#"{"magnitude": 4.7, "place": "Off the coast"}"#)
///     .with_headers(&[("source", Some(b"usgs"))]);
/// let filter = Filter::parse(r#"value.magnitude >= 4.5 and headers.source in ["usgs", "emsc"]"#)?;
/// assert_eq!(filter.matches(&record, &Context::at(SystemTime::UNIX_EPOCH)), Ok(true));
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Clone)]
pub struct PlainRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    timestamp_millis: i64,
    headers: &'a [Header<'a>],
    key: Content<'a>,
    value: Content<'a>,
}

/// The name of a header and its bytes, which may be null.
pub type Header<'a> = (&'a str, Option<&'a [u8]>);

/// Bytes, and what they look like once somebody has looked.
#[derive(Clone)]
struct Content<'a> {
    bytes: Option<&'a [u8]>,
    json: OnceCell<Option<Json>>,
}

impl<'a> PlainRecord<'a> {
    /// A record at an offset, without timestamp, key, value and headers.
    #[must_use]
    pub fn new(topic: &'a str, partition: i32, offset: i64) -> Self {
        let nothing = || Content::new(None);
        Self {
            topic,
            partition,
            offset,
            timestamp_millis: -1,
            headers: &[],
            key: nothing(),
            value: nothing(),
        }
    }

    /// The same record with a timestamp, in milliseconds since 1970.
    #[must_use]
    pub fn with_timestamp_millis(self, timestamp_millis: i64) -> Self {
        Self { timestamp_millis, ..self }
    }

    /// The same record with a key.
    #[must_use]
    pub fn with_key(self, bytes: &'a [u8]) -> Self {
        Self { key: Content::new(Some(bytes)), ..self }
    }

    /// The same record with a value.
    #[must_use]
    pub fn with_value(self, bytes: &'a [u8]) -> Self {
        Self { value: Content::new(Some(bytes)), ..self }
    }

    /// The same record with headers: of several with one name a filter sees the last.
    #[must_use]
    pub fn with_headers(self, headers: &'a [Header<'a>]) -> Self {
        Self { headers, ..self }
    }
}

impl<'a> Content<'a> {
    const fn new(bytes: Option<&'a [u8]>) -> Self {
        Self { bytes, json: OnceCell::new() }
    }

    fn decoded(&self) -> Decoded<'_> {
        let Some(bytes) = self.bytes else { return Decoded::Null };
        match self.json.get_or_init(|| json(bytes)) {
            Some(json) => Decoded::Json(json),
            None => std::str::from_utf8(bytes).map_or(Decoded::Bytes(bytes), Decoded::Text),
        }
    }
}

/// The object or list that bytes are.
fn json(bytes: &[u8]) -> Option<Json> {
    let begins = bytes.trim_ascii_start().first().is_some_and(|byte| b"{[".contains(byte));
    begins.then(|| serde_json::from_slice(bytes).ok())?
}

impl Record for PlainRecord<'_> {
    fn topic(&self) -> &str {
        self.topic
    }

    fn partition(&self) -> i32 {
        self.partition
    }

    fn offset(&self) -> i64 {
        self.offset
    }

    fn timestamp_millis(&self) -> i64 {
        self.timestamp_millis
    }

    fn raw_key(&self) -> Option<&[u8]> {
        self.key.bytes
    }

    fn raw_value(&self) -> Option<&[u8]> {
        self.value.bytes
    }

    fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        self.headers.iter().rev().find(|(other, _)| *other == name).map(|(_, bytes)| *bytes)
    }

    fn key(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(self.key.decoded())
    }

    fn value(&self) -> Result<Decoded<'_>, Undecodable> {
        Ok(self.value.decoded())
    }
}

impl fmt::Debug for PlainRecord<'_> {
    /// Without key, value and headers, which may be long and are nobody's business in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut record = f.debug_struct("PlainRecord");
        record.field("topic", &self.topic).field("partition", &self.partition).field("offset", &self.offset);
        record.finish_non_exhaustive()
    }
}
