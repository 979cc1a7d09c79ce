//! The client's side of SCRAM.

use bytes::Bytes;
use kestrel_settings::Secret;
use subtle::ConstantTimeEq;

use super::mechanism::{ScramMechanism, xor};
use super::message::{ClientFinal, ClientFirst, ServerFinal, ServerFirst, auth_message};
use crate::sasl::error::SaslError;
use crate::sasl::nonce::Nonce;
use crate::sasl::step::ClientStep;

/// The most iterations that a client does for a broker. Apache Kafka stores credentials with 16,384 at most; a hostile broker could
/// ask for hours of work, which keep a thread of the runtime busy.
const MAX_ITERATIONS: u32 = 65_536;

/// ```text
///   FirstSent ── server's first ──▶ FinalSent ── server's final ──▶ Over
/// ```
enum State {
    FirstSent { first: ClientFirst, password: Secret },
    FinalSent { server_signature: Vec<u8> },
    Over,
}

pub(in crate::sasl) struct ScramClient {
    mechanism: ScramMechanism,
    initial: Bytes,
    state: State,
}

impl ScramClient {
    pub(in crate::sasl) fn new(
        mechanism: ScramMechanism,
        user: &str,
        password: &Secret,
        nonce: Nonce,
        is_token: bool,
    ) -> Self {
        let first = ClientFirst::new(user, nonce.into_text(), is_token);
        let initial = first.text().into();
        Self { mechanism, initial, state: State::FirstSent { first, password: password.clone() } }
    }

    pub(in crate::sasl) fn mechanism(&self) -> ScramMechanism {
        self.mechanism
    }

    pub(in crate::sasl) fn initial(&self) -> Bytes {
        self.initial.clone()
    }

    pub(in crate::sasl) fn handle(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::FirstSent { first, password } => self.prove(&first, &password, challenge),
            State::FinalSent { server_signature } => check_signature(&server_signature, challenge),
            State::Over => Err(SaslError::OutOfTurn),
        }
    }

    /// Answers the server's first message with the proof of the password.
    fn prove(
        &mut self,
        first: &ClientFirst,
        password: &Secret,
        challenge: &[u8],
    ) -> Result<ClientStep, SaslError> {
        let server_first = ServerFirst::parse(challenge)
            .map_err(|problem| SaslError::Malformed { message: "first message", problem })?;
        check_first(first, &server_first)?;
        let scram = self.mechanism;
        let salted_password =
            scram.salted_password(password.expose().as_bytes(), &server_first.salt, server_first.iterations);
        let without_proof = ClientFinal::without_proof(&first.gs2_header, &server_first.nonce);
        let signed = auth_message(&first.bare, &server_first.text, &without_proof);
        let client_key = scram.client_key(&salted_password);
        let client_signature = scram.hmac(&scram.hash(&client_key), signed.as_bytes());
        let server_signature = scram.hmac(&scram.server_key(&salted_password), signed.as_bytes());
        self.state = State::FinalSent { server_signature };
        let proof = xor(&client_key, &client_signature);
        Ok(ClientStep::Send(ClientFinal::text(&without_proof, &proof).into()))
    }
}

/// Whether the server's first message belongs to this exchange, and what it asks for is neither too little nor too much.
fn check_first(first: &ClientFirst, server_first: &ServerFirst) -> Result<(), SaslError> {
    let added = server_first.nonce.strip_prefix(&first.nonce);
    if added.is_none_or(str::is_empty) {
        return Err(SaslError::WrongNonce);
    }
    let iterations = server_first.iterations;
    if iterations < ScramMechanism::MIN_ITERATIONS {
        return Err(SaslError::TooFewIterations { iterations, least: ScramMechanism::MIN_ITERATIONS });
    }
    if iterations > MAX_ITERATIONS {
        return Err(SaslError::TooManyIterations { iterations, most: MAX_ITERATIONS });
    }
    Ok(())
}

fn check_signature(expected: &[u8], challenge: &[u8]) -> Result<ClientStep, SaslError> {
    let message = ServerFinal::parse(challenge)
        .map_err(|problem| SaslError::Malformed { message: "final message", problem })?;
    match message {
        ServerFinal::Error(error) => Err(SaslError::refused(&error)),
        ServerFinal::Signature(signature) if bool::from(signature.ct_eq(expected)) => Ok(ClientStep::Done),
        ServerFinal::Signature(_) => Err(SaslError::WrongServerSignature),
    }
}
