//! The layer that gives each request its access, and refuses those whose need of the cluster is not met.
//!
//! Needs of topics, groups and transactional ids follow from the body: handlers ask for them.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::Either;
use kestrel_protocol::ErrorCode;
use tower::Service;

use super::{Access, Account, AnswerFrame, Call, Close, State};

/// The service of this layer. Without an authorizer it passes requests on as they are.
#[derive(Debug, Clone)]
pub(crate) struct Authorization<S> {
    state: Arc<State>,
    inner: S,
}

impl<S> Authorization<S> {
    pub(super) const fn new(state: Arc<State>, inner: S) -> Self {
        Self { state, inner }
    }

    /// Gives the request its access; what it gets instead of its handler's answer, if the cluster is closed to its sender.
    fn refused(&self, call: &mut Call) -> Option<Result<AnswerFrame, Close>> {
        let State { config, cluster, audit, .. } = &*self.state;
        let authorizer = config.authorizer.as_ref()?;
        let access = Access::by_acls(authorizer, cluster.image().acls(), audit, &call.context, call.api.key);
        let checked = call.api.cluster_need.map_or(Ok(()), |operation| access.check_cluster(operation));
        call.context.access = access;
        checked.err().map(|error| self.refuse(call, error))
    }

    /// The refusal, which costs its sender as any other answer does.
    fn refuse(&self, call: &Call, error: ErrorCode) -> Result<AnswerFrame, Close> {
        let account = Account::of(&call.context, &self.state);
        let refuse = |throttle| (call.api.refuse)(&call.frame, error, throttle);
        let refused = account.work(|| refuse(Duration::ZERO));
        match account.charge_work() {
            Duration::ZERO => refused,
            throttle => refuse(throttle),
        }
    }
}

impl<S> Service<Call> for Authorization<S>
where
    S: Service<Call, Response = AnswerFrame, Error = Close>,
    S::Future: Unpin,
{
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Either<S::Future, Ready<Result<AnswerFrame, Close>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: Call) -> Self::Future {
        match self.refused(&mut call) {
            None => Either::Left(self.inner.call(call)),
            Some(answer) => Either::Right(ready(answer)),
        }
    }
}

#[cfg(test)]
mod tests;
