//! A connection over an in-memory stream, the test being the broker.

use std::task::Poll;

use bytes::BytesMut;
use futures::{FutureExt, poll};
use kestrel_protocol::messages::api_versions::ApiVersion;
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataResponse};
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::{FrameDecoder, RequestFrame, encode_response};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::net::HostPort;
use crate::observer::{Observer, RequestWritten, Throttled};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The broker's end of a connection.
struct Peer {
    stream: DuplexStream,
    received: BytesMut,
}

impl Peer {
    /// The next request.
    async fn request(&mut self) -> RequestFrame {
        loop {
            if let Some(frame) = FrameDecoder::new(1 << 20).decode(&mut self.received).unwrap() {
                return RequestFrame::parse(frame).unwrap();
            }
            assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "the client hung up");
        }
    }

    /// Answers a Metadata request with a controller id to tell it by.
    async fn answer(&mut self, request: &RequestFrame, controller: i32) {
        let response = MetadataResponse { controller_id: controller.into(), ..MetadataResponse::default() };
        self.respond(request, response).await;
    }

    async fn respond(&mut self, request: &RequestFrame, response: MetadataResponse) {
        self.respond_to::<MetadataRequest>(request, &response).await;
    }

    async fn respond_to<R: Request>(&mut self, request: &RequestFrame, response: &R::Response) {
        let header = &request.header;
        for chunk in encode_response::<R>(response, header.api_version, header.correlation_id).unwrap() {
            self.stream.write_all(&chunk).await.unwrap();
        }
    }
}

fn connect(window: usize) -> (Connection, Peer) {
    connect_over(window, usize::MAX, ObserverSeat::default())
}

fn connect_over(window: usize, at_once_bytes: usize, observer: ObserverSeat) -> (Connection, Peer) {
    connect_with(window, at_once_bytes, observer, None)
}

fn connect_with(
    window: usize,
    at_once_bytes: usize,
    observer: ObserverSeat,
    session: Option<Session>,
) -> (Connection, Peer) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let options = ConnectionOptions {
        broker: BrokerName::new(Some(1.into()), HostPort::parse("test:9092").unwrap().1),
        client_id: "test".into(),
        window,
        receive_limit_bytes: 1024,
        max_idle: Duration::from_secs(600),
    };
    let speaks = |api: ApiKey| ApiVersion {
        api_key: api.key(),
        min_version: *api.versions().start(),
        max_version: *api.versions().end(),
    };
    let apis = [ApiKey::Metadata, ApiKey::Produce, ApiKey::SaslHandshake, ApiKey::SaslAuthenticate];
    let versions = Versions::intersect(&apis.map(speaks));
    let tasks = Tasks::here(observer).unwrap();
    let (reader, writer) = tokio::io::split(ours);
    let stream = Stream { at_once_bytes, ..Stream::plain(reader, writer) };
    let dialled = Dialled { stream, versions, session };
    let connection = Connection::start(dialled, options, &tasks, CancellationToken::new());
    (connection, Peer { stream: theirs, received: BytesMut::new() })
}

async fn ready(connection: &mut Connection) {
    poll_fn(|cx| connection.poll_ready(cx)).await.unwrap();
}

fn call(connection: &mut Connection, timeout: Duration) -> Answer<MetadataRequest> {
    let request = &MetadataRequest::default();
    connection.call(&Call { request, version: 12, timeout, expects_answer: true })
}

#[tokio::test]
async fn requests_are_pipelined_and_answers_find_their_callers() {
    let (mut connection, mut peer) = connect(3);
    let mut answers = Vec::new();
    for _ in 0..3 {
        ready(&mut connection).await;
        answers.push(call(&mut connection, TIMEOUT));
    }
    let mut requests = Vec::new();
    for _ in 0..3 {
        requests.push(peer.request().await);
    }
    for (controller, request) in (0..).zip(&requests) {
        peer.answer(request, controller).await;
    }
    for (controller, answer) in (0..).zip(answers) {
        assert_eq!(answer.await.unwrap().controller_id.0, controller);
    }
}

#[tokio::test]
async fn the_window_is_what_poll_ready_waits_for() {
    let (mut connection, mut peer) = connect(1);
    ready(&mut connection).await;
    let first = call(&mut connection, TIMEOUT);
    let mut other = connection.clone();
    assert!(matches!(poll!(std::pin::pin!(ready(&mut other))), Poll::Pending));
    assert_eq!(connection.in_flight(), 1);
    let request = peer.request().await;
    peer.answer(&request, 1).await;
    first.await.unwrap();
    ready(&mut other).await;
}

