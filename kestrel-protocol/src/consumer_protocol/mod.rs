//! What the members of a classic consumer group tell each other: `JoinGroup`'s metadata and `SyncGroup`'s assignment.
//!
//! Brokers pass these bytes on unread. Clients write and read them; a broker's coordinator reads the topics of a
//! subscription, and an admin the assignments. Each is an `i16` version and a message of that version. A version newer than
//! the newest known one is read as the newest: later versions only append fields, and what is behind the known ones
//! is left alone. Bytes that end inside a field are an error, whatever the version.
//!
//! ```
//! use kestrel_protocol::consumer_protocol::{Assignment, TopicPartitions};
//!
//! let clicks = TopicPartitions { topic: "clicks".into(), partitions: vec![0, 3] };
//! let assignment = Assignment { assigned_partitions: vec![clicks], ..Assignment::default() };
//! let bytes = assignment.to_bytes(3)?;
//! assert_eq!(Assignment::from_bytes(bytes.clone())?, assignment);
//! assert!(Assignment::from_bytes(bytes.slice(..bytes.len() - 1)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod user_data;

use bytes::Bytes;
use bytestring::ByteString;

pub use self::user_data::{CooperativeStickyUserData, StickyUserData};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::message;
use crate::messages::Message;
use crate::wire::{Reader, Writer};

/// The protocol type of consumer groups: what `JoinGroup`, `ListGroups` and `DescribeGroups` call them.
pub const PROTOCOL_TYPE: &str = "consumer";

message! {
    /// What a member wants and what it has: the metadata of its `JoinGroup` (`ConsumerProtocolSubscription`).
    Subscription(versions: 0..=3) {
        /// The topics that the member wants.
        topics: Vec<ByteString>;
        /// What the member's assignor wants to tell the leader's.
        user_data: Option<Bytes>;
        /// What the member owns; for the cooperative protocol (KIP-429).
        owned_partitions: Vec<TopicPartitions> => 1..;
        /// The generation in which the member owned that, -1 if unknown (KIP-792).
        generation_id: i32 => 2.., default -1;
        /// Where the member runs (KIP-881).
        rack_id: Option<ByteString> => 3..;
    }
}

message! {
    /// What a member is to own: its part of the leader's `SyncGroup` (`ConsumerProtocolAssignment`).
    Assignment(versions: 0..=3) {
        /// The partitions of the member.
        assigned_partitions: Vec<TopicPartitions>;
        /// What the leader's assignor wants to tell the member's.
        user_data: Option<Bytes>;
    }
    /// Partitions of a topic.
    TopicPartitions {
        /// The topic's name.
        topic: ByteString;
        /// The numbers of the partitions.
        partitions: Vec<i32>;
    }
}

macro_rules! versioned {
    ($($name:ident),+) => {
        $(impl $name {
            /// Reads the version and the message.
            ///
            /// # Errors
            /// When the version is negative, or the bytes end too early or are no such message.
            pub fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
                read_versioned(bytes)
            }

            /// Writes the version and the message. Fields that the version lacks are left out.
            ///
            /// # Errors
            /// When something in it is longer than the protocol can say.
            ///
            /// # Panics
            /// When `version` is outside of the message's [`VERSIONS`](Message::VERSIONS).
            pub fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
                let mut writer = Writer::default();
                writer.put_i16(version);
                self.encode(&mut writer, version);
                writer.into_bytes()
            }
        })+
    };
}

versioned!(Subscription, Assignment);

fn read_versioned<M: Message>(bytes: Bytes) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.get_i16(M::NAME)?;
    if version < *M::VERSIONS.start() {
        return Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion(version), M::NAME));
    }
    M::decode(&mut reader, version.min(*M::VERSIONS.end()))
}

#[cfg(test)]
mod tests;
