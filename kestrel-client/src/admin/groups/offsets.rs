//! The offsets that groups have committed: list, alter, delete (KIP-396, KIP-496, KIP-709).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kestrel_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId};

use super::{check, is_passing_at_coordinator, left_out, refused};
use crate::admin::settle::{Call, all_failed, at_least, settle};
use crate::admin::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::consumer::{LAST_VERSION_WITH_NAMES, OffsetAndMetadata, OffsetQuestion, refusal};
use crate::coordinators::{CoordinatorType, at_coordinators, coordinator};
use crate::error::{Error, Result};
use crate::into::IntoName;
use crate::net::Purpose;
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
        AdminResults(settle(&self.client, &ListGroupOffsets, groups, self.timeout).await)
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
        let settled = settle(&self.client, &call, offsets.collect(), self.timeout).await;
        AdminResults(settled.into_iter().map(|((partition, _), result)| (partition, result)).collect())
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
        AdminResults(settle(&self.client, &call, partitions, self.timeout).await)
    }
}

#[derive(Debug)]
struct ListGroupOffsets;

impl Call for ListGroupOffsets {
    type Item = Arc<str>;
    type Output = GroupOffsets;
    const OPERATION: &'static str = "listing the offsets of groups";

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Vec<Result<GroupOffsets>> {
        at_coordinators(client, CoordinatorType::Group, items, |node, groups| {
            join_all(groups.into_iter().map(move |group| list_at(client, node, group)))
        })
        .await
    }

    fn is_passing(&self, error: &Error) -> bool {
        is_passing_at_coordinator(error)
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

    fn check(&self, (_, committed): &Self::Item) -> Result<()> {
        at_least("offset", committed.offset, 0)
    }

    async fn round(&self, client: &Client, items: &[Self::Item], _: Instant) -> Vec<Result<()>> {
        let mut topics: BTreeMap<&Arc<str>, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
        for (partition, committed) in items {
            topics.entry(&partition.topic).or_default().push(OffsetCommitRequestPartition {
                partition_index: partition.partition,
                committed_offset: committed.offset,
                committed_leader_epoch: committed.leader_epoch.unwrap_or(LeaderEpoch::NONE),
                committed_metadata: Some(ByteString::from(&*committed.metadata)),
            });
        }
        let topic = |(name, partitions): (&Arc<str>, _)| OffsetCommitRequestTopic {
            name: ByteString::from(&**name),
            partitions,
            ..OffsetCommitRequestTopic::default()
        };
        let request = OffsetCommitRequest {
            group_id: ByteString::from(&*self.group),
            topics: topics.into_iter().map(topic).collect(),
            ..OffsetCommitRequest::default()
        };
        let answer = async {
            let node = coordinator(client, CoordinatorType::Group, &self.group).await?;
            let timeout = client.request_timeout();
            client.send_within(Purpose::General, node, &request, LAST_VERSION_WITH_NAMES, timeout).await
        };
        let partitions = items.iter().map(|(partition, _)| partition);
        match answer.await {
            Ok(response) => {
                let topics = response.topics.into_iter();
                let codes = topics.flat_map(|topic| {
                    let name = topic.name;
                    let partitions = topic.partitions.into_iter();
                    partitions.map(move |p| ((name.clone(), p.partition_index), p.error_code))
                });
                outcomes(ApiKey::OffsetCommit, &self.group, partitions, &codes.collect())
            }
            Err(error) => all_failed(items.len(), &error),
        }
    }

    fn is_passing(&self, error: &Error) -> bool {
        is_passing_at_coordinator(error)
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

    async fn round(&self, client: &Client, items: &[TopicPartition], _: Instant) -> Vec<Result<()>> {
        let mut topics: BTreeMap<&Arc<str>, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
        for partition in items {
            let partition_index = partition.partition;
            topics
                .entry(&partition.topic)
                .or_default()
                .push(OffsetDeleteRequestPartition { partition_index });
        }
        let topic = |(name, partitions): (&Arc<str>, _)| OffsetDeleteRequestTopic {
            name: ByteString::from(&**name),
            partitions,
        };
        let request = OffsetDeleteRequest {
            group_id: ByteString::from(&*self.group),
            topics: topics.into_iter().map(topic).collect(),
        };
        let answer = async {
            let node = coordinator(client, CoordinatorType::Group, &self.group).await?;
            let response = client.send(Target::Node(node), &request).await?;
            check(ApiKey::OffsetDelete, &self.group, response.error_code, None)?;
            Ok(response)
        };
        match answer.await {
            Ok(response) => {
                let topics = response.topics.into_iter();
                let codes = topics.flat_map(|topic| {
                    let name = topic.name;
                    let partitions = topic.partitions.into_iter();
                    partitions.map(move |p| ((name.clone(), p.partition_index), p.error_code))
                });
                outcomes(ApiKey::OffsetDelete, &self.group, items, &codes.collect())
            }
            Err(error) => all_failed(items.len(), &error),
        }
    }

    fn is_passing(&self, error: &Error) -> bool {
        is_passing_at_coordinator(error)
    }
}

/// A coordinator's answer for each partition.
fn outcomes<'a>(
    api: ApiKey,
    group: &Arc<str>,
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
    codes: &HashMap<(ByteString, i32), ErrorCode>,
) -> Vec<Result<()>> {
    let outcome = |partition: &TopicPartition| {
        let TopicPartition { topic, partition } = partition;
        match codes.get(&(ByteString::from(&**topic), *partition)) {
            Some(ErrorCode::None) => Ok(()),
            Some(code) => {
                Err(refused(api, group, *code).topic(Arc::clone(topic)).partition(*partition).into())
            }
            None => Err(left_out(api, group)),
        }
    };
    partitions.into_iter().map(outcome).collect()
}
