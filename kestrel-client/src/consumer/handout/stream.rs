//! The stream of records: what happens in the caller's task when it asks for the next one.
//!
//! Takes runs of batches from the engine, opens a batch when its first record is wanted, decodes one record at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use kestrel_protocol::LeaderEpoch;
use kestrel_protocol::record::{Headers, TimestampType};
use kestrel_serde::{SerdeContext, SerdeError};
use parking_lot::Mutex;

use crate::acks::{AckToken, RecordAck};
use crate::consumer::engine::{Offer, Recheck};
use crate::consumer::fetch::{Damage, OpenBatch};
use crate::consumer::{Consumer, Prepared, Source, Waiting};
use crate::error::{DeserializeError, Error, Result};
use crate::reader::{Decode, Decoders, PartBuffer};
use crate::record::{ConsumerRecord, Timestamp};

/// What became of one attempt to hand out a record.
enum Step<T> {
    HandOut(T),
    /// Nothing was handed out, but something changed: look again.
    Again,
    /// So much of the partition is not done yet that nothing more of it is handed out.
    Full,
    /// All of the current run was handed out.
    RunEnded,
}

impl<K, V, S: Source> Consumer<K, V, S> {
    /// The next record, or what went wrong; see the type's documentation for which errors there are.
    ///
    /// Gives `None` only when nothing is assigned. While all partitions are paused or at their end, it waits.
    ///
    /// # Cancel safety
    /// Cancel-safe: a record is handed out only by the call that returns it.
    pub async fn next(&mut self) -> Option<Result<ConsumerRecord<K, V>>> {
        std::future::poll_fn(|cx| self.poll_record(cx)).await
    }

