//! State: the rooms of the broker, as handlers reach them.

use std::sync::Arc;

use bytestring::ByteString;
use tokio_util::sync::CancellationToken;

use super::{AuditLog, FetchSessions, RequestContext, RequestCounters};
use crate::clock::Clock;
use crate::cluster::{BrokerImage, Cluster};
use crate::config::BrokerConfig;
use crate::coordinator::{GroupCoordinator, TransactionCoordinator};
use crate::metrics::{ConnectionCounters, Metrics};
use crate::partition::ReplicaManager;
use crate::quota::Quotas;
use crate::telemetry::Telemetry;

/// The rooms of the broker, as handlers reach them.
#[derive(Debug)]
pub(crate) struct State {
    /// The metadata: read as a snapshot, changed by commands.
    pub(crate) cluster: Cluster,
    /// The partitions.
    pub(crate) replicas: Arc<ReplicaManager>,
    /// The groups.
    pub(crate) groups: Arc<GroupCoordinator>,
    /// The transactions.
    pub(crate) transactions: Arc<TransactionCoordinator>,
    /// The broker's settings.
    pub(crate) config: Arc<BrokerConfig>,
    /// The time.
    pub(crate) clock: Clock,
    /// The fetch sessions of all clients.
    pub(crate) fetch_sessions: FetchSessions,
    /// What is written down of denials.
    pub(crate) audit: Arc<AuditLog>,
    /// The quotas of users and clients.
    pub(crate) quotas: Arc<Quotas>,
    /// What is known of the metrics that clients push.
    pub(crate) telemetry: Telemetry,
    /// What is counted of requests.
    pub(crate) counters: RequestCounters,
    /// What is counted of connections, for each listener of the configuration.
    pub(crate) connections: Vec<Arc<ConnectionCounters>>,
    /// Cancelled when the broker stops: handlers that wait for something then answer with what there is.
    pub(crate) stopping: CancellationToken,
}

impl State {
    /// All counters of the broker at this moment: the one door for whoever shows them.
    pub(crate) fn metrics(&self) -> Metrics {
        let listeners = self.config.listeners.iter().zip(&self.connections);
        Metrics {
            apis: self.counters.snapshot(),
            topics: self.replicas.metrics(),
            listeners: listeners.map(|(listener, count)| (listener.name.clone(), count.snapshot())).collect(),
            groups: self.groups.metrics(),
            flushes: self.replicas.flushes(),
            quotas: self.quotas.metrics(),
            waiting_produce_requests: self.counters.waiting_produce.get(),
            waiting_fetch_requests: self.counters.waiting_fetch.get(),
        }
    }

    /// The address at which a client reaches a broker by the listener that it came by.
    pub(super) fn client_endpoint(
        &self,
        broker: &BrokerImage,
        context: &RequestContext,
    ) -> Option<(ByteString, i32)> {
        let listener = self.config.listeners.get(context.origin.listener.0)?;
        let endpoint = broker.endpoints.iter().find(|endpoint| *endpoint.name == *listener.name)?;
        Some((endpoint.host.clone(), i32::from(endpoint.port)))
    }
}
