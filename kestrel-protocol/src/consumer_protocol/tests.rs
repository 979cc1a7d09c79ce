//! Subscriptions and assignments against an independent implementation, truncated, and newer than we know.

use kafka_protocol::messages as oracle;
use proptest::prelude::*;

use super::*;
use crate::messages::Version;
use crate::messages::sample::{Sample, Seed};
use crate::messages::tests::{check, check_hostile, check_memory};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_version_equals_the_oracle(seed: u64) {
        check::<Subscription, oracle::ConsumerProtocolSubscription>(seed);
        check::<Assignment, oracle::ConsumerProtocolAssignment>(seed);
    }

    #[test]
    fn hostile_bytes_never_panic_nor_take_memory(seed: u64) {
        check_hostile::<Subscription>(seed);
        check_hostile::<Assignment>(seed);
        check_hostile::<StickyUserData>(seed);
        check_memory::<Subscription>(seed);
        check_memory::<Assignment>(seed);
        check_memory::<StickyUserData>(seed);
    }

    /// A truncated assignment is an error at every byte and never a shorter assignment.
    #[test]
    fn a_truncated_assignment_is_an_error(seed: u64, version in 0i16..=3) {
        let assignment = Assignment::sample(&mut Seed::new(seed), Version::of::<Assignment>(version));
        let bytes = assignment.to_bytes(version).unwrap();
        for cut in 0..bytes.len() {
            prop_assert!(Assignment::from_bytes(bytes.slice(..cut)).is_err(), "cut at {}", cut);
        }
        prop_assert_eq!(Assignment::from_bytes(bytes), Ok(assignment));
    }

    #[test]
    fn a_newer_version_is_read_as_the_newest_known(seed: u64, version in 4..=i16::MAX, appended: [u8; 7]) {
        let subscription = Subscription::sample(&mut Seed::new(seed), Version::of::<Subscription>(3));
        let mut bytes = version.to_be_bytes().to_vec();
        bytes.extend_from_slice(&subscription.to_bytes(3).unwrap()[2..]);
        bytes.extend_from_slice(&appended);
        prop_assert_eq!(Subscription::from_bytes(bytes.into()), Ok(subscription));
    }

    #[test]
    fn sticky_user_data_is_read_in_both_layouts(seed: u64) {
        let mut owned = StickyUserData::sample(&mut Seed::new(seed), Version::of::<StickyUserData>(1));
        let bytes = owned.to_bytes().unwrap();
        prop_assert_eq!(StickyUserData::from_bytes(bytes.clone()), Ok((owned.clone(), 1)));
        owned.generation = -1;
        prop_assert_eq!(StickyUserData::from_bytes(bytes.slice(..bytes.len() - 4)), Ok((owned, 0)));
    }
}

#[test]
fn a_negative_version_is_refused() {
    let kind = DecodeErrorKind::UnsupportedVersion(-1);
    let bytes = Bytes::from_static(b"\xff\xff\0\0\0\0\xff\xff\xff\xff");
    assert_eq!(Assignment::from_bytes(bytes.clone()).map_err(|error| error.kind), Err(kind));
    assert_eq!(Subscription::from_bytes(bytes).map_err(|error| error.kind), Err(kind));
}

#[test]
fn nothing_at_all_is_no_assignment() {
    assert!(Assignment::from_bytes(Bytes::new()).is_err());
    assert!(Subscription::from_bytes(Bytes::from_static(b"\0")).is_err());
}

#[test]
fn the_generation_of_cooperative_sticky_is_four_bytes() {
    let data = CooperativeStickyUserData { generation: 258 };
    assert_eq!(data.to_bytes(), Bytes::from_static(&[0, 0, 1, 2]));
    assert_eq!(CooperativeStickyUserData::from_bytes(data.to_bytes()), Ok(data));
    assert!(CooperativeStickyUserData::from_bytes(Bytes::from_static(&[0, 0, 1])).is_err());
}

#[test]
fn a_topic_name_that_is_too_long_is_an_error() {
    let subscription = Subscription { topics: vec!["a".repeat(40_000).into()], ..Default::default() };
    for version in 0..=3 {
        assert_eq!(subscription.to_bytes(version).unwrap_err().what, "topics");
    }
}
