//! Scripts with a hand-held clock: what a member sends and gives up when the coordinator says this or that.

use bytes::Bytes;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};
use kestrel_protocol::messages::leave_group::LeaveGroupResponse;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use proptest::prelude::*;

use super::*;
use crate::assignor::{Assignor, CooperativeSticky, Range, encode_assignment};
use crate::consumer::group::classic::request::LeaderAssignment;
use crate::consumer::testing::{Clock, backoff};

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);

/// A member with its coordinator played by the test.
struct Rig {
    clock: Clock,
    millis: u64,
    member: Membership,
}

fn settings() -> MemberSettings {
    MemberSettings {
        group_id: "billing".into(),
        instance_id: None,
        session_timeout: Duration::from_secs(45),
        heartbeat_interval: Duration::from_secs(3),
        max_poll_interval: Duration::from_secs(300),
    }
}

fn eager() -> Vec<Arc<dyn Assignor>> {
    vec![Arc::new(Range)]
}

fn cooperative() -> Vec<Arc<dyn Assignor>> {
    vec![Arc::new(CooperativeSticky)]
}

fn partitions(numbers: &[i32]) -> BTreeSet<TopicPartition> {
    numbers.iter().map(|&number| TopicPartition::new("clicks", number)).collect()
}

impl Rig {
    fn new(assignors: Vec<Arc<dyn Assignor>>) -> Self {
        Self::with(settings(), assignors)
    }

    fn with(settings: MemberSettings, assignors: Vec<Arc<dyn Assignor>>) -> Self {
        let clock = Clock::start();
        let mut member = Membership::new(settings, Protocols::new(assignors, ""), backoff(), clock.at(0));
        member.handle_topics(["clicks".into()].into());
        Self { clock, millis: 0, member }
    }

    /// A member that has joined generation 1 and owns `numbers`.
    fn joined(assignors: Vec<Arc<dyn Assignor>>, numbers: &[i32]) -> Self {
        let mut rig = Self::new(assignors);
        rig.found(ONE);
        let join = rig.join();
        rig.answer_join(join, 1);
        rig.assigned(numbers);
        rig
    }

    fn now(&self) -> Instant {
        self.clock.at(self.millis)
    }

    /// Lets time pass, the application polling all the while.
    fn pass(&mut self, duration: Duration) {
        self.millis += u64::try_from(duration.as_millis()).unwrap();
        self.member.handle_poll(self.now());
    }

    fn request(&mut self) -> Option<Request> {
        let now = self.now();
        self.member.poll_request(now)
    }

    /// The next request, after whatever pause is on.
    fn next_request(&mut self) -> Request {
        if let Some(request) = self.request() {
            return request;
        }
        let deadline = self.member.next_deadline(self.now()).expect("there is something to wait for");
        self.pass(deadline.saturating_duration_since(self.now()) + Duration::from_millis(1));
        self.request().expect("something is due at the deadline")
    }

    fn found(&mut self, node: NodeId) {
        assert_eq!(self.next_request(), Request::FindCoordinator);
        self.answer_found(node);
    }

    fn answer_found(&mut self, node: NodeId) {
        let now = self.now();
        self.member.handle_answer(Answer::Coordinator(Ok(node)), now);
    }

    fn join(&mut self) -> (RequestId, JoinGroupRequest) {
        match self.next_request() {
            Request::Join(id, _, request) => (id, request),
            other => panic!("{other:?}"),
        }
    }

    fn refuse_join(&mut self, (id, _): (RequestId, JoinGroupRequest), error_code: ErrorCode) {
        let response =
            JoinGroupResponse { error_code, member_id: "m-1".into(), ..JoinGroupResponse::default() };
        let now = self.now();
        self.member.handle_join(id, Ok(response), now);
    }

    /// Joins as a follower.
    fn answer_join(&mut self, (id, request): (RequestId, JoinGroupRequest), generation_id: i32) {
        let response = JoinGroupResponse {
            generation_id,
            protocol_type: Some("consumer".into()),
            protocol_name: Some(request.protocols[0].name.clone()),
            leader: "someone".into(),
            member_id: "m-1".into(),
            ..JoinGroupResponse::default()
        };
        let now = self.now();
        self.member.handle_join(id, Ok(response), now);
    }

    fn sync(&mut self) -> (RequestId, SyncGroupRequest) {
        match self.next_request() {
            Request::Sync(id, _, request) => (id, request),
            other => panic!("{other:?}"),
        }
    }

