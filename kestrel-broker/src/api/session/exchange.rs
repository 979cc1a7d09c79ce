//! One login: the tokens of a mechanism, from the handshake to who it is. Pure.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kestrel_protocol::Timestamp;
use kestrel_security::sasl::{Authenticated, Mechanism, SaslServer, ServerStep};

use super::failure::{Attempt, LoginFailure, quoted};
use super::login::{Enabled, Login};
use super::{FrameKind, Moment};
use crate::api::Principal;
use crate::clock::after;

/// One login that is under way.
#[derive(Debug)]
pub(super) struct Exchange {
    server: SaslServer,
    enabled: Enabled,
    /// What tokens come in.
    pub(super) kind: FrameKind,
    /// Who is logged in already and does so again.
    previous: Option<Identity>,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) principal: Principal,
    mechanism: Mechanism,
    /// When the session is over.
    expires_at: Option<Instant>,
}

/// What comes of a token.
#[derive(Debug)]
pub(super) struct Turn {
    /// The token that goes back.
    pub(super) token: Bytes,
    /// Who logged in, once that is known, and how long the session lasts, which is none when it has no end.
    pub(super) done: Option<(Identity, Duration)>,
}

/// Why a login fails.
#[derive(Debug)]
pub(super) struct Denied {
    /// What the client is told.
    pub(super) for_peer: String,
    /// What the log is told.
    pub(super) failure: LoginFailure,
}

impl Exchange {
    /// A login whose handshake has named the mechanism.
    pub(super) fn new(login: &Login, enabled: Enabled, kind: FrameKind, previous: Option<Identity>) -> Self {
        Self { server: SaslServer::new(enabled.mechanism, (login.draw_nonce)()), enabled, kind, previous }
    }

    /// The mechanism.
    pub(super) const fn mechanism(&self) -> Mechanism {
        self.enabled.mechanism
    }

    /// Whether somebody logs in again.
    pub(super) const fn attempt(&self) -> Attempt {
        match self.previous {
            None => Attempt::Authentication,
            Some(_) => Attempt::Reauthentication,
        }
    }

    /// A token has come.
    ///
    /// # Errors
    /// When the client is refused.
    pub(super) fn handle(&mut self, token: &[u8], login: &Login, at: Moment<'_>) -> Result<Turn, Denied> {
        self.check_mechanism()?;
        let step = self.server.handle(token, &login.accounts.at((at.wall)()));
        match step.map_err(|refusal| self.denied(refusal.for_peer(), &refusal.to_string()))? {
            ServerStep::Challenge(token) => Ok(Turn { token, done: None }),
            ServerStep::Done(authenticated) => self.finish(authenticated, at),
        }
    }

    fn finish(&self, authenticated: Authenticated, at: Moment<'_>) -> Result<Turn, Denied> {
        let principal = Principal::user(&authenticated.authorization_id);
        self.check_principal(&principal)?;
        let token_end = authenticated.expires_at.map(Timestamp::from);
        let lifetime = lifetime(self.enabled.max_reauth, token_end, (at.wall)());
        let expires_at = lifetime.map(|lifetime| after(at.now, lifetime));
        let identity = Identity { principal, mechanism: self.enabled.mechanism, expires_at };
        Ok(Turn { token: authenticated.last, done: Some((identity, lifetime.unwrap_or_default())) })
    }

    /// Who logs in again has to do so by the same mechanism, as in Apache Kafka.
    fn check_mechanism(&self) -> Result<(), Denied> {
        let asked = self.enabled.mechanism;
        match &self.previous {
            Some(previous) if previous.mechanism != asked => {
                let message = format!(
                    "SASL mechanism '{asked}' requested by client is not supported for re-authentication of mechanism '{}'",
                    previous.mechanism
                );
                Err(self.denied(&message, &message))
            }
            _ => Ok(()),
        }
    }

    /// Who logs in again has to be the same: what is under way on the connection is his.
    fn check_principal(&self, principal: &Principal) -> Result<(), Denied> {
        match &self.previous {
            Some(previous) if previous.principal != *principal => {
                let message = format!(
                    "Cannot change principals during re-authentication from User.{}: User.{}",
                    previous.principal.name(),
                    principal.name()
                );
                Err(self.denied(&message, &message))
            }
            _ => Ok(()),
        }
    }

    fn denied(&self, for_peer: &str, reason: &str) -> Denied {
        let (what, mechanism) = (self.attempt(), self.mechanism());
        let failure = LoginFailure::Refused { what, mechanism, reason: quoted(reason) };
        Denied { for_peer: quoted(for_peer), failure }
    }
}

impl Identity {
    /// Whether the session has an end, so that the client may log in again.
    pub(super) const fn ends(&self) -> bool {
        self.expires_at.is_some()
    }

    /// Whether the session is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|end| end < now)
    }
}

/// How long a session lasts: until its token ends, and no longer than the setting says; never less than nothing (KAFKA-13848).
/// `None` is without end.
fn lifetime(max_reauth: Option<Duration>, token_end: Option<Timestamp>, wall: Timestamp) -> Option<Duration> {
    let token = token_end.map(|end| {
        let millis = end.as_millis().saturating_sub(wall.as_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    });
    match (max_reauth, token) {
        (Some(max_reauth), Some(token)) => Some(max_reauth.min(token)),
        (limit, None) | (None, limit) => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_as_long_as_its_token_and_the_setting_allow() {
        let wall = Timestamp::from_millis(1_000_000);
        let token = |seconds: i64| Some(Timestamp::from_millis(1_000_000 + seconds * 1_000));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(lifetime(None, None, wall), None);
        assert_eq!(lifetime(seconds(9), None, wall), seconds(9));
        assert_eq!(lifetime(None, token(5), wall), seconds(5));
        assert_eq!(lifetime(seconds(9), token(5), wall), seconds(5));
        assert_eq!(lifetime(seconds(3), token(5), wall), seconds(3));
        assert_eq!(lifetime(seconds(3), token(-5), wall), seconds(0), "never less than nothing");
    }
}
