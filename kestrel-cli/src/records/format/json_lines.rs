//! JSON lines: a record in a line, with all of it, so that `produce` writes the same record again. Pure.
//!
//! ```text
//!   {"topic":"t","partition":0,"offset":7,"timestamp":1796026500000,"timestamp_type":"create",
//!    "headers":[{"key":"source","value":"usgs"}],"key":"us7000abcd","value":null}
//! ```
//!
//! Bytes that are UTF-8 are `value`; others are `value_base64`. What a decoder made of them stands beside as `value_decoded`, or
//! `value_error` says why it could not. The same of the key, and of a header's value without the decoder.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kestrel_client::TimestampType;
use serde::Serialize;

use crate::records::view::{Field, Meaning, View};

/// What is written of a key or value that was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Bytes {
    /// The bytes and what they mean: nothing is lost.
    #[default]
    Kept,
    /// What they mean, alone.
    LeftOut,
}

pub(super) fn write(view: &View<'_>, bytes: Bytes, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"topic":"#);
    json(view.topic, out);
    out.extend_from_slice(br#","partition":"#);
    json(&view.partition, out);
    out.extend_from_slice(br#","offset":"#);
    json(&view.offset, out);
    out.extend_from_slice(br#","timestamp":"#);
    json(&view.timestamp_millis, out);
    out.extend_from_slice(match view.timestamp_type {
        TimestampType::Create => br#","timestamp_type":"create","headers":["#,
        TimestampType::LogAppend => br#","timestamp_type":"log_append","headers":["#,
    });
    for (index, (key, value)) in view.headers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { br#"{"key":"# } else { br#",{"key":"# });
        json(key, out);
        content("value", *value, out);
        out.push(b'}');
    }
    out.push(b']');
    field("key", &view.key, bytes, out);
    field("value", &view.value, bytes, out);
    out.extend_from_slice(b"}\n");
}

fn field(name: &str, field: &Field<'_>, bytes: Bytes, out: &mut Vec<u8>) {
    match field.meaning {
        Meaning::Json(meaning) => {
            if bytes == Bytes::Kept {
                content(name, field.bytes, out);
            }
            member(name, "_decoded", out);
            json(meaning, out);
        }
        Meaning::Unreadable(reason) => {
            content(name, field.bytes, out);
            member(name, "_error", out);
            json(reason, out);
        }
        Meaning::Bytes => content(name, field.bytes, out),
    }
}

/// Bytes as the member `name` if they are a text or null, and else as `name_base64`.
fn content(name: &str, bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => {
            member(name, "", out);
            out.extend_from_slice(b"null");
        }
        Some(Ok(text)) => {
            member(name, "", out);
            json(text, out);
        }
        Some(Err(bytes)) => {
            member(name, "_base64", out);
            out.push(b'"');
            base64(bytes, out);
            out.push(b'"');
        }
    }
}

fn member(name: &str, ending: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(ending.as_bytes());
    out.extend_from_slice(b"\":");
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    STANDARD.encode_slice(bytes, &mut out[start..]).expect("there is room for all of it");
}

fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("memory takes what is written, and these have a form in JSON");
}
