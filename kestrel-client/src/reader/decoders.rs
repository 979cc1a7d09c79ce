//! The typed side of a consumer: deserializers with their types erased, so that a consumer is named by key and value alone.
//!
//! Called per record by the consumer's stream and per field by batches. Nulls never come here: they have no bytes.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::future::BoxFuture;
use kestrel_serde::{Deserializer, Part, SerdeContext, SerdeError};

/// A deserializer of `T`, whatever its own type is.
pub(crate) trait Decode<T>: Send + Sync {
    /// Whether [`Self::ready`] may have to wait: if not, there is no need to look at records before they are decoded.
    fn may_wait(&self) -> bool;

    /// Decodes at once, if the deserializer is ready for these bytes.
    fn poll_decode(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Poll<Result<T, SerdeError>>;

    /// Decodes: after [`Self::ready`].
    fn decode(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError>;

    /// Whether the deserializer is ready for these bytes, as far as it can say without waiting.
    fn poll_ready(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Poll<Result<(), SerdeError>>;

    /// Waits until the deserializer is ready for these bytes.
    fn ready(
        self: Arc<Self>,
        topic: Arc<str>,
        part: Part,
        bytes: Bytes,
    ) -> BoxFuture<'static, Result<(), SerdeError>>;
}

impl<T, D: Deserializer<T>> Decode<T> for D {
    fn may_wait(&self) -> bool {
        Deserializer::may_wait(self)
    }

    fn poll_decode(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Poll<Result<T, SerdeError>> {
        match self.poll_ready(ctx, bytes) {
            Poll::Ready(Ok(())) => Poll::Ready(self.deserialize(ctx, bytes)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn decode(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        self.deserialize(ctx, bytes)
    }

    fn poll_ready(&self, ctx: SerdeContext<'_>, bytes: &Bytes) -> Poll<Result<(), SerdeError>> {
        // A future that does not end at once is dropped, which the trait allows, and begun again in `ready`.
        pin!(Deserializer::ready(self, ctx, bytes)).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ready(
        self: Arc<Self>,
        topic: Arc<str>,
        part: Part,
        bytes: Bytes,
    ) -> BoxFuture<'static, Result<(), SerdeError>> {
        Box::pin(async move { Deserializer::ready(&*self, SerdeContext::new(&topic, part), &bytes).await })
    }
}

/// The deserializers of a consumer's keys and values.
pub(crate) struct Decoders<K, V> {
    pub(crate) key: Arc<dyn Decode<K>>,
    pub(crate) value: Arc<dyn Decode<V>>,
}

impl<K, V> Decoders<K, V> {
    pub(crate) fn may_wait(&self) -> bool {
        self.key.may_wait() || self.value.may_wait()
    }

    /// Whether both parts of a record can be decoded without waiting, as far as the deserializers can say.
    pub(crate) fn are_ready(&self, topic: &str, key: Option<&Bytes>, value: Option<&Bytes>) -> bool {
        key.is_none_or(|key| self.key.poll_ready(SerdeContext::key(topic), key).is_ready())
            && value.is_none_or(|value| self.value.poll_ready(SerdeContext::value(topic), value).is_ready())
    }

    /// Waits until both parts of a record can be decoded.
    pub(crate) fn ready(
        &self,
        topic: &Arc<str>,
        key: Option<Bytes>,
        value: Option<Bytes>,
    ) -> BoxFuture<'static, Result<(), SerdeError>> {
        let key = key.map(|bytes| self.key.clone().ready(topic.clone(), Part::Key, bytes));
        let value = value.map(|bytes| self.value.clone().ready(topic.clone(), Part::Value, bytes));
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
