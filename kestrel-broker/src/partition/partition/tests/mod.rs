//! One partition: what is read up to where, and who is woken when.

mod transactions;

use kestrel_protocol::{NodeId, Uuid};

use super::*;
use crate::log::{LogManager, LogOrigin, ManagerOptions, OpenLog, Validation};
use crate::partition::any_news;
use crate::testing::{FIRST_TIMESTAMP, batch};

const NOW: Timestamp = Timestamp::from_millis(FIRST_TIMESTAMP);
const EPOCH: LeaderEpoch = LeaderEpoch(3);

/// A data folder with a partition.
struct Folder {
    _dir: tempfile::TempDir,
    logs: LogManager,
    durability: Durability,
}

impl Folder {
    fn new(durability: Durability) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = ManagerOptions {
            node_id: NodeId(1),
            cluster_id: None,
            durability,
            validation: Validation::default(),
            producer_id_expiration: std::time::Duration::from_secs(60),
        };
        Self { logs: LogManager::open(dir.path(), options).unwrap(), _dir: dir, durability }
    }

    fn lead(&self, name: &'static str, leader_epoch: LeaderEpoch) -> Arc<Partition> {
        let (topic_id, config) = (Uuid::from_u128(1), LogConfig::default());
        let log = self
            .logs
            .open_log(OpenLog {
                topic: name,
                partition: 0,
                topic_id,
                config,
                now: NOW,
                origin: LogOrigin::HERE,
            })
            .unwrap();
        let identity = Identity { topic: name.into(), topic_id, index: 0 };
        Partition::lead(identity, log, self.durability, leader_epoch).unwrap()
    }
}

fn append(partition: &Partition, values: &[&str]) -> Appended {
    partition.append(batch(values), AppendOrigin::Client, NOW).unwrap()
}

fn fetch(fetch_offset: i64) -> FetchRead {
    FetchRead {
        fetch_offset,
        max_bytes: 1 << 20,
        file_run_min_bytes: usize::MAX,
        first_batch: FirstBatch::Always,
        isolation: Isolation::ReadUncommitted,
        current_leader_epoch: LeaderEpoch::NONE,
        last_fetched_epoch: LeaderEpoch::NONE,
    }
}

fn found(partition: &Partition, spec: OffsetSpec) -> Option<(i64, i64, i32)> {
    let found = partition.offset_for(spec, Isolation::ReadUncommitted, LeaderEpoch::NONE).unwrap();
    found.map(|found| (found.timestamp.as_millis(), found.offset, found.leader_epoch.0))
}

#[tokio::test]
async fn with_group_durability_records_are_shown_when_they_are_on_the_disk() {
    let folder = Folder::new(Durability::Group);
    let partition = folder.lead("t", EPOCH);
    let watch = partition.watch(Isolation::ReadUncommitted, partition.watermarks());
    let appended = append(&partition, &["a", "b"]);
    partition.committed(appended.last_offset).await.unwrap();
    any_news([watch]).await;
    assert_eq!(partition.watermarks(), Watermarks { log_start: 0, stable: 2, high: 2, end: 2 });
    assert!(!partition.read(fetch(0)).unwrap().records.is_empty());
}

#[tokio::test]
async fn with_os_durability_an_append_is_stored_at_once() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    let appended = append(&partition, &["a"]);
    assert_eq!(partition.watermarks().high, 1);
    partition.committed(appended.last_offset).await.unwrap();
}

#[test]
fn a_leader_stamps_its_epoch_on_what_it_appends() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    append(&partition, &["a"]);
    partition.lead_in(LeaderEpoch(5)).unwrap();
    append(&partition, &["b", "c"]);
    partition.lead_in(LeaderEpoch(4)).unwrap();
    assert_eq!(partition.leader_epoch(), LeaderEpoch(5), "an epoch never goes back");
    let records = partition.read(fetch(1)).unwrap().records.into_bytes().unwrap();
    assert_eq!(records[12..16], 5i32.to_be_bytes());
    for (epoch, expected) in [(3, (3, 1)), (4, (3, 1)), (5, (5, 3)), (6, (-1, -1)), (2, (2, 0))] {
        let end = partition.end_offset_for_epoch(LeaderEpoch(epoch), LeaderEpoch::NONE).unwrap();
        assert_eq!((end.epoch.0, end.end_offset), expected, "epoch {epoch}");
    }
}

#[test]
fn a_scan_ends_where_the_log_does_or_with_the_first_error() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    for values in [&["a", "b"][..], &["c"], &["d", "e"]] {
        append(&partition, values);
    }
    let bases = |from| -> Vec<i64> {
        partition.scan(from).map(|batch| batch.unwrap().header().base_offset).collect()
    };
    assert_eq!((bases(0), bases(1), bases(3), bases(5)), (vec![0, 2, 3], vec![0, 2, 3], vec![3], vec![]));
    let errors: Vec<_> = partition.scan(-7).map(|batch| batch.unwrap_err()).collect();
    let is_out_of_range = |error: &ScanError| {
        matches!(error, ScanError::Read { offset: -7, error: ErrorCode::OffsetOutOfRange })
    };
    assert!(matches!(&errors[..], [error] if is_out_of_range(error)), "{errors:?}");
}

