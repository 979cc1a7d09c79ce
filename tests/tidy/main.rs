//! What the sources must be like, read from them: the arrows of ARCHITECTURE.md, no knots, no long functions, what every file begins
//! with, and that what documents and packages promise is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod arrows;
mod cycles;
mod lengths;
mod licences;

/// The crates that are published, each after those that it needs.
const CRATES: [&str; 11] = [
    "kestrel-protocol",
    "kestrel-settings",
    "kestrel-security",
    "kestrel-schema",
    "kestrel-filter",
    "kestrel-serde",
    "kestrel-registry-client",
    "kestrel-client",
    "kestrel-broker",
    "kestrel-registry",
    "kestrel-cli",
];

/// What the pure crates must never name.
const PURE: [&str; 5] =
    ["kestrel-protocol", "kestrel-settings", "kestrel-security", "kestrel-schema", "kestrel-filter"];
/// The one file of them that may read files, since what it reads is only ever certificates and keys.
const READS_FILES: &str = "kestrel-security/src/tls/pem/files.rs";
/// The one file of them that may have a thread, for the sake of its stack: it waits for it, so that nothing is at the same time.
const HAS_A_STACK: &str = "kestrel-schema/src/json_schema/inclusion.rs";
const IMPURE: [&str; 6] = ["tokio", "std::fs", "std::net", "std::thread", "Instant::now", "SystemTime::now"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_path_buf()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Whether a file holds nothing but tests.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// What of a file is compiled outside of tests.
fn production(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source can be read");
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

#[test]
fn the_network_names_tcp_in_one_place() {
    let net = workspace().join("kestrel-broker/src/net");
    for path in sources(&net).iter().filter(|path| !path.ends_with("acceptor.rs") && !is_test(path)) {
        let text = fs::read_to_string(path).unwrap();
        assert!(!text.contains("tokio::net"), "{} names a socket", path.display());
    }
}

#[test]
fn the_log_knows_no_runtime() {
    for path in sources(&workspace().join("kestrel-broker/src/log")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("tokio::"), "{} names tokio", path.display());
    }
}

#[test]
fn the_pure_crates_are_pure() {
    let sources = PURE.iter().flat_map(|name| sources(&workspace().join(name).join("src")));
    for path in sources.filter(|path| !is_test(path)) {
        let text = fs::read_to_string(&path).unwrap();
        for word in IMPURE {
            let may = match word {
                "std::fs" => path.ends_with(READS_FILES),
                "std::thread" => path.ends_with(HAS_A_STACK),
                _ => false,
            };
            assert!(may || !text.contains(word), "{} names {word}", path.display());
        }
    }
}

/// Names that the sources give to instants.
fn is_instant(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "now",
        "now()",
        "instant",
        "deadline",
        "started",
        "begun",
        "since",
        "until",
        "not_before",
        "next_check",
        "last_active",
    ];
    NAMES.contains(&name) || (name.ends_with("_at") && name.len() > 3)
}

/// Names that the sources give to durations.
fn is_duration(name: &str) -> bool {
    const ENDINGS: [&str; 12] = [
        "timeout", "interval", "patience", "pause", "delay", "_age", "linger", "idle", "wait", "backoff",
        "grace", "slack",
    ];
    ENDINGS.iter().any(|ending| name.to_lowercase().ends_with(ending))
}

/// Sums of an instant and something that is no literal, as far as names tell: `after` adds without panicking.
fn unsaturated_sums(text: &str) -> Vec<&str> {
    let production = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let adds = |line: &str| {
        let operands = line.split_once(" + ").or_else(|| line.split_once(" += "));
        operands.is_some_and(|(left, right)| {
            let last = left.rsplit(|c: char| !(c.is_alphanumeric() || "_()".contains(c))).next();
            let name = last.unwrap_or_default().trim_start_matches('(').trim_end_matches(')');
            let name = if left.ends_with("now()") { "now()" } else { name };
            let ends = |c: char| !(c.is_alphanumeric() || "_.".contains(c));
            let added = right.split(ends).next().and_then(|path| path.rsplit('.').next()).unwrap_or_default();
            let is_literal = right.starts_with(|c: char| c.is_ascii_digit());
            !is_literal && (is_instant(name) || is_duration(added))
        })
    };
    production.lines().filter(|line| !line.trim_start().starts_with("//") && adds(line)).collect()
}

