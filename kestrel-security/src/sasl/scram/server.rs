//! The server's side of SCRAM.

use std::time::SystemTime;

use subtle::ConstantTimeEq;

use super::credential::ScramCredential;
use super::mechanism::{ScramMechanism, xor};
use super::message::{ClientFinal, ClientFirst, Problem, ServerFinal, ServerFirst, auth_message};
use crate::sasl::credentials::Credentials;
use crate::sasl::mechanism::Mechanism;
use crate::sasl::nonce::Nonce;
use crate::sasl::refusal::{Refusal, quoted};
use crate::sasl::step::{Authenticated, ServerStep};

/// ```text
///   Begun ── client's first ──▶ Challenged ── client's final ──▶ (over)
/// ```
enum State {
    Begun(Nonce),
    Challenged(Box<Challenged>),
}

/// What the server has to remember of the first half.
struct Challenged {
    first: ClientFirst,
    server_first: ServerFirst,
    login: Login,
}

/// Whose proof is awaited.
struct Login {
    owner: String,
    credential: ScramCredential,
    expires_at: Option<SystemTime>,
    /// Whether there is such a user. Nothing but the last step may depend on it.
    is_known: bool,
}

pub(in crate::sasl) struct ScramServer {
    mechanism: ScramMechanism,
    state: State,
}

impl ScramServer {
    pub(in crate::sasl) fn new(mechanism: ScramMechanism, nonce: Nonce) -> Self {
        Self { mechanism, state: State::Begun(nonce) }
    }

    pub(in crate::sasl) fn handle(
        &mut self,
        response: &[u8],
        credentials: &dyn Credentials,
    ) -> Result<ServerStep, Refusal> {
        match &self.state {
            State::Begun(nonce) => {
                let challenged = self.challenge(nonce, response, credentials)?;
                let text = challenged.server_first.text.clone();
                self.state = State::Challenged(Box::new(challenged));
                Ok(ServerStep::Challenge(text.into()))
            }
            State::Challenged(challenged) => challenged.verify(self.mechanism, response),
        }
    }

    fn challenge(
        &self,
        nonce: &Nonce,
        response: &[u8],
        credentials: &dyn Credentials,
    ) -> Result<Challenged, Refusal> {
        let first = ClientFirst::parse(response).map_err(|problem| malformed("first", problem))?;
        if first.authorization_id.as_ref().is_some_and(|id| *id != first.user) {
            return Err(Refusal::other_authorization_id(&first.user));
        }
        let login = self.login(&first, credentials);
        let server_first = ServerFirst::new(
            format!("{}{}", first.nonce, nonce.as_str()),
            login.credential.salt.to_vec(),
            login.credential.iterations,
        );
        Ok(Challenged { first, server_first, login })
    }

    fn login(&self, first: &ClientFirst, credentials: &dyn Credentials) -> Login {
        let user = &first.user;
        let found = if first.is_token {
            credentials.delegation_token(self.mechanism, user).map(|token| Login {
                owner: token.owner,
                credential: token.credential,
                expires_at: Some(token.expires_at),
                is_known: true,
            })
        } else {
            credentials.scram_credential(self.mechanism, user).map(|credential| Login {
                owner: user.clone(),
                credential,
                expires_at: None,
                is_known: true,
            })
        };
        // Made for known users too, so that the time does not tell who is one.
        let decoy = decoy(self.mechanism, user, credentials);
        found.unwrap_or(Login { owner: user.clone(), credential: decoy, expires_at: None, is_known: false })
    }
}

/// A credential that looks like a stored one and that no password leads to. The same user has the same one again.
fn decoy(mechanism: ScramMechanism, user: &str, credentials: &dyn Credentials) -> ScramCredential {
    let of_user =
        |what: &str| mechanism.hmac(credentials.decoy_key(), format!("{what} of {user}").as_bytes());
    let mut salt = of_user("salt");
    salt.truncate(ScramMechanism::SALT_BYTES);
    let no_key = of_user("key");
    // Each number draws a lot, so that the user keeps the winner when others come and go.
    let all = credentials.scram_iterations(mechanism).into_iter();
    let iterations = all.min_by_key(|number| of_user(&format!("{number} iterations")));
    ScramCredential {
        salt: salt.into(),
        stored_key: no_key.clone().into(),
        server_key: no_key.into(),
        iterations: iterations.unwrap_or(ScramMechanism::MIN_ITERATIONS),
    }
}

impl Challenged {
    /// The client's last message: the same exchange, and a proof of the password?
    fn verify(&self, mechanism: ScramMechanism, response: &[u8]) -> Result<ServerStep, Refusal> {
        let last = ClientFinal::parse(response).map_err(|problem| malformed("final", problem))?;
        if last.channel_binding != self.first.gs2_header.as_bytes() {
            return Err(malformed("final", "it does not repeat the header of the first"));
        }
        // CVE-2024-56128: without it the proof of another exchange could be sent again.
        if !bool::from(last.nonce.as_bytes().ct_eq(self.server_first.nonce.as_bytes())) {
            return Err(self.invalid(mechanism, "the nonce is not this exchange's"));
        }
        let signed = auth_message(&self.first.bare, &self.server_first.text, &last.without_proof);
        let credential = &self.login.credential;
        let client_signature = mechanism.hmac(&credential.stored_key, signed.as_bytes());
        let client_key = xor(&client_signature, &last.proof);
        let is_proof = last.proof.len() == client_signature.len();
        let is_password = mechanism.hash(&client_key).ct_eq(&credential.stored_key);
        if !self.login.is_known {
            return Err(self.invalid(mechanism, "there is no such user of this mechanism"));
        }
        if !is_proof || !bool::from(is_password) {
            return Err(self.invalid(mechanism, "wrong password"));
        }
        let signature = mechanism.hmac(&credential.server_key, signed.as_bytes());
        Ok(ServerStep::Done(Authenticated {
            expires_at: self.login.expires_at,
            token_authenticated: self.first.is_token,
            last: ServerFinal::signature_text(&signature).into(),
            ..Authenticated::new(&self.login.owner)
        }))
    }

    /// Kafka's text for a client whose credentials are not right, whatever is wrong with them.
    fn invalid(&self, mechanism: ScramMechanism, reason: &str) -> Refusal {
        let peer = format!(
            "Authentication failed during authentication due to invalid credentials with SASL mechanism {}",
            Mechanism::from(mechanism)
        );
        let what = if self.first.is_token { "delegation token" } else { "user" };
        Refusal::new(peer, format!("{what} {}: {reason}", quoted(&self.first.user)))
    }
}

fn malformed(which: &str, problem: Problem) -> Refusal {
    Refusal::malformed(&format!("the client's {which} message is malformed: {problem}"))
}
