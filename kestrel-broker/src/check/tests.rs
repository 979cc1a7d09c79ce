//! Whole data folders that Apache Kafka wrote, and what is said when their metadata and their folders disagree.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::*;

const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/folders");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn copied(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(FOLDERS).join(name), dir.path());
    dir
}

fn check(dir: &Path) -> (CheckSummary, Vec<Finding>) {
    let mut findings = Vec::new();
    let summary = check_folder(dir, &mut |event| {
        if let CheckEvent::Found(finding) = event {
            findings.push(finding);
        }
        ControlFlow::Continue(())
    });
    (summary.unwrap(), findings)
}

#[test]
fn the_folders_of_apache_kafka_are_good() {
    for (name, partitions) in [("static-voters", 6), ("dynamic-voters", 4)] {
        let (summary, findings) = check(&Path::new(FOLDERS).join(name));
        assert_eq!(findings, [], "{name}");
        assert_eq!((summary.partitions, summary.segments), (partitions, partitions));
    }
}

#[test]
fn a_folder_that_the_metadata_misses_is_named() {
    let dir = copied("static-voters");
    fs::remove_dir_all(dir.path().join("orders-1")).unwrap();
    let (_, findings) = check(dir.path());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].file, dir.path().join("orders-1"));
}

#[test]
fn a_folder_that_the_metadata_does_not_know_is_named() {
    let dir = copied("static-voters");
    copy(&dir.path().join("plain-0"), &dir.path().join("plain-7"));
    let (summary, findings) = check(dir.path());
    assert_eq!((summary.damages, findings.len()), (1, 1), "{findings:?}");
    assert_eq!(findings[0].file, dir.path().join("plain-7"));
}

#[test]
fn what_a_crash_left_of_a_creation_is_no_damage() {
    let dir = copied("static-voters");
    fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
    let begun = dir.path().join("begun-0");
    fs::create_dir(&begun).unwrap();
    let is_no_damage = |what: &str| {
        let (summary, findings) = check(dir.path());
        assert_eq!(summary.damages, 0, "{what}: {findings:?}");
        let note = "the folder of a topic whose creation was not finished; the next start deletes it";
        assert!(findings.iter().any(|finding| finding.what == note), "{what}: {findings:?}");
    };
    is_no_damage("an empty folder");
    fs::write(begun.join("partition.metadata.tmp"), "").unwrap();
    is_no_damage("a small file that is half written");
    let id = "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAKg";
    fs::write(begun.join("partition.metadata"), id).unwrap();
    fs::write(begun.join("00000000000000000000.log"), "").unwrap();
    is_no_damage("a log without a record");
    fs::write(begun.join("00000000000000000000.log"), "a record").unwrap();
    assert_ne!(check(dir.path()).0.damages, 0);
}

#[test]
fn another_topics_folder_is_named() {
    let dir = copied("static-voters");
    let file = "plain-0/partition.metadata";
    fs::copy(dir.path().join("orders-0/partition.metadata"), dir.path().join(file)).unwrap();
    let (_, findings) = check(dir.path());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].file, dir.path().join(file));
}

#[test]
fn a_missing_metadata_log_is_named() {
    let dir = copied("static-voters");
    fs::remove_dir_all(dir.path().join("__cluster_metadata-0")).unwrap();
    let (summary, findings) = check(dir.path());
    assert_eq!(summary.damages, findings.len() as u64);
    assert!(findings[0].what.contains("the metadata log is missing"), "{findings:?}");
}

#[test]
fn a_check_can_be_stopped() {
    let summary = check_folder(&Path::new(FOLDERS).join("static-voters"), &mut |_| ControlFlow::Break(()));
    let summary = summary.unwrap();
    assert!(summary.stopped);
    assert_eq!(summary.bytes, 0);
}

