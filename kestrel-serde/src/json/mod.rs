//! JSON.
//!
//! For any type of serde's. It keeps no schema and never checks one: a type's own `Deserialize` is the check.

use bytes::{BufMut, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::ser::{self, Serialize};

use crate::guard::{self, Refusal, Rules};
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Any `Serialize` or `Deserialize` type as one JSON document in UTF-8, without white space between its parts.
///
/// Bytes after the document are an error, and so are more than 127 levels of arrays and objects in each other. Fields that
/// the type does not know are skipped, unless it says `#[serde(deny_unknown_fields)]`; fields that it misses are an error,
/// unless it says `#[serde(default)]`.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Deserializer, Json, SerdeContext, Serializer};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Click {
///     page: String,
///     x: u32,
/// }
///
/// let ctx = SerdeContext::value("clicks");
/// let click = Click { page: "/".into(), x: 7 };
/// let mut out = BytesMut::new();
/// Json.serialize(&mut ctx.writing(), &click, &mut out)?;
/// assert_eq!(&out[..], br#"{"page":"/","x":7}"#);
/// let read: Click = Json.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(read, click);
///
/// let poison: Result<Click, _> = Json.deserialize(&ctx.reading(), &Bytes::from_static(br#"{"page":"/"}"#));
/// // cannot decode the value of topic clicks: missing field `x` at line 1 column 12
/// assert!(format!("{:#}", poison.unwrap_err()).starts_with("cannot decode the value of topic clicks: "));
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
///
/// # What is written is read back
///
/// As the same value, into the same type: every finite number to its last bit, also as the key of a map. What the reader
/// would refuse, or take for something else, is an encode error that names the field:
///
/// - NaN and the infinities, which JSON does not have;
/// - `Some` of what is null itself (`Some(None)`, `Some(())`, `Some(Value::Null)`), which would come back as `None`. A type
///   that tells an absent field from a null one writes the null itself, with `serialize_none` in a `serialize_with`
///   (`serde_with`'s `double_option` does so);
/// - more than 127 levels of arrays and objects, and maps whose keys are no strings, numbers, booleans or plain enums;
/// - a name twice in one object: of `#[serde(flatten)]` and a field, or of a tag and a field.
///
/// What no writer can see stays the type's affair: serde reads fields beside `#[serde(flatten)]` and the contents of untagged and
/// internally tagged enums without knowing their types. There, keys of maps that are not strings and integers above 64 bits are
/// refused when they are read, and the first variant of an untagged enum that fits is taken. An attribute that writes
/// other than it reads (`skip_serializing` without `default`, `serialize_with` alone, `rename(serialize = "…")`) does what it says.
///
/// ```
/// use bytes::BytesMut;
/// use kestrel_serde::{Json, SerdeContext, Serializer};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Trip {
///     speeds: Vec<f64>,
/// }
///
/// let error = Json.serialize(&mut SerdeContext::value("trips").writing(), &Trip { speeds: vec![1.5, f64::NAN] }, &mut BytesMut::new());
/// assert_eq!(
///     format!("{:#}", error.unwrap_err()),
///     "cannot encode the value of topic trips: field speeds[1]: JSON has no number NaN"
/// );
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

impl<T> Serializer<T> for Json
where
    T: Serialize + ?Sized,
{
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let mut writer = serde_json::Serializer::new(out.writer());
        guard::write(&RULES, value, &mut writer).map_err(|refusal| SerdeError::encode(ctx, named(refusal)))
    }
}

impl<T> Deserializer<T> for Json
where
    T: DeserializeOwned,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        serde_json::from_slice(bytes).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

/// What `serde_json` reads back.
const RULES: Rules = Rules {
    max_levels: 127,
    too_deep: "more than 127 levels of arrays and objects, which no reader takes",
    is_json: true,
};

fn named(refusal: Refusal<serde_json::Error>) -> serde_json::Error {
    let Refusal { error, field, .. } = refusal;
    if field.is_empty() { error } else { ser::Error::custom(format_args!("field {field}: {error}")) }
}

#[cfg(test)]
mod tests;
