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
