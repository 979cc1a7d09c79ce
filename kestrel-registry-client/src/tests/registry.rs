//! The client as the registry of formats.

use kestrel_serde::registry::SchemaRegistry;

use super::script::{Act, Script};
use crate::*;

#[tokio::test]
async fn older_registries_are_asked_for_the_version() {
    let script = Script::start([
        Act::Answer(200, r#"{"id":7}"#),
        Act::Answer(200, r#"{"subject":"s","version":2,"id":7,"schema":"\"long\""}"#),
        Act::Answer(200, r#"{"id":7,"version":2,"guid":"89791f01-0203-0405-0607-08090a0b0cfd"}"#),
    ])
    .await;
    let client = RegistryClient::new(&script.url).unwrap();
    let schema = Schema::avro(r#""long""#);
    for normalize in [true, false] {
        let registered = client.register("s", &schema, normalize).await.unwrap();
        assert_eq!((registered.id, registered.version, &registered.schema), (Some(7), Some(2), &schema));
    }
    assert_eq!(
        script.lines(),
        [
            "POST /subjects/s/versions?normalize=true",
            "POST /subjects/s?normalize=true",
            "POST /subjects/s/versions"
        ]
    );
}

#[tokio::test]
async fn schemas_are_found_in_every_way() {
    let schema = r#"{"schema":"\"long\"","metadata":{"properties":{"owner":"ada"}},"ruleSet":{"domainRules":[{"name":"r","type":"CEL"}]}}"#;
    let script = Script::start(vec![Act::Answer(200, schema); 5]).await;
    let client = RegistryClient::new(&script.url).unwrap();
    let guid: Guid = "89791f01-0203-0405-0607-08090a0b0cfd".parse().unwrap();
    let found = client.by_id(3, None).await.unwrap();
    assert_eq!((found.id, found.rule_set.unwrap().domain_rules.len()), (Some(3), 1));
    assert_eq!(found.metadata, Some(Metadata::default().property("owner", "ada")));
    client.by_id(3, Some("s")).await.unwrap();
    assert_eq!(client.by_guid(guid).await.unwrap().guid, Some(guid));
    SchemaRegistry::latest(&client, "s").await.unwrap();
    SchemaRegistry::version(&client, "s", 2).await.unwrap();
    assert_eq!(
        script.lines(),
        [
            "GET /schemas/ids/3",
            "GET /schemas/ids/3?subject=s",
            "GET /schemas/guids/89791f01-0203-0405-0607-08090a0b0cfd",
            "GET /subjects/s/versions/latest",
            "GET /subjects/s/versions/2?deleted=true"
        ]
    );
    let script = Script::answering("{}").await;
    let error = RegistryClient::new(&script.url).unwrap().by_id(3, None).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Answer);
}

#[test]
fn a_registry_is_known_by_its_addresses() {
    let client =
        RegistryClient::builder("http://key:secret@Registry:8081/contexts/.staging").url("https://other");
    assert_eq!(
        client.build().unwrap().addresses(),
        ["http://registry:8081/contexts/.staging", "https://other:443"]
    );
}
