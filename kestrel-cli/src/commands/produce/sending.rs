//! Sending: hands records to a producer, and knows what became of each.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kestrel_client::{Delivery, Error, Producer, ProducerBuilder, Record, Severity, Timestamp};

use super::composer::Composer;
use crate::failure::{Exit, Failure};
use crate::output::Progress;
use crate::records::input::Draft;
use crate::session::Session;

/// How many records may be under way: what became of them is asked in their order.
const MAX_UNDER_WAY: usize = 50_000;
/// How long what is under way may take when nothing more comes; `delivery.timeout.ms` is before it.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often progress is shown, in milliseconds.
const PROGRESS_MILLIS: i64 = 200;

/// Records under way, and what became of those before.
#[derive(Debug)]
pub(super) struct Sending<'s> {
    session: &'s Session,
    composer: Composer,
    /// `None` in a dry run.
    producer: Option<Producer>,
    under_way: VecDeque<(u64, Delivery)>,
    /// How many partitions the topics have whose partitions were named; `None` where that cannot be asked.
    partition_counts: HashMap<Arc<str>, Option<i32>>,
    stored: u64,
    failed: u64,
    progress: Progress,
    shown_at: Timestamp,
}

impl<'s> Sending<'s> {
    pub(super) async fn begin(
        session: &'s Session,
        composer: Composer,
        producer: ProducerBuilder,
    ) -> Result<Self, Failure> {
        let producer = producer.build().await?;
        if let Some(topic) = composer.topic() {
            producer.prepare_topic(topic).await?;
        }
        Ok(Self { producer: Some(producer), ..Self::dry(session, composer) })
    }

    /// Makes the records, and sends none.
    pub(super) fn dry(session: &'s Session, composer: Composer) -> Self {
        let (progress, shown_at) = (session.output().progress("produce:"), session.now());
        Self {
            session,
            composer,
            producer: None,
            under_way: VecDeque::new(),
            partition_counts: HashMap::new(),
            stored: 0,
            failed: 0,
            progress,
            shown_at,
        }
    }

    /// Reports a line that is no record, or one that was not stored.
    pub(super) fn refuse(&mut self, line: u64, reason: &str) {
        self.failed += 1;
        self.session.output().note(&format!("line {line}: {reason}"));
    }

    /// Sends the record of a line. One that the producer does not take is reported.
    ///
    /// # Errors
    /// When the producer has failed: no other record would be taken either.
    pub(super) async fn send(&mut self, line: u64, draft: Draft) -> Result<(), Failure> {
        let record = match self.composer.compose(draft).await {
            Ok(record) => record,
            Err(reason) => {
                self.refuse(line, &reason);
                return Ok(());
            }
        };
        if let Some(reason) = self.no_such_partition(&record).await {
            self.refuse(line, &reason);
            return Ok(());
        }
        let Some(producer) = &self.producer else {
            self.stored += 1;
            return Ok(());
        };
        match producer.send(record).await {
            Ok(delivery) => self.under_way.push_back((line, delivery)),
            // The next line would fare no better.
            Err(error)
                if error.severity() == Severity::Fatal || matches!(error, Error::UnknownTopic { .. }) =>
            {
                return Err(error.into());
            }
            Err(error) => self.refuse(line, &format!("{error:#}")),
        }
        self.show();
        if self.under_way.len() >= MAX_UNDER_WAY {
            self.settle(MAX_UNDER_WAY / 2).await;
        }
        Ok(())
    }

    /// What is wrong with the partition that a record is for. The producer would wait for it, as it may just have been added.
    async fn no_such_partition(&mut self, record: &Record) -> Option<String> {
        let partition = record.partition?;
        if !self.partition_counts.contains_key(&record.topic) {
            let admin = self.session.admin().await.ok()?;
            let described = admin.describe_topics([&record.topic]).await.into_result().ok();
            let topic = described.and_then(|mut topics| topics.pop());
            let count = topic.and_then(|(_, topic)| i32::try_from(topic.partitions.len()).ok());
            self.partition_counts.insert(Arc::clone(&record.topic), count);
        }
        let count = (*self.partition_counts.get(&record.topic)?)?;
        (partition >= count).then(|| {
            format!(
                "there is no partition {partition} of {}, which has {count}: --repartition chooses others",
                record.topic
            )
        })
    }

    /// Waits for what became of the oldest records, until so many are left.
    async fn settle(&mut self, left: usize) {
        while self.under_way.len() > left {
            let Some((line, delivery)) = self.under_way.pop_front() else { return };
            match delivery.await {
                Ok(_) => self.stored += 1,
                Err(error) => self.refuse(line, &not_stored(&error)),
            }
        }
    }

    /// Waits for all, and says what became of them.
    ///
    /// # Errors
    /// When a record failed; each was reported.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        if let Some(producer) = self.producer.clone() {
            // What failed is said by the deliveries.
            let _ = producer.flush().await;
            self.settle(0).await;
            let _ = producer.close(PATIENCE).await;
        }
        self.progress.clear();
        let (stored, failed) = (self.stored, self.failed);
        let done = if self.producer.is_some() { "stored" } else { "would be stored" };
        let bad = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        self.session.output().note(&format!("{stored} records {done}{bad}"));
        match (failed, stored) {
            (0, _) => Ok(()),
            (_, 0) => Err(Failure::reported(Exit::Failed)),
            _ => Err(Failure::reported(Exit::Partial)),
        }
    }

    fn show(&mut self) {
        let now = self.session.now();
        if now.as_millis() - self.shown_at.as_millis() >= PROGRESS_MILLIS {
            self.shown_at = now;
            let accepted = self.stored + self.failed + self.under_way.len() as u64;
            self.progress.show(&format!("{accepted} lines read, {} records stored", self.stored));
        }
    }
}

/// Why a record is not stored, or that nobody knows.
fn not_stored(error: &Error) -> String {
    let doubt = if error.possibly_written() { "; it may have been stored all the same" } else { "" };
    format!("{error:#}{doubt}")
}
