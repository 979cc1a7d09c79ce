//! DescribeProducers, version 0: the producers that write to partitions, and where their transactions began (KIP-664).
//!
//! `kafka-transactions` finds hanging transactions with it.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, ProducerState, TopicRequest,
    TopicResponse,
};

use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::Read;
use crate::authorizer::ResourceType::Topic;
use crate::cluster::check_topic_name;
use crate::log::ActiveProducer;

/// The offset of a transaction that is not open.
const NO_OFFSET: i64 = -1;

impl Handler for DescribeProducersRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DescribeProducersResponse {
        let topics = self.topics.into_iter().map(|topic| match check(&topic.name, &context.access, &state) {
            Ok(()) => described(topic, &state),
            Err((error, message)) => refused(&topic, error, &message),
        });
        DescribeProducersResponse { topics: topics.collect(), ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeProducersResponse {
        let topics = self.topics.iter().map(|topic| refused(topic, error, error.meaning()));
        DescribeProducersResponse { topics: topics.collect(), ..Default::default() }
    }
}

/// Whether the topic may be asked about, and is there.
fn check(name: &ByteString, access: &Access, state: &State) -> Result<(), (ErrorCode, String)> {
    let meant = |error: ErrorCode| (error, error.meaning().to_owned());
    check_topic_name(name).map_err(|why| (ErrorCode::InvalidTopic, why))?;
    access.check(Read, Topic, name).map_err(meant)?;
    state.cluster.image().topic(name).map(|_| ()).ok_or_else(|| meant(ErrorCode::UnknownTopicOrPartition))
}

fn described(topic: TopicRequest, state: &State) -> TopicResponse {
    let partitions = topic.partition_indexes.iter().map(|&partition_index| {
        let mut response = PartitionResponse { partition_index, ..Default::default() };
        match state.replicas.get(&topic.name, partition_index) {
            Ok(partition) => {
                response.active_producers = partition.producers().into_iter().map(shown).collect();
            }
            Err(error) => response.error_code = error,
        }
        response
    });
    TopicResponse { partitions: partitions.collect(), name: topic.name }
}

fn shown(producer: ActiveProducer) -> ProducerState {
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: i32::from(producer.epoch.0),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp.as_millis(),
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_start.unwrap_or(NO_OFFSET),
    }
}

fn refused(topic: &TopicRequest, error_code: ErrorCode, message: &str) -> TopicResponse {
    let partitions = topic.partition_indexes.iter().map(|&partition_index| PartitionResponse {
        partition_index,
        error_code,
        error_message: Some(message.into()),
        active_producers: Vec::new(),
    });
    TopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::record::ProducerStamp;
    use kestrel_protocol::{ProducerEpoch, ProducerId};

    use super::*;
    use crate::Broker;
    use crate::testing::{Peer, stamped_batch};

    #[tokio::test]
    async fn producers_are_shown_and_what_is_not_there_is_refused() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("events").await;
        let stamp =
            ProducerStamp { producer_id: ProducerId(40), producer_epoch: ProducerEpoch(3), base_sequence: 0 };
        peer.produce("events", stamped_batch(&["a", "b"], stamp)).await;
        let ask =
            |name: &'static str, index| TopicRequest { name: name.into(), partition_indexes: vec![index] };
        let topics = vec![ask("events", 0), ask("events", 7), ask("nowhere", 0), ask("no/where", 0)];
        let answer = peer.call(&DescribeProducersRequest { topics }, 0).await;
        let partitions: Vec<_> = answer.topics.iter().map(|topic| &topic.partitions[0]).collect();
        let errors: Vec<_> = partitions.iter().map(|partition| partition.error_code).collect();
        let unknown = ErrorCode::UnknownTopicOrPartition;
        assert_eq!(errors, [ErrorCode::None, unknown, unknown, ErrorCode::InvalidTopic]);
        let [producer] = &*partitions[0].active_producers else { panic!("one producer") };
        assert!(producer.last_timestamp > 0);
        let expected = ProducerState {
            producer_id: ProducerId(40),
            producer_epoch: 3,
            last_sequence: 1,
            last_timestamp: producer.last_timestamp,
            coordinator_epoch: -1,
            current_txn_start_offset: -1,
        };
        assert_eq!(*producer, expected);
    }
}
