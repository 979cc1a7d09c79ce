//! Replay equals live, and what must hold in every state, for random scripts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::coordinator::group::classic::ClassicState;

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join {
        slot: usize,
        is_new: bool,
        metadata: u8,
    },
    Sync(usize),
    /// These clients, as bits, behave as real ones do until they have their parts.
    Settle(u8),
    Heartbeat(usize),
    Leave(usize),
    Commit(usize, i64),
    SimpleCommit(i64),
    /// A client, or nobody in particular, commits in the transaction of a producer.
    CommitIn(i64, Option<usize>),
    End(i64, TransactionOutcome),
    Pass(u64),
    DeleteGroup,
    DeleteOffsets,
    TopicsGone(bool),
    Restart,
    /// The log is cleaned up to this part of it, in percent.
    Clean(usize),
}

/// How many clients there are; the last two are static members.
const CLIENTS: usize = 5;
const INSTANCES: [Option<&str>; CLIENTS] = [None, None, None, Some("one"), Some("two")];
const METADATA: [&[u8]; 2] = [b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff", b"?"];

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..CLIENTS;
    prop_oneof![
        8 => (slot.clone(), any::<bool>(), 0..2u8)
            .prop_map(|(slot, is_new, metadata)| Step::Join { slot, is_new, metadata }),
        8 => slot.clone().prop_map(Step::Sync),
        4 => (1..32u8).prop_map(Step::Settle),
        4 => slot.clone().prop_map(Step::Heartbeat),
        2 => slot.clone().prop_map(Step::Leave),
        4 => (slot.clone(), 0..100i64).prop_map(|(slot, offset)| Step::Commit(slot, offset)),
        1 => (0..100i64).prop_map(Step::SimpleCommit),
        4 => (0..3i64, prop::option::of(slot))
            .prop_map(|(producer, slot)| Step::CommitIn(producer, slot)),
        3 => (0..3i64, any::<bool>()).prop_map(|(producer, commits)| {
            Step::End(producer, if commits { TransactionOutcome::Commit } else { TransactionOutcome::Abort })
        }),
        3 => (1..20u64).prop_map(Step::Pass),
        1 => (600..400_000u64).prop_map(Step::Pass),
        1 => Just(Step::DeleteGroup),
        1 => Just(Step::DeleteOffsets),
        1 => any::<bool>().prop_map(Step::TopicsGone),
        1 => Just(Step::Restart),
        2 => (1..=100usize).prop_map(Step::Clean),
    ]
}

/// What a client believes.
#[derive(Debug, Clone, Default)]
struct Client {
    id: String,
    generation: i32,
    leads: bool,
    others: Vec<String>,
    joining: Option<Ticket>,
    syncing: Option<Ticket>,
}

#[derive(Default)]
struct World {
    clients: [Client; CLIENTS],
    /// Who got which assignment, by generation: what two of them must never have in common.
    owners: BTreeMap<(i32, Bytes), String>,
    newest_generation: i32,
    /// The offset of each commit in a transaction, a number of its own, by producer while the transaction is open.
    open: BTreeMap<i64, Vec<i64>>,
    /// Those of aborted transactions.
    aborted: Vec<i64>,
    last_in_transaction: i64,
}

