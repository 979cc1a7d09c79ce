//! The pool against listeners of the test.

use std::time::Duration;

use bytes::BytesMut;
use kestrel_protocol::messages::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use kestrel_protocol::{ApiKey, FrameDecoder, RequestFrame, encode_response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::ClientBuilder;
use crate::observer::ObserverSeat;

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Takes the next connection through its handshake.
async fn welcome(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let request = read_request(&mut stream).await;
    let ranges = [ApiKey::ApiVersions, ApiKey::Metadata].map(|api| ApiVersion {
        api_key: api.key(),
        min_version: 0,
        max_version: *api.versions().end(),
    });
    let response = ApiVersionsResponse { api_keys: ranges.to_vec(), ..ApiVersionsResponse::default() };
    let header = request.header;
    for chunk in
        encode_response::<ApiVersionsRequest>(&response, header.api_version, header.correlation_id).unwrap()
    {
        stream.write_all(&chunk).await.unwrap();
    }
    stream
}

async fn read_request(stream: &mut TcpStream) -> RequestFrame {
    let mut received = BytesMut::new();
    loop {
        if let Some(frame) = FrameDecoder::new(1 << 20).decode(&mut received).unwrap() {
            return RequestFrame::parse(frame).unwrap();
        }
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
    }
}

fn pool(bootstrap_servers: &str) -> Pool {
    pool_of(ClientBuilder::new(bootstrap_servers))
}

fn pool_of(builder: ClientBuilder) -> Pool {
    let builder = builder.reconnect_backoff(Duration::from_millis(1), Duration::from_millis(5));
    let settings = Arc::new(builder.check().unwrap());
    Pool::new(settings, Tasks::here(ObserverSeat::default()).unwrap(), CancellationToken::new())
}

const NODE: Peer = Peer::Node(NodeId(1));

fn broker_at(port: u16) -> HashMap<NodeId, HostPort> {
    [(NodeId(1), HostPort { host: "127.0.0.1".into(), port })].into()
}

#[tokio::test]
async fn many_callers_share_one_attempt() {
    let (listener, port) = listen().await;
    let pool = pool("127.0.0.1:1");
    pool.set_brokers(broker_at(port));
    let (first, second, _stream) = tokio::join!(
        pool.connection(Purpose::General, NODE),
        pool.connection(Purpose::General, NODE),
        welcome(&listener),
    );
    assert!(first.is_ok() && second.is_ok());
    assert!(listener.accept().now_or_never().is_none(), "there is no second connection");
}

/// Row 34: a large fetch answer delays no heartbeat.
#[tokio::test]
async fn each_purpose_has_a_connection_of_its_own() {
    let (listener, port) = listen().await;
    let pool = pool("127.0.0.1:1");
    pool.set_brokers(broker_at(port));
    let handle = pool.new_handle();
    let all =
        [Purpose::General, Purpose::Produce(handle), Purpose::Fetch(handle), Purpose::Coordinator(handle)];
    let mut streams = Vec::new();
    for purpose in all {
        let (connection, stream) = tokio::join!(pool.connection(purpose, NODE), welcome(&listener));
        connection.unwrap();
        streams.push(stream);
    }
    let produce = pool.connection(Purpose::Produce(handle), NODE).await.unwrap();
    pool.release(handle);
    assert!(produce.is_closed());
}

#[tokio::test]
async fn a_broker_that_moved_is_left_and_found_again() {
    let ((old, old_port), (new, new_port)) = (listen().await, listen().await);
    let pool = pool("127.0.0.1:1");
    pool.set_brokers(broker_at(old_port));
    let (first, _stream) = tokio::join!(pool.connection(Purpose::General, NODE), welcome(&old));
    pool.set_brokers(broker_at(new_port));
    assert!(first.unwrap().is_closed(), "what waits there fails at once");
    let (second, _stream) = tokio::join!(pool.connection(Purpose::General, NODE), welcome(&new));
    second.unwrap();
}

#[tokio::test]
async fn every_address_is_tried_and_the_bootstrap_servers_come_last() {
    let (listener, port) = listen().await;
    // `localhost` has an IPv6 address on many machines, where no one listens.
    let pool = pool(&format!("127.0.0.1:1,localhost:{port}"));
    pool.set_brokers([(NodeId(9), HostPort { host: "127.0.0.1".into(), port: 1 })].into());
    let (connection, _stream) = tokio::join!(pool.any(), welcome(&listener));
    connection.unwrap();
}

#[tokio::test]
async fn a_bootstrap_server_that_is_a_broker_is_not_connected_to_again() {
    let (listener, port) = listen().await;
    let pool = pool(&format!("127.0.0.1:1,127.0.0.1:{port}"));
    let (connection, _stream) = tokio::join!(pool.any(), welcome(&listener));
    pool.set_brokers(broker_at(port));
    let as_broker = pool.connection(Purpose::General, NODE).now_or_never().unwrap().unwrap();
    pool.set_brokers(HashMap::new());
    assert!(
        as_broker.is_closed() && connection.unwrap().is_closed(),
        "they are one connection, the broker's"
    );
}

/// What one listener gets of TLS is an error that stays; the other one may be fine.
#[cfg(feature = "tls")]
#[tokio::test]
async fn a_broker_that_cannot_be_encrypted_to_does_not_keep_the_client_from_the_others() {
    let ((first, first_port), (second, second_port)) = (listen().await, listen().await);
    let builder = ClientBuilder::new(format!("127.0.0.1:{first_port},127.0.0.1:{second_port}"));
    let pool = pool_of(builder.tls(crate::security::Tls::native_roots()));
    let refuse = async |listener: TcpListener| {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    };
    let (connection, (), ()) = tokio::join!(pool.any(), refuse(first), refuse(second));
    let error = connection.unwrap_err();
    assert!(matches!(error, Error::Authentication { .. }), "{error:#}");
    assert!(error.to_string().contains(&first_port.to_string()), "the first one counts: {error:#}");
}

#[tokio::test]
async fn without_a_token_no_other_broker_is_tried() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let sasl = crate::security::Sasl::oauthbearer(move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { Err("the secret is wrong".into()) }
    });
    let pool = pool_of(ClientBuilder::new("127.0.0.1:1,127.0.0.1:2").sasl(sasl));
    let text = format!("{:#}", pool.any().await.unwrap_err());
    assert!(text.contains("127.0.0.1:1") && text.contains("the secret is wrong"), "{text}");
    assert!(!text.contains("127.0.0.1:2"), "{text}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn when_no_one_answers_each_address_is_named() {
    let pool = pool("127.0.0.1:1,127.0.0.1:2");
    pool.set_brokers([(NodeId(9), HostPort { host: "127.0.0.1".into(), port: 3 })].into());
    let text = format!("{:#}", pool.any().await.unwrap_err());
    for address in ["127.0.0.1:1", "127.0.0.1:2", "9 (127.0.0.1:3)"] {
        assert!(text.contains(address), "{text}");
    }
}

#[tokio::test]
async fn a_broker_that_hangs_up_on_a_new_version_is_asked_with_the_oldest() {
    let (listener, port) = listen().await;
    let pool = pool(&format!("127.0.0.1:{port}"));
    let (connection, _stream) = tokio::join!(pool.any(), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(read_request(&mut stream).await.header.api_version > 0);
        drop(stream);
        welcome(&listener).await
    });
    assert_eq!(connection.unwrap().version(ApiKey::Metadata).unwrap(), *ApiKey::Metadata.versions().end());
}

#[tokio::test]
async fn what_is_not_kafka_is_told_so() {
    let (listener, port) = listen().await;
    let pool = pool(&format!("127.0.0.1:{port}"));
    let (connection, ()) = tokio::join!(pool.any(), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let text = format!("{:#}", connection.unwrap_err());
    assert!(text.contains("is this a Kafka listener?"), "{text}");
}
