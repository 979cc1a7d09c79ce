//! The typed side of a consumer: deserializers with their types erased, so that a consumer is named by key and value alone.
//!
//! Called per record by the consumer's stream and per field by batches. Nulls never come here: they have no bytes.

use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use kestrel_protocol::record::Headers;
use kestrel_serde::{DeserializeContext, Deserializer, Part, Raw, ReadHeaders, SerdeContext, SerdeError};

use crate::format_headers::OwnHeaders;

/// A deserializer of `T`, whatever its own type is, and whether or not `T` is `'static`.
pub(crate) trait Decode<T>: Send + Sync {
    /// Whether [`Self::ready`] may have to wait: if not, there is no need to look at records before they are decoded.
    fn may_wait(&self) -> bool;

    /// Decodes; pending when the deserializer has to get ready first.
    fn poll_decode(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Poll<Result<T, SerdeError>>;

    /// Decodes: after [`Self::ready`].
    fn decode(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError>;

    /// Whether the deserializer is ready for these bytes, as far as it can say without waiting.
    fn poll_ready(&self, ctx: DeserializeContext<'_>, bytes: &Bytes) -> Poll<Result<(), SerdeError>>;

    /// Waits until the deserializer is ready for these bytes, which are of a record with these headers.
    fn ready(
        self: Arc<Self>,
        topic: Arc<str>,
        part: Part,
        bytes: Bytes,
        headers: Headers,
    ) -> BoxFuture<'static, Result<(), SerdeError>>;
}

impl<T, D: Deserializer<T>> Decode<T> for D {
    fn may_wait(&self) -> bool {
        Deserializer::may_wait(self)
    }

    fn poll_decode(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Poll<Result<T, SerdeError>> {
        self.deserialize_now(ctx, bytes).map_or(Poll::Pending, Poll::Ready)
    }

    fn decode(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        self.deserialize(ctx, bytes)
    }

    fn poll_ready(&self, ctx: DeserializeContext<'_>, bytes: &Bytes) -> Poll<Result<(), SerdeError>> {
        // A future is not polled here: what it fetches would be begun, dropped, and fetched again in `ready`.
        Deserializer::ready(self, ctx, bytes).known().map_or(Poll::Pending, Poll::Ready)
    }

    fn ready(
        self: Arc<Self>,
        topic: Arc<str>,
        part: Part,
        bytes: Bytes,
        headers: Headers,
    ) -> BoxFuture<'static, Result<(), SerdeError>> {
        Box::pin(async move {
            let headers = OwnHeaders(headers.as_slice());
            let ctx = SerdeContext::new(&topic, part).reading().with_headers(&headers);
            Deserializer::ready(&*self, ctx, &bytes).await
        })
    }
}

/// The deserializers of a consumer's keys and values.
pub(crate) struct Decoders<K, V> {
    pub(super) key: Arc<dyn Decode<K>>,
    pub(super) value: Arc<dyn Decode<V>>,
    /// How long they may take to get ready for a record.
    patience: Duration,
}

/// A key and a value; `None` is null.
type Pair<K, V> = (Option<K>, Option<V>);

impl Decoders<Bytes, Bytes> {
    /// Those that leave bytes as they are.
    pub(crate) fn raw() -> Self {
        Self::new(Raw, Raw, Duration::MAX)
    }
}

impl<K, V> Decoders<K, V> {
    /// `patience` is how long they may take to get ready for a record. (`default.api.timeout.ms`)
    pub(crate) fn new(key: impl Deserializer<K>, value: impl Deserializer<V>, patience: Duration) -> Self
    where
        K: 'static,
        V: 'static,
    {
        Self { key: Arc::new(key), value: Arc::new(value), patience }
    }

    pub(crate) fn may_wait(&self) -> bool {
        self.key.may_wait() || self.value.may_wait()
    }

    /// Whether both parts of a record can be decoded without waiting, as far as the deserializers can say.
    pub(crate) fn are_ready(
        &self,
        topic: &str,
        (key, value): Pair<&Bytes, &Bytes>,
        headers: &dyn ReadHeaders,
    ) -> bool {
        let (key_ctx, value_ctx) = contexts(topic, headers);
        key.is_none_or(|key| self.key.poll_ready(key_ctx, key).is_ready())
            && value.is_none_or(|value| self.value.poll_ready(value_ctx, value).is_ready())
    }

    /// Waits until both parts of a record can be decoded.
    pub(crate) fn ready(
        &self,
        topic: &Arc<str>,
        (key, value): Pair<Bytes, Bytes>,
        headers: Headers,
    ) -> BoxFuture<'static, Result<(), SerdeError>> {
        let key = key.map(|bytes| self.key.clone().ready(topic.clone(), Part::Key, bytes, headers.clone()));
        let value = value.map(|bytes| self.value.clone().ready(topic.clone(), Part::Value, bytes, headers));
        let patience = self.patience;
        let ready = async move {
            if let Some(key) = key {
                key.await?;
            }
            if let Some(value) = value {
                value.await?;
            }
            Ok(())
        };
        Box::pin(async move {
            let too_long = |_| {
                Err(SerdeError::unavailable(format!("no end within {patience:?} (default.api.timeout.ms)")))
            };
            tokio::time::timeout(patience, ready).await.unwrap_or_else(too_long)
        })
    }

    /// Decodes a key and a value that the deserializers are ready for.
    pub(crate) fn decode(
        &self,
        topic: &str,
        (key, value): Pair<&Bytes, &Bytes>,
        headers: &dyn ReadHeaders,
    ) -> Result<Pair<K, V>, SerdeError> {
        let (key_ctx, value_ctx) = contexts(topic, headers);
        let key = key.map(|bytes| self.key.decode(&key_ctx, bytes)).transpose()?;
        let value = value.map(|bytes| self.value.decode(&value_ctx, bytes)).transpose()?;
        Ok((key, value))
    }

    /// Decodes a key and a value; pending while a deserializer has to get ready for them. `known` is what came of that before.
    pub(crate) fn poll(
        &self,
        topic: &str,
        (key, value): Pair<&Bytes, &Bytes>,
        headers: &dyn ReadHeaders,
        known: Option<Result<(), SerdeError>>,
    ) -> Poll<Result<Pair<K, V>, SerdeError>> {
        let is_ready = match known {
            Some(Err(error)) => return Poll::Ready(Err(error)),
            Some(Ok(())) => true,
            None => false,
        };
        let (key_ctx, value_ctx) = contexts(topic, headers);
        let key = ready!(poll_part(&*self.key, key_ctx, key, is_ready));
        let value = ready!(poll_part(&*self.value, value_ctx, value, is_ready));
        Poll::Ready(key.and_then(|key| Ok((key, value?))))
    }
}

fn contexts<'a>(
    topic: &'a str,
    headers: &'a dyn ReadHeaders,
) -> (DeserializeContext<'a>, DeserializeContext<'a>) {
    let context = |place: SerdeContext<'a>| place.reading().with_headers(headers);
    (context(SerdeContext::key(topic)), context(SerdeContext::value(topic)))
}

fn poll_part<T>(
    decoder: &dyn Decode<T>,
    ctx: DeserializeContext<'_>,
    bytes: Option<&Bytes>,
    is_ready: bool,
) -> Poll<Result<Option<T>, SerdeError>> {
    let Some(bytes) = bytes else { return Poll::Ready(Ok(None)) };
    let decoded =
        if is_ready { decoder.decode(&ctx, bytes) } else { ready!(decoder.poll_decode(&ctx, bytes)) };
    Poll::Ready(decoded.map(Some))
}

impl<K, V> Clone for Decoders<K, V> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), value: self.value.clone(), patience: self.patience }
    }
}
