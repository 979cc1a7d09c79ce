//! The `.snapshot` file of a segment: the producers as they were where the segment begins (`ProducerSnapshot`, version 1).
//!
//! Apache Kafka keeps one batch per producer in it, so that after a restart only the last batch is recognised as a
//! duplicate. Called by the log when it rolls and closes, and by the loader.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::wire::{Reader, Writer};
use kestrel_protocol::{Message, ProducerEpoch, ProducerId, Timestamp, message};

use super::{Producer, ProducerState, RememberedBatch};
use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;

const VERSION: i16 = 1;
/// The version and the checksum: what the checksum does not cover.
const PREFIX_BYTES: usize = 6;
/// No offset, no sequence, no transaction.
const NONE: i64 = -1;

message! {
    /// The content of a producer snapshot, after its version and checksum.
    ProducerSnapshot(versions: 1..=1) {
        /// The producers.
        producers: Vec<ProducerEntry>;
    }
    /// One producer of a snapshot.
    ProducerEntry {
        /// Its id.
        producer_id: ProducerId;
        /// Its epoch.
        epoch: ProducerEpoch;
        /// The last sequence of its last batch.
        last_sequence: i32;
        /// The last offset of its last batch; -1 without one.
        last_offset: i64;
        /// The last sequence of that batch less the first.
        offset_delta: i32;
        /// When that batch was appended, or its largest timestamp if that is later. Apache Kafka writes the latter.
        timestamp: i64;
        /// The epoch of the coordinator that ended its last transaction.
        coordinator_epoch: i32;
        /// Where its open transaction began; -1 without one.
        current_txn_first_offset: i64;
    }
}

impl ProducerState {
    /// Writes the state to the file at `path`.
    pub(in crate::log) fn write_snapshot(&self, path: &Path, sync: FileSync) -> Result<(), LogError> {
        disk::replace(path, &self.encode(), sync)
    }

    /// Reads the file at `path`, without producers that were idle too long; `None` when it is damaged.
    pub(in crate::log) fn read_snapshot(
        path: &Path,
        now: Timestamp,
        expiration: Duration,
    ) -> Result<Option<Self>, LogError> {
        let Some(mut state) = disk::read_file(path)?.and_then(|bytes| Self::decode(&bytes.into())) else {
            return Ok(None);
        };
        state.remove_expired(now, expiration);
        Ok(Some(state))
    }

    pub(in crate::log) fn encode(&self) -> Vec<u8> {
        let mut producers: Vec<ProducerEntry> =
            self.producers.iter().map(|(&producer_id, producer)| producer.to_entry(producer_id)).collect();
        producers.sort_by_key(|entry| entry.producer_id);
        let mut body = Writer::default();
        ProducerSnapshot { producers }.encode(&mut body, VERSION);
        let body = body.into_bytes().expect("numbers only, and far below 2 GiB");
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len());
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes.clone());
        let version = reader.get_i16("version").ok()?;
        let crc = reader.get_u32("crc").ok()?;
        let body = reader.into_rest();
        if version != VERSION || crc != crc32c::crc32c(&body) {
            return None;
        }
        let mut reader = Reader::new(body);
        let snapshot = ProducerSnapshot::decode(&mut reader, version).ok()?;
        reader.finish("producer snapshot").ok()?;
        let mut state = Self::default();
        for entry in snapshot.producers {
            let producer = Producer::from_entry(&entry);
            if let Some(start) = producer.transaction_start {
                state.open_transactions.insert(start, entry.producer_id);
            }
            state.producers.insert(entry.producer_id, producer);
        }
        Some(state)
    }
}

impl Producer {
    fn to_entry(&self, producer_id: ProducerId) -> ProducerEntry {
        let last = self.batches.back();
        ProducerEntry {
            producer_id,
            epoch: self.epoch,
            last_sequence: last.map_or(super::NO_SEQUENCE, |batch| batch.last_sequence),
            last_offset: last.map_or(NONE, |batch| batch.last_offset),
            offset_delta: last.map_or(0, |batch| batch.offset_delta),
            timestamp: self.last_seen.as_millis(),
            coordinator_epoch: self.coordinator_epoch,
            current_txn_first_offset: self.transaction_start.unwrap_or(NONE),
        }
    }

    fn from_entry(entry: &ProducerEntry) -> Self {
        let last = RememberedBatch {
            last_sequence: entry.last_sequence,
            last_offset: entry.last_offset,
            offset_delta: entry.offset_delta,
            timestamp: Timestamp::from_millis(entry.timestamp),
        };
        Self {
            epoch: entry.epoch,
            coordinator_epoch: entry.coordinator_epoch,
            last_seen: Timestamp::from_millis(entry.timestamp),
            transaction_start: (entry.current_txn_first_offset >= 0)
                .then_some(entry.current_txn_first_offset),
            batches: (entry.last_offset >= 0).then_some(last).into_iter().collect(),
        }
    }
}
