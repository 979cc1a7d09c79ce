//! Complaints: limits how often the same failure is logged: once by name, and again every half minute. A machine: no clock.
//!
//! Kept by the producer's dispatcher and the metadata's refresher, whose shells log what it gives. A cause that comes a
//! thousand times a second, or for a thousand partitions, is one line.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::error::Error;

/// How long a cause stays out of the log after it was logged.
const SILENCE: Duration = Duration::from_secs(30);
/// How many causes are remembered; more than that are not logged.
const MAX_CAUSES: usize = 256;

/// The causes that were logged, with their times, and the errors that are still to be logged.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    said_at: HashMap<Box<str>, Instant>,
    unsaid: VecDeque<Error>,
}

impl Complaints {
    /// Queues `error` for the log unless its cause was logged within [`SILENCE`].
    pub(crate) fn note(&mut self, error: &Error, now: Instant) {
        let cause = cause(error);
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < SILENCE;
        if self.said_at.get(&*cause).is_some_and(is_recent) {
            return;
        }
        if self.said_at.len() >= MAX_CAUSES {
            self.said_at.retain(|_, at| is_recent(at));
        }
        if self.said_at.len() < MAX_CAUSES {
            self.said_at.insert(cause, now);
            self.unsaid.push_back(error.clone());
        }
    }

    /// The next error to log, if there is one.
    pub(crate) fn poll(&mut self) -> Option<Error> {
        self.unsaid.pop_front()
    }
}

/// The text that identifies a cause: refusals of many partitions of a topic are one cause.
fn cause(error: &Error) -> Box<str> {
    match error {
        Error::Broker(refusal) => {
            let topic = refusal.topic.as_deref().unwrap_or_default();
            format!("{} {} {topic}", refusal.api, refusal.code).into()
        }
        error => format!("{error:#}").into(),
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::{ApiKey, ErrorCode};

    use super::*;
    use crate::error::BrokerError;

    fn refused(topic: &str, partition: i32) -> Error {
        BrokerError::new(ApiKey::Produce, ErrorCode::NotEnoughReplicas)
            .topic(topic)
            .partition(partition)
            .into()
    }

    #[test]
    fn a_cause_is_said_once_and_again_after_a_while() {
        let (mut complaints, now) = (Complaints::default(), crate::environment::now());
        for partition in 0..1000 {
            complaints.note(&refused("a", partition), now);
        }
        complaints.note(&refused("b", 0), now);
        assert_eq!(
            (complaints.unsaid.len(), complaints.poll().unwrap().code()),
            (2, Some(ErrorCode::NotEnoughReplicas))
        );
        complaints.note(&refused("a", 0), now + SILENCE / 2);
        assert_eq!(complaints.unsaid.len(), 1);
        complaints.note(&refused("a", 0), now + SILENCE);
        assert_eq!(complaints.unsaid.len(), 2);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let (mut complaints, now) = (Complaints::default(), crate::environment::now());
        for topic in 0..10_000 {
            complaints.note(&refused(&topic.to_string(), 0), now);
        }
        assert_eq!((complaints.said_at.len(), complaints.unsaid.len()), (MAX_CAUSES, MAX_CAUSES));
        complaints.note(&refused("later", 0), now + SILENCE);
        assert_eq!(complaints.said_at.len(), 1);
    }
}
