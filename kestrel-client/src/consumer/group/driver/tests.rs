//! The driver with a machine of no real protocol: what it does is the same for all of them.

use std::collections::VecDeque;
use std::pin::pin;

use kestrel_protocol::ErrorCode;
use parking_lot::Mutex;

use super::*;
use crate::client::Client;
use crate::config::ConsumerConfig;
use crate::consumer::group::handle::GroupHandle;
use crate::consumer::group::machine::{MemberIdentity, MemberStanding};
use crate::consumer::testing::{backoff, settings};
use crate::metadata::TopicUses;
use crate::record::TopicPartition;

/// Is assigned one partition as soon as its one request is answered, and keeps it until it is closed.
#[derive(Debug)]
struct Toy {
    request: Option<u32>,
    effects: VecDeque<Effect>,
    round: EffectRound,
    is_over: bool,
    heard: Arc<Mutex<Vec<String>>>,
}

fn partitions() -> BTreeSet<TopicPartition> {
    BTreeSet::from([("clicks", 0).into()])
}

impl Machine for Toy {
    type Request = u32;
    type Answer = String;

    fn poll_request(&mut self, _: Instant) -> Option<u32> {
        self.request.take()
    }

    fn handle_answer(&mut self, answer: String, _: Instant) {
        self.heard.lock().push(answer);
        let (added, assigned) = (partitions(), partitions());
        self.effects.push_back(Effect::TakeOn { revoked: BTreeSet::new(), added, assigned });
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn round(&self) -> EffectRound {
        self.round
    }

    fn handle_revoked(&mut self, _: EffectRound) {
        self.heard.lock().push("revoked".to_owned());
        self.is_over = true;
    }

    fn handle_taken_on(&mut self, _: EffectRound, gave_up: bool) {
        self.heard.lock().push(format!("taken on, gave up: {gave_up}"));
    }

    fn next_deadline(&self, _: Instant) -> Option<Instant> {
        None
    }

    fn handle_poll(&mut self, _: Instant) {}

    fn handle_topics(&mut self, _: BTreeSet<Arc<str>>) {}

    fn handle_metadata(&mut self, _: &MetadataSnapshot) {}

    fn handle_commit_refused(&mut self, _: i32, _: ErrorCode, _: Instant) {}

    fn handle_coordinator_lost(&mut self, _: NodeId, _: Instant) {}

    fn handle_close(&mut self) {
        self.effects.push_back(Effect::Revoke { partitions: partitions() });
    }

    fn handle_abandoned(&mut self) {
        self.is_over = true;
    }

    fn coordinator(&self) -> Option<NodeId> {
        None
    }

    fn identity(&self) -> Option<MemberIdentity> {
        None
    }

    fn standing(&self) -> MemberStanding<'_> {
        MemberStanding { member_id: "toy", generation: 1, is_rebalancing: false }
    }

    fn is_resting(&self) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

struct Echo;

impl Calls<Toy> for Echo {
    fn begin(&self, request: u32) -> BoxFuture<'static, String> {
        async move { format!("answer to {request}") }.boxed()
    }
}

#[tokio::test]
async fn a_machine_of_any_protocol_gains_partitions_and_gives_them_up() {
    let client = Client::offline().unwrap();
    let config = ConsumerConfig::default().commit_policy(CommitPolicy::Manual);
    let settings = Arc::new(settings(&config));
    let mut engine = Engine::new(settings.clone(), Duration::from_secs(300), &backoff());
    engine.enter_group();
    let shared = SharedEngine::new(engine);
    let (group, inbox) = GroupHandle::new("billing".into(), shared.clone());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let toy = Toy {
        request: Some(7),
        effects: VecDeque::new(),
        round: EffectRound::default(),
        is_over: false,
        heard: heard.clone(),
    };
    let effects = Effects {
        shared: shared.clone(),
        group: group.clone(),
        topics: TopicUses::new(client.metadata().clone()),
        policy: CommitPolicy::Manual,
        listener: None,
    };
    let link = MemberLink::new(client, "billing".into());
    let driver = GroupDriver::new(link, settings, (toy, Echo), effects, TopicSelection::default(), inbox);
    let assigned_then_closed = async {
        loop {
            let mut changed = pin!(shared.changed_by_driver().notified());
            changed.as_mut().enable();
            if shared.look(|engine| engine.assignment()) == [TopicPartition::new("clicks", 0)] {
                return group.close().await;
            }
            changed.await;
        }
    };
    let ((), closed) = tokio::join!(driver.run(CancellationToken::new()), assigned_then_closed);
    closed.unwrap();
    assert_eq!(*heard.lock(), ["answer to 7", "taken on, gave up: false", "revoked"]);
    assert!(shared.look(|engine| engine.is_closed() && engine.assignment().is_empty()));
}
