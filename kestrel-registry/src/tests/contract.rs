//! Subjects, versions, ids, look-ups, lists.

use super::script;

const INT: &str = r#"{"schema":"\"int\""}"#;
const LONG: &str = r#"{"schema":"\"long\""}"#;

fn filled(text: &str) -> String {
    text.replace("INT", INT).replace("LONG", LONG)
}

#[test]
fn a_schema_has_one_id_under_all_subjects() {
    script(&filled(
        r#"
        POST /subjects/a/versions INT
        = {"id":1}
        POST /subjects/a/versions INT
        = {"id":1}
        POST /subjects/b/versions LONG
        = {"id":2}
        POST /subjects/b/versions INT
        = 40901
        PUT /config {"compatibility":"none"}
        = {"compatibility":"NONE"}
        POST /subjects/b/versions INT
        = {"id":1}
        GET /subjects/b/versions
        = [1,2]
        GET /schemas/ids/1
        = {"schema":"\"int\""}
        GET /schemas/ids/1?subject=b&fetchMaxId=true
        = {"subject":"b","version":2,"schema":"\"int\"","maxId":2}
        GET /schemas/ids/1/subjects
        = ["a","b"]
        GET /schemas/ids/1/versions
        = [{"subject":"a","version":1},{"subject":"b","version":2}]
        GET /schemas/ids/9
        = 40403 Schema 9 not found
        GET /schemas/ids/9/subjects
        = 40403
        GET /schemas/ids/nine
        = 404
        "#,
    ));
}

#[test]
fn versions_are_found_and_listed() {
    script(&filled(
        r#"
        PUT /config {"compatibility":"NONE"}
        POST /subjects/a/versions INT
        POST /subjects/a/versions LONG
        GET /subjects
        = ["a"]
        GET /subjects?subjectPrefix=b
        = []
        GET /subjects/a/versions/latest
        = {"subject":"a","version":2,"id":2,"schema":"\"long\""}
        GET /subjects/a/versions/-1
        = {"subject":"a","version":2,"id":2,"schema":"\"long\""}
        GET /subjects/a/versions/1
        = {"subject":"a","version":1,"id":1,"schema":"\"int\""}
        GET /subjects/a/versions/3
        = 40402 Version 3 not found.
        GET /subjects/a/versions/0
        = 42202 between [1, 2^31-1]
        GET /subjects/a/versions/first
        = 42202 'first'
        GET /subjects/b/versions/1
        = 40401 Subject 'b' not found.
        GET /subjects/b/versions
        = 40401
        GET /subjects/a/versions?offset=1&limit=1
        = [2]
        GET /schemas?latestOnly=true
        = [{"subject":"a","version":2,"id":2,"schema":"\"long\""}]
        GET /schemas?subjectPrefix=a&limit=1
        = [{"subject":"a","version":1,"id":1,"schema":"\"int\""}]
        "#,
    ));
}