#[test]
fn a_folder_that_is_not_there_cannot_be_checked() {
    let missing = tempfile::tempdir().unwrap().path().join("nowhere");
    let error = check_folder(&missing, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

/// Keeps only these entries of a folder.
fn keep(dir: &Path, names: &[&str]) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if names.contains(&name) {
        } else if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_folder_that_nobody_used_is_not_damaged() {
    // As `kafka-storage format` leaves it; with `--standalone`; as a first start that was cut short; and nothing at all.
    let snapshot = "__cluster_metadata-0/00000000000000000000-0000000000.checkpoint";
    for (names, has_snapshot, said) in [
        (&["meta.properties", "bootstrap.checkpoint"][..], false, "was formatted"),
        (&["meta.properties", "bootstrap.checkpoint"], true, "was formatted"),
        (&["meta.properties"], false, "was formatted"),
        (&["recovery-point-offset-checkpoint", ".lock"], false, "holds nothing of a broker"),
        (&[".lock"], false, "is empty"),
        (&[], false, "is empty"),
    ] {
        let dir = copied("dynamic-voters");
        keep(dir.path(), names);
        if has_snapshot {
            fs::create_dir(dir.path().join("__cluster_metadata-0")).unwrap();
            fs::copy(dir.path().join("bootstrap.checkpoint"), dir.path().join(snapshot)).unwrap();
        }
        let (summary, findings) = check(dir.path());
        assert_eq!(summary.damages, 0, "{names:?}: {findings:?}");
        assert!(findings[0].what.contains(said), "{names:?}: {findings:?}");
    }
}

#[tokio::test]
async fn a_folder_that_was_formatted_is_good_after_its_first_use() {
    for clean in [true, false] {
        let dir = copied("dynamic-voters");
        keep(dir.path(), &["meta.properties", "bootstrap.checkpoint"]);
        let broker =
            crate::Broker::builder().listen("127.0.0.1:0").data_dir(dir.path()).start().await.unwrap();
        crate::testing::Peer::of(&broker).await.create_topic("events").await;
        if clean {
            broker.stop().await.unwrap();
            assert_eq!(check(dir.path()).1, []);
        } else {
            // Not by `check`: it would give up the lock of this process.
            for name in ["recovery-point", "replication", "log-start", "cleaner"] {
                assert!(dir.path().join(format!("{name}-offset-checkpoint")).exists());
            }
        }
    }
}

#[test]
fn a_folder_that_was_used_and_lacks_its_identity_is_damaged() {
    for missing in ["meta.properties", "recovery-point-offset-checkpoint", "log-start-offset-checkpoint"] {
        let dir = copied("static-voters");
        fs::remove_file(dir.path().join(missing)).unwrap();
        let (summary, findings) = check(dir.path());
        assert_eq!(summary.damages, 1, "{findings:?}");
        assert_eq!(findings[0].file, dir.path().join(missing));
    }
    // What these say is known without them.
    for missing in ["replication-offset-checkpoint", "cleaner-offset-checkpoint"] {
        let dir = copied("static-voters");
        fs::remove_file(dir.path().join(missing)).unwrap();
        let (summary, findings) = check(dir.path());
        assert_eq!((summary.damages, summary.notes), (0, 1), "{findings:?}");
    }
}

#[test]
fn one_of_several_folders_of_a_broker_is_not_damaged() {
    // The first of two: it has the metadata, and half of the partitions.
    let dir = copied("static-voters");
    let meta = dir.path().join("meta.properties");
    let text = fs::read_to_string(&meta).unwrap();
    let id = text.lines().find(|line| line.starts_with("directory.id=")).unwrap();
    fs::write(&meta, text.replace(id, "directory.id=O4__x1uVzH2GICZ4srWWWQ")).unwrap();
    fs::remove_dir_all(dir.path().join("orders-1")).unwrap();
    let (summary, findings) = check(dir.path());
    assert_eq!((summary.damages, summary.notes), (0, 1), "{findings:?}");
    assert!(findings[0].what.contains("1 partitions are in others"), "{findings:?}");
    // The second.
    let dir = copied("static-voters");
    for name in ["__cluster_metadata-0", "orders-0"] {
        fs::remove_dir_all(dir.path().join(name)).unwrap();
    }
    let points = dir.path().join("recovery-point-offset-checkpoint");
    fs::write(&points, "0\n4\norders 1 1\norders 2 1\nplain 1 0\nplain 0 2\n").unwrap();
    let (summary, findings) = check(dir.path());
    assert_eq!(summary.damages, 0, "{findings:?}");
    assert!(findings[0].what.contains("another of the broker's data folders has it"), "{findings:?}");
}

#[test]
fn folders_that_are_no_partitions_any_more_or_not_yet_are_notes() {
    let dir = copied("static-voters");
    for ending in ["delete", "stray", "future"] {
        copy(
            &dir.path().join("orders-0"),
            &dir.path().join(format!("orders-0.0123456789abcdef0123456789abcdef-{ending}")),
        );
    }
    let (summary, findings) = check(dir.path());
    assert_eq!((summary.damages, summary.notes), (0, 3), "{findings:?}");
}
