//! Problems: what is wrong with a whole group, on its way to the caller and to the log.
//!
//! Part of the [`Engine`](super::Engine). An application that does not ask for records makes it no larger.

use std::collections::{HashSet, VecDeque};

use crate::error::Error;

/// The most problems that wait for the caller: later ones are only logged.
const MAX_PROBLEMS: usize = 16;

/// The problems of one group.
#[derive(Debug, Default)]
pub(super) struct Problems {
    waiting: VecDeque<Error>,
    /// Texts that the log has.
    logged: HashSet<String>,
}

impl Problems {
    /// Keeps a problem for the caller, instead of an older one that says the same.
    pub(super) fn push(&mut self, problem: Error) {
        self.waiting.retain(|known| !is_same_problem(known, &problem));
        if self.waiting.len() < MAX_PROBLEMS {
            self.waiting.push_back(problem);
        }
    }

    /// Keeps a problem for the caller, whatever waits already.
    pub(super) fn push_last(&mut self, problem: Error) {
        self.waiting.push_back(problem);
    }

    /// Takes out the problem that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Error> {
        self.waiting.pop_front()
    }

    /// Whether the log does not have this problem yet. It has by then.
    pub(super) fn is_news(&mut self, problem: &Error) -> bool {
        if self.logged.len() >= MAX_PROBLEMS {
            self.logged.clear();
        }
        self.logged.insert(problem.to_string())
    }

    /// Lets the log have all problems again.
    pub(super) fn forget_logged(&mut self) {
        self.logged.clear();
    }
}

/// Whether two problems are the same one, reported at different times.
fn is_same_problem(known: &Error, new: &Error) -> bool {
    match (known, new) {
        (Error::Stalled(known), Error::Stalled(new)) => {
            (&known.topic, known.partition) == (&new.topic, new.partition)
        }
        _ => known.to_string() == new.to_string(),
    }
}
