//! The machine by script, with a hand-held clock: what each request is answered with, and what follows when time passes.

mod joining;
mod leaving;
mod offsets;
mod property;
mod static_members;
mod syncing;

use std::collections::HashMap;

use bytes::Bytes;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kestrel_protocol::messages::leave_group::MemberIdentity;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use kestrel_protocol::{ErrorCode, TopicId, Uuid};
use kestrel_settings::Minutes;

use super::*;

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

/// A shard with a log that is a list and a clock that is moved by hand.
struct Harness {
    shard: GroupShard,
    settings: GroupSettings,
    now: Now,
    log: Vec<GroupRecord>,
    replies: HashMap<ReplyTo, Reply>,
    next: u64,
}

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

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn with(settings: GroupSettings) -> Self {
        let now = Now { instant: Instant::now(), wall: Timestamp::from_millis(1_700_000_000_000) };
        let mut shard = GroupShard::new(settings.clone());
        assert!(shard.loaded(now).records.is_empty());
        Self { shard, settings, now, log: Vec::new(), replies: HashMap::new(), next: 0 }
    }

    fn apply(&mut self, effects: Effects) {
        for record in effects.records {
            let offset = i64::try_from(self.log.len()).unwrap();
            self.log.push(record.clone());
            self.shard.replay(record, offset, None);
        }
        for (to, reply) in effects.replies {
            assert!(self.replies.insert(to, reply).is_none(), "answered twice");
        }
    }

    fn handled<R>(&mut self, (answer, effects): Handled<R>) -> R {
        self.apply(effects);
        answer
    }

    /// Lets time pass; what is due happens when it is due.
    fn pass(&mut self, duration: Duration) {
        let end = self.now.instant + duration;
        while let Some(due) = self.shard.next_deadline().filter(|due| *due <= end) {
            self.move_clock(due.saturating_duration_since(self.now.instant));
            let effects = self.shard.handle_timeout(self.now).expect("something is due");
            self.apply(effects);
        }
        self.move_clock(end - self.now.instant);
    }

    /// Lets time pass while these members send heartbeats.
    fn pass_beating(&mut self, duration: Duration, members: &[&str], generation: i32) {
        let end = self.now.instant + duration;
        while self.now.instant < end {
            for member in members {
                self.heartbeat(member, generation);
            }
            self.pass((end - self.now.instant).min(SESSION / 2));
        }
    }

    fn move_clock(&mut self, by: Duration) {
        self.now = Now { instant: self.now.instant + by, wall: self.now.wall.saturating_add(by) };
    }

    /// What a coordinator has that read the log.
    fn reloaded(&self) -> GroupShard {
        let mut shard = GroupShard::new(self.settings.clone());
        for (offset, record) in (0..).zip(self.log.clone()) {
            let (key, value) = record.encode();
            shard.replay(GroupRecord::decode(key, value).unwrap(), offset, None);
        }
        shard
    }

    /// Stops the coordinator and starts another one on the same log.
    fn restart(&mut self) {
        self.shard = self.reloaded();
        self.replies.clear();
        let effects = self.shard.loaded(self.now);
        self.apply(effects);
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
    fn join(&mut self, who: &Who<'_>) -> ReplyTo {
        let joining = self.joining(who);
        let to = ReplyTo(self.next);
        let effects = self.shard.join(&joining, to, self.now);
        self.apply(effects);
        to
    }

    /// The answer to a JoinGroup; none while it waits.
    fn joined(&mut self, to: ReplyTo) -> Option<JoinGroupResponse> {
        match self.replies.remove(&to)? {
            Reply::Joined(response) => Some(response),
            Reply::Synced(_) => panic!("that was a JoinGroup"),
        }
    }

    /// Joins and is answered at once.
    fn join_now(&mut self, who: &Who<'_>) -> JoinGroupResponse {
        let to = self.join(who);
        self.joined(to).expect("nobody else has to join")
    }

    /// Sends SyncGroup; [`Self::synced`] has the answer once there is one.
    fn sync(&mut self, member: &str, generation: i32, assignments: &[(&str, &'static [u8])]) -> ReplyTo {
        self.sync_as(member, None, generation, assignments)
    }

    fn sync_as(
        &mut self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        assignments: &[(&str, &'static [u8])],
    ) -> ReplyTo {
        self.next += 1;
        let to = ReplyTo(self.next);
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
        let effects = self.shard.sync(&request, to, self.now);
        self.apply(effects);
        to
    }

    /// The answer to a SyncGroup: the assignment, or why not; none while it waits.
    fn synced(&mut self, to: ReplyTo) -> Option<Result<Bytes, ErrorCode>> {
        match self.replies.remove(&to)? {
            Reply::Synced(response) if response.error_code.is_none() => Some(Ok(response.assignment)),
            Reply::Synced(response) => Some(Err(response.error_code)),
            Reply::Joined(_) => panic!("that was a SyncGroup"),
        }
    }

    /// A group of `count` members with an assignment each; gives their ids, the leader's first, and the generation.
    fn stable(&mut self, count: usize) -> (Vec<String>, i32) {
        let leader = self.join_now(&someone());
        let mut ids = vec![leader.member_id.to_string()];
        let mut generation = leader.generation_id;
        for _ in 1..count {
            let newcomer = self.join(&someone());
            let olds: Vec<ReplyTo> = ids.iter().map(|id| self.join(&member(id))).collect();
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
        let waiting: Vec<ReplyTo> = ids[1..].iter().map(|id| self.sync(id, generation, &[])).collect();
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
        let handled = self.shard.heartbeat(&request, self.now);
        self.handled(handled)
    }

    fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let identity = |(id, instance): &(&str, Option<&str>)| MemberIdentity {
            member_id: (*id).into(),
            group_instance_id: instance.map(Into::into),
            reason: None,
        };
        let members: Vec<_> = members.iter().map(identity).collect();
        let handled = self.shard.leave(GROUP, &members, self.now);
        self.handled(handled)
    }

    /// Commits offset 7 of partition 0 of topic `t`.
    fn commit(&mut self, member: &str, generation: i32) -> ErrorCode {
        self.commit_all(&commit(GROUP, member, generation, &[("t", 0, 7)]))[0]
    }

    fn commit_all(&mut self, commit: &Commit) -> Vec<ErrorCode> {
        let handled = self.shard.commit(commit, self.now);
        self.handled(handled)
    }

    /// The offset that a group has for a partition; -1 for none.
    fn offset(&self, group: &str, topic: &str, partition: i32) -> i64 {
        self.shard.fetch(group, &[(topic.into(), partition)], false)[0].offset
    }

    /// The state of the group.
    fn state(&self) -> String {
        self.shard.describe(GROUP).map_or_else(|| "Dead".into(), |group| group.group_state.to_string())
    }

    fn member_ids(&self) -> Vec<String> {
        let group = self.shard.describe(GROUP).unwrap();
        group.members.into_iter().map(|member| member.member_id.to_string()).collect()
    }
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
