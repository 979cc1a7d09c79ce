//! Connections that are kept, fail, hang; addresses that stand in for each other; who the client says it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::script::{Act, Script};
use crate::*;

const NAMES: Act = Act::Answer(200, "[]");
const BUSY: Act = Act::Answer(503, r#"{"error_code":50302,"message":"busy"}"#);

/// A client that gives up soon.
fn client(url: &str) -> RegistryClientBuilder {
    RegistryClient::builder(url).retries(1)
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let script = Script::start([NAMES, BUSY, NAMES, Act::AnswerAndClose(200, "[]"), NAMES]).await;
    let client = RegistryClient::new(&script.url).unwrap();
    for _ in 0..3 {
        client.subjects().await.unwrap();
    }
    assert_eq!((script.connections(), script.lines().len()), (1, 4));
    client.subjects().await.unwrap();
    assert_eq!(script.connections(), 2, "the first one was closed");
}

#[tokio::test]
async fn what_failed_on_the_way_is_asked_again_unless_that_could_do_harm() {
    for (acts, requests) in [(vec![Act::Close, NAMES], 2), (vec![BUSY, NAMES], 2)] {
        let script = Script::start(acts).await;
        client(&script.url).build().unwrap().subject("a").versions().await.unwrap();
        assert_eq!(script.lines().len(), requests);
    }
    let script = Script::start([Act::Close, NAMES, BUSY, NAMES]).await;
    let client = client(&script.url).build().unwrap();
    let error = client.subject("a").delete().await.unwrap_err();
    assert!(error.is_retriable() && error.code().is_none(), "{error}");
    assert_eq!(script.acts_left(), 3);
    client.subjects().await.unwrap();
    assert_eq!(client.subject("a").delete().await.unwrap_err().code(), Some(50302));
    assert_eq!(script.acts_left(), 1);
}

#[tokio::test]
async fn another_address_stands_in_and_is_remembered() {
    let script = Script::start([NAMES, NAMES, NAMES]).await;
    let busy = Script::start([BUSY, NAMES]).await;
    let client = RegistryClient::builder(nobody().await).url(&busy.url).url(&script.url).build().unwrap();
    for _ in 0..3 {
        client.subjects().await.unwrap();
    }
    assert_eq!((busy.lines().len(), script.lines().len()), (1, 3));
    let alone = client_of_nobody().await;
    let error = alone.subject("a").delete().await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(error.to_string().contains("did not answer DELETE /subjects/a: cannot connect"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

/// What never ends is given up, whichever step it is. Whatever else takes its time here may take it.
#[tokio::test]
async fn nothing_is_waited_for_without_end() {
    let script = Script::start([Act::Hang]).await;
    let client = || client(&script.url).retries(0).request_timeout(Duration::from_millis(50));
    let error = client().build().unwrap().subjects().await.unwrap_err();
    assert!(error.to_string().contains("no answer within 50ms") && error.is_retriable(), "{error}");
    let without_token = client().bearer_provider(std::future::pending).build().unwrap();
    let error = without_token.subjects().await.unwrap_err();
    assert!(error.to_string().contains("the provider gave no token within 50ms"), "{error}");
    assert!(error.is_retriable() && script.lines().len() == 1);
}

#[tokio::test]
async fn an_address_that_cannot_answer_now_is_not_asked_first() {
    let (first, second) = (Script::start([BUSY, NAMES]).await, Script::start([BUSY, NAMES]).await);
    let client = RegistryClient::builder(&first.url).url(&second.url).retries(0).build().unwrap();
    // Both are busy, and the second one's answer is the client's.
    assert_eq!(client.subjects().await.unwrap_err().code(), Some(50302));
    client.subjects().await.unwrap();
    assert_eq!((first.lines().len(), second.lines().len()), (2, 1));
}

/// As a proxy does that takes no request of this size: it answers and closes, without reading on.
#[tokio::test]
async fn an_answer_that_comes_before_the_request_is_read_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut proxy = JoinSet::new();
    proxy.spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 64];
            stream.read_exact(&mut head).await.unwrap();
            let answer = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 9\r\n\r\ntoo large";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let client = client(&url).build().unwrap();
    let schema = Schema::json(format!("\"{}\"", "x".repeat(32 * 1024 * 1024)));
    for _ in 0..2 {
        let error = client.subject("a").register(&schema).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (Some(413), RegistryErrorKind::Invalid), "{error:?}");
    }
    proxy.join_next().await.unwrap().unwrap();
}

async fn client_of_nobody() -> RegistryClient {
    client(&nobody().await).build().unwrap()
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    for (act, words) in [
        (Act::Send("SSH-2.0-x\r\n"), "the connection failed"),
        (Act::Send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[]"), "the connection failed"),
        (Act::Answer(200, r#"["0123456789"]"#), "larger than `max_answer_bytes` allows"),
        (Act::Answer(200, "<html>"), "an answer that is none of a schema registry: <html>"),
        (Act::Answer(302, ""), "302"),
    ] {
        let script = Script::start([act.clone(), act]).await;
        let client = RegistryClient::builder(&script.url).retries(0).max_answer_bytes(12).build().unwrap();
        let error = client.subjects().await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(script.acts_left(), 1, "{words}");
    }
}

#[tokio::test]
async fn the_client_says_who_it_is() {
    let script = Script::start([NAMES, NAMES, NAMES, NAMES]).await;
    let asked = AtomicUsize::new(0);
    let provider = move || {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        async move { Ok(format!("token-{number}")) }
    };
    client(&script.url).basic_auth("ada", "open:sesame").build().unwrap().subjects().await.unwrap();
    client(&script.url).bearer_token("secret").build().unwrap().subjects().await.unwrap();
    let renewing = client(&script.url).bearer_provider(provider).build().unwrap();
    renewing.subjects().await.unwrap();
    renewing.subjects().await.unwrap();
    let authorizations: Vec<_> =
        script.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    let expected = ["Basic YWRhOm9wZW46c2VzYW1l", "Bearer secret", "Bearer token-0", "Bearer token-1"];
    assert_eq!(authorizations, expected);

    let broken = client(&script.url).bearer_provider(|| async { Err("the vault is sealed".into()) });
    let error = broken.build().unwrap().subjects().await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Denied);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the vault is sealed");
}

#[test]
fn secrets_are_not_shown() {
    let url = "https://key:opensesame@registry.example/sr";
    let builder = RegistryClient::builder(url).bearer_token("opensesame");
    let client = builder.build().unwrap();
    let shown = format!("{client:?} {:?} {:?}", client.subject("a"), client.subjects());
    assert!(shown.contains("registry.example:443/sr") && !shown.contains("opensesame"), "{shown}");
    for builder in [
        RegistryClient::builder("opensesame@registry"),
        RegistryClient::builder(url).bearer_token("opensesame\n"),
        RegistryClient::builder(url).url("ftp://opensesame"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Config);
        assert!(!format!("{error:?} {error}").contains("opensesame"), "{error}");
    }
}

#[test]
fn a_builder_shows_no_secrets_either() {
    let builder = RegistryClient::builder("http://key:opensesame@registry").basic_auth("ada", "opensesame");
    assert!(!format!("{builder:?}").contains("opensesame"));
}
