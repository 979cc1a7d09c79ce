//! OffsetForLeaderEpoch, versions 2 to 4: where a leader epoch ends, so that a consumer sees truncation (KIP-101, KIP-320).

use std::sync::Arc;

use kestrel_protocol::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
};
use kestrel_protocol::{ErrorCode, LeaderEpoch};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::{ClusterAction, Describe};
use crate::authorizer::ResourceType::Topic;

impl Handler for OffsetForLeaderEpochRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> OffsetForLeaderEpochResponse {
        let is_broker = context.access.would_allow_on_cluster(ClusterAction);
        let check =
            |topic: &str| if is_broker { Ok(()) } else { context.access.check(Describe, Topic, topic) };
        answer(&self, check, |topic, asked| find(&state, topic, asked))
    }

    fn refusal(&self, error: ErrorCode) -> OffsetForLeaderEpochResponse {
        answer(self, |_| Err(error), |_, _| Err(error))
    }
}

fn answer(
    request: &OffsetForLeaderEpochRequest,
    check: impl Fn(&str) -> Result<(), ErrorCode>,
    find: impl Fn(&str, &OffsetForLeaderPartition) -> Result<EpochEndOffset, ErrorCode>,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.iter().map(|topic| {
        let allowed = check(&topic.topic);
        let partitions = topic.partitions.iter().map(|asked| {
            let end = allowed.and_then(|()| find(&topic.topic, asked));
            end.unwrap_or_else(|error| refused(asked.partition, error))
        });
        OffsetForLeaderTopicResult { topic: topic.topic.clone(), partitions: partitions.collect() }
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
}

fn find(state: &State, topic: &str, asked: &OffsetForLeaderPartition) -> Result<EpochEndOffset, ErrorCode> {
    let partition = state.replicas.get(topic, asked.partition)?;
    let end = partition.end_offset_for_epoch(asked.leader_epoch, asked.current_leader_epoch)?;
    Ok(EpochEndOffset {
        error_code: ErrorCode::None,
        partition: asked.partition,
        leader_epoch: end.epoch,
        end_offset: end.end_offset,
    })
}

fn refused(partition: i32, error_code: ErrorCode) -> EpochEndOffset {
    EpochEndOffset { error_code, partition, leader_epoch: LeaderEpoch::NONE, end_offset: -1 }
}

#[cfg(test)]
mod tests;
