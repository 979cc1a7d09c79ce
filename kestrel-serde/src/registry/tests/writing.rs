//! What producers write, and what they ask for it.

use std::time::Duration;

use kestrel_schema::Schema;

use super::super::{RegistryErrorKind, SubjectStrategy, WriteIn};
use super::table::{guid, reference, table};
use super::*;
use crate::registry::RegistryError;

#[test]
fn a_schema_is_registered_once_for_each_topic_and_part() {
    let table = table();
    let format = table.registry().format(words("w"));
    let (bytes, headers) = write(&format, "hello").unwrap();
    assert_eq!((&bytes[..], headers.is_empty()), (&b"\0\0\0\0\x01hello"[..], true));
    assert_eq!(table.asked(), ["register t-value w"]);
    write(&format, "again").unwrap();
    open(&format.clone(), VALUE).unwrap();
    assert!(table.asked().is_empty());
    open(&format, SerdeContext::key("t")).unwrap();
    open(&format, SerdeContext::value("u")).unwrap();
    assert_eq!(table.asked(), ["register t-key w", "register u-value w"]);
}

#[test]
fn formats_of_one_registry_ask_once_together() {
    let table = table();
    let registry = table.registry();
    write(&registry.format(words("w")), "a").unwrap();
    let (bytes, _) = write(&registry.format(words("w")), "b").unwrap();
    assert_eq!((table.asked().len(), &bytes[..]), (1, &b"\0\0\0\0\x01b"[..]));
}

#[test]
fn subjects_are_named_as_the_strategy_says() {
    let table = table();
    let format = || table.registry().format(words("w"));
    write(&format().subject_strategy(SubjectStrategy::RECORD), "a").unwrap();
    write(&format().subject_strategy(SubjectStrategy::TOPIC_RECORD).normalize(), "a").unwrap();
    let custom =
        SubjectStrategy::custom(|ctx, name| format!(":.x:{}/{}", ctx.part, name.unwrap_or_default()));
    write(&format().subject_strategy(custom), "a").unwrap();
    assert_eq!(
        table.asked(),
        ["register acme.Word w", "register t-acme.Word w normalized", "register :.x:value/acme.Word w"]
    );
    let nameless = table.registry().format(Messages).subject_strategy(SubjectStrategy::RECORD);
    let error = in_one_line(&write(&nameless, "a").unwrap_err());
    assert!(error.contains("has no name") && error.contains("SubjectStrategy::TOPIC"), "{error}");
}

#[test]
fn a_schema_that_is_only_looked_up_has_to_be_there() {
    let table = table();
    let format = table.registry().format(words("w")).write_in(WriteIn::OwnIfRegistered);
    let error = write(&format, "a").unwrap_err();
    assert!(!error.is_retriable());
    assert_eq!(
        in_one_line(&error),
        "cannot use the schema: the schema registry http://table answered look up t-value w: no row (error code 40403); is \
         this the registry and context that the writer registered with, and was nothing deleted there?"
    );
    table.add("t-value", Schema::avro("w"));
    table.pass(10);
    assert_eq!(&write(&format, "a").unwrap().0[..], b"\0\0\0\0\x01a");
}

#[test]
fn the_latest_version_is_framed_with_its_own_id() {
    let table = table();
    table.add("t-value", Schema::avro("first"));
    let format = table.registry().format(words("w")).write_in(WriteIn::LatestFor(Duration::from_secs(60)));
    let as_of_opening = table.registry().format(words("w")).write_in(WriteIn::Latest);
    assert!(Serializer::<str>::may_wait(&format) && !Serializer::<str>::may_wait(&as_of_opening));
    assert_eq!(&write(&format, "a").unwrap().0[..5], b"\0\0\0\0\x01");
    write(&as_of_opening, "a").unwrap();
    table.add("t-value", Schema::avro("second"));
    table.pass(59);
    assert_eq!(&write(&format, "a").unwrap().0[..5], b"\0\0\0\0\x01");
    table.pass(1);
    assert_eq!(&write(&format, "a").unwrap().0[..5], b"\0\0\0\0\x02");
    assert_eq!(&write_without_waiting(&as_of_opening, "a").unwrap().0[..5], b"\0\0\0\0\x01");
    assert_eq!(table.asked(), ["latest t-value"; 3]);
    assert_eq!(&write(&as_of_opening, "a").unwrap().0[..5], b"\0\0\0\0\x02", "each opening asks");
    assert_eq!(table.asked().len(), 1);

    table.set_down(true);
    table.pass(60);
    assert_eq!(&write(&format, "a").unwrap().0[..5], b"\0\0\0\0\x02", "the old one goes on");
    table.set_down(false);
    table.add("t-value", Schema::avro("another"));
    table.pass(60);
    let error = in_one_line(&write(&format, "a").unwrap_err());
    assert_eq!(
        error,
        "cannot use the schema: values cannot be written in the schema with id 3 (version 3 of t-value): another format"
    );
}

