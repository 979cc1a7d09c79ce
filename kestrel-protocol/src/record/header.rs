//! The first 61 bytes of a record batch, decoded: all that a broker needs to store and serve it.
//!
//! Used by the log (scanning, indexing, recovery), the validator and the batch view. Never looks at records.

use bytes::{Buf, BufMut};

use super::compression::Compression;
use super::producer_stamp::ProducerStamp;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::types::{LeaderEpoch, ProducerEpoch, ProducerId};

/// How many bytes of a batch come before its records: base offset to record count.
pub const HEADER_BYTES: usize = 61;

/// The largest batch: its length is an `i32`, and compression may make it a little larger.
pub(super) const MAX_BATCH_BYTES: usize = i32::MAX as usize - 64 * 1024 * 1024;
/// Base offset and batch length: what the batch length does not count.
pub(super) const LENGTH_END: usize = 12;
/// Where the checksum is stored.
pub(super) const CRC_AT: usize = 17;
/// Where the attributes are, and with them what the checksum covers.
pub(super) const ATTRIBUTES_AT: usize = 21;
/// The batch length of a batch without records: the header without base offset and length.
const EMPTY_LENGTH: i32 = 49;
/// The only record format that is read and written.
const MAGIC: i8 = 2;
/// The least that the batch length can be in any format: less is damage, whatever the magic says.
const MIN_LENGTH_OF_ANY_MAGIC: i32 = 14;
const WHAT: &str = "record batch header";

/// The header of a record batch, as stored; plain numbers, never trusted further than they were checked.
///
/// ```
/// use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder, RecordBatchHeader};
/// let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1024);
/// builder.append(5, None, Some(b"v"), []).expect("the first record always fits");
/// let bytes = builder.build(ProducerStamp::NONE).into_bytes();
/// let header = RecordBatchHeader::parse(&bytes).expect("just built");
/// assert_eq!((header.size_bytes(), header.next_offset()), (bytes.len(), 1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordBatchHeader {
    /// The offset of the first record that was written to the batch (compaction may have removed it since).
    pub base_offset: i64,
    /// How many bytes follow the length field: 49 or more.
    pub batch_length: i32,
    /// The epoch of the leader that appended the batch; [`LeaderEpoch::NONE`] in what a producer sends.
    pub partition_leader_epoch: LeaderEpoch,
    /// The record format: always 2.
    pub magic: i8,
    /// The CRC-32C of the bytes from the attributes to the end, as stored.
    pub crc: u32,
    /// Compression, timestamp type and the batch's flags.
    pub attributes: Attributes,
    /// The last record's offset minus the base offset; survives compaction.
    pub last_offset_delta: i32,
    /// What the records' timestamp deltas are added to, in milliseconds since 1970; the delete horizon
    /// when [`Attributes::has_delete_horizon`].
    pub base_timestamp: i64,
    /// The largest timestamp, in milliseconds since 1970; with log append time, that of every record.
    pub max_timestamp: i64,
    /// The producer that wrote the batch; [`ProducerId::NONE`] without idempotence.
    pub producer_id: ProducerId,
    /// The epoch of that producer.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the first record; -1 without idempotence.
    pub base_sequence: i32,
    /// How many records the batch holds; 0 after compaction removed them all.
    pub record_count: i32,
}

impl RecordBatchHeader {
    /// Decodes the first 61 bytes of `bytes`; what follows them is not looked at.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedMagic`] for the formats before 2, [`DecodeErrorKind::InvalidLength`] for a length
    /// that no batch has, [`DecodeErrorKind::Truncated`] when there are fewer bytes than a header takes.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let truncated = DecodeError::new(DecodeErrorKind::Truncated, WHAT);
        claimed_size(bytes)?.ok_or(truncated)?;
        let mut fields = bytes.get(..HEADER_BYTES).ok_or(truncated)?;
        Ok(Self {
            base_offset: fields.get_i64(),
            batch_length: fields.get_i32(),
            partition_leader_epoch: LeaderEpoch(fields.get_i32()),
            magic: fields.get_i8(),
            crc: fields.get_u32(),
            attributes: Attributes(fields.get_i16()),
            last_offset_delta: fields.get_i32(),
            base_timestamp: fields.get_i64(),
            max_timestamp: fields.get_i64(),
            producer_id: ProducerId(fields.get_i64()),
            producer_epoch: ProducerEpoch(fields.get_i16()),
            base_sequence: fields.get_i32(),
            record_count: fields.get_i32(),
        })
    }

    /// How many bytes the whole batch takes, this header included.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        usize::try_from(self.batch_length).unwrap_or_default() + LENGTH_END
    }

    /// The offset of the last record that was written to the batch.
    #[must_use]
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// The offset after the batch: where the next one begins or later.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// The sequence number of the last record, wrapped as Kafka wraps it; -1 without idempotence.
    #[must_use]
    pub const fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return self.base_sequence;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// The codec that the records are compressed with.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedCompression`] for a number that no codec has.
    pub fn compression(&self) -> Result<Compression, DecodeError> {
        self.attributes.compression()
    }

    /// The setter of the records' timestamps: the producer or the broker.
    #[must_use]
    pub const fn timestamp_type(&self) -> TimestampType {
        self.attributes.timestamp_type()
    }

    /// Whether the batch belongs to a transaction (KIP-98).
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    /// Whether the records are control records, which no consumer is shown.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.attributes.is_control()
    }

    /// When tombstones in the batch may be removed, in milliseconds since 1970 (KIP-534).
    #[must_use]
    pub fn delete_horizon(&self) -> Option<i64> {
        self.attributes.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// Producer id, epoch and base sequence together.
    #[must_use]
    pub const fn producer(&self) -> ProducerStamp {
        ProducerStamp {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
        }
    }

    /// The 61 bytes of this header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut fields = &mut bytes[..];
        fields.put_i64(self.base_offset);
        fields.put_i32(self.batch_length);
        fields.put_i32(self.partition_leader_epoch.0);
        fields.put_i8(self.magic);
        fields.put_u32(self.crc);
        fields.put_i16(self.attributes.0);
        fields.put_i32(self.last_offset_delta);
        fields.put_i64(self.base_timestamp);
        fields.put_i64(self.max_timestamp);
        fields.put_i64(self.producer_id.0);
        fields.put_i16(self.producer_epoch.0);
        fields.put_i32(self.base_sequence);
        fields.put_i32(self.record_count);
        bytes
    }

    /// A header without records, dated by no one.
    pub(super) const fn empty() -> Self {
        Self {
            base_offset: 0,
            batch_length: EMPTY_LENGTH,
            partition_leader_epoch: LeaderEpoch::NONE,
            magic: MAGIC,
            crc: 0,
            attributes: Attributes(0),
            last_offset_delta: 0,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: -1,
            record_count: 0,
        }
    }

    pub(super) fn set_producer(&mut self, stamp: ProducerStamp) {
        self.producer_id = stamp.producer_id;
        self.producer_epoch = stamp.producer_epoch;
        self.base_sequence = stamp.base_sequence;
    }
}

