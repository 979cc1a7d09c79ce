//! Calls: carries out what a [`Membership`] asks for. Async, for the group's driver.
//!
//! Membership has a connection of its own, since a JoinGroup is not answered before everybody has joined; LeaveGroup goes past
//! it, on the connection for offsets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use kestrel_protocol::ByteString;
use kestrel_protocol::messages::join_group::JoinGroupResponseMember;

use super::membership::Membership;
use super::protocols::Protocols;
use super::request::{Answer, LeaderAssignment, MemberSettings, Request, partition_counts};
use crate::assignor::AssignableTopics;
use crate::client::Client;
use crate::consumer::group::link::MemberLink;
use crate::consumer::group::machine::Calls;
use crate::coordinators::{CoordinatorType, coordinator};
use crate::metadata::{MetadataSnapshot, Reason, TopicUses, Wanted};

/// The time that a JoinGroup may take beyond the rebalance.
const JOIN_SLACK: Duration = Duration::from_secs(5);
/// How long the leader waits for the metadata of topics that only other members read.
const METADATA_PATIENCE: Duration = Duration::from_secs(5);

/// Carries out the requests of a classic [`Membership`].
#[derive(Debug)]
pub(crate) struct ClassicCalls {
    link: MemberLink,
    topics: TopicUses,
    protocols: Protocols,
    join_timeout: Duration,
    beat_timeout: Duration,
}

impl ClassicCalls {
    pub(crate) fn new(
        link: MemberLink,
        topics: TopicUses,
        protocols: Protocols,
        settings: &MemberSettings,
    ) -> Self {
        let timeout = link.client.request_timeout();
        Self {
            join_timeout: timeout.max(settings.max_poll_interval.saturating_add(JOIN_SLACK)),
            beat_timeout: timeout.min(settings.session_timeout),
            link,
            topics,
            protocols,
        }
    }
}

impl Calls<Membership> for ClassicCalls {
    fn begin(&self, request: Request) -> BoxFuture<'static, Answer> {
        let MemberLink { client, group_id, .. } = self.link.clone();
        let (member, past_it) = (self.link.member(), self.link.offsets());
        let (join_timeout, beat_timeout, timeout) =
            (self.join_timeout, self.beat_timeout, client.request_timeout());
        match request {
            Request::FindCoordinator => {
                let group = Arc::from(&*group_id);
                async move { Answer::Coordinator(coordinator(&client, CoordinatorType::Group, &group).await) }
                    .boxed()
            }
            Request::Join(id, node, request) => async move {
                let answer = client.send_within(member, node, &request, i16::MAX, join_timeout).await;
                Answer::Join(id, answer)
            }
            .boxed(),
            Request::Assign(round, protocol, members) => {
                let (topics, protocols) = (self.topics.clone(), self.protocols.clone());
                async move {
                    Answer::Assigned(round, assign(&client, &topics, &protocols, protocol, members).await)
                }
                .boxed()
            }
            Request::Sync(id, node, request) => async move {
                Answer::Sync(id, client.send_within(member, node, &request, i16::MAX, timeout).await)
            }
            .boxed(),
            Request::Heartbeat(id, node, request) => async move {
                let answer = client.send_within(member, node, &request, i16::MAX, beat_timeout).await;
                Answer::Heartbeat(id, answer)
            }
            .boxed(),
            Request::Leave(node, request) => async move {
                Answer::Left(client.send_within(past_it, node, &request, i16::MAX, timeout).await)
            }
            .boxed(),
        }
    }
}

/// The leader's part: looks up the topics of all members, and has the assignor divide them.
async fn assign(
    client: &Client,
    topics_in_use: &TopicUses,
    protocols: &Protocols,
    protocol: ByteString,
    answered: Vec<JoinGroupResponseMember>,
) -> LeaderAssignment {
    let members = Protocols::members(answered);
    let topics: BTreeSet<Arc<str>> =
        members.iter().flat_map(|member| member.topics.iter().cloned()).collect();
    let metadata = client.metadata();
    topics_in_use.replace(Reason::Divided, topics.iter().cloned());
    // A topic that does not come in time is not assigned now; when it comes, the group rebalances.
    let look_up =
        |topic| metadata.topic(topic, Wanted::IfExists, METADATA_PATIENCE, "default.api.timeout.ms");
    join_all(topics.iter().map(look_up)).await;
    let snapshot = metadata.current();
    let counts = partition_counts(&snapshot, topics.iter());
    let assignments = protocols.assign(&protocol, &assignable(&snapshot, &topics), &members);
    LeaderAssignment { assignments, counts }
}

/// The topics that exist, with the racks of their replicas (KIP-881).
fn assignable(snapshot: &MetadataSnapshot, topics: &BTreeSet<Arc<str>>) -> AssignableTopics {
    let views = topics.iter().filter_map(|topic| snapshot.topic(topic));
    views.fold(AssignableTopics::new(), |all, view| {
        let racks = view.partitions.iter().map(|partition| {
            let brokers = partition.replicas.iter().filter_map(|node| snapshot.brokers.get(node));
            brokers.filter_map(|broker| broker.rack.as_deref().map(Arc::from)).collect::<Vec<Arc<str>>>()
        });
        all.topic_with_racks(view.name.clone(), racks)
    })
}
