//! The metadata log's records, beside bytes of Apache Kafka's.

use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::record::control::ControlRecord;

use super::*;
use crate::cluster::entry::{Entry, entries};

const VERSIONS: RecordVersions = RecordVersions { register_broker: 4, partition: 2 };

/// What Apache Kafka 4.3.1 wrote: see `testdata/README.md`.
const LOGS: [&[u8]; 2] = [
    include_bytes!("../../../testdata/folders/static-voters/__cluster_metadata-0/00000000000000000000.log"),
    include_bytes!("../../../testdata/folders/dynamic-voters/__cluster_metadata-0/00000000000000000000.log"),
];

fn values(log: &'static [u8]) -> Vec<Bytes> {
    let batches = RecordBatches::new(Bytes::from_static(log));
    let entries = batches.flat_map(|batch| entries(&batch.unwrap()).unwrap());
    entries
        .filter_map(|(_, entry)| match entry {
            Entry::Metadata(value) => Some(value),
            Entry::Control(_) => None,
        })
        .collect()
}

#[test]
fn what_apache_kafka_wrote_is_written_back_byte_by_byte() {
    let values: Vec<Bytes> = LOGS.into_iter().flat_map(values).collect();
    assert_eq!(values.len(), 63);
    for value in values {
        let record = MetadataRecord::decode(value.clone()).unwrap();
        assert_eq!(record.encode(VERSIONS), value, "{record:?}");
    }
}

#[test]
fn each_epoch_of_apache_kafka_begins_with_its_leader() {
    for log in LOGS {
        let first = RecordBatches::new(Bytes::from_static(log)).next().unwrap().unwrap();
        let entries = entries(&first).unwrap();
        let [(0, Entry::Control(ControlRecord::LeaderChange(change))), ..] = &*entries else {
            panic!("{entries:?}")
        };
        assert_eq!((change.leader_id, &*change.voters), (NodeId(1), &[NodeId(1)][..]));
    }
}

#[test]
fn older_levels_leave_out_what_they_cannot_say() {
    let record: MetadataRecord = PartitionRecord {
        replicas: vec![NodeId(1)],
        directories: vec![kestrel_protocol::Uuid::from_u128(5)],
        eligible_leader_replicas: Some(vec![NodeId(1)]),
        ..PartitionRecord::default()
    }
    .into();
    for (partition, has_directories, has_elr) in [(0, false, false), (1, true, false), (2, true, true)] {
        let versions = RecordVersions { partition, ..VERSIONS };
        let MetadataRecord::Partition(read) = MetadataRecord::decode(record.encode(versions)).unwrap() else {
            panic!("a partition was written")
        };
        assert_eq!(!read.directories.is_empty(), has_directories);
        assert_eq!(read.eligible_leader_replicas.is_some(), has_elr);
    }
}

#[test]
fn a_registration_change_has_the_lowest_version_that_holds_it() {
    let version = |change: BrokerRegistrationChangeRecord| MetadataRecord::from(change).version(VERSIONS);
    let change = BrokerRegistrationChangeRecord::default;
    assert_eq!(version(BrokerRegistrationChangeRecord { fenced: 1, ..change() }), 0);
    assert_eq!(version(BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..change() }), 1);
    assert_eq!(version(BrokerRegistrationChangeRecord { log_dirs: vec![Default::default()], ..change() }), 2);
    assert_eq!(version(BrokerRegistrationChangeRecord { cordoned_log_dirs: Some(vec![]), ..change() }), 3);
}

#[test]
fn records_without_a_meaning_here_are_skipped_whatever_they_hold() {
    for record_type in [10u8, 11, 14, 18, 19, 21, 22, 26] {
        let value = Bytes::from(vec![1, record_type, 0, 0xff, 0xff]);
        assert_eq!(MetadataRecord::decode(value), Ok(MetadataRecord::Skipped(record_type.into())));
    }
}

#[test]
fn what_is_not_known_is_refused() {
    let noop = MetadataRecord::from(NoOpRecord {}).encode(VERSIONS);
    assert_eq!(&noop[..], [1, 20, 0, 0]);
    for value in [
        &[][..],
        &[1],
        &[2, 20, 0, 0],
        &[1, 99, 0, 0],
        &[1, 20, 1, 0],
        &[1, 20, 0],
        &[1, 20, 0, 0, 0],
        &[1, 6, 0, 0],
    ] {
        assert!(MetadataRecord::decode(Bytes::copy_from_slice(value)).is_err(), "{value:?}");
    }
}