    fn answer_sync(&mut self, id: RequestId, error_code: ErrorCode, assignment: Bytes) {
        let response = SyncGroupResponse { error_code, assignment, ..SyncGroupResponse::default() };
        let now = self.now();
        self.member.handle_sync(id, Ok(response), now);
    }

    /// Is assigned `numbers`, and takes them on.
    fn assigned(&mut self, numbers: &[i32]) {
        let (id, _) = self.sync();
        let assignment: Vec<_> = partitions(numbers).into_iter().collect();
        self.answer_sync(id, ErrorCode::None, encode_assignment(&assignment).unwrap());
        self.take_on();
    }

    /// Carries out a [`Effect::TakeOn`]: what is given up and taken on.
    fn take_on(&mut self) -> (BTreeSet<TopicPartition>, BTreeSet<TopicPartition>) {
        let Some(Effect::TakeOn { revoked, added, .. }) = self.member.poll_effect() else {
            panic!("nothing to take on")
        };
        self.member.handle_taken_on(self.member.round(), !revoked.is_empty());
        (revoked, added)
    }

    fn revoke(&mut self) -> BTreeSet<TopicPartition> {
        let Some(Effect::Revoke { partitions }) = self.member.poll_effect() else {
            panic!("nothing to revoke")
        };
        self.member.handle_revoked(self.member.round());
        partitions
    }

    fn lost(&mut self) -> BTreeSet<TopicPartition> {
        match self.member.poll_effect() {
            Some(Effect::Lose { partitions }) => partitions,
            other => panic!("{other:?}"),
        }
    }

    fn beat(&mut self) -> (RequestId, NodeId, HeartbeatRequest) {
        match self.next_request() {
            Request::Heartbeat(id, node, request) => (id, node, request),
            other => panic!("{other:?}"),
        }
    }

    fn answer_beat(&mut self, id: RequestId, error_code: ErrorCode) {
        let response = HeartbeatResponse { error_code, ..HeartbeatResponse::default() };
        let now = self.now();
        self.member.handle_heartbeat(id, Ok(response), now);
    }

    /// A heartbeat that is answered with `code`.
    fn beat_with(&mut self, code: ErrorCode) {
        let (id, ..) = self.beat();
        self.answer_beat(id, code);
    }
}

fn disconnected() -> Error {
    Error::disconnected("one", "gone", true)
}

#[test]
fn a_new_member_joins_in_two_steps_and_then_beats() {
    let mut rig = Rig::new(vec![Arc::new(Range), Arc::new(CooperativeSticky)]);
    rig.found(ONE);
    let first = rig.join();
    assert_eq!((first.1.member_id.len(), first.1.session_timeout_ms), (0, 45_000));
    assert_eq!(first.1.rebalance_timeout_ms, 300_000);
    let names: Vec<_> = first.1.protocols.iter().map(|protocol| &*protocol.name).collect();
    assert_eq!(names, ["range", "cooperative-sticky"]);
    assert_eq!(rig.request(), None, "one request at a time");
    // KIP-394: the id comes first.
    rig.refuse_join(first, ErrorCode::MemberIdRequired);
    let second = rig.join();
    assert_eq!(&*second.1.member_id, "m-1");
    rig.answer_join(second, 1);
    let (id, request) = rig.sync();
    assert_eq!((request.generation_id, request.assignments.len()), (1, 0));
    rig.answer_sync(id, ErrorCode::None, encode_assignment(&[("clicks", 0).into()]).unwrap());
    assert_eq!(rig.take_on(), (partitions(&[]), partitions(&[0])));
    assert_eq!(rig.member.state, MemberState::Stable);
    let joined_at = rig.millis;
    let (id, node, request) = rig.beat();
    assert_eq!((node, request.generation_id, &*request.member_id), (ONE, 1, "m-1"));
    assert!(rig.millis - joined_at >= 3_000);
    rig.answer_beat(id, ErrorCode::None);
}

