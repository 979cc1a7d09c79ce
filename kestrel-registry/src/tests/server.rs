//! The HTTP server, as clients that nobody here wrote see it: methods, headers, connections.

use std::net::SocketAddr;
use std::sync::Arc;

use kestrel_broker::Broker;
use kestrel_client::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Service, Users, serve};
use crate::part::{Health, Part};
use crate::store::{Store, StoreSettings};

/// A server, and what it needs to be there.
struct Server {
    _broker: Broker,
    part: Part,
    address: SocketAddr,
}

impl Server {
    /// One that takes so many connections.
    async fn start(connections: usize) -> Self {
        let broker = Broker::test().await.unwrap();
        let part = Part::new(&Health::new());
        let client = Client::builder(broker.bootstrap_servers()).connect().await.unwrap();
        let store = Store::start(&client, StoreSettings::new(), &part).await.unwrap();
        let (cluster_id, topic) = (String::new(), Arc::from("_schemas"));
        let service = Arc::new(Service { store, users: Users::default(), cluster_id, topic });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tasks, stop) = (part.tasks().clone(), part.stop().clone());
        part.run("the server", serve(service, listener, connections, tasks, stop));
        Self { _broker: broker, part, address }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What is answered to a call, head and body.
    async fn call(&self, line: &str, headers: &str) -> String {
        let mut connection = self.connect().await;
        send(&mut connection, line, &format!("Connection: close\r\n{headers}")).await;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

async fn send(connection: &mut TcpStream, line: &str, headers: &str) {
    let call = format!("{line} HTTP/1.1\r\nHost: registry\r\n{headers}\r\n");
    connection.write_all(call.as_bytes()).await.unwrap();
}

/// Reads an answer that has a body, and leaves the connection open.
async fn answered(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"{}") {
        answer.push(connection.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap()
}

/// Waits until the other end has closed.
async fn is_closed(connection: &mut TcpStream) -> bool {
    matches!(connection.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn a_head_is_a_get_without_a_body() {
    let server = Server::start(8).await;
    for path in ["/", "/subjects", "/schemas/types", "/subjects/none/versions"] {
        let (got, head) =
            (server.call(&format!("GET {path}"), "").await, server.call(&format!("HEAD {path}"), "").await);
        let (without_body, body) = got.split_once("\r\n\r\n").unwrap();
        assert!(!body.is_empty());
        let lines = |text: &str| {
            let mut lines: Vec<_> =
                text.lines().filter(|line| !line.starts_with("date")).map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        assert_eq!(head.split_once("\r\n\r\n").unwrap().1, "", "{path}");
        assert_eq!(lines(head.trim_end()), lines(without_body), "{path}");
    }
}

#[tokio::test]
async fn what_may_be_asked_is_told() {
    let server = Server::start(8).await;
    let answer = server.call("OPTIONS /subjects/a%2Fb/versions", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("allow: GET,POST,HEAD,OPTIONS\r\n"),
        "{answer}"
    );
    let answer = server.call("PATCH /subjects", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET,HEAD,OPTIONS\r\n"),
        "{answer}"
    );
    assert!(server.call("OPTIONS /nothing", "").await.starts_with("HTTP/1.1 404 "));
    assert!(server.call("GET /subjects//versions", "").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn types_of_bodies_are_those_of_the_api() {
    let server = Server::start(8).await;
    let answer = server.call("GET /", "").await;
    assert!(answer.contains("content-type: application/vnd.schemaregistry.v1+json\r\n"), "{answer}");
    let answer = server.call("GET /", "Accept: application/json\r\n").await;
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(server.call("GET /", "Accept: text/html\r\n").await.starts_with("HTTP/1.1 406 "));
    let posted = "Content-Type: text/plain\r\nContent-Length: 0\r\n";
    assert!(server.call("POST /", posted).await.starts_with("HTTP/1.1 415 "));
}

#[tokio::test]
async fn connections_that_wait_for_a_call_keep_nobody_out() {
    let server = Server::start(2).await;
    // One that has never sent anything, and one that has had its answer.
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    send(&mut idle, "GET /", "").await;
    assert!(answered(&mut idle).await.starts_with("HTTP/1.1 200 "));
    assert!(server.call("GET /", "").await.starts_with("HTTP/1.1 200 "));
    // The longest waiting has given way.
    assert!(is_closed(&mut silent).await);
    send(&mut idle, "GET /", "").await;
    assert!(answered(&mut idle).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_registry_that_has_failed_says_so() {
    let server = Server::start(8).await;
    server.part.run("the writer", async { panic!("no way on") });
    server.part.health().failed().await;
    for path in ["/", "/subjects"] {
        let answer = server.call(&format!("GET {path}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("the writer has ended"), "{answer}");
    }
}
