//! The requests of one connection that wait for their answers. A machine: no socket, no clock.
//!
//! The outbox adds what it is about to write, the connection's task takes out what has been answered. A broker answers
//! in the order of the requests, so an answer to any but the oldest one means that the connection is of no further use.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::environment::after;

/// Requests in the order in which they were written; `T` is whoever waits for the answer.
#[derive(Debug)]
pub(crate) struct InFlight<T> {
    waiting: VecDeque<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    correlation_id: i32,
    deadline: Instant,
    reply_to: T,
}

/// An answer that is not to the oldest request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer has correlation id {received}, expected was {expected:?}")]
pub(crate) struct OutOfOrder {
    pub(crate) received: i32,
    pub(crate) expected: Option<i32>,
}

impl<T> InFlight<T> {
    pub(crate) const fn new() -> Self {
        Self { waiting: VecDeque::new() }
    }

    /// A request is about to be written.
    pub(crate) fn push(&mut self, correlation_id: i32, deadline: Instant, reply_to: T) {
        self.waiting.push_back(Waiting { correlation_id, deadline, reply_to });
    }

    /// An answer has come; gives whoever waits for it.
    pub(crate) fn answer(&mut self, correlation_id: i32) -> Result<T, OutOfOrder> {
        match self.waiting.pop_front() {
            Some(oldest) if oldest.correlation_id == correlation_id => Ok(oldest.reply_to),
            Some(oldest) => {
                let expected = Some(oldest.correlation_id);
                self.waiting.push_front(oldest);
                Err(OutOfOrder { received: correlation_id, expected })
            }
            None => Err(OutOfOrder { received: correlation_id, expected: None }),
        }
    }

    /// When the first of the requests will have waited too long.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|request| request.deadline).min()
    }

    /// Whether a request has waited until its deadline or longer.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.waiting.iter().any(|request| request.deadline <= now)
    }

    /// The broker reads nothing for so long: all wait that much longer.
    pub(crate) fn postpone(&mut self, by: Duration) {
        for request in &mut self.waiting {
            request.deadline = after(request.deadline, by);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Ends all waits: gives each waiter, and whether its own deadline has passed.
    pub(crate) fn drain(&mut self, now: Instant) -> impl Iterator<Item = (T, bool)> {
        self.waiting.drain(..).map(move |request| (request.reply_to, request.deadline <= now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_in_the_order_of_the_requests_only() {
        let now = Instant::from(tokio::time::Instant::now());
        let mut in_flight = InFlight::new();
        in_flight.push(1, now, "first");
        in_flight.push(2, now, "second");
        assert_eq!(in_flight.answer(2), Err(OutOfOrder { received: 2, expected: Some(1) }));
        assert_eq!(in_flight.answer(1), Ok("first"));
        assert_eq!(in_flight.answer(2), Ok("second"));
        assert_eq!(in_flight.answer(3), Err(OutOfOrder { received: 3, expected: None }));
    }

    #[test]
    fn the_earliest_deadline_counts_wherever_it_stands() {
        let now = Instant::from(tokio::time::Instant::now());
        let second = Duration::from_secs(1);
        let mut in_flight = InFlight::new();
        in_flight.push(1, now + 9 * second, "patient");
        in_flight.push(2, now + second, "hasty");
        assert_eq!(in_flight.next_deadline(), Some(now + second));
        assert!(!in_flight.is_overdue(now));
        assert!(in_flight.is_overdue(now + second));
        in_flight.postpone(second);
        assert!(!in_flight.is_overdue(now + second));
        assert_eq!(in_flight.next_deadline(), Some(now + 2 * second));
        let ended: Vec<_> = in_flight.drain(now + 2 * second).collect();
        assert_eq!(ended, [("patient", false), ("hasty", true)]);
    }
}
