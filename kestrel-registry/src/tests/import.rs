//! Schemas that bring their ids and versions.

use super::script;

#[test]
fn an_import_keeps_ids_and_versions() {
    script(
        r#"
        POST /subjects/a/versions {"schema":"\"int\"","id":7,"version":3}
        = 42205 not in import mode
        PUT /mode/a {"mode":"IMPORT"}
        = {"mode":"IMPORT"}
        POST /subjects/a/versions {"schema":"\"int\"","id":7,"version":3}
        = {"id":7}
        POST /subjects/a/versions {"schema":"\"int\"","id":7,"version":3}
        = {"id":7}
        GET /subjects/a/versions
        = [3]
        # Not compared with what is there.
        POST /subjects/a/versions {"schema":"\"string\"","id":9,"version":4}
        = {"id":9}
        POST /subjects/a/versions {"schema":"\"long\"","id":9,"version":5}
        = 42205 Overwrite new schema with id 9
        POST /subjects/a/versions {"schema":"\"long\"","id":10,"version":4}
        = 42205 another schema as version 4
        POST /subjects/a/versions {"schema":"\"long\""}
        = 42205 not in read-write mode
        PUT /mode/a {"mode":"READWRITE"}
        PUT /config {"compatibility":"NONE"}
        POST /subjects/a/versions {"schema":"\"long\""}
        = {"id":10}
        GET /subjects/a/versions
        = [3,4,5]
        "#,
    );
}

#[test]
fn an_import_begins_where_nothing_is() {
    script(
        r#"
        POST /subjects/a/versions {"schema":"\"int\""}
        PUT /mode/a {"mode":"IMPORT"}
        = 42205 existing subjects
        PUT /mode {"mode":"IMPORT"}
        = 42205 existing subjects
        PUT /mode/b {"mode":"IMPORT"}
        = {"mode":"IMPORT"}
        PUT /mode/a?force=true {"mode":"IMPORT"}
        = {"mode":"IMPORT"}
        PUT /mode/a {"mode":"READWRITE"}
        DELETE /subjects/a
        PUT /mode/a {"mode":"IMPORT"}
        = {"mode":"IMPORT"}
        # What was deleted softly is gone now.
        GET /schemas/ids/1
        = 40403
        POST /subjects/a/versions {"schema":"\"long\"","id":1,"version":1}
        = {"id":1}
        "#,
    );
}
