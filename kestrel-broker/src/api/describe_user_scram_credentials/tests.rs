//! What is said of users that are not there, or named twice.

use bytes::Bytes;
use kestrel_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialUpsertion,
};
use kestrel_protocol::messages::describe_user_scram_credentials::UserName;

use super::*;
use crate::Broker;
use crate::testing::Peer;

#[tokio::test]
async fn each_user_that_is_named_is_described_once() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let upsertion = |name: &'static str| ScramCredentialUpsertion {
        name: name.into(),
        mechanism: 2,
        iterations: 4096,
        salt: Bytes::from_static(b"salt"),
        salted_password: b"salted".to_vec().into(),
    };
    let upsertions = ["alice", "bob", "carol"].map(upsertion).to_vec();
    peer.call(&AlterUserScramCredentialsRequest { deletions: vec![], upsertions }, 0).await;
    let asked = ["bob", "alice", "nobody", "alice"].map(|name| UserName { name: name.into() });
    let response = peer.call(&DescribeUserScramCredentialsRequest { users: Some(asked.to_vec()) }, 0).await;
    let shown: Vec<_> = response
        .results
        .iter()
        .map(|result| (&*result.user, result.error_code, result.credential_infos.len()))
        .collect();
    assert_eq!(
        shown,
        [
            ("bob", ErrorCode::None, 1),
            ("alice", ErrorCode::DuplicateResource, 0),
            ("nobody", ErrorCode::ResourceNotFound, 0)
        ]
    );
    for users in [None, Some(Vec::new())] {
        let everybody = peer.call(&DescribeUserScramCredentialsRequest { users }, 0).await;
        assert_eq!(everybody.results.len(), 3);
    }
}
