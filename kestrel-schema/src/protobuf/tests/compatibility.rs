//! Verdicts on changes within one file. Each case says why.

use super::ProtobufSchema;
use crate::Budget;

/// A change: why the verdict is what it is, the old version, the new one, and what keeps the new one from reading old data.
struct Case(&'static str, &'static str, &'static str, &'static [&'static str]);

/// What follows `package shop;` in a file of proto3.
const PROTO3: &[Case] = &[
    Case("the same file", "message A { int32 a = 1; }", "message A { int32 a = 1; }", &[]),
    Case(
        "comments, layout and options are nothing to the wire",
        "message A { int32 a = 1; }",
        "/* why */ message A {\n  int32 a = 1 [deprecated = true]; // because\n}",
        &[],
    ),
    // Messages.
    Case(
        "a message more is one that old data does not use",
        "message A {}",
        "message A {} message B {}",
        &[],
    ),
    Case(
        "data of a message that is gone has no reader",
        "message A {} message B {}",
        "message A {}",
        &["MESSAGE_REMOVED #/B"],
    ),
    Case(
        "a nested message counts like any other",
        "message A { message B {} message C {} }",
        "message A { message B {} }",
        &["MESSAGE_REMOVED #/A/C"],
    ),
    Case(
        "a message with another name is another message",
        "message A { int32 a = 1; }",
        "message B { int32 a = 1; }",
        &["MESSAGE_REMOVED #/A"],
    ),
    Case(
        "a record names its message by its place in its own schema, so places may change",
        "message A { int32 a = 1; } message B { string b = 1; }",
        "message B { string b = 1; } message A { int32 a = 1; }",
        &[],
    ),
    Case(
        "a message moved into another one is gone from where it was",
        "message A {} message B {}",
        "message A { message B {} }",
        &["MESSAGE_REMOVED #/B"],
    ),
    // Fields come and go.
    Case("a field more is absent from old data", "message A {}", "message A { int32 a = 1; }", &[]),
    Case(
        "a field less is unknown and passed over",
        "message A { int32 a = 1; int32 b = 2; }",
        "message A { int32 a = 1; }",
        &[],
    ),
    Case(
        "a field's number need not be reserved when it goes",
        "message A { int32 a = 1; int32 b = 2; }",
        "message A { int32 a = 1; reserved 2; }",
        &[],
    ),
    Case("names are not on the wire", "message A { int32 a = 1; }", "message A { int32 other = 1; }", &[]),
    Case(
        "another number is a field less and a field more",
        "message A { int32 a = 1; }",
        "message A { int32 a = 2; }",
        &[],
    ),
    Case(
        "a number that is used again for something else is a change of its type",
        "message A { int32 a = 1; }",
        "message A { string b = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    Case(
        "fields may stand in another order",
        "message A { int32 a = 1; int32 b = 2; }",
        "message A { int32 b = 2; int32 a = 1; }",
        &[],
    ),
    Case(
        "fields of nested messages are compared too",
        "message A { message B { int32 a = 1; } }",
        "message A { message B { float a = 1; } }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/B/1"],
    ),
    // Scalar types.
    Case(
        "plain varints read each other: int32, int64",
        "message A { int32 a = 1; }",
        "message A { int64 a = 1; }",
        &[],
    ),
    Case(
        "plain varints read each other: int64, uint32",
        "message A { int64 a = 1; }",
        "message A { uint32 a = 1; }",
        &[],
    ),
    Case(
        "plain varints read each other: uint64, bool",
        "message A { uint64 a = 1; }",
        "message A { bool a = 1; }",
        &[],
    ),
    Case("zigzag varints read each other", "message A { sint32 a = 1; }", "message A { sint64 a = 1; }", &[]),
    Case(
        "a zigzag varint is another number when read as a plain one",
        "message A { sint32 a = 1; }",
        "message A { int32 a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    Case("four bytes are four bytes", "message A { fixed32 a = 1; }", "message A { sfixed32 a = 1; }", &[]),
    Case("eight bytes are eight bytes", "message A { fixed64 a = 1; }", "message A { sfixed64 a = 1; }", &[]),
    Case(
        "four bytes are not eight",
        "message A { fixed32 a = 1; }",
        "message A { fixed64 a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    Case(
        "a float has four bytes, a double eight",
        "message A { float a = 1; }",
        "message A { double a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    Case(
        "a float's bytes are no integer",
        "message A { float a = 1; }",
        "message A { fixed32 a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    Case("a string is bytes", "message A { string a = 1; }", "message A { bytes a = 1; }", &[]),
    Case("bytes may be a string", "message A { bytes a = 1; }", "message A { string a = 1; }", &[]),
    Case(
        "a string has a length before it, a number has not",
        "message A { string a = 1; }",
        "message A { int64 a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    // Enums.
    Case("an enum more", "message A {}", "message A {} enum E { E0 = 0; }", &[]),
    Case("an enum that no field uses may go", "message A {} enum E { E0 = 0; }", "message A {}", &[]),
    Case("an enum's value more", "enum E { E0 = 0; }", "enum E { E0 = 0; E1 = 1; }", &[]),
    Case(
        "an enum's value less is an unknown number",
        "enum E { E0 = 0; E1 = 1; }",
        "enum E { E0 = 0; }",
        &[],
    ),
    Case("names of values are not on the wire", "enum E { E0 = 0; }", "enum E { ZERO = 0; }", &[]),
    Case(
        "an enum is a plain varint",
        "message A { E a = 1; } enum E { E0 = 0; }",
        "message A { int32 a = 1; } enum E { E0 = 0; }",
        &[],
    ),
    Case(
        "a plain varint may become an enum",
        "message A { uint64 a = 1; }",
        "message A { E a = 1; enum E { E0 = 0; } }",
        &[],
    ),
    Case(
        "one enum may become another",
        "message A { E a = 1; } enum E { E0 = 0; }",
        "message A { F a = 1; } enum F { F0 = 0; }",
        &[],
    ),
    Case(
        "an enum is no string",
        "message A { E a = 1; } enum E { E0 = 0; }",
        "message A { string a = 1; } enum E { E0 = 0; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    // Named types.
    Case(
        "a message is no number",
        "message A { B a = 1; } message B {}",
        "message A { int32 a = 1; } message B {}",
        &["FIELD_KIND_CHANGED #/A/1"],
    ),
    Case(
        "nor are bytes a message, although they could be",
        "message A { bytes a = 1; } message B {}",
        "message A { B a = 1; } message B {}",
        &["FIELD_KIND_CHANGED #/A/1"],
    ),
    Case(
        "another message is another type",
        "message A { B a = 1; } message B {} message C {}",
        "message A { C a = 1; } message B {} message C {}",
        &["FIELD_NAMED_TYPE_CHANGED #/A/1"],
    ),
    Case(
        "how a name is written does not matter",
        "message A { B a = 1; message B {} }",
        "message A { .shop.A.B a = 1; message B {} }",
        &[],
    ),
    Case(
        "an enum of the name of a message is no message",
        "message A { S a = 1; message S {} }",
        "message A { S a = 1; enum S { S0 = 0; } }",
        &["FIELD_KIND_CHANGED #/A/1", "MESSAGE_REMOVED #/A/S"],
    ),
    Case(
        "a name means the innermost message of that name",
        "message A { B a = 1; } message B {}",
        "message A { B a = 1; message B {} } message B {}",
        &["FIELD_NAMED_TYPE_CHANGED #/A/1"],
    ),
    Case(
        "a message that refers to itself",
        "message A { A next = 1; int32 a = 2; }",
        "message A { A next = 1; int64 a = 2; }",
        &[],
    ),
    // Labels.
    Case(
        "numbers are packed when there may be many",
        "message A { optional int32 a = 1; }",
        "message A { repeated int32 a = 1; }",
        &["FIELD_NUMERIC_LABEL_CHANGED #/A/1"],
    ),
    Case(
        "and one number is not",
        "message A { repeated double a = 1; }",
        "message A { optional double a = 1; }",
        &["FIELD_NUMERIC_LABEL_CHANGED #/A/1"],
    ),
    Case(
        "an enum is a number here too",
        "message A { optional E a = 1; } enum E { E0 = 0; }",
        "message A { repeated E a = 1; } enum E { E0 = 0; }",
        &["FIELD_NUMERIC_LABEL_CHANGED #/A/1"],
    ),
    Case(
        "strings are never packed",
        "message A { optional string a = 1; }",
        "message A { repeated string a = 1; }",
        &[],
    ),
    Case("messages neither", "message A { optional A a = 1; }", "message A { repeated A a = 1; }", &[]),
    Case(
        "a label that is not written counts for nothing",
        "message A { int32 a = 1; }",
        "message A { repeated int32 a = 1; }",
        &[],
    ),
    Case(
        "optional or not is the same on the wire",
        "message A { optional int32 a = 1; }",
        "message A { int32 a = 1; }",
        &[],
    ),
    // Maps.
    Case(
        "maps whose keys and values read each other",
        "message A { map<int32, string> a = 1; }",
        "message A { map<int64, bytes> a = 1; }",
        &[],
    ),
    Case(
        "a map's key is a field like any other",
        "message A { map<int32, string> a = 1; }",
        "message A { map<string, string> a = 1; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1"],
    ),
    Case(
        "and so is its value",
        "message A { map<string, A> a = 1; }",
        "message A { map<string, int32> a = 1; }",
        &["FIELD_KIND_CHANGED #/A/1"],
    ),
    Case(
        "a map's value of another type",
        "message A { map<string, A> a = 1; } message B {}",
        "message A { map<string, B> a = 1; } message B {}",
        &["FIELD_NAMED_TYPE_CHANGED #/A/1"],
    ),
    Case(
        "a map is no string",
        "message A { map<string, string> a = 1; }",
        "message A { string a = 1; }",
        &["FIELD_KIND_CHANGED #/A/1"],
    ),
    Case(
        "a map written out as a message is a map",
        "message A { map<string, int32> a = 1; }",
        "message A { repeated AEntry a = 1; message AEntry { option map_entry = true; string key = 1; int32 value = 2; } }",
        &[],
    ),
    Case(
        "and its message is none that could be removed",
        "message A { repeated AEntry a = 1; message AEntry { option map_entry = true; string key = 1; int32 value = 2; } }",
        "message A { map<string, int32> a = 1; }",
        &[],
    ),
    // Oneofs.
    Case("a oneof more", "message A {}", "message A { oneof o { int32 a = 1; } }", &[]),
    Case(
        "a member more",
        "message A { oneof o { int32 a = 1; } }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        &[],
    ),
    Case(
        "old data may say a member that is gone",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; } }",
        &["ONEOF_FIELD_REMOVED #/A/o/2"],
    ),
    Case("a whole oneof may go", "message A { oneof o { int32 a = 1; int32 b = 2; } }", "message A {}", &[]),
    Case(
        "but not in part while a member lives on outside",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { int32 a = 1; }",
        &["ONEOF_FIELD_REMOVED #/A/o/2"],
    ),
    Case(
        "a field alone in a new oneof excludes nothing",
        "message A { int32 a = 1; }",
        "message A { oneof o { int32 a = 1; } }",
        &[],
    ),
    Case(
        "nor does a new member beside it, as no old data has both",
        "message A { int32 a = 1; }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        &[],
    ),
    Case(
        "two fields that could both be set",
        "message A { int32 a = 1; int32 b = 2; }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        &["MULTIPLE_FIELDS_MOVED_TO_ONEOF #/A/o"],
    ),
    Case(
        "a field that could be set beside a member",
        "message A { int32 a = 1; oneof o { int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        &["FIELD_MOVED_TO_EXISTING_ONEOF #/A/o"],
    ),
    Case(
        "two oneofs that become one",
        "message A { oneof o { int32 a = 1; } oneof p { int32 b = 2; } }",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        &["FIELD_MOVED_TO_EXISTING_ONEOF #/A/o"],
    ),
    Case(
        "members may go their own ways",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { int32 a = 1; int32 b = 2; }",
        &[],
    ),
    Case(
        "a oneof's name is not on the wire",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof other { int32 a = 1; int32 b = 2; } }",
        &[],
    ),
    Case(
        "a member's type is compared where the member is now",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { oneof other { int32 a = 1; string b = 2; } }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/other/2"],
    ),
    Case(
        "also when it left its oneof",
        "message A { oneof o { int32 a = 1; int32 b = 2; } }",
        "message A { int32 a = 1; string b = 2; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/2"],
    ),
    // What is not compared.
    Case(
        "services are not on the wire",
        "message A {} service S { rpc Get (A) returns (A); }",
        "message A {}",
        &[],
    ),
    Case(
        "several things at once are each reported",
        "message A { int32 a = 1; fixed32 b = 2; } message B {}",
        "message A { string a = 1; float b = 2; }",
        &["FIELD_SCALAR_KIND_CHANGED #/A/1", "FIELD_SCALAR_KIND_CHANGED #/A/2", "MESSAGE_REMOVED #/B"],
    ),
];

