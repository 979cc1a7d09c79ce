//! Filters of ListTransactions.

use kestrel_protocol::ProducerId;

use super::*;

#[test]
fn nothing_said_selects_all() {
    let filter = filter(&ListTransactionsRequest::default());
    assert!(filter.states.is_none() && filter.producer_ids.is_none());
    assert!(pattern(&ListTransactionsRequest::default()).unwrap().is_none());
    assert!(filter.older_than.is_none(), "the default is -1");
}

#[test]
fn each_filter_is_read() {
    let request = ListTransactionsRequest {
        state_filters: vec!["Ongoing".into(), "odd".into()],
        producer_id_filters: vec![ProducerId(7)],
        duration_filter: 0,
        transactional_id_pattern: Some("ord.*".into()),
    };
    assert_eq!(unknown_states(&request), ["odd"]);
    let filter = filter(&request);
    assert_eq!(filter.states, Some(vec![TransactionState::Ongoing]));
    assert_eq!((filter.producer_ids, filter.older_than), (Some(vec![ProducerId(7)]), Some(Duration::ZERO)));
    assert!(pattern(&request).unwrap().is_some());
}

#[test]
fn patterns_match_whole_names_and_stay_within_them() {
    let matches = |pattern: &str, name: &str| whole(pattern).unwrap().is_match(name);
    assert!(matches("ord.*", "orders") && matches("a|b", "b") && matches(r"\w+-\d", "team-1"));
    assert!(!matches("ord", "orders") && !matches("rders", "orders") && !matches("a|b", "ab"));
    for broken in ["(", "a)(b", "[", r"\p{Greek}", "a{2000000}", "a{9999}", &"a".repeat(1025)] {
        assert_eq!(whole(broken).unwrap_err(), ErrorCode::InvalidRegularExpression, "{broken}");
    }
}

#[tokio::test]
async fn those_are_left_whose_names_match() {
    let listed = ["orders", "audit"].map(|id| ListedTransaction {
        transactional_id: id.into(),
        producer_id: ProducerId(1),
        state: TransactionState::Empty,
    });
    let left = matching(listed.to_vec(), whole("ord.*").unwrap()).await;
    assert_eq!(left, listed[..1]);
}
