//! A connection over a pipe in memory, with a pipeline that does as it is told.

use std::sync::Arc;

use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::{ApiKey, correlation_id, encode_request};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Notify, Semaphore};
use tokio_util::task::TaskTracker;
use tower::Service;

use super::*;
use crate::api::{AnswerFrame, Close, Intake, ListenerId, Reply};

const LIMITS: ConnectionLimits =
    ConnectionLimits { request_max_bytes: 1024, max_idle: Some(Duration::from_secs(60)) };

/// A pipeline that answers with the correlation id when it is let, and notes in which order it was called.
#[derive(Clone)]
struct Scripted {
    called: Arc<Mutex<Vec<i32>>>,
    /// A permit per answer that may leave; closed lets all leave.
    let_go: Arc<Semaphore>,
    answer_bytes: usize,
    /// The correlation id whose request is refused.
    refused: i32,
    /// How long the client is held back after the request of this correlation id.
    throttle: (i32, Duration),
}

impl Scripted {
    fn new(answers_let_go: usize) -> Self {
        let let_go = Arc::new(Semaphore::new(answers_let_go));
        let throttle = (-1, Duration::ZERO);
        Self { called: Arc::default(), let_go, answer_bytes: 0, refused: -1, throttle }
    }

    fn called(&self) -> Vec<i32> {
        self.called.lock().clone()
    }
}

impl Service<Request> for Scripted {
    type Response = AnswerFrame;
    type Error = Close;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Close>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Reply {
        let Content::Request(frame) = request.content else { panic!("a bare token") };
        let id = frame.header.correlation_id;
        self.called.lock().push(id);
        if id == self.refused {
            return Reply::now(Err(Close::UnsupportedVersion { api: ApiKey::Metadata, version: 99 }));
        }
        let (let_go, answer_bytes) = (Arc::clone(&self.let_go), self.answer_bytes);
        let throttle = if self.throttle.0 == id { self.throttle.1 } else { Duration::ZERO };
        Reply::later(async move {
            if let Ok(permit) = let_go.acquire().await {
                permit.forget();
            }
            let length = u32::try_from(4 + answer_bytes).unwrap();
            let frame = [&length.to_be_bytes()[..], &id.to_be_bytes(), &vec![7; answer_bytes]].concat();
            Ok(AnswerFrame { runs: vec![Bytes::from(frame).into()], throttle, ..Default::default() })
        })
    }
}

impl Pipeline for Scripted {
    fn intake(&self) -> Intake {
        Intake::REQUESTS
    }
}

/// A connection on its task, and its far end.
struct Scene {
    far: DuplexStream,
    stopping: CancellationToken,
    ended: tokio::task::JoinHandle<(Closed, String)>,
}

impl Scene {
    fn begin(pipeline: Scripted, pipe_bytes: usize) -> Self {
        let (near, far) = tokio::io::duplex(pipe_bytes);
        let stopping = CancellationToken::new();
        let token = stopping.clone();
        let peer = ([127, 0, 0, 1], 9).into();
        let mut connection =
            Connection::new(near, Origin { peer, listener: ListenerId(0) }, pipeline, LIMITS);
        let ended = TaskTracker::new().spawn(async move {
            let closed = connection.drive(&token).await;
            (closed, connection.client_id().to_owned())
        });
        Self { far, stopping, ended }
    }

    async fn send(&mut self, correlation_id: i32) {
        let request =
            encode_request(&MetadataRequest::default(), 12, correlation_id, Some("tester".into())).unwrap();
        self.far.write_all(&request.concat()).await.unwrap();
    }

    async fn receive(&mut self) -> i32 {
        let length = self.far.read_u32().await.unwrap();
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        self.far.read_exact(&mut frame).await.unwrap();
        correlation_id(&Bytes::from(frame)).unwrap()
    }

    async fn closed(self) -> String {
        drop(self.far);
        self.ended.await.unwrap().0.to_string()
    }
}

