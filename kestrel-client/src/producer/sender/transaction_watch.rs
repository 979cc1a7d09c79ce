//! TransactionWatch: what the client's observer is told of a producer's transactions. A machine: no I/O, no clock.
//!
//! Fed by the sender with what its callers ask for, what is stored, and how the transaction stands. Never per record.

use std::time::{Duration, Instant};

use crate::error::Error;

/// The open transaction of a producer, as far as an observer is told of it.
#[derive(Debug, Default)]
pub(super) struct TransactionWatch {
    open: Option<Open>,
    /// Whether it was told that the producer is finished.
    is_over: bool,
}

#[derive(Debug)]
struct Open {
    begun_at: Instant,
    records: usize,
    /// What was asked for last, and when: nothing yet, or its end.
    end: Option<(End, Instant)>,
    /// Why it cannot be committed.
    cause: Option<Error>,
}

/// The end of a transaction that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Abort,
}

/// A transaction that has come to its end.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) records: usize,
    pub(super) took: Duration,
    pub(super) ending: Duration,
    /// Why it was not committed.
    pub(super) cause: Option<Error>,
}

impl TransactionWatch {
    pub(super) fn handle_begun(&mut self, now: Instant) {
        self.open = Some(Open { begun_at: now, records: 0, end: None, cause: None });
    }

    /// So many records are stored.
    pub(super) fn handle_stored(&mut self, records: usize) {
        if let Some(open) = &mut self.open {
            open.records += records;
        }
    }

    /// A caller asks for the end. A commit that was asked for and has not failed stays one.
    pub(super) fn handle_asked(&mut self, end: End, now: Instant) {
        if let Some(open) = &mut self.open
            && (open.end.is_none() || open.cause.is_some())
        {
            open.end = Some((end, now));
        }
    }

    /// It can only be aborted.
    pub(super) fn handle_failed(&mut self, cause: &Error) {
        if let Some(open) = &mut self.open {
            open.cause.get_or_insert_with(|| cause.clone());
        }
    }

    /// Nothing is open any more: gives the transaction that has ended, if there was one.
    pub(super) fn handle_ready(&mut self, now: Instant) -> Option<Ended> {
        let Open { begun_at, records, end, cause } = self.open.take_if(|open| open.end.is_some())?;
        let (end, asked_at) = end?;
        let cause = match end {
            End::Commit => cause,
            End::Abort => Some(cause.unwrap_or(Error::TransactionAborted {})),
        };
        Some(Ended { records, took: since(begun_at, now), ending: since(asked_at, now), cause })
    }

    /// The producer is finished: gives whether that is news, and the transaction that was open.
    pub(super) fn handle_over(&mut self, error: &Error, now: Instant) -> (bool, Option<Ended>) {
        let is_news = !std::mem::replace(&mut self.is_over, true);
        let ended = self.open.take().map(|open| Ended {
            records: open.records,
            took: since(open.begun_at, now),
            ending: open.end.map_or(Duration::ZERO, |(_, asked_at)| since(asked_at, now)),
            cause: Some(error.clone()),
        });
        (is_news, ended)
    }
}

fn since(then: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(then)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_commit_is_told_with_its_records_and_times() {
        let (mut watch, start) = (TransactionWatch::default(), environment::now());
        assert!(watch.handle_ready(start).is_none(), "nothing was begun");
        watch.handle_begun(start);
        assert!(watch.handle_ready(start).is_none(), "nobody has asked for its end");
        watch.handle_stored(7);
        watch.handle_stored(3);
        watch.handle_asked(End::Commit, start + 2 * SECOND);
        // The next `begin` wants what is open to be aborted, and the commit goes on all the same.
        watch.handle_asked(End::Abort, start + 3 * SECOND);
        let ended = watch.handle_ready(start + 5 * SECOND).unwrap();
        assert_eq!((ended.records, ended.took, ended.ending), (10, 5 * SECOND, 3 * SECOND));
        assert!(ended.cause.is_none());
        assert!(watch.handle_ready(start + 6 * SECOND).is_none(), "once");
    }

    #[test]
    fn a_commit_that_fails_is_an_abort_for_its_cause() {
        let (mut watch, start) = (TransactionWatch::default(), environment::now());
        watch.handle_begun(start);
        watch.handle_asked(End::Commit, start);
        watch.handle_failed(&Error::closed("record"));
        watch.handle_failed(&Error::closed("later"));
        watch.handle_asked(End::Abort, start + SECOND);
        let ended = watch.handle_ready(start + 2 * SECOND).unwrap();
        assert!(matches!(ended.cause, Some(Error::Closed { what: "record" })), "{ended:?}");
        assert_eq!(ended.ending, SECOND);
    }

    #[test]
    fn an_abort_without_a_cause_was_wanted() {
        let (mut watch, start) = (TransactionWatch::default(), environment::now());
        watch.handle_begun(start);
        watch.handle_asked(End::Abort, start);
        assert!(matches!(watch.handle_ready(start).unwrap().cause, Some(Error::TransactionAborted {})));
    }

    #[test]
    fn the_end_of_a_producer_is_told_once_and_ends_what_was_open() {
        let (mut watch, start) = (TransactionWatch::default(), environment::now());
        watch.handle_begun(start);
        watch.handle_stored(4);
        let (is_news, ended) = watch.handle_over(&Error::closed("producer"), start + SECOND);
        assert!(is_news);
        assert_eq!(ended.map(|ended| (ended.records, ended.took)), Some((4, SECOND)));
        let (is_news, ended) = watch.handle_over(&Error::closed("producer"), start + SECOND);
        assert!(!is_news && ended.is_none());
    }
}
