//! Bytes as they are.
//!
//! For topics whose payload is opaque or parsed by the user. It never copies a payload that is read as [`Bytes`].

use bytes::{Bytes, BytesMut};

use crate::{BoxError, DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Bytes as they are: Kafka's `ByteArraySerializer`.
///
/// Writes whatever is `AsRef<[u8]>` (`[u8]`, `Vec<u8>`, [`Bytes`], your newtype). Reads whatever can be made from
/// [`Bytes`]: [`Bytes`] itself without a copy, as a slice that keeps the fetched batch in memory as long as it lives;
/// `Vec<u8>` as a copy that does not; and newtypes with `From<Bytes>` or `TryFrom<Bytes>`.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Deserializer, Raw, SerdeContext, Serializer};
///
/// let ctx = SerdeContext::value("images");
/// let mut out = BytesMut::new();
/// Raw.serialize(&mut ctx.writing(), &[0xff, 0xd8][..], &mut out)?;
/// let image: Bytes = Raw.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(image, [0xff, 0xd8][..]);
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Raw;

impl<T> Serializer<T> for Raw
where
    T: AsRef<[u8]> + ?Sized,
{
    fn serialize(
        &self,
        _: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        out.extend_from_slice(value.as_ref());
        Ok(())
    }

    fn as_bytes<'a>(&self, value: &'a T) -> Option<&'a [u8]> {
        Some(value.as_ref())
    }
}

impl<T> Deserializer<T> for Raw
where
    T: TryFrom<Bytes, Error: Into<BoxError>>,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        T::try_from(bytes.clone()).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}