/// Whole files.
const FILES: &[Case] = &[
    Case(
        "every name begins with the package",
        "syntax = \"proto3\"; package one; message A {}",
        "syntax = \"proto3\"; package two; message A {}",
        &["PACKAGE_CHANGED #/"],
    ),
    Case(
        "no package is one too",
        "syntax = \"proto3\"; message A {}",
        "syntax = \"proto3\"; package two; message A {}",
        &["PACKAGE_CHANGED #/"],
    ),
    Case(
        "a required field that old data has not",
        "message A { optional int32 a = 1; }",
        "message A { optional int32 a = 1; required int32 b = 2; }",
        &["REQUIRED_FIELD_ADDED #/A/2"],
    ),
    Case(
        "a required field that new data has not",
        "message A { optional int32 a = 1; required int32 b = 2; }",
        "message A { optional int32 a = 1; }",
        &["REQUIRED_FIELD_REMOVED #/A/2"],
    ),
    Case(
        "a number that has to be there and one that may",
        "message A { required int32 a = 1; }",
        "message A { optional int32 a = 1; }",
        &["FIELD_NUMERIC_LABEL_CHANGED #/A/1"],
    ),
    Case(
        "a string that has to be there and one that may",
        "message A { required string a = 1; }",
        "message A { optional string a = 1; }",
        &[],
    ),
    Case(
        "defaults are not on the wire",
        "message A { optional int32 a = 1; }",
        "message A { optional int32 a = 1 [default = 7]; }",
        &[],
    ),
    Case(
        "extensions are not compared",
        "message A { extensions 100 to 200; } extend A { optional int32 a = 100; }",
        "message A { extensions 100 to 200; } extend A { optional string a = 100; }",
        &[],
    ),
    Case(
        "the language's version is not compared",
        "syntax = \"proto2\"; message A { optional int32 a = 1; }",
        "syntax = \"proto3\"; message A { int32 a = 1; }",
        &[],
    ),
];

