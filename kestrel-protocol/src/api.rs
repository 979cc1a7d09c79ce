//! The table of APIs: number, messages, versions. ApiVersions is answered from it, headers are chosen by it.

use std::fmt;
use std::ops::RangeInclusive;

use crate::messages::{self, Message};

/// A request that has a response.
pub trait Request: Message {
    /// The API that the request belongs to.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Message;
}

/// Declares the APIs from their table.
macro_rules! apis {
    ($($(#[$doc:meta])* $name:ident = $key:literal: $module:ident, $request:ident => $response:ident;)+) => {
        /// An API of the protocol, by the number that begins each request.
        ///
        /// ```
        /// use kestrel_protocol::ApiKey;
        /// assert_eq!(ApiKey::from_key(3), Some(ApiKey::Metadata));
        /// assert_eq!(ApiKey::Metadata.versions(), 0..=13);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        #[non_exhaustive]
        pub enum ApiKey {
            $($(#[$doc])* $name = $key,)+
        }

        impl ApiKey {
            /// Every API with a table, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The API with this number.
            #[must_use]
            pub const fn from_key(key: i16) -> Option<Self> {
                match key {
                    $($key => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The number that begins each request.
            #[must_use]
            pub const fn key(self) -> i16 {
                self as i16
            }

            /// The name in Kafka's documentation.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The versions that this crate reads and writes.
            #[must_use]
            pub const fn versions(self) -> RangeInclusive<i16> {
                match self {
                    $(Self::$name => messages::$module::$request::VERSIONS,)+
                }
            }

            /// The first version with compact lengths and tagged fields (KIP-482); `i16::MAX` where there is none.
            #[must_use]
            pub const fn flexible_from(self) -> i16 {
                match self {
                    $(Self::$name => messages::$module::$request::FLEXIBLE_FROM,)+
                }
            }
        }

        $(impl Request for messages::$module::$request {
            const KEY: ApiKey = ApiKey::$name;
            type Response = messages::$module::$response;
        })+
    };
}

impl ApiKey {
    /// The first version that brokers answer at once and read nothing after for the
    /// [throttle time](crate::messages::Message::throttle_time_ms) (KIP-219): a client then waits by itself. Answers of earlier
    /// versions come when that time is over.
    ///
    /// ```
    /// use kestrel_protocol::ApiKey;
    /// assert_eq!(ApiKey::Fetch.throttled_after_answer_from(), 8);
    /// ```
    #[must_use]
    pub const fn throttled_after_answer_from(self) -> i16 {
        match self {
            Self::Fetch => 8,
            Self::Produce | Self::Metadata => 6,
            Self::OffsetCommit | Self::OffsetFetch => 4,
            Self::ListOffsets | Self::JoinGroup | Self::CreateTopics => 3,
            Self::FindCoordinator
            | Self::Heartbeat
            | Self::LeaveGroup
            | Self::SyncGroup
            | Self::DescribeGroups
            | Self::ListGroups
            | Self::ApiVersions
            | Self::DeleteTopics
            | Self::DescribeConfigs => 2,
            Self::DeleteRecords
            | Self::InitProducerId
            | Self::AddPartitionsToTxn
            | Self::AddOffsetsToTxn
            | Self::EndTxn
            | Self::TxnOffsetCommit
            | Self::DescribeAcls
            | Self::CreateAcls
            | Self::DeleteAcls
            | Self::AlterConfigs
            | Self::AlterReplicaLogDirs
            | Self::DescribeLogDirs
            | Self::CreatePartitions
            | Self::DeleteGroups => 1,
            _ => 0,
        }
    }
}

apis! {
    /// Appends record batches to partitions (KIP-98; topic ids from version 13, KIP-516).
    Produce = 0: produce, ProduceRequest => ProduceResponse;
    /// Reads record batches from partitions (sessions: KIP-227; topic ids from version 13, KIP-516).
    Fetch = 1: fetch, FetchRequest => FetchResponse;
    /// Asks for the offset of a timestamp, or for the first or last one (KIP-79).
    ListOffsets = 2: list_offsets, ListOffsetsRequest => ListOffsetsResponse;
    /// Asks for brokers, topics and partition leaders.
    Metadata = 3: metadata, MetadataRequest => MetadataResponse;
    /// Stores the positions of a group.
    OffsetCommit = 8: offset_commit, OffsetCommitRequest => OffsetCommitResponse;
    /// Asks for the stored positions of groups.
    OffsetFetch = 9: offset_fetch, OffsetFetchRequest => OffsetFetchResponse;
    /// Asks which broker coordinates a group or transactional id (in batches from version 4, KIP-699).
    FindCoordinator = 10: find_coordinator, FindCoordinatorRequest => FindCoordinatorResponse;
    /// Joins or rejoins a classic group (static members: KIP-345; two steps: KIP-394).
    JoinGroup = 11: join_group, JoinGroupRequest => JoinGroupResponse;
    /// Tells the coordinator that a member is alive.
    Heartbeat = 12: heartbeat, HeartbeatRequest => HeartbeatResponse;
    /// Takes members out of a group (in batches from version 3, KIP-345).
    LeaveGroup = 13: leave_group, LeaveGroupRequest => LeaveGroupResponse;
    /// Distributes the leader's assignment in a classic group.
    SyncGroup = 14: sync_group, SyncGroupRequest => SyncGroupResponse;
    /// Asks for the state and members of classic groups.
    DescribeGroups = 15: describe_groups, DescribeGroupsRequest => DescribeGroupsResponse;
    /// Asks for the groups that a broker coordinates (by state: KIP-518, by type: KIP-848).
    ListGroups = 16: list_groups, ListGroupsRequest => ListGroupsResponse;
    /// Names the SASL mechanism of the tokens that follow (KIP-43; in SaslAuthenticate from version 1, KIP-152).
    SaslHandshake = 17: sasl_handshake, SaslHandshakeRequest => SaslHandshakeResponse;
    /// Asks which APIs and versions a broker speaks: the first request on a connection (KIP-35, KIP-511).
    ApiVersions = 18: api_versions, ApiVersionsRequest => ApiVersionsResponse;
    /// Creates topics (KIP-4).
    CreateTopics = 19: create_topics, CreateTopicsRequest => CreateTopicsResponse;
    /// Deletes topics, by name or, from version 6, by id.
    DeleteTopics = 20: delete_topics, DeleteTopicsRequest => DeleteTopicsResponse;
    /// Moves the log start of partitions (KIP-107).
    DeleteRecords = 21: delete_records, DeleteRecordsRequest => DeleteRecordsResponse;
    /// Asks for a producer id and epoch (KIP-98, KIP-360).
    InitProducerId = 22: init_producer_id, InitProducerIdRequest => InitProducerIdResponse;
    /// Asks where a leader epoch ends, to find out whether a log was truncated (KIP-101, KIP-320).
    OffsetForLeaderEpoch = 23: offset_for_leader_epoch, OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    /// Adds partitions to transactions, or asks whether they are in them (KIP-98, KIP-890).
    AddPartitionsToTxn = 24: add_partitions_to_txn, AddPartitionsToTxnRequest => AddPartitionsToTxnResponse;
    /// Adds the offsets of a group to a transaction (KIP-98).
    AddOffsetsToTxn = 25: add_offsets_to_txn, AddOffsetsToTxnRequest => AddOffsetsToTxnResponse;
    /// Commits or aborts a transaction (KIP-98; with a new epoch from version 5, KIP-890).
    EndTxn = 26: end_txn, EndTxnRequest => EndTxnResponse;
    /// Writes the markers that end transactions in partitions (KIP-98).
    WriteTxnMarkers = 27: write_txn_markers, WriteTxnMarkersRequest => WriteTxnMarkersResponse;
    /// Stores the positions of a group as part of a transaction (KIP-98, KIP-447).
    TxnOffsetCommit = 28: txn_offset_commit, TxnOffsetCommitRequest => TxnOffsetCommitResponse;
    /// Asks for the ACLs that match a filter (KIP-140; patterns of names, KIP-290).
    DescribeAcls = 29: describe_acls, DescribeAclsRequest => DescribeAclsResponse;
    /// Creates ACLs (KIP-140; on patterns of names, KIP-290).
    CreateAcls = 30: create_acls, CreateAclsRequest => CreateAclsResponse;
    /// Deletes the ACLs that match filters (KIP-140; patterns of names, KIP-290).
    DeleteAcls = 31: delete_acls, DeleteAclsRequest => DeleteAclsResponse;
    /// Asks for the configuration of topics and brokers (KIP-133, KIP-226).
    DescribeConfigs = 32: describe_configs, DescribeConfigsRequest => DescribeConfigsResponse;
    /// Replaces the configuration of topics and brokers (KIP-133).
    AlterConfigs = 33: alter_configs, AlterConfigsRequest => AlterConfigsResponse;
    /// Moves partitions to another folder of a broker (KIP-113).
    AlterReplicaLogDirs = 34: alter_replica_log_dirs, AlterReplicaLogDirsRequest => AlterReplicaLogDirsResponse;
    /// Asks for the folders of a broker and the sizes of partitions in them (KIP-113; free space, KIP-827).
    DescribeLogDirs = 35: describe_log_dirs, DescribeLogDirsRequest => DescribeLogDirsResponse;
    /// Carries a token of the SASL exchange to the broker (KIP-152; again on an open connection, KIP-368).
    SaslAuthenticate = 36: sasl_authenticate, SaslAuthenticateRequest => SaslAuthenticateResponse;
    /// Adds partitions to topics (KIP-195).
    CreatePartitions = 37: create_partitions, CreatePartitionsRequest => CreatePartitionsResponse;
    /// Deletes empty groups (KIP-229).
    DeleteGroups = 42: delete_groups, DeleteGroupsRequest => DeleteGroupsResponse;
    /// Holds elections of leaders: of the preferred ones, or of any that is there (KIP-460).
    ElectLeaders = 43: elect_leaders, ElectLeadersRequest => ElectLeadersResponse;
    /// Sets, deletes, appends to or subtracts from single configuration keys (KIP-339).
    IncrementalAlterConfigs = 44: incremental_alter_configs, IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;
    /// Moves partitions to other brokers, or calls such moves off (KIP-455).
    AlterPartitionReassignments = 45: alter_partition_reassignments, AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse;
    /// Asks which partitions are being moved to other brokers (KIP-455).
    ListPartitionReassignments = 46: list_partition_reassignments, ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse;
    /// Forgets stored positions of a group (KIP-496).
    OffsetDelete = 47: offset_delete, OffsetDeleteRequest => OffsetDeleteResponse;
    /// Asks for the quotas of users, clients and addresses (KIP-546; of addresses, KIP-612).
    DescribeClientQuotas = 48: describe_client_quotas, DescribeClientQuotasRequest => DescribeClientQuotasResponse;
    /// Sets and deletes quotas of users, clients and addresses (KIP-546; of addresses, KIP-612).
    AlterClientQuotas = 49: alter_client_quotas, AlterClientQuotasRequest => AlterClientQuotasResponse;
    /// Asks which SCRAM credentials users have (KIP-554).
    DescribeUserScramCredentials = 50: describe_user_scram_credentials, DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse;
    /// Sets and deletes the SCRAM credentials of users (KIP-554).
    AlterUserScramCredentials = 51: alter_user_scram_credentials, AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse;
    /// Asks how far voters and observers of the metadata quorum are (KIP-595; endpoints, KIP-853).
    DescribeQuorum = 55: describe_quorum, DescribeQuorumRequest => DescribeQuorumResponse;
    /// Raises and lowers the levels of the cluster's features (KIP-584; safe and unsafe downgrades, KIP-778).
    UpdateFeatures = 57: update_features, UpdateFeaturesRequest => UpdateFeaturesResponse;
    /// Asks for the cluster id, the controller and the brokers (KIP-700).
    DescribeCluster = 60: describe_cluster, DescribeClusterRequest => DescribeClusterResponse;
    /// Asks for the producers that write to partitions (KIP-664).
    DescribeProducers = 61: describe_producers, DescribeProducersRequest => DescribeProducersResponse;
    /// Takes a broker that is gone out of the cluster (KIP-631).
    UnregisterBroker = 64: unregister_broker, UnregisterBrokerRequest => UnregisterBrokerResponse;
    /// Asks for the state of transactions (KIP-664).
    DescribeTransactions = 65: describe_transactions, DescribeTransactionsRequest => DescribeTransactionsResponse;
    /// Asks for the transactions that a broker coordinates (KIP-664; by duration, KIP-994).
    ListTransactions = 66: list_transactions, ListTransactionsRequest => ListTransactionsResponse;
    /// Asks for the state and members of consumer groups (KIP-848).
    ConsumerGroupDescribe = 69: consumer_group_describe, ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse;
    /// Asks which client metrics the broker wants (KIP-714).
    GetTelemetrySubscriptions = 71: get_telemetry_subscriptions, GetTelemetrySubscriptionsRequest => GetTelemetrySubscriptionsResponse;
    /// Carries the metrics of a client to the broker (KIP-714).
    PushTelemetry = 72: push_telemetry, PushTelemetryRequest => PushTelemetryResponse;
    /// Asks which resources have a configuration (KIP-1142; client metrics alone in version 0, KIP-714).
    ListConfigResources = 74: list_config_resources, ListConfigResourcesRequest => ListConfigResourcesResponse;
    /// Asks for topics page by page (KIP-966).
    DescribeTopicPartitions = 75: describe_topic_partitions, DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse;
}

impl ApiKey {
    /// Whether `version` of this API uses compact lengths and tagged fields.
    #[must_use]
    pub const fn is_flexible(self, version: i16) -> bool {
        version >= self.flexible_from()
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
