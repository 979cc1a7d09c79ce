//! What consumers read, and what they ask for it.

use futures::future::join_all;
use futures::poll;
use kestrel_schema::Schema;
use parking_lot::Mutex;

use super::super::{
    Asked, RegistryError, RegistryErrorKind, RegistryObserver, SchemaKey, SubjectStrategy, WithSchema,
};
use super::table::{Table, guid, reference, table};
use super::*;

#[test]
fn a_schema_is_fetched_once_and_planned_once() {
    let table = table();
    let id = table.add("t-value", Schema::avro("theirs"));
    let format = words("ours");
    let plans = Arc::clone(&format.plans);
    let format = table.registry().format(format);
    for _ in 0..3 {
        assert_eq!(read(&format, &with_id(id, "hello")).unwrap(), "hello");
        assert_eq!(read(&format.clone(), &with_id(id, "")).unwrap(), "");
    }
    assert_eq!((table.asked(), plans.load(Ordering::Relaxed)), (vec!["id 1 of t-value".to_owned()], 1));
}

#[test]
fn all_forms_of_all_writers_are_read() {
    let table = table();
    let writer = table.registry().format(words("w"));
    let reader = table.registry().format(words("w"));
    for writer in [writer.clone(), writer.clone().guid_prefix(), writer.header_form()] {
        assert_eq!(read(&reader, &write(&writer, "hello").unwrap()).unwrap(), "hello");
    }
    let of_messages = table.registry().format(Messages);
    assert_eq!(read(&of_messages, &write(&of_messages, "nested").unwrap()).unwrap(), "nested");
    let error = in_one_line(&read(&of_messages, &with_id(2, "\0first")).unwrap_err());
    assert!(
        error.ends_with("the schema with id 2 (version 1 of b.proto) cannot be read: message [0]"),
        "{error}"
    );
}

#[test]
fn tasks_that_need_a_schema_make_one_request() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w"));
    let registry = table.registry();
    let formats: Vec<_> = (0..20).map(|_| registry.format(words("w"))).collect();
    let (bytes, _) = with_id(id, "hello");
    let ready = formats.iter().map(|format| Deserializer::<String>::ready(format, VALUE.reading(), &bytes));
    assert!(block_on(join_all(ready)).iter().all(Result::is_ok));
    assert_eq!(table.asked().len(), 1);
}

#[test]
fn whoever_stops_waiting_takes_nothing_from_the_others() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w"));
    let format = table.registry().format(words("w"));
    let (bytes, _) = with_id(id, "hello");
    let ready = || Deserializer::<String>::ready(&format, VALUE.reading(), &bytes);
    block_on(async {
        let (mut first, second) = (ready(), ready());
        assert!(poll!(&mut first).is_pending());
        drop(first);
        assert!(second.await.is_ok());
        assert!(poll!(ready()).is_ready());
    });
    assert_eq!(table.asked().len(), 1);
}

#[test]
fn a_question_that_nobody_waits_for_is_asked_anew() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w"));
    let registry = table.registry();
    let format = registry.format(words("w"));
    let (bytes, _) = with_id(id, "hello");
    let ready = || Deserializer::<String>::ready(&format, VALUE.reading(), &bytes);
    block_on(async {
        let mut first = ready();
        assert!(poll!(&mut first).is_pending());
        drop(first);
        assert_eq!(registry.questions_under_way(), 0, "it is forgotten");
        assert!(ready().await.is_ok());
        assert_eq!(registry.questions_under_way(), 0);
    });
    assert_eq!(table.asked().len(), 2);
}

/// Reads until it is clear what becomes of the record, and gives when that was, in milliseconds.
fn read_until_clear(table: &Table, format: &Registered<Words>, record: &Written) -> (u64, SerdeError) {
    let mut passed = 0;
    loop {
        match read(format, record).unwrap_err() {
            error if !error.is_retriable() => return (passed, error),
            _ => table.pass_millis(100),
        }
        passed += 100;
    }
}

