//! Which snapshots are kept beside the newest, and with them the log from there on. Pure; the rule is Apache Kafka's.

use kestrel_protocol::Timestamp;

use crate::config::MetadataLogSettings;

/// Whether the oldest of several snapshots goes at `now`, and the log with it that the next one makes superfluous: its last
/// record is from `last_contained`, and the log has `total_bytes` with all its snapshots.
pub(in crate::cluster) fn lets_go(
    settings: &MetadataLogSettings,
    last_contained: Option<Timestamp>,
    total_bytes: u64,
    now: Timestamp,
) -> bool {
    let is_too_much = settings.retention_bytes.is_some_and(|limit| total_bytes > limit);
    // One that does not say is of a time that nobody knows.
    let too_old_at =
        settings.retention_time.zip(last_contained).map(|(limit, last)| last.saturating_add(limit));
    is_too_much || too_old_at.is_some_and(|too_old_at| too_old_at < now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{BrokerConfig, RawSettings};

    #[test]
    fn size_and_age_each_let_the_oldest_go() {
        let defaults = BrokerConfig::new(&RawSettings::default()).unwrap().metadata_log;
        let hour = Some(Duration::from_secs(3600));
        let both = MetadataLogSettings { retention_bytes: Some(100), retention_time: hour, ..defaults };
        let (long_ago, now) = (Some(Timestamp::from_millis(0)), Timestamp::from_millis(3_600_001));
        assert!(lets_go(&both, long_ago, 100, now));
        assert!(!lets_go(&both, long_ago, 100, Timestamp::from_millis(3_600_000)));
        assert!(lets_go(&both, long_ago, 101, Timestamp::from_millis(0)));
        assert!(!lets_go(&both, None, 100, now));
        let neither = MetadataLogSettings { retention_bytes: None, retention_time: None, ..defaults };
        assert!(!lets_go(&neither, long_ago, u64::MAX, now));
    }
}
