//! Numbers of fixed size, most significant byte first.
//!
//! For keys and values that other clients write with Kafka's number serializers. They never accept other lengths.

use bytes::{Bytes, BytesMut};

use super::WrongLength;
use crate::{BoxError, DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $number:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name;

        impl<T> Serializer<T> for $name
        where
            T: Copy + TryInto<$number, Error: Into<BoxError>>,
        {
            fn serialize(&self, ctx: &mut SerializeContext<'_>, value: &T, out: &mut BytesMut) -> Result<(), SerdeError> {
                let number: $number = (*value).try_into().map_err(|cause| SerdeError::encode(ctx, cause))?;
                out.extend_from_slice(&number.to_be_bytes());
                Ok(())
            }
        }

        impl<T> Deserializer<T> for $name
        where
            T: TryFrom<$number, Error: Into<BoxError>>,
        {
            fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
                let bytes = bytes.as_ref().try_into().map_err(|_| {
                    SerdeError::decode(ctx, WrongLength { expected: size_of::<$number>(), found: bytes.len() })
                })?;
                T::try_from(<$number>::from_be_bytes(bytes)).map_err(|cause| SerdeError::decode(ctx, cause))
            }
        }
    };
}

number! {
    /// A 32-bit signed integer in 4 bytes, big endian: Kafka's `IntegerSerializer`.
    ///
    /// Takes `i32`, and every type that converts to and from it: newtypes, and other integers, whose values must fit.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use kestrel_serde::{Deserializer, Int32, SerdeContext, Serializer};
    ///
    /// #[derive(Debug, Clone, Copy, PartialEq)]
    /// struct TruckId(i32);
    ///
    /// impl From<TruckId> for i32 {
    ///     fn from(id: TruckId) -> i32 {
    ///         id.0
    ///     }
    /// }
    ///
    /// impl From<i32> for TruckId {
    ///     fn from(id: i32) -> Self {
    ///         Self(id)
    ///     }
    /// }
    ///
    /// let ctx = SerdeContext::key("truck_gps");
    /// let mut out = BytesMut::new();
    /// Int32.serialize(&mut ctx.writing(), &TruckId(258), &mut out)?;
    /// assert_eq!(&out[..], [0, 0, 1, 2]);
    /// let id: TruckId = Int32.deserialize(&ctx.reading(), &out.freeze())?;
    /// assert_eq!(id, TruckId(258));
    ///
    /// let too_big = Int32.serialize(&mut ctx.writing(), &3_000_000_000_u32, &mut BytesMut::new()).unwrap_err();
    /// assert!(format!("{too_big:#}").starts_with("cannot encode the key of topic truck_gps: out of range"));
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    Int32, i32
}

number! {
    /// A 64-bit signed integer in 8 bytes, big endian: Kafka's `LongSerializer`.
    ///
    /// Takes `i64`, and every type that converts to and from it: newtypes, and other integers, whose values must fit.
    Int64, i64
}

number! {
    /// A 32-bit float in 4 bytes, IEEE 754, big endian: Kafka's `FloatSerializer`.
    ///
    /// Takes `f32`, and every type that converts to and from it, such as newtypes. A NaN keeps its bits, as it
    /// does in Kafka.
    Float32, f32
}

number! {
    /// A 64-bit float in 8 bytes, IEEE 754, big endian: Kafka's `DoubleSerializer`.
    ///
    /// Takes `f64`, and every type that converts to and from it, such as newtypes. A NaN keeps its bits; Kafka
    /// writes each one as `7ff8000000000000`, and reads all.
    Float64, f64
}
