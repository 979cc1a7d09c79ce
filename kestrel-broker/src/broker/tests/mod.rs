//! The life of a broker: start, restart, stop, drop, limits and faults.

mod crashes;
mod full_disk;
mod listeners;
mod logins;
mod metrics;
#[cfg(feature = "oauthbearer")]
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::{ApiKey, ErrorCode};

use super::*;
use crate::testing::{Peer, batch, produce_request};

/// Both are needed to share a broker between tests.
const _: fn() = || {
    fn shareable<T: Send + Sync + 'static>() {}
    shareable::<Broker>();
};

#[tokio::test]
async fn a_restart_keeps_the_address_and_the_data() {
    let broker = Broker::test().await.unwrap();
    let address = broker.bootstrap_servers().to_owned();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("events").await;
    for round in 0..3 {
        assert_eq!(peer.produce("events", batch(&["a", "b"])).await.base_offset, 2 * round);
        broker.restart().await.unwrap();
        assert_eq!(broker.bootstrap_servers(), address);
        assert_eq!(peer.receive_frame().await, None, "connections are closed");
        peer = Peer::of(&broker).await;
        assert_eq!(peer.create_topic("events").await, id);
    }
    assert_eq!(peer.fetch("events", 0).await.high_watermark, 6);
}

/// Nothing else would do what it did: to go on would be to wait for it in silence.
#[tokio::test]
async fn a_broker_has_failed_when_a_task_of_its_own_panics() {
    let broker = Broker::test().await.unwrap();
    broker.break_down("a test's task");
    let why = broker.failed().await;
    assert!(why.starts_with("a test's task has panicked"), "{why}");
    broker.stop().await.unwrap();
}

#[tokio::test]
async fn a_stopped_broker_can_be_started_again() {
    let broker = Broker::test().await.unwrap();
    broker.stop().await.unwrap();
    broker.stop().await.unwrap();
    assert!(broker.data_dir().join(".kafka_cleanshutdown").exists());
    assert!(tokio::net::TcpStream::connect(broker.bootstrap_servers()).await.is_err());
    broker.restart().await.unwrap();
    Peer::of(&broker).await.create_topic("events").await;
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight() {
    let broker = Broker::builder().ephemeral().durability(Durability::Group).start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    for _ in 0..20 {
        peer.send(&produce_request("events", batch(&["a"])), 12).await;
    }
    // The first answer shows that the broker has begun with them.
    peer.receive::<ProduceRequest>(12).await.unwrap();
    broker.stop().await.unwrap();
    let mut acknowledged = 1;
    while let Some(response) = peer.receive::<ProduceRequest>(12).await {
        assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::None);
        acknowledged += 1;
    }
    broker.restart().await.unwrap();
    assert!(Peer::of(&broker).await.fetch("events", 0).await.high_watermark >= acknowledged);
}

#[tokio::test]
async fn it_is_gone_when_it_is_dropped() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let dir = broker.data_dir().to_owned();
    assert!(dir.join("events-0").exists());
    drop(broker);
    assert!(!dir.exists());
    assert_eq!(peer.receive_frame().await, None);
}

#[test]
fn it_may_be_dropped_outside_of_its_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let broker = runtime.block_on(Broker::test()).unwrap();
    let dir = broker.data_dir().to_owned();
    drop(runtime);
    drop(broker);
    assert!(!dir.exists());
}

#[tokio::test]
async fn brokers_do_not_get_into_each_others_way() {
    let brokers = futures::future::join_all((0..8).map(|_| Broker::test())).await;
    let brokers: Vec<_> = brokers.into_iter().map(|broker| Arc::new(broker.unwrap())).collect();
    for (index, broker) in brokers.iter().enumerate() {
        let mut peer = Peer::of(broker).await;
        peer.create_topic(&format!("only-{index}")).await;
        let all = peer.call(&MetadataRequest { topics: None, ..Default::default() }, 12).await;
        assert_eq!(all.topics.len(), 1);
    }
}

#[tokio::test]
async fn what_is_advertised_is_what_clients_are_told() {
    for (listen, advertise, expected) in [
        ("127.0.0.1:0", Some("broker.example:4444"), "broker.example:4444"),
        ("127.0.0.1:0", Some("broker.example:0"), "broker.example:PORT"),
        ("localhost:0", None, "localhost:PORT"),
    ] {
        let mut builder = Broker::builder().ephemeral().listen(listen);
        if let Some(advertise) = advertise {
            builder = builder.advertise(advertise);
        }
        let broker = builder.start().await.unwrap();
        let port = broker.config.listeners[0].listen.port.to_string();
        assert_ne!(port, "0");
        assert_eq!(broker.bootstrap_servers(), expected.replace("PORT", &port));
    }
    // Nobody can connect to "every interface".
    let broker = Broker::builder().ephemeral().listen("0.0.0.0:0").start().await.unwrap();
    assert!(!broker.bootstrap_servers().starts_with("0.0.0.0"));
}

