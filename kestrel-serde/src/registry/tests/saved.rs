//! A start while the registry is down, from what an earlier run has saved.

use kestrel_schema::Schema;

use super::super::{Registry, RegistryErrorKind, SubjectStrategy, WriteIn};
use super::table::{reference, table};
use super::*;

#[test]
fn a_service_starts_while_its_registry_is_down() {
    let table = table();
    table.add("b", Schema::avro("b"));
    let old = table.add("t-value", Schema::avro("old").with_references([reference("b", 1)]));
    let saved = {
        let registry = table.registry();
        write(&registry.format(words("w")), "a").unwrap();
        write(&registry.format(words("w")).write_in(WriteIn::Latest), "a").unwrap();
        read(&registry.format(words("w")), &with_id(old, "a")).unwrap();
        registry.save()
    };

    table.asked();
    table.set_down(true);
    let registry = table.registry();
    registry.load(&saved).unwrap();
    let own = registry.format(words("w"));
    let (bytes, headers) = write(&own, "hello").unwrap();
    assert_eq!(&bytes[..], b"\0\0\0\0\x03hello");
    assert_eq!(table.asked(), ["register t-value w"], "it is asked all the same, in case it is up");
    assert_eq!(write(&registry.format(words("w")).write_in(WriteIn::Latest), "hello").unwrap().0, bytes);
    table.asked();
    assert_eq!(read(&own, &with_id(old, "a")).unwrap(), "a");
    assert!(table.asked().is_empty());
    assert!(
        read(&own, &(bytes, headers)).unwrap_err().is_retriable(),
        "nobody has read it in the earlier run"
    );
}

#[test]
fn what_the_registry_says_now_counts_more() {
    let table = table();
    let registry = table.registry();
    write(&registry.format(words("w")), "a").unwrap();
    let saved = registry.save();
    let another = table::table();
    another.add("x", Schema::avro("x"));
    let registry = another.registry();
    registry.load(&saved).unwrap();
    assert_eq!(&write(&registry.format(words("w")), "a").unwrap().0[..5], b"\0\0\0\0\x02");
}

#[test]
fn what_is_saved_is_saved_again() {
    let table = table();
    let registry = table.registry();
    write(&registry.format(Messages).guid_prefix(), "a").unwrap();
    write(&registry.format(words("w")).write_in(WriteIn::OwnIfRegistered), "a").unwrap_err();
    let saved = registry.save();
    let next = table.registry();
    next.load(&saved).unwrap();
    let sorted = |bytes: Vec<u8>| {
        let mut bytes = bytes;
        bytes.sort_unstable();
        bytes
    };
    assert_eq!(sorted(next.save()), sorted(saved));
}

#[test]
fn what_is_no_saved_document_changes_nothing() {
    let table = table();
    let registry = table.registry();
    for bytes in [
        &b""[..],
        b"{}",
        b"[1]",
        br#"{"format":1,"schemas":[],"versions":[],"latest":[],"registrations":[]}"#,
        br#"{"format":1,"addresses":["http://table"],"schemas":[],"versions":[],"latest":[],"registrations":[]}"#,
    ] {
        let error = registry.load(bytes).unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Config);
        assert!(error.to_string().starts_with("saved schemas cannot be used: "), "{error}");
    }
    let one = r#"{"context":"","schemaType":"AVRO","schema":"w","id":1}"#;
    let bad = r#"{"schemaType":"AVRO","schema":"w","guid":"x"}"#;
    let document = |schemas: String| {
        format!(
            r#"{{"format":2,"addresses":["http://table"],"schemas":[{schemas}],"versions":[],"latest":[],"registrations":[]}}"#
        )
    };
    assert!(registry.load(document(format!("{one},{bad}")).as_bytes()).is_err());
    assert!(read(&registry.format(words("w")), &with_id(1, "a")).is_err());
    registry.load(document(one.to_owned()).as_bytes()).unwrap();
    assert_eq!(read(&registry.format(words("w")), &with_id(1, "a")).unwrap(), "a");
}

#[test]
fn what_was_saved_of_another_registry_is_not_loaded() {
    let at = |addresses: &[&str]| table().at(addresses).registry();
    let saved = at(&["http://a/contexts/.staging", "http://b/contexts/.staging"]).save();
    at(&["http://b/contexts/.staging", "http://c/contexts/.staging"]).load(&saved).unwrap();
    for other in [&["http://b"][..], &["http://c/contexts/.staging"], &[]] {
        let error = at(other).load(&saved).unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Config);
        let text = error.to_string();
        assert!(
            text.contains("they are of http://a/contexts/.staging, http://b/contexts/.staging"),
            "{text}"
        );
        assert!(text.contains("save anew"), "{text}");
    }
    at(&[]).load(&at(&[]).save()).unwrap();
}

/// The ids of contexts are not mixed up, and rules are not forgotten.
#[test]
fn what_is_saved_says_which_context_it_is_of() {
    let table = table();
    let rules = r#"{"domainRules": [{"name": "r", "type": "CEL", "mode": "READ"}]}"#;
    table.add("t-value", Schema::avro("default"));
    let in_staging = |registry: &Registry| {
        let staging = SubjectStrategy::custom(|ctx, _| format!(":.staging:{}-{}", ctx.topic, ctx.part));
        registry.format(words("w")).subject_strategy(staging)
    };
    table.add_with_rules(":.staging:t-value", Schema::avro("staging"), rules);
    let registry = table.registry();
    read(&registry.format(words("w")), &with_id(1, "a")).unwrap();
    assert!(read(&in_staging(&registry).ignore_rules(), &with_id(1, "a")).is_ok());
    let next = table.registry();
    next.load(&registry.save()).unwrap();
    table.set_down(true);
    read(&next.format(words("w")), &with_id(1, "a")).unwrap();
    let error = in_one_line(&read(&in_staging(&next), &with_id(1, "a")).unwrap_err());
    assert!(error.contains("the rule r of type CEL"), "{error}");
}
