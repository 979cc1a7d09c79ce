//! Reading up to known ends: how a table is built from a topic before its changes are followed.

use std::collections::HashMap;
use std::pin::pin;
use std::task::Poll;

use crate::consumer::{Consumer, Source};
use crate::error::Result;
use crate::record::{ConsumerRecord, TopicPartition};

impl<K, V, S: Source> Consumer<K, V, S> {
    /// The next record, until every partition of `ends` has been read up to its offset; then `None`.
    ///
    /// For whoever needs the state of a compacted topic before its changes: read up to what [`Self::end_offsets`] says now,
    /// and go on with [`Self::next`]. While one partition is not there yet, records of others beyond their ends may come
    /// too. A partition that is not assigned, or not any more, is not waited for.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::AssignedConsumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// use std::collections::HashMap;
    ///
    /// let mut table = HashMap::new();
    /// let ends = consumer.end_offsets(consumer.assignment()).await?;
    /// while let Some(record) = consumer.next_until(&ends).await {
    ///     let record = record?;
    ///     table.insert(record.key, record.value);
    /// }
    /// // `table` has the state; what comes now are changes.
    /// while let Some(record) = consumer.next().await {
    ///     println!("{:?}", record?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::next`].
    ///
    /// # Cancel safety
    /// Cancel-safe: a record is handed out only by the call that returns it.
    pub async fn next_until(
        &mut self,
        ends: &HashMap<TopicPartition, i64>,
    ) -> Option<Result<ConsumerRecord<K, V>>> {
        let shared = self.handle.base.shared.clone();
        loop {
            // A position may become known, or a partition be taken away, without a record. What happens from here on is heard, also
            // before the first poll, which only a wait needs.
            let mut changed = pin!(shared.changed_by_driver().notified());
            let step = std::future::poll_fn(|cx| {
                if self.has_reached(ends) {
                    self.note_ask();
                    return Poll::Ready(Some(None));
                }
                match self.poll_record(cx) {
                    Poll::Ready(record) => Poll::Ready(Some(record)),
                    // What was skipped meanwhile may have been the rest.
                    Poll::Pending if self.has_reached(ends) => Poll::Ready(Some(None)),
                    Poll::Pending => changed.as_mut().poll(cx).map(|()| None),
                }
            });
            if let Some(record) = step.await {
                return record;
            }
        }
    }

    fn has_reached(&self, ends: &HashMap<TopicPartition, i64>) -> bool {
        // The run in our hands answers for most records.
        let current = self.current.as_ref();
        let run =
            current.map(|run| (TopicPartition::new(run.topic.clone(), run.partition), run.next_offset()));
        if run.is_some_and(|(partition, next)| ends.get(&partition).is_some_and(|&end| next < end)) {
            return false;
        }
        ends.iter().all(|(partition, &end)| match self.handle.known_position(partition) {
            Ok(position) => position.is_some_and(|position| position >= end),
            Err(_) => true,
        })
    }
}
