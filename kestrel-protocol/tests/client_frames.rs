//! Frames and batches as foreign clients and a real broker sent them (`testdata/clients`): each is read whole and
//! written again to the same bytes.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kestrel_protocol::record::Record;
use kestrel_protocol::{
    ApiKey, RecordBatch, Request, RequestFrame, correlation_id, decode_response, encode_request,
    encode_response, messages,
};

const CLIENTS: [&str; 6] = ["confluent-kafka", "franz-go", "java", "kafka-python", "kafkajs", "kcat"];
const LENGTH_BYTES: usize = 4;

/// The files of a client whose names end so, by what stands before it.
fn files(client: &str, ending: &str) -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/clients").join(client);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
            Some((name, path))
        })
        .collect()
}

fn read(path: &Path) -> Bytes {
    fs::read(path).unwrap().into()
}

/// The frame without its length.
fn body(runs: &[Bytes]) -> Vec<u8> {
    runs.concat().split_off(LENGTH_BYTES)
}

/// The API and version in a name such as `Fetch.v11`.
fn api_and_version(name: &str) -> (ApiKey, i16) {
    let (api, version) = name.split_once(".v").unwrap();
    let api = ApiKey::ALL.iter().find(|known| known.name() == api).unwrap();
    (*api, version.parse().unwrap())
}

/// What librdkafka leaves behind a Metadata request for all topics; it belongs to no field.
const LEFT_BY_LIBRDKAFKA: &[u8] = &[1, 0, 0];

fn check_request<R: Request>(frame: &Bytes, version: i16, name: &str) {
    let parsed = RequestFrame::parse(frame.clone()).unwrap();
    assert_eq!((parsed.header.api(), parsed.header.api_version), (Some(R::KEY), version), "{name}");
    if !R::VERSIONS.contains(&version) {
        return; // a client that tries its newest first: the broker's answer says what it has
    }
    let request = parsed.decode::<R>().unwrap_or_else(|error| panic!("{name}: {error}"));
    let header = parsed.header;
    let written = encode_request(&request, version, header.correlation_id, header.client_id).unwrap();
    let left = if name == "confluent-kafka Metadata.v13" { LEFT_BY_LIBRDKAFKA } else { &[] };
    assert_eq!([&body(&written)[..], left].concat(), frame[..], "{name}: {request:?}");
}

fn check_response<R: Request>(frame: &Bytes, version: i16, name: &str) {
    // To a version that it lacks a broker answers in the oldest layout (KIP-511).
    let version = if R::VERSIONS.contains(&version) { version } else { 0 };
    let response =
        decode_response::<R>(frame.clone(), version).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = encode_response::<R>(&response, version, correlation_id(frame).unwrap()).unwrap();
    assert_eq!(body(&written), frame[..], "{name}: {response:?}");
}

/// Calls one of the two checks with the request type of an API.
macro_rules! for_api {
    ($check:ident, $api:expr, $arguments:tt; $($name:ident: $module:ident::$request:ident),+ $(,)?) => {
        match $api {
            $(ApiKey::$name => for_api!(@call $check, $module::$request, $arguments),)+
            other => panic!("no fixture is expected for {other:?}"),
        }
    };
    (@call $check:ident, $module:ident::$request:ident, ($($argument:expr),+)) => {
        $check::<messages::$module::$request>($($argument),+)
    };
}

macro_rules! check {
    ($check:ident, $api:expr, $arguments:tt) => {
        for_api!($check, $api, $arguments;
            Produce: produce::ProduceRequest,
            Fetch: fetch::FetchRequest,
            ListOffsets: list_offsets::ListOffsetsRequest,
            Metadata: metadata::MetadataRequest,
            OffsetCommit: offset_commit::OffsetCommitRequest,
            OffsetFetch: offset_fetch::OffsetFetchRequest,
            FindCoordinator: find_coordinator::FindCoordinatorRequest,
            JoinGroup: join_group::JoinGroupRequest,
            Heartbeat: heartbeat::HeartbeatRequest,
            LeaveGroup: leave_group::LeaveGroupRequest,
            SyncGroup: sync_group::SyncGroupRequest,
            DescribeGroups: describe_groups::DescribeGroupsRequest,
            ListGroups: list_groups::ListGroupsRequest,
            ApiVersions: api_versions::ApiVersionsRequest,
            CreateTopics: create_topics::CreateTopicsRequest,
            DeleteTopics: delete_topics::DeleteTopicsRequest,
            DeleteRecords: delete_records::DeleteRecordsRequest,
            InitProducerId: init_producer_id::InitProducerIdRequest,
            OffsetForLeaderEpoch: offset_for_leader_epoch::OffsetForLeaderEpochRequest,
            DescribeConfigs: describe_configs::DescribeConfigsRequest,
            CreatePartitions: create_partitions::CreatePartitionsRequest,
            DeleteGroups: delete_groups::DeleteGroupsRequest,
            IncrementalAlterConfigs: incremental_alter_configs::IncrementalAlterConfigsRequest,
            OffsetDelete: offset_delete::OffsetDeleteRequest,
            DescribeCluster: describe_cluster::DescribeClusterRequest,
            DescribeTopicPartitions: describe_topic_partitions::DescribeTopicPartitionsRequest,
        )
    };
}

#[test]
fn requests_of_every_client_are_read_and_written_again() {
    for client in CLIENTS {
        let requests = files(client, ".request.bin");
        assert!(requests.len() > 10, "{client} has {} requests", requests.len());
        for (name, path) in requests {
            let (api, version) = api_and_version(&name);
            check!(check_request, api, (&read(&path), version, &format!("{client} {name}")));
        }
    }
}

#[test]
fn responses_to_every_client_are_read_and_written_again() {
    for client in CLIENTS {
        for (name, path) in files(client, ".response.bin") {
            let (api, version) = api_and_version(&name);
            check!(check_response, api, (&read(&path), version, &format!("{client} {name}")));
        }
    }
}

#[test]
fn batches_of_every_client_hold_the_same_records_with_every_codec() {
    for client in CLIENTS {
        let batches: BTreeMap<_, _> =
            files(client, ".bin").into_iter().filter(|(n, _)| n.starts_with("batch.")).collect();
        assert!(batches.len() >= 3, "{client} has {} batches", batches.len());
        let plain = records(&batches["batch.none"]);
        for (name, path) in &batches {
            let found = records(path);
            assert_eq!(found.len(), plain.len(), "{client} {name}");
            for (left, right) in found.iter().zip(&plain) {
                assert_eq!(
                    (&left.key, &left.value, &left.headers),
                    (&right.key, &right.value, &right.headers),
                    "{client} {name}"
                );
            }
        }
    }
}

/// The records of a file that holds one batch with the codec of its name.
fn records(path: &Path) -> Vec<Record> {
    let (batch, rest) = RecordBatch::parse(read(path)).unwrap();
    assert!(rest.is_empty());
    batch.verify_checksum().unwrap();
    let codec = format!("{:?}", batch.header().compression().unwrap()).to_lowercase();
    assert!(path.ends_with(format!("batch.{codec}.bin")), "{} has {codec}", path.display());
    batch.records(1 << 20).unwrap().map(Result::unwrap).collect()
}