#[test]
fn the_leader_assigns_for_all() {
    let mut rig = Rig::new(eager());
    rig.found(ONE);
    let (id, request) = rig.join();
    let member = |member_id: &str| JoinGroupResponseMember {
        member_id: member_id.into(),
        group_instance_id: None,
        metadata: request.protocols[0].metadata.clone(),
    };
    let response = JoinGroupResponse {
        generation_id: 1,
        protocol_name: Some("range".into()),
        leader: "m-1".into(),
        member_id: "m-1".into(),
        members: vec![member("m-1"), member("m-2")],
        ..JoinGroupResponse::default()
    };
    let now = rig.now();
    rig.member.handle_join(id, Ok(response), now);
    let Some(Request::Assign(round, protocol, members)) = rig.request() else { panic!("no leader") };
    assert_eq!((&*protocol, members.len()), ("range", 2));
    assert_eq!(rig.request(), None);
    // Assigning takes long: the coordinator hears that the member is there.
    rig.beat_with(ErrorCode::None);
    let counts = PartitionCounts::from([("clicks".into(), 4)]);
    let assignments = vec![("m-1".into(), Bytes::new()), ("m-2".into(), Bytes::new())];
    let now = rig.now();
    rig.member.handle_answer(
        Answer::Assigned(round, LeaderAssignment { assignments, counts: counts.clone() }),
        now,
    );
    let (id, request) = rig.sync();
    assert_eq!(request.assignments.len(), 2);
    rig.answer_sync(id, ErrorCode::None, Bytes::new());
    rig.take_on();
    // It watches what it has assigned.
    rig.member.handle_partition_counts(&counts);
    assert_eq!(rig.member.state, MemberState::Stable);
    rig.member.handle_partition_counts(&PartitionCounts::from([("clicks".into(), 5)]));
    assert_eq!(rig.member.state, MemberState::Joining);
}