/// However many formats share what is known: the age counts from when it was asked for, and not from when a topic was opened.
#[test]
fn the_latest_version_is_never_older_than_was_said() {
    let table = table();
    table.add("t-value", Schema::avro("first"));
    let registry = table.registry();
    let of_a_minute = || registry.format(words("w")).write_in(WriteIn::LatestFor(Duration::from_secs(60)));
    let (early, late) = (of_a_minute(), of_a_minute());
    write(&early, "a").unwrap();
    table.pass(59);
    write(&late, "a").unwrap();
    table.add("t-value", Schema::avro("second"));
    table.pass(1);
    assert_eq!(&write(&late, "a").unwrap().0[..5], b"\0\0\0\0\x02");
}

#[test]
fn what_is_asked_again_and_is_the_same_is_not_prepared_anew() {
    let table = table();
    table.add("t-value", Schema::avro("first"));
    let format = words("w");
    let plans = Arc::clone(&format.plans);
    let format = table.registry().format(format).write_in(WriteIn::LatestFor(Duration::from_secs(60)));
    write(&format, "a").unwrap();
    table.pass(60);
    write(&format, "a").unwrap();
    table.set_down(true);
    for _ in 0..20 {
        table.pass(60);
        write(&format, "a").unwrap();
    }
    assert_eq!((table.asked().len(), plans.load(Ordering::Relaxed)), (22, 1));
}

/// A password that has expired, a proxy that is broken: what is known goes on.
#[test]
fn a_registry_that_refuses_takes_nothing_away() {
    for kind in [RegistryErrorKind::Denied, RegistryErrorKind::Answer, RegistryErrorKind::Unavailable] {
        let table = table();
        let registry = table.registry();
        write(&registry.format(words("w")), "a").unwrap();
        let next = table.registry();
        next.load(&registry.save()).unwrap();
        table.set_failing(Some(kind));
        assert_eq!(&write(&next.format(words("w")), "a").unwrap().0[..5], b"\0\0\0\0\x01", "{kind:?}");
        let saved = table.registry();
        saved.load(&next.save()).unwrap();
        write(&saved.format(words("w")), "a").unwrap();
    }
}

#[test]
fn a_subject_that_was_deleted_is_believed_after_a_while() {
    let table = table();
    table.add("t-value", Schema::avro("first"));
    let format = table.registry().format(words("w")).write_in(WriteIn::LatestFor(Duration::from_secs(1)));
    write(&format, "a").unwrap();
    table.clear();
    table.pass(1);
    write(&format, "a").expect("another registry may lag");
    for _ in 0..10 {
        table.pass(1);
        drop(write(&format, "a"));
    }
    assert!(in_one_line(&write(&format, "a").unwrap_err()).contains("no row"));
}

#[test]
fn a_schema_with_rules_that_nobody_carries_out_is_not_written_in() {
    let rules = r#"{"domainRules": [{"name": "pii", "type": "ENCRYPT", "tags": ["PII"]}]}"#;
    for choice in [WriteIn::Own, WriteIn::OwnIfRegistered, WriteIn::Latest, WriteIn::Id(1)] {
        let table = table();
        table.add_with_rules("t-value", Schema::avro("w"), rules);
        let format = table.registry().format(words("w")).write_in(choice);
        let error = write(&format, "a").unwrap_err();
        assert!(!error.is_retriable());
        let error = in_one_line(&error);
        assert!(error.contains("(version 1 of t-value) has the rule pii of type ENCRYPT"), "{error}");
        assert!(error.contains("`ignore_rules()`"), "{error}");
        assert_eq!(&write(&format.ignore_rules(), "a").unwrap().0[..], b"\0\0\0\0\x01a");
    }
}

#[test]
fn a_given_id_is_of_the_context_of_the_subject() {
    let table = table();
    table.add("t-value", Schema::avro("another"));
    table.add(":.staging:t-value", Schema::avro("w"));
    let staging = SubjectStrategy::custom(|ctx, _| format!(":.staging:{}-{}", ctx.topic, ctx.part));
    let format = table.registry().format(words("w")).subject_strategy(staging).write_in(WriteIn::Id(1));
    write(&format, "a").unwrap();
    assert_eq!(table.asked(), ["id 1 of :.staging:t-value"]);
}

