//! What Java's Avro takes, by its own tables: `apache-avro` takes it too in the form that it is given here, and what it does not take is
//! written down.

use kestrel_schema::{Dependency, Reference};

use super::*;

const TABLES: [&str; 2] = [
    include_str!("../../../../kestrel-schema/testdata/avro/canonical.txt"),
    include_str!("../../../../kestrel-schema/testdata/avro/edges.txt"),
];

/// The lines of a case that begin with this mark.
fn marked<'a>(case: &'a str, mark: &str) -> Vec<&'a str> {
    let prefix = format!("{mark} ");
    case.lines().filter_map(|line| line.strip_prefix(&*prefix)).collect()
}

fn dependency(text: &str) -> Dependency {
    let reference = Reference { name: "dependency".into(), subject: "dependency".into(), version: 1 };
    Dependency { reference, text: text.into() }
}

/// Why `apache-avro` does not take a case of Java's; none if it does.
fn refusal(case: &str, side: Side) -> Option<String> {
    let dependencies: Vec<_> = marked(case, "&").into_iter().map(dependency).collect();
    let parsed = AvroSchema::parse(&marked(case, ">").join("\n"), &dependencies).unwrap();
    let forms = parsed.data_forms(side, MAX_JSON_LEVELS).unwrap();
    together(&forms).err().map(|error| error.to_string())
}

#[test]
fn what_java_takes_apache_avro_takes_but_for_a_few_names() {
    let mut refused = Vec::new();
    let mut taken = 0;
    let cases = TABLES.iter().flat_map(|table| table.split("\n\n"));
    for case in cases.filter(|case| !marked(case, "=").is_empty()) {
        match refusal(case, Side::Writer) {
            None => taken += 1,
            Some(error) => refused.push((marked(case, "#")[0], error)),
        }
    }
    assert!(taken > 300, "{taken}");
    let expected = [
        ("a reference to a type without a namespace from inside of one", "Unknown primitive type: n.S"),
        ("a name with letters of another script", "Invalid schema name"),
        (r#"a field's name "é""#, "Invalid field name"),
        (r#"symbols ["é"]"#, "Invalid enum symbol name"),
        ("a name without a namespace inside of one", "Unknown primitive type: n.S"),
    ];
    assert_eq!(refused.len(), expected.len(), "{refused:#?}");
    for ((case, error), (expected_case, reason)) in refused.iter().zip(expected) {
        assert_eq!(*case, expected_case);
        assert!(error.starts_with(reason), "{case}: {error}");
    }
}

/// All that a registry may answer: texts as deep as they may be, on as much of the stack as tokio's workers have.
#[test]
fn the_deepest_schemas_that_are_taken_have_the_stack_for_it() {
    let array =
        |depth: usize| format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(depth), "}".repeat(depth));
    let record = |depth: usize| {
        let open = |level| format!(r#"{{"type":"record","name":"R{level}","fields":[{{"name":"f","type":"#);
        let opened: String = (0..depth).map(open).collect();
        format!("{opened}\"int\"{}", "}]}".repeat(depth))
    };
    let deepest = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for text in [array(95), record(31)] {
            let parsed = AvroSchema::parse(&text, &[]).unwrap();
            let (schema, _) = together(&parsed.data_forms(Side::Writer, MAX_JSON_LEVELS).unwrap()).unwrap();
            let datum = Datum::new(schema.clone()).unwrap();
            assert!(datum.written_with(&schema, &[]).is_ok());
        }
        for text in [array(200), record(80)] {
            let error =
                AvroSchema::parse(&text, &[]).unwrap().data_forms(Side::Writer, MAX_JSON_LEVELS).unwrap_err();
            assert_eq!(error.to_string(), "nested more than 96 levels deep");
        }
    });
    deepest.unwrap().join().unwrap();
}
