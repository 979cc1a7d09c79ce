//! Ours against the tables of `testdata/avro`, and against schemas that mean harm.

use super::{AvroSchema, Side};
use crate::{Budget, BudgetExceeded, Dependency, Incompatibility, Reference};

const CANONICAL: &str = include_str!("../../testdata/avro/canonical.txt");
const EDGES: &str = include_str!("../../testdata/avro/edges.txt");
const COMPATIBILITY: &str = include_str!("../../testdata/avro/compatibility.txt");

/// The lines of a case that begin with this mark.
fn marked<'a>(case: &'a str, mark: &str) -> Vec<&'a str> {
    let prefix = format!("{mark} ");
    case.lines().filter_map(|line| line.strip_prefix(&*prefix)).collect()
}

fn cases(table: &str) -> impl Iterator<Item = &str> {
    table.trim_end().split("\n\n")
}

fn dependencies(texts: Vec<&str>) -> Vec<Dependency> {
    let depend = |text: &str| Dependency {
        reference: Reference { name: "dependency".to_owned(), subject: "dependency".to_owned(), version: 1 },
        text: text.to_owned(),
    };
    texts.into_iter().map(depend).collect()
}

fn schema(text: &str) -> AvroSchema {
    AvroSchema::parse(text, &[]).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Whether Java refuses what a name is made of.
fn is_of_a_name(reason: &str) -> bool {
    ["Namespace part", "Empty name", "Illegal"].iter().any(|start| reason.starts_with(start))
}

#[test]
fn canonical_texts_are_those_of_java() {
    let mut known = 0;
    let mut wrong = Vec::new();
    for case in cases(CANONICAL).chain(cases(EDGES)) {
        let dependencies = dependencies(marked(case, "&"));
        let read = AvroSchema::parse(&marked(case, ">").join("\n"), &dependencies);
        let (canonical, refused) = (marked(case, "="), marked(case, "!"));
        match (read, canonical.first()) {
            (Ok(schema), Some(canonical)) => {
                if schema.canonical() != *canonical {
                    wrong.push(format!("{case}\n-> {}", schema.canonical()));
                    continue;
                }
                // What a registry keeps is read again, and is its own canonical text.
                let again = AvroSchema::parse(canonical, &dependencies).unwrap();
                if !marked(case, "#")[0].contains("alias without a namespace") {
                    assert_eq!(again.canonical(), *canonical, "{case}");
                }
            }
            (Err(error), None) => {
                assert!(!refused.is_empty() && !error.to_string().is_empty(), "{case}: {error}");
            }
            // Namespaces and aliases of any characters were taken before 1.12: a registry may have them, and takes none that is new.
            (Ok(schema), None) if schema.validate().is_err() && is_of_a_name(refused[0]) => {}
            (Ok(schema), None) => wrong.push(format!("{case}\nis taken: {}", schema.canonical())),
            (Err(error), Some(_)) => wrong.push(format!("{case}\nis refused: {error}")),
        }
        known += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(known >= 450, "{known}");
}

#[test]
fn normal_forms_are_those_of_confluent() {
    let mut known = 0;
    for case in cases(CANONICAL) {
        let Some(&expected) = marked(case, "~").first() else { continue };
        let schema =
            AvroSchema::parse(&marked(case, ">").join("\n"), &dependencies(marked(case, "&"))).unwrap();
        // Confluent's normal form moves a name without a namespace into the one around it. Ours keeps what it means.
        let is_moved = marked(case, "#")[0] == "no namespace inside of one";
        let expected = if is_moved { marked(case, "=")[0] } else { expected };
        assert_eq!(schema.normalized(), expected, "{case}");
        known += 1;
    }
    assert!(known >= 40, "{known}");
}

/// The kinds and paths that Java tells, and an exception of its as what it means.
fn expected(case: &str) -> Vec<(String, String)> {
    let told = marked(case, "=").into_iter().filter(|line| *line != "ok");
    let ambiguous = marked(case, "!").into_iter().map(|_| "READER_FIELD_MATCHES_SEVERAL /");
    told.chain(ambiguous)
        .map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap().to_owned(), words.next().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn verdicts_are_those_of_java() {
    let mut known = 0;
    for case in cases(COMPATIBILITY) {
        let (reader, writer) = (schema(marked(case, "r")[0]), schema(marked(case, "w")[0]));
        let found = reader.incompatibilities(&writer, &mut Budget::default()).unwrap();
        let is_ambiguous = !marked(case, "!").is_empty();
        let told: Vec<_> = found
            .iter()
            .map(|found| {
                // An exception has no path.
                let path = if is_ambiguous { "/" } else { &found.path };
                (found.kind.to_owned(), path.to_owned())
            })
            .collect();
        assert!(is_ambiguous || !marked(case, "=").is_empty(), "{case}: no verdict was captured");
        assert_eq!(told, expected(case), "{case}\nours: {found:#?}");
        known += 1;
    }
    assert!(known >= 130, "{known}");
}

/// What Java's messages name, ours name too.
#[test]
fn problems_name_what_java_names() {
    for case in cases(COMPATIBILITY) {
        let (reader, writer) = (schema(marked(case, "r")[0]), schema(marked(case, "w")[0]));
        let found = reader.incompatibilities(&writer, &mut Budget::default()).unwrap();
        for (ours, theirs) in found.iter().zip(marked(case, "=")) {
            let message = theirs.splitn(3, ' ').nth(2).unwrap_or_default();
            let named = match ours.kind {
                "NAME_MISMATCH" => message.trim_start_matches("expected: "),
                "MISSING_ENUM_SYMBOLS" | "READER_FIELD_MISSING_DEFAULT_VALUE" => message,
                _ => continue,
            };
            assert!(ours.problem.contains(named), "{case}\nours: {}", ours.problem);
        }
    }
}

fn problems(reader: &str, writer: &str) -> Vec<String> {
    let found = schema(reader).incompatibilities(&schema(writer), &mut Budget::default()).unwrap();
    found.iter().map(Incompatibility::to_string).collect()
}

#[test]
fn a_person_understands_what_is_wrong() {
    let old = r#"{"type": "record", "name": "shop.Order", "fields": [
        {"name": "id", "type": "string"}, {"name": "total", "type": "long"}, {"name": "note", "type": ["null", "string"]},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}}]}"#;
    let new = r#"{"type": "record", "name": "shop.Order", "fields": [
        {"name": "id", "type": "string"}, {"name": "total", "type": "int"}, {"name": "note", "type": "string"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW"]}}, {"name": "currency", "type": "string"}]}"#;
    assert_eq!(
        problems(new, old),
        [
            "field total of shop.Order: long cannot be read as int (TYPE_MISMATCH at /fields/1/type)",
            "field note of shop.Order: null cannot be read as string (TYPE_MISMATCH at /fields/2/type/0)",
            "field state of shop.Order: enum shop.State has neither a default nor the symbols [PAID] (MISSING_ENUM_SYMBOLS at /fields/3/type/symbols)",
            "field currency of shop.Order: it was not written, and has no default (READER_FIELD_MISSING_DEFAULT_VALUE at /fields/4)",
        ]
    );
}

