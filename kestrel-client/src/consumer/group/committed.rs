//! Committed offsets: asks the coordinator where the group stands.
//!
//! Called by the group's driver for partitions that are taken on, and by [`Consumer::committed`](crate::Consumer::committed).
//! Answers are always stable ones: an offset that a transaction is about to commit is waited for (KIP-447).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, LeaderEpoch, NodeId, TopicId};

use super::offset::OffsetAndMetadata;
use crate::client::{Client, Target};
use crate::environment::{self, after};
use crate::error::{BrokerError, Error, Result};
use crate::net::Purpose;
use crate::record::TopicPartition;

/// The last version of OffsetFetch that names topics; later ones have their ids, which not every broker gives.
const LAST_VERSION_WITH_NAMES: i16 = 9;
const LAST_VERSION: i16 = 10;

/// What the group has committed for a partition: `None` is nothing.
pub(crate) type Answered = Result<Option<OffsetAndMetadata>, ErrorCode>;

/// Whose offsets are asked for.
#[derive(Debug, Clone)]
pub(crate) struct OffsetQuestion {
    pub(crate) group_id: ByteString,
    /// Nil ids are those that are not known.
    pub(crate) partitions: Vec<(TopicPartition, TopicId)>,
}

impl OffsetQuestion {
    /// Asks `node` once, on the connection of `purpose`. A partition that the answer leaves out is not in the result.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        purpose: Purpose,
        node: NodeId,
    ) -> Result<HashMap<TopicPartition, Answered>> {
        let has_ids = self.partitions.iter().all(|(_, id)| !id.is_nil());
        let at_most = if has_ids { LAST_VERSION } else { LAST_VERSION_WITH_NAMES };
        let timeout = client.request_timeout();
        let response = client.send_within(purpose, node, &self.request(), at_most, timeout).await?;
        self.read(response)
    }

    /// The request in both of its forms: for one group, and for several (KIP-709).
    fn request(&self) -> OffsetFetchRequest {
        let mut topics: Vec<OffsetFetchRequestTopics> = Vec::new();
        for (partition, topic_id) in &self.partitions {
            match topics.iter_mut().find(|topic| *topic.name == *partition.topic) {
                Some(topic) => topic.partition_indexes.push(partition.partition),
                None => topics.push(OffsetFetchRequestTopics {
                    name: ByteString::from(&*partition.topic),
                    topic_id: *topic_id,
                    partition_indexes: vec![partition.partition],
                }),
            }
        }
        let old_form = topics.iter().map(|topic| OffsetFetchRequestTopic {
            name: topic.name.clone(),
            partition_indexes: topic.partition_indexes.clone(),
        });
        OffsetFetchRequest {
            group_id: self.group_id.clone(),
            topics: Some(old_form.collect()),
            groups: vec![OffsetFetchRequestGroup {
                group_id: self.group_id.clone(),
                topics: Some(topics),
                ..OffsetFetchRequestGroup::default()
            }],
            require_stable: true,
        }
    }

    fn read(&self, response: OffsetFetchResponse) -> Result<HashMap<TopicPartition, Answered>> {
        let mut found = HashMap::new();
        let Some(group) = response.groups.into_iter().next() else {
            self.check(response.error_code)?;
            for topic in response.topics {
                for one in topic.partitions {
                    let offset = (one.committed_offset, one.committed_leader_epoch, one.metadata);
                    let partition = TopicPartition::new(&*topic.name, one.partition_index);
                    found.insert(partition, answered(one.error_code, offset));
                }
            }
            return Ok(found);
        };
        self.check(group.error_code)?;
        for topic in group.topics {
            let by_id = || self.partitions.iter().find(|(_, id)| *id == topic.topic_id && !id.is_nil());
            let name = match by_id().filter(|_| topic.name.is_empty()) {
                Some((partition, _)) => partition.topic.clone(),
                None => (&*topic.name).into(),
            };
            for one in topic.partitions {
                let offset = (one.committed_offset, one.committed_leader_epoch, one.metadata);
                let partition = TopicPartition::new(name.clone(), one.partition_index);
                found.insert(partition, answered(one.error_code, offset));
            }
        }
        Ok(found)
    }

    fn check(&self, code: ErrorCode) -> Result<()> {
        code.into_result().map_err(|code| self.refusal(code).into())
    }

    pub(crate) fn refusal(&self, code: ErrorCode) -> BrokerError {
        BrokerError::new(ApiKey::OffsetFetch, code).group(&*self.group_id)
    }

    /// Asks until every partition has an answer, wherever the coordinator is by then.
    ///
    /// # Errors
    /// The first error that does not go away within `patience`.
    pub(crate) async fn ask_until_answered(
        &self,
        client: &Client,
        patience: Duration,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        let deadline = after(environment::now(), patience);
        let mut backoff = client.retry_backoff();
        let mut failures = 0;
        loop {
            let error = match self.ask_coordinator(client).await {
                Ok(found) => return Ok(found),
                Err(error) if !error.is_passing() => return Err(error),
                Err(error) => error,
            };
            failures += 1;
            let again: Instant = after(environment::now(), backoff.delay(failures));
            if again >= deadline {
                return Err(Error::Timeout {
                    operation: "asking for committed offsets",
                    after: patience,
                    setting: Some("default.api.timeout.ms"),
                    cause: Some(Box::new(error)),
                    possibly_written: false,
                });
            }
            environment::sleep_until(Some(again)).await;
        }
    }

    async fn ask_coordinator(
        &self,
        client: &Client,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        let response = client.send(Target::Any, &find_coordinator(&self.group_id)).await?;
        let (code, node) = match response.coordinators.first() {
            Some(found) => (found.error_code, found.node_id),
            None => (response.error_code, response.node_id),
        };
        if !code.is_none() {
            return Err(BrokerError::new(ApiKey::FindCoordinator, code).group(&*self.group_id).into());
        }
        let mut answers = self.ask(client, Purpose::General, node).await?;
        let mut found = HashMap::with_capacity(self.partitions.len());
        for (partition, _) in &self.partitions {
            if found.contains_key(partition) {
                // It was asked for twice.
                continue;
            }
            let answer = answers.remove(partition).unwrap_or(Err(ErrorCode::UnknownServerError));
            let refusal = |code| {
                let error = self.refusal(code).topic(partition.topic.clone());
                Error::from(error.partition(partition.partition))
            };
            found.insert(partition.clone(), answer.map_err(refusal)?);
        }
        Ok(found)
    }
}

