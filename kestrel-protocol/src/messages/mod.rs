//! The messages of the protocol as tables: one file per API, expanded by [`message!`](crate::message).
//!
//! A row is `name: Type => versions, null versions, tag number, default value;`. Without `=>` a field is in every
//! version; without `null` an `Option` is nullable wherever it is present; a field outside the version at hand is
//! neither written nor read and keeps its default. `kestrel-protocol/generate` writes a table from Apache Kafka's schema.
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

use crate::error::DecodeError;
use crate::wire::{Reader, Writer};

mod field;

#[doc(hidden)]
pub use field::{Field, Nullable, Structure, Version, differ, encode_nullable};

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod alter_client_quotas;
pub mod alter_configs;
pub mod alter_partition_reassignments;
pub mod alter_replica_log_dirs;
pub mod alter_user_scram_credentials;
pub mod api_versions;
pub mod consumer_group_describe;
pub mod create_acls;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_acls;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_quorum;
pub mod describe_topic_partitions;
pub mod describe_transactions;
pub mod describe_user_scram_credentials;
pub mod elect_leaders;
pub mod end_txn;
pub mod fetch;
pub mod find_coordinator;
pub mod get_telemetry_subscriptions;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_config_resources;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod push_telemetry;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod sync_group;
pub mod txn_offset_commit;
pub mod unregister_broker;
pub mod update_features;
pub mod write_txn_markers;

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

    /// Sets [`Message::throttle_time_ms`]; does nothing to a message that cannot say so.
    fn set_throttle_time_ms(&mut self, throttle_time_ms: i32);
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

            fn set_throttle_time_ms(&mut self, throttle_time_ms: i32) {
                $crate::messages::Structure::set_throttle_time_ms(self, throttle_time_ms);
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

            fn set_throttle_time_ms(&mut self, throttle_time_ms: i32) {
                let fields: &mut [(&str, &mut dyn ::std::any::Any)] =
                    &mut [$((stringify!($field), &mut self.$field),)*];
                let throttle = fields.iter_mut().find(|(name, _)| *name == "throttle_time_ms");
                if let Some(throttle) = throttle.and_then(|(_, value)| value.downcast_mut()) {
                    *throttle = throttle_time_ms;
                }
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
