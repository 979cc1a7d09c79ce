//! The typed side of a consumer: deserializers with their types erased, so that a consumer is named by key and value alone.
//!
//! Called per record by the consumer's stream and per field by batches. Nulls never come here: they have no bytes.

use std::fmt;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use kestrel_protocol::record::Headers;
use kestrel_serde::{DeserializeContext, Deserializer, Part, ReadHeaders, SerdeContext, SerdeError};

use crate::format_headers::OwnHeaders;

/// A deserializer of `T`, whatever its own type is, and whether or not `T` is `'static`.
pub(crate) trait Decode<T>: Send + Sync {
    /// Whether [`Self::ready`] may have to wait: if not, there is no need to look at records before they are decoded.
    fn may_wait(&self) -> bool;

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
    pub(crate) key: Arc<dyn Decode<K>>,
    pub(crate) value: Arc<dyn Decode<V>>,
}

/// A key and a value; `None` is null.
type Pair<K, V> = (Option<K>, Option<V>);

impl<K, V> Decoders<K, V> {
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
        Box::pin(async move {
            if let Some(key) = key {
                key.await?;
            }
            if let Some(value) = value {
                value.await?;
            }
            Ok(())
        })
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
    if !is_ready && let Err(error) = ready!(decoder.poll_ready(ctx, bytes)) {
        return Poll::Ready(Err(error));
    }
    Poll::Ready(decoder.decode(&ctx, bytes).map(Some))
}

impl<K, V> Clone for Decoders<K, V> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), value: self.value.clone() }
    }
}

impl<K, V> fmt::Debug for Decoders<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoders").finish_non_exhaustive()
    }
}
