//! The server over TCP, as scrapers, people and clients that mean no good use it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use kestrel_protocol::messages::metadata::MetadataRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::config::{Detail, Endpoint, MetricsSettings};
use crate::monitoring::Monitor;
use crate::testing::Peer;

async fn observed() -> (Broker, SocketAddr) {
    let broker = Broker::builder().ephemeral().metrics("127.0.0.1:0").start().await.unwrap();
    let address = broker.metrics_address().unwrap();
    (broker, address)
}

/// What a server answers to these bytes until it closes the connection.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await.unwrap()
}

async fn rest(stream: &mut TcpStream) -> io::Result<String> {
    let mut answer = String::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_string(&mut answer));
    read.await.expect("the server closes the connection").map(|_| answer)
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: broker\r\n\r\n")).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn pages_are_read_and_nothing_else() {
    let (broker, address) = observed().await;
    let metrics = get(address, "/metrics").await;
    assert_eq!(status(&metrics), "200");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{metrics}");
    assert!(metrics.contains("\nkafka_brokers 1\n"), "{metrics}");
    let head = ask(address, "HEAD /metrics HTTP/1.1\r\nHost: broker\r\n\r\n").await;
    assert!(status(&head) == "200" && head.ends_with("\r\n\r\n"), "{head}");
    for page in ["/healthz", "/readyz"] {
        assert!(get(address, page).await.ends_with("\r\n\r\nok\n"));
    }
    let elsewhere = get(address, "/").await;
    assert!(status(&elsewhere) == "404" && elsewhere.contains("/metrics, /healthz, /readyz"), "{elsewhere}");
    let posted = ask(address, "POST /metrics HTTP/1.1\r\nHost: broker\r\nContent-Length: 0\r\n\r\n").await;
    assert!(status(&posted) == "405" && posted.contains("allow: GET, HEAD\r\n"), "{posted}");
    broker.stop().await.unwrap();
}

#[tokio::test]
async fn who_wants_open_metrics_gets_it() {
    let (_broker, address) = observed().await;
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3";
    let answer = ask(address, &format!("GET /metrics HTTP/1.1\r\nHost: broker\r\n{accept}\r\n\r\n")).await;
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    assert!(answer.ends_with("\n# EOF\n"), "{answer}");
}

#[tokio::test]
async fn the_port_stays_over_a_restart_and_closes_with_the_broker() {
    let (broker, address) = observed().await;
    broker.restart().await.unwrap();
    assert_eq!(broker.metrics_address(), Some(address));
    assert_eq!(status(&get(address, "/readyz").await), "200");
    broker.stop().await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_broker_that_starts_or_stops_is_alive_and_not_ready() {
    let listen = Endpoint { host: "127.0.0.1".to_owned(), port: 0 };
    let monitor = Monitor::start(&MetricsSettings { listen, detail: Detail::Topics }).await.unwrap();
    let address = monitor.address();
    for why in ["the broker is starting: its logs are being loaded\n", "the broker is stopping\n"] {
        for page in ["/readyz", "/metrics"] {
            let answer = get(address, page).await;
            assert!(status(&answer) == "503" && answer.ends_with(why), "{answer}");
        }
        assert_eq!(status(&get(address, "/healthz").await), "200");
        monitor.stopping().await;
    }
    monitor.end().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_broker_with_a_broken_task_is_neither_alive_nor_ready() {
    let (broker, address) = observed().await;
    broker.break_down("a test's task");
    broker.failed().await;
    for page in ["/healthz", "/readyz"] {
        let answer = get(address, page).await;
        assert!(status(&answer) == "503" && answer.contains("a test's task has panicked"), "{answer}");
    }
    // What it counted is told all the same.
    assert_eq!(status(&get(address, "/metrics").await), "200");
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_loses_the_connection() {
    let (_broker, address) = observed().await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").await.unwrap();
    // Time passes by itself while nobody has anything to do.
    let answer = rest(&mut silent).await.unwrap_or_default();
    assert!(answer.is_empty() || status(&answer) == "408", "{answer}");
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let (_broker, address) = observed().await;
    let large = format!("GET /metrics HTTP/1.1\r\nX-Large: {}\r\n\r\n", "x".repeat(1 << 20));
    for (request, wanted) in
        [("\0\0\0\x20\0\x12\0\0", "400"), ("GET / HTTP/9.9\r\n\r\n", "400"), (&large, "431")]
    {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may close while we still write.
        let _ = stream.write_all(request.as_bytes()).await;
        let answer = rest(&mut stream).await.unwrap_or_default();
        assert!(answer.is_empty() || status(&answer) == wanted, "{answer}");
    }
    assert_eq!(status(&get(address, "/healthz").await), "200");
}

#[tokio::test]
async fn many_connections_that_say_nothing_do_not_keep_clients_from_the_broker() {
    let (broker, address) = observed().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    Peer::of(&broker).await.call(&MetadataRequest::default(), 12).await;
    drop(silent);
    assert_eq!(status(&get(address, "/metrics").await), "200");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_with_its_option() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = Broker::builder().ephemeral().metrics(address.clone()).start().await.unwrap_err();
    let why = error.to_string();
    assert!(why.contains(&address) && why.contains("--metrics"), "{why}");
    let error = Broker::builder().ephemeral().metrics("9644").start().await.unwrap_err();
    assert!(error.to_string().contains("HOST:PORT"), "{error}");
}
