//! ConsumerHandle: what the tasks of an application share of one consumer: everything but its records.

use std::fmt;
use std::sync::Arc;

use super::Consumer;
use super::shared_engine::SharedEngine;
use super::source::{Source, Subscribed};
use crate::client::Client;
use crate::config::ConsumerSettings;
use crate::metadata::TopicUses;

/// Asks and steers a consumer from other tasks, while its own reads: positions, lag, pauses, seeks, the assignment, and in a
/// group, commits.
///
/// Made by [`Consumer::handle`](crate::Consumer::handle); clones are cheap and mean the same consumer. What is said holds for
/// the next record that is handed out: a call of [`next`](crate::Consumer::next) that is about to return one may still do so.
/// The tasks of [`for_each_partition`](crate::Consumer::for_each_partition) hear of pauses and seeks in the same way.
///
/// When the consumer is closed or dropped, calls fail with [`Error::Closed`](crate::Error::Closed).
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// use std::time::Duration;
///
/// let handle = consumer.handle();
/// let watch = async move {
///     loop {
///         tokio::time::sleep(Duration::from_secs(10)).await;
///         for partition in handle.assignment() {
///             println!("{partition}: {:?} records behind", handle.lag(&partition)?);
///         }
///     }
/// };
/// let work = consumer.for_each_partition(|mut partition| async move {
///     while let Some(record) = partition.next().await {
///         println!("{:?}", record?.value);
///     }
///     Ok::<(), kestrel_client::Error>(())
/// });
/// tokio::select! {
///     outcome = work => outcome,
///     failed = watch => failed,
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct ConsumerHandle<S: Source = Subscribed> {
    pub(super) base: Base,
    pub(super) source: S,
}

/// What both kinds of consumer have.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) client: Client,
    pub(super) settings: Arc<ConsumerSettings>,
    pub(super) shared: SharedEngine,
    /// The topics that it keeps in the picture of the cluster.
    pub(super) topics: TopicUses,
}

impl<K, V, S: Source> Consumer<K, V, S> {
    /// What other tasks need to ask and steer this consumer while it reads; see [`ConsumerHandle`].
    #[must_use]
    pub fn handle(&self) -> ConsumerHandle<S> {
        self.handle.clone()
    }
}

impl<S: Source> fmt::Debug for ConsumerHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle").field("source", &self.source).finish_non_exhaustive()
    }
}
