//! Both sides against each other, against what RFCs print, and against peers that lie.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kestrel_settings::Secret;

use super::*;

mod exchanges;
mod forgeries;
mod vectors;

const SALT: &[u8] = b"3q3mzfdvcfpd7wsk0lbx3n0ip2";
const CLIENT_NONCE: [u8; 24] = [1; 24];
const SERVER_NONCE: [u8; 24] = [2; 24];

/// A broker's users: passwords of PLAIN, keys of SCRAM, one delegation token, one token of OAUTHBEARER.
#[derive(Default)]
struct Users {
    plain: BTreeMap<String, Secret>,
    scram: BTreeMap<(ScramMechanism, String), ScramCredential>,
    delegated: BTreeMap<String, TokenUser>,
    token: Option<String>,
}

impl Users {
    fn with(user: &str, password: &str) -> Self {
        let mut users = Self::default();
        users.add(user, password, 4096);
        users
    }

    fn add(&mut self, user: &str, password: &str, iterations: u32) {
        let password = Secret::new(password);
        for mechanism in ScramMechanism::ALL {
            let credential = ScramCredential::from_password(mechanism, &password, SALT, iterations).unwrap();
            self.scram.insert((mechanism, user.to_owned()), credential);
        }
        self.plain.insert(user.to_owned(), password);
    }

    fn with_token(token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::default() }
    }
}

impl Credentials for Users {
    fn plain_password(&self, user: &str) -> Option<Secret> {
        self.plain.get(user).cloned()
    }

    fn scram_credential(&self, mechanism: ScramMechanism, user: &str) -> Option<ScramCredential> {
        self.scram.get(&(mechanism, user.to_owned())).cloned()
    }

    fn scram_iterations(&self, mechanism: ScramMechanism) -> BTreeSet<u32> {
        let of_mechanism = self.scram.iter().filter(|((of, _), _)| *of == mechanism);
        of_mechanism.map(|(_, credential)| credential.iterations).collect()
    }

    fn delegation_token(&self, _: ScramMechanism, token_id: &str) -> Option<TokenUser> {
        self.delegated.get(token_id).cloned()
    }

    fn validate_token(&self, token: &str) -> Result<TokenIdentity, InvalidToken> {
        let identity = || TokenIdentity { principal_name: "alice".into(), expires_at: in_an_hour() };
        let valid = self.token.as_deref() == Some(token);
        valid.then(identity).ok_or_else(|| InvalidToken::new("another token"))
    }

    fn decoy_key(&self) -> &[u8] {
        b"the same one on all brokers"
    }
}

fn in_an_hour() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(3600)
}

fn scram_client(mechanism: ScramMechanism, user: &str, password: &str) -> SaslClient {
    SaslClient::scram(mechanism, user, &Secret::new(password), Nonce::from_random(CLIENT_NONCE))
}

fn server(mechanism: impl Into<Mechanism>) -> SaslServer {
    SaslServer::new(mechanism.into(), Nonce::from_random(SERVER_NONCE))
}

/// How an exchange ends on both sides.
type Outcome = Result<Authenticated, (Refusal, SaslError)>;

/// Lets both sides talk until one of them has enough.
fn talk(client: &mut SaslClient, server: &mut SaslServer, users: &Users) -> Outcome {
    let mut token = client.initial();
    loop {
        match server.handle(&token, users) {
            Ok(ServerStep::Challenge(challenge)) => match client.handle(&challenge).unwrap() {
                ClientStep::Send(response) => token = response,
                ClientStep::Done => panic!("done before the server is"),
            },
            Ok(ServerStep::Done(done)) => {
                assert_eq!(client.handle(&done.last), Ok(ClientStep::Done));
                assert_eq!(client.handle(&done.last), Err(SaslError::OutOfTurn));
                assert!(server.handle(&token, users).is_err(), "the exchange is over");
                return Ok(done);
            }
            Err(refusal) => {
                assert!(server.handle(&token, users).is_err(), "a refusal is final");
                let error = client.handle_refusal(Some(refusal.for_peer()));
                return Err((refusal, error));
            }
        }
    }
}

fn sent(step: ClientStep) -> Bytes {
    match step {
        ClientStep::Send(token) => token,
        ClientStep::Done => panic!("done already"),
    }
}

fn challenge(step: ServerStep) -> Bytes {
    match step {
        ServerStep::Challenge(challenge) => challenge,
        ServerStep::Done(done) => panic!("done already: {done:?}"),
    }
}
