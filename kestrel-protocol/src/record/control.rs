//! Control records: what coordinators and KRaft leaders write between the users' records. No consumer is shown them.
//!
//! End-transaction markers close a transaction in each of its partitions (KIP-98); the others live in
//! `__cluster_metadata-0` and its checkpoint files (KIP-595, KIP-630, KIP-853). The key says which kind a record is.

use bytes::Bytes;

use super::batch::RecordBatch;
use super::builder::{BuilderOptions, RecordBatchBuilder};
use super::producer_stamp::ProducerStamp;
use super::view::RecordView;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::types::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId, Uuid};
use crate::wire::{Reader, Writer};

const WHAT: &str = "control record";
const ABORT: i16 = 0;
const COMMIT: i16 = 1;
const LEADER_CHANGE: i16 = 2;
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
const KRAFT_VERSION: i16 = 5;
const KRAFT_VOTERS: i16 = 6;
/// Room for one batch of a few control records; the buffer grows when they are more.
const USUAL_BATCH_BYTES: usize = 256;

/// A decoded control record.
///
/// ```
/// use kestrel_protocol::record::control::{ControlPlace, ControlRecord, control_batch};
/// # fn main() -> Result<(), kestrel_protocol::DecodeError> {
/// let place = ControlPlace { base_offset: 7, leader_epoch: kestrel_protocol::LeaderEpoch(1), timestamp: 0 };
/// let batch = control_batch(place, &[ControlRecord::SnapshotFooter]);
/// let mut records = batch.records(1024)?;
/// let record = records.next_view().expect("one was written")?;
/// assert_eq!(ControlRecord::parse(&record)?, ControlRecord::SnapshotFooter);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlRecord {
    /// The end of a transaction in this partition.
    EndTransaction(EndTransactionMarker),
    /// The first record of a KRaft leader's epoch.
    LeaderChange(LeaderChange),
    /// The first record of a KRaft snapshot.
    SnapshotHeader {
        /// The append time of the last record that the snapshot contains, in milliseconds since 1970.
        last_contained_log_timestamp: i64,
    },
    /// The last record of a KRaft snapshot: without it the snapshot is not whole.
    SnapshotFooter,
    /// The version of the KRaft protocol from here on: 0 with static voters, 1 with dynamic ones.
    KRaftVersion(i16),
    /// The voters of a KRaft quorum from here on (KIP-853), as the bytes that the record has: not interpreted here.
    KRaftVoters(Bytes),
    /// A kind that is not known here: skip it or refuse the log.
    Other(i16),
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionOutcome {
    /// Its records are to be shown.
    Commit,
    /// Its records are to be skipped.
    Abort,
}

/// The end of a transaction in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTransactionMarker {
    /// How it ended.
    pub outcome: TransactionOutcome,
    /// The leader epoch of the transaction coordinator's partition: an older one is fenced.
    pub coordinator_epoch: i32,
}

/// The leader of a KRaft quorum from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderChange {
    /// The newly elected leader.
    pub leader_id: NodeId,
    /// All voters of the epoch.
    pub voters: Vec<NodeId>,
    /// The voters that elected the leader.
    pub granting_voters: Vec<NodeId>,
}

impl ControlRecord {
    /// Interprets a record of a control batch.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnexpectedNull`] without key or value, [`DecodeErrorKind::Truncated`] and the like for a
    /// damaged one, [`DecodeErrorKind::UnsupportedVersion`] for a negative version or a later layout of a leader change.
    pub fn parse(record: &RecordView<'_>) -> Result<Self, DecodeError> {
        let mut key = Reader::new(Bytes::copy_from_slice(record.key.ok_or(NULL)?));
        read_version(&mut key)?;
        let kind = key.get_i16(WHAT)?;
        if !(ABORT..=KRAFT_VOTERS).contains(&kind) {
            return Ok(Self::Other(kind));
        }
        let value = Bytes::copy_from_slice(record.value.ok_or(NULL)?);
        if kind == KRAFT_VOTERS {
            return Ok(Self::KRaftVoters(value));
        }
        let mut value = Reader::new(value);
        let version = read_version(&mut value)?;
        Ok(match kind {
            ABORT => Self::EndTransaction(EndTransactionMarker::read(TransactionOutcome::Abort, &mut value)?),
            COMMIT => {
                Self::EndTransaction(EndTransactionMarker::read(TransactionOutcome::Commit, &mut value)?)
            }
            LEADER_CHANGE => Self::LeaderChange(LeaderChange::read(version, &mut value)?),
            SNAPSHOT_HEADER => Self::SnapshotHeader { last_contained_log_timestamp: value.get_i64(WHAT)? },
            SNAPSHOT_FOOTER => Self::SnapshotFooter,
            _ => Self::KRaftVersion(value.get_i16(WHAT)?),
        })
    }

    const fn kind(&self) -> i16 {
        match self {
            Self::EndTransaction(EndTransactionMarker { outcome: TransactionOutcome::Abort, .. }) => ABORT,
            Self::EndTransaction(EndTransactionMarker { outcome: TransactionOutcome::Commit, .. }) => COMMIT,
            Self::LeaderChange(_) => LEADER_CHANGE,
            Self::SnapshotHeader { .. } => SNAPSHOT_HEADER,
            Self::SnapshotFooter => SNAPSHOT_FOOTER,
            Self::KRaftVersion(_) => KRAFT_VERSION,
            Self::KRaftVoters(_) => KRAFT_VOTERS,
            Self::Other(kind) => *kind,
        }
    }

