//! Each call of the API: what is asked, and how the answer is read.

use std::fmt::Debug;

use super::script::{Act, Script};
use crate::*;

/// Sends a call to a server that answers `answer`, and gives what it was asked and what came of it.
async fn send<A: Debug + 'static>(
    answer: &'static str,
    call: impl FnOnce(&RegistryClient, &Subject) -> Call<A>,
) -> (String, String, A) {
    let script = Script::answering(answer).await;
    let client = RegistryClient::new(&script.url).unwrap();
    let result = call(&client, &client.subject("a/b-value")).await.unwrap();
    let request = script.requests().remove(0);
    let has_body = !request.body.is_empty();
    assert_eq!(request.header("content-type"), has_body.then_some("application/vnd.schemaregistry.v1+json"));
    assert_eq!(request.header("confluent-accept-unknown-properties"), Some("true"));
    assert!(request.header("accept").unwrap().contains("application/vnd.schemaregistry.v1+json"));
    (request.line, request.body, result)
}

/// Checks what a call asks, and gives what comes of the answer.
macro_rules! check {
    ($call:expr => $line:literal, $answer:literal) => {{
        let (line, body, result) = send($answer, $call).await;
        assert_eq!((&*line, &*body), ($line, ""));
        result
    }};
    ($call:expr => $line:literal, $body:literal, $answer:literal) => {{
        let (line, body, result) = send($answer, $call).await;
        assert_eq!((&*line, &*body), ($line, $body));
        result
    }};
}

const GUID: &str = "89791f01-0203-0405-0607-08090a0b0cfd";

