//! SIGKILL while a group commits: what was acknowledged is committed after the next start, and its member is still in.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kestrel_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

use crate::program::Program;
use crate::wire::Wire;

const GROUP: &str = "billing";
const TOPIC: &str = "orders";
/// Acknowledged commits that a round waits for before it kills.
const COMMITS_BEFORE_KILL: usize = 40;
const ROUNDS: usize = 3;

/// Joins as the only member.
fn join(wire: &mut Wire) -> ByteString {
    let coordinator = FindCoordinatorRequest { key: GROUP.into(), ..Default::default() };
    assert_eq!(wire.call(&coordinator, 2).unwrap().error_code, ErrorCode::None);
    let protocol = JoinGroupRequestProtocol { name: "range".into(), ..Default::default() };
    let request = JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 300_000,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    };
    let joined = wire.call(&request, 3).unwrap();
    assert_eq!((joined.error_code, joined.generation_id), (ErrorCode::None, 1));
    let assignment = SyncGroupRequestAssignment { member_id: joined.member_id.clone(), ..Default::default() };
    let request = SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: joined.member_id.clone(),
        assignments: vec![assignment],
        ..Default::default()
    };
    assert_eq!(wire.call(&request, 3).unwrap().error_code, ErrorCode::None);
    joined.member_id
}

/// Commits ever larger offsets until the connection ends; says each one that was acknowledged.
fn commit_until_killed(mut wire: Wire, member: &ByteString, first: i64, acknowledged: &mpsc::Sender<i64>) {
    for committed_offset in first.. {
        let partition = OffsetCommitRequestPartition { committed_offset, ..Default::default() };
        let topic = OffsetCommitRequestTopic {
            name: TOPIC.into(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: GROUP.into(),
            generation_id_or_member_epoch: 1,
            member_id: member.clone(),
            topics: vec![topic],
            ..Default::default()
        };
        let Ok(response) = wire.call(&request, 8) else { return };
        match response.topics[0].partitions[0].error_code {
            ErrorCode::None => acknowledged.send(committed_offset).unwrap(),
            ErrorCode::CoordinatorLoadInProgress => thread::yield_now(),
            other => panic!("{other:?}"),
        }
    }
}

fn committed(wire: &mut Wire) -> i64 {
    let topic = OffsetFetchRequestTopic { name: TOPIC.into(), partition_indexes: vec![0] };
    let request =
        OffsetFetchRequest { group_id: GROUP.into(), topics: Some(vec![topic]), ..Default::default() };
    loop {
        let response = wire.call(&request, 7).unwrap();
        if response.error_code != ErrorCode::CoordinatorLoadInProgress {
            assert_eq!(response.error_code, ErrorCode::None);
            return response.topics[0].partitions[0].committed_offset;
        }
        thread::yield_now();
    }
}

fn every_acknowledged_commit_survives(durability: &str) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--durability", durability];
    let mut program = Program::start(folder.path(), &arguments);
    let mut wire = Wire::connect(program.address);
    wire.create_topic(TOPIC);
    let member = join(&mut wire);
    let mut next = 1;
    for _ in 0..ROUNDS {
        let (acknowledged, said) = mpsc::channel();
        let (wire, committing) = (Wire::connect(program.address), member.clone());
        let writer = thread::spawn(move || commit_until_killed(wire, &committing, next, &acknowledged));
        let mut last = 0;
        for _ in 0..COMMITS_BEFORE_KILL {
            last = said.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        program.kill();
        writer.join().unwrap();
        last = said.iter().last().unwrap_or(last);

        program = Program::start(folder.path(), &arguments);
        let mut wire = Wire::connect(program.address);
        let found = committed(&mut wire);
        // At most one commit was written and not acknowledged.
        assert!(
            (last..=last + 1).contains(&found),
            "{found} is committed, {last} was acknowledged ({durability})"
        );
        next = found + 1;
        let request = HeartbeatRequest {
            group_id: GROUP.into(),
            generation_id: 1,
            member_id: member.clone(),
            ..Default::default()
        };
        assert_eq!(wire.call(&request, 4).unwrap().error_code, ErrorCode::None);
    }
    program.kill();
}

#[test]
fn group_durability_keeps_acknowledged_commits() {
    every_acknowledged_commit_survives("group");
}

#[test]
fn os_durability_keeps_acknowledged_commits() {
    every_acknowledged_commit_survives("os");
}
