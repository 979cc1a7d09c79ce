//! Memory: what a registry has answered, and when it may be asked again. A machine: time is an argument.
//!
//! ```text
//!   recall ──► Known         an answer that is young enough, or that stands in
//!          ──► Failed        the last question failed a moment ago: do not ask yet
//!          ──► Ask ──► the registry ──► learn / fail
//! ```
//!
//! Answers and failures are kept apart, and each kind is bounded: records with made-up ids make as many failures as they like, and
//! push no answer out. Only a registry that says that something is not there takes an answer away; one that cannot be asked
//! properly leaves it standing in.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::{RegistryError, RegistryErrorKind};

/// The most answers that are remembered of one kind of question.
const MAX_ANSWERS: usize = 10_000;
/// The most failures.
const MAX_FAILURES: usize = 1_000;

/// How long a failure that is final keeps the question from being asked again.
const FINAL_FOR: Duration = Duration::from_secs(10);

/// How long the question is not asked again before that: after the first failure, and after many.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a registry may not know what another one of the same cluster has registered: it reads that from a topic.
const LAG: Duration = Duration::from_secs(3);
/// How long a registry that refuses, or something in its place, may be on the way to be mended: a password that is changed at both
/// ends, a proxy that is started.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How old an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaxAge {
    /// What is behind an id never changes: any answer will do, also one of an earlier run.
    Any,
    /// The registry has said it in this run.
    ThisRun,
    /// So old at most.
    Within(Duration),
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Known<V> {
    pub(super) value: V,
    /// When it was asked for; `None` for an answer of an earlier run.
    asked_at: Option<Instant>,
    /// When the registry is to be asked again, if this is an old answer that stands in for it.
    stands_in_until: Option<Instant>,
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) struct NoAnswer {
    pub(super) error: RegistryError,
    /// Whether it stays so, as far as can be told: nobody is to wait for the next answer.
    pub(super) is_final: bool,
}

#[derive(Debug)]
pub(super) struct Memory<K, V> {
    answers: HashMap<K, Answer<V>>,
    failures: HashMap<K, Failure>,
}

#[derive(Debug)]
struct Answer<V> {
    value: V,
    asked_at: Option<Instant>,
}

/// A question that has failed, once or several times in a row for the same reason.
#[derive(Debug)]
struct Failure {
    no_answer: NoAnswer,
    count: u32,
    since: Instant,
    /// Until when it is not asked again.
    until: Instant,
}

impl<K: Eq + Hash + Clone, V: Clone> Memory<K, V> {
    pub(super) fn new() -> Self {
        Self { answers: HashMap::new(), failures: HashMap::new() }
    }

    /// What is known of a key, or that it was asked a moment ago, without success; `None` when it may be asked now.
    pub(super) fn recall(
        &self,
        key: &K,
        max_age: MaxAge,
        now: Instant,
    ) -> Option<Result<Known<V>, NoAnswer>> {
        let answer = self.answers.get(key);
        if let Some(answer) = answer.filter(|answer| answer.is_good(max_age, now)) {
            return Some(Ok(answer.known(None)));
        }
        let failure = self.failures.get(key).filter(|failure| now < failure.until)?;
        let stand_in = answer.filter(|_| may_stand_in(failure.no_answer.error.kind()));
        Some(stand_in.map(|old| old.known(Some(failure.until))).ok_or_else(|| failure.no_answer.clone()))
    }

    /// The registry was asked at `asked_at`, and has answered.
    pub(super) fn learn(&mut self, key: K, value: V, asked_at: Instant) -> Known<V> {
        self.failures.remove(&key);
        let answer = Answer { value, asked_at: Some(asked_at) };
        let known = answer.known(None);
        self.insert(key, answer);
        known
    }

    /// An earlier run has heard this answer.
    pub(super) fn remember(&mut self, key: K, value: V) {
        if !self.answers.contains_key(&key) {
            self.insert(key, Answer { value, asked_at: None });
        }
    }

