//! The first layer: finds the row of a request in the table of APIs and who it is from, or closes the connection.
//!
//! Below it everything knows both: metrics, audit, faults and, when they come, authorization and quotas are layers over [`Call`].

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures::future::Either;
use tower::Service;

use super::{Access, Account, AnswerFrame, Call, Close, Request, RequestContext, Session, table};

/// The service of this layer, for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Admission<S> {
    session: Session,
    inner: S,
}

impl<S> Admission<S> {
    pub(super) const fn new(session: Session, inner: S) -> Self {
        Self { session, inner }
    }

    fn admit(&self, request: Request) -> Result<Call, Close> {
        let Request { frame, size_bytes, origin, file_run_min_bytes, client_id, received_at } = request;
        let api = table::find(frame.header.api_key)?;
        let principal = self.session.principal(api.key)?;
        let version = frame.header.api_version;
        let account = Account::default();
        let context = RequestContext {
            version,
            client_id,
            principal,
            access: Access::OPEN,
            origin,
            file_run_min_bytes,
            size_bytes,
            account,
            received_at,
        };
        Ok(Call { api, frame, size_bytes, context })
    }
}

impl<S> Service<Request> for Admission<S>
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

    fn call(&mut self, request: Request) -> Self::Future {
        match self.admit(request) {
            Ok(call) => Either::Left(self.inner.call(call)),
            Err(close) => Either::Right(ready(Err(close))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;
    use futures::FutureExt;
    use kestrel_protocol::{ApiKey, RequestFrame, RequestHeader};
    use tower::service_fn;

    use super::super::{ListenerId, Origin};
    use super::*;
    use crate::config::SecurityProtocol;

    fn request(api_key: i16) -> Request {
        let header = RequestHeader { api_key, api_version: 0, correlation_id: 1, client_id: None };
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let received_at = Instant::now();
        Request {
            frame: RequestFrame { header, body: Bytes::new() },
            size_bytes: 14,
            origin: Origin { peer: ([127, 0, 0, 1], 9).into(), listener: ListenerId(0) },
            file_run_min_bytes: 0,
            client_id: "tester".into(),
            received_at,
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
        let reply = Admission::new(session, inner).call(request(api_key));
        reply.now_or_never().expect("there is nothing to wait for")?;
        Ok(seen.expect("a call"))
    }

    #[test]
    fn a_request_gets_its_row_and_its_principal() {
        let plaintext = || Session::begin(SecurityProtocol::Plaintext, None);
        let admitted = |api_key| admitted(plaintext(), api_key);
        assert_eq!(admitted(ApiKey::Metadata.key()).unwrap(), "Metadata tester User:ANONYMOUS");
        assert_eq!(admitted(999).unwrap_err(), Close::UnknownApi(999));
    }

    #[test]
    fn before_authentication_the_connection_ends_at_all_but_api_versions() {
        let admitted = |api: ApiKey| admitted(Session::unauthenticated(), api.key());
        assert!(admitted(ApiKey::ApiVersions).is_ok());
        assert_eq!(admitted(ApiKey::Metadata), Err(Close::Unauthenticated(ApiKey::Metadata)));
    }
}
