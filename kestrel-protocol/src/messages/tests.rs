//! Each message in each version, against an independent implementation and against itself.

use std::fmt::Debug;

use bytes::Bytes;
use kafka_protocol::messages as oracle;
use kafka_protocol::protocol::{Decodable, Encodable};
use proptest::prelude::*;

use super::sample::{Sample, Seed};
use super::{Message, Version};
use crate::error::EncodeErrorKind;
use crate::wire::{Reader, Writer};

/// Versions that the oracle does not know. Fixtures from real clients and brokers cover them.
const UNKNOWN_TO_ORACLE: [(&str, i16); 10] = [
    ("ListOffsetsRequest", 11),
    ("ListOffsetsResponse", 11),
    ("OffsetCommitRequest", 10),
    ("OffsetCommitResponse", 10),
    ("OffsetFetchRequest", 10),
    ("OffsetFetchResponse", 10),
    ("WriteTxnMarkersRequest", 2),
    ("WriteTxnMarkersResponse", 2),
    ("DescribeLogDirsRequest", 5),
    ("DescribeLogDirsResponse", 5),
];

/// Fields that one side alone has, since they are in no version that both know: the oracle's unstable ones, our newest.
const ONE_SIDED: [&str; 8] = [
    "enable_2_pc",
    "keep_prepared_txn",
    "ongoing_txn_producer_id",
    "ongoing_txn_producer_epoch",
    "topic_id",
    "transaction_version",
    "is_cordoned",
    // A keyword of Rust's, around which each side goes by a name of its own.
    "match_name",
];

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::default();
    message.encode(&mut writer, version);
    writer.into_bytes().unwrap()
}

/// The names of the fields in the order in which `Debug` shows them: both sides show them in wire order.
fn field_names(value: &impl Debug) -> Vec<String> {
    format!("{value:?}")
        .split(": ")
        .filter_map(|before| before.rsplit(['{', ' ', '(', ',']).next())
        .filter(|name| !name.is_empty() && name.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|name| *name != "unknown_tagged_fields")
        .map(str::to_owned)
        .collect()
}

fn check_against_itself<M: Message>(message: &M, bytes: &Bytes, version: i16) {
    let mut reader = Reader::new(bytes.clone());
    let read = M::decode(&mut reader, version).unwrap_or_else(|e| panic!("{} v{version}: {e}", M::NAME));
    assert_eq!(&read, message, "{} v{version}", M::NAME);
    assert_eq!(reader.remaining(), 0, "{} v{version}", M::NAME);
}

fn check_against_oracle<M: Message, O: Encodable + Decodable + Debug>(
    message: &M,
    bytes: &Bytes,
    version: i16,
) {
    let mut left = bytes.clone();
    let read = O::decode(&mut left, version).unwrap_or_else(|e| panic!("{} v{version}: {e:#}", M::NAME));
    assert!(left.is_empty(), "{} v{version}: the oracle leaves {} bytes", M::NAME, left.len());
    let mut again = Vec::new();
    read.encode(&mut again, version).unwrap_or_else(|e| panic!("{} v{version}: {e:#}", M::NAME));
    assert_eq!(again, bytes.as_ref(), "{} v{version}: {message:?}", M::NAME);
    let (ours, theirs) = (field_names(message), field_names(&read));
    let shared = |names: &[String], others: &[String]| -> Vec<String> {
        let one_sided = |name: &String| ONE_SIDED.contains(&name.as_str()) && !others.contains(name);
        names.iter().filter(|name| !one_sided(name)).cloned().collect()
    };
    assert_eq!(shared(&ours, &theirs), shared(&theirs, &ours), "{} v{version}", M::NAME);
}

pub(crate) fn check<M: Message + Sample, O: Encodable + Decodable + Debug>(seed: u64) {
    for version in M::VERSIONS {
        let message = M::sample(&mut Seed::new(seed), Version::of::<M>(version));
        let bytes = encoded(&message, version);
        check_against_itself(&message, &bytes, version);
        if !UNKNOWN_TO_ORACLE.contains(&(M::NAME, version)) {
            check_against_oracle::<M, O>(&message, &bytes, version);
        }
    }
}

