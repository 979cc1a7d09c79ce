//! The first layer: finds the row of a request in the table of APIs and who it is from, or closes the connection.
//!
//! Below it everything knows both: metrics, audit, faults, authorization and quotas are layers over [`Call`]. The login of a
//! client is the session's; its answers go the way of all others.

use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::Either;
use tokio::time::sleep_until;
use tower::Service;

use super::request::Content;
use super::session::{Moment, Refused, Verdict};
use super::{
    Access, Account, AnswerFrame, Call, Close, Intake, Principal, Reply, Request, RequestContext, Session,
    table,
};
use crate::clock::{Clock, after};
use crate::telemetry::Software;

/// How many bytes of a frame say its length.
const FRAME_LENGTH_BYTES: usize = 4;

/// The service of this layer, for one connection.
#[derive(Debug)]
pub(crate) struct Admission<S> {
    session: Session,
    clock: Clock,
    software: Software,
    inner: S,
}

impl<S> Admission<S> {
    pub(super) fn new(session: Session, clock: Clock, inner: S) -> Self {
        Self { session, clock, software: Software::default(), inner }
    }

    /// What the connection may read next.
    pub(super) fn intake(&self) -> Intake {
        self.session.intake()
    }

    /// The call that a request makes; without one, the answer that needs no further layer.
    fn admit(&mut self, request: Request) -> Result<Call, Reply> {
        let Request { content, size_bytes, origin, file_run_min_bytes, client_id, received_at } = request;
        let at = Moment { now: received_at, wall: &|| self.clock.wall() };
        let frame = match content {
            Content::Request(frame) => frame,
            Content::Token(token) => {
                let answer = self.session.handle_token(token.expose(), at);
                return Err(
                    answer.map_or_else(|refused| late(refused, at.now), |frame| Reply::now(Ok(frame)))
                );
            }
        };
        let api = table::find(frame.header.api_key);
        let api = api.map_err(|close| late(self.session.refuse(close), at.now))?;
        let (principal, answered) = match self.session.handle_request(&frame, at) {
            Ok(Verdict::Serve(principal)) => (principal, None),
            Ok(Verdict::Answer(answer)) => (Principal::ANONYMOUS, Some(Reply::now(Ok(answer)))),
            // What belongs to a login is counted and shown like all requests. Nothing else of a stranger goes further.
            Err(refused) if api.is_of_login() => (Principal::ANONYMOUS, Some(late(refused, at.now))),
            Err(refused) => return Err(late(refused, at.now)),
        };
        let version = frame.header.api_version;
        let account = Account::default();
        let context = RequestContext {
            version,
            client_id,
            principal,
            access: Access::OPEN,
            software: self.software.clone(),
            origin,
            file_run_min_bytes,
            size_bytes: size_bytes.saturating_sub(FRAME_LENGTH_BYTES),
            account,
            received_at,
        };
        Ok(Call { api, frame, size_bytes, context, answered })
    }
}

/// The last answer to a client that is refused, after it has waited.
fn late(refused: Refused, now: Instant) -> Reply {
    let Refused { answer, delay, close } = refused;
    let answer = answer.map(|frame| *frame).ok_or(close);
    if delay.is_zero() {
        return Reply::now(answer);
    }
    let until = after(now, delay).into();
    Reply::later(async move {
        sleep_until(until).await;
        answer
    })
}

impl<S> Service<Request> for Admission<S>
where
    S: Service<Call, Response = AnswerFrame, Error = Close>,
    S::Future: Unpin,
{
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Either<S::Future, Reply>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        match self.session.end() {
            Some(close) => Poll::Ready(Err(close.clone())),
            None => self.inner.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.admit(request) {
            Ok(call) => Either::Left(self.inner.call(call)),
            Err(reply) => Either::Right(reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use bytes::Bytes;
    use futures::FutureExt;
    use kestrel_protocol::{ApiKey, RequestFrame, RequestHeader};
    use tower::service_fn;

    use super::super::{ListenerId, Origin};
    use super::*;

    fn request(api_key: i16) -> Request {
        let header = RequestHeader { api_key, api_version: 0, correlation_id: 1, client_id: None };
        Request {
            content: Content::Request(RequestFrame { header, body: Bytes::new() }),
            size_bytes: 14,
            origin: Origin { peer: ([127, 0, 0, 1], 9).into(), listener: ListenerId(0) },
            file_run_min_bytes: 0,
            client_id: "tester".into(),
            received_at: Clock::System.now(),
        }
    }

    /// The calls that come through for a request, as API, client and principal; or why there is none.
    fn admitted(session: Session, api_key: i16) -> Result<String, Close> {
        let mut seen = None;
        let inner = service_fn(|call: Call| {
            let RequestContext { client_id, principal, .. } = call.context;
            seen = Some(format!("{} {client_id} {principal}", call.api.key));
            ready(Ok(AnswerFrame::default()))
        });
        let reply = Admission::new(session, Clock::System, inner).call(request(api_key));
        reply.now_or_never().expect("there is nothing to wait for")?;
        Ok(seen.expect("a call"))
    }

    #[test]
    fn a_request_gets_its_row_and_its_principal() {
        let alice = || Session::Named(Principal::user("alice"));
        assert_eq!(admitted(alice(), ApiKey::Metadata.key()).unwrap(), "Metadata tester User:alice");
        assert_eq!(admitted(alice(), 999).unwrap_err(), Close::UnknownApi(999));
    }

    /// An API that is not there is no way around the count of failed logins and their delay.
    #[tokio::test(start_paused = true)]
    async fn a_stranger_who_asks_for_nothing_that_there_is_waits_as_any_other() {
        let login = crate::api::session::tests::login(&[]);
        let session = Session::begin(Some(std::sync::Arc::clone(&login)), None, Clock::System.now());
        let inner = service_fn(|_: Call| ready(Ok(AnswerFrame::default())));
        let mut admission = Admission::new(session, Clock::System, inner);
        let before = Clock::System.now();
        assert_eq!(admission.call(request(999)).await.unwrap_err(), Close::UnknownApi(999));
        assert_eq!(Clock::System.now() - before, std::time::Duration::from_millis(100));
        assert_eq!(login.failed_logins(), 1);
        assert!(admission.session.end().is_some(), "it is over");
    }
}
