//! What is read, what is refused, and how it is printed again.

use super::{Json, MAX_DEPTH, read};

fn printed(text: &str) -> String {
    read(text).unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
}

fn refused(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

#[test]
fn values_are_printed_as_jackson_does() {
    for (text, expected) in [
        (" { \"a\" : [ 1 , true, null ] } ", r#"{"a":[1,true,null]}"#),
        ("[]", "[]"),
        ("{}", "{}"),
        (r#""\u00e9\/\u001F\u007f\b""#, "\"é/\\u001F\u{7f}\\b\""),
        (r#""😀 \ud83d\ude00""#, "\"😀 😀\""),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("1.50", "1.5"),
        ("1e3", "1000.0"),
        ("1E7", "1.0E7"),
        ("0.001", "0.001"),
        ("0.00012", "1.2E-4"),
        ("12345678.9", "1.23456789E7"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ] {
        assert_eq!(printed(text), expected, "{text}");
    }
}

#[test]
fn comments_are_skipped_but_not_in_texts() {
    assert_eq!(printed("/* a */ [1, // b\n \"//c /*d*/\"] // e"), r#"[1,"//c /*d*/"]"#);
    assert_eq!(refused("[1 /* ]"), "line 1, column 4: a comment has no end");
}

#[test]
fn the_last_of_two_members_counts_in_the_place_of_the_first() {
    assert_eq!(printed(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "line 1, column 1: expected a JSON value"),
        ("{\"a\":1", "line 1, column 7: expected `}`"),
        ("[1,\n 2,]", "line 2, column 4: expected a JSON value"),
        ("\"a", "line 1, column 1: a text has no end"),
        ("\"\\x\"", "line 1, column 1: a text with a wrong escape or a control character"),
        ("01", "line 1, column 1: not a number, or one that is too large"),
        ("[1] 2", "line 1, column 5: there is more after the end of the schema"),
        ("nul", "line 1, column 1: expected a JSON value"),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn depth_has_a_limit() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(matches!(read(&nested(MAX_DEPTH)).unwrap(), Json::Array(_)));
    assert!(refused(&nested(1_000_000)).contains("nested more than 256 levels deep"));
}
