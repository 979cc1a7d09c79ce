//! Text.
//!
//! For string keys and text payloads. It never replaces malformed text by a substitute, as Kafka's `StringDeserializer`
//! does: such a record is a poison pill.

use std::str;

use bytes::{Bytes, BytesMut};

use crate::{BoxError, DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Text as UTF-8: Kafka's `StringSerializer`.
///
/// Writes whatever is `AsRef<str>` (`str`, `String`, your newtype). Reads whatever can be made from a `String`:
/// `String`, `Box<str>`, `Arc<str>`, and newtypes with `From<String>` or `TryFrom<String>`, whose error is the cause
/// of the poison pill.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Deserializer, SerdeContext, Serializer, Utf8};
///
/// #[derive(Debug, PartialEq)]
/// struct UserId(String);
///
/// impl AsRef<str> for UserId {
///     fn as_ref(&self) -> &str {
///         &self.0
///     }
/// }
///
/// impl TryFrom<String> for UserId {
///     type Error = &'static str;
///
///     fn try_from(text: String) -> Result<Self, Self::Error> {
///         if text.is_empty() { Err("a user id is not empty") } else { Ok(Self(text)) }
///     }
/// }
///
/// let ctx = SerdeContext::key("clicks");
/// let mut out = BytesMut::new();
/// Utf8.serialize(&mut ctx.writing(), &UserId("ada".into()), &mut out)?;
/// let user: UserId = Utf8.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(user, UserId("ada".into()));
///
/// let poison: Result<UserId, _> = Utf8.deserialize(&ctx.reading(), &Bytes::new());
/// assert_eq!(format!("{:#}", poison.unwrap_err()), "cannot decode the key of topic clicks: a user id is not empty");
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Utf8;

impl<T> Serializer<T> for Utf8
where
    T: AsRef<str> + ?Sized,
{
    fn serialize(
        &self,
        _: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        out.extend_from_slice(value.as_ref().as_bytes());
        Ok(())
    }

    fn as_bytes<'a>(&self, value: &'a T) -> Option<&'a [u8]> {
        Some(value.as_ref().as_bytes())
    }
}

impl<T> Deserializer<T> for Utf8
where
    T: TryFrom<String, Error: Into<BoxError>>,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        let text = str::from_utf8(bytes).map_err(|cause| SerdeError::decode(ctx, cause))?;
        T::try_from(text.to_owned()).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}
