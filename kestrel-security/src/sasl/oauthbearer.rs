//! OAUTHBEARER: a token and extensions in one message (RFC 7628, KIP-255, KIP-342), both sides.
//!
//! ```text
//!   n,[a=authorization id],^A auth=Bearer token ^A [name=value ^A …] ^A
//! ```
//! A server that refuses the token says so in JSON as a challenge; the client answers with one byte, ^A, and is refused then.

use bytes::Bytes;
use kestrel_settings::Secret;

use super::credentials::{Credentials, InvalidToken};
use super::error::SaslError;
use super::extensions::SaslExtensions;
use super::refusal::{Refusal, quoted};
use super::step::{Authenticated, ClientStep, ServerStep};

/// What separates the pairs, and what a client says to an error.
const CONTROL_A: &str = "\u{1}";
/// The name of the pair that has the token.
const AUTH: &str = "auth";

/// The client's side.
pub(super) struct OAuthBearerClient {
    message: Bytes,
    state: State,
}

/// ```text
///   TokenSent ── nothing ──▶ Over
///       └─────── JSON ─────▶ Refused ── anything ──▶ Over
/// ```
enum State {
    TokenSent,
    Refused { error: String },
    Over,
}

impl OAuthBearerClient {
    pub(super) fn new(token: &Secret, extensions: &SaslExtensions) -> Self {
        let mut message = format!("n,,{CONTROL_A}{AUTH}=Bearer {}{CONTROL_A}", token.expose());
        for (name, value) in extensions.iter() {
            message.extend([name, "=", value, CONTROL_A]);
        }
        message.push_str(CONTROL_A);
        Self { message: message.into(), state: State::TokenSent }
    }

    pub(super) fn initial(&self) -> Bytes {
        self.message.clone()
    }

    pub(super) fn handle(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::TokenSent if challenge.is_empty() => Ok(ClientStep::Done),
            State::TokenSent => {
                self.state = State::Refused { error: String::from_utf8_lossy(challenge).into_owned() };
                Ok(ClientStep::Send(Bytes::from_static(CONTROL_A.as_bytes())))
            }
            State::Refused { error } => Err(SaslError::refused(&error)),
            State::Over => Err(SaslError::OutOfTurn),
        }
    }

    /// The error that the server sent as a challenge.
    pub(super) fn refusal(&self) -> Option<&str> {
        match &self.state {
            State::Refused { error } => Some(error),
            State::TokenSent | State::Over => None,
        }
    }
}

/// The server's side.
#[derive(Default)]
pub(super) struct OAuthBearerServer {
    /// The error that was sent as a challenge.
    refusal: Option<Refusal>,
}

impl OAuthBearerServer {
    pub(super) fn handle(
        &mut self,
        response: &[u8],
        credentials: &dyn Credentials,
    ) -> Result<ServerStep, Refusal> {
        if let Some(refusal) = self.refusal.take() {
            return Err(refusal);
        }
        let first = ClientFirst::parse(response).map_err(|problem| {
            Refusal::malformed(&format!("the client's message is malformed: {problem}"))
        })?;
        let identity = match credentials.validate_token(first.token) {
            Ok(identity) => identity,
            Err(invalid) => {
                let json = error_json(&invalid);
                self.refusal =
                    Some(Refusal::new(json.clone(), format!("the token is refused: {}", invalid.reason)));
                return Ok(ServerStep::Challenge(json.into()));
            }
        };
        if first.authorization_id.as_ref().is_some_and(|id| *id != identity.principal_name) {
            return Err(Refusal::new(
                "Authentication failed: Client requested an authorization id that is different from the token's principal name",
                format!(
                    "the token of {} came with another authorization id",
                    quoted(&identity.principal_name)
                ),
            ));
        }
        let expires_at = Some(identity.expires_at);
        Ok(ServerStep::Done(Authenticated { expires_at, ..Authenticated::new(identity.principal_name) }))
    }
}

/// The client's message, read.
struct ClientFirst<'a> {
    authorization_id: Option<String>,
    token: &'a str,
}

impl<'a> ClientFirst<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, &'static str> {
        let text = str::from_utf8(message).map_err(|_| "it is not UTF-8")?;
        let (header, pairs) = text.split_once(CONTROL_A).ok_or("it has no separators")?;
        let authorization_id = header.strip_prefix("n,").and_then(|header| header.strip_suffix(','));
        let authorization_id = match authorization_id.ok_or("it does not begin with `n,,`")? {
            "" => None,
            named => Some(named.strip_prefix("a=").ok_or("it does not begin with `n,,`")?),
        };
        let pairs = pairs.strip_suffix("\u{1}\u{1}").ok_or("it has no end")?;
        let mut token = None;
        let mut extensions = SaslExtensions::default();
        for pair in pairs.split(CONTROL_A) {
            match pair.split_once('=').ok_or("a pair has no `=`")? {
                (AUTH, value) if token.is_none() => token = Some(bearer(value)?),
                (name, value) => {
                    extensions.insert(name, value).map_err(|_| "an extension is not one of RFC 7628")?;
                }
            }
        }
        // Names in headers are escaped as in SCRAM.
        let authorization_id = authorization_id.map(|id| id.replace("=2C", ",").replace("=3D", "="));
        Ok(Self { authorization_id, token: token.ok_or("it has no token")? })
    }
}

/// The token of `Bearer token`.
fn bearer(value: &str) -> Result<&str, &'static str> {
    let (scheme, token) = value.split_once(' ').ok_or("the token has no scheme")?;
    let token = token.trim_start_matches(' ');
    let is_token_byte = |b: u8| b.is_ascii_alphanumeric() || b"-_~+/.".contains(&b);
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err("the token's scheme is not Bearer");
    }
    let unpadded = token.trim_end_matches('=');
    let is_token = !unpadded.is_empty() && unpadded.bytes().all(is_token_byte);
    if is_token { Ok(token) } else { Err("the token is none of RFC 6750") }
}

/// What a client is told of its token (RFC 7628, 3.2.2).
fn error_json(invalid: &InvalidToken) -> String {
    let mut json = format!("{{\"status\":{}", json_string(&invalid.status));
    for (name, value) in [("scope", &invalid.scope), ("openid-configuration", &invalid.openid_configuration)]
    {
        if let Some(value) = value {
            json.extend([", \"", name, "\":", &json_string(value)]);
        }
    }
    json.push('}');
    json
}

pub(super) fn json_string(text: &str) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => json.push(' '),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
