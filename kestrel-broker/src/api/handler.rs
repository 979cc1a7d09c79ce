//! The contract of a handler, and what is around each: decoding, versions that are not served, encoding.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kestrel_protocol::{ErrorCode, Request, RequestFrame};

use super::turn::take_turn;
use super::{Account, Answer, AnswerFrame, Call, Close, Reply, RequestContext, State};

/// A request that this broker answers.
///
/// Handlers never fail: what goes wrong is an error code in the response.
pub(crate) trait Handler: Request {
    /// Carries the request out.
    ///
    /// What happens before the future is given happens in the order of the connection, ahead of the next request: a handler
    /// whose effect is part of that order (Produce, what members of a group say) has it there and only waits in the future; one
    /// whose effect has to wait as well is a [`HeldHandler`].
    /// The futures of one connection are polled one after the other, each when the answers before its own have left, so that an
    /// `async fn` begins as late as that.
    fn handle(
        self,
        context: RequestContext,
        state: Arc<State>,
    ) -> impl Future<Output: Into<Answer<Self::Response>>> + Send + 'static;

    /// The answer in which everything that was asked for fails with `error`.
    fn refusal(&self, error: ErrorCode) -> Self::Response;

    /// The answer, in the layout of version 0, to a version that is not served; `None` closes the connection.
    fn unsupported_version() -> Option<Self::Response> {
        None
    }
}

/// A request whose effect may have to wait for something, such as the coordinator of its transaction.
///
/// Until the effect has happened, the connection takes no further request (see [`Turn`](super::Turn)).
pub(crate) trait HeldHandler: Handler {
    /// The outcome of what is waited for.
    type Awaited: Send + 'static;

    /// What has to be waited for before the request can be carried out; none for most, which cost nothing then.
    fn wait_first(
        &self,
        context: &RequestContext,
        state: &Arc<State>,
    ) -> Option<BoxFuture<'static, Self::Awaited>>;

    /// As [`Handler::handle`], when it has come.
    fn handle_after(
        self,
        awaited: Self::Awaited,
        context: RequestContext,
        state: Arc<State>,
    ) -> impl Future<Output: Into<Answer<Self::Response>>> + Send + 'static;
}

/// A request that was decoded, on its way to its handler.
struct Opened<R> {
    request: R,
    context: RequestContext,
    correlation_id: i32,
}

impl<R: Handler> Opened<R> {
    /// Decodes the body; gives the answer where it cannot be.
    fn new(state: &Arc<State>, call: Call) -> Result<Self, Reply> {
        let Call { frame, mut context, .. } = call;
        let correlation_id = frame.header.correlation_id;
        let request = decode::<R>(&frame).map_err(|close| {
            let unsupported = matches!(close, Close::UnsupportedVersion { .. });
            let response = R::unsupported_version().filter(|_| unsupported);
            let answer = response.map_or(Answer::Close(close), Answer::from);
            Reply::now(answer.encode::<R>(0, correlation_id))
        })?;
        // From here on nothing but the request holds the frame, so that its buffer can be read into again.
        drop(frame);
        context.account = Account::of(&context, state);
        Ok(Self { request, context, correlation_id })
    }
}

/// Decodes the body, runs the handler, encodes its answer.
pub(super) fn serve<R: Handler>(state: &Arc<State>, call: Call) -> Reply {
    match Opened::<R>::new(state, call) {
        Ok(opened) => serve_at_once(opened, state),
        Err(reply) => reply,
    }
}

/// As [`serve`], when what the request has to wait for has come.
pub(super) fn serve_in_turn<R: HeldHandler>(state: &Arc<State>, call: Call) -> Reply {
    let opened = match Opened::<R>::new(state, call) {
        Ok(opened) => opened,
        Err(reply) => return reply,
    };
    let account = opened.context.account.clone();
    let Some(first) = account.work(|| opened.request.wait_first(&opened.context, state)) else {
        return serve_at_once(opened, state);
    };
    let Opened { request, context, correlation_id } = opened;
    let (version, state) = (context.version, Arc::clone(state));
    #[expect(
        clippy::async_yields_async,
        reason = "the turn is over with the effect, before the future that only waits"
    )]
    let effect = async move {
        let awaited = first.await;
        let account = context.account.clone();
        account.work(|| request.handle_after(awaited, context, state)).boxed()
    };
    let (turn, handled) = take_turn(effect);
    Reply::held(turn, async move { finish::<R>(handled.await, account, version, correlation_id).await })
}

fn serve_at_once<R: Handler>(opened: Opened<R>, state: &Arc<State>) -> Reply {
    let Opened { request, context, correlation_id } = opened;
    let (version, account) = (context.version, context.account.clone());
    let answer = account.work(|| request.handle(context, Arc::clone(state)));
    Reply::later(finish::<R>(answer, account, version, correlation_id))
}

/// Waits for the answer, charges the work for it, encodes it.
async fn finish<R: Handler>(
    answer: impl Future<Output: Into<Answer<R::Response>>>,
    account: Account,
    version: i16,
    correlation_id: i32,
) -> Result<AnswerFrame, Close> {
    let answer = account.work_on(answer).await.into();
    answer.held_back(account.charge_work()).encode::<R>(version, correlation_id)
}

/// The answer in which everything that the request asks for fails with `error`, and its sender is held back for a while.
pub(super) fn refuse<R: Handler>(
    frame: &RequestFrame,
    error: ErrorCode,
    throttle: Duration,
) -> Result<AnswerFrame, Close> {
    let answer = Answer::from(decode::<R>(frame)?.refusal(error)).held_back(throttle);
    answer.encode::<R>(frame.header.api_version, frame.header.correlation_id)
}

pub(super) fn decode<R: Request>(frame: &RequestFrame) -> Result<R, Close> {
    let version = frame.header.api_version;
    if !R::VERSIONS.contains(&version) {
        return Err(Close::UnsupportedVersion { api: R::KEY, version });
    }
    Ok(frame.decode::<R>()?)
}
