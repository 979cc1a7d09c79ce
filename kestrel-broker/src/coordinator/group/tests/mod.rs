//! The machine by script, with a hand-held clock: what each request is answered with, and what follows when time passes.

mod joining;
mod leaving;
mod loading;
mod offsets;
mod property;
mod static_members;
mod syncing;
mod transactions;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use kestrel_protocol::messages::leave_group::MemberIdentity;
use kestrel_protocol::messages::sync_group::{
    SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse,
};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId, TopicId, Uuid};
use kestrel_settings::Minutes;

use super::*;
use crate::coordinator::runtime::tests::script::{Reply, Script};

/// The only group of most tests.
const GROUP: &str = "billing";
const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_secs(60);

/// The settings of a broker of which nothing is said.
fn defaults() -> GroupSettings {
    GroupSettings {
        initial_rebalance_delay: Duration::ZERO,
        min_session_timeout: Duration::from_secs(6),
        max_session_timeout: Duration::from_secs(1800),
        max_size: usize::MAX,
        offset_metadata_max_bytes: 4096,
        offsets_retention: Minutes(Duration::from_secs(7 * 24 * 3600)),
        offsets_retention_check_interval: Duration::from_secs(600),
    }
}

/// The script of a shard, with the requests that wait for an answer.
struct Harness {
    script: Script<GroupShard>,
    joins: HashMap<Ticket, Reply<JoinGroupResponse>>,
    syncs: HashMap<Ticket, Reply<SyncGroupResponse>>,
    next: u64,
}

/// A request whose answer may not be there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ticket(u64);

/// Who joins, and how.
#[derive(Debug, Clone)]
struct Who<'a> {
    group: &'a str,
    id: &'a str,
    instance: Option<&'a str>,
    version: i16,
    protocol_type: &'a str,
    protocols: Vec<(&'a str, &'a [u8])>,
}

/// A new member with one protocol, in the last version without a second step.
fn someone() -> Who<'static> {
    Who {
        group: GROUP,
        id: "",
        instance: None,
        version: 3,
        protocol_type: "consumer",
        protocols: vec![("range", b"")],
    }
}

/// The member of this id, with the same protocol.
fn member(id: &str) -> Who<'_> {
    Who { id, ..someone() }
}

/// A static member that knows no id.
fn instance(name: &str) -> Who<'_> {
    Who { instance: Some(name), version: 9, ..someone() }
}

impl Harness {
    fn new() -> Self {
        Self::with(defaults())
    }

    fn with(settings: GroupSettings) -> Self {
        let script = Script::new(settings);
        assert_eq!(script.log_len(), 0);
        Self { script, joins: HashMap::new(), syncs: HashMap::new(), next: 0 }
    }

    fn pass(&mut self, duration: Duration) {
        self.script.pass(duration);
    }

    fn shard(&self) -> &GroupShard {
        &self.script.machine
    }

    /// Lets time pass while these members send heartbeats.
    fn pass_beating(&mut self, duration: Duration, members: &[&str], generation: i32) {
        let end = self.script.now.instant + duration;
        while self.script.now.instant < end {
            for member in members {
                self.heartbeat(member, generation);
            }
            self.pass((end - self.script.now.instant).min(SESSION / 2));
        }
    }