#[test]
fn no_setting_is_added_to_a_time_without_a_limit() {
    for sum in [
        "self.last_poll + self.settings.max_poll_interval)",
        "let at = now + timeout;",
        "(self.polled_at + pause).max(now)",
        "environment::now() + self.timeout",
    ] {
        assert_eq!(unsaturated_sums(sum).len(), 1, "{sum}");
    }
    let mut found = Vec::new();
    for source in [
        "kestrel-client/src",
        "kestrel-broker/src",
        "kestrel-registry/src",
        "kestrel-registry-client/src",
        "kestrel-serde/src",
        "kestrel-cli/src",
    ] {
        for path in sources(&workspace().join(source)).iter().filter(|path| !is_test(path)) {
            let text = fs::read_to_string(path).unwrap();
            found.extend(
                unsaturated_sums(&text).iter().map(|sum| format!("{}: {}", path.display(), sum.trim())),
            );
        }
    }
    assert!(found.is_empty(), "use `after`, which does not panic for Duration::MAX: {found:#?}");
}

#[test]
fn every_file_says_what_it_is() {
    for folder in CRATES.iter().chain(&["examples", "tests", "bench"]) {
        for path in sources(&workspace().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with("//!"), "{} does not begin with //!", path.display());
        }
    }
}

/// What a filter of logs is written with stands in the documentation, and nothing that is not there.
#[test]
fn the_targets_of_events_are_documented() {
    for (name, prefix) in [("kestrel-client", "kestrel_client"), ("kestrel-broker", "kestrel_broker")] {
        let source = workspace().join(name).join("src");
        let mut logging = BTreeSet::new();
        for path in sources(&source) {
            let inside = path.strip_prefix(&source).unwrap();
            let makes_events = ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "_span!("];
            let text = fs::read_to_string(&path).unwrap();
            if !is_test(inside) && makes_events.iter().any(|event| text.contains(event)) {
                let room = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
                logging.insert(if room == "main" { prefix.to_owned() } else { format!("{prefix}::{room}") });
            }
            let unused = makes_events.map(|event| format!("{event}target"));
            for unused in unused.iter().map(String::as_str).chain(["trace!("]) {
                assert!(is_test(inside) || !text.contains(unused), "{}: {unused}", path.display());
            }
        }
        let docs = fs::read_to_string(source.join("lib.rs")).unwrap();
        let section = docs.split("//! # What it logs").nth(1).unwrap().split("//! # ").next().unwrap();
        let documented: BTreeSet<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `"))
            .flat_map(|line| line.split('|').next().unwrap().split('`'))
            .filter(|target| target.starts_with(prefix) && *target != "kestrel_client::consumer::group")
            .map(str::to_owned)
            .collect();
        assert_eq!(documented, logging, "{name}");
    }
}

/// What a newcomer copies from the README can be had.
#[test]
fn the_dependencies_in_the_readme_are_there() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let snippet = readme.split("```toml").nth(1).expect("a snippet").split("```").next().unwrap();
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let version = manifest.split("\nversion = \"").nth(1).unwrap().split('"').next().unwrap();
    let mut crates = 0;
    for line in snippet.lines().filter(|line| line.starts_with("kestrel-")) {
        crates += 1;
        let name = line.split(' ').next().unwrap();
        let asked = line.split('"').nth(1).unwrap();
        assert!(version.starts_with(asked), "{line}");
        let manifest = fs::read_to_string(workspace().join(name).join("Cargo.toml")).unwrap();
        let features = manifest.split("[features]").nth(1).unwrap().split("\n[").next().unwrap();
        let named = line.split("features = [").nth(1).map_or("", |list| list.split(']').next().unwrap());
        for feature in
            named.split(',').map(|word| word.trim().trim_matches('"')).filter(|word| !word.is_empty())
        {
            assert!(features.contains(&format!("\n{feature} = ")), "{name} has no feature {feature}");
        }
    }
    assert!(crates >= 2, "{snippet}");
}

/// Whoever gets one package alone gets its licences too, and knows what it is.
#[test]
fn packages_are_whole() {
    for name in CRATES {
        let folder = workspace().join(name);
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let whole = fs::read_to_string(workspace().join(licence)).unwrap();
            assert_eq!(fs::read_to_string(folder.join(licence)).unwrap(), whole, "{name}");
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for key in ["description", "readme", "keywords", "categories", "include", "all-features"] {
            assert!(manifest.contains(&format!("\n{key} = ")), "{name} has no {key}");
        }
        for key in ["version", "edition", "rust-version", "license"] {
            assert!(manifest.contains(&format!("\n{key}.workspace = true")), "{name} has no {key}");
        }
    }
}

/// Where a package has a file of its own that stands elsewhere too, for what is beside it is not packaged, both are the same.
#[test]
fn copies_are_whole() {
    let copy = |path: &str| fs::read(workspace().join(path)).unwrap();
    let seeded = copy("kestrel-cli/src/commands/dev/earthquakes.jsonl");
    assert!(seeded == copy("examples/data/earthquakes.jsonl"), "`kestrel dev --seed` has other earthquakes");
}
