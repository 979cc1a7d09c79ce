//! Answers: one kind of question to a registry, asked once for all that wait for the answer.
//!
//! The shell around [`Memory`]: it reads the clock, and shares the question that is under way. Whoever stops waiting drops his
//! share; with the last one the question itself is dropped and forgotten, and the next one asks anew.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

use super::RegistryError;
use super::clock::Clock;
use super::memory::{Known, MaxAge, Memory, NoAnswer};

/// A request to the registry.
type Request<V> = BoxFuture<'static, Result<V, RegistryError>>;

/// What comes of it.
type Answer<V> = Result<Known<V>, NoAnswer>;

/// A question that is under way, shared by all that wait for its answer.
type UnderWay<V> = BoxFuture<'static, Answer<V>>;

/// What came of looking for an answer.
pub(super) enum Found<V: Clone> {
    /// It is known already, or known that there is none.
    Now(Answer<V>),
    /// It has to be waited for.
    Later(Shared<UnderWay<V>>),
}

impl<V: Clone> Found<V> {
    /// Waits for the answer.
    pub(super) async fn get(self) -> Answer<V> {
        match self {
            Self::Now(answer) => answer,
            Self::Later(question) => question.await,
        }
    }
}

/// Answers to questions of one kind, by what is asked for. Clones share them.
#[derive(Clone)]
pub(super) struct Answers<K, V: Clone> {
    state: Arc<Mutex<State<K, V>>>,
    clock: Clock,
}

struct State<K, V: Clone> {
    memory: Memory<K, V>,
    /// With the number of each.
    under_way: HashMap<K, (u64, WeakShared<UnderWay<V>>)>,
    asked: u64,
}

impl<K, V> Answers<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(clock: Clock) -> Self {
        let state = State { memory: Memory::new(), under_way: HashMap::new(), asked: 0 };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// The answer if it is known. Nothing is asked.
    pub(super) fn known(&self, key: &K, max_age: MaxAge) -> Option<Answer<V>> {
        self.state.lock().memory.recall(key, max_age, self.clock.now())
    }

    /// The answer, or the question that will bring it: the one that is under way, or else the one that `ask` makes.
    pub(super) fn find(&self, key: &K, max_age: MaxAge, ask: impl FnOnce() -> Request<V>) -> Found<V> {
        let mut state = self.state.lock();
        if let Some(answer) = state.memory.recall(key, max_age, self.clock.now()) {
            return Found::Now(answer);
        }
        if let Some(question) = state.under_way.get(key).and_then(|(_, question)| question.upgrade()) {
            return Found::Later(question);
        }
        state.asked += 1;
        let asking = Asking { answers: self.clone(), key: key.clone(), number: state.asked };
        let question = asking.answer(ask()).boxed().shared();
        if let Some(weak) = question.downgrade() {
            let number = state.asked;
            state.under_way.insert(key.clone(), (number, weak));
        }
        Found::Later(question)
    }

    /// Takes in what an earlier run has heard.
    pub(super) fn remember(&self, key: K, value: V) {
        self.state.lock().memory.remember(key, value);
    }

    /// Gives each answer to `each`.
    pub(super) fn for_each(&self, mut each: impl FnMut(&K, &V)) {
        self.state.lock().memory.answers().for_each(|(key, value)| each(key, value));
    }

    #[cfg(test)]
    pub(super) fn under_way(&self) -> usize {
        self.state.lock().under_way.len()
    }
}

/// A question while it is under way. However it ends, it is forgotten.
struct Asking<K: Eq + Hash, V: Clone> {
    answers: Answers<K, V>,
    key: K,
    number: u64,
}

impl<K, V> Asking<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    async fn answer(self, question: Request<V>) -> Answer<V> {
        let clock = &self.answers.clock;
        let asked_at = clock.now();
        let answer = question.await;
        let memory = &mut self.answers.state.lock().memory;
        match answer {
            Ok(value) => Ok(memory.learn(self.key.clone(), value, asked_at)),
            Err(error) => memory.fail(self.key.clone(), &error, clock.now()),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Drop for Asking<K, V> {
    fn drop(&mut self) {
        let mut state = self.answers.state.lock();
        // Between the end of the last share and this, somebody may have asked anew.
        let number: Option<u64> = state.under_way.get(&self.key).map(|(number, _)| *number);
        if number == Some(self.number) {
            state.under_way.remove(&self.key);
        }
    }
}