    /// Stops the coordinator and starts another one on the same log.
    fn restart(&mut self) {
        self.script.restart();
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    fn joining(&mut self, who: &Who<'_>) -> Joining {
        self.next += 1;
        let protocol = |(name, metadata): &(&str, &[u8])| JoinGroupRequestProtocol {
            name: (*name).into(),
            metadata: Bytes::copy_from_slice(metadata),
        };
        let request = JoinGroupRequest {
            group_id: who.group.into(),
            session_timeout_ms: i32::try_from(SESSION.as_millis()).unwrap(),
            rebalance_timeout_ms: i32::try_from(REBALANCE.as_millis()).unwrap(),
            member_id: who.id.into(),
            group_instance_id: who.instance.map(Into::into),
            protocol_type: who.protocol_type.into(),
            protocols: who.protocols.iter().map(protocol).collect(),
            reason: None,
        };
        Joining {
            request,
            version: who.version,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            unique: Uuid::from_u128(u128::from(self.next)),
        }
    }

    /// Sends JoinGroup; [`Self::joined`] has the answer once there is one.
    fn join(&mut self, who: &Who<'_>) -> Ticket {
        let joining = self.joining(who);
        let ticket = self.ticket();
        let reply = self.script.handle_waiting(|shard, to, now| shard.join(&joining, to, now));
        self.joins.insert(ticket, reply);
        ticket
    }

    /// The answer to a JoinGroup; none while it waits.
    fn joined(&mut self, ticket: Ticket) -> Option<JoinGroupResponse> {
        self.joins.get_mut(&ticket)?.take()
    }

    /// Joins and is answered at once.
    fn join_now(&mut self, who: &Who<'_>) -> JoinGroupResponse {
        let to = self.join(who);
        self.joined(to).expect("nobody else has to join")
    }

    /// Sends SyncGroup; [`Self::synced`] has the answer once there is one.
    fn sync(&mut self, member: &str, generation: i32, assignments: &[(&str, &'static [u8])]) -> Ticket {
        self.sync_as(member, None, generation, assignments)
    }

    fn sync_as(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        assignments: &[(&str, &'static [u8])],
    ) -> Ticket {
        let assignments = assignments.iter().map(|(member, bytes)| SyncGroupRequestAssignment {
            member_id: (*member).into(),
            assignment: Bytes::from_static(bytes),
        });
        let request = SyncGroupRequest {
            group_id: GROUP.into(),
            generation_id: generation,
            member_id: member.into(),
            group_instance_id: instance.map(Into::into),
            assignments: assignments.collect(),
            ..Default::default()
        };
        self.send_sync(&request)
    }

    fn send_sync(&mut self, request: &SyncGroupRequest) -> Ticket {
        let ticket = self.ticket();
        let reply = self.script.handle_waiting(|shard, to, now| shard.sync(request, to, now));
        self.syncs.insert(ticket, reply);
        ticket
    }

    /// The answer to a SyncGroup: the assignment, or why not; none while it waits.
    fn synced(&mut self, ticket: Ticket) -> Option<Result<Bytes, ErrorCode>> {
        let SyncGroupResponse { error_code, assignment, .. } = self.syncs.get_mut(&ticket)?.take()?;
        Some(if error_code.is_none() { Ok(assignment) } else { Err(error_code) })
    }

    /// A group of `count` members with an assignment each; gives their ids, the leader's first, and the generation.
    fn stable(&mut self, count: usize) -> (Vec<String>, i32) {
        let leader = self.join_now(&someone());
        let mut ids = vec![leader.member_id.to_string()];
        let mut generation = leader.generation_id;
        for _ in 1..count {
            let newcomer = self.join(&someone());
            let olds: Vec<Ticket> = ids.iter().map(|id| self.join(&member(id))).collect();
            olds.into_iter().for_each(|old| assert!(self.joined(old).unwrap().error_code.is_none()));
            let newcomer = self.joined(newcomer).unwrap();
            ids.push(newcomer.member_id.to_string());
            generation = newcomer.generation_id;
        }
        self.assign(&ids, generation);
        (ids, generation)
    }

    /// Ends the rebalance: the first member assigns, each gets its part.
    fn assign(&mut self, ids: &[String], generation: i32) {
        let waiting: Vec<Ticket> = ids[1..].iter().map(|id| self.sync(id, generation, &[])).collect();
        let assignments: Vec<(&str, &'static [u8])> =
            ids.iter().zip([b"a", b"b", b"c", b"d", b"e"]).map(|(id, part)| (&**id, &part[..])).collect();
        let leader = self.sync(&ids[0], generation, &assignments);
        for (to, (_, part)) in [leader].into_iter().chain(waiting).zip(assignments) {
            assert_eq!(self.synced(to), Some(Ok(Bytes::from_static(part))));
        }
        assert_eq!(self.state(), "Stable");
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(member, None, generation)
    }

    fn heartbeat_as(&mut self, member: &str, instance: Option<&str>, generation: i32) -> ErrorCode {
        let request = HeartbeatRequest {
            group_id: GROUP.into(),
            generation_id: generation,
            member_id: member.into(),
            group_instance_id: instance.map(Into::into),
        };
        self.script.handle(|shard, now| shard.heartbeat(&request, now))
    }

    fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let identity = |(id, instance): &(&str, Option<&str>)| MemberIdentity {
            member_id: (*id).into(),
            group_instance_id: instance.map(Into::into),
            reason: None,
        };
        let members: Vec<_> = members.iter().map(identity).collect();
        self.script.handle(|shard, now| shard.leave(GROUP, &members, now))
    }

    /// Commits offset 7 of partition 0 of topic `t`.
    fn commit(&mut self, member: &str, generation: i32) -> ErrorCode {
        self.commit_all(&commit(GROUP, member, generation, &[("t", 0, 7)]))[0]
    }

    fn commit_all(&mut self, commit: &Commit) -> Vec<ErrorCode> {
        self.script.handle(|shard, now| shard.commit(commit, now))
    }

    /// Commits as part of the transaction of a producer.
    fn commit_in(&mut self, producer: i64, commit: &Commit) -> Vec<ErrorCode> {
        let command =
            |shard: &mut GroupShard, now| shard.commit_in_transaction(commit, transaction(producer), now);
        self.script.handle(command)
    }

    /// Ends the transaction of a producer.
    fn end(&mut self, producer: i64, outcome: TransactionOutcome) {
        self.script.end(transaction(producer), outcome);
    }

    /// What a group has for partition 0 of a topic, for one who asks for stable offsets only.
    fn stable_offset(&self, group: &str, topic: &str) -> Result<i64, ErrorCode> {
        let fetched = self.shard().fetch(group, &[(topic.into(), 0)], true).remove(0);
        if fetched.error.is_none() { Ok(fetched.offset) } else { Err(fetched.error) }
    }

    /// The offset that a group has for a partition; -1 for none.
    fn offset(&self, group: &str, topic: &str, partition: i32) -> i64 {
        self.shard().fetch(group, &[(topic.into(), partition)], false)[0].offset
    }

    /// The state of the group.
    fn state(&self) -> String {
        self.shard().describe(GROUP).map_or_else(|| "Dead".into(), |group| group.group_state.to_string())
    }

    fn member_ids(&self) -> Vec<String> {
        let group = self.shard().describe(GROUP).unwrap();
        group.members.into_iter().map(|member| member.member_id.to_string()).collect()
    }
}

/// The transaction of a producer, which has one at a time.
fn transaction(producer: i64) -> Transaction {
    Transaction { producer_id: ProducerId(producer), producer_epoch: ProducerEpoch(0) }
}

fn commit(group: &str, member: &str, generation: i32, offsets: &[(&str, i32, i64)]) -> Commit {
    let partition = |(topic, partition, offset): &(&str, i32, i64)| CommittedPartition {
        topic: (*topic).into(),
        topic_id: TopicId::NIL,
        partition: *partition,
        offset: *offset,
        leader_epoch: kestrel_protocol::LeaderEpoch(3),
        metadata: "noted".into(),
    };
    Commit {
        version: 8,
        group_id: group.into(),
        generation,
        member_id: member.into(),
        instance_id: None,
        retention_ms: -1,
        partitions: offsets.iter().map(partition).collect(),
    }
}
