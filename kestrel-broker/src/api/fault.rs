//! Faults on demand: the n-th request of an API gets an error, a late answer, or a dropped connection.
//!
//! Rules are made by the user of an embedded broker, who wants to see his own client survive them; the layer asks for the
//! rule that fits each request. Without rules it costs one relaxed load per request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kestrel_protocol::{ApiKey, ErrorCode};
use parking_lot::Mutex;
use tokio::time::{Sleep, sleep_until};
use tower::Service;

use super::{AnswerFrame, Call, Close};
use crate::clock::after;

/// The faults of a broker: rules that say which requests go wrong, and how.
///
/// A handle: clones share their rules. Rules may be added and removed while the broker serves; each applies to the
/// requests that come after it was made, on all connections together.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_broker::{ApiKey, Broker, ErrorCode};
///
/// let broker = Broker::test().await?;
/// // The second Produce request from now is refused, the answer to the next one gets lost after the append.
/// broker.faults().on(ApiKey::Produce).nth(2).answer(ErrorCode::NotLeaderOrFollower);
/// broker.faults().on(ApiKey::Produce).nth(3).lose_answer();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    /// How many rules there are: read without the lock.
    count: AtomicUsize,
}

/// A rule on its way: which requests it is for. Does nothing until its effect is named.
#[derive(Debug)]
#[must_use = "a rule needs an effect: answer, delay, drop_connection or lose_answer"]
pub struct FaultRule<'a> {
    faults: &'a Faults,
    api: ApiKey,
    skip: usize,
    times: usize,
}

#[derive(Debug)]
struct Rule {
    api: ApiKey,
    skip: usize,
    times: usize,
    effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Answer(ErrorCode),
    Delay(Duration),
    DropConnection,
    LoseAnswer,
}

impl Faults {
    /// No rules: every request is served.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a rule for requests of `api`; by itself for the next one only.
    pub const fn on(&self, api: ApiKey) -> FaultRule<'_> {
        FaultRule { faults: self, api, skip: 0, times: 1 }
    }

    /// Removes all rules.
    pub fn clear(&self) {
        let mut rules = self.0.rules.lock();
        rules.clear();
        self.0.count.store(0, Ordering::Relaxed);
    }

    fn add(&self, rule: Rule) {
        let mut rules = self.0.rules.lock();
        rules.push(rule);
        self.0.count.store(rules.len(), Ordering::Relaxed);
    }

    /// The effect of the first rule whose turn this request of `api` is. Every rule of the API counts the request.
    fn effect(&self, api: ApiKey) -> Option<Effect> {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut rules = self.0.rules.lock();
        let mut effect = None;
        for rule in rules.iter_mut().filter(|rule| rule.api == api) {
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if effect.is_none() {
                effect = Some(rule.effect);
                rule.times -= 1;
            }
        }
        rules.retain(|rule| rule.times > 0);
        self.0.count.store(rules.len(), Ordering::Relaxed);
        effect
    }
}

impl FaultRule<'_> {
    /// Lets the first `n - 1` requests of the API pass: 1 is the next one. 0 counts as 1.
    pub const fn nth(mut self, n: usize) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// Applies to this many requests, one after the other, instead of one. 0 makes a rule without effect.
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// The request is not carried out; everything that it asked for fails with `error`.
    pub fn answer(self, error: ErrorCode) {
        self.have(Effect::Answer(error));
    }

    /// The request is carried out; its answer, and those behind it on the connection, leave no earlier than `delay`
    /// after it came.
    pub fn delay(self, delay: Duration) {
        self.have(Effect::Delay(delay));
    }

    /// The request is not carried out; the connection is closed.
    pub fn drop_connection(self) {
        self.have(Effect::DropConnection);
    }

    /// The request is carried out; the connection is closed instead of the answer being sent.
    pub fn lose_answer(self) {
        self.have(Effect::LoseAnswer);
    }

    fn have(self, effect: Effect) {
        if self.times > 0 {
            self.faults.add(Rule { api: self.api, skip: self.skip, times: self.times, effect });
        }
    }
}

/// The layer: a service that lets the rules decide before the one below it.
#[derive(Debug, Clone)]
pub(crate) struct FaultInjection<S> {
    faults: Faults,
    inner: S,
}

impl<S> FaultInjection<S> {
    pub(super) const fn new(faults: Faults, inner: S) -> Self {
        Self { faults, inner }
    }
}

impl<S> Service<Call> for FaultInjection<S>
where
    S: Service<Call, Response = AnswerFrame, Error = Close>,
    S::Future: Unpin,
{
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Injected<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match self.faults.effect(call.api.key) {
            None => Injected::Nothing(self.inner.call(call)),
            Some(Effect::Answer(error)) => {
                Injected::Instead(Some((call.api.refuse)(&call.frame, error, Duration::ZERO)))
            }
            Some(Effect::Delay(delay)) => {
                let until = after(call.context.received_at, delay).into();
                Injected::Late(self.inner.call(call), Box::pin(sleep_until(until)))
            }
            Some(Effect::DropConnection) => Injected::Instead(Some(Err(Close::Fault))),
            Some(Effect::LoseAnswer) => Injected::Lost(self.inner.call(call)),
        }
    }
}

/// The reply of [`FaultInjection`].
#[derive(Debug)]
pub(crate) enum Injected<F> {
    /// As the service below answers.
    Nothing(F),
    /// Something else than the service below would answer.
    Instead(Option<Result<AnswerFrame, Close>>),
    /// As the service below answers, but not before a time.
    Late(F, Pin<Box<Sleep>>),
    /// The end of the connection when the service below answers.
    Lost(F),
}

impl<F: Future<Output = Result<AnswerFrame, Close>> + Unpin> Future for Injected<F> {
    type Output = Result<AnswerFrame, Close>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Nothing(reply) => Pin::new(reply).poll(cx),
            Self::Instead(answer) => {
                Poll::Ready(answer.take().expect("a reply is polled until it is ready, not again"))
            }
            Self::Late(reply, timer) => {
                ready!(timer.as_mut().poll(cx));
                Pin::new(reply).poll(cx)
            }
            Self::Lost(reply) => {
                let _ = ready!(Pin::new(reply).poll(cx));
                Poll::Ready(Err(Close::Fault))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCE: ApiKey = ApiKey::Produce;

    #[test]
    fn a_rule_is_for_the_nth_request_of_its_api() {
        let faults = Faults::new();
        assert_eq!(faults.effect(PRODUCE), None);
        faults.on(ApiKey::Produce).nth(2).times(2).answer(ErrorCode::NotLeaderOrFollower);
        assert_eq!(faults.effect(PRODUCE), None);
        assert_eq!(faults.effect(ApiKey::Fetch), None);
        let refused = Some(Effect::Answer(ErrorCode::NotLeaderOrFollower));
        assert_eq!([(); 3].map(|()| faults.effect(PRODUCE)), [refused, refused, None]);
        assert!(faults.0.rules.lock().is_empty());
    }

    #[test]
    fn rules_of_one_api_count_the_same_requests() {
        let faults = Faults::new();
        faults.on(ApiKey::Produce).nth(1).drop_connection();
        faults.on(ApiKey::Produce).nth(2).lose_answer();
        faults.on(ApiKey::Produce).times(0).lose_answer();
        assert_eq!(faults.clone().effect(PRODUCE), Some(Effect::DropConnection));
        assert_eq!(faults.effect(PRODUCE), Some(Effect::LoseAnswer));
        faults.on(ApiKey::Produce).delay(Duration::from_secs(1));
        faults.clear();
        assert_eq!(faults.effect(PRODUCE), None);
    }
}
