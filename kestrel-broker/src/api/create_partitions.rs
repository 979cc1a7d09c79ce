//! CreatePartitions, versions 0 to 3 (KIP-195): adds partitions to topics, each topic by itself.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};

use super::tally::split_repeated;
use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, Intent, NewPartitions};

impl Handler for CreatePartitionsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> CreatePartitionsResponse {
        let intent = Intent::of(self.validate_only);
        // What is asked for twice is answered once, and stays as it is.
        let (once, repeated) = split_repeated(self.topics, |topic| topic.name.clone());
        let names: Vec<ByteString> = once.iter().map(|topic| topic.name.clone()).collect();
        let outcomes =
            state.cluster.create_partitions(once.into_iter().map(new_partitions).collect(), intent).await;
        let duplicate = || Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."));
        let mut results: Vec<_> =
            names.into_iter().zip(outcomes).map(|(name, outcome)| result(name, &outcome)).collect();
        results.extend(repeated.into_iter().map(|name| result(name, &duplicate())));
        CreatePartitionsResponse { results, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> CreatePartitionsResponse {
        let results =
            self.topics.iter().map(|topic| result(topic.name.clone(), &Err(error.into()))).collect();
        CreatePartitionsResponse { results, ..Default::default() }
    }
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic
        .assignments
        .map(|assignments| assignments.into_iter().map(|assignment| assignment.broker_ids).collect());
    NewPartitions { topic: topic.name, count: topic.count, assignments }
}

fn result(name: ByteString, outcome: &Result<(), ApiError>) -> CreatePartitionsTopicResult {
    let error = outcome.as_ref().err();
    CreatePartitionsTopicResult {
        name,
        error_code: error.map_or(ErrorCode::None, |error| error.code),
        error_message: error.map(|error| error.message.as_str().into()),
    }
}

#[cfg(test)]
mod tests;
