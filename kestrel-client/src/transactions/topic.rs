//! A topic that transactions write to, with the types of its keys and values.

use std::fmt;

use kestrel_serde::Serializer;

use crate::error::Result;
use crate::typed::{TypedProducer, TypedProducerBuilder, Unset};

/// Configures and opens a [`TransactionalTopic`]; made by
/// [`TransactionalProducer::topic`](crate::TransactionalProducer::topic).
#[must_use = "a builder does nothing until `open`"]
pub struct TransactionalTopicBuilder<K: ?Sized, V: ?Sized, KS = Unset, VS = Unset>(
    TypedProducerBuilder<K, V, KS, VS>,
);

impl<K: ?Sized, V: ?Sized> TransactionalTopicBuilder<K, V> {
    pub(super) fn new(builder: TypedProducerBuilder<K, V>) -> Self {
        Self(builder)
    }
}

impl<K: ?Sized, V: ?Sized, KS, VS> TransactionalTopicBuilder<K, V, KS, VS> {
    /// Sets how keys become bytes.
    pub fn key<S: Serializer<K>>(self, key: S) -> TransactionalTopicBuilder<K, V, S, VS> {
        TransactionalTopicBuilder(self.0.key(key))
    }

    /// Sets how values become bytes.
    pub fn value<S: Serializer<V>>(self, value: S) -> TransactionalTopicBuilder<K, V, KS, S> {
        TransactionalTopicBuilder(self.0.value(value))
    }
}

impl<K: ?Sized, V: ?Sized, KS: Serializer<K>, VS: Serializer<V>> TransactionalTopicBuilder<K, V, KS, VS> {
    /// Fetches the topic's metadata and makes the serializers ready. The topic is created if the broker allows that.
    ///
    /// # Errors
    /// As [`TypedProducerBuilder::open`](crate::TypedProducerBuilder::open). Cancel-safe.
    pub async fn open(self) -> Result<TransactionalTopic<K, V>> {
        Ok(TransactionalTopic { typed: self.0.open().await? })
    }
}

impl<K: ?Sized, V: ?Sized, KS, VS> fmt::Debug for TransactionalTopicBuilder<K, V, KS, VS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransactionalTopicBuilder").field(&self.0).finish()
    }
}

/// A topic that records with keys of type `K` and values of type `V` are written to in transactions of one producer.
///
/// It can do nothing alone: [`Transaction::send`](crate::Transaction::send) takes it. Cheap to clone, and a field like any other.
///
/// ```no_run
/// # struct Alert;
/// use kestrel_client::{Error, Transaction, TransactionalTopic};
///
/// struct Alerts {
///     topic: TransactionalTopic<str, Alert>,
/// }
///
/// impl Alerts {
///     async fn raise(&self, transaction: &Transaction<'_>, card: &str, alert: &Alert) -> Result<(), Error> {
///         transaction.send(&self.topic, card, alert).await
///     }
/// }
/// ```
pub struct TransactionalTopic<K: ?Sized, V: ?Sized> {
    typed: TypedProducer<K, V>,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> TransactionalTopic<K, V> {
    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.typed.topic()
    }

    pub(super) fn typed(&self) -> &TypedProducer<K, V> {
        &self.typed
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TransactionalTopic<K, V> {
    fn clone(&self) -> Self {
        Self { typed: self.typed.clone() }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TransactionalTopic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransactionalTopic").field(&self.typed).finish()
    }
}
