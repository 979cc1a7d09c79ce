//! Replay equals live, and what must hold in every state, for random scripts.

use proptest::prelude::*;

use super::*;

/// The settings of a broker that forgets soon.
fn hasty() -> TransactionSettings {
    TransactionSettings {
        expiration_check_interval: Duration::from_secs(500),
        expiration: Duration::from_secs(2_000),
        ..defaults()
    }
}

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Init { keeps: bool },
    Add(i32),
    End { commits: bool, is_late: bool, is_first_version: bool },
    Mark { leaves: bool },
    Pass(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<bool>().prop_map(|keeps| Step::Init { keeps }),
        8 => (0..4i32).prop_map(Step::Add),
        6 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(commits, is_late, is_first_version)| Step::End { commits, is_late, is_first_version }),
        6 => any::<bool>().prop_map(|leaves| Step::Mark { leaves }),
        2 => (1..90u64).prop_map(Step::Pass),
        1 => (3_000..4_000u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

/// A client that does as it is told, and what it saw.
struct Client {
    producer: Transaction,
    /// The producer of the transaction before.
    before: Transaction,
}

fn carry_out(harness: &mut Harness, client: &mut Client, step: Step) {
    match step {
        Step::Init { keeps } => {
            if let Ok(producer) = harness.init(keeps.then_some(client.producer)) {
                client.before = client.producer;
                client.producer = producer;
            }
        }
        Step::Add(partition) => _ = harness.add(client.producer, &[partition]),
        Step::End { commits, is_late, is_first_version } => {
            let version = if is_first_version { TransactionVersion::V0 } else { TransactionVersion::V2 };
            let outcome = if commits { Commit } else { Abort };
            if is_late {
                end_late(harness, client.before, outcome);
            } else if let Ok(producer) = harness.end_as(version, client.producer, outcome) {
                client.before = client.producer;
                client.producer = producer;
            }
        }
        Step::Mark { leaves } => {
            if let Some(Ask::Markers(markers)) = harness.script.asks.pop() {
                let left = if leaves { markers.partitions[..1].to_vec() } else { Vec::new() };
                harness.script.answer(Answer::Marked { transactional_id: ID.into(), left });
            }
        }
        Step::Pass(seconds) => harness.script.pass(Duration::from_secs(seconds)),
        Step::Restart => harness.script.restart(),
    }
}

/// An EndTxn of the transaction before comes late: it never ends the one that is open.
fn end_late(harness: &mut Harness, before: Transaction, outcome: TransactionOutcome) {
    let open = harness.script.machine.stored.get(ID).filter(|stored| stored.state == Ongoing).cloned();
    let _ = harness.end(before, outcome);
    if let Some(open) = open.filter(|open| open.producer != before) {
        assert_eq!(harness.metadata(), &open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn replay_equals_live(steps in prop::collection::vec(step(), 1..60), version in 0..3i16) {
        let mut harness = Harness::with(TransactionVersion(version), hasty());
        let nobody = producer(-1, -1);
        let mut client = Client { producer: nobody, before: nobody };
        let mut newest = nobody;
        for step in steps {
            carry_out(&mut harness, &mut client, step);
            harness.assert_replay_equals_live();
            let Some(stored) = harness.script.machine.stored.get(ID) else { newest = nobody; continue };
            let now = (stored.producer.producer_id, stored.producer.producer_epoch);
            prop_assert!(now >= (newest.producer_id, newest.producer_epoch), "epochs only grow");
            newest = stored.producer;
            let has_partitions = !stored.partitions.is_empty();
            prop_assert!(!has_partitions || !stored.state.is_idle());
            let is_asked = harness.script.asks.iter().any(|ask| matches!(ask, Ask::Markers(_)));
            prop_assert!(!is_asked || stored.state.decided().is_some());
        }
        // Whatever happened, time and markers bring it to an end.
        for _ in 0..4 {
            harness.script.pass(Duration::from_secs(70));
            while let Some(Ask::Markers(_)) = harness.script.asks.pop() {
                harness.marked(&[]);
            }
        }
        if let Some(stored) = harness.script.machine.stored.get(ID) {
            prop_assert!(stored.state.is_idle(), "{:?}", stored.state);
        }
    }
}
