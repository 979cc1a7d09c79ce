//! The KRaft snapshot of Apache Kafka, read and refused.

use super::*;
use crate::cluster::records::MetadataRecord;

const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/folders");

#[test]
fn the_newest_snapshot_of_apache_kafka_is_found_and_read() {
    let dir = Path::new(FOLDERS).join("dynamic-voters/__cluster_metadata-0");
    let newest = newest_snapshot(&dir).unwrap().unwrap();
    assert_eq!(newest.end_offset, 22);
    let contents = read_snapshot(&newest.path).unwrap().unwrap();
    assert_eq!(contents.values.len(), 15);
    for value in contents.values {
        MetadataRecord::decode(value).unwrap();
    }
    let none = Path::new(FOLDERS).join("static-voters/__cluster_metadata-0");
    assert_eq!(newest_snapshot(&none).unwrap(), None);
}

#[test]
fn a_snapshot_that_was_not_written_to_its_end_is_refused() {
    let path = Path::new(FOLDERS).join("dynamic-voters/bootstrap.checkpoint");
    let whole = std::fs::read(path).unwrap();
    assert_eq!(parse(whole.clone().into()).unwrap().values.len(), 6);
    for cut in 0..whole.len() {
        assert!(parse(whole[..cut].to_vec().into()).is_err(), "cut at {cut}");
    }
    // The checksum covers each batch from its attributes on; the footer is the last batch, of 75 bytes.
    for position in (21..83).chain(whole.len() - 75 + 21..whole.len()) {
        let mut flipped = whole.clone();
        flipped[position] ^= 1;
        assert!(parse(flipped.into()).is_err(), "flipped at {position}");
    }
}

#[test]
fn the_bootstrap_file_is_the_one_that_apache_kafka_would_write() {
    // Written again from its own records at its own times.
    let original = std::fs::read(Path::new(FOLDERS).join("static-voters/bootstrap.checkpoint")).unwrap();
    let values = parse(original.clone().into()).unwrap().values;
    let dir = tempfile::tempdir().unwrap();
    write_bootstrap(dir.path(), &values, Timestamp::from_millis(0), FileSync::No).unwrap();
    let written = std::fs::read(dir.path().join(BOOTSTRAP)).unwrap();
    assert_eq!(read_bootstrap(dir.path()).unwrap().unwrap().unwrap().values, values);
    assert_eq!(without_times(&written), without_times(&original));
}

/// The batches with what depends on when they were written set to zero: checksum and timestamps.
fn without_times(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let mut batch = 0;
    while batch < file.len() {
        let length = u32::from_be_bytes(file[batch + 8..batch + 12].try_into().unwrap());
        file[batch + 17..batch + 21].fill(0);
        file[batch + 27..batch + 43].fill(0);
        batch += 12 + usize::try_from(length).unwrap();
    }
    file
}

#[test]
fn only_the_names_of_snapshots_are_taken_for_snapshots() {
    assert_eq!(parse_name("00000000000000000644-0000000002.checkpoint"), Some(644));
    for name in [
        "bootstrap.checkpoint",
        "00000000000000000644-0000000002.checkpoint.part",
        "00000000000000000644-0000000002.checkpoint.deleted",
        "644-2.checkpoint",
        "0000000000000000064x-0000000002.checkpoint",
    ] {
        assert_eq!(parse_name(name), None, "{name}");
    }
}