#[tokio::test]
async fn who_gives_up_does_not_disturb_the_others() {
    let (connection, mut peer) = connect(2);
    let request = MetadataRequest::default();
    let mut given_up = Box::pin(connection.send(&request, TIMEOUT));
    assert!(matches!(poll!(&mut given_up), Poll::Pending));
    drop(given_up);
    let (_, second) = tokio::join!(
        async {
            for controller in 0..2 {
                let request = peer.request().await;
                peer.answer(&request, controller).await;
            }
        },
        connection.send(&request, TIMEOUT),
    );
    assert_eq!(second.unwrap().controller_id.0, 1);
}

#[tokio::test(start_paused = true)]
async fn one_unanswered_request_ends_the_connection_and_everyone_is_told() {
    let (mut connection, mut peer) = connect(2);
    ready(&mut connection).await;
    let silent = call(&mut connection, Duration::from_secs(5));
    ready(&mut connection).await;
    let behind = call(&mut connection, TIMEOUT);
    peer.request().await;
    let error = silent.await.unwrap_err();
    assert!(format!("{error:#}").contains("request.timeout.ms") && error.possibly_written(), "{error:#}");
    let error = behind.await.unwrap_err();
    assert!(matches!(error, Error::Disconnected { possibly_written: true, .. }), "{error:#}");
    assert!(connection.is_closed());
    let error = connection.send(&MetadataRequest::default(), TIMEOUT).await.unwrap_err();
    assert!(!error.possibly_written(), "{error:#}");
    assert!(
        format!("{error:#}").contains("1 (test:9092) failed: a request was not answered in time"),
        "{error:#}"
    );
}

#[tokio::test]
async fn an_answer_out_of_order_ends_the_connection() {
    let (mut connection, mut peer) = connect(2);
    ready(&mut connection).await;
    let first = call(&mut connection, TIMEOUT);
    ready(&mut connection).await;
    let second = call(&mut connection, TIMEOUT);
    let _first = peer.request().await;
    let request = peer.request().await;
    peer.answer(&request, 2).await;
    let error = first.await.unwrap_err();
    assert!(format!("{error:#}").contains("correlation id"), "{error:#}");
    assert!(second.await.is_err());
    assert!(connection.is_closed());
}

#[tokio::test]
async fn a_peer_that_hangs_up_fails_what_is_on_its_way() {
    let (mut connection, mut peer) = connect(1);
    ready(&mut connection).await;
    let answer = call(&mut connection, TIMEOUT);
    peer.request().await;
    drop(peer);
    let error = answer.await.unwrap_err();
    let expected = "closed the connection before its first answer, as a listener does that wants SASL";
    assert!(format!("{error:#}").contains(expected) && error.possibly_written(), "{error:#}");
}

#[tokio::test]
async fn an_answer_above_the_limit_is_not_waited_for() {
    let (mut connection, mut peer) = connect(1);
    ready(&mut connection).await;
    let answer = call(&mut connection, TIMEOUT);
    peer.stream.write_all(&2048_i32.to_be_bytes()).await.unwrap();
    let error = answer.await.unwrap_err();
    let expected = "2048 bytes is above the limit of 1024 bytes (setting receive.message.max.bytes)";
    assert!(format!("{error:#}").contains(expected), "{error:#}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_an_error_of_its_own() {
    let (mut connection, mut peer) = connect(1);
    ready(&mut connection).await;
    let answer = call(&mut connection, TIMEOUT);
    let correlation_id = peer.request().await.header.correlation_id;
    let frame = [&5_i32.to_be_bytes()[..], &correlation_id.to_be_bytes(), &[0]].concat();
    peer.stream.write_all(&frame).await.unwrap();
    let error = answer.await.unwrap_err();
    assert!(matches!(error, Error::MalformedResponse { .. }), "{error:#}");
    assert!(connection.is_closed());
}

#[tokio::test]
async fn a_request_without_an_answer_is_done_when_it_is_written() {
    let (mut connection, mut peer) = connect(1);
    for _ in 0..2 {
        ready(&mut connection).await;
        let request = &ProduceRequest::default();
        let written = connection.call(&Call { request, version: 9, timeout: TIMEOUT, expects_answer: false });
        written.await.unwrap();
        assert_eq!(peer.request().await.header.api(), Some(ApiKey::Produce));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_after_its_time() {
    let (connection, mut peer) = connect(1);
    let request = MetadataRequest::default();
    tokio::time::advance(Duration::from_secs(400)).await;
    let (answer, ()) = tokio::join!(connection.send(&request, TIMEOUT), async {
        let request = peer.request().await;
        peer.answer(&request, 1).await;
    });
    answer.unwrap();
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(!connection.is_closed(), "it was used 500 s ago");
    tokio::time::sleep(Duration::from_secs(101)).await;
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn requests_without_answers_keep_a_connection_too() {
    let (mut connection, mut peer) = connect(1);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(500)).await;
        ready(&mut connection).await;
        let request = &ProduceRequest::default();
        let written = connection.call(&Call { request, version: 9, timeout: TIMEOUT, expects_answer: false });
        written.await.unwrap();
        peer.request().await;
    }
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert!(connection.is_closed());
}

#[tokio::test]
async fn an_api_that_the_broker_lacks_is_named() {
    let (connection, _peer) = connect(1);
    let error = connection.version(ApiKey::Fetch).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "broker 1 (test:9092) does not speak Fetch in a version that this client does"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_peer_sends_the_caller_gets_an_outcome(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut connection, mut peer) = connect(1);
            ready(&mut connection).await;
            let answer = call(&mut connection, TIMEOUT);
            peer.request().await;
            // The answer's length and correlation id are right, so that the garbage gets to the decoder.
            let length = i32::try_from(bytes.len() + 4).unwrap().to_be_bytes();
            let frame = [&length[..], &1_i32.to_be_bytes(), &bytes].concat();
            peer.stream.write_all(&frame).await.unwrap();
            drop(peer);
            let _ = answer.await;
        });
    }
}