/// Every truncation and a run of random bytes: an error or a value, never a panic.
pub(crate) fn check_hostile<M: Message + Sample>(seed: u64) {
    let mut random = Seed::new(seed);
    for version in M::VERSIONS {
        let bytes = encoded(&M::sample(&mut random, Version::of::<M>(version)), version);
        let cut = bytes.slice(..random.below(bytes.len() as u64 + 1));
        let whole = cut.len() == bytes.len();
        let read = M::decode(&mut Reader::new(cut), version);
        assert!(whole || read.is_err(), "{} v{version}: a cut message was read", M::NAME);

        let mut flipped = bytes.to_vec();
        if !flipped.is_empty() {
            let at = random.below(flipped.len() as u64);
            flipped[at] ^= 1 << random.below(8);
        }
        let _ = M::decode(&mut Reader::new(flipped.into()), version);
        let noise: Vec<u8> = (0..64).map(|_| random.next().to_le_bytes()[0]).collect();
        let _ = M::decode(&mut Reader::new(noise.into()), version);
    }
}

/// Whatever a message says: it can be encoded and read again, or it is an error, never a panic.
pub(crate) fn check_endless<M: Message + Sample>(seed: u64) {
    let mut random = Seed::endless(seed);
    for version in M::VERSIONS {
        let message = M::sample(&mut random, Version::of::<M>(version));
        let mut writer = Writer::default();
        message.encode(&mut writer, version);
        match writer.into_bytes() {
            Ok(bytes) => {
                let mut reader = Reader::new(bytes);
                let read = M::decode(&mut reader, version);
                assert!(read.is_ok(), "{} v{version}: {:?}", M::NAME, read.err());
                assert_eq!(reader.remaining(), 0, "{} v{version}", M::NAME);
            }
            Err(error) => {
                assert!(matches!(error.kind, EncodeErrorKind::TextTooLong(32_768..)), "{error}");
                assert!(!error.what.ends_with("error_message"), "{} v{version}: {error}", M::NAME);
            }
        }
    }
}

#[test]
fn an_error_message_that_is_too_long_is_cut() {
    for (text, expected) in
        [("a".repeat(40_000), 32_767), ("漢".repeat(10_923), 32_766), ("é".repeat(20_000), 32_766)]
    {
        let result = super::create_topics::CreatableTopicResult {
            name: "t".into(),
            error_message: Some(text.as_str().into()),
            ..Default::default()
        };
        let response =
            super::create_topics::CreateTopicsResponse { topics: vec![result], ..Default::default() };
        for version in 2..=7 {
            let bytes = encoded(&response, version);
            let read = super::create_topics::CreateTopicsResponse::decode(&mut Reader::new(bytes), version);
            let message = read.unwrap().topics.remove(0).error_message.unwrap();
            assert_eq!(message.len(), expected);
            assert!(text.starts_with(&*message));
        }
    }
}

/// What decoding may hold at most, for each byte of the frame: a structure of a few empty arrays and strings is the
/// worst, with hundreds of bytes in memory for a handful on the wire, and a growing array holds twice what it needs.
const MEMORY_PER_FRAME_BYTE: u64 = 64;
/// What any frame may cost, however short.
const MEMORY_PER_FRAME: u64 = 4096;

/// A message that breaks off with a claim of many elements, and then bytes that could be just these elements.
fn bomb(bytes: &Bytes, random: &mut Seed) -> Bytes {
    let mut bomb = bytes.slice(..random.below(bytes.len() as u64 + 1)).to_vec();
    let counts: [&[u8]; 6] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x00, 0x00, 0x1f, 0xf0],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xf0, 0x3f],
        &[0x00, 0x00, 0x07, 0xf0],
        &[0xf0, 0x0f],
    ];
    bomb.extend_from_slice(counts[random.below(6)]);
    let fill = u8::try_from(random.below(3)).unwrap();
    bomb.resize(bomb.len() + 8192, fill);
    bomb.into()
}

pub(crate) fn check_memory<M: Message + Sample>(seed: u64) {
    let mut random = Seed::new(seed);
    for version in M::VERSIONS {
        let bytes = encoded(&M::sample(&mut random, Version::of::<M>(version)), version);
        for _ in 0..4 {
            let bomb = bomb(&bytes, &mut random);
            let limit = MEMORY_PER_FRAME + MEMORY_PER_FRAME_BYTE * bomb.len() as u64;
            let memory = allocation_counter::measure(|| {
                let _ = M::decode(&mut Reader::new(bomb), version);
            });
            assert!(memory.bytes_max <= limit, "{} v{version}: {} bytes", M::NAME, memory.bytes_max);
        }
    }
}

