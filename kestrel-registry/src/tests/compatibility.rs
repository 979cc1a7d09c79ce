//! Which versions a schema is compared with, and what is answered. How two schemas are compared is tested where they are.

use serde_json::{Value, json};

use super::{Scripted, script};

/// Avro records with these fields, each with a default if it ends with `=`.
fn record(fields: &[&str]) -> String {
    let field = |name: &&str| match name.strip_suffix('=') {
        Some(name) => format!(r#"{{\"name\":\"{name}\",\"type\":\"int\",\"default\":0}}"#),
        None => format!(r#"{{\"name\":\"{name}\",\"type\":\"int\"}}"#),
    };
    let fields: Vec<_> = fields.iter().map(field).collect();
    format!(r#"{{"schema":"{{\"type\":\"record\",\"name\":\"R\",\"fields\":[{}]}}"}}"#, fields.join(","))
}

fn is_compatible(scripted: &mut Scripted, path: &str, body: &str) -> Option<bool> {
    let (code, answer) = scripted.call("POST", path, body);
    assert_eq!(code, 200, "{answer}");
    answer.get("is_compatible").and_then(Value::as_bool)
}

#[test]
fn a_level_says_which_versions_count() {
    let (one, two, three) = (record(&["a"]), record(&["a", "b="]), record(&["a", "b", "c="]));
    let mut scripted = script(&format!(
        "POST /subjects/s/versions {one}\n= {{\"id\":1}}\nPOST /subjects/s/versions {two}\n= {{\"id\":2}}"
    ));
    // `b` was written by the last version alone.
    assert_eq!(is_compatible(&mut scripted, "/compatibility/subjects/s/versions", &three), Some(true));
    assert_eq!(is_compatible(&mut scripted, "/compatibility/subjects/s/versions/2", &three), Some(true));
    assert_eq!(is_compatible(&mut scripted, "/compatibility/subjects/s/versions/latest", &three), Some(true));
    assert_eq!(is_compatible(&mut scripted, "/compatibility/subjects/s/versions/1", &three), Some(false));
    scripted.run(r#"PUT /config/s {"compatibility":"BACKWARD_TRANSITIVE"}"#);
    assert_eq!(is_compatible(&mut scripted, "/compatibility/subjects/s/versions", &three), Some(false));
    scripted.run(&format!("POST /subjects/s/versions {three}\n= 40901 earlier schema for subject \"s\""));
    scripted.run(&format!("POST /subjects/s/versions?force=true {three}\n= {{\"id\":3}}"));
    scripted.run(r#"PUT /config/s {"compatibility":"NONE"}"#);
    let other = record(&["z"]);
    assert_eq!(is_compatible(&mut scripted, "/compatibility/subjects/s/versions", &other), Some(true));
}

#[test]
fn who_asks_for_it_hears_why() {
    let (one, two) = (record(&["a"]), record(&["a", "b"]));
    let mut scripted = script(&format!("POST /subjects/s/versions {one}"));
    let (_, answer) = scripted.call("POST", "/compatibility/subjects/s/versions/1?verbose=true", &two);
    let messages = answer["messages"].to_string();
    for part in [
        "READER_FIELD_MISSING_DEFAULT_VALUE",
        "oldSchemaVersion: 1",
        "oldSchema",
        "compatibility: 'BACKWARD'",
    ] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    scripted.run(
        r#"
        POST /compatibility/subjects/s/versions/9 {"schema":"\"int\""}
        = 40402
        POST /compatibility/subjects/none/versions/latest {"schema":"\"int\""}
        = {"is_compatible":true}
        POST /compatibility/subjects/none/versions {"schema":""}
        = 42201
        POST /compatibility/subjects/none/versions/latest?verbose=true {"schema":"\"int\""}
        = {"is_compatible":true,"messages":[]}
        POST /compatibility/subjects/s/versions {"schema":"{}","schemaType":"JSON"}
        = {"is_compatible":false}
        "#,
    );
}

#[test]
fn deleted_versions_are_not_compared_with() {
    let (one, other) = (record(&["a"]), record(&["a", "b"]));
    script(&format!(
        "POST /subjects/s/versions {one}\nPOST /subjects/s/versions {other}\n= 40901\nDELETE /subjects/s\nPOST /subjects/s/versions {other}\n= {{\"id\":2}}"
    ));
}

#[test]
fn a_group_is_compared_with_itself() {
    let (one, other) = (record(&["a"]), record(&["a", "b"]));
    let of = |schema: &str, group: u8| {
        schema.replacen('{', &format!(r#"{{"metadata":{{"properties":{{"major":"{group}"}}}},"#), 1)
    };
    let (first, same, next) = (of(&one, 1), of(&other, 1), of(&other, 2));
    script(&format!(
        "PUT /config/s {{\"compatibilityGroup\":\"major\"}}\nPOST /subjects/s/versions {first}\nPOST /subjects/s/versions {same}\n= 40901\nPOST /subjects/s/versions {next}\n= {{\"id\":2}}"
    ));
}

#[test]
fn json_schemas_are_compared_by_the_policy() {
    let object = |properties: &str| {
        format!(
            r#"{{"schemaType":"JSON","schema":"{{\"type\":\"object\",\"properties\":{{{properties}}}}}"}}"#
        )
    };
    let (one, two) = (object(""), object(r#"\"a\":{\"type\":\"string\"}"#));
    script(&format!(
        "POST /subjects/s/versions {one}\n= {{\"id\":1}}\nPOST /subjects/s/versions {two}\n= 40901 OPEN_CONTENT_MODEL\nPUT /config/s {{\"compatibilityPolicy\":\"SEMANTIC\"}}\nPOST /subjects/s/versions {two}\n= 40901\nPUT /config/s {{\"compatibilityPolicy\":\"LENIENT\"}}\nPOST /subjects/s/versions {two}\n= {{\"id\":2}}"
    ));
}

/// All versions together cost more than one pair of schemas may.
#[test]
fn every_version_has_a_budget_of_its_own() {
    let symbols: Vec<_> = (0..100_000).map(|index| format!("S{index}")).collect();
    let proposal = |unit: usize| {
        let schema = json!({ "type": "enum", "name": "E", "unit": unit, "symbols": symbols });
        json!({ "schema": schema.to_string() }).to_string()
    };
    let mut scripted = script(r#"PUT /config/s {"compatibility":"NONE"}"#);
    for unit in 0..6 {
        assert_eq!(scripted.call("POST", "/subjects/s/versions", &proposal(unit)).0, 200);
    }
    scripted.run(r#"PUT /config/s {"compatibility":"FULL_TRANSITIVE"}"#);
    let path = "/compatibility/subjects/s/versions?verbose=true";
    let judged = scripted.call("POST", path, &proposal(6));
    assert_eq!(judged, (200, json!({ "is_compatible": true, "messages": [] })));
}
