//! Sender: carries out what [`Attempts`] says for one request.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use kestrel_serde::registry::{RegistryError, RegistryErrorKind};
use tokio::time::{sleep, timeout};

use super::connection::{Connection, ExchangeError};
use super::dialler::{DialError, Dialler};
use super::pool::Pool;
use crate::address::Address;
use crate::attempts::{Attempts, Next, Outcome, may_pass};
use crate::authentication::Authentication;
use crate::environment::{now, random};
use crate::request::Request;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
const ACCEPTED: &str =
    "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json";
/// Without it a registry leaves out what its oldest clients do not know: GUIDs, and what a registration has made.
const ACCEPTS_UNKNOWN_FIELDS: HeaderName = HeaderName::from_static("confluent-accept-unknown-properties");
const AGENT: &str = concat!("kestrel/", env!("CARGO_PKG_VERSION"));

/// Sends requests to the addresses of a registry.
#[derive(Debug)]
pub(crate) struct Sender {
    /// With what each has of a user and a password in it.
    addresses: Vec<(Address, Option<HeaderValue>)>,
    /// The place of the address that has last answered something else than that it cannot at the moment.
    good: AtomicUsize,
    authentication: Authentication,
    dialler: Dialler,
    pool: Pool,
    limits: Limits,
}

/// How much a request may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For one attempt, without connecting; and for its token.
    pub(crate) request_timeout: Duration,
    pub(crate) retries: usize,
    pub(crate) max_answer_bytes: usize,
}

/// An attempt that brought no answer.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("the connection failed")]
    Exchange(#[source] Box<dyn Error + Send + Sync>, bool),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the request is none of HTTP")]
    Request(#[source] hyper::http::Error),
}

impl Sender {
    /// At least one address.
    pub(crate) fn new(
        addresses: Vec<(Address, Option<HeaderValue>)>,
        authentication: Authentication,
        dialler: Dialler,
        limits: Limits,
    ) -> Self {
        let pool = Pool::new(addresses.len());
        Self { addresses, good: AtomicUsize::new(0), authentication, dialler, pool, limits }
    }

    /// Where the registry is.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter().map(|(address, _)| address)
    }

    /// The answer, and the address that gave it.
    pub(crate) async fn send(
        &self,
        request: &Request,
    ) -> Result<(&Address, StatusCode, Bytes), RegistryError> {
        let first = self.good.load(Ordering::Relaxed);
        let mut attempts =
            Attempts::new(self.addresses.len(), first, self.limits.retries, request.is_repeatable());
        loop {
            let place = attempts.address();
            let (address, own) = &self.addresses[place];
            let authorization = self.authorization(own.as_ref()).await?;
            let result = self.attempt(place, request, authorization).await;
            let next = attempts.handle_outcome(outcome(&result), random());
            match (next, result) {
                (Next::Done, Ok((status, body))) => {
                    if !may_pass(status) {
                        self.good.store(place, Ordering::Relaxed);
                    }
                    return Ok((address, status, body));
                }
                (Next::Done, Err(error)) => return Err(failure(error, address, request)),
                (Next::Again(pause), result) => {
                    let problem =
                        result.map_or_else(|error| error.to_string(), |(status, _)| status.to_string());
                    tracing::debug!(%address, request = request.describe(), problem, ?pause, "asking again");
                    sleep(pause).await;
                }
            }
        }
    }

    async fn authorization(&self, own: Option<&HeaderValue>) -> Result<Option<HeaderValue>, RegistryError> {
        let Limits { request_timeout, .. } = self.limits;
        match timeout(request_timeout, self.authentication.header(own)).await {
            Ok(header) => header,
            Err(_) => {
                let problem = format!("the provider gave no token within {request_timeout:?}");
                Err(RegistryError::new(RegistryErrorKind::Unavailable, problem))
            }
        }
    }

    async fn attempt(
        &self,
        place: usize,
        request: &Request,
        authorization: Option<HeaderValue>,
    ) -> Result<(StatusCode, Bytes), AttemptError> {
        let (address, _) = &self.addresses[place];
        let http = http_request(address, request, authorization).map_err(AttemptError::Request)?;
        // A kept connection may be closed by the other side at this very moment: not for what must not be sent twice.
        let kept = if request.is_repeatable() { self.pool.take(place, now()) } else { None };
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.dialler.dial(address).await?,
        };
        let answer = self.exchange(&mut connection, http).await?;
        self.pool.put(place, connection, now());
        Ok(answer)
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        http: hyper::Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), AttemptError> {
        let Limits { request_timeout, max_answer_bytes, .. } = self.limits;
        match timeout(request_timeout, connection.exchange(http, max_answer_bytes)).await {
            Ok(answer) => {
                answer.map_err(|ExchangeError { is_unsent, cause }| AttemptError::Exchange(cause, is_unsent))
            }
            Err(_) => Err(AttemptError::Timeout(request_timeout)),
        }
    }
}

fn http_request(
    address: &Address,
    request: &Request,
    authorization: Option<HeaderValue>,
) -> Result<hyper::Request<Full<Bytes>>, hyper::http::Error> {
    let mut http = hyper::Request::builder()
        .method(request.method())
        .uri(format!("{}{}", address.path(), request.path()))
        .header(HOST, address.authority())
        .header(ACCEPT, ACCEPTED)
        .header(ACCEPTS_UNKNOWN_FIELDS, "true")
        .header(USER_AGENT, AGENT);
    let body = request.body();
    if !body.is_empty() {
        http = http.header(CONTENT_TYPE, MEDIA_TYPE);
    }
    if let Some(authorization) = authorization {
        http = http.header(AUTHORIZATION, authorization);
    }
    http.body(Full::new(body))
}

fn outcome(result: &Result<(StatusCode, Bytes), AttemptError>) -> Outcome {
    match result {
        Ok((status, _)) => Outcome::Answered(*status),
        Err(AttemptError::Dial(error)) if error.is_final() => Outcome::Final,
        Err(AttemptError::Request(_)) => Outcome::Final,
        Err(AttemptError::Exchange(cause, _)) if is_too_large(&**cause) => Outcome::Final,
        Err(AttemptError::Dial(_) | AttemptError::Exchange(_, true)) => Outcome::NotSent,
        Err(AttemptError::Exchange(_, false) | AttemptError::Timeout(_)) => Outcome::Lost,
    }
}

fn is_too_large(cause: &(dyn Error + Send + Sync + 'static)) -> bool {
    cause.is::<http_body_util::LengthLimitError>()
}

fn failure(error: AttemptError, address: &Address, request: &Request) -> RegistryError {
    let unavailable = |problem: String| RegistryError::new(RegistryErrorKind::Unavailable, problem);
    let failed = match error {
        AttemptError::Dial(DialError::NoTls) => {
            RegistryError::new(RegistryErrorKind::Config, error.to_string())
        }
        AttemptError::Dial(DialError::Connect(cause)) => {
            unavailable("cannot connect".into()).caused_by(cause)
        }
        AttemptError::Exchange(cause, _) if is_too_large(&*cause) => RegistryError::new(
            RegistryErrorKind::Answer,
            "the answer is larger than `max_answer_bytes` allows",
        ),
        AttemptError::Exchange(cause, _) => unavailable("the connection failed".into()).caused_by(cause),
        AttemptError::Request(cause) => {
            RegistryError::new(RegistryErrorKind::Config, "the request is none of HTTP").caused_by(cause)
        }
        AttemptError::Dial(_) | AttemptError::Timeout(_) => unavailable(error.to_string()),
    };
    failed.asking(address.to_string(), request.describe())
}
