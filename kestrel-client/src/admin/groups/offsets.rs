//! The offsets that groups have committed: list, alter, delete (KIP-396, KIP-496, KIP-709).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::join_all;
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kestrel_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId};

use super::{check, is_passing_at_coordinator, left_out, refused};
use crate::admin::settle::{Call, Round, at_least};
use crate::admin::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::consumer::{LAST_VERSION_WITH_NAMES, OffsetAndMetadata, OffsetQuestion, refusal};
use crate::coordinators::{CoordinatorType, at_coordinators, coordinator};
use crate::error::{Error, Result};
use crate::into::IntoName;
use crate::net::Purpose;
use crate::partitions::{Answers, by_partition, by_topic};
use crate::record::TopicPartition;

/// The offsets of a group by partition.
type GroupOffsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

impl Admin {
    /// All offsets that groups have committed. A group that does not exist has none.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// for (group, offsets) in admin.list_group_offsets(["billing", "audit"]).await {
    ///     for (partition, committed) in offsets? {
    ///         println!("{group}: {partition} at {}", committed.offset);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per group: `GROUP_AUTHORIZATION_FAILED`, `INVALID_GROUP_ID`, what the coordinator says of a partition,
    /// [`Error::Timeout`].
    pub async fn list_group_offsets(
        &self,
        groups: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, BTreeMap<TopicPartition, OffsetAndMetadata>> {
        let groups = groups.into_iter().map(IntoName::into_name).collect();
        self.settle(&ListGroupOffsets, groups).await
    }

    /// Sets offsets of a group that has no members; makes the group if there is none. Offsets are not compared with what the
    /// partitions hold: [`Self::reset_group_offsets`] does that.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::OffsetAndMetadata;
    ///
    /// let after = OffsetAndMetadata::new(42).metadata("after the incident");
    /// admin.alter_group_offsets("billing", [(("clicks", 0), after)]).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per partition: [`Error::InvalidArgument`] for a negative offset, `UNKNOWN_MEMBER_ID` while the group has members, `UNKNOWN_TOPIC_OR_PARTITION`,
    /// `OFFSET_METADATA_TOO_LARGE`, an authorization error, [`Error::Timeout`].
    pub async fn alter_group_offsets(
        &self,
        group: impl IntoName,
        offsets: impl IntoIterator<Item = (impl Into<TopicPartition>, impl Into<OffsetAndMetadata>)>,
    ) -> AdminResults<TopicPartition, ()> {
        let offsets = offsets.into_iter().map(|(partition, offset)| (partition.into(), offset.into()));
        let call = AlterGroupOffsets { group: group.into_name() };
        self.settle(&call, offsets.collect()).await.keyed(|(partition, _)| partition)
    }

    /// Deletes offsets of a group, of topics that no member is subscribed to (KIP-496). Deleting one that is not there
    /// succeeds.
    ///
    /// # Errors
    /// Per partition: `GROUP_SUBSCRIBED_TO_TOPIC`, `UNKNOWN_TOPIC_OR_PARTITION`, `GROUP_ID_NOT_FOUND`, `NON_EMPTY_GROUP`
    /// for a group of members that are not consumers, an authorization error, [`Error::Timeout`].
    pub async fn delete_group_offsets(
        &self,
        group: impl IntoName,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> AdminResults<TopicPartition, ()> {
        let partitions = partitions.into_iter().map(Into::into).collect();
        let call = DeleteGroupOffsets { group: group.into_name() };
        self.settle(&call, partitions).await
    }
}

#[derive(Debug)]
struct ListGroupOffsets;

impl Call for ListGroupOffsets {
    type Item = Arc<str>;
    type Output = GroupOffsets;
    const OPERATION: &'static str = "listing the offsets of groups";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        at_coordinators(client, CoordinatorType::Group, items, |node, groups| {
            join_all(groups.into_iter().map(move |group| list_at(client, node, group))).map(Ok)
        })
        .await
    }
}