impl World {
    fn carry_out(&mut self, harness: &mut Harness, step: Step) {
        match step {
            Step::Join { slot, is_new, metadata } => {
                self.clients[slot].leads = false;
                let id = if is_new { String::new() } else { self.clients[slot].id.clone() };
                let who = Who {
                    id: &id,
                    instance: INSTANCES[slot],
                    version: if slot == 0 { 3 } else { 9 },
                    protocols: vec![("range", METADATA[usize::from(metadata)])],
                    ..someone()
                };
                self.clients[slot].joining = Some(harness.join(&who));
            }
            Step::Sync(slot) => {
                let client = self.clients[slot].clone();
                let parts: [&'static [u8]; CLIENTS] = [b"a", b"b", b"c", b"d", b"e"];
                let assigned = client.others.iter().map(|id| &**id).zip(parts);
                let assignments: Vec<_> = assigned.filter(|_| client.leads).collect();
                let to = harness.sync_as(&client.id, INSTANCES[slot], client.generation, &assignments);
                self.clients[slot].syncing = Some(to);
            }
            Step::Settle(clients) => {
                let settling = || (0..CLIENTS).filter(move |slot| clients & (1 << slot) != 0);
                // Twice, since some are given an id first.
                for slot in settling().chain(settling()) {
                    if self.clients[slot].joining.is_none() {
                        self.carry_out(harness, Step::Join { slot, is_new: false, metadata: 0 });
                    }
                }
                let (leaders, followers): (Vec<_>, Vec<_>) =
                    settling().partition(|slot| self.clients[*slot].leads);
                for slot in followers.into_iter().chain(leaders) {
                    self.carry_out(harness, Step::Sync(slot));
                }
            }
            Step::Heartbeat(slot) => {
                let client = &self.clients[slot];
                harness.heartbeat_as(&client.id, INSTANCES[slot], client.generation);
            }
            Step::Leave(slot) => {
                harness.leave(&[(&self.clients[slot].id, INSTANCES[slot])]);
            }
            Step::Commit(slot, offset) => {
                let client = &self.clients[slot];
                let said =
                    commit(GROUP, &client.id, client.generation, &[("t", 0, offset), ("u", 1, offset)]);
                harness.commit_all(&Commit { instance_id: INSTANCES[slot].map(Into::into), ..said });
            }
            Step::SimpleCommit(offset) => {
                harness.commit_all(&commit("simple", "", -1, &[("u", 0, offset)]));
            }
            Step::CommitIn(producer, slot) => self.commit_in(harness, producer, slot),
            Step::End(producer, outcome) => {
                harness.end(producer, outcome);
                let ended = self.open.remove(&producer).unwrap_or_default();
                if outcome == TransactionOutcome::Abort {
                    self.aborted.extend(ended);
                }
            }
            Step::Pass(seconds) => harness.pass(Duration::from_secs(seconds)),
            Step::DeleteGroup => {
                harness.script.handle(|shard, _| shard.delete_group(GROUP));
            }
            Step::DeleteOffsets => {
                let partitions = [("t".into(), 0), ("u".into(), 1)];
                let delete = |shard: &mut GroupShard, _| shard.delete_offsets(&GROUP.into(), &partitions);
                let _ = harness.script.handle(delete);
            }
            Step::TopicsGone(t) => {
                let is_there = |name: &ByteString, _| t != (*name == *"t");
                harness.script.handle(|shard, _| ((), shard.delete_offsets_of_deleted_topics(is_there)));
            }
            Step::Restart => harness.restart(),
            Step::Clean(percent) => harness.script.clean(harness.script.log_len() * percent / 100),
        }
        self.take_answers(harness);
    }

    fn commit_in(&mut self, harness: &mut Harness, producer: i64, slot: Option<usize>) {
        self.last_in_transaction += 1;
        let offset = 1_000 + self.last_in_transaction;
        let partitions = [("t", 0, offset), ("u", 1, offset)];
        let said = match slot.map(|slot| (&self.clients[slot], INSTANCES[slot])) {
            Some((client, instance)) => Commit {
                instance_id: instance.map(Into::into),
                ..commit(GROUP, &client.id, client.generation, &partitions)
            },
            None => commit("simple", "", -1, &partitions),
        };
        harness.commit_in(producer, &said);
        self.open.entry(producer).or_default().push(offset);
    }

    /// What nobody may see: offsets of transactions that were aborted or are open.
    fn check_hidden(&self, harness: &Harness) {
        let hidden = self.open.values().flatten().chain(&self.aborted);
        for offset in hidden {
            let is_seen = |group| {
                let fetched = harness.shard().fetch_all(group, false);
                fetched.iter().any(|(.., fetched)| fetched.offset == *offset)
            };
            assert!(!is_seen(GROUP) && !is_seen("simple"), "offset {offset} was not committed");
        }
    }

    fn take_answers(&mut self, harness: &mut Harness) {
        if classic(harness.shard(), GROUP).is_none_or(|group| group.generation < self.newest_generation) {
            // It was deleted, or read back from before its last generation was stored: numbers begin anew.
            self.owners.clear();
            self.newest_generation = 0;
        }
        for client in &mut self.clients {
            if let Some(joined) = client.joining.and_then(|to| harness.joined(to)) {
                client.joining = None;
                client.id = joined.member_id.to_string();
                if joined.error_code.is_none() {
                    assert!(joined.generation_id >= self.newest_generation, "a generation never goes back");
                    self.newest_generation = joined.generation_id;
                    client.generation = joined.generation_id;
                    client.leads = joined.leader == joined.member_id;
                    client.others =
                        joined.members.iter().map(|member| member.member_id.to_string()).collect();
                }
            }
            if let Some(Ok(part)) = client.syncing.and_then(|to| harness.synced(to))
                && !part.is_empty()
            {
                let owner = self.owners.insert((client.generation, part), client.id.clone());
                let instance = |id: &str| id.split('-').next().map(str::to_owned);
                // A static member passes its part on to its next self, and to nobody else.
                assert!(
                    owner.is_none_or(|owner| owner == client.id || instance(&owner) == instance(&client.id))
                );
            }
        }
    }
}

fn classic<'a>(shard: &'a GroupShard, id: &str) -> Option<&'a ClassicGroup> {
    shard.groups.get(id).map(|Group::Classic(group)| group)
}

/// What a coordinator that reads the log makes of it, compared with the one that wrote it.
fn check(harness: &Harness) {
    harness.script.assert_replay_equals_live(|shard| &shard.stored);
    let groups = &harness.shard().groups;
    assert!(harness.shard().stored.groups_with_offsets().iter().all(|id| groups.contains_key(*id)));
    let mut reloaded = harness.script.reloaded();
    reloaded.loaded(harness.script.now);
    for (id, live) in &harness.shard().groups {
        let Group::Classic(live) = live;
        if live.state == ClassicState::Stable {
            let seen = |shard: &GroupShard| shard.describe(id);
            assert_eq!(seen(&reloaded), seen(harness.shard()), "a stable group is in the log");
            assert_eq!(classic(&reloaded, id).map(|group| group.generation), Some(live.generation));
        }
        assert_eq!(live.members.is_empty(), live.leader.is_none() || live.members.is_empty());
        assert!(live.leader.as_ref().is_none_or(|leader| live.members.contains_key(leader)));
        assert!(live.static_members.values().all(|member| live.members.contains_key(member)));
        if live.state == ClassicState::Empty {
            assert!(live.members.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_coordinator_is_what_its_log_says(steps in prop::collection::vec(step(), 1..120)) {
        let mut harness = Harness::new();
        let mut world = World::default();
        for step in steps {
            world.carry_out(&mut harness, step);
            check(&harness);
            world.check_hidden(&harness);
        }
    }
}