#[test]
fn a_schema_that_the_registry_does_not_have_makes_a_poison_pill() {
    let table = table();
    let format = table.registry().format(words("w"));
    let record = with_id(1, "a");
    let (after, error) = read_until_clear(&table, &format, &record);
    assert!(error.is_poison() && after < 4_000, "{after}: {error:#}");
    assert!(in_one_line(&error).contains("answered id 1 of t-value: no row"));
    assert_eq!(table.asked().len(), 6);
    for _ in 0..100 {
        assert!(read(&format, &record).unwrap_err().is_poison());
    }
    assert!(table.asked().is_empty(), "it is not asked for with each record");
    table.add("t-value", Schema::avro("w"));
    table.pass(10);
    assert_eq!(read(&format, &record).unwrap(), "a");
}

#[test]
fn a_registry_that_lags_makes_no_poison_pill() {
    let table = table();
    let format = table.registry().format(words("w"));
    for _ in 0..20 {
        let error = read(&format, &with_id(1, "a")).unwrap_err();
        assert!(error.is_retriable() && !error.is_poison(), "{error:#}");
        table.pass_millis(100);
    }
    table.add("t-value", Schema::avro("w"));
    table.pass(2);
    assert_eq!(read(&format, &with_id(1, "a")).unwrap(), "a");
}

#[test]
fn whatever_else_a_registry_fails_with_makes_no_poison_pill() {
    for kind in [
        RegistryErrorKind::Denied,
        RegistryErrorKind::Answer,
        RegistryErrorKind::Invalid,
        RegistryErrorKind::Incompatible,
        RegistryErrorKind::TooIntricate,
        RegistryErrorKind::Config,
    ] {
        let table = table();
        let id = table.add("t-value", Schema::avro("w"));
        let format = table.registry().format(words("w"));
        table.set_failing(Some(kind));
        let (after, error) = read_until_clear(&table, &format, &with_id(id, "a"));
        assert!(!error.is_poison(), "{kind:?}: {error:#}");
        let is_waited_for = matches!(kind, RegistryErrorKind::Denied | RegistryErrorKind::Answer);
        assert_eq!(after >= 300_000, is_waited_for, "{kind:?}: {after}");
        table.set_failing(None);
        table.pass(10);
        assert_eq!(read(&format, &with_id(id, "a")).unwrap(), "a", "{kind:?}");
    }
}

#[test]
fn a_reference_that_is_not_there_is_the_schemas_fault() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w").with_references([reference("gone", 1)]));
    let format = table.registry().format(words("w"));
    let (_, error) = read_until_clear(&table, &format, &with_id(id, "a"));
    assert!(error.is_poison(), "{error:#}");
    assert!(in_one_line(&error).contains("answered version 1 of gone: no row"), "{error:#}");
}

#[test]
fn a_registry_that_is_down_makes_no_poison_pill() {
    let table = table();
    let (known, unknown) = (table.add("t-value", Schema::avro("w")), table.add("t-value", Schema::avro("x")));
    let format = table.registry().format(words("w"));
    read(&format, &with_id(known, "a")).unwrap();
    table.set_down(true);
    for _ in 0..100 {
        assert!(read(&format, &with_id(unknown, "a")).unwrap_err().is_retriable());
        assert_eq!(read(&format, &with_id(known, "a")).unwrap(), "a", "what is known goes on working");
    }
    assert_eq!(table.asked().len(), 2);
    table.set_down(false);
    table.pass(1);
    assert_eq!(read(&format, &with_id(unknown, "a")).unwrap(), "a");
}

#[test]
fn a_schema_that_cannot_be_read_is_found_out_once() {
    let table = table();
    let id = table.add("t-value", Schema::avro("another"));
    let format = words("w");
    let plans = Arc::clone(&format.plans);
    let format = table.registry().format(format);
    for _ in 0..3 {
        let error = in_one_line(&read(&format, &with_id(id, "a")).unwrap_err());
        assert_eq!(
            error,
            "cannot decode the value of topic t: what was written in the schema with id 1 (version 1 of t-value) cannot be read: \
             another format"
        );
    }
    assert_eq!(plans.load(Ordering::Relaxed), 1);
}

