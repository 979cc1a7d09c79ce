//! Metadata that Kestrel keeps and does not act on: quotas, ACLs, SCRAM credentials, delegation tokens.
//!
//! Kept by the replay as the bytes that were read, each under what a later record replaces or removes it by, so that a snapshot
//! has them and Apache Kafka finds them again. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::wire::Reader;
use kestrel_protocol::{DecodeError, DecodeErrorKind, Uuid};

const WHAT: &str = "metadata record";
/// The numbers of the record types; all of them have version 0 only, which is flexible.
const DELEGATION_TOKEN: u32 = 10;
const SCRAM_CREDENTIAL: u32 = 11;
const CLIENT_QUOTA: u32 = 14;
const ACCESS_CONTROL_ENTRY: u32 = 18;
const REMOVE_ACCESS_CONTROL_ENTRY: u32 = 19;
const REMOVE_SCRAM_CREDENTIAL: u32 = 22;
const REMOVE_DELEGATION_TOKEN: u32 = 26;

/// The subject of a record of a foreign type. The order is the one in which Apache Kafka's snapshots have them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ForeignKey {
    /// A quota: its entity, as types with names, and the quota's name.
    Quota(Vec<(ByteString, Option<ByteString>)>, ByteString),
    /// An ACL.
    Acl(Uuid),
    /// A SCRAM credential: the user and the number of the mechanism.
    Scram(ByteString, i8),
    /// A delegation token.
    Token(ByteString),
}

/// A record of a foreign type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ForeignRecord {
    /// This is so from here on; with the value of the record, frame and all.
    Put(ForeignKey, Bytes),
    /// This is not so any more.
    Remove(ForeignKey),
    /// Nothing follows from it: the state of a migration from ZooKeeper, which is over.
    Past,
}

impl ForeignRecord {
    /// Reads a record of `record_type`; `reader` stands behind the frame of `value`.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn read(record_type: u32, reader: &mut Reader, value: Bytes) -> Result<Self, DecodeError> {
        Ok(match record_type {
            CLIENT_QUOTA => {
                let key = ForeignKey::quota(reader)?;
                // The number, a double.
                reader.skip(size_of::<f64>(), WHAT)?;
                if reader.get_i8(WHAT)? != 0 { Self::Remove(key) } else { Self::Put(key, value) }
            }
            ACCESS_CONTROL_ENTRY => Self::Put(ForeignKey::acl(reader)?, value),
            REMOVE_ACCESS_CONTROL_ENTRY => Self::Remove(ForeignKey::acl(reader)?),
            SCRAM_CREDENTIAL => Self::Put(ForeignKey::scram(reader)?, value),
            REMOVE_SCRAM_CREDENTIAL => Self::Remove(ForeignKey::scram(reader)?),
            DELEGATION_TOKEN => Self::Put(ForeignKey::token(reader)?, value),
            REMOVE_DELEGATION_TOKEN => Self::Remove(ForeignKey::Token(string(reader)?)),
            _ => Self::Past,
        })
    }
}

impl ForeignKey {
    fn quota(reader: &mut Reader) -> Result<Self, DecodeError> {
        let count = reader.get_array_length(true, WHAT)?.unwrap_or_default();
        let mut entity = Vec::new();
        for _ in 0..count {
            let entity_type = string(reader)?;
            entity.push((entity_type, reader.get_string(true, WHAT)?));
            reader.get_tagged_fields(WHAT, |_, _| Ok(()))?;
        }
        entity.sort_unstable();
        Ok(Self::Quota(entity, string(reader)?))
    }

    fn acl(reader: &mut Reader) -> Result<Self, DecodeError> {
        let (high, low) = (reader.get_i64(WHAT)?, reader.get_i64(WHAT)?);
        let id = u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned());
        Ok(Self::Acl(Uuid::from_u128(id)))
    }

    fn scram(reader: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self::Scram(string(reader)?, reader.get_i8(WHAT)?))
    }

    /// The id stands behind the owner, the requester, the renewers and three times.
    fn token(reader: &mut Reader) -> Result<Self, DecodeError> {
        let _owner_and_requester = (string(reader)?, string(reader)?);
        for _ in 0..reader.get_array_length(true, WHAT)?.unwrap_or_default() {
            string(reader)?;
        }
        reader.skip(3 * size_of::<i64>(), WHAT)?;
        Ok(Self::Token(string(reader)?))
    }
}

fn string(reader: &mut Reader) -> Result<ByteString, DecodeError> {
    reader.get_string(true, WHAT)?.ok_or(DecodeError::new(DecodeErrorKind::UnexpectedNull, WHAT))
}

/// The state that foreign records add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ForeignState(BTreeMap<ForeignKey, Bytes>);

impl ForeignState {
    /// Takes a record over.
    pub(super) fn replay(&mut self, record: ForeignRecord) {
        match record {
            ForeignRecord::Put(key, value) => _ = self.0.insert(key, value),
            ForeignRecord::Remove(key) => _ = self.0.remove(&key),
            ForeignRecord::Past => {}
        }
    }

    /// The quotas, as the values of records.
    pub(super) fn quotas(&self) -> impl Iterator<Item = &Bytes> {
        self.select(|key| matches!(key, ForeignKey::Quota(..)))
    }

    /// Everything else, as the values of records.
    pub(super) fn others(&self) -> impl Iterator<Item = &Bytes> {
        self.select(|key| !matches!(key, ForeignKey::Quota(..)))
    }

    fn select(&self, wanted: impl Fn(&ForeignKey) -> bool) -> impl Iterator<Item = &Bytes> {
        self.0.iter().filter(move |(key, _)| wanted(key)).map(|(_, value)| value)
    }
}