fn verdict(old: &str, new: &str) -> Vec<String> {
    let parse =
        |text: &str| ProtobufSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let found = parse(new).incompatibilities(&parse(old), &mut Budget::default()).expect("a small schema");
    let mut found: Vec<_> = found.iter().map(|found| format!("{} {}", found.kind, found.path)).collect();
    found.sort();
    found
}

fn check(case: &Case, whole: impl Fn(&str) -> String) {
    let Case(why, old, new, expected) = case;
    assert_eq!(verdict(&whole(old), &whole(new)), *expected, "{why}\n{old}\n{new}");
}

#[test]
fn changes_in_a_proto3_file() {
    for case in PROTO3 {
        check(case, |body| format!("syntax = \"proto3\"; package shop; {body}"));
    }
}

#[test]
fn changes_of_whole_files() {
    for case in FILES {
        check(case, str::to_owned);
    }
}

#[test]
fn there_are_enough_cases() {
    assert!(PROTO3.len() + FILES.len() >= 60);
}

#[test]
fn a_problem_names_what_is_wrong() {
    let parse =
        |body: &str| ProtobufSchema::parse(&format!("syntax = \"proto3\"; {body}"), &[]).expect("a schema");
    let (old, new) = (parse("message A { int32 total = 1; }"), parse("message A { string total = 1; }"));
    let found = new.incompatibilities(&old, &mut Budget::default()).expect("a small schema");
    assert_eq!(
        found[0].to_string(),
        "the type int32 of the field total became string, which is written differently \
         (FIELD_SCALAR_KIND_CHANGED at #/A/1)"
    );
}