#[test]
fn references_are_fetched_with_the_schema() {
    let table = table();
    table.add("b", Schema::avro("b"));
    table.add("a", Schema::avro("a").with_references([reference("b", 1)]));
    let id = table.add("t-value", Schema::avro("w").with_references([reference("a", 1), reference("b", 1)]));
    let format = table.registry().format(words("w")).subject_strategy(SubjectStrategy::RECORD);
    read(&format, &with_id(id, "a")).unwrap();
    assert_eq!(table.asked(), ["id 3 of any subject", "version 1 of a", "version 1 of b"]);
    let schema = table.registry().schema(SchemaKey::Id(id), None);
    let schema = block_on(schema.get()).unwrap();
    let names: Vec<_> = schema.value.dependencies().iter().map(|dependency| &*dependency.text).collect();
    assert_eq!(names, ["b", "a"]);
}

#[test]
fn a_record_that_nobody_made_ready_is_read_if_its_schema_is_known() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w"));
    let registry = table.registry();
    let (bytes, _) = with_id(id, "a");
    let read_at_once =
        || -> Result<String, _> { registry.format(words("w")).deserialize(&VALUE.reading(), &bytes) };
    let error = read_at_once().unwrap_err();
    assert!(error.is_retriable(), "{error:#}");
    read(&registry.format(words("w")), &with_id(id, "a")).unwrap();
    assert_eq!(read_at_once().unwrap(), "a");
}

#[test]
fn what_has_no_schema_is_a_poison_pill_without_a_question() {
    let table = table();
    let format = table.registry().format(words("w"));
    let error = read(&format, &("{}".into(), AddedHeaders::new())).unwrap_err();
    assert!(matches!(error, SerdeError::Decode { .. }) && table.asked().is_empty());
    assert!(in_one_line(&error).contains("was it written without a schema registry?"));
}

#[test]
fn a_value_can_be_had_with_its_schema() {
    let table = table();
    let format = table.registry().format(words("w")).guid_prefix();
    let (bytes, _) = write(&format, "hello").unwrap();
    let format = format.with_schema();
    let ctx = VALUE.reading();
    block_on(Deserializer::<WithSchema<String>>::ready(&format, ctx, &bytes)).unwrap();
    let read: WithSchema<String> = format.deserialize(&ctx, &bytes).unwrap();
    assert_eq!((&*read.value, read.schema().guid), ("hello", Some(guid(&Schema::avro("w")))));
    assert_eq!((read.schema().subject.as_deref(), read.schema().version), (Some("t-value"), Some(1)));
    let known = Deserializer::<WithSchema<String>>::may_wait(&format);
    assert!(known && format!("{read:?}").contains("hello"));
}

/// Ids count from 1 in each context of a registry: a strategy says for each topic which one it is of.
#[test]
fn ids_are_of_the_context_that_the_strategy_names() {
    let table = table();
    table.add("t-value", Schema::avro("another"));
    table.add(":.staging:b", Schema::avro("b"));
    let id = table.add(":.staging:t-value", Schema::avro("w").with_references([reference("b", 1)]));
    table.add("x-value", Schema::avro("w"));
    let strategy = SubjectStrategy::custom(|ctx, _| match ctx.topic {
        "t" => format!(":.staging:t-{}", ctx.part),
        topic => format!("{topic}-{}", ctx.part),
    });
    let registry = table.registry();
    let format = registry.format(words("w")).subject_strategy(strategy);
    assert_eq!(read(&format, &with_id(id, "a")).unwrap(), "a");
    assert_eq!(table.asked(), ["id 2 of :.staging:t-value", "version 1 of :.staging:b"]);
    // The same id in another context, of a topic that is read with the same format.
    let (bytes, _) = with_id(1, "a");
    let of_another = SerdeContext::value("u").reading();
    block_on(Deserializer::<String>::ready(&format, of_another, &bytes)).unwrap();
    let read_there: Result<String, _> = format.deserialize(&of_another, &bytes);
    assert!(in_one_line(&read_there.unwrap_err()).contains("another format"));
    assert_eq!(table.asked(), ["id 1 of u-value"]);
    // A strategy that is set later has plans of its own.
    let by_topic = format.clone().subject_strategy(SubjectStrategy::TOPIC);
    assert_eq!(read(&by_topic, &with_id(2, "a")).unwrap(), "a");
    assert_eq!(table.asked(), ["id 2 of t-value"]);
}

