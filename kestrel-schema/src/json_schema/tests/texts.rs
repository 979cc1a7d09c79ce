//! Canonical and normalized texts. What is expected is what Jackson prints for such a tree with exact decimals.

use super::schema;

fn canonical(text: &str) -> String {
    schema(text).canonical()
}

/// The canonical text of a number.
fn number(text: &str) -> String {
    let canonical = canonical(&format!("{{\"default\": {text} }}"));
    canonical.trim_start_matches("{\"default\":").trim_end_matches('}').to_owned()
}

#[test]
fn white_space_goes_and_order_stays() {
    let text = " {\n\t\"b\" : [ 1 , true, null,\r\n {} , [] ],\"a\": {\"y\": \"  x \", \"x\" :{}} }\n";
    assert_eq!(canonical(text), r#"{"b":[1,true,null,{},[]],"a":{"y":"  x ","x":{}}}"#);
    assert_eq!(canonical(" true "), "true");
    assert_eq!(canonical("false"), "false");
}

#[test]
fn numbers_keep_their_digits() {
    for same in
        ["0", "-1", "1.0", "1.50", "0.10", "-0.001", "123456789012345678901234567890", "0.000001", "12.3"]
    {
        assert_eq!(number(same), same);
    }
}

#[test]
fn numbers_are_printed_as_java_prints_decimals() {
    let printed = [
        ("-0", "0"),
        ("-0.0", "0.0"),
        ("1e5", "1E+5"),
        ("1E+5", "1E+5"),
        ("12e-1", "1.2"),
        ("1.5e3", "1.5E+3"),
        ("1.500e3", "1500"),
        ("1.5000e3", "1500.0"),
        ("150e-2", "1.50"),
        ("0.0000001", "1E-7"),
        ("0.00000012", "1.2E-7"),
        ("123e-9", "1.23E-7"),
        ("0e3", "0E+3"),
        ("0.0000000", "0E-7"),
        ("-2.50e-10", "-2.50E-10"),
    ];
    for (written, expected) in printed {
        assert_eq!(number(written), expected, "{written}");
    }
}

#[test]
fn strings_are_escaped_where_they_must_be() {
    let text = r#"{"title": "\u00e9 \/ \" \\ \n \t \b \f \r \u001f \u2028 \ud83d\ude00 ü\u007f"}"#;
    let expected = "{\"title\":\"é / \\\" \\\\ \\n \\t \\b \\f \\r \\u001F \u{2028} 😀 ü\u{7f}\"}";
    assert_eq!(canonical(text), expected);
    assert_eq!(canonical(r#"{"a\"\\":"\\"}"#), r#"{"a\"\\":"\\"}"#);
}

#[test]
fn a_name_that_comes_twice_has_its_first_place_and_its_last_value() {
    assert_eq!(canonical(r#"{"title":"a","x":1,"title":"b"}"#), r#"{"title":"b","x":1}"#);
}

#[test]
fn normalized_names_are_sorted_at_every_level_and_lists_are_not() {
    let schema = schema(
        r#"{"type":"object","properties":{"b":{"type":"string","default":1.50},"a":{}},"required":["b","a"]}"#,
    );
    assert_eq!(
        schema.normalized(),
        r#"{"properties":{"a":{},"b":{"default":1.50,"type":"string"}},"required":["b","a"],"type":"object"}"#
    );
}

#[test]
fn names_are_sorted_as_java_sorts_them() {
    // In UTF-16 an emoji begins with D83D, which comes before FF21; in code points it comes after.
    assert_eq!(
        schema("{\"Ａ\":1,\"😀\":2,\"a\":3,\"B\":4}").normalized(),
        "{\"B\":4,\"a\":3,\"😀\":2,\"Ａ\":1}"
    );
}

#[test]
fn the_same_schema_in_other_layouts_is_the_same_text() {
    let compact = r#"{"type":"object","properties":{"a":{"enum":[1.0,"x"]}}}"#;
    let wide =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(compact).unwrap()).unwrap();
    assert_eq!(canonical(&wide), canonical(compact));
}