/// How many bytes the batch at the front of `bytes` says it takes: 61 or more; `None` when not even that is there.
pub(super) fn claimed_size(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    let Some(mut length) = bytes.get(8..LENGTH_END) else { return Ok(None) };
    let length = length.get_i32();
    let invalid_length = DecodeError::new(DecodeErrorKind::InvalidLength(i64::from(length)), WHAT);
    if length < MIN_LENGTH_OF_ANY_MAGIC {
        return Err(invalid_length);
    }
    let Some(&magic) = bytes.get(16) else { return Ok(None) };
    if magic.cast_signed() != MAGIC {
        return Err(DecodeError::new(DecodeErrorKind::UnsupportedMagic(magic.cast_signed()), WHAT));
    }
    match usize::try_from(length) {
        Ok(length) if length + LENGTH_END >= HEADER_BYTES => Ok(Some(length + LENGTH_END)),
        _ => Err(invalid_length),
    }
}

/// The sequence number `increment` records after `sequence`: after 2,147,483,647 comes 0.
///
/// ```
/// use kestrel_protocol::record::increment_sequence;
/// assert_eq!(increment_sequence(i32::MAX, 1), 0);
/// assert_eq!(increment_sequence(0, -1), i32::MAX);
/// ```
#[must_use]
pub const fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    sequence.wrapping_add(increment) & i32::MAX
}

/// The setter of the timestamps of a batch's records.
// Exhaustive: it is one bit of the format, and who matches shall think of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// The producer: each record has its own (`CreateTime`).
    #[default]
    Create,
    /// The broker when it appended the batch: all records have the batch's max timestamp (`LogAppendTime`).
    LogAppend,
}

/// The flags of a record batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

impl Attributes {
    const COMPRESSION: u8 = 0x07;
    const LOG_APPEND_TIME: i16 = 0x08;
    const TRANSACTIONAL: i16 = 0x10;
    const CONTROL: i16 = 0x20;
    const DELETE_HORIZON: i16 = 0x40;

    /// The codec that the records are compressed with.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedCompression`] for a number that no codec has.
    pub fn compression(self) -> Result<Compression, DecodeError> {
        let [_, flags] = self.0.to_be_bytes();
        Compression::from_id(flags & Self::COMPRESSION)
    }

    /// The setter of the records' timestamps: the producer or the broker.
    #[must_use]
    pub const fn timestamp_type(self) -> TimestampType {
        if self.has(Self::LOG_APPEND_TIME) { TimestampType::LogAppend } else { TimestampType::Create }
    }

    /// Whether the batch belongs to a transaction (KIP-98).
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        self.has(Self::TRANSACTIONAL)
    }

    /// Whether the records are control records.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.has(Self::CONTROL)
    }

    /// Whether the base timestamp is when tombstones may be removed (KIP-534).
    #[must_use]
    pub const fn has_delete_horizon(self) -> bool {
        self.has(Self::DELETE_HORIZON)
    }

    /// These flags with another codec.
    #[must_use]
    pub const fn with_compression(self, compression: Compression) -> Self {
        Self(self.0 & !(Self::COMPRESSION as i16) | compression.id() as i16)
    }

    /// These flags with another timestamp type.
    #[must_use]
    pub const fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        match timestamp_type {
            TimestampType::Create => Self(self.0 & !Self::LOG_APPEND_TIME),
            TimestampType::LogAppend => Self(self.0 | Self::LOG_APPEND_TIME),
        }
    }

    /// These flags, with the base timestamp a delete horizon or not (KIP-534).
    #[must_use]
    pub const fn with_delete_horizon(self, has_delete_horizon: bool) -> Self {
        Self(if has_delete_horizon { self.0 | Self::DELETE_HORIZON } else { self.0 & !Self::DELETE_HORIZON })
    }

    /// These flags, with the batch part of a transaction.
    #[must_use]
    pub const fn transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    /// These flags, with the records control records.
    #[must_use]
    pub const fn control(self) -> Self {
        Self(self.0 | Self::CONTROL)
    }

    const fn has(self, flag: i16) -> bool {
        self.0 & flag != 0
    }
}