    fn key(&self) -> [u8; 4] {
        let [high, low] = self.kind().to_be_bytes();
        [0, 0, high, low]
    }

    fn value(&self) -> Bytes {
        let mut value = Writer::default();
        match self {
            Self::EndTransaction(marker) => {
                value.put_i16(0);
                value.put_i32(marker.coordinator_epoch);
                return value.into_bytes().expect(NUMBERS_ONLY);
            }
            Self::KRaftVoters(voters) => return voters.clone(),
            Self::LeaderChange(change) => change.write(&mut value),
            Self::SnapshotHeader { last_contained_log_timestamp } => {
                value.put_i16(0);
                value.put_i64(*last_contained_log_timestamp);
            }
            Self::KRaftVersion(version) => {
                value.put_i16(0);
                value.put_i16(*version);
            }
            Self::SnapshotFooter | Self::Other(_) => value.put_i16(0),
        }
        // All but the marker are flexible: no tagged fields.
        value.put_uvarint(0);
        value.into_bytes().expect(NUMBERS_ONLY)
    }
}

impl EndTransactionMarker {
    fn read(outcome: TransactionOutcome, value: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { outcome, coordinator_epoch: value.get_i32(WHAT)? })
    }
}

impl LeaderChange {
    fn read(version: i16, value: &mut Reader) -> Result<Self, DecodeError> {
        if version > 1 {
            return Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion(version), WHAT));
        }
        Ok(Self {
            leader_id: NodeId(value.get_i32(WHAT)?),
            voters: read_voters(version, value)?,
            granting_voters: read_voters(version, value)?,
        })
    }

    /// Version 0, the only layout that Apache Kafka 4.3 writes and reads.
    fn write(&self, value: &mut Writer) {
        value.put_i16(0);
        value.put_i32(self.leader_id.0);
        write_voters(&self.voters, value);
        write_voters(&self.granting_voters, value);
    }
}

fn read_voters(version: i16, value: &mut Reader) -> Result<Vec<NodeId>, DecodeError> {
    let count = value.get_array_length(true, WHAT)?.ok_or(NULL)?;
    (0..count).map(|_| read_voter(version, value)).collect()
}

fn read_voter(version: i16, value: &mut Reader) -> Result<NodeId, DecodeError> {
    let id = NodeId(value.get_i32(WHAT)?);
    if version >= 1 {
        // The voter's log directory (KIP-853).
        value.skip(size_of::<Uuid>(), WHAT)?;
    }
    value.get_tagged_fields(WHAT, |_, _| Ok(()))?;
    Ok(id)
}

fn write_voters(voters: &[NodeId], value: &mut Writer) {
    value.put_array_length(Some(voters.len()), true, "voters");
    for voter in voters {
        value.put_i32(voter.0);
        value.put_uvarint(0);
    }
}

/// Keys and values begin with their version; later ones only add to the end.
fn read_version(bytes: &mut Reader) -> Result<i16, DecodeError> {
    match bytes.get_i16(WHAT)? {
        version if version < 0 => Err(DecodeError::new(DecodeErrorKind::UnsupportedVersion(version), WHAT)),
        version => Ok(version),
    }
}

/// Why control records can always be written.
const NUMBERS_ONLY: &str = "numbers, and a list of voters that is in memory";

const NULL: DecodeError = DecodeError::new(DecodeErrorKind::UnexpectedNull, WHAT);

/// Where a control batch goes and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlPlace {
    /// The offset of its first record.
    pub base_offset: i64,
    /// The epoch of the leader that appends it.
    pub leader_epoch: LeaderEpoch,
    /// Its time, in milliseconds since 1970.
    pub timestamp: i64,
}

/// One control batch of `records`, as KRaft writes it.
#[must_use]
pub fn control_batch(place: ControlPlace, records: &[ControlRecord]) -> RecordBatch {
    build(BuilderOptions::default(), place, ProducerStamp::NONE, records)
}

/// The control batch that ends a producer's transaction in one partition.
#[must_use]
pub fn end_transaction_batch(
    place: ControlPlace,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    marker: EndTransactionMarker,
) -> RecordBatch {
    let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let stamp = ProducerStamp { producer_id, producer_epoch, base_sequence: -1 };
    build(options, place, stamp, &[ControlRecord::EndTransaction(marker)])
}

fn build(
    options: BuilderOptions,
    place: ControlPlace,
    stamp: ProducerStamp,
    records: &[ControlRecord],
) -> RecordBatch {
    let options = BuilderOptions {
        control: true,
        base_offset: place.base_offset,
        partition_leader_epoch: place.leader_epoch,
        ..options
    };
    // No write limit: control records are few, and they belong into one batch.
    let mut builder =
        RecordBatchBuilder::with_buffer(options, usize::MAX, Vec::with_capacity(USUAL_BATCH_BYTES));
    for record in records {
        let value = record.value();
        builder
            .append(place.timestamp, Some(&record.key()), Some(&value), [])
            .expect("control records are far below 2 GiB");
    }
    builder.build(stamp)
}
