//! The metadata log's records, beside bytes of Apache Kafka's.

use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::record::control::ControlRecord;

use super::*;
use crate::cluster::metadata_log::entry::{Entry, entries};

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

/// Records of security as Apache Kafka lays them out.
const OF_SECURITY: [&[u8]; 9] = [
    // Owner, requester, renewers, three times, id; the id.
    b"\x01\x0a\0\x03me\x03me\x02\x03hi\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\x03id\0",
    b"\x01\x1a\0\x03id\0",
    // User, mechanism, salt, stored key, server key, iterations; user, mechanism.
    b"\x01\x0b\0\x06alice\x01\x02s\x02k\x02v\0\0\x10\0\0",
    b"\x01\x16\0\x06alice\x01\0",
    // Entities, key, value, whether it is removed.
    b"\x01\x0e\0\x02\x05user\0\0\x05rate\x40\x59\0\0\0\0\0\0\0\0",
    b"\x01\x0e\0\x02\x05user\0\0\x05rate\0\0\0\0\0\0\0\0\x01\0",
    // Id, resource type, resource, pattern type, principal, host, operation, permission; id.
    b"\x01\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\x02\x02t\x03\x07User:a\x02*\x03\x03\0",
    b"\x01\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0",
    // The state of a migration.
    b"\x01\x15\0\x01\0",
];

#[test]
fn records_of_security_are_written_back_byte_by_byte() {
    for value in OF_SECURITY {
        let record = MetadataRecord::decode(Bytes::from_static(value)).unwrap();
        assert_eq!(record.encode(VERSIONS), value, "{record:?}");
    }
}

#[test]
fn a_record_of_security_that_is_damaged_or_of_a_later_version_is_refused() {
    for value in OF_SECURITY {
        let mut later = value.to_vec();
        later[2] = 1;
        assert!(MetadataRecord::decode(later.into()).is_err(), "{value:?}");
        for length in 0..value.len() {
            assert!(
                MetadataRecord::decode(Bytes::from_static(&value[..length])).is_err(),
                "{value:?} to {length}"
            );
        }
    }
}

#[test]
fn no_key_of_a_user_is_in_the_text_of_a_record() {
    let record = MetadataRecord::decode(Bytes::from_static(OF_SECURITY[2])).unwrap();
    assert!(format!("{record:?}").contains("server_key: [hidden]"), "{record:?}");
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
