//! The table of APIs that are served: which versions are advertised, which are answered, and by what.
//!
//! ApiVersions is answered from it and the router reads it, so that what is advertised is what is there.

use std::ops::RangeInclusive;
use std::sync::Arc;

use kestrel_protocol::messages::alter_configs::AlterConfigsRequest;
use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::create_partitions::CreatePartitionsRequest;
use kestrel_protocol::messages::create_topics::CreateTopicsRequest;
use kestrel_protocol::messages::delete_groups::DeleteGroupsRequest;
use kestrel_protocol::messages::delete_records::DeleteRecordsRequest;
use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;
use kestrel_protocol::messages::describe_configs::DescribeConfigsRequest;
use kestrel_protocol::messages::describe_groups::DescribeGroupsRequest;
use kestrel_protocol::messages::describe_topic_partitions::DescribeTopicPartitionsRequest;
use kestrel_protocol::messages::fetch::FetchRequest;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::incremental_alter_configs::IncrementalAlterConfigsRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::join_group::JoinGroupRequest;
use kestrel_protocol::messages::leave_group::LeaveGroupRequest;
use kestrel_protocol::messages::list_groups::ListGroupsRequest;
use kestrel_protocol::messages::list_offsets::ListOffsetsRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::messages::offset_commit::OffsetCommitRequest;
use kestrel_protocol::messages::offset_delete::OffsetDeleteRequest;
use kestrel_protocol::messages::offset_fetch::OffsetFetchRequest;
use kestrel_protocol::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::messages::sync_group::SyncGroupRequest;
use kestrel_protocol::{ApiKey, ErrorCode, RequestFrame};

use super::{
    Answer, Begin, Close, Handle, Outgoing, Reply, Request, State, api_versions, join_group, produce,
};

/// One API that is served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) key: ApiKey,
    first_advertised: i16,
    last_version: i16,
    dispatch: fn(&Arc<State>, Request) -> Reply,
    refuse: fn(&RequestFrame, ErrorCode) -> Result<Answer, Close>,
}

/// The APIs, by number.
pub(super) const APIS: &[Api] = &[
    // Versions 0 to 2 are advertised and refused, as Apache Kafka does: librdkafka takes a broker without Produce
    // version 2 for one that cannot compress (KAFKA-18659).
    Api { first_advertised: 0, dispatch: produce::dispatch, ..Api::of::<ProduceRequest>() },
    Api::of::<FetchRequest>(),
    Api::of::<ListOffsetsRequest>(),
    Api::of::<MetadataRequest>(),
    Api::begun::<OffsetCommitRequest>(),
    Api::of::<OffsetFetchRequest>(),
    Api::of::<FindCoordinatorRequest>(),
    Api { dispatch: join_group::dispatch, ..Api::of::<JoinGroupRequest>() },
    Api::begun::<HeartbeatRequest>(),
    Api::begun::<LeaveGroupRequest>(),
    Api::begun::<SyncGroupRequest>(),
    Api::of::<DescribeGroupsRequest>(),
    Api::of::<ListGroupsRequest>(),
    Api { dispatch: api_versions::dispatch, ..Api::of::<ApiVersionsRequest>() },
    Api::of::<CreateTopicsRequest>(),
    Api::of::<DeleteTopicsRequest>(),
    Api::of::<DeleteRecordsRequest>(),
    Api::of::<InitProducerIdRequest>(),
    Api::of::<OffsetForLeaderEpochRequest>(),
    Api::of::<DescribeConfigsRequest>(),
    Api::of::<AlterConfigsRequest>(),
    Api::of::<CreatePartitionsRequest>(),
    Api::of::<DeleteGroupsRequest>(),
    Api::of::<IncrementalAlterConfigsRequest>(),
    Api::of::<OffsetDeleteRequest>(),
    Api::of::<DescribeClusterRequest>(),
    Api::of::<DescribeTopicPartitionsRequest>(),
];

impl Api {
    /// The row of a request whose handler is [`Handle`], in every version of its message table.
    const fn of<R: Handle>() -> Self {
        Self {
            key: R::KEY,
            first_advertised: *R::VERSIONS.start(),
            last_version: *R::VERSIONS.end(),
            dispatch: answer::<R>,
            refuse: refuse::<R>,
        }
    }

    /// As [`Self::of`], for a request that has its effect at once.
    const fn begun<R: Begin>() -> Self {
        Self { dispatch: begin::<R>, ..Self::of::<R>() }
    }

    /// The versions that ApiVersions names.
    pub(super) const fn advertised(&self) -> RangeInclusive<i16> {
        self.first_advertised..=self.last_version
    }

    /// Runs the handler: the ordered part now, the waiting part in the reply.
    pub(super) fn dispatch(&self, state: &Arc<State>, request: Request) -> Reply {
        (self.dispatch)(state, request)
    }

    /// The answer in which everything that the request asks for fails with `error`.
    pub(super) fn refuse(&self, request: &RequestFrame, error: ErrorCode) -> Result<Answer, Close> {
        (self.refuse)(request, error)
    }
}

/// The API that answers the request.
///
/// # Errors
/// When the API or its version is not served. ApiVersions is served in every version: its handler names ours.
pub(super) fn route(request: &Request) -> Result<&'static Api, Close> {
    let header = &request.frame.header;
    let api =
        APIS.iter().find(|api| api.key.key() == header.api_key).ok_or(Close::UnknownApi(header.api_key))?;
    if api.key != ApiKey::ApiVersions && !api.key.versions().contains(&header.api_version) {
        return Err(Close::UnsupportedVersion { api: api.key, version: header.api_version });
    }
    Ok(api)
}

/// Decodes the body, runs the handler, encodes the response.
pub(super) fn answer<R: Handle>(state: &Arc<State>, request: Request) -> Reply {
    let Request { frame, context } = request;
    match frame.decode::<R>() {
        Ok(body) => {
            let state = Arc::clone(state);
            Reply::later(async move {
                let response: Outgoing<R::Response> = body.handle(&context, &state).await.into();
                response.encode::<R>(context.version, frame.header.correlation_id)
            })
        }
        Err(error) => Reply::now(Err(error.into())),
    }
}

/// Decodes the body and lets the request have its effect; waits and encodes the response later.
fn begin<R: Begin>(state: &Arc<State>, request: Request) -> Reply {
    let Request { frame, context } = request;
    match frame.decode::<R>() {
        Ok(body) => {
            let response = body.begin(&context, state);
            let correlation_id = frame.header.correlation_id;
            Reply::later(async move {
                Outgoing::from(response.await).encode::<R>(context.version, correlation_id)
            })
        }
        Err(error) => Reply::now(Err(error.into())),
    }
}

fn refuse<R: Handle>(request: &RequestFrame, error: ErrorCode) -> Result<Answer, Close> {
    let response = request.decode::<R>()?.refusal(error);
    Outgoing::from(response).encode::<R>(request.header.api_version, request.header.correlation_id)
}

#[cfg(test)]
mod tests;