/// Writes events down.
#[derive(Debug, Default)]
struct Notebook(Mutex<Vec<String>>);

impl Notebook {
    fn note(&self, event: String) {
        self.0.lock().push(event);
    }
}

impl Observer for Notebook {
    fn on_request_written(&self, event: &RequestWritten<'_>) {
        let RequestWritten { broker, api, version, bytes, .. } = event;
        self.note(format!("{broker}: {api} {version}, {bytes} bytes"));
    }

    fn on_request_ended(&self, event: &RequestEnded<'_>) {
        let RequestEnded { api, version, outcome, .. } = event;
        self.note(match outcome {
            Ok(bytes) => format!("{api} {version}: {bytes} bytes"),
            Err(error) => format!("{api} {version}: {error:#}"),
        });
    }

    fn on_throttled(&self, event: &Throttled<'_>) {
        self.note(format!("{}: throttled for {:?}", event.api, event.throttle));
    }

    fn on_disconnected(&self, event: &Disconnected<'_>) {
        self.note(format!("disconnected with {} in flight: {}", event.in_flight, event.cause));
    }
}

#[tokio::test]
async fn an_observer_hears_each_request_begin_and_end() {
    let heard = Arc::new(Notebook::default());
    let (mut connection, mut peer) = connect_over(2, usize::MAX, ObserverSeat::new(heard.clone()));
    ready(&mut connection).await;
    let answer = call(&mut connection, TIMEOUT);
    let request = peer.request().await;
    let response = MetadataResponse { throttle_time_ms: 250, ..MetadataResponse::default() };
    peer.respond(&request, response).await;
    answer.await.unwrap();
    let mut unanswered = connection.clone();
    poll_fn(|cx| unanswered.poll_ready(cx)).await.unwrap();
    let request = &ProduceRequest::default();
    unanswered.call(&Call { request, version: 9, timeout: TIMEOUT, expects_answer: false }).await.unwrap();
    ready(&mut connection).await;
    let answer = call(&mut connection, TIMEOUT);
    peer.request().await;
    peer.request().await;
    drop(peer);
    answer.await.unwrap_err();
    let closed = "the broker closed the connection";
    assert_eq!(
        *heard.0.lock(),
        [
            "1 (test:9092): Metadata 12, 23 bytes",
            "Metadata 12: 17 bytes",
            "Metadata: throttled for 250ms",
            "1 (test:9092): Produce 9, 28 bytes",
            "Produce 9: 0 bytes",
            "1 (test:9092): Metadata 12, 23 bytes",
            &format!("disconnected with 1 in flight: {closed}"),
            &format!("Metadata 12: the connection to broker 1 (test:9092) failed: {closed}"),
        ]
    );
}

#[tokio::test]
async fn what_is_large_for_its_stream_is_left_to_the_task() {
    for (at_once_bytes, is_written_at_once) in [(23, true), (22, false)] {
        let (mut connection, mut peer) = connect_over(2, at_once_bytes, ObserverSeat::default());
        ready(&mut connection).await;
        let answer = call(&mut connection, TIMEOUT);
        let arrived = peer.request().now_or_never();
        assert_eq!(arrived.is_some(), is_written_at_once);
        let request = match arrived {
            Some(request) => request,
            None => peer.request().await,
        };
        peer.answer(&request, 7).await;
        assert_eq!(answer.await.unwrap().controller_id, 7.into());
    }
}