#[test]
fn readers_of_another_epoch_are_fenced() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    for (epoch, expected) in [
        (LeaderEpoch::NONE, Ok(())),
        (EPOCH, Ok(())),
        (LeaderEpoch(2), Err(ErrorCode::FencedLeaderEpoch)),
        (LeaderEpoch(4), Err(ErrorCode::UnknownLeaderEpoch)),
    ] {
        let read = partition.read(FetchRead { current_leader_epoch: epoch, ..fetch(0) });
        assert_eq!(read.map(drop), expected);
        assert_eq!(partition.offset_for(OffsetSpec::Latest, Isolation::default(), epoch).map(drop), expected);
        assert_eq!(partition.end_offset_for_epoch(EPOCH, epoch).map(drop), expected);
    }
}

#[test]
fn a_reader_whose_log_went_another_way_is_told_where() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    append(&partition, &["a", "b"]);
    partition.lead_in(LeaderEpoch(6)).unwrap();
    append(&partition, &["c"]);
    let diverging = |epoch, offset| {
        let read = partition.read(FetchRead { last_fetched_epoch: LeaderEpoch(epoch), ..fetch(offset) });
        read.map(|read| read.diverging.map(|end| (end.epoch.0, end.end_offset)))
    };
    assert_eq!(diverging(3, 2), Ok(None));
    assert_eq!(diverging(6, 3), Ok(None));
    // It has records of epoch 3 where this log has those of epoch 6, or of an epoch that this log never had.
    assert_eq!(diverging(3, 3), Ok(Some((3, 2))));
    assert_eq!(diverging(5, 3), Ok(Some((3, 2))));
    assert_eq!(diverging(9, 3), Err(ErrorCode::OffsetOutOfRange));
}

#[test]
fn what_is_outside_of_the_log_is_out_of_range() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    append(&partition, &["a"]);
    assert!(partition.read(fetch(1)).unwrap().records.is_empty());
    for offset in [-1, 2] {
        assert_eq!(partition.read(fetch(offset)).map(drop), Err(ErrorCode::OffsetOutOfRange));
    }
}

#[test]
fn offsets_are_found_by_what_they_stand_for() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    assert_eq!(found(&partition, OffsetSpec::Latest), Some((-1, 0, 3)));
    assert_eq!(found(&partition, OffsetSpec::Earliest), Some((-1, 0, 3)));
    assert_eq!(found(&partition, OffsetSpec::MaxTimestamp), None);
    append(&partition, &["a", "b", "c"]);
    append(&partition, &["d"]);
    assert_eq!(found(&partition, OffsetSpec::Latest), Some((-1, 4, 3)));
    assert_eq!(found(&partition, OffsetSpec::Earliest), Some((-1, 0, 3)));
    assert_eq!(found(&partition, OffsetSpec::EarliestLocal), Some((-1, 0, 3)));
    assert_eq!(found(&partition, OffsetSpec::MaxTimestamp), Some((FIRST_TIMESTAMP + 2, 2, 3)));
    assert_eq!(found(&partition, OffsetSpec::LatestTiered), None);
    assert_eq!(found(&partition, OffsetSpec::EarliestPendingUpload), None);
    let at = |delta| found(&partition, OffsetSpec::At(Timestamp::from_millis(FIRST_TIMESTAMP + delta)));
    assert_eq!(at(-5), Some((FIRST_TIMESTAMP, 0, 3)));
    assert_eq!(at(1), Some((FIRST_TIMESTAMP + 1, 1, 3)));
    assert_eq!(at(3), None);
}

#[test]
fn each_kind_of_offset_has_its_number() {
    let kinds = [-1, -2, -3, -4, -5, -6, 0, 7].map(|timestamp| OffsetSpec::from_wire(timestamp).unwrap());
    assert_eq!(
        kinds,
        [
            OffsetSpec::Latest,
            OffsetSpec::Earliest,
            OffsetSpec::MaxTimestamp,
            OffsetSpec::EarliestLocal,
            OffsetSpec::LatestTiered,
            OffsetSpec::EarliestPendingUpload,
            OffsetSpec::At(Timestamp::from_millis(0)),
            OffsetSpec::At(Timestamp::from_millis(7)),
        ]
    );
    assert_eq!(OffsetSpec::from_wire(-7), None);
}

#[tokio::test]
async fn deleting_records_moves_the_log_start() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    append(&partition, &["a", "b", "c"]);
    assert_eq!(partition.delete_records(2).await, Ok(2));
    assert_eq!(partition.watermarks().log_start, 2);
    assert_eq!(found(&partition, OffsetSpec::Earliest), Some((-1, 2, 3)));
    assert_eq!(partition.read(fetch(1)).map(drop), Err(ErrorCode::OffsetOutOfRange));
    assert_eq!(partition.delete_records(1).await, Ok(2), "it never goes back");
    for offset in [4, -2] {
        assert_eq!(partition.delete_records(offset).await, Err(ErrorCode::OffsetOutOfRange));
    }
    assert_eq!(partition.delete_records(-1).await, Ok(3));
}

#[tokio::test]
async fn a_deleted_partition_sends_everyone_away() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    append(&partition, &["a"]);
    let waiting = partition.committed(7);
    let watch = partition.watch(Isolation::ReadUncommitted, partition.watermarks());
    partition.retire();
    folder.logs.delete_log("t", 0).unwrap();
    assert_eq!(waiting.await, Err(ErrorCode::NotLeaderOrFollower));
    any_news([watch]).await;
    assert_eq!(partition.read(fetch(0)).map(drop), Err(ErrorCode::NotLeaderOrFollower));
    let refused = partition.append(batch(&["b"]), AppendOrigin::Client, NOW).unwrap_err();
    assert_eq!(ErrorCode::from(&refused), ErrorCode::NotLeaderOrFollower);
}
