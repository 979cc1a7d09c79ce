//! The layers that a request passes, put together, and the router at their end.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::limit::ConcurrencyLimit;
use tower::{Service, ServiceBuilder};

use super::admission::Admission;
use super::authorization::Authorization;
use super::fault::FaultInjection;
use super::observe::Observe;
use super::turn::Turns;
use super::{AnswerFrame, Call, Close, Faults, Intake, Reply, Request, Session, State};

/// How many requests of one connection are in flight at most; while there are more, none is read from it.
const MAX_IN_FLIGHT_REQUESTS: usize = 64;

/// A pipeline as its connection sees it.
pub(crate) trait Pipeline: Service<Request, Response = AnswerFrame, Error = Close> {
    /// What the connection may read next. May change with each call.
    fn intake(&self) -> Intake;
}

/// The pipeline of one connection.
pub(crate) type Layers = ConcurrencyLimit<Admission<Observe<Authorization<FaultInjection<Router>>>>>;

impl Pipeline for Layers {
    fn intake(&self) -> Intake {
        self.get_ref().intake()
    }
}

/// Puts the layers around a router, for one connection.
pub(crate) fn pipeline(state: &Arc<State>, faults: &Faults, session: Session) -> Layers {
    let router = Router { state: Arc::clone(state), turns: Turns::default() };
    let faulty = FaultInjection::new(faults.clone(), router);
    let authorized = Authorization::new(Arc::clone(state), faulty);
    let observed = Observe::new(Arc::clone(state), authorized);
    let admission = Admission::new(session, state.clock.clone(), observed);
    ServiceBuilder::new().concurrency_limit(MAX_IN_FLIGHT_REQUESTS).service(admission)
}

/// Sends each request to the handler of its row, and takes none as long as one before it is at its turn.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    state: Arc<State>,
    turns: Turns,
}

impl Service<Call> for Router {
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Reply;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        self.turns.poll_next(cx).map(Ok)
    }

    fn call(&mut self, mut call: Call) -> Reply {
        if let Some(reply) = call.answered.take() {
            return reply;
        }
        let reply = (call.api.serve)(&self.state, call);
        self.turns.note(&reply);
        reply
    }
}