#[tokio::test]
async fn requests_are_called_at_once_and_answered_in_order() {
    let pipeline = Scripted::new(0);
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    for id in 0..5 {
        scene.send(id).await;
    }
    // All of them reach the pipeline while no answer has left.
    timeout(Duration::from_secs(10), async {
        while pipeline.called().len() < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(pipeline.called(), [0, 1, 2, 3, 4]);
    pipeline.let_go.close();
    for id in 0..5 {
        assert_eq!(scene.receive().await, id);
    }
    assert_eq!(scene.closed().await, "the client closed it");
}

#[tokio::test]
async fn who_speaks_another_protocol_is_named() {
    for (first, named) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], "this looks like TLS"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "this looks like HTTP"),
        (b"ruok", "this looks like a command for ZooKeeper"),
    ] {
        let mut scene = Scene::begin(Scripted::new(0), 1 << 16);
        scene.far.write_all(first).await.unwrap();
        // At once, and not when the peer has given up.
        assert_eq!(scene.far.read(&mut [0]).await.unwrap(), 0);
        let closed = scene.closed().await;
        assert!(closed.starts_with(named), "{closed}");
    }
    // Later bytes are data, whatever they look like: here the length of a frame that is too large.
    let mut scene = Scene::begin(Scripted::new(1), 1 << 16);
    scene.send(1).await;
    assert_eq!(scene.receive().await, 1);
    scene.far.write_all(b"GET ").await.unwrap();
    assert_eq!(scene.far.read(&mut [0]).await.unwrap(), 0);
    assert!(scene.closed().await.starts_with("a frame of"));
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte() {
    let mut scene = Scene::begin(Scripted::new(2), 1 << 16);
    let request = encode_request(&MetadataRequest::default(), 12, 7, Some("slow".into())).unwrap().concat();
    for byte in request {
        scene.far.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.receive().await, 7);
    drop(scene.far);
    assert_eq!(scene.ended.await.unwrap().1, "slow");
}

#[tokio::test]
async fn a_refused_request_closes_after_the_answers_before_it() {
    let mut pipeline = Scripted::new(9);
    pipeline.refused = 2;
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    for id in 1..=3 {
        scene.send(id).await;
    }
    assert_eq!(scene.receive().await, 1);
    assert_eq!(scene.far.read(&mut [0; 8]).await.unwrap(), 0, "closed");
    assert_eq!(scene.closed().await, "Metadata v12: Metadata version 99 is not served");
}

#[tokio::test]
async fn an_impossible_length_closes_before_its_bytes_come() {
    let mut scene = Scene::begin(Scripted::new(0), 1 << 16);
    scene.far.write_all(&(i32::MAX).to_be_bytes()).await.unwrap();
    assert_eq!(scene.far.read(&mut [0; 8]).await.unwrap(), 0);
    let said = scene.closed().await;
    assert!(said.contains("2147483647 bytes") && said.contains("socket.request.max.bytes"), "{said}");
}

