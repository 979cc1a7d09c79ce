//! A record as filters look at it: decoded where somebody decoded it, and else as it looks.

use kestrel_filter::{Decoded, PlainRecord, Record, Undecodable};

use super::view::{Field, Meaning, View};

/// A record, and what it looks like where nobody has decoded it.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    view: &'a View<'a>,
    plain: PlainRecord<'a>,
}

impl<'a> Chosen<'a> {
    pub(crate) fn new(view: &'a View<'a>) -> Self {
        let mut plain = PlainRecord::new(view.topic, view.partition, view.offset)
            .with_timestamp_millis(view.timestamp_millis)
            .with_headers(view.headers);
        if let Some(bytes) = view.key.bytes {
            plain = plain.with_key(bytes);
        }
        if let Some(bytes) = view.value.bytes {
            plain = plain.with_value(bytes);
        }
        Self { view, plain }
    }
}

/// What a decoder said of a field, if one was asked.
fn decoded<'a>(field: &Field<'a>) -> Option<Result<Decoded<'a>, Undecodable>> {
    match field.meaning {
        Meaning::Bytes => None,
        Meaning::Json(value) => Some(Ok(Decoded::Json(value))),
        Meaning::Unreadable(reason) => Some(Err(Undecodable::new(reason))),
    }
}

impl Record for Chosen<'_> {
    fn topic(&self) -> &str {
        self.plain.topic()
    }

    fn partition(&self) -> i32 {
        self.plain.partition()
    }

    fn offset(&self) -> i64 {
        self.plain.offset()
    }

    fn timestamp_millis(&self) -> i64 {
        self.plain.timestamp_millis()
    }

    fn raw_key(&self) -> Option<&[u8]> {
        self.plain.raw_key()
    }

    fn raw_value(&self) -> Option<&[u8]> {
        self.plain.raw_value()
    }

    fn header(&self, name: &str) -> Option<Option<&[u8]>> {
        self.plain.header(name)
    }

    fn key(&self) -> Result<Decoded<'_>, Undecodable> {
        decoded(&self.view.key).unwrap_or_else(|| self.plain.key())
    }

    fn value(&self) -> Result<Decoded<'_>, Undecodable> {
        decoded(&self.view.value).unwrap_or_else(|| self.plain.value())
    }
}
