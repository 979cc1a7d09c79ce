//! DescribeTransactions and ListTransactions.

use super::*;

fn listed(harness: &Harness, filter: &TransactionFilter) -> Vec<String> {
    let listed = harness.script.machine.list(filter, harness.script.now.wall);
    listed.iter().map(|listed| listed.transactional_id.to_string()).collect()
}

#[test]
fn filters_select_what_all_of_them_do() {
    let mut harness = Harness::ongoing();
    harness.init_of("audit", None, TIMEOUT).unwrap();
    harness.script.pass(Duration::from_secs(20));
    let all = TransactionFilter::default;
    assert_eq!(listed(&harness, &all()), ["audit", "orders"]);
    let states = |states: &[TransactionState]| TransactionFilter { states: Some(states.to_vec()), ..all() };
    assert_eq!(listed(&harness, &states(&[Ongoing])), ["orders"]);
    assert_eq!(listed(&harness, &states(&[Empty, Dead])), ["audit"]);
    assert!(listed(&harness, &states(&[])).is_empty(), "none of the names was one");
    let ids = |id| TransactionFilter { producer_ids: Some(vec![ProducerId(id)]), ..all() };
    assert_eq!(listed(&harness, &ids(FIRST + 1)), ["audit"]);
    let older = |seconds| TransactionFilter { older_than: Some(Duration::from_secs(seconds)), ..all() };
    // One that has not begun has begun long ago, as in Apache Kafka.
    assert_eq!(listed(&harness, &older(19)), ["audit", "orders"]);
    assert_eq!(listed(&harness, &older(20)), ["audit"]);
    assert!(
        listed(&harness, &TransactionFilter { states: Some(vec![Ongoing]), ..ids(FIRST + 1) }).is_empty()
    );
}

#[test]
fn a_transaction_is_described_as_it_is() {
    let harness = Harness::ongoing();
    let described = harness.script.machine.describe(ID).unwrap();
    assert_eq!(&described, harness.metadata());
    assert_eq!(harness.script.machine.describe("nobody"), None);
}
