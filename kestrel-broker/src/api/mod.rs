//! The request pipeline: [`Router`] is a [`tower::Service`] from [`Request`] to the bytes of the answer.
//!
//! `net/` calls it once per request, in the order of the connection. `call` runs what must happen in that order (the
//! append of Produce); the future that it returns is the waiting part. One file per request beside this one; nobody but
//! `net/` and `broker.rs` imports this module.

#![expect(refining_impl_trait, reason = "a handler gives its response, or that with what of it is in files")]

mod context;
mod fault;
mod layers;
mod serving;
mod table;

mod alter_configs;
mod api_versions;
mod authorized_operations;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_topic_partitions;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sync_group;

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use tokio_util::sync::CancellationToken;
use tower::Service;

pub(crate) use context::{
    Answer, Close, Described, ListenerId, Origin, Outgoing, Reply, Request, RequestContext,
};
pub use fault::{FaultRule, Faults};
pub(crate) use fetch::FetchSessions;
pub(crate) use init_producer_id::ProducerIds;
pub(crate) use layers::pipeline;

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
    /// What clients fetch.
    pub(crate) fetch_sessions: FetchSessions,
    /// Cancelled when the broker stops: whoever waits for something answers with what there is.
    pub(crate) stopping: CancellationToken,
}

/// A request that this broker answers.
///
/// Handlers never fail: what goes wrong is an error code in the response.
pub(crate) trait Handle: kestrel_protocol::Request {
    /// Answers the request.
    fn handle(
        self,
        context: &RequestContext,
        state: &State,
    ) -> impl Future<Output: Into<Outgoing<Self::Response>>> + Send;

    /// The answer in which everything that was asked for fails with `error`; fault injection sends it.
    fn refusal(&self, error: ErrorCode) -> Self::Response;
}

/// A request whose effect is part of the order of its connection: it has happened when `begin` returns, and so before the
/// next request begins. What is left is waiting, which requests of one connection do together.
pub(crate) trait Begin: Handle {
    /// Does what is asked for; the answer comes when it is stored, or when others have done their part.
    fn begin(
        self,
        context: &RequestContext,
        state: &State,
    ) -> impl Future<Output = Self::Response> + Send + use<Self> + 'static;
}

/// Sends each request to its handler, by the table of APIs.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    state: Arc<State>,
}

impl Router {
    /// A router to handlers that work on `state`.
    pub(crate) const fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl State {
    /// Where a client reaches a broker by the listener that it came by.
    fn client_endpoint(&self, broker: &BrokerImage, context: &RequestContext) -> Option<(ByteString, i32)> {
        let listener = self.config.listeners.get(context.origin.listener.0)?;
        let endpoint = broker.endpoints.iter().find(|endpoint| *endpoint.name == *listener.name)?;
        Some((endpoint.host.clone(), i32::from(endpoint.port)))
    }
}

impl Service<Request> for Router {
    type Response = Answer;
    type Error = Close;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Close>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Reply {
        match table::route(&request) {
            Ok(api) => api.dispatch(&self.state, request),
            Err(close) => Reply::now(Err(close)),
        }
    }
}

#[cfg(test)]
mod tests;