#[test]
fn a_given_schema_is_used_and_named_by_id_or_guid() {
    let table = table();
    let schema = Schema::avro("given");
    table.add("x", Schema::avro("other"));
    table.add("x", schema.clone());
    let format = || table.registry().format(words("w"));
    assert_eq!(&write(&format().write_in(WriteIn::Id(2)), "a").unwrap().0[..], b"\0\0\0\0\x02a");
    let prefix = [&[1][..], guid(&schema).as_bytes()].concat();
    let (bytes, _) = write(&format().write_in(WriteIn::Guid(guid(&schema))).guid_prefix(), "a").unwrap();
    assert_eq!(bytes, [&prefix[..], b"a"].concat());
    let (bytes, mut headers) = write(&format().write_in(WriteIn::Id(2)).header_form(), "a").unwrap();
    assert_eq!(&bytes[..], b"a");
    assert_eq!(headers.drain().collect::<Vec<_>>(), [("__value_schema_id".into(), prefix.into())]);
    assert!(!write(&format().write_in(WriteIn::Id(3)), "a").unwrap_err().is_retriable());
}

#[test]
fn imports_are_registered_first_and_the_message_is_named_by_its_path() {
    let table = table();
    let format = table.registry().format(Messages);
    assert_eq!(&write(&format, "a").unwrap().0[..], b"\0\0\0\0\x03\x02\x02a");
    assert_eq!(
        table.asked(),
        [
            "register b.proto b.proto",
            "register a.proto a.proto -> b.proto 1",
            "register t-value main -> a.proto 1"
        ]
    );
    let in_staging = SubjectStrategy::custom(|ctx, _| format!(":.staging:{}-{}", ctx.topic, ctx.part));
    write(&table.registry().format(Messages).subject_strategy(in_staging), "a").unwrap();
    assert_eq!(table.asked()[1], "register :.staging:a.proto a.proto -> :.staging:b.proto 1");
    let elsewhere = format.clone().reference_subjects(|name| format!("shared/{name}"));
    write(&elsewhere, "a").unwrap();
    assert_eq!(table.asked()[1], "register shared/a.proto a.proto -> shared/b.proto 1");
    assert_eq!(
        &write(&format.write_in(WriteIn::Latest), "a").unwrap().0[5..],
        b"\x04\x04\x02a",
        "its path in that one"
    );
}

#[test]
fn a_registry_that_is_down_is_no_fault_of_the_schema() {
    let table = table();
    table.set_down(true);
    let format = table.registry().format(words("w"));
    let error = write(&format, "a").unwrap_err();
    assert!(error.is_retriable());
    assert!(write(&format, "a").is_err());
    assert_eq!(table.asked().len(), 1, "it is left alone for a moment");
    assert_eq!(
        in_one_line(&error),
        "cannot have what the format needs at the moment: the schema registry http://table did not \
         answer register t-value w: connection refused; is it running, and is this its address? What was asked before goes \
         on working"
    );
    table.set_down(false);
    table.pass(1);
    write(&format, "a").unwrap();
}

#[test]
fn nothing_is_written_before_the_schema_has_an_id() {
    let format = table().registry().format(words("w"));
    let error = in_one_line(&write_without_waiting(&format, "a").unwrap_err());
    assert!(error.contains("`Serializer::ready` has to be awaited"), "{error}");
}

#[test]
fn references_that_are_registered_already_stay() {
    let table = table();
    let mut format = words("w");
    format.schema = format.schema.with_references([reference("r", 4)]);
    write(&table.registry().format(format), "a").unwrap();
    assert_eq!(table.asked(), ["register t-value w -> r 4"]);
}

#[test]
fn kinds_follow_from_codes() {
    for (code, kind) in [
        (40401, RegistryErrorKind::NotFound),
        (404, RegistryErrorKind::Answer),
        (409, RegistryErrorKind::Incompatible),
        (40901, RegistryErrorKind::Incompatible),
        (42201, RegistryErrorKind::Invalid),
        (400, RegistryErrorKind::Invalid),
        (401, RegistryErrorKind::Denied),
        (40301, RegistryErrorKind::Denied),
        (429, RegistryErrorKind::Unavailable),
        (50003, RegistryErrorKind::Unavailable),
        (503, RegistryErrorKind::Unavailable),
        (301, RegistryErrorKind::Answer),
        (7, RegistryErrorKind::Answer),
    ] {
        assert_eq!(RegistryErrorKind::of_code(code), kind, "{code}");
    }
    let error = RegistryError::new(RegistryErrorKind::Denied, "no").caused_by("the reason");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the reason");
}
