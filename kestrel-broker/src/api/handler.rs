//! The contract of a handler, and what is around each: decoding, versions that are not served, encoding.

use std::future::Future;
use std::sync::Arc;

use kestrel_protocol::{ErrorCode, RequestFrame};

use super::{Account, Answer, AnswerFrame, Call, Close, Reply, RequestContext, State};

/// A request that this broker answers.
///
/// Handlers never fail: what goes wrong is an error code in the response.
pub(crate) trait Handler: kestrel_protocol::Request {
    /// Carries the request out.
    ///
    /// What happens before the future is given happens in the order of the connection, ahead of the next request: a handler
    /// whose effect is part of that order (Produce, what members of a group say) has it there and only waits in the future.
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

/// Decodes the body, runs the handler, encodes its answer.
pub(super) fn serve<R: Handler>(state: &Arc<State>, call: Call) -> Reply {
    let Call { frame, mut context, .. } = call;
    let (version, correlation_id) = (context.version, frame.header.correlation_id);
    let request = match decode::<R>(&frame) {
        Ok(request) => request,
        Err(close) => {
            let unsupported = matches!(close, Close::UnsupportedVersion { .. });
            let response = R::unsupported_version().filter(|_| unsupported);
            let answer = response.map_or(Answer::Close(close), Answer::from);
            return Reply::now(answer.encode::<R>(0, correlation_id));
        }
    };
    // From here on nothing but the request holds the frame, so that its buffer can be read into again.
    drop(frame);
    let account = Account::of(&context, state);
    context.account = account.clone();
    let answer = account.work(|| request.handle(context, Arc::clone(state)));
    Reply::later(async move {
        let answer = account.work_on(answer).await.into();
        answer.held_back(account.charge_work()).encode::<R>(version, correlation_id)
    })
}

/// The answer in which everything that the request asks for fails with `error`.
pub(super) fn refuse<R: Handler>(frame: &RequestFrame, error: ErrorCode) -> Result<AnswerFrame, Close> {
    let response = decode::<R>(frame)?.refusal(error);
    Answer::from(response).encode::<R>(frame.header.api_version, frame.header.correlation_id)
}

fn decode<R: Handler>(frame: &RequestFrame) -> Result<R, Close> {
    let version = frame.header.api_version;
    if !R::VERSIONS.contains(&version) {
        return Err(Close::UnsupportedVersion { api: R::KEY, version });
    }
    Ok(frame.decode::<R>()?)
}
