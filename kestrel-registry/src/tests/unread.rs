//! Records that another registry has written: those that cannot be understood, fields that only it knows, keys in its own spelling.

use super::replay::{compacted, replayed};
use super::{Scripted, apply, script};
use crate::record::RecordText;

const INT: &str = r#"{"schema":"\"int\""}"#;
const LONG: &str = r#"{"schema":"\"long\""}"#;
const DOUBLE: &str = r#"{"schema":"\"double\""}"#;
const THRIFT: &str = r#"{"subject":"s","version":2,"id":2,"schemaType":"THRIFT","schema":"struct S {}"}"#;

fn filled(text: &str) -> String {
    text.replace("INT", INT).replace("LONG", LONG).replace("DOUBLE", DOUBLE)
}

fn version(subject: &str, version: u8) -> String {
    format!(r#"{{"keytype":"SCHEMA","subject":"{subject}","version":{version},"magic":1}}"#)
}

impl Scripted {
    /// Another registry writes a record.
    fn put(&mut self, key: &str, value: Option<&str>) {
        let text = RecordText { key: key.to_owned(), value: value.map(str::to_owned) };
        // Whether it is understood is seen by what is answered.
        let _ = apply(&mut self.machine, &text, self.log.len());
        self.log.push(text);
    }

    /// The value of the last record under a key.
    fn written(&self, key: &str) -> Option<&str> {
        self.log.iter().rfind(|record| record.key == key)?.value.as_deref()
    }

    /// Whether the registry is the same when it reads what compaction leaves of the topic.
    fn assert_compaction_changes_nothing(&self) {
        assert_eq!(replayed(&compacted(&self.log, self.log.len())), self.machine, "{:#?}", self.log);
    }
}

#[test]
fn a_schema_that_cannot_be_understood_keeps_its_id_and_its_version() {
    let mut scripted = script(&filled("POST /subjects/s/versions INT\n= {\"id\":1}"));
    scripted.put(&version("s", 2), Some(THRIFT));
    scripted.run(&filled(
        r#"
        GET /subjects/s/versions/2
        = 50001 the record at offset 1 is version 2 of subject 's' and cannot be understood
        GET /subjects/s/versions/2
        = 50001 THRIFT
        GET /subjects/s/versions/latest
        = 50001 offset 1
        GET /subjects/s/versions/1
        = {"subject":"s","version":1,"id":1,"schema":"\"int\""}
        GET /schemas/ids/2
        = 50001 offset 1
        GET /schemas/ids/2/versions
        = 50001
        GET /schemas/ids/3
        = 40403
        GET /subjects/s/versions
        = [1,2]
        POST /subjects/s INT
        = {"subject":"s","version":1,"id":1,"schema":"\"int\""}
        # It may be this one.
        POST /subjects/s LONG
        = 50001
        POST /subjects/s/versions INT
        = {"id":1}
        # It cannot be compared with what is not understood.
        POST /subjects/s/versions LONG
        = 50001
        POST /compatibility/subjects/s/versions/latest LONG
        = 50001
        POST /compatibility/subjects/s/versions LONG
        = 50001
        POST /compatibility/subjects/s/versions/1 LONG
        = {"is_compatible":true}
        POST /subjects/s/versions?force=true LONG
        = {"id":3}
        GET /subjects/s/versions
        = [1,2,3]
        POST /subjects/t/versions DOUBLE
        = {"id":4}
        DELETE /subjects/s/versions/2
        = 50001
        DELETE /subjects/s
        = 50001
        DELETE /subjects/s/versions/1
        = 1
        PUT /mode/s {"mode":"IMPORT"}
        = 42205 existing subjects
        PUT /mode/s?force=true {"mode":"IMPORT"}
        POST /subjects/s/versions {"schema":"\"bytes\"","id":2,"version":9}
        = 50001
        POST /subjects/s/versions {"schema":"\"bytes\"","id":9,"version":2}
        = 50001
        "#,
    ));
    assert_eq!(scripted.written(&version("s", 2)), Some(THRIFT));
    scripted.assert_compaction_changes_nothing();
    // Another registry gives it up, or writes what is understood.
    scripted.put(&version("s", 2), None);
    scripted.run("PUT /mode/s {\"mode\":\"READWRITE\"}\nGET /subjects/s/versions/2\n= 40402\nGET /schemas/ids/2\n= 40403");
}

#[test]
fn where_an_id_cannot_be_read_none_is_given() {
    let mut scripted = script(&filled("POST /subjects/s/versions INT"));
    scripted.put(&version("other", 1), Some("not JSON"));
    scripted.run(&filled(
        r#"
        GET /subjects
        = ["other","s"]
        GET /subjects/other/versions
        = [1]
        POST /subjects/t/versions LONG
        = 50001 version 1 of subject 'other'
        GET /schemas/ids/7
        = 50001
        GET /schemas/guids/00000000-0000-0000-0000-000000000000
        = 50001
        POST /subjects/t/versions INT
        = {"id":1}
        POST /subjects/:.lab:t/versions LONG
        = {"id":1}
        "#,
    ));
    scripted.assert_compaction_changes_nothing();
}

#[test]
fn what_refers_to_it_is_not_said_to_be_wrong() {
    let mut scripted = script("");
    scripted.put(&version("s", 2), Some(THRIFT));
    scripted.run(
        r#"
        POST /subjects/r/versions {"schema":"\"S\"","references":[{"name":"S","subject":"s","version":2}]}
        = 50001 version 2 of subject 's'
        "#,
    );
}

#[test]
fn a_version_with_the_id_of_another_schema_is_not_overwritten() {
    let mut scripted = script(&filled("POST /subjects/s/versions INT\n= {\"id\":1}"));
    let second = r#"{"subject":"s","version":2,"id":1,"schema":"\"long\""}"#;
    scripted.put(&version("s", 2), Some(second));
    scripted.run(&filled(
        r#"
        GET /subjects/s/versions/2
        = 50001 the id 1 is that of another schema
        GET /schemas/ids/1
        = {"schema":"\"int\""}
        POST /subjects/s/versions?force=true LONG
        = {"id":2}
        GET /subjects/s/versions
        = [1,2,3]
        "#,
    ));
    assert_eq!(scripted.written(&version("s", 2)), Some(second));
}

#[test]
fn settings_that_cannot_be_understood_hold_until_they_are_deleted() {
    let mut scripted = script(&filled("POST /subjects/s/versions INT"));
    let config = r#"{"keytype":"CONFIG","subject":"s","magic":0}"#;
    scripted.put(config, Some(r#"{"subject":"s","compatibilityLevel":"SIDEWAYS"}"#));
    scripted.put(r#"{"keytype":"MODE","magic":0}"#, Some(r#"{"mode":"UPSIDE_DOWN"}"#));
    scripted.run(&filled(
        r#"
        GET /mode
        = 50001 the mode of '' and cannot be understood
        POST /subjects/t/versions LONG
        = 50001
        DELETE /subjects/s
        = 50001
        DELETE /mode
        = {"mode":"READWRITE"}
        POST /subjects/t/versions LONG
        = {"id":2}
        GET /config/s
        = 50001 the configuration of 's' and cannot be understood
        POST /subjects/s/versions LONG
        = 50001
        POST /compatibility/subjects/s/versions LONG
        = 50001
        PUT /config/s {"normalize":true}
        = 50001
        DELETE /config/s
        = {}
        GET /config/s
        = 40408
        POST /subjects/s/versions LONG
        = {"id":2}
        "#,
    ));
    scripted.assert_compaction_changes_nothing();
}

#[test]
fn fields_that_only_another_registry_knows_are_written_again() {
    let mut scripted = script("");
    let value = r#"{"subject":"s","version":1,"id":1,"md5":"AA==","schema":"\"int\"","deleted":false,"newer":{"a":[1]}}"#;
    scripted.put(&version("s", 1), Some(value));
    let config = r#"{"keytype":"CONFIG","subject":"s","magic":0}"#;
    scripted.put(
        config,
        Some(r#"{"subject":"s","compatibilityLevel":"FULL","compatibilityPolicy":"NEWER","newer":1}"#),
    );
    let context = r#"{"keytype":"CONTEXT","tenant":"default","context":".lab","magic":0}"#;
    scripted.put(context, Some(r#"{"tenant":"default","context":".lab","newer":2}"#));
    scripted.run(&filled(
        r#"
        GET /subjects/s/versions/1
        = {"subject":"s","version":1,"id":1,"schema":"\"int\""}
        DELETE /subjects/s/versions/1
        = 1
        PUT /config/s {"normalize":true}
        = {"normalize":true,"compatibility":"FULL"}
        GET /config/s
        = {"normalize":true,"compatibilityLevel":"FULL"}
        POST /subjects/:.lab:s/versions INT
        DELETE /subjects/:.lab:s
        DELETE /subjects/:.lab:s?permanent=true
        "#,
    ));
    let deleted = value.replace(r#""deleted":false"#, r#""deleted":true"#);
    let as_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(as_json(scripted.written(&version("s", 1)).unwrap()), as_json(&deleted));
    let expected = r#"{"subject":"s","normalize":true,"compatibilityLevel":"FULL","compatibilityPolicy":"NEWER","newer":1}"#;
    assert_eq!(as_json(scripted.written(config).unwrap()), as_json(expected));
    let expected = r#"{"tenant":"default","context":".lab","highestId":1,"newer":2}"#;
    assert_eq!(as_json(scripted.written(context).unwrap()), as_json(expected));
    scripted.run(r#"PUT /config/s {"compatibilityPolicy":"LENIENT"}"#);
    assert_eq!(as_json(scripted.written(config).unwrap())["compatibilityPolicy"], "LENIENT");
    scripted.assert_compaction_changes_nothing();
}

/// What is deleted must not come back when compaction has removed the tombstone, which it keeps for a while only.
#[test]
fn what_was_written_under_a_key_in_another_spelling_does_not_come_back() {
    let value = r#"{"subject":"s","version":1,"id":1,"schema":"\"int\"","deleted":false}"#;
    for key in [
        r#"{"magic":1,"version":1,"subject":"s","keytype":"SCHEMA"}"#,
        r#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":0}"#,
        r#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":1,"newer":true}"#,
    ] {
        let mut scripted = script("");
        scripted.put(key, Some(value));
        let config = r#"{"magic":0,"subject":"s","keytype":"CONFIG"}"#;
        scripted.put(config, Some(r#"{"compatibilityLevel":"NONE"}"#));
        scripted.run("DELETE /subjects/s/versions/1\n= 1");
        scripted.assert_compaction_changes_nothing();
        scripted.run("DELETE /subjects/s/versions/1?permanent=true\n= 1");
        assert_eq!((scripted.written(key), scripted.written(config)), (None, None), "{:#?}", scripted.log);
        let left = compacted(&scripted.log, scripted.log.len());
        let mut anew = Scripted { machine: replayed(&left), log: Vec::new() };
        anew.run(&filled(
            r#"
            GET /subjects?deleted=true
            = []
            GET /config/s
            = 40408
            POST /subjects/s/versions LONG
            = {"id":2}
            "#,
        ));
    }
}

/// Another registry deletes under its own spelling alone, whichever was there before.
#[test]
fn what_another_registry_has_deleted_under_one_spelling_does_not_come_back() {
    let (own, other) = (version("s", 1), r#"{"magic":1,"version":1,"subject":"s","keytype":"SCHEMA"}"#);
    let value = r#"{"subject":"s","version":1,"id":1,"schema":"\"int\"","deleted":true}"#;
    for (written, deleted) in
        [(&[&*own, other][..], &*own), (&[&*own, other], other), (&[other], &*own), (&[&*own], other)]
    {
        let mut scripted = script("");
        written.iter().for_each(|key| scripted.put(key, Some(value)));
        scripted.put(deleted, None);
        // Whatever is written next, the tombstones that are missing go with it.
        scripted.run(&filled("POST /subjects/t/versions LONG\n= {\"id\":2}"));
        let missing = written.iter().filter(|key| **key != deleted);
        assert!(missing.clone().all(|key| scripted.written(key).is_none()), "{:#?}", scripted.log);
        let length = scripted.log.len();
        scripted.run(&filled("PUT /config/t {\"compatibility\":\"NONE\"}"));
        assert_eq!(scripted.log.len(), length + 1, "once: {:#?}", scripted.log);
        let mut anew = Scripted { machine: replayed(&compacted(&scripted.log, length)), log: Vec::new() };
        anew.run("GET /subjects?deleted=true\n= [\"t\"]");
    }
}
