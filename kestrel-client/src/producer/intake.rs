//! The intake of a producer: what its clones and topic handles share, and where records come in.
//!
//! Runs in the callers' tasks. It appends to the accumulator, waits for what an append needs (memory, metadata), and has the
//! sender look when something is due. Flushing and closing go through here too.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::accumulator::{Accumulator, Appended, Attempt, RecordParts, TopicQueue};
use super::buffer_watch::BufferWatch;
use super::delivery::{Delivery, settled};
use super::memory::Patience;
use super::sender::{Command, SharedSender};
use crate::client::Client;
use crate::config::ProducerSettings;
use crate::environment;
use crate::error::Error;
use crate::metadata::{FoundTopic, Wanted};
use crate::trace_context::{TraceHeaders, TraceSource};

/// What the handles of a producer share; dropping it lets the sender end once everything is settled.
pub(crate) struct Intake {
    client: Client,
    settings: ProducerSettings,
    accumulator: Arc<Accumulator>,
    buffer_watch: Arc<BufferWatch>,
    /// Owned by its task, so that all is failed that waits there when the task is lost.
    sender: Weak<SharedSender>,
    commands: mpsc::Sender<Command>,
    trace_source: TraceSource,
    /// Ends the sender's task, once what was accepted is settled.
    released: CancellationToken,
    _on_drop: DropGuard,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("settings", self.accumulator.settings()).finish_non_exhaustive()
    }
}

impl Intake {
    pub(crate) fn new(
        client: Client,
        settings: ProducerSettings,
        (accumulator, buffer_watch): (Arc<Accumulator>, Arc<BufferWatch>),
        sender: &Arc<SharedSender>,
        commands: mpsc::Sender<Command>,
        released: CancellationToken,
    ) -> Self {
        let on_drop = released.clone().drop_guard();
        let sender = Arc::downgrade(sender);
        let trace_source = client.settings().trace_source.clone();
        Self {
            client,
            settings,
            accumulator,
            buffer_watch,
            sender,
            commands,
            trace_source,
            released,
            _on_drop: on_drop,
        }
    }

    /// The queue of a topic that was used before.
    pub(crate) fn known_topic(&self, name: &str) -> Option<Arc<TopicQueue>> {
        self.accumulator.known_topic(name)
    }

    /// The queue of a topic, whose metadata is fetched if it is not known.
    pub(crate) async fn open_topic(&self, topic: &Arc<str>) -> Result<Arc<TopicQueue>, Error> {
        self.open_topic_within(topic, self.settings.max_block).await
    }

    /// How long a call may wait. (`max.block.ms`)
    pub(crate) fn max_block(&self) -> Duration {
        self.settings.max_block
    }

    pub(crate) async fn open_topic_within(
        &self,
        topic: &Arc<str>,
        patience: Duration,
    ) -> Result<Arc<TopicQueue>, Error> {
        self.accumulator.check_open()?;
        let looked_up = self.client.metadata().topic(topic, Wanted::Created, patience, "max.block.ms").await;
        let FoundTopic { view, version, topic_use } = looked_up?;
        let topic = self.accumulator.topic(&view, version, Some(topic_use));
        // A producer that was closed meanwhile has forgotten its topics already.
        self.accumulator.check_open().inspect_err(|_| topic.forget())?;
        Ok(topic)
    }

    /// The headers that say which trace the caller is in, if it is in one.
    #[inline]
    pub(crate) fn trace_headers(&self) -> Option<TraceHeaders> {
        self.trace_source.headers()
    }

    /// Appends to the accumulator, and has the sender look at what that has made due.
    #[inline]
    pub(crate) fn append(
        &self,
        topic: &TopicQueue,
        record: &RecordParts<'_>,
        attempt: &mut Attempt,
    ) -> Result<Appended, Error> {
        let appended = self.accumulator.append(topic, &*self.settings.partitioner, record, attempt);
        if attempt.is_due | attempt.has_opened {
            self.handle_change(attempt);
        }
        appended
    }

    /// An append has sealed or opened a batch.
    #[cold]
    fn handle_change(&self, attempt: &mut Attempt) {
        if std::mem::take(&mut attempt.has_opened) {
            self.tell_buffer();
        }
        // Without its task there is nobody to send anything: the accumulator is about to be ended.
        if std::mem::take(&mut attempt.is_due)
            && let Some(sender) = self.sender.upgrade()
        {
            sender.handle_due();
        }
    }

    fn tell_buffer(&self) {
        self.buffer_watch.tell(self.accumulator.memory());
    }

