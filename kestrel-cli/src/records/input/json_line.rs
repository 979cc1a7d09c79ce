//! A line as `consume` writes it: all of a record as JSON.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kestrel_client::Headers;
use serde::Deserialize;
use serde_json::Value;

use super::{Content, Draft};

/// The members of a line. One that is not known is an error: a misspelt name would be a key that is lost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    topic: Option<Cow<'a, str>>,
    partition: Option<i32>,
    #[serde(rename = "offset")]
    _offset: Option<i64>,
    timestamp: Option<i64>,
    #[serde(rename = "timestamp_type")]
    _timestamp_type: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Vec<HeaderLine<'a>>,
    key: Option<Value>,
    key_base64: Option<Cow<'a, str>>,
    key_decoded: Option<Value>,
    #[serde(rename = "key_error")]
    _key_error: Option<Cow<'a, str>>,
    value: Option<Value>,
    value_base64: Option<Cow<'a, str>>,
    value_decoded: Option<Value>,
    #[serde(rename = "value_error")]
    _value_error: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine<'a> {
    key: String,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
    value_base64: Option<Cow<'a, str>>,
}

pub(super) fn read(line: &[u8]) -> Result<Draft, String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => format!("it is no record: {error}"),
        _ => format!("it is no JSON: {error}"),
    })?;
    let mut headers = Headers::with_capacity(line.headers.len());
    for HeaderLine { key, value, value_base64 } in line.headers {
        let value = value.map(|text| Bytes::from(text.into_owned()));
        let value = bytes("the value of a header", value, value_base64.as_deref())?;
        headers.push(key, value);
    }
    Ok(Draft {
        topic: line.topic.map(Cow::into_owned),
        partition: line.partition,
        timestamp_millis: line.timestamp,
        headers,
        key: content("key", line.key, line.key_base64.as_deref(), line.key_decoded)?,
        value: content("value", line.value, line.value_base64.as_deref(), line.value_decoded)?,
    })
}

fn content(
    name: &str,
    plain: Option<Value>,
    base64: Option<&str>,
    decoded: Option<Value>,
) -> Result<Content, String> {
    let text = match plain {
        Some(Value::String(text)) => Some(Bytes::from(text)),
        Some(_) if base64.is_some() || decoded.is_some() => {
            return Err(format!(
                "`{name}` is a text where `{name}_base64` or `{name}_decoded` stands beside it"
            ));
        }
        Some(value) => return Ok(Content::Json(value)),
        None => None,
    };
    Ok(match (bytes(name, text, base64)?, decoded) {
        (bytes, None) => Content::Bytes(bytes),
        (Some(bytes), Some(decoded)) => Content::Both(bytes, decoded),
        (None, Some(decoded)) => Content::Decoded(decoded),
    })
}

/// The bytes that are said as a text or in base64; null where neither is.
fn bytes(name: &str, text: Option<Bytes>, base64: Option<&str>) -> Result<Option<Bytes>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err(format!("{name} is said twice, as a text and in base64")),
        (None, Some(base64)) => {
            let bytes = STANDARD.decode(base64).map_err(|error| format!("{name} is no base64: {error}"))?;
            Ok(Some(bytes.into()))
        }
        (text, None) => Ok(text),
    }
}

/// Whether a line is one that `consume` wrote: whoever takes it for text would make a record of a record.
pub(crate) fn looks_like_a_record(line: &[u8]) -> bool {
    line.starts_with(br#"{"topic":"#)
        && serde_json::from_slice::<Line<'_>>(line).is_ok_and(|line| line._offset.is_some())
}
