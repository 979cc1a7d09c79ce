//! Field: how each type that a table names is written and read in a version.
//!
//! Called by what [`message!`](crate::message) expands to.

use bytes::Bytes;
use bytestring::ByteString;

use super::Message;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::error_code::ErrorCode;
use crate::types::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId, SecretBytes, Uuid};
use crate::wire::{MAX_STRING_BYTES, Reader, Writer};

/// The version of the message at hand, handed down to its parts.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Version {
    pub number: i16,
    pub flexible: bool,
}

impl Version {
    #[doc(hidden)]
    #[must_use]
    pub fn of<M: Message>(number: i16) -> Self {
        Self { number, flexible: number >= M::FLEXIBLE_FROM }
    }
}

/// One value of a table: how its type is written and read.
#[doc(hidden)]
pub trait Field: Sized {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str);
    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError>;
}

/// A field that can be null, for the versions in which it must not be.
#[doc(hidden)]
pub trait Nullable {
    fn is_null(&self) -> bool;
    fn non_null() -> Self;
}

impl<T: Default> Nullable for Option<T> {
    fn is_null(&self) -> bool {
        self.is_none()
    }

    fn non_null() -> Self {
        Some(T::default())
    }
}

macro_rules! fixed_width_fields {
    ($($ty:ty: $get:ident $put:ident),+ $(,)?) => {
        $(impl Field for $ty {
            #[inline]
            fn encode(&self, writer: &mut Writer, _: Version, _: &'static str) {
                writer.$put(*self);
            }

            #[inline]
            fn decode(reader: &mut Reader, _: Version, what: &'static str) -> Result<Self, DecodeError> {
                reader.$get(what)
            }
        })+
    };
}

fixed_width_fields!(i8: get_i8 put_i8, i16: get_i16 put_i16, u16: get_u16 put_u16, i32: get_i32 put_i32,
    u32: get_u32 put_u32, i64: get_i64 put_i64, f64: get_f64 put_f64);

macro_rules! identity_fields {
    ($($ty:ident($inner:ty)),+ $(,)?) => {
        $(impl Field for $ty {
            #[inline]
            fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
                self.0.encode(writer, version, what);
            }

            #[inline]
            fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
                <$inner>::decode(reader, version, what).map($ty)
            }
        })+
    };
}

identity_fields!(NodeId(i32), LeaderEpoch(i32), ProducerId(i64), ProducerEpoch(i16));

impl Field for bool {
    fn encode(&self, writer: &mut Writer, _: Version, _: &'static str) {
        writer.put_i8(i8::from(*self));
    }

    fn decode(reader: &mut Reader, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        reader.get_i8(what).map(|byte| byte != 0)
    }
}

impl Field for ErrorCode {
    fn encode(&self, writer: &mut Writer, _: Version, _: &'static str) {
        writer.put_error_code(*self);
    }

    fn decode(reader: &mut Reader, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        reader.get_i16(what).map(Self::from_code)
    }
}

impl Field for Uuid {
    fn encode(&self, writer: &mut Writer, _: Version, _: &'static str) {
        writer.put_slice(&self.0);
    }

    fn decode(reader: &mut Reader, _: Version, what: &'static str) -> Result<Self, DecodeError> {
        let bytes = reader.get_slice(16, what)?;
        bytes.as_ref().try_into().map(Self).map_err(|_| DecodeError::new(DecodeErrorKind::Truncated, what))
    }
}

impl Field for Option<ByteString> {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
        let text = self.as_deref();
        match text.filter(|text| text.len() > MAX_STRING_BYTES && is_error_message(what)) {
            Some(text) => writer.put_string(Some(cut(text)), version.flexible, what),
            None => writer.put_string(text, version.flexible, what),
        }
    }

    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        reader.get_string(version.flexible, what)
    }
}

/// Whether a field of this name is a text for people, of which the beginning is worth more than nothing.
fn is_error_message(field: &str) -> bool {
    field.ends_with("error_message")
}

/// As much of a text as the protocol has room for.
fn cut(text: &str) -> &str {
    let whole_chars = (MAX_STRING_BYTES - 3..=MAX_STRING_BYTES).rev().find_map(|end| text.get(..end));
    whole_chars.unwrap_or(text)
}

impl Field for Option<Bytes> {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
        writer.put_bytes(self.as_ref(), version.flexible, what);
    }

    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        reader.get_bytes(version.flexible, what)
    }
}

impl Field for SecretBytes {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
        self.expose().encode(writer, version, what);
    }

    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        Bytes::decode(reader, version, what).map(Self::from)
    }
}

impl<T: Field> Field for Option<Vec<T>> {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
        writer.put_array_length(self.as_ref().map(Vec::len), version.flexible, what);
        for item in self.iter().flatten() {
            item.encode(writer, version, what);
        }
    }

    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let Some(count) = reader.get_array_length(version.flexible, what)? else { return Ok(None) };
        // A claimed count reserves no more memory than the bytes that are really there; the rest grows as it is read.
        let mut items = Vec::with_capacity(count.min(reader.remaining() / size_of::<T>().max(1)));
        for _ in 0..count {
            items.push(T::decode(reader, version, what)?);
        }
        Ok(Some(items))
    }
}

/// What is never null is read as what may be, and null refused.
macro_rules! never_null {
    ($ty:ty $(, $generic:ident)?) => {
        impl$(<$generic: Field>)? Field for $ty {
            fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
                Option::<Self>::decode(reader, version, what)?
                    .ok_or(DecodeError::new(DecodeErrorKind::UnexpectedNull, what))
            }

            never_null!(@encode $($generic)?);
        }
    };
    (@encode $generic:ident) => {
        fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
            writer.put_array_length(Some(self.len()), version.flexible, what);
            for item in self {
                item.encode(writer, version, what);
            }
        }
    };
    (@encode) => {
        fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
            // A shared handle, not a copy.
            Some(self.clone()).encode(writer, version, what);
        }
    };
}

never_null!(ByteString);
never_null!(Bytes);
never_null!(Vec<T>, T);

/// A structure of a table, so that an optional one is a field too.
#[doc(hidden)]
pub trait Structure: Field {
    fn throttle_time_ms(&self) -> i32;
    fn set_throttle_time_ms(&mut self, throttle_time_ms: i32);
}

/// Kafka writes -1 for a structure that is null and 1 before one that is there.
impl<T: Structure> Field for Option<T> {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
        writer.put_i8(if self.is_some() { 1 } else { -1 });
        if let Some(structure) = self {
            structure.encode(writer, version, what);
        }
    }

    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        match reader.get_i8(what)? {
            -1 => Ok(None),
            1 => T::decode(reader, version, what).map(Some),
            other => Err(DecodeError::new(DecodeErrorKind::InvalidLength(i64::from(other)), what)),
        }
    }
}

/// Writes a field that is null only where the version has null; elsewhere null becomes the empty value.
#[doc(hidden)]
pub fn encode_nullable<T: Field + Nullable>(
    field: &T,
    writer: &mut Writer,
    version: Version,
    may_be_null: bool,
    what: &'static str,
) {
    if field.is_null() && !may_be_null {
        T::non_null().encode(writer, version, what);
    } else {
        field.encode(writer, version, what);
    }
}

/// Whether two values of one type differ: names the type where `==` alone could not.
#[doc(hidden)]
pub fn differ<T: PartialEq>(left: &T, right: &T) -> bool {
    left != right
}
