//! Users with SCRAM credentials over TCP: set, described, deleted, and still there after a restart.

use bytes::Bytes;
use kestrel_protocol::messages::describe_user_scram_credentials::DescribeUserScramCredentialsRequest;

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn set(name: &'static str, mechanism: i8, iterations: i32) -> ScramCredentialUpsertion {
    ScramCredentialUpsertion {
        name: name.into(),
        mechanism,
        iterations,
        salt: Bytes::from_static(b"salt"),
        salted_password: b"salted".to_vec().into(),
    }
}

fn delete(name: &'static str, mechanism: i8) -> ScramCredentialDeletion {
    ScramCredentialDeletion { name: name.into(), mechanism }
}

async fn alter(
    peer: &mut Peer,
    deletions: Vec<ScramCredentialDeletion>,
    upsertions: Vec<ScramCredentialUpsertion>,
) -> Vec<(String, ErrorCode)> {
    let response = peer.call(&AlterUserScramCredentialsRequest { deletions, upsertions }, 0).await;
    response.results.into_iter().map(|result| (result.user.to_string(), result.error_code)).collect()
}

/// The users with their mechanisms and iterations.
async fn users(peer: &mut Peer) -> Vec<(String, Vec<(i8, i32)>)> {
    let response = peer.call(&DescribeUserScramCredentialsRequest { users: None }, 0).await;
    let infos = response.results.into_iter().map(|result| {
        let infos = result.credential_infos.iter().map(|info| (info.mechanism, info.iterations));
        (result.user.to_string(), infos.collect())
    });
    infos.collect()
}

#[tokio::test]
async fn credentials_are_set_described_and_deleted() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let none = |user: &str| (user.to_owned(), ErrorCode::None);
    let upsertions = vec![set("alice", 1, 4096), set("bob", 2, 8192)];
    assert_eq!(alter(&mut peer, vec![], upsertions).await, [none("alice"), none("bob")]);
    assert_eq!(alter(&mut peer, vec![], vec![set("alice", 2, 5000)]).await, [none("alice")]);
    let expected = [("alice".to_owned(), vec![(1, 4096), (2, 5000)]), ("bob".to_owned(), vec![(2, 8192)])];
    assert_eq!(users(&mut peer).await, expected);
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(users(&mut peer).await, expected);
    assert_eq!(
        alter(&mut peer, vec![delete("alice", 1), delete("bob", 2)], vec![]).await,
        [none("alice"), none("bob")]
    );
    assert_eq!(users(&mut peer).await, [("alice".to_owned(), vec![(2, 5000)])]);
}

#[tokio::test]
async fn each_user_is_refused_by_himself() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let upsertions =
        vec![set("alice", 1, 1), set("bob", 1, 4096), set("carol", 1, 4096), set("carol", 2, 4096)];
    let outcomes = alter(&mut peer, vec![delete("dave", 1), delete("dave", 9)], upsertions).await;
    let codes: Vec<_> = outcomes.iter().map(|(user, code)| (&**user, *code)).collect();
    assert_eq!(
        codes,
        [
            ("alice", ErrorCode::UnacceptableCredential),
            ("bob", ErrorCode::None),
            ("carol", ErrorCode::DuplicateResource),
            ("dave", ErrorCode::ResourceNotFound)
        ]
    );
    assert_eq!(users(&mut peer).await, [("bob".to_owned(), vec![(1, 4096)])]);
}
