//! The messages of the protocol as tables: one file per API, expanded by [`message!`](crate::message).
//!
//! A row is `name: Type => versions, null versions, tag number, default value;`. Without `=>` a field is in every
//! version; without `null` an `Option` is nullable wherever it is present; a field outside the version at hand is
//! neither written nor read and keeps its default.
//!
//! ```
//! use bytestring::ByteString;
//! use kestrel_protocol::{Message, message, wire::{Reader, Writer}};
//!
//! message! {
//!     /// Asks for a greeting.
//!     GreetRequest(versions: 0..=1, flexible: 1..) {
//!         name: ByteString;
//!         language: Option<ByteString> => 1.., tag 0;
//!     }
//! }
//!
//! let request = GreetRequest { name: "you".into(), ..Default::default() };
//! let mut writer = Writer::default();
//! request.encode(&mut writer, 1);
//! assert_eq!(GreetRequest::decode(&mut Reader::new(writer.into_bytes().unwrap()), 1), Ok(request));
//! ```

use std::ops::RangeInclusive;

use bytes::Bytes;
use bytestring::ByteString;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::error_code::ErrorCode;
use crate::types::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId, Uuid};
use crate::wire::{MAX_STRING_BYTES, Reader, Writer};

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;

pub mod alter_configs;
pub mod api_versions;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_topic_partitions;
pub mod fetch;
pub mod find_coordinator;
pub mod get_telemetry_subscriptions;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sync_group;

/// A message with a table: a request, a response, or the key or value of an internal topic's record.
pub trait Message: Default + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// The name in Kafka's documentation.
    const NAME: &'static str;
    /// The versions that the table describes.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with compact lengths and tagged fields (KIP-482); `i16::MAX` where there is none.
    const FLEXIBLE_FROM: i16;

    /// Appends this message as `version` says. Fields that the version lacks are left out, error messages that are too
    /// long are cut, and anything else that is too long is an error at the end of the writer.
    ///
    /// # Panics
    /// When `version` is outside [`Message::VERSIONS`].
    fn encode(&self, writer: &mut Writer, version: i16);

    /// Reads a message of `version`. Never allocates more than a small multiple of what `reader` holds.
    ///
    /// # Errors
    /// When the version is not in the table or the bytes are not such a message. Bytes after it are left unread.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// How long the broker holds the client back (KIP-219), in milliseconds; 0 in a message that cannot say so.
    fn throttle_time_ms(&self) -> i32;
}

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

