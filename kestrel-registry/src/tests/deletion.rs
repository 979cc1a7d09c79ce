//! What is deleted, softly and for good.

use super::{apply, script};
use crate::record::{ContextValue, Entry};

fn filled(text: &str) -> String {
    let int = r#"{"schema":"\"int\""}"#;
    let long = r#"{"schema":"\"long\""}"#;
    format!("PUT /config {{\"compatibility\":\"NONE\"}}\n{text}").replace("INT", int).replace("LONG", long)
}

#[test]
fn a_version_is_deleted_in_two_steps() {
    script(&filled(
        r#"
        POST /subjects/a/versions INT
        POST /subjects/a/versions LONG
        DELETE /subjects/a/versions/1?permanent=true
        = 40407
        DELETE /subjects/a/versions/1
        = 1
        DELETE /subjects/a/versions/1
        = 40406
        DELETE /subjects/a/versions/7
        = 40402
        DELETE /subjects/c/versions/1
        = 40401
        GET /subjects/a/versions
        = [2]
        GET /subjects/a/versions?deleted=true
        = [1,2]
        GET /subjects/a/versions?deletedOnly=true
        = [1]
        GET /subjects/a/versions?deletedAsNegative=true
        = [-1,2]
        GET /subjects/a/versions/1
        = 40402
        # Data that were written with it can still be read.
        GET /schemas/ids/1
        = {"schema":"\"int\""}
        GET /schemas/ids/1/subjects
        = []
        GET /schemas/ids/1/subjects?deleted=true
        = ["a"]
        DELETE /subjects/a/versions/1?permanent=true
        = 1
        GET /schemas/ids/1
        = 40403
        DELETE /subjects/a/versions/latest
        = 2
        "#,
    ));
}

#[test]
fn a_subject_is_deleted_in_two_steps() {
    script(&filled(
        r#"
        POST /subjects/a/versions INT
        POST /subjects/a/versions LONG
        PUT /config/a {"compatibility":"FULL"}
        PUT /mode/a {"mode":"READWRITE"}
        DELETE /subjects/b
        = 40401
        DELETE /subjects/a?permanent=true
        = 40405
        DELETE /subjects/a
        = [1,2]
        DELETE /subjects/a
        = 40404
        GET /subjects
        = []
        GET /subjects?deleted=true
        = ["a"]
        GET /subjects?deletedOnly=true
        = ["a"]
        GET /subjects/a/versions
        = 40401
        DELETE /subjects/a?permanent=true
        = [1,2]
        GET /subjects?deleted=true
        = []
        # Its settings go with it.
        GET /config/a
        = 40408
        GET /mode/a
        = 40409
        "#,
    ));
}

#[test]
fn what_was_deleted_comes_back_with_its_id_and_a_new_number() {
    script(&filled(
        r#"
        POST /subjects/a/versions INT
        DELETE /subjects/a
        POST /subjects/a/versions INT
        = {"id":1}
        GET /subjects/a/versions?deleted=true
        = [2]
        "#,
    ));
}

#[test]
fn an_id_is_never_given_twice() {
    let scripted = script(&filled(
        r#"
        POST /subjects/a/versions INT
        POST /subjects/a/versions LONG
        = {"id":2}
        DELETE /subjects/a
        DELETE /subjects/a?permanent=true
        POST /subjects/a/versions {"schema":"\"double\""}
        = {"id":3}
        "#,
    ));
    // Nothing but this record says so when compaction has removed the tombstones.
    let note = Entry::Context {
        context: ".".into(),
        value: Some(ContextValue { highest_id: Some(2), ..ContextValue::default() }),
    };
    assert!(scripted.log.contains(&note.encode()), "{:#?}", scripted.log);
}

const REFERS: &str = r#"{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":\"F\"}]}","references":[{"name":"F","subject":"SUBJECT","version":VERSION}]}"#;
const FIXED: &str = r#"{"schema":"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}"}"#;

fn refers(subject: &str, version: i32) -> String {
    REFERS.replace("SUBJECT", subject).replace("VERSION", &version.to_string())
}

#[test]
fn a_reference_is_to_the_context_that_it_names() {
    let (unqualified, qualified) = (refers("f", 1), refers(":.lab:f", -1));
    let mut scripted = script(&format!(
        r#"
        POST /subjects/:.lab:f/versions {FIXED}
        = {{"id":1}}
        # A reference is not looked for in other contexts, where nothing would keep what it means.
        POST /subjects/r/versions {unqualified}
        = 42201 subject "f" and version 1
        POST /subjects/r/versions {qualified}
        = {{"id":1}}
        GET /subjects/:.lab:f/versions/1/referencedby
        = [1]
        DELETE /subjects/:.lab:f/versions/1
        = 42206
        DELETE /subjects/:.lab:f
        = 42206
        POST /subjects/:.lab:r/versions {unqualified}
        = {{"id":2}}
        DELETE /subjects/r
        DELETE /subjects/:.lab:r
        DELETE /subjects/:.lab:f
        = [1]
        DELETE /subjects/:.lab:f?permanent=true
        = 42206
        "#
    ));
    let (_, stored) = scripted.call("GET", "/subjects/r/versions/1?deleted=true", "");
    assert_eq!(stored["references"][0]["version"], 1);
}

#[test]
fn a_reference_to_the_last_version_is_to_that_one() {
    let (last, other) = (refers("f", -1), FIXED.replace('4', "8"));
    let mut scripted = script(&format!(
        r#"
        PUT /config {{"compatibility":"NONE"}}
        POST /subjects/r/versions {last}
        = 42201 subject "f" and version -1
        POST /subjects/f/versions {FIXED}
        POST /subjects/f/versions {other}
        = {{"id":2}}
        POST /subjects/r/versions {last}
        = {{"id":3}}
        DELETE /subjects/f/versions/2
        = 42206
        DELETE /subjects/f/versions/1
        = 1
        "#
    ));
    let (_, stored) = scripted.call("GET", "/subjects/r/versions/1", "");
    assert_eq!(stored["references"][0]["version"], 2);
    // Other registries may have stored it as it was sent.
    let mut record = scripted.log.last_mut().unwrap().clone();
    record.key = r#"{"keytype":"SCHEMA","subject":"r","version":1,"magic":1}"#.to_owned();
    record.value = Some(last.replacen('{', r#"{"subject":"r","version":1,"id":3,"#, 1));
    apply(&mut scripted.machine, &record, 9).unwrap();
    scripted.run("DELETE /subjects/f/versions/2\n= 42206");
}

#[test]
fn what_is_referred_to_stays() {
    let (refers, fixed) = (refers("f", 1), FIXED);
    script(&format!(
        r#"
        POST /subjects/r/versions {refers}
        = 42201 "f" and version 1
        POST /subjects/f/versions {fixed}
        = {{"id":1}}
        POST /subjects/r/versions {refers}
        = {{"id":2}}
        GET /subjects/f/versions/1/referencedby
        = [2]
        GET /subjects/f/versions/latest/referencedby
        = [2]
        GET /subjects/r/versions/1/referencedby
        = []
        DELETE /subjects/f/versions/1
        = 42206
        DELETE /subjects/f
        = 42206
        DELETE /subjects/r
        = [1]
        GET /subjects/f/versions/1/referencedby
        = []
        GET /subjects/f/versions/1/referencedby?deleted=true
        = [2]
        DELETE /subjects/f
        = [1]
        DELETE /subjects/f?permanent=true
        = 42206
        DELETE /subjects/r?permanent=true
        = [1]
        DELETE /subjects/f?permanent=true
        = [1]
        "#
    ));
}
