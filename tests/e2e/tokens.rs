//! Tokens of OAUTHBEARER on a broker at home: who a token says one is, and sessions that end with it under load.

use std::time::Duration;

use kestrel_broker::{AclBinding, AclOperation, Broker, ResourcePattern};
use kestrel_client::oauth::Token;
use kestrel_client::{Client, ErrorCode, Record, Sasl};
use kestrel_tests::{BOOTSTRAP_VARIABLE, eventually};

const HOUR: Duration = Duration::from_secs(3600);

/// Whether the tests run on some other cluster, which has nothing of this.
fn is_elsewhere() -> bool {
    std::env::var(BOOTSTRAP_VARIABLE).is_ok()
}

async fn client(broker: &Broker, user: &'static str, lifetime: Duration) -> Client {
    let tokens = Sasl::oauthbearer(move || async move { Ok(Token::unsecured(user, lifetime)) });
    Client::builder(broker.bootstrap_servers()).sasl(tokens).connect().await.unwrap()
}

#[tokio::test]
async fn acls_are_for_who_a_token_says_one_is() {
    if is_elsewhere() {
        return;
    }
    let orders = ResourcePattern::topic("orders");
    let broker = Broker::builder()
        .ephemeral()
        .unsecured_tokens()
        .acl(AclBinding::allow("User:alice", AclOperation::Write, orders.clone()))
        .acl(AclBinding::allow("User:alice", AclOperation::Create, orders))
        .start()
        .await
        .unwrap();
    let alice = client(&broker, "alice", HOUR).await.producer().build().await.unwrap();
    alice.send(Record::to("orders").value("one")).await.unwrap().await.unwrap();
    // Who may write nowhere gets no producer id.
    let refused = client(&broker, "bob", HOUR).await.producer().build().await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::ClusterAuthorizationFailed), "{refused:?}");
}

/// Each session lasts a few seconds, since its token does: it is renewed on the connection, and no request fails.
#[tokio::test]
async fn sessions_are_renewed_with_their_tokens_under_load() {
    if is_elsewhere() {
        return;
    }
    let broker = Broker::builder().ephemeral().unsecured_tokens().start().await.unwrap();
    let producer = client(&broker, "alice", Duration::from_secs(5)).await.producer().build().await.unwrap();
    let mut sent = 0;
    eventually("three renewals", async || {
        let delivery = producer.send(Record::to("renewed").partition(0).value("x")).await.unwrap();
        assert_eq!(delivery.await.unwrap().offset, Some(sent));
        sent += 1;
        let logins = &broker.metrics().listeners["SASL_PLAINTEXT"].logins;
        assert_eq!((logins.failed, logins.expired), (0, 0));
        (logins.reauthenticated >= 3).then_some(())
    })
    .await;
}
