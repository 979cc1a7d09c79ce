//! The reference in docs/ and the dashboard: they have the names of the table, all of them and no others.

use std::collections::BTreeSet;
use std::fmt::Write;

use expect_test::expect_file;

use crate::metrics::{METRICS, Metric, MetricKind};

const REFERENCE: &str = include_str!("../../../../docs/client-metrics.md");
const DASHBOARD: &str = include_str!("../../../../docs/grafana/kestrel-client.json");
/// What stands around the tables of the reference, which are written anew.
const BEGIN: &str = "<!-- The table: UPDATE_EXPECT=1 cargo test -p kestrel-client --features metrics --lib the_reference -->\n";
const END: &str = "<!-- The end of the table. -->\n";

#[test]
fn the_reference_is_made_of_the_table() {
    let (before, rest) = REFERENCE.split_once(BEGIN).expect("the reference says where its table begins");
    let (_, after) = rest.split_once(END).expect("the reference says where its table ends");
    let text = format!("{before}{BEGIN}{}{END}{after}", tables());
    expect_file!["../../../../docs/client-metrics.md"].assert_eq(&text);
}

fn tables() -> String {
    let mut text = String::new();
    for (title, beginning) in [
        ("Connections and requests", "kestrel_client_"),
        ("Producers", "kestrel_producer_"),
        ("Consumers", "kestrel_consumer_"),
    ] {
        write!(
            text,
            "\n## {title}\n\n| name | kind | labels | meaning | elsewhere |\n|---|---|---|---|---|\n"
        )
        .unwrap();
        for metric in METRICS.iter().filter(|metric| metric.name.starts_with(beginning)) {
            let Metric { name, kind, labels, meaning, elsewhere, .. } = metric;
            let (labels, elsewhere) = (quoted(&labels.join(", ")), quoted(elsewhere));
            writeln!(text, "| `{name}` | {kind} | {labels} | {meaning} | {elsewhere} |").unwrap();
        }
    }
    text.push('\n');
    text
}

/// Each name of a list as code.
fn quoted(list: &str) -> String {
    if list.is_empty() { String::new() } else { format!("`{}`", list.replace(", ", "`, `")) }
}

#[test]
fn the_dashboard_asks_for_names_of_the_table() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut asked = BTreeSet::new();
    note_names(&dashboard, &mut asked);
    assert!(asked.len() > 20, "{asked:?}");
    let series = METRICS.iter().flat_map(|metric| {
        let endings: &[_] = match metric.kind {
            MetricKind::Histogram => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        endings.iter().map(|ending| format!("{}{ending}", metric.name))
    });
    let series: BTreeSet<String> = series.collect();
    let unknown: Vec<_> = asked.difference(&series).collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

/// Collects the names of metrics in all texts of a document.
fn note_names(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            found.extend(words.filter(|word| word.starts_with("kestrel_")).map(str::to_owned));
        }
        serde_json::Value::Array(all) => all.iter().for_each(|value| note_names(value, found)),
        serde_json::Value::Object(all) => all.values().for_each(|value| note_names(value, found)),
        _ => {}
    }
}
