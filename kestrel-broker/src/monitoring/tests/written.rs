//! What is written: names, escapes, buckets, limits.

use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;

use super::bare_facts;
use crate::config::Detail;
use crate::coordinator::GroupStanding;
use crate::metrics::{ListenerMetrics, Timings};
use crate::monitoring::metric::{Kind, Metric};
use crate::monitoring::samples::MOST_SAMPLES;
use crate::monitoring::table::TABLE;
use crate::monitoring::text::{Format, exposition};

/// The lines of some metric.
fn lines(text: &str, name: &str) -> String {
    let is_of = |line: &&str| {
        let after = line.trim_start_matches("# TYPE ").trim_start_matches("# HELP ").strip_prefix(name);
        after.is_some_and(|after| !after.starts_with(|next: char| next.is_ascii_lowercase()))
    };
    text.lines().filter(is_of).map(|line| format!("{line}\n")).collect()
}

#[test]
fn each_name_is_there_once_and_is_one() {
    let mut names = BTreeSet::new();
    for Metric { name, kind, labels, help, .. } in TABLE {
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(
            !["_bucket", "_count", "_created"]
                .iter()
                .any(|end| name.ends_with(end) && !name.starts_with("kafka_"))
        );
        assert_eq!(labels.len(), labels.iter().collect::<BTreeSet<_>>().len(), "{name}");
        assert!(help.ends_with('.') && !help.contains(['"', '\\', '\n']), "{name}: {help}");
    }
    assert!(names.contains(&"kafka_consumergroup_lag_seconds"));
}

#[test]
fn names_of_groups_cannot_break_a_line() {
    let group = |id: &str| GroupStanding { id: id.into(), members: 2, offsets: Vec::new() };
    let facts = crate::monitoring::facts::Facts {
        groups: vec![group("a \"quoted\" one"), group("two\nlines\\"), group("ünïcode")],
        ..bare_facts()
    };
    let text = exposition(&facts, Detail::Topics, Format::OpenMetrics);
    expect![[r#"
        # TYPE kafka_consumergroup_members gauge
        # HELP kafka_consumergroup_members Members of a group.
        kafka_consumergroup_members{consumergroup="a \"quoted\" one"} 2
        kafka_consumergroup_members{consumergroup="two\nlines\\"} 2
        kafka_consumergroup_members{consumergroup="ünïcode"} 2
    "#]]
    .assert_eq(&lines(&text, "kafka_consumergroup_members"));
}

#[test]
fn a_counter_is_told_as_the_format_asks() {
    let mut facts = bare_facts();
    let listener = ListenerMetrics { refused: 7, ..ListenerMetrics::default() };
    facts.counted.listeners.insert("PLAINTEXT".to_owned(), listener);
    let both =
        [Format::OpenMetrics, Format::Prometheus].map(|format| exposition(&facts, Detail::Topics, format));
    let found = both.each_ref().map(|text| lines(text, "kestrel_connections_refused"));
    expect![[r#"
        # TYPE kestrel_connections_refused counter
        # HELP kestrel_connections_refused Connections of a listener that were closed as they came, for what their address may have.
        kestrel_connections_refused_total{listener="PLAINTEXT"} 7
    "#]]
    .assert_eq(&found[0]);
    assert_eq!(found[1].lines().last(), found[0].lines().last());
    assert!(found[1].starts_with("# TYPE kestrel_connections_refused_total counter\n"), "{}", found[1]);
    assert!(both[0].ends_with("\n# EOF\n") && !both[1].contains("EOF"));
}

#[test]
fn durations_are_in_buckets_of_seconds() {
    let timings = Timings::default();
    for took in [Duration::from_micros(70), Duration::from_millis(1200), Duration::from_secs(60)] {
        timings.observe(took);
    }
    let mut facts = bare_facts();
    facts.counted.flushes = timings.snapshot();
    let text = exposition(&facts, Detail::Topics, Format::Prometheus);
    let buckets = lines(&text, "kestrel_flush_duration_seconds");
    for line in [
        "kestrel_flush_duration_seconds_bucket{le=\"0.00005\"} 0",
        "kestrel_flush_duration_seconds_bucket{le=\"0.0001\"} 1",
        "kestrel_flush_duration_seconds_bucket{le=\"1.0\"} 1",
        "kestrel_flush_duration_seconds_bucket{le=\"5.0\"} 2",
        "kestrel_flush_duration_seconds_bucket{le=\"30.0\"} 2",
        "kestrel_flush_duration_seconds_bucket{le=\"+Inf\"} 3",
        "kestrel_flush_duration_seconds_sum 61.20007",
        "kestrel_flush_duration_seconds_count 3",
    ] {
        assert!(buckets.contains(&format!("{line}\n")), "{line} is not in\n{buckets}");
    }
}

#[test]
fn what_is_beyond_the_limit_is_left_out_and_said() {
    let group =
        |number: usize| GroupStanding { id: number.to_string().into(), members: 0, offsets: Vec::new() };
    let groups = (0..MOST_SAMPLES + 3).map(group).collect();
    let facts = crate::monitoring::facts::Facts { groups, ..bare_facts() };
    let text = exposition(&facts, Detail::Topics, Format::OpenMetrics);
    assert_eq!(lines(&text, "kafka_consumergroup_members").lines().count(), 2 + MOST_SAMPLES);
    assert!(text.contains("kestrel_metrics_omitted_samples{metric=\"kafka_consumergroup_members\"} 3\n"));
    let row = TABLE.iter().find(|metric| metric.name == "kestrel_metrics_omitted_samples").unwrap();
    assert!(row.help.contains(&MOST_SAMPLES.to_string()));
}

#[test]
fn partitions_are_told_when_that_is_asked_for() {
    let told = |detail| exposition(&bare_facts(), detail, Format::OpenMetrics);
    for Metric { name, detail, .. } in TABLE {
        let line = format!("# HELP {} ", name.trim_end_matches("_total"));
        assert!(told(Detail::Partitions).contains(&line), "{name}");
        assert_eq!(told(Detail::Topics).contains(&line), *detail == Detail::Topics, "{name}");
    }
}
