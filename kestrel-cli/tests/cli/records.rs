//! `kestrel consume` and `kestrel produce`: what one writes the other reads, and the same as the library does.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::SystemTime;

use kestrel_client::{AssignedConsumer, Bytes, Client, ConsumerRecord, Place, Record, Timestamp};
use kestrel_filter::{Context, Filter, PlainRecord};
use serde_json::{Value, json};

use crate::program::Program;

/// 08:15 in UTC on 2026-11-30.
const MORNING: i64 = 1_796_026_500_000;

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// Sends records one after the other, so that each has the next offset of its partition.
fn send(kestrel: &Program, records: impl IntoIterator<Item = Record>) {
    on_runtime(async {
        let client = Client::builder(kestrel.bootstrap()).connect().await.unwrap();
        let producer = client.producer().build().await.unwrap();
        for record in records {
            producer.send(record).await.unwrap().await.unwrap();
        }
    });
}

/// All records of a topic, by partition and offset.
fn all(kestrel: &Program, topic: &str) -> Vec<ConsumerRecord> {
    on_runtime(async {
        let client = Client::builder(kestrel.bootstrap()).connect().await.unwrap();
        let consumer =
            client.assigned_consumer().assign_topics([topic]).between(Place::Beginning, Place::End);
        let mut consumer: AssignedConsumer<Bytes, Bytes> = consumer.build().await.unwrap();
        let mut records = Vec::new();
        while let Some(record) = consumer.next().await {
            records.push(record.unwrap());
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    })
}

/// What has to be the same in a copy.
fn essence(
    record: &ConsumerRecord,
) -> (i32, i64, Timestamp, Option<Bytes>, Option<Bytes>, kestrel_client::Headers) {
    let ConsumerRecord { partition, offset, timestamp, key, value, headers, .. } = record.clone();
    (partition, offset, timestamp, key, value, headers)
}

fn create(kestrel: &Program, name: &str, partitions: &str) -> String {
    let topic = kestrel.unique(name);
    kestrel.ok(&["topics", "create", &topic, "-p", partitions, "-r", "1"]);
    topic
}

fn lines(written: &str) -> Vec<Value> {
    written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn offsets(written: &str) -> Vec<i64> {
    lines(written).iter().map(|line| line["offset"].as_i64().unwrap()).collect()
}

/// Everything that a record can be, in three partitions.
fn mixed(topic: &str) -> Vec<Record> {
    let hostile: [Option<Bytes>; 8] = [
        None,
        Some(Bytes::new()),
        Some("text".into()),
        Some("\0\u{7f}\"\\\r\n\t\u{2028}\u{1f30b}".into()),
        Some(Bytes::from_static(b"\xff\xfe\0")),
        Some(Bytes::from_static(b"\0\0\0\0\x07no schema")),
        Some(r#"{"topic": "t", "offset": 7}"#.into()),
        Some((0..=255).collect::<Vec<u8>>().into()),
    ];
    let mut records = Vec::new();
    for (number, key) in (0_i64..).zip(&hostile) {
        for (other, value) in (0_i64..).zip(&hostile) {
            let partition = i32::try_from(number * 5 + other).unwrap() % 3;
            let mut record = Record::to(topic)
                .partition(partition)
                .timestamp(Timestamp::from_millis(number * other * 1_000));
            (record.key, record.value) = (key.clone(), value.clone());
            record.headers.push("twice", Some("a".into()));
            record.headers.push("twice", value.clone());
            record.headers.push("", key.clone());
            records.push(record);
        }
    }
    records
}

#[test]
fn every_record_of_a_mixed_topic_comes_back() {
    let kestrel = Program::start();
    let (topic, copy) = (create(&kestrel, "mixed", "3"), create(&kestrel, "copy", "3"));
    send(&kestrel, mixed(&topic));
    let written = kestrel.ok(&["consume", &topic]);
    let run = kestrel.fed(&["produce", "--format", "json", &copy], written.as_bytes());
    assert_eq!((run.code, run.stderr.trim()), (0, "64 records stored"));
    let (originals, copies) = (all(&kestrel, &topic), all(&kestrel, &copy));
    assert_eq!(originals.len(), 64);
    for (original, copied) in originals.iter().zip(&copies) {
        assert_eq!(essence(original), essence(copied));
    }
    // And the copy is written as the original was, but for its name.
    let again = kestrel.ok(&["consume", &copy]).replace(&copy, &topic);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again), sorted(&written));
}

#[test]
fn a_filter_takes_the_same_records_here_and_in_the_library() {
    let kestrel = Program::start();
    let topic = create(&kestrel, "quakes", "2");
    let record = |number: i64| {
        let value = match number % 4 {
            0 => format!(r#"{{"magnitude": {}.5, "place": "Kyushu {number}"}}"#, number % 7),
            1 => format!(r#"{{"magnitud": {number}}}"#),
            2 => format!("text {number}"),
            _ => r#"{"magnitude": "4.5"}"#.to_owned(),
        };
        let record = Record::to(topic.as_str()).key(format!("us{number}")).value(value);
        let source = if number % 3 == 0 { "usgs" } else { "emsc" };
        record
            .partition(i32::from(number % 5 == 0))
            .header("source", source)
            .timestamp(Timestamp::from_millis(MORNING + number * 1_000))
    };
    send(&kestrel, (0..60).map(record));
    for text in [
        "value.magnitude >= 4.5",
        "headers.source == 'usgs' and key ends_with '9'",
        "timestamp >= \"2026-11-30T08:15:30Z\" and partition == 0",
        "offset in [1, 2, 40] or value.place contains 'Kyushu 8'",
        "raw_value contains 'text'",
        "not (value.magnitude > 2)",
    ] {
        let run = kestrel.run(&["consume", &topic, "--where", text]);
        assert_eq!(run.code, 0, "{run:?}");
        let mut found: Vec<_> = lines(&run.stdout)
            .iter()
            .map(|line| (line["partition"].clone(), line["offset"].clone()))
            .collect();
        found.sort_by_key(|(partition, offset)| (partition.as_i64(), offset.as_i64()));
        let filter = Filter::parse(text).unwrap();
        let context = Context::at(SystemTime::UNIX_EPOCH);
        let takes = |record: &ConsumerRecord| {
            let headers: Vec<_> = record.headers.iter().collect();
            let plain = PlainRecord::new(&record.topic, record.partition, record.offset)
                .with_timestamp_millis(record.timestamp.as_millis())
                .with_key(record.key.as_ref().unwrap())
                .with_value(record.value.as_ref().unwrap())
                .with_headers(&headers);
            filter.matches(&plain, &context) == Ok(true)
        };
        let all = all(&kestrel, &topic);
        let expected: Vec<_> = all
            .iter()
            .filter(|record| takes(record))
            .map(|record| (json!(record.partition), json!(record.offset)))
            .collect();
        assert!(!expected.is_empty(), "{text}");
        assert_eq!(found, expected, "{text}");
    }
    let run = kestrel.run(&["consume", &topic, "--where", "value.magnitud >= 4.5"]);
    assert!(run.stderr.contains("undecided about"), "{run:?}");
    let run = kestrel.run(&["consume", &topic, "--where", "value.magnitude >"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
}

#[test]
fn reading_begins_and_ends_where_it_is_told_to() {
    let kestrel = Program::start();
    let topic = create(&kestrel, "numbers", "1");
    let record = |number: i64| {
        Record::to(topic.as_str())
            .value(number.to_string())
            .timestamp(Timestamp::from_millis(MORNING + number * 60_000))
    };
    send(&kestrel, (0..10).map(record));
    for (arguments, expected) in [
        (&["--from", "7"][..], 7..10),
        (&["--tail", "2"], 8..10),
        (&["--from", "-3", "--to", "-1"], 7..9),
        (&["--from", "2026-11-30T08:18", "--to", "2026-11-30T08:20:00Z"], 3..5),
        (&["--from", "@1796026560000", "-n", "2"], 1..3),
        (&["--from-beginning", "--max-messages", "1"], 0..1),
        (&["--from", "end"], 10..10),
        (&["-p", "0", "--to", "2"], 0..2),
        (&["-n", "0"], 0..0),
    ] {
        let written = kestrel.ok(&[&["consume", &topic][..], arguments].concat());
        assert_eq!(offsets(&written), expected.collect::<Vec<_>>(), "{arguments:?}");
    }
    for (arguments, code) in [
        (&["consume", "nothing-here"][..], 1),
        (&["consume", &topic, "-p", "1"], 1),
        (&["consume", &topic, "--from", "yesterday"], 2),
        (&["consume"], 2),
    ] {
        let run = kestrel.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{run:?}");
    }
    let matching =
        kestrel.ok(&["consume", "--matching", &format!("{}.*", &topic[..topic.len() - 1]), "--tail", "1"]);
    assert_eq!(offsets(&matching), [9]);
}

#[test]
fn records_are_written_in_the_form_that_is_asked_for() {
    let kestrel = Program::start();
    let topic = create(&kestrel, "forms", "1");
    let record = Record::to(topic.as_str())
        .key("k")
        .value("{\"a\": 1}")
        .header("h", "x")
        .timestamp(Timestamp::from_millis(7));
    send(&kestrel, [record, Record::to(topic.as_str()).timestamp(Timestamp::from_millis(8))]);
    let consume = |arguments: &[&str]| kestrel.ok(&[&["consume", topic.as_str()], arguments].concat());
    assert_eq!(
        consume(&["--pattern", r"%p/%o@%T %k=%s %h %S\n", "--null", "NULL"]),
        "0/0@7 k={\"a\": 1} h=x 8\n0/1@8 NULL=NULL  -1\n"
    );
    assert_eq!(consume(&["--format", "raw", "--delimiter", ";"]), "{\"a\": 1};;");
    assert!(consume(&["--format", "table"]).starts_with("TOPIC-PARTITION"));
    assert!(consume(&["--format", "hex", "-n", "1"]).contains("7b 22 61 22 3a 20 31 7d"));
    let decoded = &lines(&consume(&["--value-format", "json", "-n", "1"]))[0];
    assert_eq!((&decoded["value"], &decoded["value_decoded"]), (&json!("{\"a\": 1}"), &json!({"a": 1})));
    let undecodable = kestrel.run(&["consume", &topic, "--value-format", "int32", "-n", "1"]);
    assert_eq!(undecodable.code, 0);
    assert!(lines(&undecodable.stdout)[0]["value_error"].as_str().unwrap().contains("8"), "{undecodable:?}");
    assert_eq!(kestrel.run(&["consume", &topic, "--key-format", "int64", "--strict"]).code, 1);
}

#[test]
fn lines_that_are_no_records_are_told_with_their_numbers() {
    let kestrel = Program::start();
    let topic = create(&kestrel, "lines", "1");
    let text = kestrel.fed(
        &["produce", &topic, "-K", ":", "--null", "NULL", "-H", "by=hand"],
        b"a:1\nb:NULL\r\nno key\n:2",
    );
    assert_eq!(text.code, 3, "{text:?}");
    assert!(
        text.stderr.contains("line 3: there is no separator")
            && text.stderr.contains("3 records stored, 1 failed"),
        "{text:?}"
    );
    let parts: Vec<_> =
        all(&kestrel, &topic).iter().map(|record| (record.key.clone(), record.value.clone())).collect();
    let some = |text: &'static str| Some(Bytes::from(text));
    assert_eq!(parts, [(some("a"), some("1")), (some("b"), None), (some(""), some("2"))]);
    let json = kestrel.fed(
        &["produce", &topic, "--format", "json"],
        b"{\"value\": \"x\"}\n\n{\"valu\": 1}\n{\"value\": \"y\", \"partition\": 9}\n",
    );
    assert_eq!(json.code, 3, "{json:?}");
    assert!(
        json.stderr.contains("line 3: it is no record")
            && json.stderr.contains("line 4: there is no partition 9"),
        "{json:?}"
    );
    let nothing = kestrel.fed(&["produce", &topic, "--value-format", "int32"], b"seven\n");
    assert_eq!(nothing.code, 1, "{nothing:?}");
    let dry = kestrel.fed(&["produce", &topic, "--dry-run"], b"x\n");
    assert_eq!((dry.code, dry.stderr.trim()), (0, "1 records would be stored"));
    assert_eq!(kestrel.fed(&["produce"], b"x\n").code, 2);
    assert_eq!(kestrel.fed(&["produce", &topic, "--read-only"], b"x\n").code, 1);
    let consumed = kestrel.ok(&["consume", &topic]);
    let wrapped = kestrel.fed(&["produce", &topic], consumed.as_bytes());
    assert_eq!(wrapped.code, 2, "{wrapped:?}");
    assert_eq!(all(&kestrel, &topic).len(), 4);
}

#[test]
fn a_group_goes_on_where_it_has_committed() {
    let kestrel = Program::start();
    let (topic, group) = (create(&kestrel, "orders", "1"), kestrel.unique("readers"));
    send(&kestrel, (0..7).map(|number| Record::to(topic.as_str()).value(number.to_string())));
    let read = |count: &str| kestrel.ok(&["consume", &topic, "--group", &group, "-n", count]);
    assert_eq!(offsets(&read("3")), [0, 1, 2]);
    assert_eq!(offsets(&read("4")), [3, 4, 5, 6]);
    // What the group committed is in a topic that can be read too.
    let filter = format!("key.group == '{group}' and value != null");
    let committed = kestrel.ok(&["consume", "__consumer_offsets", "--where", &filter]);
    let committed: Vec<_> = lines(&committed)
        .into_iter()
        .filter(|line| line["key_decoded"]["type"] == "offset_commit")
        .map(|line| line["value_decoded"]["offset"].clone())
        .collect();
    assert_eq!(committed.last(), Some(&json!(7)), "{committed:?}");
}

/// A program that follows a topic, and its lines.
fn follow(kestrel: &Program, topic: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command = kestrel.command(&["consume", topic, "--follow", "--from", "beginning"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

#[test]
fn following_ends_with_a_signal_or_with_whoever_reads() {
    let kestrel = Program::start();
    let topic = create(&kestrel, "followed", "1");
    let record = |text: &'static str| Record::to(topic.as_str()).value(text);
    send(&kestrel, [record("first")]);
    let (mut interrupted, mut stdout) = follow(&kestrel, &topic);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    send(&kestrel, [record("second")]);
    stdout.read_line(&mut line).unwrap();
    assert_eq!(offsets(&line), [0, 1]);
    let id = interrupted.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(interrupted.wait().unwrap().code(), Some(0));

    let (mut piped, mut stdout) = follow(&kestrel, &topic);
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    send(&kestrel, [record("third")]);
    assert_eq!(piped.wait().unwrap().code(), Some(0));
}

#[test]
fn a_cluster_is_checked_and_measured() {
    let kestrel = Program::start();
    let (topic, group) = (create(&kestrel, "measured", "2"), kestrel.unique("slow"));
    let measured = &kestrel.json(&["bench", "produce", &topic, "-n", "500", "--size", "10"])[0];
    assert_eq!(measured["records"], json!(500));
    assert!(measured["p99"].is_number(), "{measured}");
    assert_eq!(kestrel.json(&["bench", "consume", &topic])[0]["records"], json!(500));
    kestrel.ok(&["consume", &topic, "--group", &group, "-n", "1"]);
    let checked = kestrel.json(&["check", "--group", &group]);
    assert!(checked.iter().all(|line| line["result"] == "ok"), "{checked:?}");
    let behind = kestrel.run(&["check", "--group", &group, "--max-lag", "10"]);
    assert_eq!(behind.code, 1, "{behind:?}");
    assert!(behind.stdout.contains("records behind"), "{behind:?}");
    let gone = Program::alone().run(&["check", "--set", "bootstrap.timeout.ms=1000"]);
    assert_ne!(gone.code, 0);
}

#[test]
fn values_of_a_schema_registry_are_read_and_written() {
    let kestrel = Program::start();
    let topic = create(&kestrel, "registered", "1");
    let registry = registry_of(kestrel.bootstrap().to_owned());
    let with = |arguments: &[&str]| -> Vec<String> {
        let registry = ["--registry", registry.url.as_str()];
        let all = arguments.iter().chain(&registry);
        all.map(|argument| (*argument).to_owned()).collect()
    };
    let produce = |arguments: &[&str], input: &str| {
        let arguments = with(&[&["produce", topic.as_str()], arguments].concat());
        kestrel.fed(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), input.as_bytes())
    };
    let consume = |arguments: &[&str]| {
        let arguments = with(&[&["consume", topic.as_str()], arguments].concat());
        lines(&kestrel.ok(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let schema = kestrel.home().join("quake.avsc");
    let fields =
        r#"[{"name": "magnitude", "type": "double"}, {"name": "place", "type": ["null", "string"]}]"#;
    std::fs::write(&schema, format!(r#"{{"type": "record", "name": "Quake", "fields": {fields}}}"#)).unwrap();
    let schema = schema.to_str().unwrap();
    let run = produce(
        &["--value-format", "avro", "--schema", schema],
        "{\"magnitude\": 4.7, \"place\": \"Kyushu\"}\n",
    );
    assert_eq!(run.code, 0, "{run:?}");
    // The latest version of the subject, where no schema is said.
    let run = produce(
        &["--value-format", "avro"],
        "{\"magnitude\": 1.5, \"place\": null}\n{\"magnitude\": \"x\", \"place\": null}\n",
    );
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("line 2: the value: ") && run.stderr.contains(".magnitude"), "{run:?}");
    let proto = kestrel.home().join("quake.proto");
    std::fs::write(&proto, r#"syntax = "proto3"; message Quake { double magnitude = 1; }"#).unwrap();
    let proto = proto.to_str().unwrap();
    let run = produce(
        &[
            "--value-format",
            "protobuf",
            "--schema",
            proto,
            "--message",
            "Quake",
            "--subject",
            "quakes-in-protobuf",
        ],
        "{\"magnitude\": 6.5}\n",
    );
    assert_eq!(run.code, 0, "{run:?}");

    let read = consume(&[]);
    let decoded: Vec<_> = read.iter().map(|line| line["value_decoded"].clone()).collect();
    let quakes = [
        json!({"magnitude": 4.7, "place": "Kyushu"}),
        json!({"magnitude": 1.5, "place": null}),
        json!({"magnitude": 6.5}),
    ];
    assert_eq!(decoded, quakes);
    let strong = consume(&["--where", "value.magnitude > 4"]);
    assert_eq!(strong.iter().map(|line| line["offset"].clone()).collect::<Vec<_>>(), [json!(0), json!(2)]);
    assert!(
        consume(&["--decoded-only"])
            .iter()
            .all(|line| line.get("value").is_none() && line["value_base64"].is_null())
    );
    // Without the registry they are bytes; with it they are written anew from what they mean, or as they were.
    let plain = kestrel.ok(&["consume", &topic, "-n", "1"]);
    assert!(lines(&plain)[0].get("value_decoded").is_none());
    let copy = kestrel.fed(&["produce", "--format", "json"], format!("{}\n", read[0]).as_bytes());
    assert_eq!(copy.code, 0, "{copy:?}");
    let all = all(&kestrel, &topic);
    assert_eq!(all[0].value, all[3].value);
    let only_decoded = "{\"value_decoded\": {\"magnitude\": 4.7, \"place\": \"Kyushu\"}}\n";
    assert_eq!(produce(&["--format", "json"], only_decoded).code, 1);
    assert_eq!(produce(&["--format", "json", "--value-format", "avro"], only_decoded).code, 0);
    assert_eq!(consume(&["--tail", "1"])[0]["value"], read[0]["value"]);
}

/// A schema registry that lives as long as this does.
struct TestRegistry {
    url: String,
    _registry: kestrel_registry::Registry,
    _runtime: tokio::runtime::Runtime,
}

fn registry_of(bootstrap: String) -> TestRegistry {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let registry = runtime.block_on(kestrel_registry::Registry::start(bootstrap)).unwrap();
    TestRegistry { url: registry.url().to_owned(), _registry: registry, _runtime: runtime }
}
