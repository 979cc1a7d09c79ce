//! Formats made of one closure.
//!
//! For a type whose bytes take one line; callers give it to a topic handle or consumer like any other format. It never
//! waits: a format that must fetch something implements the traits itself.

use std::fmt;
use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};

use crate::{BoxError, DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// A serializer from a closure that appends the bytes of a value.
///
/// The closure must only append, because `out` may hold other bytes. Its error becomes [`SerdeError::Encode`].
///
/// ```
/// use bytes::{BufMut, BytesMut};
/// use kestrel_serde::{SerdeContext, Serializer, serialize_with};
///
/// struct TruckId(u16);
///
/// let truck_id = serialize_with(|id: &TruckId, out| {
///     out.put_u16(id.0);
///     Ok(())
/// });
/// let mut out = BytesMut::new();
/// truck_id.serialize(&mut SerdeContext::key("truck_gps").writing(), &TruckId(258), &mut out)?;
/// assert_eq!(&out[..], [1, 2]);
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
pub fn serialize_with<T, F>(append: F) -> SerializeWith<T, F>
where
    T: ?Sized + 'static,
    F: Fn(&T, &mut BytesMut) -> Result<(), BoxError> + Send + Sync + 'static,
{
    SerializeWith { append, value: PhantomData }
}

/// A deserializer from a closure that reads a value from all of its bytes.
///
/// The closure's error becomes [`SerdeError::Decode`]: a poison pill.
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::{Deserializer, SerdeContext, deserialize_with};
///
/// #[derive(Debug, PartialEq)]
/// struct TruckId(u16);
///
/// let truck_id = deserialize_with(|bytes| Ok(TruckId(u16::from_be_bytes(bytes.as_ref().try_into()?))));
/// let ctx = SerdeContext::key("truck_gps");
/// assert_eq!(truck_id.deserialize(&ctx.reading(), &Bytes::from_static(&[1, 2]))?, TruckId(258));
/// assert!(truck_id.deserialize(&ctx.reading(), &Bytes::from_static(&[1, 2, 3])).is_err());
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
pub fn deserialize_with<T, F>(read: F) -> DeserializeWith<T, F>
where
    T: 'static,
    F: Fn(&Bytes) -> Result<T, BoxError> + Send + Sync + 'static,
{
    DeserializeWith { read, value: PhantomData }
}

/// The serializer that [`serialize_with`] makes.
pub struct SerializeWith<T: ?Sized, F> {
    append: F,
    value: PhantomData<fn(&T)>,
}

impl<T, F> Serializer<T> for SerializeWith<T, F>
where
    T: ?Sized + 'static,
    F: Fn(&T, &mut BytesMut) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        (self.append)(value, out).map_err(|cause| SerdeError::encode(ctx, cause))
    }
}

impl<T: ?Sized, F: Clone> Clone for SerializeWith<T, F> {
    fn clone(&self) -> Self {
        Self { append: self.append.clone(), value: PhantomData }
    }
}

impl<T: ?Sized, F> fmt::Debug for SerializeWith<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerializeWith<{}>", std::any::type_name::<T>())
    }
}

/// The deserializer that [`deserialize_with`] makes.
pub struct DeserializeWith<T, F> {
    read: F,
    value: PhantomData<fn() -> T>,
}

impl<T, F> Deserializer<T> for DeserializeWith<T, F>
where
    T: 'static,
    F: Fn(&Bytes) -> Result<T, BoxError> + Send + Sync + 'static,
{
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        (self.read)(bytes).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

impl<T, F: Clone> Clone for DeserializeWith<T, F> {
    fn clone(&self) -> Self {
        Self { read: self.read.clone(), value: PhantomData }
    }
}

impl<T, F> fmt::Debug for DeserializeWith<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeserializeWith<{}>", std::any::type_name::<T>())
    }
}
