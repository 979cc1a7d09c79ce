//! UUIDs as Kafka writes them: text.
//!
//! For topics shared with Kafka's `UUIDSerializer`. It never reads the 16-byte form: for that, write a closure.

use ::uuid::fmt::Hyphenated;
use bytes::{Bytes, BytesMut};

use super::WrongLength;
use crate::{BoxError, DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// A UUID as its 36 characters: Kafka's `UUIDSerializer`.
///
/// Takes `uuid::Uuid`, and newtypes that convert to and from it. Writes lower case; reads both cases, and no other
/// form of a UUID (Kafka's deserializer also takes shortened groups such as `1-1-1-1-1`, which no serializer writes).
///
/// ```
/// use bytes::BytesMut;
/// use kestrel_serde::{Deserializer, SerdeContext, Serializer};
/// use uuid::Uuid;
///
/// let ctx = SerdeContext::key("orders");
/// let order = Uuid::from_u128(0x123e4567_e89b_12d3_a456_426614174000);
/// let mut out = BytesMut::new();
/// kestrel_serde::Uuid.serialize(&mut ctx.writing(), &order, &mut out)?;
/// assert_eq!(&out[..], b"123e4567-e89b-12d3-a456-426614174000");
/// let read: Uuid = kestrel_serde::Uuid.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(read, order);
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uuid;

impl<T> Serializer<T> for Uuid
where
    T: Copy + TryInto<::uuid::Uuid, Error: Into<BoxError>>,
{
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let uuid: ::uuid::Uuid = (*value).try_into().map_err(|cause| SerdeError::encode(ctx, cause))?;
        let mut text = [0; Hyphenated::LENGTH];
        out.extend_from_slice(uuid.hyphenated().encode_lower(&mut text).as_bytes());
        Ok(())
    }
}

impl<T> Deserializer<T> for Uuid
where
    T: TryFrom<::uuid::Uuid, Error: Into<BoxError>>,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        // Of the forms that the parser takes, the length picks the hyphenated one.
        if bytes.len() != Hyphenated::LENGTH {
            let cause = WrongLength { expected: Hyphenated::LENGTH, found: bytes.len() };
            return Err(SerdeError::decode(ctx, cause));
        }
        let uuid = ::uuid::Uuid::try_parse_ascii(bytes).map_err(|cause| SerdeError::decode(ctx, cause))?;
        T::try_from(uuid).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}