/// Declares a message and its parts from a table; the notation is described in [`messages`](crate::messages).
#[macro_export]
macro_rules! message {
    (
        $(#[$doc:meta])*
        $name:ident(versions: $versions:expr $(, flexible: $flexible:expr)?) { $($fields:tt)* }
        $($parts:tt)*
    ) => {
        $crate::__structure! { $(#[$doc])* $name { $($fields)* } }

        impl $crate::messages::Message for $name {
            const NAME: &'static str = stringify!($name);
            const VERSIONS: ::std::ops::RangeInclusive<i16> = $versions;
            #[allow(unused_assignments, unused_mut, reason = "a table without flexible versions keeps the start value")]
            const FLEXIBLE_FROM: i16 = {
                let mut first = i16::MAX;
                $(first = { let range: ::std::ops::RangeFrom<i16> = $flexible; range.start };)?
                first
            };

            fn encode(&self, writer: &mut $crate::wire::Writer, version: i16) {
                assert!(Self::VERSIONS.contains(&version), "{} has no version {version}", Self::NAME);
                let version = $crate::messages::Version::of::<Self>(version);
                $crate::messages::Field::encode(self, writer, version, Self::NAME);
            }

            fn decode(
                reader: &mut $crate::wire::Reader,
                version: i16,
            ) -> Result<Self, $crate::DecodeError> {
                if !Self::VERSIONS.contains(&version) {
                    let kind = $crate::DecodeErrorKind::UnsupportedVersion(version);
                    return Err($crate::DecodeError::new(kind, Self::NAME));
                }
                let version = $crate::messages::Version::of::<Self>(version);
                $crate::messages::Field::decode(reader, version, Self::NAME)
            }

            fn throttle_time_ms(&self) -> i32 {
                $crate::messages::Structure::throttle_time_ms(self)
            }
        }

        $crate::__structures! { $($parts)* }
    };
}

/// The parts of a message, one after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! __structures {
    ($($(#[$doc:meta])* $name:ident { $($fields:tt)* })*) => {
        $($crate::__structure! { $(#[$doc])* $name { $($fields)* } })*
    };
}

/// One structure of a table: the type, its defaults, how it is written and read.
#[doc(hidden)]
#[macro_export]
macro_rules! __structure {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(
                $(#[$field_doc:meta])*
                $field:ident: $ty:ty $(=> $versions:expr)? $(, null $null:expr)? $(, tag $tag:literal)?
                    $(, default $default:expr)? ;
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                $(#[$field_doc])*
                #[doc = concat!(
                    "`", stringify!($field), "`"
                    $(, ", versions `", stringify!($versions), "`")?
                    $(, ", nullable in versions `", stringify!($null), "`")?
                    $(, ", tag ", stringify!($tag))?
                    $(, ", default `", stringify!($default), "`")?, "."
                )]
                pub $field: $ty,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $crate::__default!($($default)?),)* }
            }
        }

        #[allow(unused_variables, unused_mut, reason = "an empty structure, or one that is in a single version")]
        impl $crate::messages::Field for $name {
            fn encode(
                &self,
                writer: &mut $crate::wire::Writer,
                version: $crate::messages::Version,
                what: &'static str,
            ) {
                $($crate::__encode_plain!(
                    self.$field, writer, version, stringify!($field); ($($versions)?) ($($null)?) ($($tag)?)
                );)*
                if version.flexible {
                    let mut tagged: Vec<(u32, $crate::wire::Writer, &'static str)> = Vec::new();
                    $($crate::__encode_tagged!(
                        self.$field, tagged, version, stringify!($field); ($($versions)?) ($($tag)?) ($($default)?)
                    );)*
                    writer.put_uvarint(u32::try_from(tagged.len()).expect("a table has few tags"));
                    for (tag, content, what) in tagged {
                        writer.put_tagged_field(tag, content, what);
                    }
                }
            }

            fn decode(
                reader: &mut $crate::wire::Reader,
                version: $crate::messages::Version,
                what: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                let mut this = Self::default();
                $($crate::__decode_plain!(
                    this.$field, reader, version, stringify!($field); ($($versions)?) ($($null)?) ($($tag)?)
                );)*
                if version.flexible {
                    reader.get_tagged_fields(stringify!($name), |tag, reader| {
                        $($crate::__decode_tagged!(
                            this.$field, tag, reader, version, stringify!($field); ($($versions)?) ($($tag)?)
                        );)*
                        Ok(())
                    })?;
                }
                Ok(this)
            }
        }

        impl $crate::messages::Structure for $name {
            fn throttle_time_ms(&self) -> i32 {
                // Which field it is, and of which type, is known when this is compiled.
                let fields: &[(&str, &dyn ::std::any::Any)] = &[$((stringify!($field), &self.$field),)*];
                let throttle = fields.iter().find(|(name, _)| *name == "throttle_time_ms");
                throttle.and_then(|(_, value)| value.downcast_ref()).copied().unwrap_or_default()
            }
        }

        $crate::__sample! { $name { $($field: ($($versions)?) ($($null)?) ($($default)?);)* } }
    };
}

/// The default of a field: what the table says, or the type's own.
#[doc(hidden)]
#[macro_export]
macro_rules! __default {
    () => {
        ::std::default::Default::default()
    };
    ($default:expr) => {
        $default
    };
}

/// Whether a field is in the version at hand.
#[doc(hidden)]
#[macro_export]
macro_rules! __in_versions {
    ($version:expr;) => {
        true
    };
    ($version:expr; $versions:expr) => {
        ($versions).contains(&$version.number)
    };
}

/// Writes a field that is not tagged; null becomes the empty value in versions that have no null.
#[doc(hidden)]
#[macro_export]
macro_rules! __encode_plain {
    ($field:expr, $writer:ident, $version:ident, $what:expr; ($($versions:expr)?) ($($null:expr)?) ($tag:literal)) => {};
    ($field:expr, $writer:ident, $version:ident, $what:expr; ($($versions:expr)?) () ()) => {
        if $crate::__in_versions!($version; $($versions)?) {
            $crate::messages::Field::encode(&$field, $writer, $version, $what);
        }
    };
    ($field:expr, $writer:ident, $version:ident, $what:expr; ($($versions:expr)?) ($null:expr) ()) => {
        if $crate::__in_versions!($version; $($versions)?) {
            let may_be_null = ($null).contains(&$version.number);
            $crate::messages::encode_nullable(&$field, $writer, $version, may_be_null, $what);
        }
    };
}

/// Collects a tagged field that differs from its default.
#[doc(hidden)]
#[macro_export]
macro_rules! __encode_tagged {
    ($field:expr, $tagged:ident, $version:ident, $what:expr; ($($versions:expr)?) () ($($default:expr)?)) => {};
    ($field:expr, $tagged:ident, $version:ident, $what:expr; ($($versions:expr)?) ($tag:literal) ($($default:expr)?)) => {
        if $crate::__in_versions!($version; $($versions)?)
            && $crate::messages::differ(&$field, &$crate::__default!($($default)?))
        {
            let mut content = $crate::wire::Writer::default();
            $crate::messages::Field::encode(&$field, &mut content, $version, $what);
            $tagged.push(($tag, content, $what));
        }
    };
}

/// Reads a field that is not tagged; null is refused in versions that have no null.
#[doc(hidden)]
#[macro_export]
macro_rules! __decode_plain {
    ($field:expr, $reader:ident, $version:ident, $what:expr; ($($versions:expr)?) ($($null:expr)?) ($tag:literal)) => {};
    ($field:expr, $reader:ident, $version:ident, $what:expr; ($($versions:expr)?) ($($null:expr)?) ()) => {
        if $crate::__in_versions!($version; $($versions)?) {
            $field = $crate::messages::Field::decode($reader, $version, $what)?;
            $(if !($null).contains(&$version.number) && $crate::messages::Nullable::is_null(&$field) {
                return Err($crate::DecodeError::new($crate::DecodeErrorKind::UnexpectedNull, $what));
            })?
        }
    };
}

/// Reads a tagged field if this is its tag.
#[doc(hidden)]
#[macro_export]
macro_rules! __decode_tagged {
    ($field:expr, $found:ident, $reader:ident, $version:ident, $what:expr; ($($versions:expr)?) ()) => {};
    ($field:expr, $found:ident, $reader:ident, $version:ident, $what:expr; ($($versions:expr)?) ($tag:literal)) => {
        if $found == $tag && $crate::__in_versions!($version; $($versions)?) {
            $field = $crate::messages::Field::decode($reader, $version, $what)?;
        }
    };
}

/// Nothing: only this crate's tests make random messages.
#[cfg(not(test))]
#[doc(hidden)]
#[macro_export]
macro_rules! __sample {
    ($($any:tt)*) => {};
}
