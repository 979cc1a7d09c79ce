//! The task that keeps the metadata fresh, and the handle through which the rest of the client reads it.
//!
//! Shell of the [`MetadataCache`]: it sends the machine's requests to a broker, gives the [`Pool`] the addresses, and
//! publishes each new snapshot through a watch channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataResponse};
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, NodeId};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::cache::{LeaderHint, MetadataCache, Wanted};
use super::snapshot::{MetadataSnapshot, TopicView};
use super::topic_use::TopicUse;
use crate::complaints::Complaints;
use crate::config::argument_fits;
use crate::environment;
use crate::error::{BrokerError, Chain, Error};
use crate::net::{HostPort, Pool};
use crate::observer::MetadataRefreshed;

/// Reads the current snapshot and registers the topics that are used; clones share one cache.
#[derive(Debug, Clone)]
pub(crate) struct MetadataHandle {
    shared: Arc<Shared>,
    snapshots: watch::Receiver<Arc<MetadataSnapshot>>,
}

#[derive(Debug)]
struct Shared {
    cache: Mutex<MetadataCache>,
    publisher: watch::Sender<Arc<MetadataSnapshot>>,
    poked: Notify,
    /// Why brokers and the client do not accept each other, as often as that is found.
    refusals: watch::Sender<Option<Error>>,
    pool: Arc<Pool>,
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, MetadataCache> {
        self.cache.lock()
    }

    /// Publishes the cache's snapshot, to the pool first: a reader that sees a leader can then connect to it.
    fn publish(&self) {
        let snapshot = Arc::clone(self.cache().snapshot());
        let address =
            |broker: &super::BrokerView| HostPort { host: Arc::clone(&broker.host), port: broker.port };
        let brokers: HashMap<_, _> =
            snapshot.brokers.iter().map(|(id, broker)| (*id, address(broker))).collect();
        if !brokers.is_empty() {
            self.pool.set_brokers(brokers);
        }
        self.publisher.send_if_modified(|current| {
            let newer = current.version < snapshot.version;
            if newer {
                *current = snapshot;
            }
            newer
        });
    }
}

impl MetadataHandle {
    /// A handle on an empty snapshot; [`Refresher`] fills it.
    pub(crate) fn new(cache: MetadataCache, pool: Arc<Pool>) -> Self {
        let (publisher, snapshots) = watch::channel(Arc::clone(cache.snapshot()));
        let refusals = watch::Sender::default();
        let shared = Shared { cache: Mutex::new(cache), publisher, poked: Notify::new(), refusals, pool };
        Self { shared: Arc::new(shared), snapshots }
    }

    /// The current snapshot.
    pub(crate) fn current(&self) -> Arc<MetadataSnapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// A receiver of each new snapshot.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<MetadataSnapshot>> {
        self.snapshots.clone()
    }

    /// Keeps `topic` in the snapshots as long as the returned guard lives.
    pub(crate) fn use_topic(&self, topic: &Arc<str>, wanted: Wanted) -> TopicUse {
        if self.shared.cache().handle_used(topic, wanted) {
            self.shared.poked.notify_one();
        }
        TopicUse::new(self.clone(), Arc::clone(topic), wanted)
    }

    /// Ends one use of `topic`; called when a [`TopicUse`] is dropped.
    pub(super) fn release(&self, topic: &Arc<str>, wanted: Wanted) {
        // Not within the condition, which would hold the lock while the snapshot is published.
        let has_left = self.shared.cache().handle_released(topic, wanted);
        if has_left {
            self.shared.publish();
        }
    }

    /// Has the metadata fetched again, as soon as the backoff allows; called by whatever found it wrong.
    pub(crate) fn request_refresh(&self) {
        self.shared.cache().handle_refresh_request();
        self.shared.poked.notify_one();
    }

    /// Takes over leaders that a broker named when it refused a request (KIP-951). Returns whether anything was new.
    pub(crate) fn apply_hints(
        &self,
        hints: impl IntoIterator<Item = LeaderHint>,
        endpoints: impl IntoIterator<Item = (NodeId, ByteString, i32, Option<ByteString>)>,
    ) -> bool {
        let changed = self.shared.cache().handle_hints(hints, endpoints);
        if changed {
            self.shared.publish();
        }
        changed
    }

    /// Waits for a snapshot newer than `version`. Fails when the client ends, and when brokers and the client do not accept each
    /// other: waiting does not change that.
    pub(crate) async fn refreshed_since(&self, version: u64) -> Result<Arc<MetadataSnapshot>, Error> {
        let mut snapshots = self.snapshots.clone();
        tokio::select! {
            biased;
            error = self.shared.pool.tasks().failed() => Err(error),
            error = self.refused() => Err(error),
            newer = snapshots.wait_for(|snapshot| snapshot.version > version) => {
                newer.map(|snapshot| Arc::clone(&snapshot)).map_err(|_| Error::closed("client"))
            }
        }
    }

    /// Waits until brokers and the client are found, from now on, not to accept each other.
    async fn refused(&self) -> Error {
        let mut refusals = self.shared.refusals.subscribe();
        loop {
            if refusals.changed().await.is_err() {
                return Error::closed("client");
            }
            if let Some(error) = refusals.borrow_and_update().clone() {
                return error;
            }
        }
    }

    /// Looks up a topic, and fetches it if it is not known yet. Only while this waits may the brokers create it.
    ///
    /// # Errors
    /// The brokers' refusal when it is final; [`Error::UnknownTopic`] or a timeout (of `setting`) when the topic has not
    /// appeared within `patience`. Cancel-safe.
    pub(crate) async fn topic(
        &self,
        topic: &Arc<str>,
        wanted: Wanted,
        patience: Duration,
        setting: &'static str,
    ) -> Result<FoundTopic, Error> {
        argument_fits("topic", topic)?;
        let asked_at = self.current().version;
        // In this order, so that already the first request may create it.
        let _waiting = self.use_topic(topic, wanted);
        let topic_use = self.use_topic(topic, Wanted::IfExists);
        match tokio::time::timeout(patience, self.topic_appears(topic, asked_at, wanted)).await {
            Ok(found) => found.map(|(view, version)| FoundTopic { view, version, topic_use }),
            Err(_) => Err(match self.current().error(topic) {
                Some(ErrorCode::UnknownTopicOrPartition) => Error::UnknownTopic { topic: Arc::clone(topic) },
                Some(code) => BrokerError::new(ApiKey::Metadata, code).topic(Arc::clone(topic)).into(),
                None => Error::timeout("looking up a topic", patience, setting),
            }),
        }
    }

    async fn topic_appears(
        &self,
        topic: &Arc<str>,
        asked_at: u64,
        wanted: Wanted,
    ) -> Result<(Arc<TopicView>, u64), Error> {
        let mut version = 0;
        loop {
            let snapshot = self.refreshed_since(version).await?;
            version = snapshot.version;
            if let Some(view) = snapshot.topic(topic) {
                return Ok((Arc::clone(view), version));
            }
            let answered = snapshot.version > asked_at;
            match snapshot.error(topic).filter(|_| answered) {
                // The broker may be creating it: it may exist in a moment.
                Some(code) if code.class() == ErrorClass::RefreshMetadata && wanted == Wanted::Created => {}
                Some(ErrorCode::UnknownTopicOrPartition) => {
                    return Err(Error::UnknownTopic { topic: Arc::clone(topic) });
                }
                Some(code) if code.class() == ErrorClass::RefreshMetadata => {}
                Some(code) => {
                    return Err(BrokerError::new(ApiKey::Metadata, code).topic(Arc::clone(topic)).into());
                }
                None => {}
            }
        }
    }
}