    pub(crate) fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ConsumerRecord<K, V>>>> {
        self.note_ask();
        loop {
            match ready!(self.poll_run(cx)) {
                Some(Ok(())) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
            match self.decode_next() {
                Ok(Step::HandOut(record)) => {
                    self.note_hand_out();
                    // The partition may have been taken away meanwhile: then the record was not handed out.
                    let checked = self.recheck();
                    if checked.is_ok() && self.current.is_some() {
                        return Poll::Ready(Some(record));
                    }
                    self.handle.base.shared.ask(None);
                    if let Err(error) = checked {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Ok(Step::Again) => {}
                Ok(Step::Full) => self.return_run(),
                Ok(Step::RunEnded) => self.end_run(),
                Err(damage) => {
                    if let Some(error) = self.give_up(damage) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }

    /// What was handed out before is done.
    pub(crate) fn note_ask(&self) {
        self.handle.base.shared.ask(self.current.as_ref().map(|fetch| fetch.next_offset()));
    }

    /// What was handed out is done, although nothing is asked for: the group may not take its partition away yet.
    pub(crate) fn note_done(&self) {
        self.handle.base.shared.progress().finish(self.current.as_ref().map(|fetch| fetch.next_offset()));
    }

    /// Waits until there is a run of batches to hand out from, and no deserializer that is getting ready.
    pub(crate) fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<()>>> {
        match self.recheck() {
            Ok(Recheck::Rest) => self.return_run(),
            Ok(Recheck::GoOn | Recheck::Void) => {}
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
        if let Some(waiting) = &mut self.waiting {
            let future = waiting.future.get_mut();
            let result = ready!(future.as_mut().poll(cx));
            let (position_id, offset) = (waiting.position_id, waiting.offset);
            self.waiting = None;
            self.prepared = Some(Prepared { position_id, offset, result });
        }
        if self.current.is_some() {
            return Poll::Ready(Some(Ok(())));
        }
        match self.handle.base.shared.take(cx.waker()) {
            Offer::Records(fetch) => {
                self.current = Some(fetch);
                Poll::Ready(Some(Ok(())))
            }
            Offer::Problem(error) => Poll::Ready(Some(Err(error))),
            Offer::Ended => Poll::Ready(None),
            Offer::Nothing => Poll::Pending,
        }
    }

    /// What is in our hands may have become void, or its partition paused: after a log was cut, a topic made anew, or when
    /// another task had its say.
    fn recheck(&mut self) -> Result<Recheck> {
        let revision = self.handle.base.shared.revision();
        if self.seen_revision == revision {
            return Ok(Recheck::GoOn);
        }
        let verdict = match &self.current {
            Some(fetch) => self.handle.base.shared.change(|engine| engine.recheck(fetch)),
            None => Ok(Recheck::GoOn),
        };
        match verdict {
            Ok(Recheck::GoOn) => self.seen_revision = revision,
            // What was decoded already is handed out; the next look puts the rest back.
            Ok(Recheck::Rest) => {}
            Ok(Recheck::Void) | Err(_) => {
                self.seen_revision = revision;
                self.current = None;
                self.waiting = None;
            }
        }
        verdict
    }

    /// Records up to the position of the current run are being handed out.
    pub(crate) fn note_hand_out(&self) {
        if let Some(fetch) = &self.current {
            self.handle.base.shared.progress().hand_out(fetch.next_offset());
        }
    }

    fn decode_next(&mut self) -> Result<Step<Result<ConsumerRecord<K, V>>>, Damage> {
        let options = self.open_options();
        let Some(fetch) = &mut self.current else { return Ok(Step::Again) };
        let (topic, partition, position_id) = (fetch.topic.clone(), fetch.partition, fetch.position_id);
        let acks = fetch.acks.clone();
        if acks.as_ref().is_some_and(|acks| !acks.has_room()) {
            return Ok(Step::Full);
        }
        let Some(batch) = fetch.open_batch(options)? else { return Ok(Step::RunEnded) };
        let OpenBatch { records, leader_epoch, pinned_bytes, .. } = batch;
        // A second handle on the bytes, because a view borrows the records.
        let data = records.data().clone();
        let buffer = PartBuffer { data: &data, pinned_bytes: *pinned_bytes };
        let (mark, timestamp_type, leader_epoch) = (records.mark(), records.timestamp_type(), *leader_epoch);
        let view = match records.next_view() {
            Some(Ok(view)) => view,
            Some(Err(cause)) => return Err(fetch.damage_in_open(cause)),
            None => return Ok(Step::Again),
        };
        let offset = view.offset;
        let key = view.key.map(|part| self.copier.own(buffer, part));
        let value = view.value.map(|part| self.copier.own(buffer, part));
        let prepared = self.prepared.take_if(|done| done.position_id == position_id && done.offset == offset);
        let decoded = decode(&self.decoders, &topic, (key.as_ref(), value.as_ref()), prepared);
        let Poll::Ready(decoded) = decoded else {
            records.rewind(mark);
            let future = Mutex::new(self.decoders.ready(&topic, key, value));
            self.waiting = Some(Waiting { position_id, offset, future });
            return Ok(Step::Again);
        };
        let frame = RecordFrame {
            topic,
            partition,
            offset,
            timestamp: Timestamp::from_millis(view.timestamp),
            timestamp_type,
            headers: self.copier.headers(buffer, view.headers),
            leader_epoch,
            ack: acks.and_then(|acks| acks.hand_out(offset, leader_epoch)),
        };
        fetch.hand_out(offset);
        Ok(Step::HandOut(match decoded {
            Ok((decoded_key, decoded_value)) => Ok(frame.around(decoded_key, decoded_value)),
            Err(cause) => Err(DeserializeError::into_error(frame.around(key, value), cause)),
        }))
    }

    /// The current run was handed out: the next one may be taken.
    pub(crate) fn end_run(&mut self) {
        self.note_ask();
        self.current = None;
        self.handle.base.shared.release();
    }

    /// The current run is damaged at its position: it is fetched again. Gives the error, unless the run was void anyway.
    pub(crate) fn give_up(&mut self, damage: Damage) -> Option<Error> {
        let fetch = self.current.take()?;
        self.waiting = None;
        self.handle.base.shared.change(|engine| engine.refetch(fetch.position_id, fetch.position(), damage))
    }

    /// Puts back what is not handed out of the current run: in front of all others of its partition.
    pub(crate) fn return_run(&mut self) {
        self.waiting = None;
        if let Some(fetch) = self.current.take() {
            self.handle.base.shared.change(|engine| engine.put_back(fetch));
        }
    }
}

/// All of a record but its key and value.
pub(crate) struct RecordFrame {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Timestamp,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) headers: Headers,
    pub(crate) leader_epoch: Option<LeaderEpoch>,
    pub(crate) ack: Option<AckToken>,
}

impl RecordFrame {
    pub(crate) fn around<K, V>(self, key: Option<K>, value: Option<V>) -> ConsumerRecord<K, V> {
        let Self { topic, partition, offset, timestamp, timestamp_type, headers, leader_epoch, ack } = self;
        ConsumerRecord {
            topic,
            partition,
            offset,
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
            leader_epoch,
            ack: RecordAck(ack),
        }
    }
}

/// A key and a value; `None` is null.
type Pair<K, V> = (Option<K>, Option<V>);

/// Decodes a key and a value; pending while a deserializer has to get ready for them.
fn decode<K, V>(
    decoders: &Decoders<K, V>,
    topic: &str,
    (key, value): Pair<&Bytes, &Bytes>,
    prepared: Option<Prepared>,
) -> Poll<Result<Pair<K, V>, SerdeError>> {
    let is_prepared = match prepared.map(|prepared| prepared.result) {
        Some(Err(error)) => return Poll::Ready(Err(error)),
        Some(Ok(())) => true,
        None => false,
    };
    let key = ready!(decode_part(&*decoders.key, SerdeContext::key(topic), key, is_prepared));
    let value = ready!(decode_part(&*decoders.value, SerdeContext::value(topic), value, is_prepared));
    Poll::Ready(key.and_then(|key| Ok((key, value?))))
}

fn decode_part<T>(
    decoder: &dyn Decode<T>,
    ctx: SerdeContext<'_>,
    bytes: Option<&Bytes>,
    is_prepared: bool,
) -> Poll<Result<Option<T>, SerdeError>> {
    let Some(bytes) = bytes else { return Poll::Ready(Ok(None)) };
    if is_prepared {
        return Poll::Ready(decoder.decode(ctx, bytes).map(Some));
    }
    decoder.poll_decode(ctx, bytes).map_ok(Some)
}

/// The items are those of [`Consumer::next`]. To poll the stream is to ask for the next record, so the one before it counts as
/// done: combinators that read ahead (`buffered`, `buffer_unordered`, `chunks`, `ready_chunks`, `for_each_concurrent`, `peekable`,
/// a `forward` into a channel) make records count as done that nobody has worked on. With the default
/// [`CommitPolicy`](crate::CommitPolicy) those are committed, and lost by a crash. With `CommitPolicy::OnAck` they are not: a record is
/// done when it is acknowledged. [`Consumer::for_each_concurrent`] acknowledges by itself.
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// # async fn work(_: &kestrel_client::ConsumerRecord) {}
/// use futures::{StreamExt, TryStreamExt};
/// use kestrel_client::CommitPolicy;
///
/// let consumer = client.consumer("billing").topics(["clicks"]).commit_policy(CommitPolicy::OnAck).build().await?;
/// consumer
///     .map_ok(|record| async move {
///         work(&record).await;
///         record.ack();
///         Ok(())
///     })
///     .try_buffer_unordered(16)
///     .try_collect::<()>()
///     .await
/// # }
/// ```
impl<K, V, S: Source> Stream for Consumer<K, V, S> {
    type Item = Result<ConsumerRecord<K, V>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_record(cx)
    }
}