#[test]
fn headers_of_strangers_make_no_plans() {
    let table = table();
    let schema = Schema::avro("w");
    table.add("t-value", schema.clone());
    let format = words("w");
    let plans = Arc::clone(&format.plans);
    let format = table.registry().format(format);
    let header = [&[1][..], guid(&schema).as_bytes()].concat();
    let with_header = |more: &[u8]| {
        let mut headers = AddedHeaders::new();
        headers.push("__value_schema_id", [&header[..], more].concat());
        (Bytes::from_static(b"a"), headers)
    };
    assert_eq!(read(&format, &with_header(b"")).unwrap(), "a");
    for more in 0..300_u16 {
        assert!(read(&format, &with_header(&more.to_be_bytes())).unwrap_err().is_poison());
    }
    assert_eq!((plans.load(Ordering::Relaxed), table.asked().len()), (1, 1));
}

#[test]
fn a_record_is_read_at_once_if_its_schema_is_known() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w"));
    let format = table.registry().format(words("w"));
    let record = with_id(id, "a");
    let now = || -> Option<Result<String, _>> { format.deserialize_now(&VALUE.reading(), &record.0) };
    assert!(now().is_none());
    read(&format, &record).unwrap();
    assert_eq!(now().unwrap().unwrap(), "a");
    let no_frame: Option<Result<String, _>> = format.deserialize_now(&VALUE.reading(), &"{}".into());
    assert!(no_frame.unwrap().unwrap_err().is_poison());
}

#[test]
fn rules_that_nobody_carries_out_are_not_passed_over() {
    let table = table();
    let rules = r#"{"domainRules": [{"name": "pii", "type": "ENCRYPT"}]}"#;
    let id = table.add_with_rules("t-value", Schema::avro("w"), rules);
    let format = table.registry().format(words("w"));
    for _ in 0..2 {
        let error = read(&format, &with_id(id, "a")).unwrap_err();
        assert!(!error.is_poison() && !error.is_retriable());
        let error = in_one_line(&error);
        assert!(error.contains("the rule pii of type ENCRYPT") && error.contains("are read"), "{error}");
    }
    assert_eq!(read(&format.ignore_rules(), &with_id(id, "a")).unwrap(), "a");
}

/// Notes what it hears of.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl RegistryObserver for Heard {
    fn on_asked(&self, event: &Asked<'_>) {
        let outcome = event.outcome.map_err(RegistryError::kind);
        self.0.lock().push(format!("{:?} {outcome:?}", event.question));
    }
}

#[test]
fn an_observer_hears_of_each_request_and_of_no_record() {
    let table = table();
    let id = table.add("t-value", Schema::avro("w"));
    let heard = Arc::new(Heard::default());
    let registry = table.registry().observed_by(heard.clone());
    let format = registry.format(words("w"));
    for _ in 0..3 {
        read(&format, &with_id(id, "a")).unwrap();
    }
    write(&format, "a").unwrap();
    table.set_failing(Some(RegistryErrorKind::Denied));
    read(&format, &with_id(7, "a")).unwrap_err();
    read(&format, &with_id(7, "a")).unwrap_err();
    assert_eq!(*heard.0.lock(), ["Id(1) Ok(())", "Register(\"t-value\") Ok(())", "Id(7) Err(Denied)"]);
    assert_eq!(registry.inner().addresses(), ["http://table"]);
}
