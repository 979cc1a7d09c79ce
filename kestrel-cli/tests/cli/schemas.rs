//! `kestrel schemas`, with a registry over the broker.

use std::fs;

use kestrel_registry::Registry;
use serde_json::json;

use crate::program::Program;

const FIRST: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}"#;
const SECOND: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"note","type":"string","default":""}]}"#;
const OTHER: &str = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#;

#[test]
fn schemas_are_registered_checked_and_deleted() {
    let kestrel = Program::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let topic = kestrel.unique("schemas");
    let start = Registry::builder(kestrel.bootstrap()).topic(topic).replication_factor(1).start();
    let registry = runtime.block_on(start).unwrap();
    let run = |arguments: &[&str]| {
        kestrel.run(&[arguments, &["--registry", registry.url(), "--output", "json"]].concat())
    };
    let json = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let run = run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let file = |name: &str, text: &str| {
        let file = kestrel.home().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (first, second, other) = (file("1.avsc", FIRST), file("2.avsc", SECOND), file("3.avsc", OTHER));
    let registered = json(&["schemas", "register", "orders-value", &first]);
    assert_eq!(registered, [json!({"subject": "orders-value", "version": 1, "id": 1})]);
    assert_eq!(json(&["schemas", "check", "orders-value", &second])[0]["compatible"], true);
    let refused = run(&["schemas", "check", "orders-value", &other]);
    assert!(refused.code == 1 && refused.stdout.contains("\"compatible\":false"), "{refused:?}");
    assert_eq!(
        json(&["schemas", "register", "orders-value", &second, "--dry-run"])[0]["would_be_taken"],
        true
    );
    json(&["schemas", "register", "orders-value", &second]);
    assert_eq!(json(&["schemas", "versions", "orders-value"]).len(), 2);
    assert_eq!(json(&["schemas", "get", "orders-value", "1"])[0]["schema"], FIRST);
    assert_eq!(json(&["schemas", "get", "--id", "2"])[0]["schema"], SECOND);
    let text = kestrel.ok(&["schemas", "get", "orders-value", "--registry", registry.url()]);
    assert_eq!(text, format!("{SECOND}\n"));
    assert_eq!(json(&["schemas", "level", "orders-value", "--to", "full"])[0]["level"], "FULL");
    assert_eq!(json(&["schemas", "level", "orders-value", "--delete"])[0]["level"], "BACKWARD");
    assert_eq!(json(&["schemas", "delete", "orders-value", "1"]).len(), 1);
    assert_eq!(json(&["schemas", "delete", "orders-value", "--permanently"]).len(), 2);
    assert!(json(&["schemas", "list", "--deleted"]).is_empty());
    runtime.block_on(registry.stop());
}

#[test]
fn without_a_registry_it_says_how_to_name_one() {
    let failed = Program::alone().run(&["schemas", "list"]);
    assert!(failed.code == 1 && failed.stderr.contains("--registry URL"), "{failed:?}");
}
