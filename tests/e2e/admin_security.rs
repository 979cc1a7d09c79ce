//! Admin: ACLs, SCRAM users, quotas, and what the caller may do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kestrel_client::admin::ClientQuotaEntityType::{ClientId, Ip, User};
use kestrel_client::admin::{
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ClientQuotaAlteration, ClientQuotaEntity,
    ClientQuotaFilter, NewTopic, ResourcePattern, ResourceType, ScramMechanism,
    UserScramCredentialAlteration,
};
use kestrel_client::{Admin, Error, ErrorCode};
use kestrel_tests::{TestBroker, eventually, unique};

/// What a filter means, once brokers show as many.
async fn acls(admin: &Admin, filter: &AclBindingFilter, count: usize) -> Vec<AclBinding> {
    let found = async || {
        let acls = admin.describe_acls(filter.clone()).await.unwrap();
        (acls.len() == count).then_some(acls)
    };
    eventually("as many ACLs as there are", found).await
}

#[tokio::test]
async fn acls_are_created_described_and_deleted() {
    let broker = TestBroker::guarded().await;
    let admin = broker.client().await.admin();
    let (user, topic) = (format!("User:{}", unique("user")), unique("acls"));
    let start = &topic[..topic.len() - 1];
    let read = AclBinding::allow(&user, AclOperation::Read, ResourcePattern::topic(&topic));
    let write = AclBinding::allow(&user, AclOperation::Write, ResourcePattern::topic(start).prefixed());
    let deny = AclBinding::deny(&user, AclOperation::All, ResourcePattern::group(&topic)).host("10.0.0.7");
    let cluster = AclBinding::allow(&user, AclOperation::Describe, ResourcePattern::cluster());
    let all = [read.clone(), write.clone(), deny.clone(), cluster.clone()];
    admin.create_acls(all.clone()).await.into_result().unwrap();
    admin.create_acls([read.clone()]).await.into_result().unwrap(); // again, without effect

    let of_user = AclBindingFilter::any().principal(&user);
    let mut sorted = all.to_vec();
    sorted.sort();
    assert_eq!(acls(&admin, &of_user, 4).await, sorted);
    let of_topic = async |filter: AclBindingFilter| acls(&admin, &filter.principal(&user), 1).await;
    assert_eq!(
        of_topic(AclBindingFilter::any().named(ResourceType::Topic, &topic)).await,
        vec![read.clone()]
    );
    let affecting = AclBindingFilter::any().affecting(ResourceType::Topic, &topic).principal(&user);
    assert_eq!(acls(&admin, &affecting, 2).await, [write, read.clone()]);
    let denying = AclBindingFilter::any().permission_type(AclPermissionType::Deny);
    assert_eq!(of_topic(denying).await, vec![deny.clone()]);
    assert_eq!(of_topic(AclBindingFilter::any().operation(AclOperation::Describe)).await, [cluster]);
    assert_eq!(of_topic(AclBindingFilter::any().host("10.0.0.7")).await, vec![deny.clone()]);

    let filters = [AclBindingFilter::only(&deny), of_user.clone()];
    let deleted = admin.delete_acls(filters).await.into_result().unwrap();
    assert_eq!(deleted[0].1, [deny]);
    assert!(deleted[1].1.contains(&read));
    assert_eq!(acls(&admin, &of_user, 0).await, []);
}

#[tokio::test]
async fn an_acl_that_cannot_be_has_an_error_of_its_own() {
    let broker = TestBroker::guarded().await;
    let admin = broker.client().await.admin();
    let topic = ResourcePattern::topic(unique("acls"));
    let nobody = AclBinding::allow("nobody", AclOperation::Read, topic.clone());
    let user = format!("User:{}", unique("user"));
    let fine = AclBinding::allow(&user, AclOperation::Read, topic);
    let created: Vec<_> = admin.create_acls([nobody, fine]).await.into_iter().collect();
    assert_eq!(created[0].1.as_ref().unwrap_err().code(), Some(ErrorCode::InvalidRequest), "{created:?}");
    assert!(created[1].1.is_ok());
    assert_eq!(acls(&admin, &AclBindingFilter::any().principal(&user), 1).await.len(), 1);
}

#[tokio::test]
async fn descriptions_say_what_the_caller_may_do_when_asked_to() {
    let broker = TestBroker::guarded().await;
    let client = broker.client().await;
    let (topic, admin) = (unique("allowed"), client.admin().with_authorized_operations());
    admin.create_topics([NewTopic::new(&topic)]).await.into_result().unwrap();
    assert_eq!(client.admin().describe_cluster().await.unwrap().authorized_operations, None);
    let cluster = admin.describe_cluster().await.unwrap().authorized_operations.unwrap();
    assert!(cluster.contains(&AclOperation::IdempotentWrite) && cluster.contains(&AclOperation::Alter));
    let described = admin.describe_topics([&topic]).await.into_result().unwrap();
    let allowed = described[0].1.authorized_operations.as_ref().unwrap();
    assert!(allowed.contains(&AclOperation::Write) && !allowed.contains(&AclOperation::IdempotentWrite));
}