    /// The registry has not answered, or refused. Gives the answer that stands in for it, if there is one.
    pub(super) fn fail(&mut self, key: K, error: &RegistryError, now: Instant) -> Result<Known<V>, NoAnswer> {
        let before = self.failures.remove(&key);
        let failure = Failure::new(error, before, now);
        if failure.no_answer.is_final && error.is_not_found() {
            self.answers.remove(&key);
        }
        let answer = self.answers.get(&key).filter(|_| may_stand_in(error.kind()));
        let stand_in = answer.map(|old| old.known(Some(failure.until)));
        let no_answer = failure.no_answer.clone();
        self.make_room_for_failure(now);
        self.failures.insert(key, failure);
        stand_in.ok_or(no_answer)
    }

    /// All answers.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&K, &V)> {
        self.answers.iter().map(|(key, answer)| (key, &answer.value))
    }

    fn insert(&mut self, key: K, answer: Answer<V>) {
        if self.answers.len() >= MAX_ANSWERS && !self.answers.contains_key(&key) {
            // Any of them: each can be asked for again.
            let goes = self.answers.keys().next().cloned();
            goes.and_then(|goes| self.answers.remove(&goes));
        }
        self.answers.insert(key, answer);
    }

    fn make_room_for_failure(&mut self, now: Instant) {
        if self.failures.len() >= MAX_FAILURES {
            self.failures.retain(|_, failure| now < failure.until);
        }
        if self.failures.len() >= MAX_FAILURES {
            self.failures.clear();
        }
    }
}

impl<V> Known<V> {
    /// Until when it is good for who wants it no older than `age`: one that stands in is, until the registry is asked again.
    pub(super) fn good_until(&self, age: Duration) -> Option<Instant> {
        self.stands_in_until.or_else(|| self.asked_at?.checked_add(age))
    }
}

impl<V: Clone> Answer<V> {
    fn is_good(&self, max_age: MaxAge, now: Instant) -> bool {
        match max_age {
            MaxAge::Any => true,
            MaxAge::ThisRun => self.asked_at.is_some(),
            MaxAge::Within(age) => {
                self.asked_at.is_some_and(|asked_at| now.saturating_duration_since(asked_at) < age)
            }
        }
    }

    fn known(&self, stands_in_until: Option<Instant>) -> Known<V> {
        Known { value: self.value.clone(), asked_at: self.asked_at, stands_in_until }
    }
}

impl Failure {
    fn new(error: &RegistryError, before: Option<Self>, now: Instant) -> Self {
        let before = before.filter(|before| before.no_answer.error.kind() == error.kind());
        let (count, since) = before.map_or((0, now), |before| (before.count, before.since));
        let is_final = hope(error.kind()).is_some_and(|hope| now.saturating_duration_since(since) >= hope);
        let pause = if is_final { FINAL_FOR } else { pause_after(count) };
        let until = now.checked_add(pause).unwrap_or(now);
        let no_answer = NoAnswer { error: error.clone(), is_final };
        Self { no_answer, count: count.saturating_add(1), since, until }
    }
}

/// How long there is hope that the same question gets an answer; `None` for ever.
const fn hope(kind: RegistryErrorKind) -> Option<Duration> {
    match kind {
        RegistryErrorKind::Unavailable => None,
        RegistryErrorKind::NotFound => Some(LAG),
        RegistryErrorKind::Denied | RegistryErrorKind::Answer => Some(PATIENCE),
        RegistryErrorKind::Incompatible
        | RegistryErrorKind::Invalid
        | RegistryErrorKind::TooIntricate
        | RegistryErrorKind::Config => Some(Duration::ZERO),
    }
}

/// Whether an earlier answer stands in: not where the registry has looked at the question and does not want it any more.
const fn may_stand_in(kind: RegistryErrorKind) -> bool {
    !matches!(
        kind,
        RegistryErrorKind::Incompatible | RegistryErrorKind::Invalid | RegistryErrorKind::TooIntricate
    )
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