#[tokio::test]
async fn a_frame_without_a_header_closes() {
    let mut scene = Scene::begin(Scripted::new(0), 1 << 16);
    scene.far.write_all(&[0, 0, 0, 3, 1, 2, 3]).await.unwrap();
    assert_eq!(scene.far.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(scene.closed().await.starts_with("malformed request header"));
}

#[tokio::test]
async fn answers_are_not_made_for_a_reader_who_does_not_read() {
    let mut pipeline = Scripted::new(100);
    pipeline.answer_bytes = OUTBOX_LIMIT_BYTES;
    let mut scene = Scene::begin(pipeline.clone(), 4096);
    for id in 0..8 {
        scene.send(id).await;
    }
    timeout(Duration::from_secs(10), async {
        while pipeline.called().len() < 8 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(pipeline.let_go.available_permits() >= 98, "at most two answers were made");
    for id in 0..8 {
        assert_eq!(scene.receive().await, id);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_a_working_one_is_not() {
    let pipeline = Scripted::new(1);
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    tokio::time::sleep(Duration::from_secs(50)).await;
    scene.send(1).await;
    assert_eq!(scene.receive().await, 1);
    // The handler of this one works for longer than a connection may be idle.
    scene.send(2).await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    pipeline.let_go.add_permits(1);
    assert_eq!(scene.receive().await, 2);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(scene.far.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(scene.closed().await.starts_with("idle"));
}

#[tokio::test(start_paused = true)]
async fn half_a_request_does_not_keep_a_connection_open() {
    let mut scene = Scene::begin(Scripted::new(0), 1 << 16);
    for byte in [0, 0, 1, 0, 7] {
        tokio::time::sleep(Duration::from_secs(20)).await;
        if scene.far.write_all(&[byte]).await.is_err() {
            break;
        }
    }
    assert!(scene.closed().await.starts_with("idle"));
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight() {
    let pipeline = Scripted::new(0);
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    let called = Arc::new(Notify::new());
    scene.send(1).await;
    called.notify_one();
    while pipeline.called().is_empty() {
        tokio::task::yield_now().await;
    }
    scene.stopping.cancel();
    pipeline.let_go.add_permits(1);
    assert_eq!(scene.receive().await, 1);
    assert_eq!(scene.far.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(scene.closed().await, "the broker stops");
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_reader_who_does_not_read() {
    let mut pipeline = Scripted::new(100);
    pipeline.answer_bytes = OUTBOX_LIMIT_BYTES;
    let mut scene = Scene::begin(pipeline.clone(), 4096);
    scene.send(1).await;
    while pipeline.called().is_empty() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    scene.stopping.cancel();
    let (closed, client_id) = scene.ended.await.unwrap();
    assert!(matches!(closed, Closed::Unread(_)) && closed.is_fault(), "{closed}");
    assert_eq!(client_id, "tester");
    assert_eq!(began.elapsed(), UNREAD_PATIENCE, "by the paused clock");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_handler_that_is_at_work() {
    let pipeline = Scripted::new(0);
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    scene.send(1).await;
    while pipeline.called().is_empty() {
        tokio::task::yield_now().await;
    }
    scene.stopping.cancel();
    tokio::time::sleep(5 * UNREAD_PATIENCE).await;
    pipeline.let_go.add_permits(1);
    assert_eq!(scene.receive().await, 1);
    assert_eq!(scene.closed().await, "the broker stops");
}

#[tokio::test(start_paused = true)]
async fn who_is_held_back_is_answered_first_and_not_heard_then() {
    let mut pipeline = Scripted::new(9);
    pipeline.throttle = (1, Duration::from_secs(90));
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    let mut other = Scene::begin(Scripted::new(9), 1 << 16);
    scene.send(1).await;
    let begun = Instant::now();
    assert_eq!(scene.receive().await, 1);
    assert_eq!(begun.elapsed(), Duration::ZERO, "the answer does not wait");
    scene.send(2).await;
    other.send(7).await;
    assert_eq!(other.receive().await, 7);
    assert_eq!((begun.elapsed(), pipeline.called()), (Duration::ZERO, vec![1]));
    // Longer than it may be idle, which it is not.
    assert_eq!(scene.receive().await, 2);
    assert_eq!(begun.elapsed(), Duration::from_secs(90));
    assert_eq!(scene.closed().await, "the client closed it");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_throttle_is_answered_during_it() {
    let mut pipeline = Scripted::new(1);
    pipeline.throttle = (1, Duration::from_secs(30));
    let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
    scene.send(1).await;
    scene.send(2).await;
    assert_eq!(scene.receive().await, 1);
    assert_eq!(pipeline.called(), [1, 2]);
    let begun = Instant::now();
    pipeline.let_go.add_permits(1);
    assert_eq!(scene.receive().await, 2);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_who_is_held_back() {
    let mut pipeline = Scripted::new(1);
    pipeline.throttle = (1, Duration::from_secs(3600));
    let mut scene = Scene::begin(pipeline, 1 << 16);
    scene.send(1).await;
    assert_eq!(scene.receive().await, 1);
    let begun = Instant::now();
    scene.stopping.cancel();
    assert_eq!(scene.ended.await.unwrap().0.to_string(), "the broker stops");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_while_held_back_is_gone_at_once() {
    let mut pipeline = Scripted::new(9);
    pipeline.throttle = (1, Duration::from_secs(3600));
    let mut scene = Scene::begin(pipeline, 1 << 16);
    scene.send(1).await;
    assert_eq!(scene.receive().await, 1);
    let begun = Instant::now();
    assert_eq!(scene.closed().await, "the client closed it");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_hanging_up_is_taken_when_the_throttle_ends_in_time() {
    for (throttle, called, closed) in [
        (30, vec![1, 2], "the client closed it"),
        (3600, vec![1], "idle for longer than connections.max.idle.ms"),
    ] {
        let mut pipeline = Scripted::new(9);
        pipeline.throttle = (1, Duration::from_secs(throttle));
        let mut scene = Scene::begin(pipeline.clone(), 1 << 16);
        scene.send(1).await;
        assert_eq!(scene.receive().await, 1);
        scene.send(2).await;
        assert_eq!(scene.closed().await, closed);
        assert_eq!(pipeline.called(), called);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_held_back_and_sends_on_is_read_up_to_a_limit_and_may_not_idle_then() {
    let mut pipeline = Scripted::new(9);
    pipeline.throttle = (1, Duration::from_secs(3600));
    let mut scene = Scene::begin(pipeline, 1 << 10);
    scene.send(1).await;
    assert_eq!(scene.receive().await, 1);
    let mut sent = 0;
    while scene.far.write_all(&[0; 512]).await.is_ok() {
        sent += 512;
    }
    assert!((READ_BYTES..4 * READ_BYTES).contains(&sent), "{sent}");
    assert!(scene.closed().await.starts_with("idle"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_at_work_does_not_keep_a_connection_that_is_no_longer_read() {
    let mut scene = Scene::begin(Scripted::new(0), 1 << 16);
    scene.send(1).await;
    scene.far.write_all(&(i32::MAX).to_be_bytes()).await.unwrap();
    let begun = Instant::now();
    assert!(scene.closed().await.starts_with("idle"));
    assert_eq!(begun.elapsed(), Duration::from_secs(60));
}
