//! The machine by script: replay equals live, with transactions and asks.

use kestrel_protocol::record::control::TransactionOutcome::{self, Abort, Commit};
use kestrel_protocol::{ProducerEpoch, ProducerId};
use proptest::prelude::*;

use super::super::Effects;
use super::script::Script;
use super::tally::{RETRY, Sale, Tally, TallyRecord};
use crate::log::Transaction;

fn transaction(producer: i64) -> Transaction {
    Transaction { producer_id: ProducerId(producer), producer_epoch: ProducerEpoch(0) }
}

#[test]
fn what_is_asked_is_applied_when_it_is_answered_and_asked_again_until_then() {
    let mut script = Script::<Tally>::new(());
    let mut bought = script.handle_waiting(|tally, to, _| tally.buy(&"tea".into(), to));
    assert_eq!(std::mem::take(&mut script.asks), ["tea"]);
    script.answer(Sale { name: "tea".into(), sold: None });
    script.pass(RETRY / 2);
    assert!(script.asks.is_empty() && bought.take().is_none());
    script.pass(RETRY / 2);
    assert_eq!(std::mem::take(&mut script.asks), ["tea"]);
    script.answer(Sale { name: "tea".into(), sold: Some(3) });
    assert_eq!((bought.take().as_deref(), bought.take()), (Some("3 tea"), None));
    script.assert_replay_equals_live(|tally| &tally.book);
    script.restart();
    assert!(script.asks.is_empty(), "it was bought");
}

#[test]
fn the_next_machine_asks_what_the_one_before_did_not_hear() {
    let mut script = Script::<Tally>::new(());
    let mut bought = script.handle_waiting(|tally, to, _| tally.buy(&"tea".into(), to));
    script.restart();
    assert_eq!(script.asks, ["tea"]);
    script.answer(Sale { name: "tea".into(), sold: Some(3) });
    assert_eq!((script.machine.count("tea"), bought.take()), (3, None));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Add(u8, i64),
    Remove(u8),
    Buy(u8),
    Sell(u8, Option<i64>),
    Within(i64, u8, i64),
    End(i64, bool),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let (name, producer) = (0..3u8, 1..3i64);
    prop_oneof![
        (name.clone(), 1..9i64).prop_map(|(name, by)| Step::Add(name, by)),
        name.clone().prop_map(Step::Remove),
        name.clone().prop_map(Step::Buy),
        (name.clone(), proptest::option::of(1..9i64)).prop_map(|(name, sold)| Step::Sell(name, sold)),
        (producer.clone(), name, 1..9i64)
            .prop_map(|(producer, name, count)| Step::Within(producer, name, count)),
        (producer, any::<bool>()).prop_map(|(producer, commits)| Step::End(producer, commits)),
        Just(Step::Restart),
    ]
}

fn carry_out(script: &mut Script<Tally>, step: Step) {
    let name = |name: u8| format!("n{name}").into();
    let outcome = |commits| -> TransactionOutcome { if commits { Commit } else { Abort } };
    match step {
        Step::Add(to, by) => _ = script.handle(|tally, _| tally.add(&name(to), by)),
        Step::Remove(from) => script.apply(Effects::from(vec![TallyRecord::Count(name(from), None)])),
        Step::Buy(what) => _ = script.handle_waiting(|tally, to, _| tally.buy(&name(what), to)),
        Step::Sell(what, sold) => script.answer(Sale { name: name(what), sold }),
        Step::Within(producer, what, count) => {
            let record = TallyRecord::Count(name(what), Some(count));
            script.apply(Effects::from(vec![record]).within(transaction(producer)));
        }
        Step::End(producer, commits) => script.end(transaction(producer), outcome(commits)),
        Step::Restart => script.restart(),
    }
}

proptest! {
    #[test]
    fn a_tally_is_what_its_log_says(steps in prop::collection::vec(step(), 1..60)) {
        let mut script = Script::<Tally>::new(());
        for step in steps {
            carry_out(&mut script, step);
            script.assert_replay_equals_live(|tally| &tally.book);
        }
    }
}