/// A topic that was looked up.
#[derive(Debug)]
pub(crate) struct FoundTopic {
    pub(crate) view: Arc<TopicView>,
    /// The version of the snapshot that `view` is from.
    pub(crate) version: u64,
    /// Keeps the topic in the snapshots.
    pub(crate) topic_use: TopicUse,
}

/// The refresher task.
#[derive(Debug)]
pub(crate) struct Refresher {
    handle: MetadataHandle,
    request_timeout: Duration,
}

impl Refresher {
    pub(crate) fn new(handle: MetadataHandle, request_timeout: Duration) -> Self {
        Self { handle, request_timeout }
    }

    /// Fetches the metadata once; a client does so before anything else.
    pub(crate) async fn refresh_once(&self) -> Result<(), Error> {
        let now = environment::now();
        let request = self.handle.shared.cache().poll_request(now).unwrap_or_default();
        self.refresh(&request).await
    }

    /// Runs until the client is dropped.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.drive() => {}
        }
    }

    async fn drive(&self) {
        let shared = &self.handle.shared;
        let mut complaints = Complaints::default();
        loop {
            let now = environment::now();
            let request = shared.cache().poll_request(now);
            if let Some(request) = request {
                if let Err(error) = self.refresh(&request).await {
                    if matches!(error, Error::Authentication { .. }) {
                        shared.refusals.send_replace(Some(error.clone()));
                    }
                    let now = environment::now();
                    complaints.note(&error, now);
                    if let Some(error) = complaints.poll() {
                        tracing::warn!(error = %Chain(&error), "the cluster's metadata could not be fetched");
                    }
                    shared.cache().handle_failure(now);
                }
                continue;
            }
            let deadline = shared.cache().next_deadline(now);
            tokio::select! {
                () = environment::sleep_until(deadline) => {}
                () = shared.poked.notified() => {}
            }
        }
    }

    /// Sends `request` once, and publishes the answer.
    async fn refresh(&self, request: &MetadataRequest) -> Result<(), Error> {
        let begun = environment::now();
        let result = self.ask(request).await;
        let now = environment::now();
        let result = result.map(|response| self.take(response, now));
        self.handle.shared.pool.tasks().observer().tell(|observer| {
            let snapshot = self.handle.current();
            observer.on_metadata_refreshed(&MetadataRefreshed {
                took: now.saturating_duration_since(begun),
                brokers: snapshot.brokers.len(),
                topics: snapshot.topics.len(),
                outcome: result.as_ref().copied(),
            });
        });
        result
    }

    async fn ask(&self, request: &MetadataRequest) -> Result<MetadataResponse, Error> {
        let connection = self.handle.shared.pool.any().await?;
        let response = connection.send(request, self.request_timeout).await?;
        match response.error_code {
            ErrorCode::None => Ok(response),
            ErrorCode::RebootstrapRequired => {
                self.handle.shared.pool.rebootstrap();
                Err(BrokerError::new(ApiKey::Metadata, ErrorCode::RebootstrapRequired).into())
            }
            code => Err(BrokerError::new(ApiKey::Metadata, code).into()),
        }
    }

    fn take(&self, response: MetadataResponse, now: Instant) {
        self.handle.shared.cache().handle_response(response, now);
        self.handle.shared.publish();
    }
}
