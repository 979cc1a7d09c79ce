//! The machine that leads a connection from its first byte to who is at its other end (Apache Kafka's SaslServerAuthenticator). Pure.
//!
//! All that comes before a login is complete comes from nobody knows whom: frames have a limit of their own, there is a limit to how
//! many they are and how long they may take, and none but ApiVersions is handed on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use kestrel_protocol::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
use kestrel_protocol::{ApiKey, ErrorCode, Message, Request, RequestFrame};

use super::exchange::{Denied, Exchange, Identity, Turn};
use super::failure::{Attempt, LoginFailure, quoted};
use super::{FrameKind, Intake, Login, Moment, Refused, Verdict};
use crate::api::handler::decode;
use crate::api::{Answer, AnswerFrame, Close, Principal, api_versions, table};
use crate::clock::after;

/// How long a login may take from the first byte, or from the handshake when it is not the first.
const LOGIN_PATIENCE: Duration = Duration::from_secs(30);
/// How many frames a login may take. The longest exchange has five.
const MAX_LOGIN_FRAMES: u32 = 16;
/// How long lies between two logins of a connection at least.
const MIN_REAUTH_INTERVAL: Duration = Duration::from_secs(1);

/// The login of one connection.
///
/// ```text
///   Handshake ──SaslHandshake──► Exchange ──the last token──► Complete ──the session is over──► Failed
///   (ApiVersions once)           (tokens)  ◄──SaslHandshake───  (everything)
///       │                           │        (KIP-368)
///       └────── anything else ──────┴─────────────────────────────────────────────────────────► Failed
/// ```
#[derive(Debug)]
pub(crate) struct Authenticator {
    login: Arc<Login>,
    stage: Stage,
    /// Whether ApiVersions was answered.
    knows_versions: bool,
    /// How many frames have come since the login began.
    frames: u32,
    /// When the login has to be complete.
    deadline: Instant,
    /// When the client last began to log in again.
    began_again_at: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    /// Nobody is logged in, and nothing says how that will be.
    Handshake,
    /// Tokens come and go.
    Exchange(Exchange),
    /// Somebody is logged in.
    Complete(Identity),
    /// The client was refused.
    Failed(Close),
}

impl Authenticator {
    pub(super) fn new(login: Arc<Login>, now: Instant) -> Self {
        Self {
            login,
            stage: Stage::Handshake,
            knows_versions: false,
            frames: 0,
            deadline: after(now, LOGIN_PATIENCE),
            began_again_at: None,
        }
    }

    pub(super) fn intake(&self) -> Intake {
        let kind = match &self.stage {
            Stage::Complete(_) => return Intake::REQUESTS,
            Stage::Exchange(exchange) => exchange.kind,
            Stage::Handshake | Stage::Failed(_) => FrameKind::Request,
        };
        let deadline = (!matches!(self.stage, Stage::Failed(_))).then_some(self.deadline);
        Intake { kind, max_frame_bytes: Some(self.login.max_frame_bytes), deadline }
    }

    pub(super) const fn end(&self) -> Option<&Close> {
        match &self.stage {
            Stage::Failed(close) => Some(close),
            _ => None,
        }
    }

    pub(super) fn handle_request(
        &mut self,
        frame: &RequestFrame,
        at: Moment<'_>,
    ) -> Result<Verdict, Refused> {
        let verdict = self.decide(frame, at);
        verdict.map_err(|refused| self.fail(refused))
    }

    pub(super) fn handle_token(&mut self, token: &[u8], at: Moment<'_>) -> Result<AnswerFrame, Refused> {
        let turn = self.count_frame().and_then(|()| match &mut self.stage {
            Stage::Exchange(exchange) if exchange.kind == FrameKind::Token => {
                exchange.handle(token, &self.login, at).map_err(|denied| denied.failure.into())
            }
            _ => Err(LoginFailure::TokenOutOfPlace.into()),
        });
        let Turn { token, done } = turn.map_err(|refused| self.fail(refused))?;
        if let Some((identity, _)) = done {
            self.complete(identity);
        }
        Ok(bare(&token))
    }

    pub(super) fn refuse(&mut self, close: Close) -> Refused {
        match self.stage {
            Stage::Complete(_) => close.into(),
            _ => self.fail(close.into()),
        }
    }

    fn decide(&mut self, frame: &RequestFrame, at: Moment<'_>) -> Result<Verdict, Refused> {
        let api = frame.header.api().ok_or(Close::UnknownApi(frame.header.api_key))?;
        if let Stage::Complete(identity) = &self.stage {
            if api != ApiKey::SaslHandshake || !self.may_begin_again(identity, at.now) {
                return identity.serve(at.now);
            }
            self.begin_again(at.now);
        }
        self.count_frame()?;
        match (&self.stage, api) {
            (Stage::Failed(close), _) => Err(close.clone().into()),
            (Stage::Exchange(_), _) => self.authenticate(api, frame, at),
            (_, ApiKey::SaslHandshake) => self.shake_hands(frame),
            (_, ApiKey::ApiVersions) => self.tell_versions(frame),
            (_, api) => {
                let (protocol, mechanisms) = (self.login.protocol, self.login.listed());
                Err(LoginFailure::Unauthenticated { api, protocol, mechanisms }.into())
            }
        }
    }

    /// Lets ApiVersions pass until it was answered in full.
    fn tell_versions(&mut self, frame: &RequestFrame) -> Result<Verdict, Refused> {
        if self.knows_versions {
            return Err(LoginFailure::VersionsAgain.into());
        }
        self.knows_versions = ApiVersionsRequest::VERSIONS.contains(&frame.header.api_version)
            && api_versions::is_valid(&decode(frame)?, frame.header.api_version);
        Ok(Verdict::Serve(Principal::ANONYMOUS))
    }

