//! PartitionReader: makes typed records of stored ones in the task of a partition, and settles what cannot be read.
//!
//! Part of [`PartitionStream`](super::PartitionStream). What has to wait, for a schema or until a letter is stored, holds up this
//! partition and no other.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::error::{DeserializeError, Error, HeldError, Result};
use crate::format_headers::OwnHeaders;
use crate::net::ExponentialBackoff;
use crate::reader::Decoders;
use crate::record::ConsumerRecord;
use crate::rejected::{Remedy, Settler, StoredParts};

/// Reads the records of one partition, one after the other.
pub(super) struct PartitionReader<K, V> {
    decoders: Decoders<K, V>,
    settler: Arc<Settler>,
    /// The record that could not be read at once, on its way.
    slow: Option<Mutex<BoxFuture<'static, Reading<K, V>>>>,
    /// The record that was held, until the application asks again.
    held: Option<ConsumerRecord>,
    failures: u32,
    backoff: ExponentialBackoff,
    /// Of the record that was read last.
    stored: StoredParts,
}

/// The result of reading a record.
pub(super) enum Reading<K, V> {
    Record(ConsumerRecord<K, V>, StoredParts),
    /// No deserializer accepts it: [`Error::Deserialize`].
    Rejected(Arc<DeserializeError>),
    /// It was passed.
    Passed(ConsumerRecord),
    Held(ConsumerRecord, Error),
}

impl<K, V> Reading<K, V> {
    /// Whether its record is one that nobody reads any more.
    fn is_void(&self) -> bool {
        match self {
            Self::Record(record, _) => is_void(record),
            Self::Rejected(poison) => is_void(&poison.record),
            Self::Passed(record) | Self::Held(record, _) => is_void(record),
        }
    }
}

/// Whether another task has sought since the record was fetched.
fn is_void<K, V>(record: &ConsumerRecord<K, V>) -> bool {
    record.ack_token().is_some_and(|token| token.is_void())
}

impl<K: Send + 'static, V: Send + 'static> PartitionReader<K, V> {
    pub(super) fn new(decoders: Decoders<K, V>, settler: Arc<Settler>, backoff: ExponentialBackoff) -> Self {
        Self {
            decoders,
            settler,
            slow: None,
            held: None,
            failures: 0,
            backoff,
            stored: StoredParts::default(),
        }
    }

    /// Whether a record is on its way or held: it comes before all others.
    pub(super) const fn is_busy(&self) -> bool {
        self.slow.is_some() || self.held.is_some()
    }

    /// The key and the value of the record that was read last, as they were stored.
    pub(super) const fn stored(&self) -> &StoredParts {
        &self.stored
    }

    /// What settles what cannot be read.
    pub(super) const fn settler(&self) -> &Arc<Settler> {
        &self.settler
    }

    /// Begins to read a record; [`Self::poll`] goes on where that has to wait.
    pub(super) fn read(&mut self, record: ConsumerRecord) -> Option<Result<ConsumerRecord<K, V>>> {
        let headers = OwnHeaders(record.headers.as_slice());
        let parts = (record.key.as_ref(), record.value.as_ref());
        match self.decoders.poll(&record.topic, parts, &headers, None) {
            Poll::Ready(Ok((key, value))) => {
                let (record, stored) = typed(record, key, value);
                self.stored = stored;
                Some(Ok(record))
            }
            Poll::Ready(Err(_)) | Poll::Pending => {
                self.begin(record, Duration::ZERO);
                None
            }
        }
    }

    /// What has become of the record on its way; `None` when it was passed, or when there is none.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ConsumerRecord<K, V>>>> {
        if let Some(held) = self.held.take() {
            let pause = self.backoff.delay(self.failures);
            self.begin(held, pause);
        }
        let Some(slow) = &mut self.slow else { return Poll::Ready(None) };
        let reading = ready!(slow.get_mut().as_mut().poll(cx));
        self.slow = None;
        if reading.is_void() {
            self.failures = 0;
            return Poll::Ready(None);
        }
        self.failures =
            if matches!(reading, Reading::Held(..)) { self.failures.saturating_add(1) } else { 0 };
        Poll::Ready(match reading {
            Reading::Record(record, stored) => {
                self.stored = stored;
                Some(Ok(record))
            }
            Reading::Rejected(poison) => Some(Err(Error::Deserialize(poison))),
            Reading::Passed(record) => {
                if let Some(token) = record.ack_token() {
                    token.ack();
                }
                None
            }
            Reading::Held(record, error) => {
                self.held = Some(record);
                Some(Err(error))
            }
        })
    }

    fn begin(&mut self, record: ConsumerRecord, pause: Duration) {
        let (decoders, settler) = (self.decoders.clone(), Arc::clone(&self.settler));
        let reading = async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            // A letter of a record that nobody reads any more would say what is not so.
            if is_void(&record) {
                return Reading::Passed(record);
            }
            read_slowly(&decoders, &settler, record).await
        };
        self.slow = Some(Mutex::new(Box::pin(reading)));
    }
}

async fn read_slowly<K, V>(
    decoders: &Decoders<K, V>,
    settler: &Settler,
    record: ConsumerRecord,
) -> Reading<K, V> {
    let ready =
        decoders.ready(&record.topic, (record.key.clone(), record.value.clone()), record.headers.clone());
    let decoded = match ready.await {
        Ok(()) => {
            let headers = OwnHeaders(record.headers.as_slice());
            decoders.decode(&record.topic, (record.key.as_ref(), record.value.as_ref()), &headers)
        }
        Err(cause) => Err(cause),
    };
    let cause = match decoded {
        Ok((key, value)) => {
            let (record, stored) = typed(record, key, value);
            return Reading::Record(record, stored);
        }
        Err(cause) => cause,
    };
    if !cause.is_poison() {
        let error = HeldError::not_ready(&record, cause);
        return Reading::Held(record, error);
    }
    let poison = Arc::new(DeserializeError { record, cause });
    match settler.settle_one(&poison).await {
        Ok(Remedy::Fail) => Reading::Rejected(poison),
        Ok(_) => Reading::Passed(poison.record.clone()),
        Err(error) => Reading::Held(poison.record.clone(), error),
    }
}

/// The record with its parts in the application's types, and the parts as they were stored.
fn typed<K, V>(
    mut record: ConsumerRecord,
    key: Option<K>,
    value: Option<V>,
) -> (ConsumerRecord<K, V>, StoredParts) {
    let stored = StoredParts { key: record.key.take(), value: record.value.take() };
    (record.with_parts(key, value), stored)
}
