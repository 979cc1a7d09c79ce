//! Encoding: what is written for a key or a value. The counterpart of decoding.

use bytes::{Bytes, BytesMut};
use kestrel_client::Headers;
use kestrel_client::serde::{AddedHeaders, Part, ReadHeaders, SerdeContext, SerdeError, Serializer};
use serde_json::Value;

use super::field_format::FieldFormat;
use super::input::Content;

/// Writes the keys or the values of records.
pub(crate) enum Encoder {
    /// The bytes as they are.
    AsTheyAre,
    /// What a format without a schema writes.
    Plain(FieldFormat),
    /// What a format with a schema registry writes.
    Registered(Box<dyn Serializer<Value>>),
}

impl Encoder {
    /// The bytes of a key or value of a topic; takes headers away that would say something else of its schema.
    pub(crate) async fn encode(
        &self,
        (topic, part): (&str, Part),
        headers: &mut Headers,
        content: Content,
    ) -> Result<Option<Bytes>, String> {
        match self {
            Self::AsTheyAre => content.into_bytes(),
            Self::Plain(format) => plain(*format, content),
            Self::Registered(serializer) => {
                let Some(value) = content.into_value()? else { return Ok(None) };
                let ctx = SerdeContext::new(topic, part);
                serializer.ready(ctx).await.map_err(|error| reason(&error))?;
                registered(&**serializer, ctx, headers, &value).map(Some).map_err(|error| reason(&error))
            }
        }
    }
}

fn registered(
    serializer: &dyn Serializer<Value>,
    ctx: SerdeContext<'_>,
    headers: &mut Headers,
    value: &Value,
) -> Result<Bytes, SerdeError> {
    let there = OwnHeaders(headers);
    let mut ctx = ctx.writing().with_headers(&there);
    let mut bytes = BytesMut::new();
    serializer.serialize(&mut ctx, value, &mut bytes)?;
    let mut changed = ctx.into_added();
    if !changed.is_empty() {
        change(headers, &mut changed);
    }
    Ok(bytes.freeze())
}

fn change(headers: &mut Headers, changed: &mut AddedHeaders) {
    let kept = std::mem::take(headers).into_iter().filter(|header| !changed.removes(&header.key));
    *headers = kept.collect();
    for (name, value) in changed.drain() {
        headers.push(name.into_owned(), Some(value));
    }
}

fn plain(format: FieldFormat, content: Content) -> Result<Option<Bytes>, String> {
    let whole = |value: &Value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    let fraction = |value: &Value| match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    if format == FieldFormat::String {
        let bytes = text(content)?;
        return match bytes.as_deref().map(std::str::from_utf8) {
            Some(Err(error)) => Err(format!("it is no UTF-8: {error}")),
            _ => Ok(bytes),
        };
    }
    let Some(value) = content.into_value()? else { return Ok(None) };
    let number = match format {
        FieldFormat::Int32 => whole(&value)
            .and_then(|number| i32::try_from(number).ok())
            .map(|number| number.to_be_bytes().to_vec()),
        FieldFormat::Int64 => whole(&value).map(|number| number.to_be_bytes().to_vec()),
        #[expect(clippy::cast_possible_truncation, reason = "the nearest one is meant")]
        FieldFormat::Float32 => fraction(&value).map(|number| (number as f32).to_be_bytes().to_vec()),
        FieldFormat::Float64 => fraction(&value).map(|number| number.to_be_bytes().to_vec()),
        _ => return Ok(Some(value.to_string().into())),
    };
    number.map(|bytes| Some(bytes.into())).ok_or_else(|| format!("{value} is no number of that kind"))
}

/// The bytes, or those of the text that was decoded.
fn text(content: Content) -> Result<Option<Bytes>, String> {
    match content {
        Content::Json(Value::String(text)) | Content::Decoded(Value::String(text)) => Ok(Some(text.into())),
        other => other.into_bytes(),
    }
}

/// What failed, and why.
fn reason(error: &SerdeError) -> String {
    format!("{error:#}")
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AsTheyAre => "AsTheyAre",
            Self::Plain(_) => "Plain",
            Self::Registered(_) => "Registered",
        })
    }
}

/// The headers of a record as formats look for them.
#[derive(Debug)]
struct OwnHeaders<'a>(&'a Headers);

impl ReadHeaders for OwnHeaders<'_> {
    fn last(&self, name: &str) -> Option<&[u8]> {
        self.0.last(name).flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_kafkas_serializers_write_them() {
        for (format, content, bytes) in [
            (FieldFormat::Int32, Content::Bytes(Some("-1".into())), &[0xff; 4][..]),
            (FieldFormat::Int64, Content::Json(json!("256")), &[0, 0, 0, 0, 0, 0, 1, 0]),
            (FieldFormat::Float64, Content::Decoded(json!(4.5)), &4.5_f64.to_be_bytes()),
            (FieldFormat::Float64, Content::Decoded(json!("inf")), &f64::INFINITY.to_be_bytes()),
            (FieldFormat::Json, Content::Bytes(Some("{\"a\": 1}".into())), b"{\"a\":1}"),
            (FieldFormat::String, Content::Decoded(json!("a")), b"a"),
        ] {
            assert_eq!(plain(format, content).unwrap().as_deref(), Some(bytes), "{format:?}");
        }
        assert_eq!(plain(FieldFormat::Int32, Content::Bytes(None)), Ok(None));
        for (format, content) in [
            (FieldFormat::Int32, Content::Json(json!(1_u64 << 40))),
            (FieldFormat::Int64, Content::Bytes(Some("seven".into()))),
            (FieldFormat::Json, Content::Bytes(Some("{".into()))),
            (FieldFormat::String, Content::Bytes(Some(vec![0xff].into()))),
            (FieldFormat::String, Content::Decoded(json!(7))),
        ] {
            assert!(plain(format, content).is_err(), "{format:?}");
        }
    }

    #[test]
    fn a_schema_that_a_record_had_before_is_forgotten() {
        let mut headers: Headers =
            [("a", Some("1".into())), ("__value_schema_id", Some("old".into()))].into_iter().collect();
        let mut changed = AddedHeaders::new();
        changed.remove("__value_schema_id");
        changed.push("__value_schema_id", Bytes::from_static(b"new"));
        change(&mut headers, &mut changed);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.last("__value_schema_id"), Some(Some(&b"new"[..])));
    }
}