/// Asks for the coordinator of a group, in both forms of the request (KIP-699).
pub(crate) fn find_coordinator(group_id: &ByteString) -> FindCoordinatorRequest {
    FindCoordinatorRequest { key: group_id.clone(), key_type: 0, coordinator_keys: vec![group_id.clone()] }
}

/// Whether a refusal to tell a committed offset goes away by itself. Nothing that a coordinator refuses means that there is
/// no offset: a member that is out of date asks again and does not begin elsewhere.
pub(crate) fn is_passing(code: ErrorCode) -> bool {
    code.is_retriable() || code.class() == ErrorClass::Rejoin
}

fn answered(code: ErrorCode, (offset, epoch, metadata): (i64, LeaderEpoch, Option<ByteString>)) -> Answered {
    code.into_result()?;
    Ok((offset >= 0).then(|| OffsetAndMetadata {
        offset,
        leader_epoch: (epoch != LeaderEpoch::NONE).then_some(epoch),
        metadata: metadata.as_deref().unwrap_or_default().into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row 25: no refusal of a coordinator to tell an offset says that there is none.
    #[test]
    fn a_member_that_is_out_of_date_asks_again() {
        for code in [
            ErrorCode::StaleMemberEpoch,
            ErrorCode::UnknownMemberId,
            ErrorCode::UnstableOffsetCommit,
            ErrorCode::CoordinatorLoadInProgress,
            ErrorCode::NotCoordinator,
        ] {
            assert!(is_passing(code), "{code}");
            assert_eq!(answered(code, (-1, LeaderEpoch::NONE, None)), Err(code));
        }
        assert_eq!(answered(ErrorCode::None, (-1, LeaderEpoch::NONE, None)), Ok(None));
    }
}
