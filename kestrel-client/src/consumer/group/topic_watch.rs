//! TopicWatch: topics that a group is to read and cannot. A machine: no I/O, no clock.
//!
//! Driven by the [`GroupDriver`](super::driver::GroupDriver). What is not there is assigned to nobody, so no partition would say
//! that it is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use crate::consumer::position::{LeaderView, MISSING_GRACE, topic_view};
use crate::environment::after;
use crate::error::Error;
use crate::metadata::MetadataSnapshot;

/// Watches the topics of a subscription.
#[derive(Debug, Default)]
pub(crate) struct TopicWatch(BTreeMap<Arc<str>, Trouble>);

#[derive(Debug)]
struct Trouble {
    error: Error,
    report_at: Instant,
}

impl TopicWatch {
    /// Takes in what new metadata say of `topics`.
    pub(crate) fn handle_metadata(
        &mut self,
        topics: &BTreeSet<Arc<str>>,
        snapshot: &MetadataSnapshot,
        now: Instant,
    ) {
        self.0.retain(|topic, _| topics.contains(topic));
        for topic in topics {
            let (error, report_at) = match topic_view(snapshot, topic) {
                Some(LeaderView::Missing(error)) => (error, after(now, MISSING_GRACE)),
                Some(LeaderView::Refused(error)) => (error, now),
                Some(LeaderView::Known { .. }) | None => {
                    self.0.remove(topic);
                    continue;
                }
            };
            let trouble =
                self.0.entry(topic.clone()).or_insert_with(|| Trouble { error: error.clone(), report_at });
            trouble.error = error;
            trouble.report_at = trouble.report_at.min(report_at);
        }
    }

    /// The errors to report to the caller now: again and again, as long as they last.
    pub(crate) fn poll(&mut self, now: Instant) -> Vec<(Arc<str>, Error)> {
        let due = self.0.iter_mut().filter(|(_, trouble)| trouble.report_at <= now);
        due.map(|(topic, trouble)| {
            trouble.report_at = after(now, MISSING_GRACE);
            (topic.clone(), trouble.error.clone())
        })
        .collect()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.0.values().map(|trouble| trouble.report_at).min()
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::ErrorCode;

    use super::*;
    use crate::consumer::testing::{Clock, TOPIC_ID, snapshot};

    fn picture(code: Option<ErrorCode>) -> MetadataSnapshot {
        let mut picture = MetadataSnapshot::clone(&snapshot(TOPIC_ID, &[(1, 5)]));
        if let Some(code) = code {
            picture.topics.clear();
            picture.errors.insert("clicks".into(), code);
        }
        picture
    }

    #[test]
    fn a_missing_topic_is_told_after_a_while_and_again() {
        let (clock, mut watch) = (Clock::start(), TopicWatch::default());
        let topics = BTreeSet::from(["clicks".into()]);
        watch.handle_metadata(&topics, &MetadataSnapshot::default(), clock.at(0));
        assert_eq!(watch.next_deadline(), None, "nothing is said of it yet");
        let missing = picture(Some(ErrorCode::UnknownTopicOrPartition));
        let mut told = Vec::new();
        for second in 0..12 {
            // The cluster is asked for it all the while.
            watch.handle_metadata(&topics, &missing, clock.at(second * 1000));
            let due = watch.poll(clock.at(second * 1000));
            told.extend(due.iter().map(|(_, error)| (second, matches!(error, Error::UnknownTopic { .. }))));
        }
        assert_eq!(told, [(5, true), (10, true)]);
        watch.handle_metadata(&topics, &picture(None), clock.at(12_000));
        assert!(watch.poll(clock.at(60_000)).is_empty() && watch.next_deadline().is_none());
    }

    #[test]
    fn what_cannot_come_is_told_at_once() {
        for code in [ErrorCode::InvalidTopic, ErrorCode::TopicAuthorizationFailed] {
            let (clock, mut watch) = (Clock::start(), TopicWatch::default());
            let topics = BTreeSet::from(["clicks".into()]);
            watch.handle_metadata(&topics, &picture(Some(code)), clock.at(0));
            let told = watch.poll(clock.at(0));
            assert_eq!(told[0].1.code(), Some(code));
            assert_eq!(watch.next_deadline(), Some(clock.at(5_000)));
            watch.handle_metadata(&BTreeSet::new(), &picture(Some(code)), clock.at(1));
            assert_eq!(watch.next_deadline(), None, "nobody reads it any more");
        }
    }
}
