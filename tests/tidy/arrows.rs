//! The arrows of ARCHITECTURE.md: which crate may depend on which, and which room of a crate may import which.

use std::fs;
use std::path::Path;

use crate::cycles::{absolute, module_of, uses};
use crate::{is_test, production, sources, workspace};

/// Which crates of the workspace a crate may depend on, development included.
const CRATE_ARROWS: [(&str, &[&str]); 11] = [
    ("kestrel-protocol", &[]),
    ("kestrel-settings", &[]),
    ("kestrel-security", &["kestrel-settings"]),
    ("kestrel-schema", &[]),
    ("kestrel-filter", &["kestrel-settings"]),
    ("kestrel-serde", &["kestrel-schema"]),
    ("kestrel-registry-client", &["kestrel-schema", "kestrel-security", "kestrel-serde"]),
    (
        "kestrel-client",
        &[
            "kestrel-protocol",
            "kestrel-settings",
            "kestrel-security",
            "kestrel-serde",
            "kestrel-registry-client",
        ],
    ),
    ("kestrel-broker", &["kestrel-protocol", "kestrel-settings", "kestrel-security"]),
    ("kestrel-registry", &["kestrel-client", "kestrel-schema", "kestrel-registry-client", "kestrel-broker"]),
    (
        "kestrel-cli",
        &[
            "kestrel-protocol",
            "kestrel-settings",
            "kestrel-schema",
            "kestrel-filter",
            "kestrel-serde",
            "kestrel-registry-client",
            "kestrel-client",
            "kestrel-broker",
            "kestrel-registry",
        ],
    ),
];

/// What a room may import: it, and what is below it.
type Rooms<'a> = [(&'a str, &'a [&'a str])];

/// Which rooms of the broker a room may import. A room that is not named here may import all.
const BROKER_ARROWS: &Rooms<'_> = &[
    ("metrics", &[]),
    ("authorizer", &[]),
    ("quota", &["metrics"]),
    ("telemetry", &["clock", "config"]),
    ("tokens", &["clock", "config", "error"]),
    ("log", &["metrics"]),
    ("partition", &["log", "clock", "metrics"]),
    ("cluster", &["log", "partition", "authorizer", "quota", "telemetry", "clock", "config"]),
    ("coordinator", &["log", "partition", "cluster", "quota", "clock", "config", "metrics"]),
    ("monitoring", &["api", "cluster", "config", "coordinator", "metrics", "net", "partition", "telemetry"]),
    (
        "api",
        &[
            "partition",
            "cluster",
            "coordinator",
            "log",
            "authorizer",
            "quota",
            "clock",
            "config",
            "error",
            "metrics",
            "telemetry",
        ],
    ),
];

/// Which rooms of the client a room may import: above all what producer, consumer and admin share, and their machines. A room that is
/// not named here may import all.
const CLIENT_ARROWS: &Rooms<'_> = &[
    ("acks", &[]),
    ("assignor", &["into", "record"]),
    ("net", &["config", "environment", "error", "observer", "security", "tasks"]),
    ("metadata", &["complaints", "config", "environment", "error", "net", "observer"]),
    ("metrics", &["environment", "error", "observer", "rejected"]),
    ("reader", &["acks", "error", "format_headers", "record", "testing", "trace_context"]),
    ("trace_context", &[]),
    (
        "producer/accumulator",
        &[
            "environment",
            "error",
            "metadata",
            "record",
            "trace_context",
            "producer/batch",
            "producer/delivery",
            "producer/memory",
            "producer/partition_id",
            "producer/partitioner",
        ],
    ),
    (
        "producer/dispatcher",
        &[
            "complaints",
            "environment",
            "error",
            "metadata",
            "net",
            "producer/accumulator",
            "producer/batch",
            "producer/delivery",
            "producer/identity",
            "producer/partition_id",
            "producer/sequences",
            "producer/transaction",
        ],
    ),
    (
        "consumer/position",
        &["acks", "config", "environment", "error", "metadata", "net", "record", "consumer/retry"],
    ),
    (
        "consumer/fetch",
        &["acks", "config", "environment", "net", "reader", "consumer/position", "consumer/retry"],
    ),
    (
        "admin",
        &[
            "assignor",
            "client",
            "config",
            "consumer",
            "coordinators",
            "environment",
            "error",
            "into",
            "metadata",
            "net",
            "observer",
            "partitions",
            "record",
        ],
    ),
];