/// Checks every message of the table of APIs.
macro_rules! for_each_message {
    ($check:ident, $hostile:ident, $endless:ident, $memory:ident: $($module:ident: $($name:ident),+;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]

            #[test]
            fn each_message_at_each_version_equals_the_oracle(seed: u64) {
                $($($check::<super::$module::$name, oracle::$name>(seed);)+)+
            }

            #[test]
            fn hostile_bytes_never_panic(seed: u64) {
                $($($hostile::<super::$module::$name>(seed);)+)+
            }

            #[test]
            fn texts_of_any_length_never_panic(seed: u64) {
                $($($endless::<super::$module::$name>(seed);)+)+
            }

            #[test]
            fn hostile_counts_never_reserve_what_is_not_there(seed: u64) {
                $($($memory::<super::$module::$name>(seed);)+)+
            }
        }

        #[test]
        fn every_api_is_checked() {
            let checked = [$($(stringify!($name)),+),+].len();
            assert_eq!(checked, 2 * crate::ApiKey::ALL.len());
        }
    };
}

for_each_message! { check, check_hostile, check_endless, check_memory:
    produce: ProduceRequest, ProduceResponse;
    fetch: FetchRequest, FetchResponse;
    list_offsets: ListOffsetsRequest, ListOffsetsResponse;
    metadata: MetadataRequest, MetadataResponse;
    offset_commit: OffsetCommitRequest, OffsetCommitResponse;
    offset_fetch: OffsetFetchRequest, OffsetFetchResponse;
    find_coordinator: FindCoordinatorRequest, FindCoordinatorResponse;
    join_group: JoinGroupRequest, JoinGroupResponse;
    heartbeat: HeartbeatRequest, HeartbeatResponse;
    leave_group: LeaveGroupRequest, LeaveGroupResponse;
    sync_group: SyncGroupRequest, SyncGroupResponse;
    describe_groups: DescribeGroupsRequest, DescribeGroupsResponse;
    consumer_group_describe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    list_groups: ListGroupsRequest, ListGroupsResponse;
    api_versions: ApiVersionsRequest, ApiVersionsResponse;
    create_topics: CreateTopicsRequest, CreateTopicsResponse;
    delete_topics: DeleteTopicsRequest, DeleteTopicsResponse;
    delete_records: DeleteRecordsRequest, DeleteRecordsResponse;
    add_partitions_to_txn: AddPartitionsToTxnRequest, AddPartitionsToTxnResponse;
    add_offsets_to_txn: AddOffsetsToTxnRequest, AddOffsetsToTxnResponse;
    end_txn: EndTxnRequest, EndTxnResponse;
    write_txn_markers: WriteTxnMarkersRequest, WriteTxnMarkersResponse;
    txn_offset_commit: TxnOffsetCommitRequest, TxnOffsetCommitResponse;
    describe_producers: DescribeProducersRequest, DescribeProducersResponse;
    describe_transactions: DescribeTransactionsRequest, DescribeTransactionsResponse;
    list_transactions: ListTransactionsRequest, ListTransactionsResponse;
    init_producer_id: InitProducerIdRequest, InitProducerIdResponse;
    offset_for_leader_epoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    describe_configs: DescribeConfigsRequest, DescribeConfigsResponse;
    alter_configs: AlterConfigsRequest, AlterConfigsResponse;
    create_partitions: CreatePartitionsRequest, CreatePartitionsResponse;
    delete_groups: DeleteGroupsRequest, DeleteGroupsResponse;
    offset_delete: OffsetDeleteRequest, OffsetDeleteResponse;
    incremental_alter_configs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    sasl_handshake: SaslHandshakeRequest, SaslHandshakeResponse;
    sasl_authenticate: SaslAuthenticateRequest, SaslAuthenticateResponse;
    describe_acls: DescribeAclsRequest, DescribeAclsResponse;
    create_acls: CreateAclsRequest, CreateAclsResponse;
    delete_acls: DeleteAclsRequest, DeleteAclsResponse;
    describe_user_scram_credentials: DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse;
    alter_user_scram_credentials: AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse;
    describe_client_quotas: DescribeClientQuotasRequest, DescribeClientQuotasResponse;
    alter_client_quotas: AlterClientQuotasRequest, AlterClientQuotasResponse;
    describe_cluster: DescribeClusterRequest, DescribeClusterResponse;
    get_telemetry_subscriptions: GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse;
    describe_topic_partitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
    alter_partition_reassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
    alter_replica_log_dirs: AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse;
    describe_log_dirs: DescribeLogDirsRequest, DescribeLogDirsResponse;
    describe_quorum: DescribeQuorumRequest, DescribeQuorumResponse;
    elect_leaders: ElectLeadersRequest, ElectLeadersResponse;
    list_config_resources: ListConfigResourcesRequest, ListConfigResourcesResponse;
    list_partition_reassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
    push_telemetry: PushTelemetryRequest, PushTelemetryResponse;
    unregister_broker: UnregisterBrokerRequest, UnregisterBrokerResponse;
    update_features: UpdateFeaturesRequest, UpdateFeaturesResponse;
}
