//! The security state of a connection: who is at its other end, and what may come of it next. Pure.
//!
//! Owned by the pipeline of the connection and asked for each frame. Where a client is named without SASL, by nothing or by its
//! certificate, the session is complete when it begins; where it logs in, an [`Authenticator`] leads to that.

mod accounts;
mod authenticator;
mod exchange;
mod failure;
mod login;

use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::{RequestFrame, Timestamp};

use super::{AnswerFrame, Close, Principal};
pub(crate) use accounts::Accounts;
use authenticator::Authenticator;
pub(crate) use failure::LoginFailure;
pub(super) use failure::Refused;
pub(crate) use login::Login;

/// The security state of a connection.
#[derive(Debug)]
pub(crate) enum Session {
    /// The client does not log in: the listener says who it is.
    Named(Principal),
    /// The client logs in with SASL.
    Sasl(Box<Authenticator>),
}

/// The time at which something comes, by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The time for deadlines.
    pub(super) now: Instant,
    /// The time that tokens are valid by: asked for where there is one, and not for each request.
    pub(super) wall: &'a dyn Fn() -> Timestamp,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It goes on to its handler, as a request of this principal.
    Serve(Principal),
    /// The session has answered it.
    Answer(AnswerFrame),
}

/// What a connection may read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intake {
    /// The kind of the next frame.
    pub(crate) kind: FrameKind,
    /// The largest frame that is taken; `None` is the limit of the configuration.
    pub(crate) max_frame_bytes: Option<usize>,
    /// When the connection ends if the client has not logged in by then.
    pub(crate) deadline: Option<Instant>,
}

/// A kind of frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// A request, which begins with its header.
    Request,
    /// A token of SASL and nothing else, as it follows version 0 of SaslHandshake.
    Token,
}

impl Intake {
    /// Any request: nothing is special about the connection.
    pub(crate) const REQUESTS: Self =
        Self { kind: FrameKind::Request, max_frame_bytes: None, deadline: None };
}

impl Session {
    /// The session of a client that has just come. Where it has to log in, the user that its certificate names does not count.
    pub(crate) fn begin(login: Option<Arc<Login>>, certified: Option<&str>, now: Instant) -> Self {
        match login {
            None => Self::Named(certified.map_or(Principal::ANONYMOUS, Principal::user)),
            Some(login) => Self::Sasl(Box::new(Authenticator::new(login, now))),
        }
    }

    /// What the connection may read next.
    pub(super) fn intake(&self) -> Intake {
        match self {
            Self::Named(_) => Intake::REQUESTS,
            Self::Sasl(authenticator) => authenticator.intake(),
        }
    }

    /// Why nothing more is taken, once that is so.
    pub(super) fn end(&self) -> Option<&Close> {
        match self {
            Self::Named(_) => None,
            Self::Sasl(authenticator) => authenticator.end(),
        }
    }

    /// A request has come.
    ///
    /// # Errors
    /// When the client is refused: nothing more is taken from it.
    pub(super) fn handle_request(
        &mut self,
        frame: &RequestFrame,
        at: Moment<'_>,
    ) -> Result<Verdict, Refused> {
        match self {
            Self::Named(principal) => Ok(Verdict::Serve(principal.clone())),
            Self::Sasl(authenticator) => authenticator.handle_request(frame, at),
        }
    }

    /// A request of an API that is not there has come. Whoever has not logged in is refused as with any other.
    pub(super) fn refuse(&mut self, close: Close) -> Refused {
        match self {
            Self::Named(_) => close.into(),
            Self::Sasl(authenticator) => authenticator.refuse(close),
        }
    }

    /// A bare token has come, after [`Intake`] said that one would.
    ///
    /// # Errors
    /// When the client is refused: nothing more is taken from it.
    pub(super) fn handle_token(&mut self, token: &[u8], at: Moment<'_>) -> Result<AnswerFrame, Refused> {
        match self {
            Self::Named(_) => Err(Refused::at_once(Close::Login(LoginFailure::TokenOutOfPlace))),
            Self::Sasl(authenticator) => authenticator.handle_token(token, at),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
