//! The records of `__consumer_offsets`, byte for byte as Apache Kafka writes them. Pure.
//!
//! Made by the group coordinator, read back when it replays its log.
//!
//! ```text
//!   record key:    type │ the key's fields          record value:  version │ the message; null deletes the key
//!                  i16                                             i16
//! ```

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::wire::Reader;

use crate::coordinator::runtime::{LogRecord, Unreadable, decode, decode_versioned, versioned};

use kestrel_protocol::coordinator_records::{GROUP_METADATA_KEY, OFFSET_COMMIT_KEY, other_group_key};
pub(crate) use kestrel_protocol::coordinator_records::{
    GroupMetadataKey, GroupMetadataValue, MemberMetadata, OffsetCommitKey, OffsetCommitValue,
};

const WHAT: &str = "__consumer_offsets record";

/// The version in which groups are written.
const GROUP_METADATA_VERSION: i16 = 3;
/// The version in which offsets are written.
const OFFSET_COMMIT_VERSION: i16 = 4;
/// The version in which an offset with an expiry of its own is written: the only one that has room for it.
const OFFSET_COMMIT_EXPIRING_VERSION: i16 = 1;

/// A record of the group coordinator's log; without a value it deletes what the key names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GroupRecord {
    /// The offset that a group committed for a partition.
    Offset(OffsetCommitKey, Option<OffsetCommitValue>),
    /// A group of the classic protocol.
    Group(GroupMetadataKey, Option<GroupMetadataValue>),
}

impl GroupRecord {
    /// The record that deletes a committed offset.
    pub(crate) fn offset_tombstone(group: ByteString, topic: ByteString, partition: i32) -> Self {
        Self::Offset(OffsetCommitKey { group, topic, partition }, None)
    }

    /// The record that deletes a group.
    pub(crate) const fn group_tombstone(group: ByteString) -> Self {
        Self::Group(GroupMetadataKey { group }, None)
    }
}

impl LogRecord for GroupRecord {
    fn decode(key: Bytes, value: Option<Bytes>) -> Result<Self, Unreadable> {
        let mut key = Reader::new(key);
        Ok(match key.get_i16(WHAT)? {
            version @ 0..=OFFSET_COMMIT_KEY => {
                let key = decode(&mut key, version)?;
                Self::Offset(key, value.map(|value| decode_versioned(value, WHAT)).transpose()?)
            }
            GROUP_METADATA_KEY => {
                let key = decode(&mut key, GROUP_METADATA_KEY)?;
                Self::Group(key, value.map(|value| decode_versioned(value, WHAT)).transpose()?)
            }
            other => return Err(Unreadable::Foreign(other_group_key(other))),
        })
    }

    fn encode(&self) -> (Bytes, Option<Bytes>) {
        match self {
            Self::Offset(key, value) => {
                let version = |value: &OffsetCommitValue| match value.expire_timestamp {
                    -1 => OFFSET_COMMIT_VERSION,
                    _ => OFFSET_COMMIT_EXPIRING_VERSION,
                };
                let value = value.as_ref().map(|value| versioned(value, version(value)));
                (versioned(key, OFFSET_COMMIT_KEY), value)
            }
            Self::Group(key, value) => {
                let value = value.as_ref().map(|value| versioned(value, GROUP_METADATA_VERSION));
                (versioned(key, GROUP_METADATA_KEY), value)
            }
        }
    }
}

#[cfg(test)]
mod tests;
