//! Secrets of the broker's side, and those of a client that need no secured cluster: none is in what anybody logs at TRACE, says of
//! itself or fails with, nor in the broker's folder.
//!
//! The passwords and keys with which a client does get into a cluster are in [`secure`](crate::secure).

use std::fs;
use std::path::Path;
use std::time::Duration;

use kestrel_broker::Broker;
use kestrel_client::admin::{ConfigResource, ScramMechanism, UserScramCredentialAlteration};
use kestrel_client::oauth::{AwsCredentials, ClientCredentials, MskIam, Token};
use kestrel_client::{BoxError, Client, Record, Sasl, Secret, Tls};
use kestrel_registry_client::RegistryClient;
use kestrel_tests::CapturedLog;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Passwords as they are and in base64, and what the token begins with.
const SECRETS: [&str; 7] = [
    "alice-secret",
    "YWxpY2Utc2VjcmV0",
    "carol-secret",
    "Y2Fyb2wtc2VjcmV0",
    "wrong-secret",
    "keystore-secret",
    "eyJhbGci",
];

#[tokio::test]
async fn the_broker_tells_no_secret_to_its_log_and_keeps_none_in_its_folder() {
    if std::env::var(kestrel_tests::BOOTSTRAP_VARIABLE).is_ok() {
        return;
    }
    let log = CapturedLog::default();
    // This test has one thread: the tasks of client and broker log here.
    let _guard = captured(&log);
    let folder = tempfile::tempdir().unwrap();

    let builder = Broker::builder()
        .data_dir(folder.path())
        .user("alice", "alice-secret")
        .unsecured_tokens()
        .set("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER")
        .set("ssl.keystore.password", "keystore-secret");
    log.note(&builder);
    let broker = builder.start().await.unwrap();
    log.note(&broker);
    let connect = async |sasl| Client::builder(broker.bootstrap_servers()).sasl(sasl).connect().await;
    let alice = connect(Sasl::scram_sha_512("alice", "alice-secret")).await.unwrap();
    let carol = UserScramCredentialAlteration::upsert("carol", ScramMechanism::Sha256, "carol-secret");
    log.note(&carol);
    alice.admin().alter_user_scram_credentials([carol]).await.into_result().unwrap();
    let token = || async { Ok(Token::unsecured("dave", Duration::from_secs(60))) };
    for sasl in [
        Sasl::plain("alice", "alice-secret"),
        Sasl::scram_sha_256("carol", "carol-secret"),
        Sasl::oauthbearer(token),
    ] {
        let client = connect(sasl).await.unwrap();
        let producer = client.producer().build().await.unwrap();
        producer.send(Record::to("numbers").value("1")).await.unwrap().await.unwrap();
    }
    for sasl in [Sasl::plain("alice", "wrong-secret"), Sasl::scram_sha_256("carol", "wrong-secret")] {
        log.note(&connect(sasl).await.unwrap_err());
    }
    let described = alice.admin().describe_configs([ConfigResource::AllBrokers]).await;
    log.note(&described.into_iter().collect::<Vec<_>>());
    broker.stop().await.unwrap();

    let text = log.text();
    assert!(text.contains("kestrel_broker::") && text.contains("kestrel_client::"), "both log: {text}");
    log.assert_has_none_of(&SECRETS);
    let files = files_with(folder.path(), &SECRETS);
    assert!(files.is_empty(), "{files:?}");
}

#[tokio::test]
async fn a_client_tells_no_secret_that_it_is_given_for_others() {
    if std::env::var(kestrel_tests::BOOTSTRAP_VARIABLE).is_ok() {
        return;
    }
    let log = CapturedLog::default();
    let _guard = captured(&log);
    let broker = Broker::builder().ephemeral().unsecured_tokens().start().await.unwrap();

    let aws = || async {
        let credentials = AwsCredentials::new("AKIDEXAMPLE", "aws-secret").session_token("session-secret");
        Ok::<_, BoxError>(credentials)
    };
    // Nobody answers at port 1.
    let oidc = ClientCredentials::new("http://127.0.0.1:1/token", "kestrel", "oidc-secret").unwrap();
    let key =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\na2V5LXNlY3JldA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let tls =
        Tls::native_roots().client_cert_pem("no certificate", key).key_password(Secret::new("open-secret"));
    let builder = || Client::builder(broker.bootstrap_servers());
    for builder in [
        builder().sasl(Sasl::oauthbearer(MskIam::new("eu-west-1", aws))),
        builder().sasl(Sasl::oauthbearer(oidc)),
        builder().tls(tls),
    ] {
        let builder = builder.request_timeout(Duration::from_secs(2));
        log.note(&builder);
        log.note(&builder.connect().await.unwrap_err());
    }
    let registry = || RegistryClient::builder("http://127.0.0.1:1").retries(0);
    let provided = || async { Ok("provided-secret".to_owned()) };
    for builder in [
        registry().basic_auth("alice", "registry-secret"),
        registry().bearer_token("bearer-secret"),
        registry().bearer_provider(provided),
    ] {
        log.note(&builder);
        let client = builder.build().unwrap();
        log.note(&client);
        log.note(&client.subjects().await.unwrap_err());
    }

    let text = log.text();
    assert!(text.contains("kestrel_client::") && text.contains("127.0.0.1:1"), "all of it was tried: {text}");
    log.assert_has_none_of(&[
        "aws-secret",
        "session-secret",
        "oidc-secret",
        "b2lkYy1zZWNyZXQ",
        "a2V5LXNlY3JldA",
        "open-secret",
        "registry-secret",
        "YWxpY2U6cmVnaXN0cnktc2VjcmV0",
        "bearer-secret",
        "provided-secret",
    ]);
}

/// Logs everything of this thread, at TRACE, to `log` until the guard is dropped.
fn captured(log: &CapturedLog) -> tracing::subscriber::DefaultGuard {
    let log = log.clone();
    let logging = tracing_subscriber::fmt().with_ansi(false).with_max_level(LevelFilter::TRACE);
    logging.with_writer(move || log.clone()).finish().set_default()
}

/// The files below a folder that have one of these texts in them.
fn files_with(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, texts));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let has = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        found.extend(texts.iter().filter(has).map(|text| format!("{text} in {}", path.display())));
    }
    found
}
