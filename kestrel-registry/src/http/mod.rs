//! The REST API of a registry over HTTP/1.1: connections, calls, answers.

mod body;
mod connections;
mod media;
mod query;
mod route;
mod users;

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use kestrel_client::CancellationToken;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use self::connections::{Connections, Place};
use self::media::MediaType;
use crate::error::Refusal;
use crate::machine::Answer;
use crate::store::Store;

pub(crate) use route::{Call, Methods, Route, route};
pub(crate) use users::Users;

/// The connections at a time; further ones take the place of those that have waited longest for a call.
pub(crate) const CONNECTIONS: usize = 1_024;
/// The largest body of a call, in bytes. A record of the topic is smaller.
const LARGEST_BODY: usize = 4 << 20;
/// How much of a larger body is read all the same, in bytes, so that its sender comes to read the refusal.
const LARGEST_DISCARDED: usize = 64 << 20;
/// How long the head of a call may take, and the pause between two calls of a connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// How long the answer to the last call of a connection may take to be read, when the connection has to end.
const LAST_ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How long the body of a call may take.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// The pause before another connection is accepted, when the system refuses one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The header of a client that passes over fields that it does not know.
const ACCEPTS_UNKNOWN_FIELDS: HeaderName = HeaderName::from_static("confluent-accept-unknown-properties");

type Reply = Response<Full<Bytes>>;

/// What every connection works with.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) users: Users,
    pub(crate) cluster_id: String,
    /// The name of the registry among others of the cluster: its topic.
    pub(crate) topic: Arc<str>,
}

/// Serves so many connections at a time, each a task among `tasks`, until it is stopped; the calls that have begun come to their end.
pub(crate) async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    connections: usize,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Connections::new(connections);
    loop {
        let accepting = async {
            let (stream, _) = listener.accept().await?;
            Ok::<_, io::Error>((stream, places.place().await))
        };
        let Some(accepted) = stop.run_until_cancelled(accepting).await else { return };
        match accepted {
            Ok((stream, place)) => {
                tasks.spawn(serve_connection(Arc::clone(&service), stream, place, stop.clone()));
            }
            Err(error) => {
                warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(service: Arc<Service>, stream: TcpStream, place: Place, stop: CancellationToken) {
    // Answers are small, and waited for.
    let _ = stream.set_nodelay(true);
    let place = Arc::new(place);
    let calls = service_fn(|request| {
        let (service, busy) = (Arc::clone(&service), place.call());
        async move {
            let _busy = busy;
            Ok::<_, Infallible>(service.reply(request).await)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), calls));
    let has_to_end = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = place.closed() => {}
        }
    };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = has_to_end => {
            connection.as_mut().graceful_shutdown();
            // Who does not read the answer does not keep the place.
            tokio::time::timeout(LAST_ANSWER_PATIENCE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = served {
        debug!("a connection ended: {error}");
    }
}

impl Service {
    async fn reply(&self, request: Request<Incoming>) -> Reply {
        let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        let wanted = MediaType::wanted(text(ACCEPT));
        let media_type = wanted.as_ref().copied().unwrap_or_default();
        let is_strict = !text(ACCEPTS_UNKNOWN_FIELDS).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let line = format!("{} {}", request.method(), request.uri());
        let path = request.uri().path().to_owned();
        let answered = match wanted.and_then(|_| self.users.check(text(AUTHORIZATION))) {
            Ok(()) => self.answer(request).await,
            Err(refusal) => Err(refusal),
        };
        let reply = match answered {
            Ok(Body::Answer(answer)) if is_strict => {
                Body::Answer(answer.for_strict_clients()).reply(media_type)
            }
            Ok(body) => body.reply(media_type),
            Err(refusal) => refused(&refusal, &path, media_type),
        };
        debug!("{line}: {}", reply.status());
        reply
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Body, Refusal> {
        let (head, body) = request.into_parts();
        let has_body = head.method == Method::POST || head.method == Method::PUT;
        let body = if has_body {
            media::check_body(head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()))?;
            read(body).await?
        } else {
            Bytes::new()
        };
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        // The answer's head is that of a GET; its body is left out where it is sent.
        let method = if head.method == Method::HEAD { Method::GET } else { head.method };
        match route(Call { method: method.as_str(), path, query, body: &body })? {
            Route::Ask(request) => self.store.ask(*request).await.map(Body::Answer),
            Route::Root => self.store.check_health().map(|()| Body::Json(json!({}))),
            Route::Methods(methods) => Ok(Body::Methods(methods)),
            Route::Types => Ok(Body::Json(json!(["JSON", "PROTOBUF", "AVRO"]))),
            Route::ClusterId => Ok(Body::Json(json!({
                "scope": {
                    "path": [],
                    "clusters": { "kafka-cluster": self.cluster_id, "schema-registry-cluster": &*self.topic },
                },
                "id": "",
            }))),
            Route::ServerVersion => {
                Ok(Body::Json(json!({ "version": env!("CARGO_PKG_VERSION"), "commitId": "kestrel" })))
            }
            Route::Deployment => Ok(Body::Json(json!({ "attributes": ["deploymentScope:opensource"] }))),
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let in_time = tokio::time::timeout(BODY_PATIENCE, whole(body)).await;
    in_time.unwrap_or_else(|_| Err(Refusal::malformed("it did not come in time")))
}

/// Reads a body to its end. Of one that is too large the rest is thrown away: who still sends does not hear the answer.
async fn whole(mut body: Incoming) -> Result<Bytes, Refusal> {
    let (mut bytes, mut size) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Refusal::malformed)?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        size += data.len();
        if size <= LARGEST_BODY {
            bytes.extend_from_slice(data);
        } else if size > LARGEST_DISCARDED {
            break;
        }
    }
    if size <= LARGEST_BODY { Ok(bytes.freeze()) } else { Err(Refusal::body_too_large(LARGEST_BODY)) }
}

/// What is sent when all is well.
enum Body {
    Answer(Answer),
    Json(serde_json::Value),
    Methods(Methods),
}

impl Body {
    fn reply(self, media_type: MediaType) -> Reply {
        let bytes = match self {
            Self::Answer(Answer::Done) => {
                let mut reply = Response::new(Full::default());
                *reply.status_mut() = StatusCode::NO_CONTENT;
                return reply;
            }
            Self::Answer(Answer::Text(text)) => text.into_bytes(),
            Self::Answer(answer) => serde_json::to_vec(&answer).expect("an answer is JSON"),
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Methods(methods) => {
                let mut reply = Response::new(Full::default());
                reply.headers_mut().insert(ALLOW, methods.header());
                return reply;
            }
        };
        with_type(bytes, media_type)
    }
}

fn refused(refusal: &Refusal, path: &str, media_type: MediaType) -> Reply {
    let body = json!({ "error_code": refusal.code(), "message": refusal.message() });
    let mut reply = with_type(body.to_string().into_bytes(), media_type);
    *reply.status_mut() = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if reply.status() == StatusCode::METHOD_NOT_ALLOWED {
        reply.headers_mut().insert(ALLOW, Methods::at(path).header());
    }
    if reply.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"kestrel-registry\"");
        reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    reply
}

fn with_type(bytes: Vec<u8>, media_type: MediaType) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(bytes)));
    reply.headers_mut().insert(CONTENT_TYPE, media_type.header());
    reply
}