async fn list_at(client: &Client, node: NodeId, group: Arc<str>) -> Result<GroupOffsets> {
    let answers = OffsetQuestion::all(ByteString::from(&*group)).ask(client, Purpose::General, node).await?;
    let mut offsets = GroupOffsets::new();
    for (partition, answer) in answers {
        if let Some(committed) = answer.map_err(|code| refusal(&group, code, Some(&partition)))? {
            offsets.insert(partition, committed);
        }
    }
    Ok(offsets)
}

#[derive(Debug)]
struct AlterGroupOffsets {
    group: Arc<str>,
}

impl Call for AlterGroupOffsets {
    type Item = (TopicPartition, OffsetAndMetadata);
    type Output = ();
    const OPERATION: &'static str = "altering the offsets of a group";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    fn check(&self, (_, committed): &Self::Item) -> Result<()> {
        at_least("offset", committed.offset, 0)
    }

    async fn round(&self, client: &Client, items: &[Self::Item], _: Instant) -> Round<Self> {
        let partitions = items.iter().map(|(partition, committed)| {
            let committed = OffsetCommitRequestPartition {
                partition_index: partition.partition,
                committed_offset: committed.offset,
                committed_leader_epoch: committed.leader_epoch.unwrap_or(LeaderEpoch::NONE),
                committed_metadata: Some(ByteString::from(&*committed.metadata)),
            };
            (&partition.topic, committed)
        });
        let topic = |(name, partitions)| OffsetCommitRequestTopic { name, partitions, ..Default::default() };
        let request = OffsetCommitRequest {
            group_id: ByteString::from(&*self.group),
            topics: by_topic(partitions).map(topic).collect(),
            ..OffsetCommitRequest::default()
        };
        let node = coordinator(client, CoordinatorType::Group, &self.group).await?;
        let timeout = client.request_timeout();
        let answer = client.send_within(Purpose::General, node, &request, LAST_VERSION_WITH_NAMES, timeout);
        let topics = answer.await?.topics.into_iter();
        let answers = topics
            .flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index))
            .collect();
        let outcome = |(partition, _): &_| {
            outcome(ApiKey::OffsetCommit, &self.group, partition, &answers, |answer| answer.error_code)
        };
        Ok(items.iter().map(outcome).collect())
    }
}

#[derive(Debug)]
struct DeleteGroupOffsets {
    group: Arc<str>,
}

impl Call for DeleteGroupOffsets {
    type Item = TopicPartition;
    type Output = ();
    const OPERATION: &'static str = "deleting the offsets of a group";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[TopicPartition], _: Instant) -> Round<Self> {
        let wanted = |partition: &TopicPartition| OffsetDeleteRequestPartition {
            partition_index: partition.partition,
        };
        let topics = by_topic(items.iter().map(|partition| (&partition.topic, wanted(partition))))
            .map(|(name, partitions)| OffsetDeleteRequestTopic { name, partitions })
            .collect();
        let request = OffsetDeleteRequest { group_id: ByteString::from(&*self.group), topics };
        let node = coordinator(client, CoordinatorType::Group, &self.group).await?;
        let response = client.send(Target::Node(node), &request).await?;
        check(ApiKey::OffsetDelete, &self.group, response.error_code, None)?;
        let topics = response.topics.into_iter();
        let answers = topics
            .flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index))
            .collect();
        let outcome = |partition| {
            outcome(ApiKey::OffsetDelete, &self.group, partition, &answers, |answer| answer.error_code)
        };
        Ok(items.iter().map(outcome).collect())
    }
}

/// What a coordinator answers for a partition.
fn outcome<A>(
    api: ApiKey,
    group: &Arc<str>,
    TopicPartition { topic, partition }: &TopicPartition,
    answers: &Answers<A>,
    code: impl Fn(&A) -> ErrorCode,
) -> Result<()> {
    match answers.get(&(ByteString::from(&**topic), *partition)).map(code) {
        Some(ErrorCode::None) => Ok(()),
        Some(code) => Err(refused(api, group, code).topic(topic).partition(*partition).into()),
        None => Err(left_out(api, group)),
    }
}
