//! What is counted of a partition: what was appended to it and read from it. Dies with the partition.

use super::PartitionRead;
use crate::log::{AppendError, Appended};
use crate::metrics::{Counter, TopicMetrics};
use kestrel_protocol::ErrorCode;

/// The counters of one partition: a few for each batch or read, none for a record.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    appended_batches: Counter,
    appended_records: Counter,
    appended_bytes: Counter,
    repeated_batches: Counter,
    refused_batches: Counter,
    reads: Counter,
    read_bytes: Counter,
    refused_reads: Counter,
    sent_bytes: Counter,
}

impl Traffic {
    /// Counts an append of a batch of so many bytes.
    pub(super) fn appended(&self, size_bytes: usize, outcome: &Result<Appended, AppendError>) {
        match outcome {
            Ok(appended) if appended.duplicate => self.repeated_batches.count(),
            Ok(appended) => {
                let records = appended.last_offset - appended.base_offset + 1;
                self.appended_batches.count();
                self.appended_records.add(u64::try_from(records).unwrap_or_default());
                self.appended_bytes.add_bytes(size_bytes);
            }
            Err(_) => self.refused_batches.count(),
        }
    }

    /// Counts a read.
    pub(super) fn read(&self, outcome: &Result<PartitionRead, ErrorCode>) {
        self.reads.count();
        match outcome {
            Ok(read) => self.read_bytes.add_bytes(read.records.len()),
            Err(_) => self.refused_reads.count(),
        }
    }

    /// Counts bytes of batches that leave in an answer.
    pub(super) fn sent(&self, size_bytes: usize) {
        self.sent_bytes.add_bytes(size_bytes);
    }

    /// Adds these counts to those of the topic.
    pub(super) fn add_to(&self, topic: &mut TopicMetrics) {
        topic.appended_batches += self.appended_batches.get();
        topic.appended_records += self.appended_records.get();
        topic.appended_bytes += self.appended_bytes.get();
        topic.repeated_batches += self.repeated_batches.get();
        topic.refused_batches += self.refused_batches.get();
        topic.reads += self.reads.get();
        topic.read_bytes += self.read_bytes.get();
        topic.refused_reads += self.refused_reads.get();
        topic.sent_bytes += self.sent_bytes.get();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_a_batch_allocates_nothing() {
        let traffic = Traffic::default();
        let appended = |duplicate| {
            let (base_offset, last_offset) = (10, 12);
            Ok(Appended { base_offset, last_offset, log_append_time: None, log_start_offset: 0, duplicate })
        };
        let counting = allocation_counter::measure(|| traffic.appended(99, &appended(false)));
        assert_eq!(counting.count_total, 0);
        traffic.appended(99, &appended(true));
        let mut topic = TopicMetrics::default();
        traffic.add_to(&mut topic);
        traffic.add_to(&mut topic);
        assert_eq!((topic.appended_batches, topic.appended_records, topic.appended_bytes), (2, 6, 198));
    }
}
