//! Configurations and modes, and who inherits them.

use super::script;

#[test]
fn a_configuration_is_inherited_from_the_context() {
    script(
        r#"
        GET /config
        = {"compatibilityLevel":"BACKWARD"}
        GET /config/a
        = 40408 Subject 'a' does not have subject-level compatibility configured
        GET /config/a?defaultToGlobal=true
        = {"compatibilityLevel":"BACKWARD"}
        PUT /config {"compatibility":"FULL"}
        = {"compatibility":"FULL"}
        PUT /config/a {"normalize":true}
        = {"normalize":true}
        GET /config/a?defaultToGlobal=true
        = {"normalize":true,"compatibilityLevel":"FULL"}
        PUT /config/a {"compatibility":"none","compatibilityGroup":"major"}
        = {"normalize":true,"compatibility":"NONE","compatibilityGroup":"major"}
        PUT /config/a {"normalize":null}
        = {"compatibility":"NONE","compatibilityGroup":"major"}
        PUT /config/a {"compatibilityPolicy":"semantic"}
        = {"compatibility":"NONE","compatibilityGroup":"major","compatibilityPolicy":"SEMANTIC"}
        # Other contexts do not have what is set for the default one.
        GET /config/:.lab:a?defaultToGlobal=true
        = {"compatibilityLevel":"BACKWARD"}
        PUT /config/:.lab: {"compatibility":"FORWARD"}
        GET /config/:.lab:a?defaultToGlobal=true
        = {"compatibilityLevel":"FORWARD"}
        GET /contexts/lab/config
        = {"compatibilityLevel":"FORWARD"}
        PUT /config/:.__GLOBAL: {"compatibility":"BACKWARD_TRANSITIVE"}
        GET /config/:.x:a?defaultToGlobal=true
        = {"compatibilityLevel":"BACKWARD_TRANSITIVE"}
        PUT /config {"compatibility":"SIDEWAYS"}
        = 42203
        DELETE /config/a
        = {"compatibilityLevel":"NONE","compatibilityGroup":"major","compatibilityPolicy":"SEMANTIC"}
        DELETE /config/a
        = 40401
        DELETE /config
        = {"compatibilityLevel":"FULL"}
        GET /config
        = {"compatibilityLevel":"BACKWARD"}
        "#,
    );
}

#[test]
fn a_mode_forbids_what_it_says() {
    script(
        r#"
        GET /mode
        = {"mode":"READWRITE"}
        GET /mode/a
        = 40409
        GET /mode/a?defaultToGlobal=true
        = {"mode":"READWRITE"}
        POST /subjects/a/versions {"schema":"\"int\""}
        PUT /mode {"mode":"readonly"}
        = {"mode":"READONLY"}
        POST /subjects/a/versions {"schema":"\"long\""}
        = 42205 Subject a in context  is in read-only mode
        # What is there already is told.
        POST /subjects/a/versions {"schema":"\"int\""}
        = {"id":1}
        DELETE /subjects/a
        = 42205
        DELETE /subjects/a/versions/1
        = 42205
        PUT /config/a {"compatibility":"NONE"}
        = 42205
        PUT /mode/a {"mode":"READWRITE"}
        PUT /config/a {"compatibility":"NONE"}
        POST /subjects/a/versions {"schema":"\"long\""}
        = {"id":2}
        PUT /mode {"mode":"READONLY_OVERRIDE"}
        POST /subjects/a/versions {"schema":"\"double\""}
        = 42205
        PUT /mode {"mode":"FORWARD"}
        = 42204
        PUT /mode {"mode":"SIDEWAYS"}
        = 42204
        DELETE /mode/a
        = {"mode":"READWRITE"}
        DELETE /mode/a
        = 40401
        PUT /mode/b {"mode":"READONLY"}
        DELETE /mode?recursive=true
        = {"mode":"READONLY_OVERRIDE"}
        GET /mode/b
        = 40409
        GET /mode
        = {"mode":"READWRITE"}
        "#,
    );
}

#[test]
fn a_configuration_fills_in_what_schemas_leave_out() {
    script(
        r#"
        PUT /config/a {"defaultMetadata":{"properties":{"owner":"fleet","x":"1"}},"overrideMetadata":{"properties":{"x":"2"}}}
        POST /subjects/a/versions {"schema":"\"int\"","metadata":{"properties":{"owner":"me","x":"3"}}}
        = {"id":1}
        GET /subjects/a/versions/1
        = {"subject":"a","version":1,"id":1,"metadata":{"properties":{"owner":"me","x":"2"}},"schema":"\"int\""}
        POST /subjects/a/versions {"schema":"\"int\"","metadata":{"properties":{"owner":"me"}}}
        = {"id":1}
        POST /subjects/a {"schema":"\"int\"","metadata":{"properties":{"owner":"me"}}}
        = {"subject":"a","version":1,"id":1,"metadata":{"properties":{"owner":"me","x":"2"}},"schema":"\"int\""}
        PUT /config/a {"defaultRuleSet":{"domainRules":[{"name":"r"}]}}
        = 42210
        "#,
    );
}