#[test]
fn an_eager_member_gives_up_everything_before_it_joins_again() {
    let mut rig = Rig::joined(eager(), &[0, 1]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    // It has not given up yet, and goes on beating meanwhile.
    rig.beat_with(ErrorCode::RebalanceInProgress);
    assert_eq!(rig.member.state, MemberState::Revoking);
    assert_eq!(rig.revoke(), partitions(&[0, 1]));
    let join = rig.join();
    rig.answer_join(join, 2);
    rig.assigned(&[1]);
    assert_eq!(rig.member.owned, partitions(&[1]));
}

/// KIP-429: only what goes to others is given up, and then the group is told by joining again.
#[test]
fn a_cooperative_member_gives_up_what_goes_and_joins_again() {
    let mut rig = Rig::joined(cooperative(), &[0, 1]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    assert!(rig.member.poll_effect().is_none(), "nothing is given up yet");
    assert_eq!(rig.member.identity().map(|identity| identity.generation), Some(1), "commits go on");
    let join = rig.join();
    rig.answer_join(join, 2);
    assert_eq!(rig.member.identity(), None, "the coordinator takes no commits before the assignment");
    let (id, _) = rig.sync();
    rig.answer_sync(id, ErrorCode::None, encode_assignment(&[("clicks", 1).into()]).unwrap());
    assert_eq!(rig.take_on(), (partitions(&[0]), partitions(&[])));
    let again = rig.join();
    assert!(again.1.reason.unwrap().starts_with("partitions were given up"));
}

/// Row 24: what the group says while a member is busy with a rebalance starts one more afterwards, not one each time.
#[test]
fn rebalances_do_not_storm() {
    let mut rig = Rig::joined(cooperative(), &[0]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    let join = rig.join();
    rig.answer_join(join, 2);
    let (id, _) = rig.sync();
    rig.answer_sync(id, ErrorCode::None, encode_assignment(&[("clicks", 0).into()]).unwrap());
    // The listener takes its time, and the session is kept.
    for _ in 0..5 {
        rig.beat_with(ErrorCode::RebalanceInProgress);
        assert_eq!(rig.member.state, MemberState::TakingOn);
    }
    rig.take_on();
    let join = rig.join();
    rig.answer_join(join, 3);
    rig.assigned(&[0]);
    assert_eq!(rig.member.state, MemberState::Stable);
    rig.beat_with(ErrorCode::None);
    assert_eq!(rig.member.state, MemberState::Stable, "no rebalance without a reason");
}

/// Row 24: neither a listener nor a JoinGroup that waits for the others costs the session.
#[test]
fn the_session_outlives_a_slow_rebalance() {
    let mut rig = Rig::joined(eager(), &[0]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    for _ in 0..100 {
        rig.beat_with(ErrorCode::RebalanceInProgress);
    }
    rig.revoke();
    let join = rig.join();
    // The others take longer than the session: the coordinator owes no answer before.
    for _ in 0..10 {
        rig.pass(Duration::from_secs(20));
        assert_eq!(rig.request(), None);
    }
    rig.answer_join(join, 2);
    rig.assigned(&[0]);
    assert_eq!(rig.member.coordinator(), Some(ONE));
}

/// Row 21: whoever the coordinator does not know any more owns nothing from that moment on.
#[test]
fn a_zombie_loses_everything_and_joins_anew() {
    for code in [ErrorCode::UnknownMemberId, ErrorCode::IllegalGeneration] {
        for assignors in [eager(), cooperative()] {
            let mut rig = Rig::joined(assignors, &[0, 1]);
            rig.beat_with(code);
            assert_eq!((rig.member.identity(), &rig.member.owned), (None, &BTreeSet::new()));
            assert_eq!(rig.lost(), partitions(&[0, 1]));
            let (_, request) = rig.join();
            assert_eq!(request.member_id.is_empty(), code == ErrorCode::UnknownMemberId);
        }
    }
}

/// Row 21: a refused commit says the same as a refused heartbeat, if it is of this generation.
#[test]
fn a_refused_commit_shows_a_zombie() {
    let mut rig = Rig::joined(eager(), &[0]);
    let now = rig.now();
    rig.member.handle_commit_refused(0, ErrorCode::IllegalGeneration, now);
    assert_eq!(rig.member.state, MemberState::Stable, "an answer to an older commit");
    rig.member.handle_commit_refused(1, ErrorCode::IllegalGeneration, now);
    assert_eq!(rig.lost(), partitions(&[0]));
}

#[test]
fn what_was_being_given_up_is_lost_when_the_group_goes_on() {
    let mut rig = Rig::joined(eager(), &[0]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    let round = rig.member.round();
    assert!(matches!(rig.member.poll_effect(), Some(Effect::Revoke { .. })));
    rig.beat_with(ErrorCode::UnknownMemberId);
    assert_ne!(rig.member.round(), round, "what is under way is void");
    rig.member.handle_revoked(round);
    assert_eq!(rig.lost(), partitions(&[0]));
    rig.join();
}

/// Row 22: a coordinator that has moved is found again, and the member is still who it was.
#[test]
fn a_coordinator_that_moves_is_found_again() {
    for code in [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable] {
        let mut rig = Rig::joined(eager(), &[0]);
        rig.beat_with(code);
        assert_eq!(rig.member.owned, partitions(&[0]));
        rig.found(TWO);
        let (_, node, request) = rig.beat();
        assert_eq!((node, &*request.member_id, request.generation_id), (TWO, "m-1", 1));
    }
    // Also while joining.
    let mut rig = Rig::new(eager());
    rig.found(ONE);
    let join = rig.join();
    rig.refuse_join(join, ErrorCode::NotCoordinator);
    rig.found(TWO);
    rig.join();
}

/// Row 33: a heartbeat that is never answered ends with the session at the latest, and the next coordinator is asked.
#[test]
fn an_unanswered_heartbeat_blocks_nothing_for_ever() {
    let mut rig = Rig::joined(eager(), &[0]);
    let (id, ..) = rig.beat();
    assert_eq!(rig.request(), None);
    rig.pass(Duration::from_secs(50));
    assert_eq!(rig.member.coordinator(), Some(ONE));
    assert_eq!(rig.request(), None);
    assert_eq!(rig.member.coordinator(), None, "silence for as long as the session");
    rig.found(TWO);
    let now = rig.now();
    rig.member.handle_heartbeat(id, Err(disconnected()), now);
    rig.found(TWO);
    rig.beat_with(ErrorCode::None);
    assert_eq!(rig.member.owned, partitions(&[0]));
}

/// Row 28: a part of an assignment is no assignment.
#[test]
fn a_truncated_assignment_assigns_nothing() {
    let whole = encode_assignment(&partitions(&[0, 1, 2]).into_iter().collect::<Vec<_>>()).unwrap();
    for cut in 1..whole.len() {
        let mut rig = Rig::joined(cooperative(), &[5]);
        rig.beat_with(ErrorCode::RebalanceInProgress);
        let join = rig.join();
        rig.answer_join(join, 2);
        let (id, _) = rig.sync();
        rig.answer_sync(id, ErrorCode::None, whole.slice(..cut));
        assert!(rig.member.owned.is_empty());
        let mut effects = Vec::new();
        effects.extend(std::iter::from_fn(|| rig.member.poll_effect()));
        assert!(matches!(
            effects.as_slice(),
            [Effect::Report(Error::MalformedResponse { .. }), Effect::Lose { .. }]
        ));
        rig.join();
    }
}

#[test]
fn a_member_whose_caller_does_not_poll_leaves_and_comes_back() {
    let mut rig = Rig::joined(eager(), &[0]);
    let mut left = false;
    while !left {
        let deadline = rig.member.next_deadline(rig.now()).unwrap();
        rig.millis += u64::try_from((deadline - rig.now()).as_millis()).unwrap() + 1;
        match rig.request() {
            Some(Request::Heartbeat(id, ..)) => rig.answer_beat(id, ErrorCode::None),
            Some(Request::Leave(_, request)) => {
                assert_eq!(&*request.members[0].member_id, "m-1");
                left = true;
            }
            None => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((300_000..303_000).contains(&rig.millis), "{}", rig.millis);
    assert_eq!(rig.lost(), partitions(&[0]));
    rig.member.handle_left(&Ok(LeaveGroupResponse::default()));
    assert_eq!((rig.request(), rig.member.next_deadline(rig.now())), (None, None));
    rig.pass(Duration::from_secs(1));
    let (_, request) = rig.join();
    assert!(request.member_id.is_empty());
}

/// A consumer that is dropped commits nothing, tells nobody, and leaves.
#[test]
fn a_member_that_is_dropped_leaves_without_giving_up() {
    let mut rig = Rig::joined(eager(), &[0, 1]);
    rig.member.handle_abandoned();
    assert!(rig.member.poll_effect().is_none());
    let Some(Request::Leave(ONE, request)) = rig.request() else { panic!("it leaves") };
    assert_eq!(&*request.members[0].member_id, "m-1");
    assert!(!rig.member.is_over());
    rig.member.handle_left(&Ok(LeaveGroupResponse::default()));
    assert!(rig.member.is_over());
    // A static one keeps its place.
    let mut rig = Rig::with(MemberSettings { instance_id: Some("a".into()), ..settings() }, eager());
    rig.found(ONE);
    let join = rig.join();
    rig.member.handle_abandoned();
    assert!(rig.member.is_over());
    rig.answer_join(join, 1);
    assert!(rig.member.is_over() && rig.request().is_none());
}

/// Whoever goes before it has a name waits for it: others would wait for a member that nobody is.
#[test]
fn a_member_that_goes_before_it_has_a_name_leaves_under_it() {
    for is_closed in [false, true] {
        let mut rig = Rig::new(eager());
        rig.found(ONE);
        let join = rig.join();
        if is_closed {
            rig.member.handle_close();
        } else {
            rig.member.handle_abandoned();
        }
        assert!(!rig.member.is_over() && rig.request().is_none());
        rig.refuse_join(join, ErrorCode::MemberIdRequired);
        let Some(Request::Leave(ONE, request)) = rig.request() else { panic!("it leaves") };
        assert_eq!(&*request.members[0].member_id, "m-1");
        rig.member.handle_left(&Ok(LeaveGroupResponse::default()));
        assert!(rig.member.is_over());
    }
}

#[test]
fn a_static_member_falls_silent_instead_of_leaving() {
    let settings = MemberSettings { instance_id: Some("a".into()), ..settings() };
    let mut rig = Rig::with(settings, eager());
    rig.found(ONE);
    let join = rig.join();
    assert_eq!(join.1.group_instance_id.as_deref(), Some("a"));
    rig.answer_join(join, 1);
    rig.assigned(&[0]);
    rig.member.handle_close();
    assert_eq!(rig.revoke(), partitions(&[0]));
    assert_eq!(rig.request(), None);
    assert!(rig.member.is_over());
}

#[test]
fn a_member_that_was_replaced_is_finished() {
    let mut rig = Rig::joined(eager(), &[0]);
    rig.beat_with(ErrorCode::FencedInstanceId);
    assert_eq!(rig.lost(), partitions(&[0]));
    assert!(matches!(rig.member.poll_effect(), Some(Effect::Report(_))));
    assert!(rig.member.is_over());
    assert_eq!((rig.request(), rig.member.next_deadline(rig.now())), (None, None));
}

#[test]
fn a_closing_member_gives_up_and_leaves_whatever_it_was_at() {
    // All is well.
    let mut rig = Rig::joined(cooperative(), &[0, 1]);
    rig.member.handle_close();
    rig.beat_with(ErrorCode::None);
    assert_eq!(rig.revoke(), partitions(&[0, 1]));
    assert!(matches!(rig.next_request(), Request::Leave(ONE, _)));
    assert!(!rig.member.is_over());
    rig.member.handle_left(&Err(disconnected()));
    assert!(rig.member.is_over());
    // A JoinGroup waits for the others: the word goes past it.
    let mut rig = Rig::joined(eager(), &[0]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    rig.revoke();
    rig.join();
    rig.member.handle_close();
    assert!(matches!(rig.next_request(), Request::Leave(ONE, _)));
    // Others wait for its SyncGroup, and nothing can be committed before.
    let mut rig = Rig::joined(cooperative(), &[0]);
    rig.beat_with(ErrorCode::RebalanceInProgress);
    let join = rig.join();
    rig.answer_join(join, 2);
    rig.member.handle_close();
    assert!(rig.member.poll_effect().is_none());
    let (id, _) = rig.sync();
    rig.answer_sync(id, ErrorCode::None, encode_assignment(&[("clicks", 1).into()]).unwrap());
    assert_eq!(rig.member.identity().map(|identity| identity.generation), Some(2));
    assert_eq!(rig.revoke(), partitions(&[0]), "what it had, not what it would have got");
    assert!(matches!(rig.next_request(), Request::Leave(ONE, _)));
    // The group has gone on without it.
    let mut rig = Rig::joined(eager(), &[0]);
    rig.member.handle_close();
    rig.beat_with(ErrorCode::UnknownMemberId);
    assert_eq!(rig.lost(), partitions(&[0]));
    assert!(rig.member.is_over());
}

#[test]
fn what_only_someone_else_can_repair_is_reported_and_tried_again() {
    let mut rig = Rig::new(eager());
    rig.found(ONE);
    let join = rig.join();
    rig.refuse_join(join, ErrorCode::InconsistentGroupProtocol);
    let Some(Effect::Report(error)) = rig.member.poll_effect() else { panic!("nothing is said") };
    assert_eq!(error.code(), Some(ErrorCode::InconsistentGroupProtocol));
    let refused_at = rig.millis;
    rig.join();
    assert!(rig.millis - refused_at >= 5_000);
}

/// What may happen to a member.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Pass(u64),
    Poll,
    Answer(ErrorCode),
    Silence,
    Effect,
    Topics,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let codes = prop::sample::select(vec![
        ErrorCode::None,
        ErrorCode::None,
        ErrorCode::None,
        ErrorCode::RebalanceInProgress,
        ErrorCode::UnknownMemberId,
        ErrorCode::IllegalGeneration,
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::MemberIdRequired,
        ErrorCode::GroupMaxSizeReached,
    ]);
    let turn = prop_oneof![
        2 => (1u64..60_000).prop_map(Turn::Pass),
        2 => Just(Turn::Poll),
        6 => codes.prop_map(Turn::Answer),
        1 => Just(Turn::Silence),
        4 => Just(Turn::Effect),
        1 => Just(Turn::Topics),
    ];
    prop::collection::vec(turn, 1..120)
}

/// What the test owes the member.
#[derive(Default)]
struct Owed {
    requests: Vec<Request>,
    effect: Option<(EffectRound, Effect)>,
    generation: i32,
    /// Whether each generation has the same assignment.
    is_calm: bool,
}

impl Owed {
    fn gather(&mut self, rig: &mut Rig) {
        self.requests.extend(std::iter::from_fn(|| rig.request()));
        let round = rig.member.round();
        self.effect.take_if(|(begun, effect)| *begun != round && !matches!(effect, Effect::Lose { .. }));
        while self.effect.is_none() {
            match rig.member.poll_effect() {
                None => return,
                Some(Effect::Report(_)) => {}
                Some(effect) => self.effect = Some((round, effect)),
            }
        }
    }

    fn finish_effect(&mut self, rig: &mut Rig) {
        let Some((round, effect)) = self.effect.take() else { return };
        match effect {
            Effect::Revoke { .. } => rig.member.handle_revoked(round),
            Effect::TakeOn { revoked, .. } => rig.member.handle_taken_on(round, !revoked.is_empty()),
            Effect::Lose { .. } | Effect::Report(_) => {}
        }
    }

    fn answer(&mut self, rig: &mut Rig, code: ErrorCode) {
        if self.requests.is_empty() {
            return;
        }
        match self.requests.remove(0) {
            Request::FindCoordinator => rig.answer_found(if code.is_none() { ONE } else { TWO }),
            Request::Assign(round, ..) => {
                let assigned =
                    LeaderAssignment { assignments: Vec::new(), counts: PartitionCounts::default() };
                rig.member.handle_assignment(round, assigned);
            }
            Request::Join(id, _, request) if code.is_none() => {
                self.generation += 1;
                rig.answer_join((id, request), self.generation);
            }
            Request::Join(id, _, request) => rig.refuse_join((id, request), code),
            Request::Sync(id, ..) => {
                let moving = if self.is_calm { 0 } else { self.generation % 3 };
                let assignment: Vec<_> = partitions(&[moving, 3]).into_iter().collect();
                rig.answer_sync(id, code, encode_assignment(&assignment).unwrap());
            }
            Request::Heartbeat(id, ..) => rig.answer_beat(id, code),
            Request::Leave(..) => rig.member.handle_left(&Ok(LeaveGroupResponse::default())),
        }
    }

    fn silence(&mut self, rig: &mut Rig) {
        if self.requests.is_empty() {
            return;
        }
        let now = rig.now();
        match self.requests.remove(0) {
            Request::FindCoordinator => rig.member.handle_coordinator(Err(disconnected()), now),
            // That is not asked of a broker: it always comes to an end.
            Request::Assign(round, ..) => {
                let assigned =
                    LeaderAssignment { assignments: Vec::new(), counts: PartitionCounts::default() };
                rig.member.handle_assignment(round, assigned);
            }
            Request::Join(id, ..) => rig.member.handle_join(id, Err(disconnected()), now),
            Request::Sync(id, ..) => rig.member.handle_sync(id, Err(disconnected()), now),
            Request::Heartbeat(id, ..) => rig.member.handle_heartbeat(id, Err(disconnected()), now),
            Request::Leave(..) => rig.member.handle_left(&Err(disconnected())),
        }
    }
}

/// Lets `turns` happen, and checks what always holds.
fn play(rig: &mut Rig, owed: &mut Owed, turns: Vec<Turn>) -> Result<(), TestCaseError> {
    for turn in turns {
        match turn {
            Turn::Pass(millis) => rig.millis += millis,
            Turn::Poll => rig.pass(Duration::ZERO),
            Turn::Answer(code) => owed.answer(rig, code),
            Turn::Silence => owed.silence(rig),
            Turn::Effect => owed.finish_effect(rig),
            Turn::Topics => rig.member.handle_topics(["clicks".into(), "views".into()].into()),
        }
        owed.gather(rig);
        let is_waiting = !owed.requests.is_empty() || owed.effect.is_some();
        let is_resting = rig.member.is_resting();
        prop_assert!(is_waiting || is_resting || rig.member.next_deadline(rig.now()).is_some());
        prop_assert!(rig.member.generation.is_some() || rig.member.owned.is_empty());
    }
    Ok(())
}

/// From now on all is well, until `done`.
fn calm_down(rig: &mut Rig, owed: &mut Owed, done: impl Fn(&Membership) -> bool) -> bool {
    owed.is_calm = true;
    for _ in 0..200 {
        if done(&rig.member) {
            return true;
        }
        rig.pass(Duration::from_millis(500));
        owed.gather(rig);
        while !owed.requests.is_empty() {
            owed.answer(rig, ErrorCode::None);
        }
        owed.finish_effect(rig);
        owed.gather(rig);
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Row 27: whatever has happened, a member whose coordinator is well again and whose caller polls gets its partitions.
    #[test]
    fn a_member_always_comes_back(is_cooperative in any::<bool>(), turns in turns()) {
        let mut rig = Rig::new(if is_cooperative { cooperative() } else { eager() });
        let mut owed = Owed::default();
        play(&mut rig, &mut owed, turns)?;
        let is_well = |member: &Membership| member.state == MemberState::Stable && !member.owned.is_empty();
        prop_assert!(calm_down(&mut rig, &mut owed, is_well), "{:?}", rig.member);
    }

    #[test]
    fn a_member_can_always_leave(is_cooperative in any::<bool>(), turns in turns()) {
        let mut rig = Rig::new(if is_cooperative { cooperative() } else { eager() });
        let mut owed = Owed::default();
        play(&mut rig, &mut owed, turns)?;
        rig.member.handle_close();
        prop_assert!(calm_down(&mut rig, &mut owed, Membership::is_over), "{:?}", rig.member);
    }
}
