//! Committed offsets: asks the coordinator where the group stands.
//!
//! Called by the group's driver for partitions that are taken on, by [`Consumer::committed`](crate::Consumer::committed), and by
//! administrative calls: OffsetFetch is written and read here only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponse,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, LeaderEpoch, NodeId, TopicId};

use super::offset::OffsetAndMetadata;
use crate::admin::settle::{Call, Round};
use crate::client::Client;
use crate::coordinators::{CoordinatorType, coordinator};
use crate::error::{BrokerError, Error, Result};
use crate::net::Purpose;
use crate::record::TopicPartition;

/// The last version of OffsetFetch and OffsetCommit that names topics; later ones have their ids, which not every broker
/// gives.
pub(crate) const LAST_VERSION_WITH_NAMES: i16 = 9;
/// The last version that this client speaks.
pub(super) const LAST_VERSION: i16 = 10;

/// The group's committed offset of a partition; `None` when there is none.
pub(crate) type Answered = Result<Option<OffsetAndMetadata>, ErrorCode>;

/// Which offsets of a group are asked for.
#[derive(Debug)]
pub(crate) struct OffsetQuestion {
    group_id: ByteString,
    /// Nil ids are those that are not known. `None` is all partitions for which the group has an offset.
    partitions: Option<Vec<(TopicPartition, TopicId)>>,
    /// Whether an offset that a transaction is about to commit is waited for (KIP-447).
    require_stable: bool,
}

impl OffsetQuestion {
    /// Asks for the offsets of `partitions`.
    pub(crate) const fn of(group_id: ByteString, partitions: Vec<(TopicPartition, TopicId)>) -> Self {
        Self { group_id, partitions: Some(partitions), require_stable: true }
    }

    /// Asks for all offsets that the group has at the moment.
    pub(crate) const fn all(group_id: ByteString) -> Self {
        Self { group_id, partitions: None, require_stable: false }
    }

    /// Asks `node` once, on the connection of `purpose`. A partition that the answer leaves out is not in the result.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        purpose: Purpose,
        node: NodeId,
    ) -> Result<HashMap<TopicPartition, Answered>> {
        let has_ids =
            self.partitions.as_ref().is_some_and(|all| all.iter().all(|(_, topic_id)| !topic_id.is_nil()));
        let at_most = if has_ids { LAST_VERSION } else { LAST_VERSION_WITH_NAMES };
        let timeout = client.request_timeout();
        let response = client.send_within(purpose, node, &self.request(), at_most, timeout).await?;
        self.read(response)
    }

    /// The request in both of its forms: for one group, and for several (KIP-709).
    fn request(&self) -> OffsetFetchRequest {
        let topics = self.partitions.as_ref().map(|partitions| by_topic(partitions));
        let old_form = |topic: &OffsetFetchRequestTopics| OffsetFetchRequestTopic {
            name: topic.name.clone(),
            partition_indexes: topic.partition_indexes.clone(),
        };
        OffsetFetchRequest {
            group_id: self.group_id.clone(),
            topics: topics.as_ref().map(|topics| topics.iter().map(old_form).collect()),
            groups: vec![OffsetFetchRequestGroup {
                group_id: self.group_id.clone(),
                topics,
                ..OffsetFetchRequestGroup::default()
            }],
            require_stable: self.require_stable,
        }
    }

    fn read(&self, response: OffsetFetchResponse) -> Result<HashMap<TopicPartition, Answered>> {
        let Some(group) = response.groups.into_iter().next() else {
            self.check(response.error_code)?;
            let found = response.topics.into_iter().flat_map(|topic| {
                let name: Arc<str> = Arc::from(&*topic.name);
                topic.partitions.into_iter().map(move |one| {
                    let offset = (one.committed_offset, one.committed_leader_epoch, one.metadata);
                    ((name.clone(), one.partition_index).into(), answered(one.error_code, offset))
                })
            });
            return Ok(found.collect());
        };
        self.check(group.error_code)?;
        let found = group.topics.into_iter().flat_map(|topic| {
            let name = self.name_of(&topic.name, topic.topic_id);
            topic.partitions.into_iter().map(move |one| {
                let offset = (one.committed_offset, one.committed_leader_epoch, one.metadata);
                ((name.clone(), one.partition_index).into(), answered(one.error_code, offset))
            })
        });
        Ok(found.collect())
    }

    /// The name of a topic in an answer: from version 10 on it has only its id.
    fn name_of(&self, name: &str, topic_id: TopicId) -> Arc<str> {
        let asked = self.partitions.iter().flatten().find(|(_, id)| *id == topic_id && !id.is_nil());
        match asked.filter(|_| name.is_empty()) {
            Some((partition, _)) => partition.topic.clone(),
            None => name.into(),
        }
    }

    fn check(&self, code: ErrorCode) -> Result<()> {
        code.into_result().map_err(|code| refusal(&self.group_id, code, None))
    }
}

fn by_topic(partitions: &[(TopicPartition, TopicId)]) -> Vec<OffsetFetchRequestTopics> {
    let mut topics: Vec<OffsetFetchRequestTopics> = Vec::new();
    for (partition, topic_id) in partitions {
        match topics.iter_mut().find(|topic| *topic.name == *partition.topic) {
            Some(topic) => topic.partition_indexes.push(partition.partition),
            None => topics.push(OffsetFetchRequestTopics {
                name: ByteString::from(&*partition.topic),
                topic_id: *topic_id,
                partition_indexes: vec![partition.partition],
            }),
        }
    }
    topics
}

/// The coordinator's refusal to tell what the group has, for `partition` or at all.
pub(crate) fn refusal(group_id: &str, code: ErrorCode, partition: Option<&TopicPartition>) -> Error {
    let error = BrokerError::new(ApiKey::OffsetFetch, code).group(group_id);
    match partition {
        Some(TopicPartition { topic, partition }) => error.topic(topic.clone()).partition(*partition).into(),
        None => error.into(),
    }
}

/// Asks what a group has committed for each partition, wherever its coordinator is, until it answers.
#[derive(Debug)]
pub(crate) struct CommittedOffsets {
    pub(crate) group: Arc<str>,
}

impl Call for CommittedOffsets {
    type Item = TopicPartition;
    type Output = Option<OffsetAndMetadata>;
    const OPERATION: &'static str = "asking for committed offsets";
    const IS_PASSING: fn(&Error) -> bool = Error::is_passing;

    async fn round(&self, client: &Client, items: &[TopicPartition], _: Instant) -> Round<Self> {
        let group_id = ByteString::from(&*self.group);
        let partitions = items.iter().map(|partition| (partition.clone(), TopicId::NIL)).collect();
        let node = coordinator(client, CoordinatorType::Group, &self.group).await?;
        let answers = OffsetQuestion::of(group_id, partitions).ask(client, Purpose::General, node).await?;
        let answer = |partition: &TopicPartition| {
            let answer = answers.get(partition).cloned().unwrap_or(Err(ErrorCode::UnknownServerError));
            answer.map_err(|code| refusal(&self.group, code, Some(partition)))
        };
        Ok(items.iter().map(answer).collect())
    }
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
