//! A batch from records, without a consumer around it.

use std::time::Duration;

use kestrel_serde::Deserializer;

use super::{RecordedConsumerBuilder, logs};
use crate::error::{Error, Result};
use crate::reader::{Batch, BatchRun, Decoders, OpenBatch};

impl<KD, VD> RecordedConsumerBuilder<KD, VD> {
    /// The records as one [`Batch`], instead of a consumer: for a unit test of what is given a batch. Needs no tokio runtime.
    ///
    /// Offsets are those of [`from_records`](super::from_records), and the settings of a consumer do not matter.
    /// [`Batch::ack`] does nothing, and a deserializer that fetches schemas before it reads is not waited for: where that counts,
    /// take the batch from the consumer of [`Self::build`] with [`next_batch`](crate::Consumer::next_batch).
    ///
    /// ```
    /// use kestrel_client::{Batch, Error, Record, Utf8, testing};
    ///
    /// // What is tested: sums up numbers, and skips what is no text.
    /// fn sum(batch: &Batch<String, String>) -> i64 {
    ///     let texts = batch.records().filter_map(|record| record.value().ok().flatten());
    ///     texts.filter_map(|text| text.parse::<i64>().ok()).sum()
    /// }
    ///
    /// let numbers = ["1", "3"].map(|text| Record::to("numbers").key("a key").value(text));
    /// let poison = Record::to("numbers").value(&b"\xff"[..]);
    /// let batch = testing::from_records(numbers.into_iter().chain([poison])).key(Utf8).value(Utf8).batch()?;
    /// assert_eq!((sum(&batch), batch.len()), (4, 3));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] without records, for records of several partitions, a negative partition or an empty topic.
    pub fn batch<K: 'static, V: 'static>(self) -> Result<Batch<K, V>>
    where
        KD: Deserializer<K>,
        VD: Deserializer<V>,
    {
        let mut logs = logs(self.records)?;
        let (Some((partition, log)), true) = (logs.pop_first(), logs.is_empty()) else {
            return Err(Error::invalid_argument(
                "records",
                "a batch has one record or more, all of one partition",
            ));
        };
        let runs = log.into_iter().map(|bytes| BatchRun { open: OpenBatch::of_own(bytes), decoded: None });
        let decoders = Decoders::new(self.key, self.value, Duration::MAX);
        Ok(Batch::new(partition, runs.collect(), decoders, None))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::from_records;
    use super::*;
    use crate::record::{Record, Timestamp};

    #[test]
    fn a_batch_has_what_the_records_have() {
        let record = |text: &'static str| Record::to("letters").partition(7).value(text);
        let full = record("a").key("k").header("trace", "7f3a").timestamp(Timestamp::from_millis(42));
        let batch = from_records([full, record("b")]).batch::<Bytes, Bytes>().unwrap();
        assert_eq!((&**batch.topic(), batch.partition(), batch.len()), ("letters", 7, 2));
        assert_eq!(batch.done(), (("letters", 7).into(), 2));
        let records: Vec<_> = batch.records().map(|record| record.to_record().unwrap()).collect();
        assert_eq!(records.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(
            (records[0].key.as_deref(), records[0].value.as_deref()),
            (Some(&b"k"[..]), Some(&b"a"[..]))
        );
        assert_eq!(records[0].timestamp, Timestamp::from_millis(42));
        assert_eq!(records[0].headers.iter().next(), Some(("trace", Some(&b"7f3a"[..]))));
        assert_eq!((&records[1].key, records[1].timestamp), (&None, Timestamp::NONE));
        batch.ack();
    }

    #[test]
    fn a_batch_is_of_one_partition() {
        let refused = |records: Vec<Record>| from_records(records).batch::<Bytes, Bytes>().unwrap_err();
        assert!(matches!(refused(Vec::new()), Error::InvalidArgument { .. }));
        let two = [0, 1].map(|number| Record::to("letters").partition(number).value("a"));
        assert!(matches!(refused(two.into()), Error::InvalidArgument { .. }));
        assert!(matches!(refused(vec![Record::to("").value("a")]), Error::InvalidArgument { .. }));
    }
}