#[tokio::test]
async fn users_are_added_described_and_removed() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let (alice, bob, missing) = (unique("alice"), unique("bob"), unique("missing"));
    let upsert = |user: &str, mechanism| UserScramCredentialAlteration::upsert(user, mechanism, "opensesame");
    let twice = [upsert(&alice, ScramMechanism::Sha256), upsert(&alice, ScramMechanism::Sha512)];
    let twice = admin.alter_user_scram_credentials(twice).await.into_result().unwrap_err();
    assert_eq!(twice.code(), Some(ErrorCode::DuplicateResource));
    let alice_again = upsert(&alice, ScramMechanism::Sha512).iterations(8_192);
    admin.alter_user_scram_credentials([alice_again]).await.into_result().unwrap();
    let alterations = [
        upsert(&alice, ScramMechanism::Sha256),
        upsert(&bob, ScramMechanism::Sha512),
        UserScramCredentialAlteration::delete(&missing, ScramMechanism::Sha256),
        upsert("somebody", ScramMechanism::Sha256).iterations(100),
    ];
    let altered: Vec<_> = admin.alter_user_scram_credentials(alterations).await.into_iter().collect();
    assert!(altered[..2].iter().all(|(_, result)| result.is_ok()), "{altered:?}");
    assert_eq!(altered[2].1.as_ref().unwrap_err().code(), Some(ErrorCode::ResourceNotFound));
    assert!(matches!(altered[3].1, Err(Error::InvalidArgument { argument: "iterations", .. })));

    let credentials = async |user: &str| {
        let described = admin.describe_user_scram_credentials([user]).await.into_result().ok()?;
        let found = described[0].1.credentials.iter().map(|it| (it.mechanism, it.iterations));
        // Apache Kafka names a user's mechanisms in any order.
        Some(found.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>())
    };
    let both = async || credentials(&alice).await.filter(|of_alice| of_alice.len() == 2);
    let of_alice = eventually("alice", both).await;
    assert_eq!(of_alice, [(ScramMechanism::Sha256, 4_096), (ScramMechanism::Sha512, 8_192)]);
    let of_bob = eventually("bob", async || credentials(&bob).await).await;
    assert_eq!(of_bob, [(ScramMechanism::Sha512, 4_096)]);
    let all = admin.list_user_scram_credentials().await.unwrap();
    assert!(all.iter().any(|user| *user.user == *alice && user.credentials.len() == 2), "{all:?}");
    let unknown = admin.describe_user_scram_credentials([&missing]).await.into_result().unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::ResourceNotFound));

    let delete = UserScramCredentialAlteration::delete(&bob, ScramMechanism::Sha512);
    admin.alter_user_scram_credentials([delete]).await.into_result().unwrap();
    eventually("bob is gone", async || credentials(&bob).await.is_none().then_some(())).await;
}

/// The quotas that a filter means, once brokers show them so.
async fn quotas_become(admin: &Admin, filter: ClientQuotaFilter, expected: &[(&ClientQuotaEntity, f64)]) {
    let key: Arc<str> = Arc::from("producer_byte_rate");
    let expected: Vec<_> = expected
        .iter()
        .map(|(entity, limit)| ((*entity).clone(), BTreeMap::from([(Arc::clone(&key), *limit)])))
        .collect();
    let look = async || {
        let found = admin.describe_client_quotas(filter.clone()).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|quotas| (quotas.entity, quotas.values)).collect();
        (found == expected).then_some(())
    };
    eventually("the quotas that were set", look).await;
}

#[tokio::test]
async fn quotas_are_set_described_and_removed() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let (user, client) = (unique("user"), unique("client"));
    let everywhere = ClientQuotaEntity::named(User, &user);
    let here = everywhere.clone().and_named(ClientId, &client);
    let otherwise = everywhere.clone().and_default_of(ClientId);
    let rate = |entity: &ClientQuotaEntity, limit| {
        ClientQuotaAlteration::of(entity.clone()).set("producer_byte_rate", limit)
    };
    let limits = [rate(&everywhere, 1e6), rate(&here, 1024.0), rate(&otherwise, 5.0)];
    admin.alter_client_quotas(limits).await.into_result().unwrap();

    let of_user = || ClientQuotaFilter::all().named(User, &user);
    quotas_become(&admin, of_user(), &[(&everywhere, 1e6), (&otherwise, 5.0), (&here, 1024.0)]).await;
    quotas_become(&admin, of_user().strict(), &[(&everywhere, 1e6)]).await;
    quotas_become(&admin, of_user().default_of(ClientId), &[(&otherwise, 5.0)]).await;
    quotas_become(&admin, ClientQuotaFilter::all().named(ClientId, &client), &[(&here, 1024.0)]).await;

    let remove =
        |entity: &ClientQuotaEntity| ClientQuotaAlteration::of(entity.clone()).remove("producer_byte_rate");
    admin.validate_client_quotas([remove(&here)]).await.into_result().unwrap();
    admin.alter_client_quotas([remove(&everywhere), remove(&otherwise)]).await.into_result().unwrap();
    quotas_become(&admin, of_user(), &[(&here, 1024.0)]).await;
    admin.alter_client_quotas([remove(&here)]).await.into_result().unwrap();
    quotas_become(&admin, of_user(), &[]).await;
}

#[tokio::test]
async fn a_quota_that_cannot_be_has_an_error_of_its_own() {
    let broker = TestBroker::start().await;
    let admin = broker.client().await.admin();
    let user = ClientQuotaEntity::named(User, unique("user"));
    let wrong = [
        ClientQuotaAlteration::of(user.clone()).set("bytes_of_something", 1.0),
        ClientQuotaAlteration::of(ClientQuotaEntity::named(Ip, "10.0.0.7")).set("producer_byte_rate", 1.0),
        ClientQuotaAlteration::of(user).set("consumer_byte_rate", -1.0),
    ];
    for (entity, result) in admin.alter_client_quotas(wrong).await {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::InvalidRequest), "{entity}: {error:#}");
    }
}