/// The rooms that a file's production code names, as far down as they are files or folders.
fn imported_rooms(source: &Path, path: &Path) -> Vec<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let production = production(path).lines().filter(is_code).collect::<Vec<_>>().join("\n");
    let module = module_of(path.strip_prefix(source).expect("it was found in there"));
    let imports = uses(&production).into_iter().filter_map(|(_, names)| absolute(&module, &names));
    let inline = production.split("crate::").skip(1).map(|rest| {
        let path =
            rest.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).next().unwrap_or_default();
        path.split("::").map(str::to_owned).collect::<Vec<_>>()
    });
    imports.chain(inline).filter_map(|names| room(source, &names)).collect()
}

/// The room that has what `names` leads to.
fn room(source: &Path, names: &[String]) -> Option<String> {
    let is_room = |room: &String| source.join(room).is_dir() || source.join(format!("{room}.rs")).is_file();
    (1..=names.len()).rev().map(|length| names[..length].join("/")).find(is_room)
}

fn is_below(room: &str, above: &str) -> bool {
    room.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
}

/// The imports of a crate that go against its arrows.
fn against(name: &str, arrows: &Rooms<'_>) -> Vec<String> {
    let source = workspace().join(name).join("src");
    for room in arrows.iter().flat_map(|(room, allowed)| allowed.iter().chain([room])) {
        assert!(
            source.join(room).is_dir() || source.join(format!("{room}.rs")).is_file(),
            "{name} has no {room}"
        );
    }
    let mut wrong = Vec::new();
    for path in sources(&source) {
        let inside = path.strip_prefix(&source).expect("a source is in its folder");
        let file = inside.to_str().expect("names of sources are ASCII");
        let arrow = arrows.iter().find(|(room, _)| is_below(file, room));
        let Some((own, allowed)) = arrow.filter(|_| !is_test(inside)) else { continue };
        for imported in imported_rooms(&source, &path) {
            if !allowed.iter().chain([own]).any(|room| is_below(&imported, room)) {
                wrong.push(format!("{file} imports crate::{}", imported.replace('/', "::")));
            }
        }
    }
    wrong
}

#[test]
fn crates_depend_in_one_direction() {
    for (name, allowed) in CRATE_ARROWS {
        let manifest = fs::read_to_string(workspace().join(name).join("Cargo.toml")).unwrap();
        for line in manifest.lines().filter(|line| line.starts_with("kestrel-")) {
            let dependency: String =
                line.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn rooms_import_in_one_direction() {
    let wrong = [against("kestrel-broker", BROKER_ARROWS), against("kestrel-client", CLIENT_ARROWS)].concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_import_against_an_arrow_is_found() {
    let wrong = against("kestrel-client", &[("producer/dispatcher", &["error", "net"]), ("acks", &[])]);
    let against_it = |room: &str| {
        let imports = format!("imports crate::{room}");
        wrong.iter().any(|line| line.starts_with("producer/dispatcher") && line.contains(&imports))
    };
    assert!(against_it("producer::accumulator") && against_it("environment"), "{wrong:#?}");
    assert!(!against_it("net") && !against_it("producer::dispatcher"), "{wrong:#?}");
}

/// It works on any Kafka: what it has of a broker is what a client gets. But for `kestrel dev`, which brings a cluster along.
#[test]
fn the_command_line_is_a_client() {
    let source = workspace().join("kestrel-cli/src");
    let dev = source.join("commands/dev");
    assert!(dev.join("parts.rs").is_file(), "it is the one place that may");
    for path in sources(&source).iter().filter(|path| !path.starts_with(&dev)) {
        let text = fs::read_to_string(path).unwrap();
        for cluster in ["kestrel_broker", "kestrel_registry::"] {
            assert!(!text.contains(cluster), "{} names {cluster}", path.display());
        }
    }
}