    /// Appends a record at once or not at all.
    pub(crate) fn append_now(&self, topic: &TopicQueue, record: &RecordParts<'_>) -> Result<Delivery, Error> {
        let mut attempt = Attempt::default();
        // A record that is refused for want of memory is sent again: a partitioner with turns gives it one then, and not now.
        if record.partition.is_none() && !self.settings.partitioner.is_pure() {
            attempt.reservation =
                Some(self.accumulator.set_aside(record)?.ok_or_else(|| self.buffer_full())?);
        }
        match self.append(topic, record, &mut attempt)? {
            Appended::Accepted(delivery) => Ok(delivery),
            Appended::NeedsMemory(_) => Err(self.buffer_full()),
            Appended::NeedsTopic => Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) }),
            Appended::NeedsPartition(partition) => {
                // It may have been added since: the next try knows.
                self.client.metadata().request_refresh();
                Err(topic.unknown_partition(partition, topic.layout().queues.len()))
            }
        }
    }

    /// Appends a record as soon as there is all that it needs: memory, its topic, its partition.
    pub(crate) async fn append_waiting(
        &self,
        topic: &TopicQueue,
        record: &RecordParts<'_>,
        mut attempt: Attempt,
    ) -> Result<Delivery, Error> {
        let patience = Patience::new(self.settings.max_block, environment::now());
        loop {
            match self.append(topic, record, &mut attempt)? {
                Appended::Accepted(delivery) => return Ok(delivery),
                Appended::NeedsMemory(bytes) => {
                    drop(attempt.reservation.take());
                    let _waiting = self.accumulator.memory().begin_waiting();
                    self.tell_buffer();
                    let memory = self.accumulator.memory().reserve(bytes, patience).await;
                    // A closed memory says so because the producer ended, and that error says why.
                    self.accumulator.check_open()?;
                    attempt.reservation = Some(memory?);
                }
                Appended::NeedsTopic => {
                    let left = patience.ends_at.saturating_duration_since(environment::now());
                    self.open_topic_within(topic.name(), left).await?;
                }
                Appended::NeedsPartition(partition) => {
                    self.await_partition(topic, partition, patience).await?;
                }
            }
        }
    }

    /// Looks at the cluster until the topic has a partition of this number, which someone may just have added.
    async fn await_partition(
        &self,
        topic: &TopicQueue,
        partition: i32,
        patience: Patience,
    ) -> Result<(), Error> {
        let metadata = self.client.metadata();
        let mut backoff = self.client.retry_backoff();
        let appears = async {
            for failures in 1.. {
                let known = metadata.current().version;
                metadata.request_refresh();
                let snapshot = metadata.refreshed_since(known).await?;
                let Some(view) = snapshot.topic(topic.name()) else { break };
                self.accumulator.update_topic(topic, view, snapshot.version);
                if view.partition(partition).is_some() {
                    return Ok(());
                }
                self.accumulator.check_open()?;
                tokio::time::sleep(backoff.delay(failures)).await;
            }
            Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) })
        };
        let looked = tokio::time::timeout_at(patience.ends_at.into(), appears).await;
        looked.unwrap_or_else(|_| Err(topic.unknown_partition(partition, topic.layout().queues.len())))
    }

    fn buffer_full(&self) -> Error {
        Error::BufferFull { limit_bytes: self.accumulator.memory().limit_bytes() }
    }

    /// Why the producer's task is gone.
    pub(super) fn ended(&self) -> Error {
        self.client
            .tasks()
            .check()
            .and_then(|()| self.accumulator.check_open())
            .err()
            .unwrap_or_else(|| Error::closed("producer"))
    }

    /// As [`Producer::flush`](super::Producer::flush).
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let ended = || self.ended();
        let (reply, unsettled) = oneshot::channel();
        self.commands.send(Command::Flush(reply)).await.map_err(|_| ended())?;
        for batch in unsettled.await.map_err(|_| ended())? {
            settled(batch).await;
        }
        Ok(())
    }

    /// As [`Producer::close`](super::Producer::close).
    pub(crate) async fn close(&self, patience: Duration) -> Result<(), Error> {
        self.accumulator.end(Error::closed("producer"));
        let flushed = tokio::time::timeout(patience, self.flush()).await;
        self.released.cancel();
        match flushed {
            // Its task is gone, and with it what was not stored.
            Ok(Err(error @ Error::Ended { .. })) => Err(error),
            // A producer that was closed before has nothing to flush.
            Ok(_) => Ok(()),
            Err(_) => Err(Error::out_of_patience("closing the producer", patience)),
        }
    }
}
