//! DescribeLogDirs over TCP, and what it says of a folder that has failed.

use std::path::Path;

use kestrel_protocol::{Message, Uuid};

use super::*;
use crate::Broker;
use crate::log::Space;
use crate::testing::{Peer, batch};

/// Topics with partitions, as a case names them.
type Asked<'a> = &'a [(&'a str, &'a [i32])];

/// Topics, partitions and their sizes, as an answer names them.
type Shown<'a> = &'a [(&'a str, i32, i64)];

/// The lengths of the `.log` files of a partition.
fn file_bytes(broker: &Broker, partition: &str) -> i64 {
    let files = std::fs::read_dir(broker.data_dir().join(partition)).unwrap();
    let logs = files.map(Result::unwrap).filter(|file| file.path().extension().is_some_and(|it| it == "log"));
    logs.map(|file| i64::try_from(file.metadata().unwrap().len()).unwrap()).sum()
}

fn partitions(result: &DescribeLogDirsResult) -> Vec<(&str, i32, i64)> {
    let mut found = Vec::new();
    for topic in &result.topics {
        let shown = |it: &DescribeLogDirsPartition| (&*topic.name, it.partition_index, it.partition_size);
        found.extend(topic.partitions.iter().map(shown));
    }
    found
}

#[tokio::test]
async fn sizes_are_those_of_the_files() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("a").await;
    peer.create_topic("b").await;
    peer.produce("b", batch(&["one", "two"])).await;
    let size = file_bytes(&broker, "b-0");
    assert!(size > 0);
    for version in DescribeLogDirsRequest::VERSIONS {
        let response = peer.call(&DescribeLogDirsRequest::default(), version).await;
        assert_eq!(response.error_code, ErrorCode::None);
        let [folder] = &response.results[..] else { panic!("one folder") };
        assert_eq!(folder.error_code, ErrorCode::None);
        assert_eq!(Path::new(&*folder.log_dir), broker.data_dir());
        assert_eq!(partitions(folder), [("a", 0, 0), ("b", 0, size)]);
        if version >= 4 {
            assert!(folder.total_bytes > folder.usable_bytes && folder.usable_bytes > 0, "{folder:?}");
        }
        assert!(!folder.is_cordoned);
    }
}

#[tokio::test]
async fn only_partitions_that_are_asked_about_are_shown() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("a").await;
    peer.create_topic("b").await;
    let cases: [(Asked<'_>, Shown<'_>); 3] =
        [(&[("a", &[0, 7, 0]), ("nowhere", &[0])], &[("a", 0, 0)]), (&[("b", &[])], &[]), (&[], &[])];
    for (asked, expected) in cases {
        let topic = |(name, partitions): &(&'static str, &[i32])| DescribableLogDirTopic {
            topic: (*name).into(),
            partitions: partitions.to_vec(),
        };
        let request = DescribeLogDirsRequest { topics: Some(asked.iter().map(topic).collect()) };
        let response = peer.call(&request, 5).await;
        assert_eq!(partitions(&response.results[0]), expected, "{asked:?}");
    }
}

#[test]
fn a_folder_that_is_out_of_service_says_so_and_nothing_else() {
    let contents = Err(ErrorCode::KafkaStorageError);
    let result = described(LogDir { path: "/data".into(), id: Uuid::NIL, contents }, None);
    assert_eq!((&*result.log_dir, result.error_code), ("/data", ErrorCode::KafkaStorageError));
    assert_eq!((result.total_bytes, result.usable_bytes, result.topics.len()), (-1, -1, 0));
}

#[test]
fn a_volume_beyond_what_can_be_said_is_as_large_as_can_be_said() {
    let space = Space { total_bytes: u64::MAX, usable_bytes: 5 };
    let contents = Ok(LogDirContents { space, partitions: Vec::new() });
    let result = described(LogDir { path: "/data".into(), id: Uuid::NIL, contents }, None);
    assert_eq!((result.total_bytes, result.usable_bytes), (i64::MAX, 5));
}