#[test]
fn a_schema_is_looked_up_in_its_subject() {
    script(&filled(
        r#"
        POST /subjects/a INT
        = 40401
        POST /subjects/a/versions INT
        POST /subjects/a INT
        = {"subject":"a","version":1,"id":1,"schema":"\"int\""}
        POST /subjects/a LONG
        = 40403 Schema not found
        POST /subjects/a {"schema":""}
        = 40403
        POST /subjects/a
        = 422
        POST /subjects/a {
        = 400
        DELETE /subjects/a
        POST /subjects/a INT
        = 40401
        POST /subjects/a?deleted=true INT
        = {"subject":"a","version":1,"id":1,"schema":"\"int\""}
        "#,
    ));
}

#[test]
fn a_guid_is_found_in_every_context() {
    let mut scripted =
        script(&filled("POST /subjects/a/versions INT\nPOST /subjects/:.lab:a/versions INT\n= {\"id\":1}"));
    let guid = kestrel_schema::Guid::of("\"int\"", &[], None, None);
    scripted.run(&format!(
        r#"
        GET /schemas/guids/{guid}
        = {{"schema":"\"int\""}}
        GET /schemas/guids/{guid}/ids
        = [{{"context":".","id":1}},{{"context":".lab","id":1}}]
        GET /schemas/guids/no-guid
        = 40403
        GET /schemas/guids/no-guid/ids
        = []
        "#
    ));
}

#[test]
fn ids_are_of_a_context() {
    script(&filled(
        r#"
        POST /subjects/a/versions INT
        = {"id":1}
        POST /subjects/:.lab:b/versions LONG
        = {"id":1}
        GET /contexts
        = [".",".lab"]
        GET /contexts?contextPrefix=.l
        = [".lab"]
        GET /subjects
        = [":.lab:b","a"]
        GET /subjects?subjectPrefix=:.lab:
        = [":.lab:b"]
        GET /subjects?subjectPrefix=:*:b
        = [":.lab:b"]
        GET /contexts/lab/subjects
        = [":.lab:b"]
        GET /contexts/.lab/subjects/b/versions
        = [1]
        GET /schemas/ids/1?subject=:.lab:
        = {"subject":":.lab:b","version":1,"schema":"\"long\""}
        GET /contexts/lab/schemas/ids/1
        = {"subject":":.lab:b","version":1,"schema":"\"long\""}
        GET /schemas/ids/1?subject=b
        = {"subject":":.lab:b","version":1,"schema":"\"long\""}
        # One that is not in the default context is looked for in the others.
        GET /subjects/b/versions/1
        = {"subject":":.lab:b","version":1,"id":1,"schema":"\"long\""}
        DELETE /contexts/.lab
        = 42211
        DELETE /subjects/:.lab:b
        DELETE /subjects/:.lab:b?permanent=true
        DELETE /contexts/.lab
        = null
        GET /contexts
        = ["."]
        "#,
    ));
}

#[test]
fn metadata_and_rules_are_part_of_a_schema() {
    let with = |extra: &str| format!(r#"{{"schema":"\"int\"",{extra}}}"#);
    let (old, new) =
        (with(r#""metadata":{"properties":{"v":"1"}}"#), with(r#""metadata":{"properties":{"v":"2"}}"#));
    let wrong = with(r#""ruleSet":{"domainRules":[{"name":"?","type":"CEL"}]}"#);
    let ruled = with(r#""ruleSet":{"domainRules":[{"name":"r","type":"CEL","expr":"true"}]}"#);
    script(&format!(
        r#"
        POST /subjects/a/versions {old}
        = {{"id":1}}
        POST /subjects/a/versions {new}
        = {{"id":2}}
        GET /subjects/a/metadata?key=v&value=1
        = {{"subject":"a","version":1,"id":1,"metadata":{{"properties":{{"v":"1"}}}},"schema":"\"int\""}}
        GET /subjects/a/metadata?key=v&value=3
        = 40403
        # Metadata that are not given are those of the version before.
        POST /subjects/a/versions {{"schema":"\"int\""}}
        = {{"id":2}}
        POST /subjects/a/versions {wrong}
        = 42210
        POST /subjects/a/versions {ruled}
        = {{"id":3}}
        GET /schemas?ruleType=CEL
        = [{{"subject":"a","version":3,"id":3,"metadata":{{"properties":{{"v":"2"}}}},"ruleSet":{{"domainRules":[{{"name":"r","kind":"TRANSFORM","mode":"WRITEREAD","type":"CEL","expr":"true","disabled":false}}]}},"schema":"\"int\""}}]
        "#
    ));
}

#[test]
fn a_version_may_have_its_number_in_its_metadata() {
    script(
        r#"
        POST /subjects/a/versions {"schema":"\"int\"","version":-1}
        = {"id":1}
        GET /subjects/a/versions/1
        = {"subject":"a","version":1,"id":1,"metadata":{"properties":{"confluent:version":"1"}},"schema":"\"int\""}
        # The same without a number is the same.
        POST /subjects/a/versions {"schema":"\"int\""}
        = {"id":1}
        POST /subjects/a/versions {"schema":"\"int\"","version":5}
        = 42201 one more than previous
        "#,
    );
}

#[test]
fn what_is_not_there_is_not_found() {
    script(
        r#"
        GET /associations/subjects/a
        = 404
        GET /subjects/a/b
        = 404
        POST /subjects/a/versions/1/tags {}
        = 404
        GET /contexts/:.a:b:/subjects
        = 400
        PATCH /config
        = 405
        PUT /subjects
        = 405
        POST /subjects/__GLOBAL/versions {"schema":"\"int\""}
        = 42208
        POST /subjects/:.lab:/versions {"schema":"\"int\""}
        = 42208
        POST /subjects/a/versions {"schema":"","schemaType":"AVRO"}
        = 42201 Empty schema
        POST /subjects/a/versions {"schema":"{}","schemaType":"XML"}
        = 42201
        "#,
    );
}

#[test]
fn an_alias_stands_for_its_subject() {
    script(&filled(
        r#"
        POST /subjects/a/versions INT
        PUT /config/b {"alias":"a"}
        = {"alias":"a"}
        GET /subjects/b/versions/latest
        = {"subject":"a","version":1,"id":1,"schema":"\"int\""}
        POST /subjects/b/versions INT
        = {"id":1}
        GET /subjects
        = ["a"]
        GET /schemas?aliases=true
        = [{"subject":"a","version":1,"id":1,"schema":"\"int\"","aliases":["b"]}]
        "#,
    ));
}
