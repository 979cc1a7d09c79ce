//! PLAIN: `[authorization id] NUL user NUL password` (RFC 4616), both sides.

use bytes::Bytes;
use kestrel_settings::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::credentials::Credentials;
use super::error::SaslError;
use super::refusal::{Refusal, quoted};
use super::step::{Authenticated, ClientStep, ServerStep};

/// What Kafka says to a user that it does not know, and to a wrong password.
const INVALID: &str = "Authentication failed: Invalid username or password";

/// The client's side.
pub(super) struct PlainClient {
    message: Bytes,
    is_over: bool,
}

impl PlainClient {
    pub(super) fn new(user: &str, password: &Secret) -> Self {
        Self { message: format!("\0{user}\0{}", password.expose()).into(), is_over: false }
    }

    pub(super) fn initial(&self) -> Bytes {
        self.message.clone()
    }

    pub(super) fn handle(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        if std::mem::replace(&mut self.is_over, true) {
            return Err(SaslError::OutOfTurn);
        }
        if !challenge.is_empty() {
            return Err(SaslError::Malformed { message: "answer", problem: "PLAIN has no challenges" });
        }
        Ok(ClientStep::Done)
    }
}

/// The server's side: one message decides.
pub(super) fn handle(response: &[u8], credentials: &dyn Credentials) -> Result<ServerStep, Refusal> {
    let (authorization_id, user, password) = parse(response)?;
    let known = credentials.plain_password(user);
    // An unknown user costs the same compare as a known one.
    let is_equal = is_same(password, known.as_ref().map_or("", Secret::expose));
    if known.is_none() {
        return Err(Refusal::new(
            INVALID,
            format!("user {} is unknown, or has no password for PLAIN", quoted(user)),
        ));
    }
    if !is_equal {
        return Err(Refusal::new(INVALID, format!("user {}: wrong password", quoted(user))));
    }
    if !authorization_id.is_empty() && authorization_id != user {
        return Err(Refusal::other_authorization_id(user));
    }
    Ok(ServerStep::Done(Authenticated::new(user)))
}

/// Authorization id, user and password.
fn parse(response: &[u8]) -> Result<(&str, &str, &str), Refusal> {
    let text = str::from_utf8(response).map_err(|_| Refusal::malformed("the response is not UTF-8"))?;
    let mut fields = text.split('\0');
    let three = (fields.next(), fields.next(), fields.next(), fields.next());
    let (Some(authorization_id), Some(user), Some(password), None) = three else {
        return Err(Refusal::malformed("a response of PLAIN has three fields"));
    };
    if user.is_empty() {
        return Err(Refusal::malformed("username not specified"));
    }
    if password.is_empty() {
        return Err(Refusal::malformed("password not specified"));
    }
    Ok((authorization_id, user, password))
}

/// Whether two passwords are the same; how long that takes says nothing of either, not even its length.
fn is_same(left: &str, right: &str) -> bool {
    Sha256::digest(left).ct_eq(&Sha256::digest(right)).into()
}
