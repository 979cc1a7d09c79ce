//! What handlers work on: the rooms of the broker.

use std::sync::Arc;

use bytestring::ByteString;
use tokio_util::sync::CancellationToken;

use super::{FetchSessions, ProducerIds, RequestContext};
use crate::clock::Clock;
use crate::cluster::{BrokerImage, Cluster};
use crate::config::BrokerConfig;
use crate::coordinator::GroupCoordinator;
use crate::partition::ReplicaManager;

/// What handlers work on: the rooms of the broker.
#[derive(Debug)]
pub(crate) struct State {
    /// The metadata: read as a snapshot, changed by commands.
    pub(crate) cluster: Cluster,
    /// The partitions.
    pub(crate) replicas: Arc<ReplicaManager>,
    /// The groups.
    pub(crate) groups: Arc<GroupCoordinator>,
    /// The broker's settings.
    pub(crate) config: Arc<BrokerConfig>,
    /// The time.
    pub(crate) clock: Clock,
    /// Producer ids to give out.
    pub(crate) producer_ids: ProducerIds,
    /// The fetch sessions of all clients.
    pub(crate) fetch_sessions: FetchSessions,
    /// Cancelled when the broker stops: handlers that wait for something then answer with what there is.
    pub(crate) stopping: CancellationToken,
}

impl State {
    /// Where a client reaches a broker by the listener that it came by.
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
