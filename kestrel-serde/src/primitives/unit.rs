//! Nothing.
//!
//! For keys or values that carry no meaning. It never looks at bytes.

use bytes::{Bytes, BytesMut};

use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Nothing: writes no bytes, and reads `()` from any bytes.
///
/// Unlike Kafka's `VoidSerializer`, which makes the key or value null, this makes it empty. A null is a missing key
/// or a tombstone, which the client has its own words for.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Deserializer, SerdeContext, Serializer, Unit};
///
/// let ctx = SerdeContext::value("heartbeats");
/// let mut out = BytesMut::new();
/// Unit.serialize(&mut ctx.writing(), &(), &mut out)?;
/// assert!(out.is_empty());
/// Unit.deserialize(&ctx.reading(), &Bytes::from_static(b"whatever"))?;
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unit;

impl Serializer<()> for Unit {
    fn serialize(&self, _: &mut SerializeContext<'_>, _: &(), _: &mut BytesMut) -> Result<(), SerdeError> {
        Ok(())
    }
}

impl Deserializer<()> for Unit {
    fn deserialize(&self, _: &DeserializeContext<'_>, _: &Bytes) -> Result<(), SerdeError> {
        Ok(())
    }
}