    fn shake_hands(&mut self, frame: &RequestFrame) -> Result<Verdict, Refused> {
        let request: SaslHandshakeRequest = decode(frame)?;
        let names = self.login.names().map(ByteString::from_static);
        let mut response = SaslHandshakeResponse { mechanisms: names.collect(), ..Default::default() };
        let Some(enabled) = self.login.mechanism(&request.mechanism) else {
            response.error_code = ErrorCode::UnsupportedSaslMechanism;
            let failure =
                LoginFailure::Mechanism { asked: quoted(&request.mechanism), enabled: self.login.listed() };
            return Err(refused::<SaslHandshakeRequest>(response, frame, failure));
        };
        let kind = if frame.header.api_version == 0 { FrameKind::Token } else { FrameKind::Request };
        let previous = match std::mem::replace(&mut self.stage, Stage::Handshake) {
            Stage::Complete(identity) => Some(identity),
            _ => None,
        };
        self.stage = Stage::Exchange(Exchange::new(&self.login, enabled, kind, previous));
        Ok(Verdict::Answer(answer::<SaslHandshakeRequest>(response, frame)?))
    }

    fn authenticate(
        &mut self,
        api: ApiKey,
        frame: &RequestFrame,
        at: Moment<'_>,
    ) -> Result<Verdict, Refused> {
        let Stage::Exchange(exchange) = &mut self.stage else {
            return Err(LoginFailure::TokenOutOfPlace.into());
        };
        if api != ApiKey::SaslAuthenticate {
            let failure = LoginFailure::OutOfPlace { api, mechanism: exchange.mechanism() };
            let refuse = table::find(api.key())?.refuse;
            let answer = refuse(frame, ErrorCode::IllegalSaslState, Duration::ZERO).ok().map(Box::new);
            return Err(Refused { answer, ..failure.into() });
        }
        let request: SaslAuthenticateRequest = decode(frame)?;
        let Turn { token, done } = match exchange.handle(request.auth_bytes.expose(), &self.login, at) {
            Ok(turn) => turn,
            Err(Denied { for_peer, failure }) => {
                let response = SaslAuthenticateResponse {
                    error_code: ErrorCode::SaslAuthenticationFailed,
                    error_message: Some(for_peer.into()),
                    ..Default::default()
                };
                return Err(refused::<SaslAuthenticateRequest>(response, frame, failure));
            }
        };
        let mut response = SaslAuthenticateResponse { auth_bytes: token.into(), ..Default::default() };
        if let Some((identity, lifetime)) = done {
            response.session_lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
            self.complete(identity);
        }
        Ok(Verdict::Answer(answer::<SaslAuthenticateRequest>(response, frame)?))
    }

    /// Whether a handshake begins a new login. Where the session has no end there is no need for one, and more than one a second
    /// would be an attack.
    fn may_begin_again(&self, identity: &Identity, now: Instant) -> bool {
        let is_too_early = |before| now.saturating_duration_since(before) < MIN_REAUTH_INTERVAL;
        identity.ends() && !self.began_again_at.is_some_and(is_too_early)
    }

    fn begin_again(&mut self, now: Instant) {
        self.began_again_at = Some(now);
        self.frames = 0;
        self.deadline = after(now, LOGIN_PATIENCE);
    }

    fn count_frame(&mut self) -> Result<(), Refused> {
        self.frames += 1;
        if self.frames > MAX_LOGIN_FRAMES {
            return Err(LoginFailure::TooManyRequests(MAX_LOGIN_FRAMES).into());
        }
        Ok(())
    }

    fn complete(&mut self, identity: Identity) {
        self.login.counters.succeeded(self.attempt() == Attempt::Reauthentication);
        self.stage = Stage::Complete(identity);
    }

    /// Refuses the client for good.
    fn fail(&mut self, mut refused: Refused) -> Refused {
        if self.end().is_some() {
            return refused;
        }
        match &refused.close {
            Close::Login(LoginFailure::SessionOver) => self.login.counters.expired.count(),
            _ => {
                self.login.counters.failed(self.attempt() == Attempt::Reauthentication);
                refused.delay = self.login.failure_delay;
            }
        }
        self.stage = Stage::Failed(refused.close.clone());
        refused
    }

    const fn attempt(&self) -> Attempt {
        match &self.stage {
            Stage::Exchange(exchange) => exchange.attempt(),
            Stage::Complete(_) => Attempt::Reauthentication,
            _ => Attempt::Authentication,
        }
    }
}

impl Identity {
    /// Hands a request on, unless the session is over.
    fn serve(&self, now: Instant) -> Result<Verdict, Refused> {
        if self.is_over(now) {
            return Err(LoginFailure::SessionOver.into());
        }
        Ok(Verdict::Serve(self.principal.clone()))
    }
}

fn answer<R: Request>(response: R::Response, frame: &RequestFrame) -> Result<AnswerFrame, Close> {
    Answer::from(response).encode::<R>(frame.header.api_version, frame.header.correlation_id)
}

/// The end of a connection, with a last answer.
fn refused<R: Request>(response: R::Response, frame: &RequestFrame, failure: LoginFailure) -> Refused {
    Refused { answer: answer::<R>(response, frame).ok().map(Box::new), ..failure.into() }
}

/// The frame of a token that stands alone.
fn bare(token: &Bytes) -> AnswerFrame {
    let mut frame = BytesMut::with_capacity(size_of::<u32>() + token.len());
    frame.put_u32(u32::try_from(token.len()).expect("a token is short"));
    frame.extend_from_slice(token);
    AnswerFrame { runs: vec![frame.freeze().into()], ..AnswerFrame::default() }
}