fn long() -> Schema {
    Schema::avro(r#""long""#)
}

#[tokio::test]
async fn subjects_and_versions() {
    let names = check!(|client, _| client.subjects() => "GET /subjects", r#"["a","b"]"#);
    assert_eq!(names, ["a", "b"]);
    check!(|client, _| client.subjects().prefix(":.x:").with_deleted().page(10, 5)
        => "GET /subjects?subjectPrefix=%3A.x%3A&deleted=true&offset=10&limit=5", "[]");
    check!(|client, _| client.subjects().only_deleted() => "GET /subjects?deletedOnly=true", "[]");
    let versions = check!(|_, s| s.versions() => "GET /subjects/a%2Fb-value/versions", "[1,3]");
    assert_eq!(versions, [1, 3]);
    let stored = check!(|_, s| s.version(3).with_deleted() => "GET /subjects/a%2Fb-value/versions/3?deleted=true",
        r#"{"subject":"a/b-value","version":3,"id":7,"guid":"89791f01-0203-0405-0607-08090a0b0cfd","schemaType":"JSON","schema":"{}",
            "references":[{"name":"r","subject":"s","version":1}],"metadata":{"properties":{"owner":"ada"}},"ts":5,"deleted":true,"more":{}}"#);
    let schema = stored.schema.unwrap();
    assert_eq!(
        (stored.id, stored.version, stored.timestamp, stored.is_deleted),
        (Some(7), Some(3), Some(5), true)
    );
    assert_eq!((schema.schema_type, schema.references.len()), (SchemaType::Json, 1));
    assert_eq!(
        (stored.guid.unwrap().to_string().as_str(), stored.metadata.unwrap().properties.len()),
        (GUID, 1)
    );
    check!(|_, s| s.latest().format("resolved") => "GET /subjects/a%2Fb-value/versions/latest?format=resolved", "{}");
    check!(|_, s| s.latest_with([("owner", "ada"), ("a", "b")])
        => "GET /subjects/a%2Fb-value/metadata?key=owner&value=ada&key=a&value=b", "{}");
    let text = check!(|_, s| s.schema_text(1) => "GET /subjects/a%2Fb-value/versions/1/schema", r#""long""#);
    assert_eq!(text, r#""long""#);
    assert_eq!(
        check!(|_, s| s.referenced_by(1) => "GET /subjects/a%2Fb-value/versions/1/referencedby", "[4]"),
        [4]
    );
    assert_eq!(check!(|_, s| s.delete() => "DELETE /subjects/a%2Fb-value", "[1,2]"), [1, 2]);
    check!(|_, s| s.delete().permanently() => "DELETE /subjects/a%2Fb-value?permanent=true", "[]");
    assert_eq!(check!(|_, s| s.delete_version(2) => "DELETE /subjects/a%2Fb-value/versions/2", "2"), 2);
}

#[tokio::test]
async fn registering_and_comparing() {
    let stored = check!(|_, s| s.register(long()) => "POST /subjects/a%2Fb-value/versions",
        r#"{"schema":"\"long\""}"#, r#"{"id":1}"#);
    assert_eq!((stored.id, stored.schema), (Some(1), None));
    check!(|_, s| {
        let reference = Reference { name: "r".into(), subject: "s".into(), version: 2 };
        let schema = NewSchema::from(Schema::json("{}").with_references([reference])).with_id(9).with_version(3);
        s.register(schema).normalize().force()
    } => "POST /subjects/a%2Fb-value/versions?normalize=true&force=true",
        r#"{"schema":"{}","schemaType":"JSON","references":[{"name":"r","subject":"s","version":2}],"id":9,"version":3}"#,
        r#"{"id":9}"#);
    check!(|_, s| s.look_up(long()).with_deleted() => "POST /subjects/a%2Fb-value?deleted=true",
        r#"{"schema":"\"long\""}"#, r#"{"subject":"a/b-value","version":1,"id":1,"schema":"\"long\""}"#);
    let verdict = check!(|_, s| s.compatibility(long()).verbose()
        => "POST /compatibility/subjects/a%2Fb-value/versions?verbose=true",
        r#"{"schema":"\"long\""}"#, r#"{"is_compatible":false,"messages":["x"]}"#);
    assert_eq!((verdict.is_compatible, verdict.messages), (false, vec!["x".to_owned()]));
    check!(|_, s| s.compatibility_with(2, long()) => "POST /compatibility/subjects/a%2Fb-value/versions/2",
        r#"{"schema":"\"long\""}"#, r#"{"is_compatible":true}"#);
    check!(|_, s| s.compatibility_with_latest(long()) => "POST /compatibility/subjects/a%2Fb-value/versions/latest",
        r#"{"schema":"\"long\""}"#, r#"{"is_compatible":true}"#);
    let change = TagChange::default().add("R.f", ["PII"]);
    check!(|_, s| s.change_tags(2, &change) => "POST /subjects/a%2Fb-value/versions/2/tags",
        r#"{"tagsToAdd":[{"schemaEntity":{"entityPath":"R.f","entityType":"SR_FIELD"},"tags":["PII"]}]}"#, "{}");
}

#[tokio::test]
async fn schemas_by_id_and_guid() {
    check!(|client, _| client.schemas().prefix("a").latest_only().page(0, 2)
        => "GET /schemas?subjectPrefix=a&latestOnly=true&offset=0&limit=2", r#"[{"id":1,"schema":"{}"}]"#);
    assert_eq!(check!(|client, _| client.schema_types() => "GET /schemas/types", r#"["AVRO"]"#), ["AVRO"]);
    let stored = check!(|client, _| client.schema(7).of_subject("a").with_max_id()
        => "GET /schemas/ids/7?subject=a&fetchMaxId=true", r#"{"schema":"\"long\"","maxId":9}"#);
    assert_eq!((stored.schema, stored.max_id), (Some(long()), Some(9)));
    check!(|client, _| client.schema_text(7) => "GET /schemas/ids/7/schema", r#""long""#);
    check!(|client, _| client.subjects_of(7).with_deleted() => "GET /schemas/ids/7/subjects?deleted=true", r#"["a"]"#);
    let places = check!(|client, _| client.versions_of(7) => "GET /schemas/ids/7/versions",
        r#"[{"subject":"a","version":1}]"#);
    assert_eq!((&*places[0].subject, places[0].version), ("a", 1));
    check!(|client, _| client.schema_by_guid(GUID.parse().unwrap())
        => "GET /schemas/guids/89791f01-0203-0405-0607-08090a0b0cfd", r#"{"schema":"{}","schemaType":"JSON"}"#);
    let ids = check!(|client, _| client.ids_of(GUID.parse().unwrap())
        => "GET /schemas/guids/89791f01-0203-0405-0607-08090a0b0cfd/ids", r#"[{"context":".","id":7}]"#);
    assert_eq!((&*ids[0].context, ids[0].id), (".", 7));
}

#[tokio::test]
async fn settings_and_modes() {
    let config = check!(|_, s| s.config().effective() => "GET /config/a%2Fb-value?defaultToGlobal=true",
        r#"{"compatibilityLevel":"FULL","normalize":true,"compatibilityPolicy":"LENIENT"}"#);
    assert_eq!((config.compatibility, config.normalize), (Some(Level::Full), Some(true)));
    check!(|_, s| s.set_config(Level::None) => "PUT /config/a%2Fb-value", r#"{"compatibility":"NONE"}"#,
        r#"{"compatibility":"NONE"}"#);
    let deleted = check!(|_, s| s.delete_config() => "DELETE /config/a%2Fb-value", r#""FULL_TRANSITIVE""#);
    assert_eq!(deleted, Config::of(Level::FullTransitive));
    check!(|client, _| client.config() => "GET /config", r#"{"compatibilityLevel":"BACKWARD"}"#);
    let mut config = Config::of(Level::Backward);
    config.alias = Some("x".into());
    check!(|client, _| client.set_config(config) => "PUT /config",
        r#"{"compatibility":"BACKWARD","alias":"x"}"#, r#"{"compatibility":"BACKWARD"}"#);
    check!(|client, _| client.delete_config() => "DELETE /config", r#"{"compatibilityLevel":"BACKWARD"}"#);
    assert_eq!(check!(|_, s| s.mode() => "GET /mode/a%2Fb-value", r#"{"mode":"IMPORT"}"#), Mode::Import);
    let mode = check!(|_, s| s.set_mode(Mode::ReadOnly).force() => "PUT /mode/a%2Fb-value?force=true",
        r#"{"mode":"READONLY"}"#, r#"{"mode":"SOMETHING"}"#);
    assert_eq!(mode, Mode::Unknown);
    let mode = check!(|_, s| s.delete_mode().recursive() => "DELETE /mode/a%2Fb-value?recursive=true", r#""FORWARD""#);
    assert_eq!(mode, Mode::Forward);
    check!(|client, _| client.mode() => "GET /mode", r#"{"mode":"READWRITE"}"#);
    check!(|client, _| client.set_mode(Mode::ReadWrite) => "PUT /mode", r#"{"mode":"READWRITE"}"#, r#"{"mode":"READWRITE"}"#);
    check!(|client, _| client.delete_mode() => "DELETE /mode", r#"{"mode":"READWRITE"}"#);
}

#[tokio::test]
async fn the_registry_itself() {
    check!(|client, _| client.ping() => "GET /", "{}");
    assert_eq!(check!(|client, _| client.contexts() => "GET /contexts", r#"[".",".x"]"#), [".", ".x"]);
    check!(|client, _| client.delete_context(".x") => "DELETE /contexts/.x", "");
    check!(|client, _| client.cluster_id() => "GET /v1/metadata/id", r#"{"scope":{},"id":""}"#);
    let version = check!(|client, _| client.server_version() => "GET /v1/metadata/version", r#"{"version":"8.1","commitId":"c"}"#);
    assert_eq!(version.version, "8.1");
    check!(|client, _| client.deployment() => "GET /v1/metadata/deployment", "{}");
}

#[tokio::test]
async fn a_refusal_says_who_was_asked_what() {
    let refusal = r#"{"error_code":40401,"message":"Subject 'orders-value' not found."}"#;
    let script = Script::start([Act::Answer(404, refusal)]).await;
    let url = script.url.replace("//", "//ada:opensesame@") + "/base/";
    let error = RegistryClient::new(url).unwrap().subject("orders-value").latest().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (RegistryErrorKind::NotFound, Some(40401)));
    let expected = format!(
        "the schema registry {}/base answered GET /subjects/orders-value/versions/latest: Subject 'orders-value' not found. \
         (error code 40401)",
        script.url
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(script.lines(), ["GET /base/subjects/orders-value/versions/latest"]);
    assert_eq!(script.requests()[0].header("authorization"), Some("Basic YWRhOm9wZW5zZXNhbWU="));
}
