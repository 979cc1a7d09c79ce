//! Documents, alerts and dashboard against the table.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use expect_test::expect_file;

use crate::config::Detail;
use crate::monitoring::metric::{Kind, Metric};
use crate::monitoring::table::TABLE;

/// Where the table of the reference begins.
const MARK: &str = "the_reference_of_metrics -->\n";

fn row(metric: &Metric) -> String {
    let Metric { name, kind, labels, origin, detail, help, .. } = metric;
    let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    let mark = if *detail == Detail::Partitions { " **P**" } else { "" };
    format!("| `{name}`{mark} | {} | {} | {help} | {origin} |\n", kind.name(), labels.join(", "))
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_reference_of_metrics_is_made_of_the_table() {
    let text = document("metrics.md");
    let (prose, _) = text.split_once(MARK).expect("the mark of the table");
    let mut whole =
        format!("{prose}{MARK}\n| name | type | labels | meaning | named after |\n|---|---|---|---|---|\n");
    TABLE.iter().for_each(|metric| whole.write_str(&row(metric)).unwrap());
    expect_file!["../../../../docs/metrics.md"].assert_eq(&whole);
}

/// Every name that somebody may be told.
fn told() -> BTreeSet<String> {
    let suffixes = |metric: &Metric| match metric.kind {
        Kind::Histogram => &["_bucket", "_sum", "_count"][..],
        Kind::Counter | Kind::Gauge => &[""],
    };
    TABLE
        .iter()
        .flat_map(|metric| suffixes(metric).iter().map(|end| format!("{}{end}", metric.name)))
        .collect()
}

/// The words in a text that look like names of metrics.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let is_name =
        |word: &&str| ["kafka_", "kestrel_", "process_"].iter().any(|begin| word.starts_with(begin));
    words.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_use_what_there_is() {
    let told = told();
    for document_name in ["prometheus/alerts.yml", "grafana/kestrel-broker.json"] {
        let used = names(&document(document_name));
        assert!(used.len() > 8, "{document_name}: {used:?}");
        let unknown: Vec<_> = used.difference(&told).filter(|name| *name != "kafka_exporter").collect();
        assert!(unknown.is_empty(), "{document_name}: {unknown:?}");
    }
    assert_eq!(names("sum(rate(kafka_none_total[5m]))"), ["kafka_none_total".to_owned()].into());
    assert!(!told.contains("kafka_none_total") && told.contains("kestrel_flush_duration_seconds_bucket"));
}
