//! Keys from files and from addresses, and tokens that are validated with them.

use std::path::Path;
use std::time::Duration;

use kestrel_protocol::Timestamp;
use kestrel_security::http::HttpAddress;
use kestrel_security::jwt::SignedTokens;
use kestrel_security::tls::ClientTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::config::{KeySource, SignedChecks};
use crate::testing::Issuer;

fn checks(source: KeySource) -> SignedChecks {
    SignedChecks {
        tokens: SignedTokens::default(),
        source,
        refresh: Duration::from_secs(3_600),
        retry_backoff: Duration::from_millis(100),
        retry_backoff_max: Duration::from_secs(10),
    }
}

fn at(url: &str) -> KeySource {
    KeySource::Url(HttpAddress::parse(url).unwrap(), ClientTls::native_roots())
}

fn wall() -> Timestamp {
    Timestamp::from_millis(1_700_000_010_000)
}

fn token(issuer: &Issuer) -> String {
    issuer.token("alice", 1_700_000_000, 1_700_003_600)
}

fn spawn<F: Future<Output: Send + 'static> + Send + 'static>(task: F) -> JoinHandle<F::Output> {
    TaskTracker::new().spawn(task)
}

/// Answers requests with `documents`, one each, and gives the requests.
async fn serve(listener: TcpListener, documents: Vec<String>) -> Vec<String> {
    let mut requests = Vec::new();
    for document in documents {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await.unwrap();
        requests.push(String::from_utf8(piece[..count].to_vec()).unwrap());
        stream.write_all(document.as_bytes()).await.unwrap();
    }
    requests
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

async fn failure(source: KeySource) -> String {
    KeyRefresher::open(&checks(source), "OUT", Clock::System).await.unwrap_err().to_string()
}

#[tokio::test]
async fn keys_are_fetched_from_an_address() {
    let issuer = Issuer::new("1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys?tenant=1", listener.local_addr().unwrap());
    let served = spawn(serve(listener, vec![answer(&issuer.jwks())]));
    let refresher = KeyRefresher::open(&checks(at(&url)), "OUT", Clock::System).await.unwrap();
    let identity = refresher.verifier().verify(&token(&issuer), wall()).unwrap();
    assert_eq!(identity.principal_name, "alice");
    assert!(served.await.unwrap()[0].starts_with("GET /keys?tenant=1 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_unknown_key_has_the_keys_fetched_once() {
    let (old, new) = (Issuer::new("1"), Issuer::new("2"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let documents = [&old, &new].map(|issuer| answer(&issuer.jwks())).to_vec();
    let served = spawn(serve(listener, documents));
    let refresher = KeyRefresher::open(&checks(at(&url)), "OUT", Clock::System).await.unwrap();
    let verifier = refresher.verifier();
    // The schedule holds a fetch back that comes right after another one.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let stopping = CancellationToken::new();
    let task = spawn(refresher.drive(stopping.clone()));
    for _ in 0..100 {
        let refused = verifier.verify(&token(&new), wall()).unwrap_err();
        assert_eq!(refused.reason, "no key of the issuer fits it (alg ES256, kid \"2\")");
    }
    // All of them asked for one fetch: a second one would find nobody who answers.
    assert_eq!(served.await.unwrap().len(), 2);
    let deadline = Clock::System.now() + Duration::from_secs(10);
    while verifier.verify(&token(&new), wall()).is_err() {
        assert!(Clock::System.now() < deadline, "the new key is not there");
        tokio::task::yield_now().await;
    }
    assert!(verifier.verify(&token(&old), wall()).is_err(), "the old one is gone");
    stopping.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn keys_of_no_use_are_named_and_the_old_ones_stay() {
    let issuer = Issuer::new("1");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    std::fs::write(&path, issuer.jwks()).unwrap();
    let mut refresher =
        KeyRefresher::open(&checks(KeySource::File(path.clone())), "OUT", Clock::System).await.unwrap();
    let verifier = refresher.verifier();
    for bad in ["", r#"{"keys":[]}"#, "<html>"] {
        std::fs::write(&path, bad).unwrap();
        refresher.refresh().await;
        verifier.verify(&token(&issuer), wall()).unwrap();
    }
    let other = Issuer::new("1");
    std::fs::write(&path, other.jwks()).unwrap();
    refresher.refresh().await;
    verifier.verify(&token(&issuer), wall()).unwrap_err();
    verifier.verify(&token(&other), wall()).unwrap();
}

#[tokio::test]
async fn why_there_are_no_keys_is_said() {
    let missing = failure(KeySource::File(Path::new("/nowhere/jwks.json").to_owned())).await;
    assert!(missing.starts_with("/nowhere/jwks.json cannot be read: "), "{missing}");
    let dir = tempfile::tempdir().unwrap();
    let folder = failure(KeySource::File(dir.path().to_owned())).await;
    assert!(folder.ends_with("is not a file"), "{folder}");
    let path = dir.path().join("jwks.json");
    std::fs::write(&path, " ".repeat(300_000)).unwrap();
    let large = failure(KeySource::File(path)).await;
    assert!(large.ends_with("has more than the 262144 bytes that are read of keys"), "{large}");
    for (answer, expected) in [
        (
            "HTTP/1.1 302 Found\r\nLocation: https://evil.example\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "answered 302 Found",
        ),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "did not answer as HTTP says"),
        (answer("<html>"), "are no keys: it is not a JWKS document"),
        (
            answer(r#"{"keys":[{"kty":"oct","kid":"a","k":"b3BlbnNlc2FtZQ"}]}"#),
            "has no key that verifies anything; the key \"a\": it is a shared secret",
        ),
        (answer(&" ".repeat(300_000)), "did not answer as HTTP says"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys?secret=opensesame", listener.local_addr().unwrap());
        let served = spawn(serve(listener, vec![answer]));
        let error = failure(at(&url)).await;
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("opensesame"), "{error}");
        served.abort();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/keys", listener.local_addr().unwrap());
    let served = spawn(serve(listener, vec!["HTTP/1.1 400 Bad Request\r\n\r\n".to_owned()]));
    let error = failure(at(&url)).await;
    assert!(error.contains("cannot be spoken to by TLS"), "{error}");
    served.abort();
}
