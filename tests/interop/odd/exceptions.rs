//! Where kestrel-broker answers otherwise than Apache Kafka 4.3 and is meant to, and why.

/// Cases, and the reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "FindCoordinator: a transactional id",
        "transactions are not there yet: nobody coordinates them, and nothing is said as if",
    ),
];
