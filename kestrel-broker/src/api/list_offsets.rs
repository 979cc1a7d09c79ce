//! ListOffsets, versions 1 to 11: the offset of a time, or the first or last one (KIP-79, KIP-734, KIP-405, KIP-1005).

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic, ListOffsetsTopicResponse,
};
use kestrel_protocol::{ErrorCode, LeaderEpoch};

use super::tally::Tally;
use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::Topic;
use crate::partition::{Isolation, OffsetSpec};

impl Handler for ListOffsetsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> ListOffsetsResponse {
        let mut lookup = Lookup {
            state: &state,
            version: context.version,
            isolation: Isolation::from_wire(self.isolation_level),
            seen: HashSet::new(),
        };
        let mut topics = Vec::with_capacity(self.topics.len());
        for topic in self.topics {
            if let Err(error) = context.access.check(Describe, Topic, &topic.name) {
                topics.push(refused_topic(&topic, error));
                continue;
            }
            let mut tally = Tally::of(topic.partitions.iter().map(|asked| asked.partition_index));
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in &topic.partitions {
                // What is asked for twice is answered once, and refused.
                match tally.take(&asked.partition_index) {
                    Some(true) => partitions.push(lookup.answer(&topic.name, asked)),
                    Some(false) => partitions.push(refused(asked.partition_index, ErrorCode::InvalidRequest)),
                    None => {}
                }
            }
            topics.push(ListOffsetsTopicResponse { name: topic.name, partitions });
        }
        ListOffsetsResponse { topics, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> ListOffsetsResponse {
        let topics = self.topics.iter().map(|topic| refused_topic(topic, error)).collect();
        ListOffsetsResponse { topics, ..Default::default() }
    }
}

/// The parameters that all partitions of a request share.
struct Lookup<'a> {
    state: &'a State,
    version: i16,
    isolation: Isolation,
    seen: HashSet<(ByteString, i32)>,
}

impl Lookup<'_> {
    fn answer(&mut self, topic: &ByteString, asked: &ListOffsetsPartition) -> ListOffsetsPartitionResponse {
        self.find(topic, asked).unwrap_or_else(|error| refused(asked.partition_index, error))
    }

    fn find(
        &mut self,
        topic: &ByteString,
        asked: &ListOffsetsPartition,
    ) -> Result<ListOffsetsPartitionResponse, ErrorCode> {
        let index = asked.partition_index;
        if !self.seen.insert((topic.clone(), index)) {
            return Err(ErrorCode::InvalidRequest);
        }
        let spec = OffsetSpec::from_wire(asked.timestamp)
            .filter(|spec| self.version >= first_version(*spec))
            .ok_or(ErrorCode::UnsupportedVersion)?;
        let partition = self.state.replicas.get(topic, index)?;
        let found = partition.offset_for(spec, self.isolation, asked.current_leader_epoch)?;
        Ok(found.map_or_else(
            || refused(index, ErrorCode::None),
            |found| ListOffsetsPartitionResponse {
                partition_index: index,
                error_code: ErrorCode::None,
                timestamp: found.timestamp.as_millis(),
                offset: found.offset,
                leader_epoch: found.leader_epoch,
            },
        ))
    }
}

/// The first version of the request that knows the question.
const fn first_version(spec: OffsetSpec) -> i16 {
    match spec {
        OffsetSpec::Latest | OffsetSpec::Earliest | OffsetSpec::At(_) => 1,
        OffsetSpec::MaxTimestamp => 7,
        OffsetSpec::EarliestLocal => 8,
        OffsetSpec::LatestTiered => 9,
        OffsetSpec::EarliestPendingUpload => 11,
    }
}

fn refused_topic(topic: &ListOffsetsTopic, error: ErrorCode) -> ListOffsetsTopicResponse {
    let partitions = topic.partitions.iter().map(|asked| refused(asked.partition_index, error));
    ListOffsetsTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
}

/// The answer without an offset: a failure, or nothing found.
fn refused(partition_index: i32, error_code: ErrorCode) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse {
        partition_index,
        error_code,
        timestamp: -1,
        offset: -1,
        leader_epoch: LeaderEpoch::NONE,
    }
}

#[cfg(test)]
mod tests;
