//! What coordinators write in `__consumer_offsets` and `__transaction_state`: the tables of keys and values.
//!
//! A broker's coordinators write and replay them; tools show them. Key and value are an `i16` and a message: before a key it is the
//! record's type, which is also the version of the key; before a value the version. A null value deletes what the key names. Of a
//! value that is newer than the newest known version only tagged fields are unknown (KIP-915): it is read as the newest.
//!
//! ```
//! use bytes::Bytes;
//! use kestrel_protocol::coordinator_records::{OFFSET_COMMIT_KEY, OffsetCommitKey};
//! use kestrel_protocol::wire::Reader;
//! use kestrel_protocol::Message;
//!
//! let mut key = Reader::new(Bytes::from_static(b"\0\x01\0\x07billing\0\x06clicks\0\0\0\x03"));
//! assert_eq!(key.get_i16("key")?, OFFSET_COMMIT_KEY);
//! let key = OffsetCommitKey::decode(&mut key, OFFSET_COMMIT_KEY)?;
//! assert_eq!((&*key.group, &*key.topic, key.partition), ("billing", "clicks", 3));
//! # Ok::<(), kestrel_protocol::DecodeError>(())
//! ```

mod group;
mod transaction;

pub use self::group::{
    GroupMetadataKey, GroupMetadataValue, MemberMetadata, OffsetCommitKey, OffsetCommitValue,
};
pub use self::transaction::{PartitionsOfTopic, TransactionLogKey, TransactionLogValue};

/// The type of an offset's key in `__consumer_offsets`. Type 0 means the same and is only read.
pub const OFFSET_COMMIT_KEY: i16 = 1;
/// The type of a classic group's key in `__consumer_offsets`.
pub const GROUP_METADATA_KEY: i16 = 2;
/// The type of a key in `__transaction_state`: there is no other one in Apache Kafka 4.3.
pub const TRANSACTION_KEY: i16 = 0;

/// What the other types of keys in `__consumer_offsets` belong to, in Apache Kafka 4.3.
const OTHER_KEYS: [(std::ops::RangeInclusive<i16>, &str); 4] = [
    (3..=8, "a group of the consumer protocol (KIP-848)"),
    (9..=15, "a share group (KIP-932)"),
    (16..=16, "the regular expression of a group (KIP-848)"),
    (17..=23, "a streams group (KIP-1071)"),
];

/// What keys in `__consumer_offsets` belong to whose type has no table here.
#[must_use]
pub fn other_group_key(key_type: i16) -> &'static str {
    let known = OTHER_KEYS.iter().find(|(types, _)| types.contains(&key_type));
    known.map_or("something newer than Apache Kafka 4.3", |(_, kind)| kind)
}