#[test]
fn validation_refuses_what_registries_refuse_in_new_schemas() {
    let record = |field: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{field}]}}"#);
    for (text, expected) in [
        (
            record(r#"{"name": "a", "type": "int", "default": 2147483648}"#),
            "R.a: its default 2147483648 is no int",
        ),
        (record(r#"{"name": "a", "type": "int", "default": 1.0}"#), "R.a: its default 1.0 is no int"),
        (record(r#"{"name": "a", "type": "string", "default": null}"#), "R.a: its default null is no string"),
        (
            record(r#"{"name": "a", "type": {"type": "array", "items": "int"}, "default": [1, "b"]}"#),
            r#"R.a: its default [1,"b"] is no array"#,
        ),
        (
            record(
                r#"{"name": "a", "type": {"type": "record", "name": "S", "fields": [{"name": "b", "type": "int"}]}, "default": {}}"#,
            ),
            "R.a: its default {} is no record",
        ),
        (
            record(r#"{"name": "a", "type": ["null", "int"], "default": "x"}"#),
            r#"R.a: its default "x" is no union"#,
        ),
        (
            record(r#"{"name": "a", "type": "R", "default": {}}"#),
            "R.a: its default contains itself, or too much else",
        ),
        (
            record(r#"{"name": "größe", "type": "int"}"#),
            "R.größe: \"größe\" is no plain name: A to Z, a to z and _, and digits after the first",
        ),
        (
            r#"{"type": "fixed", "name": "my-shop.F", "size": 1}"#.to_owned(),
            "\"my-shop\" is no plain name: A to Z, a to z and _, and digits after the first",
        ),
    ] {
        assert_eq!(schema(&text).validate().expect_err(&text).to_string(), expected);
    }
    for field in [
        r#"{"name": "a", "type": ["null", "int"], "default": 1}"#,
        r#"{"name": "a", "type": "float", "default": 1}"#,
        r#"{"name": "a", "type": {"type": "map", "values": "long"}, "default": {"b": 1}}"#,
        r#"{"name": "a", "type": {"type": "record", "name": "S", "fields": [{"name": "b", "type": "int", "default": 1}]}, "default": {}}"#,
    ] {
        schema(&record(field)).validate().unwrap_or_else(|e| panic!("{field}: {e}"));
    }
}

/// Other readers of schemas take what is written for them: each name is defined once, before it is used, in the texts together.
#[test]
fn data_forms_define_each_name_where_it_is_used_first() {
    let dependencies = dependencies(vec![
        r#"{"type": "record", "name": "shop.Item", "doc": "d", "fields": [
            {"name": "unit", "type": {"type": "enum", "name": "Unit", "symbols": ["G", "L"], "default": "G"}, "default": "G"}]}"#,
        r#"{"type": "record", "name": "shop.Cart", "fields": [{"name": "items", "type": {"type": "array", "items": "Item"}}]}"#,
    ]);
    let text = r#"{"type": "error", "name": "Order", "namespace": "shop", "fields": [
        {"name": "cart", "type": "Cart", "aliases": ["basket"]}, {"name": "unit", "type": ["null", "shop.Unit"], "default": null},
        {"name": "next", "type": "Later"}, {"name": "later", "type": {"type": "record", "name": "Later", "aliases": ["L"], "fields": []}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis", "x": 1}, "order": "ignore"},
        {"name": "n", "type": {"type": "int", "logicalType": "decimal", "precision": 3}}]}"#;
    let schema = AvroSchema::parse(text, &dependencies).unwrap();
    let [item, cart, order] = &schema.data_forms(Side::Writer, 20).unwrap()[..] else {
        panic!("three texts")
    };
    assert_eq!(
        item,
        r#"{"type":"record","name":"Item","namespace":"shop","fields":[{"name":"unit","type":{"type":"enum","name":"Unit","symbols":["G","L"]}}]}"#
    );
    assert_eq!(
        cart,
        r#"{"type":"record","name":"Cart","namespace":"shop","fields":[{"name":"items","type":{"type":"array","items":"Item"}}]}"#
    );
    assert_eq!(
        order,
        r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"cart","type":"Cart"},{"name":"unit","type":["null","Unit"]},{"name":"next","type":{"type":"record","name":"Later","fields":[]}},{"name":"later","type":"Later"},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"n","type":"int"}]}"#
    );
    let for_readers = schema.data_forms(Side::Reader, 20).unwrap().concat();
    for kept in [r#""default":"G"}"#, r#""aliases":["basket"]"#, r#""default":null"#, r#""aliases":["L"]"#] {
        assert!(for_readers.contains(kept), "{kept}: {for_readers}");
    }
    assert!(!for_readers.contains("\"doc\"") && !for_readers.contains("order\":"));
    assert_eq!(schema.data_forms(Side::Writer, 3).unwrap_err().to_string(), "nested more than 3 levels deep");
}

mod hostile {
    use proptest::prelude::*;

    use super::*;
    use crate::spoiled::spoiled;

    fn texts() -> Vec<String> {
        cases(CANONICAL).chain(cases(EDGES)).map(|case| marked(case, ">").join("\n")).collect()
    }

    proptest! {
        /// No text is too odd to be refused, and what is taken is kept as a text that is taken again.
        #[test]
        fn any_text_is_refused_or_kept(text in spoiled(texts())) {
            if let Ok(schema) = AvroSchema::parse(&text, &[]) {
                for kept in [schema.canonical(), schema.normalized()] {
                    let again = AvroSchema::parse(&kept, &[]);
                    prop_assert!(again.is_ok(), "{text}\n{kept}\n{again:?}");
                }
                let _ = schema.validate();
                for side in [Side::Writer, Side::Reader] {
                    let forms = schema.data_forms(side, 96);
                    prop_assert!(forms.is_ok() || text.len() > 96, "{text}");
                }
                prop_assert!(schema.incompatibilities(&schema, &mut Budget::default()).is_ok());
            }
        }
    }

    fn judged(reader: &str, writer: &str) -> Result<usize, BudgetExceeded> {
        schema(reader).incompatibilities(&schema(writer), &mut Budget::default()).map(|found| found.len())
    }

    fn refused(text: &str) -> String {
        AvroSchema::parse(text, &[]).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let arrays = "{\"type\":\"array\",\"items\":".repeat(100_000);
        assert!(refused(&arrays).contains("nested more than 256 levels deep"));
    }

    /// Names that are used before they are defined would nest where the text does not.
    #[test]
    fn what_would_be_nested_too_deeply_is_refused() {
        let record = |index: usize| {
            format!(
                r#"{{"type":"record","name":"R{index}","fields":[{{"name":"f","type":"R{}"}}]}}"#,
                index + 1
            )
        };
        let chain: Vec<_> = (0..10_000).map(record).collect();
        let last = r#"{"type":"record","name":"R10000","fields":[]}"#;
        assert!(
            refused(&format!("[{},{last}]", chain.join(","))).contains("nested more than 256 levels deep")
        );
    }

    /// Schemas that refer to each other are flat texts, and as deep to a comparison as their chain is long.
    #[test]
    fn a_long_chain_of_references_gets_no_verdict() {
        let first = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
        let record = |index: usize| {
            format!(
                r#"{{"type":"record","name":"R{}","fields":[{{"name":"f","type":"R{index}"}}]}}"#,
                index + 1
            )
        };
        let chain: Vec<_> = [first].into_iter().chain((0..1000).map(record)).collect();
        let dependencies = dependencies(chain.iter().map(String::as_str).collect());
        let deep = |count: usize| AvroSchema::parse(&format!("\"R{count}\""), &dependencies).unwrap();
        let judged = |count| deep(count).incompatibilities(&deep(count), &mut Budget::default());
        assert_eq!(judged(300), Ok(Vec::new()));
        assert_eq!(judged(1000), Err(BudgetExceeded));
    }

    /// Each level has two fields of the level below: as many paths as there are leaves of a tree, and as many reasons.
    #[test]
    fn as_many_reasons_as_leaves_get_no_verdict() {
        let tree = |leaf: &str| {
            let mut text =
                format!(r#"{{"type":"record","name":"L0","fields":[{{"name":"x","type":"{leaf}"}}]}}"#);
            for level in 1..40 {
                let below = format!("L{}", level - 1);
                text = format!(
                    r#"{{"type":"record","name":"L{level}","fields":[{{"name":"a","type":{text}}},{{"name":"b","type":"{below}"}}]}}"#
                );
            }
            text
        };
        assert_eq!(judged(&tree("long"), &tree("int")), Ok(0));
        assert_eq!(judged(&tree("int"), &tree("long")), Err(BudgetExceeded));
    }

    /// Records of two kinds in each other, with a union at each level: a default can be read in twice as many ways with each.
    #[test]
    fn a_default_that_can_be_read_in_very_many_ways_stays_as_it_is() {
        let record = |kind: &str, inner: &str| {
            format!(r#"{{"type":"record","name":"{kind}","fields":[{{"name":"f","type":[{inner}]}}]}}"#)
        };
        let levels = 40;
        let (a, b) = (record("A", r#""A","B","int""#), record("B", r#""A","B","long""#));
        let default = format!("{}true{}", r#"{"f":"#.repeat(levels), "}".repeat(levels));
        let text = |default: &str| {
            format!(
                r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{a}}},{{"name":"b","type":{b}}},{{"name":"f","type":["A","B"],"default":{default}}}]}}"#
            )
        };
        // Not forward: each is defined where it is used first.
        let hostile = schema(&text(&default.replace("true", "\"x\"")));
        assert!(hostile.normalized().contains(r#"{"f":"x"}"#));
        assert!(hostile.validate().is_err());
    }

    #[test]
    fn large_unions_get_a_verdict_or_none() {
        let union = |count: usize, kind: &str| {
            let record = |index| format!(r#"{{"type":"record","name":"{kind}{index}","fields":[]}}"#);
            format!("[{}]", (0..count).map(record).collect::<Vec<_>>().join(","))
        };
        assert_eq!(judged(&union(300, "A"), &union(300, "B")), Ok(300));
        assert_eq!(judged(&union(300, "A"), &union(300, "A")), Ok(0));
        assert_eq!(judged(&union(3000, "A"), &union(3000, "B")), Err(BudgetExceeded));
    }

    #[test]
    fn many_comparisons_of_many_symbols_get_no_verdict() {
        let symbols: Vec<_> = (0..10_000).map(|index| format!("\"S{index}\"")).collect();
        let large = format!(r#"{{"type":"enum","name":"E","symbols":[{}]}}"#, symbols.join(","));
        let small = |index| format!(r#"{{"type":"enum","name":"n{index}.E","symbols":["A"]}}"#);
        let fields = |first: &str, type_of: &dyn Fn(usize) -> String| {
            let field = |index| format!(r#"{{"name":"f{index}","type":{}}}"#, type_of(index));
            let fields: Vec<_> = (0..1000).map(field).collect();
            format!(
                r#"{{"type":"record","name":"R","fields":[{{"name":"first","type":{first}}},{}]}}"#,
                fields.join(",")
            )
        };
        let writer = fields(&large, &|_| "\"E\"".to_owned());
        let reader = fields("\"string\"", &small);
        assert_eq!(judged(&reader, &writer), Err(BudgetExceeded));
    }

    #[test]
    fn a_name_is_not_repeated_at_length() {
        let long = "n".repeat(2000);
        let text = format!(r#"{{"type":"record","name":"{long}","fields":[]}}"#);
        assert!(refused(&text).contains("longer than 1024 bytes"));
    }

    /// A verdict that fails leaves the budget where it may go on.
    #[test]
    fn levels_are_given_back() {
        let mut budget = Budget::default();
        let (reader, writer) = (schema(r#"["null","int"]"#), schema("\"string\""));
        for _ in 0..1000 {
            assert_eq!(reader.incompatibilities(&writer, &mut budget).map(|found| found.len()), Ok(1));
        }
    }
}