/// Answers the next request, and says that the client is held back.
async fn throttle(peer: &mut Peer, connection: &mut Connection, version: i16, throttle_time_ms: i32) {
    ready(connection).await;
    let request = &MetadataRequest::default();
    let answer = connection.call(&Call { request, version, timeout: TIMEOUT, expects_answer: true });
    let request = peer.request().await;
    peer.respond(&request, MetadataResponse { throttle_time_ms, ..MetadataResponse::default() }).await;
    answer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_held_back_sends_nothing_for_that_long() {
    let (mut connection, mut peer) = connect(3);
    let (mut other, mut other_peer) = connect(1);
    throttle(&mut peer, &mut connection, 12, 90_000).await;
    assert!(connection.is_held_back() && !other.is_held_back());
    let begun = environment::now();
    // Both wait longer than their own timeout, of which nothing is used up.
    ready(&mut connection).await;
    let called = call(&mut connection, TIMEOUT);
    let sender = connection.clone();
    let request = MetadataRequest::default();
    let mut sent = Box::pin(sender.send(&request, TIMEOUT));
    assert!(matches!(poll!(&mut sent), Poll::Pending));
    throttle(&mut other_peer, &mut other, 12, 0).await;
    assert_eq!(environment::now(), begun, "the other broker is asked and answers meanwhile");
    for controller in 0..2 {
        let request = peer.request().await;
        peer.answer(&request, controller).await;
    }
    assert_eq!(environment::now() - begun, Duration::from_secs(90));
    called.await.unwrap();
    sent.await.unwrap();
    assert!(!connection.is_held_back());
}

#[tokio::test(start_paused = true)]
async fn a_throttle_counts_also_when_its_caller_has_gone() {
    let (mut connection, mut peer) = connect(1);
    ready(&mut connection).await;
    drop(call(&mut connection, TIMEOUT));
    let request = peer.request().await;
    peer.respond(&request, MetadataResponse { throttle_time_ms: 90_000, ..MetadataResponse::default() })
        .await;
    ready(&mut connection).await;
    assert!(connection.is_held_back());
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_may_take_longer_by_the_time_that_the_broker_reads_nothing() {
    let (mut connection, mut peer) = connect(3);
    ready(&mut connection).await;
    let first = call(&mut connection, TIMEOUT);
    ready(&mut connection).await;
    let second = call(&mut connection, TIMEOUT);
    let request = peer.request().await;
    let held_back = MetadataResponse { throttle_time_ms: 100_000, ..MetadataResponse::default() };
    peer.respond(&request, held_back).await;
    first.await.unwrap();
    let request = peer.request().await;
    tokio::time::sleep(Duration::from_secs(129)).await;
    peer.answer(&request, 1).await;
    second.await.unwrap();
    // Beyond that they time out as ever.
    ready(&mut connection).await;
    let silent = call(&mut connection, TIMEOUT);
    let begun = environment::now();
    silent.await.unwrap_err();
    assert_eq!(environment::now() - begun, TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_longer_throttle_counts_and_a_shorter_one_changes_nothing() {
    let (mut connection, mut peer) = connect(3);
    let mut answers = Vec::new();
    let mut requests = Vec::new();
    for _ in 0..3 {
        ready(&mut connection).await;
        answers.push(call(&mut connection, TIMEOUT));
        requests.push(peer.request().await);
    }
    let begun = environment::now();
    for ((request, answer), seconds) in requests.iter().zip(answers).zip([10, 40, 20]) {
        let throttle_time_ms = seconds * 1000;
        peer.respond(request, MetadataResponse { throttle_time_ms, ..MetadataResponse::default() }).await;
        answer.await.unwrap();
    }
    ready(&mut connection).await;
    let _answer = call(&mut connection, TIMEOUT);
    peer.request().await;
    assert_eq!(environment::now() - begun, Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_before_kip_219_came_when_the_throttle_was_over() {
    let (mut connection, mut peer) = connect(1);
    throttle(&mut peer, &mut connection, 5, 90_000).await;
    assert!(!connection.is_held_back());
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_the_broker_holds_back_fails_with_the_connection() {
    let (mut connection, mut peer) = connect(2);
    throttle(&mut peer, &mut connection, 12, 90_000).await;
    ready(&mut connection).await;
    let waiting = call(&mut connection, TIMEOUT);
    drop(peer);
    let error = waiting.await.unwrap_err();
    assert!(!error.possibly_written(), "{error:#}");
}

mod sessions;
