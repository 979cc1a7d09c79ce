//! JSON.
//!
//! For any type of serde's. It keeps no schema and never checks one: a type's own `Deserialize` is the check.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Deserializer, SerdeContext, SerdeError, Serializer};

/// Any `Serialize` or `Deserialize` type as one JSON document in UTF-8, without white space between its parts.
///
/// Bytes after the document are an error, and so is nesting deeper than 128. Fields that the type does not know are
/// skipped, unless it says `#[serde(deny_unknown_fields)]`; fields that it misses are an error, unless it says
/// `#[serde(default)]`.
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
/// Json.serialize(ctx, &click, &mut out)?;
/// assert_eq!(&out[..], br#"{"page":"/","x":7}"#);
/// let read: Click = Json.deserialize(ctx, &out.freeze())?;
/// assert_eq!(read, click);
///
/// let poison: Result<Click, _> = Json.deserialize(ctx, &Bytes::from_static(br#"{"page":"/"}"#));
/// assert_eq!(
///     poison.unwrap_err().to_string(),
///     "cannot decode the value of topic clicks: missing field `x` at line 1 column 12"
/// );
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

impl<T> Serializer<T> for Json
where
    T: Serialize + ?Sized,
{
    fn serialize(&self, ctx: SerdeContext<'_>, value: &T, out: &mut BytesMut) -> Result<(), SerdeError> {
        serde_json::to_writer(out.writer(), value).map_err(|cause| SerdeError::encode(ctx, cause))
    }
}

impl<T> Deserializer<T> for Json
where
    T: DeserializeOwned,
{
    fn deserialize(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        serde_json::from_slice(bytes).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

#[cfg(test)]
mod tests;