#[tokio::test]
async fn a_start_that_fails_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Broker::builder().ephemeral().listen(&address).start().await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    let remedy = "(stop whoever listens there, or choose another port with --listen)";
    assert_eq!(error.to_string(), format!("cannot listen on {address} {remedy}"));
    assert_eq!(cause(&error).kind(), std::io::ErrorKind::AddrInUse);

    let broker = Broker::test().await.unwrap();
    let error =
        Broker::builder().listen("127.0.0.1:0").data_dir(broker.data_dir()).start().await.unwrap_err();
    assert!(matches!(error, StartError::Locked { .. }), "{error}");

    let error = Broker::builder().ephemeral().listen("here").start().await.unwrap_err();
    assert_eq!(error.to_string(), "listen=here: expected HOST:PORT, with a port from 0 to 65535");
    let error = Broker::builder().ephemeral().set("num.partitons", "2").start().await.unwrap_err();
    assert_eq!(error.to_string(), "unknown configuration key num.partitons; did you mean num.partitions?");

    let dir = tempfile::tempdir().unwrap();
    Broker::builder().listen("127.0.0.1:0").data_dir(dir.path()).start().await.unwrap().stop().await.unwrap();
    let other = Broker::builder().listen("127.0.0.1:0").data_dir(dir.path()).set("node.id", "2");
    let error = other.start().await.unwrap_err().to_string();
    assert!(error.contains("--set node.id=1"), "{error}");
}

/// What the system said, if the error's own text does not say it too.
fn cause(error: &dyn std::error::Error) -> &std::io::Error {
    let source = error.source().unwrap();
    assert!(!error.to_string().contains(&source.to_string()), "{error}: {source}");
    source.downcast_ref().unwrap()
}

#[tokio::test]
async fn a_start_that_the_system_refuses_has_what_it_said_as_its_source() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.properties");
    let error = Broker::builder().ephemeral().config_file(&file).start().await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read the configuration file {}", file.display()));
    assert_eq!(cause(&error).kind(), std::io::ErrorKind::NotFound);

    std::fs::write(&file, "").unwrap();
    let error = Broker::builder().listen("127.0.0.1:0").data_dir(&file).start().await.unwrap_err();
    assert!(matches!(error, StartError::Data { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.ends_with("(choose another folder with --data-dir)"), "{text}");
    let kind = cause(&error).kind();
    let expected = [std::io::ErrorKind::NotADirectory, std::io::ErrorKind::AlreadyExists];
    assert!(expected.contains(&kind), "{kind}");

    let error =
        crate::check_folder(&dir.path().join("nowhere"), &mut |_| std::ops::ControlFlow::Continue(()));
    assert_eq!(cause(&error.unwrap_err()).kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let broker = Broker::builder().ephemeral().set("max.connections", "2").start().await.unwrap();
    let mut peers = [Peer::of(&broker).await, Peer::of(&broker).await];
    for peer in &mut peers {
        peer.call(&MetadataRequest::default(), 12).await;
    }
    let mut third = Peer::of(&broker).await;
    third.send(&MetadataRequest::default(), 12).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while broker.metrics().listeners["PLAINTEXT"].paused == 0 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    assert_eq!(broker.metrics().listeners["PLAINTEXT"].accepted, 2);
    drop(peers);
    assert!(third.receive_frame().await.is_some());
}

#[tokio::test]
async fn a_listener_may_have_a_limit_of_its_own() {
    let builder = Broker::builder().ephemeral().set("listener.name.plaintext.max.connections", "1");
    let broker = builder.start().await.unwrap();
    let mut first = Peer::of(&broker).await;
    first.call(&MetadataRequest::default(), 12).await;
    let mut second = Peer::of(&broker).await;
    second.send(&MetadataRequest::default(), 12).await;
    drop(first);
    assert!(second.receive_frame().await.is_some());
    assert!(broker.metrics().listeners["PLAINTEXT"].refused == 0);
}

#[tokio::test]
async fn a_request_beyond_the_limit_closes_the_connection() {
    let builder = Broker::builder().ephemeral().set("socket.request.max.bytes", "200");
    let broker = builder.start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let _ = peer.try_call(&produce_request("events", batch(&["x"; 100])), 12).await;
    assert_eq!(peer.receive_frame().await, None);
}

#[tokio::test]
async fn faults_happen_on_demand() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let request = produce_request("events", batch(&["a"]));

    broker.faults().on(ApiKey::Produce).nth(2).answer(ErrorCode::NotLeaderOrFollower);
    let mut errors = Vec::new();
    for _ in 0..3 {
        let response = peer.call(&request, 12).await;
        errors.push(response.responses[0].partition_responses[0].error_code);
    }
    assert_eq!(errors, [ErrorCode::None, ErrorCode::NotLeaderOrFollower, ErrorCode::None]);
    assert_eq!(peer.fetch("events", 0).await.high_watermark, 2, "the refused one was not appended");

    broker.faults().on(ApiKey::Produce).lose_answer();
    assert!(peer.try_call(&request, 12).await.is_none());
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.fetch("events", 0).await.high_watermark, 3, "the lost one was appended");

    broker.faults().on(ApiKey::Metadata).drop_connection();
    assert!(peer.try_call(&MetadataRequest::default(), 12).await.is_none());

    let mut peer = Peer::of(&broker).await;
    broker.faults().on(ApiKey::Metadata).delay(Duration::from_millis(30));
    let before = tokio::time::Instant::now();
    peer.call(&MetadataRequest::default(), 12).await;
    assert!(before.elapsed() >= Duration::from_millis(30));
}
