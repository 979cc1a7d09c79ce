//! Decoding: what the bytes of keys and values mean, as JSON. What cannot be decoded stays what it is, with the reason.
//!
//! A decoder never waits: where a schema has to be fetched first it says so, and whoever reads awaits [`Decoder::ready`].

mod internal;
mod plain;

use std::borrow::Cow;

use bytes::Bytes;
use kestrel_client::registry::{AnySchema, Registry};
use kestrel_client::serde::{Deserializer, Part, ReadHeaders, SerdeContext, SerdeError};
use serde_json::Value;

use super::field_format::FieldFormat;
use super::view::{HeaderPair, Meaning};

/// The decoders of the keys and values of topics.
#[derive(Debug)]
pub(crate) struct Decoder {
    key: FieldFormat,
    value: FieldFormat,
    schemas: Option<AnySchema>,
}

/// What bytes turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decoded {
    /// Bytes, and no more is to be said.
    Bytes,
    /// This.
    Json(Value),
    /// Not what they should be, for this reason.
    Unreadable(String),
    /// Nobody knows before their schema is there.
    NotReady,
}

/// A key or a value with the record that it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) topic: &'a str,
    pub(crate) part: Part,
    pub(crate) headers: &'a [HeaderPair<'a>],
    /// The record's key, which says what the value is in Kafka's own topics.
    pub(crate) key: Option<&'a Bytes>,
    pub(crate) bytes: &'a Bytes,
}

/// How one key or value is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Not,
    Internal,
    Plain(FieldFormat),
    Registered,
}

impl Decoder {
    /// Decoders of these formats, with a registry if there is one.
    pub(crate) fn new(key: FieldFormat, value: FieldFormat, registry: Option<&Registry>) -> Self {
        Self { key, value, schemas: registry.map(Registry::any_schema) }
    }

    /// Whether there may be anything to decode: if not, records are passed on as they are.
    pub(crate) fn is_idle(&self, topic: &str) -> bool {
        let is_idle = |format| match format {
            FieldFormat::Bytes => true,
            FieldFormat::Auto => self.schemas.is_none() && !internal::is_known(topic),
            _ => false,
        };
        is_idle(self.key) && is_idle(self.value)
    }

    /// What a key or value means.
    pub(crate) fn decode(&self, encoded: &Encoded<'_>) -> Decoded {
        match self.way(encoded) {
            Way::Not => Decoded::Bytes,
            Way::Internal => internal::decode(encoded),
            Way::Plain(format) => plain::decode(format, encoded.bytes),
            Way::Registered => self.by_schema(encoded),
        }
    }

    fn way(&self, encoded: &Encoded<'_>) -> Way {
        let format = match encoded.part {
            Part::Key => self.key,
            Part::Value => self.value,
        };
        match format {
            FieldFormat::Bytes => Way::Not,
            FieldFormat::Auto if internal::is_known(encoded.topic) => Way::Internal,
            FieldFormat::Auto => match &self.schemas {
                Some(_) if names_a_schema(encoded) => Way::Registered,
                _ => Way::Not,
            },
            registered if registered.needs_registry() => Way::Registered,
            plain => Way::Plain(plain),
        }
    }

    fn by_schema(&self, encoded: &Encoded<'_>) -> Decoded {
        let Some(schemas) = &self.schemas else {
            return Decoded::Unreadable("there is no schema registry: --registry names one".into());
        };
        let headers = PairHeaders(encoded.headers);
        let ctx = context(encoded).reading().with_headers(&headers);
        match schemas.deserialize_now(&ctx, encoded.bytes) {
            None => Decoded::NotReady,
            Some(Ok(value)) => Decoded::Json(value),
            Some(Err(error)) => Decoded::Unreadable(reason(&error)),
        }
    }

    /// Waits until a key or value that was not ready can be decoded, or says why it cannot.
    pub(crate) async fn ready(&self, encoded: &Encoded<'_>) -> Result<(), String> {
        let Some(schemas) = &self.schemas else { return Ok(()) };
        let headers = PairHeaders(encoded.headers);
        let ctx = context(encoded).reading().with_headers(&headers);
        schemas.ready(ctx, encoded.bytes).await.map_err(|error| reason(&error))
    }
}

impl Decoded {
    /// The same, borrowed, as formats take it.
    pub(crate) fn meaning(&self) -> Meaning<'_> {
        match self {
            Self::Bytes | Self::NotReady => Meaning::Bytes,
            Self::Json(value) => Meaning::Json(value),
            Self::Unreadable(reason) => Meaning::Unreadable(reason),
        }
    }
}

fn context<'a>(encoded: &Encoded<'a>) -> SerdeContext<'a> {
    SerdeContext::new(encoded.topic, encoded.part)
}

/// Whether the bytes or a header look as if they named a schema.
fn names_a_schema(encoded: &Encoded<'_>) -> bool {
    const ID_FRAME: usize = 1 + 4;
    const GUID_FRAME: usize = 1 + 16;
    let header = match encoded.part {
        Part::Key => "__key_schema_id",
        Part::Value => "__value_schema_id",
    };
    let is_framed = match encoded.bytes.first() {
        Some(0) => encoded.bytes.len() >= ID_FRAME,
        Some(1) => encoded.bytes.len() >= GUID_FRAME,
        _ => false,
    };
    is_framed || encoded.headers.iter().any(|(name, _)| *name == header)
}

/// What failed and why, without the topic, which stands beside it.
fn reason(error: &SerdeError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let causes: Vec<Cow<'_, str>> = causes.map(|cause| cause.to_string().into()).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// The headers of a record as formats look for them.
#[derive(Debug)]
struct PairHeaders<'a>(&'a [HeaderPair<'a>]);

impl ReadHeaders for PairHeaders<'_> {
    fn last(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().rfind(|(key, _)| *key == name)?.1
    }
}
