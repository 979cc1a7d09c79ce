//! Logins, by script and with a clock in the hand.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use kestrel_protocol::messages::sasl_handshake::SaslHandshakeRequest;
use kestrel_protocol::{ErrorCode, Request, decode_response, encode_request};
use kestrel_security::sasl::{ClientStep, Nonce, SaslClient, ScramCredential, ScramMechanism};
use kestrel_settings::{RawSettings, Secret};

use super::*;
use crate::clock::Clock;
use crate::cluster::ScramUsers;
use crate::config::BrokerConfig;
use crate::log::ByteRun;
use crate::metrics::{LoginCounters, LoginMetrics};

mod property;
mod reauthentication;
mod script;

const PASSWORD: &str = "alice-secret";
const DELAY: Duration = Duration::from_millis(100);

/// The logins of a listener of its own with `alice` and `bob`, who have their passwords for PLAIN and SCRAM-SHA-256.
pub(in crate::api) fn login(settings: &[(&str, &str)]) -> Arc<Login> {
    let mut raw = RawSettings::default();
    raw.set("listeners", "SASL_PLAINTEXT://:0");
    raw.set("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256");
    settings.iter().for_each(|(name, value)| raw.set(*name, *value));
    let config = BrokerConfig::new(&raw).unwrap();
    let listener = &config.listeners[0];
    // Thousands of hashes for each password: once for all tests.
    static OF_SCRAM: LazyLock<Arc<ScramUsers>> = LazyLock::new(|| {
        let of_scram = users().map(|(user, password)| {
            let mechanism = ScramMechanism::Sha256;
            let credential = ScramCredential::from_password(mechanism, &password, b"salt", 4096).unwrap();
            (user.into(), BTreeMap::from([(mechanism, credential)]))
        });
        Arc::new(of_scram.into_iter().collect())
    });
    let accounts = Accounts::new(users(), Arc::new(|| Arc::clone(&OF_SCRAM)), [7; 32]);
    let sasl = listener.sasl.as_ref().unwrap();
    Arc::new(Login::new(listener.protocol, sasl, DELAY, accounts, Arc::new(LoginCounters::default())))
}

fn users() -> [(String, Secret); 2] {
    ["alice", "bob"].map(|user| (user.to_owned(), Secret::new(format!("{user}-secret"))))
}

/// A client whose frames go to a session, and a clock in the hand.
struct Client {
    session: Session,
    login: Arc<Login>,
    now: Instant,
    wall: Timestamp,
}

/// What came of a request whose response is `R`.
#[derive(Debug, PartialEq)]
enum Came<R> {
    /// It was handed on, as a request of this principal.
    Served(String),
    /// It was answered.
    Answered(R),
    /// The client was refused, after a delay, with an answer or without one.
    Refused(Option<R>, Duration, String),
}

impl Client {
    fn of(settings: &[(&str, &str)]) -> Self {
        let login = login(settings);
        let (now, wall) = (Clock::System.now(), Timestamp::from_millis(1_000_000));
        Self { session: Session::begin(Some(Arc::clone(&login)), None, now), login, now, wall }
    }

    fn wait(&mut self, time: Duration) {
        (self.now, self.wall) = (self.now + time, self.wall.saturating_add(time));
    }

    fn handle_request(&mut self, frame: &RequestFrame) -> Result<Verdict, Refused> {
        let Self { session, now, wall, .. } = self;
        session.handle_request(frame, Moment { now: *now, wall: &|| *wall })
    }

    fn handle_token(&mut self, token: &[u8]) -> Result<AnswerFrame, Refused> {
        let Self { session, now, wall, .. } = self;
        session.handle_token(token, Moment { now: *now, wall: &|| *wall })
    }

    fn send<R: Request>(&mut self, request: &R, version: i16) -> Came<R::Response> {
        let frame = Bytes::from(encode_request(request, version, 1, None).unwrap().concat());
        let frame = RequestFrame::parse(frame.slice(4..)).unwrap();
        let read = |answer: AnswerFrame| decode_response::<R>(bytes(answer).slice(4..), version).unwrap();
        match self.handle_request(&frame) {
            Ok(Verdict::Serve(principal)) => Came::Served(principal.to_string()),
            Ok(Verdict::Answer(answer)) => Came::Answered(read(answer)),
            Err(Refused { answer, delay, close }) => {
                Came::Refused(answer.map(|answer| read(*answer)), delay, close.to_string())
            }
        }
    }

    fn shake_hands(&mut self, mechanism: &str, version: i16) -> ErrorCode {
        match self.send(&SaslHandshakeRequest { mechanism: mechanism.to_owned().into() }, version) {
            Came::Answered(response) | Came::Refused(Some(response), ..) => response.error_code,
            other => panic!("{other:?}"),
        }
    }

    fn authenticate(&mut self, token: impl AsRef<[u8]>, version: i16) -> Came<SaslAuthenticateResponse> {
        let request = SaslAuthenticateRequest { auth_bytes: token.as_ref().to_vec().into() };
        self.send(&request, version)
    }

    /// Logs in with PLAIN; gives how many milliseconds the session lasts.
    fn log_in(&mut self, user: &str) -> i64 {
        assert_eq!(self.shake_hands("PLAIN", 1), ErrorCode::None);
        match self.authenticate(plain(user, &format!("{user}-secret")), 2) {
            Came::Answered(response) => response.session_lifetime_ms,
            other => panic!("{other:?}"),
        }
    }

    fn metrics(&self) -> LoginMetrics {
        self.login.counters.snapshot()
    }

    /// Whether a request would be served.
    fn is_served(&mut self) -> bool {
        matches!(self.send(&MetadataRequest::default(), 12), Came::Served(_))
    }
}

fn plain(user: &str, password: &str) -> String {
    format!("\0{user}\0{password}")
}

fn bytes(answer: AnswerFrame) -> Bytes {
    let runs = answer.runs.into_iter().map(|run| match run {
        ByteRun::Memory(bytes) => bytes,
        ByteRun::File(_) => panic!("a login has no files"),
    });
    Bytes::from(runs.collect::<Vec<_>>().concat())
}

fn scram_client(password: &str) -> SaslClient {
    let nonce = Nonce::from_random([9; 24]);
    SaslClient::scram(ScramMechanism::Sha256, "alice", &Secret::new(password), nonce)
}
