//! CreatePartitions, versions 0 to 3 (KIP-195): adds partitions to topics, each topic by itself.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};

use super::tally::{split_denied, split_repeated};
use super::{Answer, Handler, RequestContext, State};
use crate::authorizer::AclOperation::Alter;
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ApiError, Intent, NewPartitions};
use crate::quota::Strictness;

/// The first version that knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
const FIRST_STRICT_VERSION: i16 = 3;

impl Handler for CreatePartitionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> Answer<CreatePartitionsResponse> {
        let intent = Intent::of(self.validate_only);
        // What is asked for twice is answered once, and stays as it is.
        let (once, repeated) = split_repeated(self.topics, |topic| topic.name.clone());
        let (once, denied) = split_denied(once, |topic| context.access.check(Alter, Topic, &topic.name));
        let names: Vec<ByteString> = once.iter().map(|topic| topic.name.clone()).collect();
        let strictness = Strictness::since(FIRST_STRICT_VERSION, context.version);
        let permits = context.account.permits(strictness);
        let wanted = once.into_iter().map(new_partitions).collect();
        let outcomes = state.cluster.create_partitions(wanted, intent, permits.clone()).await;
        let twice = |name| (name, Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name.")));
        let results = names
            .into_iter()
            .zip(outcomes)
            .chain(repeated.into_iter().map(twice))
            .chain(denied.into_iter().map(|(topic, error)| (topic.name, Err(error.into()))));
        let results = results.map(result).collect();
        let response = CreatePartitionsResponse { results, ..Default::default() };
        Answer::from(response).held_back(permits.throttle(state.clock.now()))
    }

    fn refusal(&self, error: ErrorCode) -> CreatePartitionsResponse {
        let results = self.topics.iter().map(|topic| result((topic.name.clone(), Err(error.into()))));
        let results = results.collect();
        CreatePartitionsResponse { results, ..Default::default() }
    }
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic
        .assignments
        .map(|assignments| assignments.into_iter().map(|assignment| assignment.broker_ids).collect());
    NewPartitions { topic: topic.name, count: topic.count, assignments }
}

fn result((name, outcome): (ByteString, Result<(), ApiError>)) -> CreatePartitionsTopicResult {
    let (error_code, error_message) = ApiError::fields(outcome);
    CreatePartitionsTopicResult { name, error_code, error_message }
}

#[cfg(test)]
mod tests;
