//! The records of `__cluster_metadata-0`: what they are, and the frame around each in the log.
//!
//! Used by the controller, which makes them, and by the replay, which reads them. Pure.
//!
//! ```text
//!   record value:   frame version 1 │ record type │ record version │ the message
//!                   uvarint           uvarint        uvarint
//! ```

mod tables;

use bytes::Bytes;
use kestrel_protocol::wire::{Reader, Writer};
use kestrel_protocol::{DecodeError, DecodeErrorKind, Message, NodeId};

pub(crate) use tables::*;

/// The only frame version there is.
const FRAME_VERSION: u32 = 1;
const WHAT: &str = "metadata record";

/// In a [`PartitionChangeRecord`]: the leader stays, and with it the leader epoch.
pub(crate) const LEADER_UNCHANGED: NodeId = NodeId(-2);

/// The versions in which records are written: what the finalized `metadata.version` lets every node of the cluster read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordVersions {
    /// Of [`RegisterBrokerRecord`].
    pub(crate) register_broker: i16,
    /// Of [`PartitionRecord`] and [`PartitionChangeRecord`].
    pub(crate) partition: i16,
}

/// Declares the record types from their table: number, message.
macro_rules! metadata_records {
    ($($api_key:literal $name:ident($message:ident);)+) => {
        /// A record of the metadata log.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) enum MetadataRecord {
            $(#[doc = concat!("Type ", $api_key, ".")] $name($message),)+
        }

        $(impl From<$message> for MetadataRecord {
            fn from(record: $message) -> Self {
                Self::$name(record)
            }
        })+

        impl MetadataRecord {
            fn read(record_type: u32, version: i16, reader: &mut Reader) -> Result<Self, DecodeError> {
                match record_type {
                    $($api_key => $message::decode(reader, version).map(Self::$name),)+
                    _ => Err(DecodeError::new(DecodeErrorKind::Inconsistent("unknown record type"), WHAT)),
                }
            }

            fn write(&self, versions: RecordVersions, writer: &mut Writer) {
                match self {
                    $(Self::$name(record) => {
                        let version = self.version(versions);
                        writer.put_uvarint($api_key);
                        writer.put_uvarint(version.unsigned_abs().into());
                        record.encode(writer, version);
                    })+
                }
            }
        }
    };
}

metadata_records! {
    0 RegisterBroker(RegisterBrokerRecord);
    1 UnregisterBroker(UnregisterBrokerRecord);
    2 Topic(TopicRecord);
    3 Partition(PartitionRecord);
    4 Config(ConfigRecord);
    5 PartitionChange(PartitionChangeRecord);
    7 FenceBroker(FenceBrokerRecord);
    8 UnfenceBroker(UnfenceBrokerRecord);
    9 RemoveTopic(RemoveTopicRecord);
    10 DelegationToken(DelegationTokenRecord);
    11 UserScramCredential(UserScramCredentialRecord);
    12 FeatureLevel(FeatureLevelRecord);
    14 ClientQuota(ClientQuotaRecord);
    15 ProducerIds(ProducerIdsRecord);
    17 BrokerRegistrationChange(BrokerRegistrationChangeRecord);
    18 AccessControlEntry(AccessControlEntryRecord);
    19 RemoveAccessControlEntry(RemoveAccessControlEntryRecord);
    20 NoOp(NoOpRecord);
    21 ZkMigrationState(ZkMigrationStateRecord);
    22 RemoveUserScramCredential(RemoveUserScramCredentialRecord);
    23 BeginTransaction(BeginTransactionRecord);
    24 EndTransaction(EndTransactionRecord);
    25 AbortTransaction(AbortTransactionRecord);
    26 RemoveDelegationToken(RemoveDelegationTokenRecord);
    27 RegisterController(RegisterControllerRecord);
    28 ClearElr(ClearElrRecord);
}

impl MetadataRecord {
    /// Reads the value of a record of the log.
    ///
    /// # Errors
    /// When it is not a metadata record, or of a type or version that this Kestrel does not know.
    pub(crate) fn decode(value: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(value);
        if reader.get_uvarint(WHAT)? != FRAME_VERSION {
            return Err(DecodeError::new(DecodeErrorKind::Inconsistent("unknown frame version"), WHAT));
        }
        let record_type = reader.get_uvarint(WHAT)?;
        let version = reader.get_uvarint(WHAT)?;
        let version = i16::try_from(version)
            .map_err(|_| DecodeError::new(DecodeErrorKind::InvalidLength(version.into()), WHAT))?;
        let record = Self::read(record_type, version, &mut reader)?;
        reader.finish(WHAT)?;
        Ok(record)
    }

    /// The value of a record of the log.
    pub(crate) fn encode(&self, versions: RecordVersions) -> Bytes {
        let mut writer = Writer::default();
        writer.put_uvarint(FRAME_VERSION);
        self.write(versions, &mut writer);
        writer.into_bytes().expect("names and values of requests and settings were checked when they came")
    }

    fn version(&self, versions: RecordVersions) -> i16 {
        match self {
            Self::RegisterBroker(_) => versions.register_broker,
            Self::Partition(_) | Self::PartitionChange(_) => versions.partition,
            // As Apache Kafka: the lowest that holds what is said.
            Self::BrokerRegistrationChange(change) => match change {
                BrokerRegistrationChangeRecord { cordoned_log_dirs: Some(_), .. } => 3,
                BrokerRegistrationChangeRecord { log_dirs, .. } if !log_dirs.is_empty() => 2,
                BrokerRegistrationChangeRecord { in_controlled_shutdown, .. }
                    if *in_controlled_shutdown != 0 =>
                {
                    1
                }
                _ => 0,
            },
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
