//! Every error code of the protocol: number, name, class, meaning. One row per code, and no other list of codes.

use std::fmt;

/// What an error asks of whoever meets it. Retry policies look at the class, never at single codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// Not an error.
    None,
    /// Nothing was done: the same request may succeed later.
    Retriable,
    /// The client's picture of leaders or topics is old: refresh the metadata, then try again.
    RefreshMetadata,
    /// The coordinator is elsewhere: find it, then try again.
    FindCoordinator,
    /// The group has moved on: rejoin, or repeat with what the coordinator answered.
    Rejoin,
    /// The open transaction must be aborted; the producer can go on.
    Abortable,
    /// A newer instance has taken over: this one is finished.
    Fenced,
    /// The request, a name or a setting is wrong: the caller must change it.
    Invalid,
    /// Trying again does not help.
    Fatal,
}

/// Declares the codes from their table.
macro_rules! error_codes {
    ($($code:literal, $variant:ident, $name:literal, $class:ident, $meaning:literal;)+) => {
        /// The outcome of a request or of a part of it, as a broker says it.
        ///
        /// ```
        /// use kestrel_protocol::{ErrorClass, ErrorCode};
        /// let code = ErrorCode::from_code(6);
        /// assert_eq!(code, ErrorCode::NotLeaderOrFollower);
        /// assert_eq!(code.class(), ErrorClass::RefreshMetadata);
        /// assert_eq!(ErrorCode::from_code(9999).code(), 9999);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $name, "` (", $code, "): ", $meaning)] $variant,)+
            /// A code that this crate does not know.
            Unknown(i16),
        }

        impl ErrorCode {
            /// Every code that has a name.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code with this number.
            #[must_use]
            pub const fn from_code(code: i16) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    other => Self::Unknown(other),
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn code(self) -> i16 {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Unknown(code) => code,
                }
            }

            /// The name in Kafka's documentation.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown(_) => "UNKNOWN",
                }
            }

            /// What the error asks of whoever meets it.
            #[must_use]
            pub const fn class(self) -> ErrorClass {
                match self {
                    $(Self::$variant => ErrorClass::$class,)+
                    Self::Unknown(_) => ErrorClass::Fatal,
                }
            }

            /// What the error means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)+
                    Self::Unknown(_) => "A code that this version of Kestrel does not know.",
                }
            }
        }
    };
}

error_codes! {
    -1, UnknownServerError, "UNKNOWN_SERVER_ERROR", Fatal, "The broker failed in a way that it does not name.";
    0, None, "NONE", None, "Success.";
    1, OffsetOutOfRange, "OFFSET_OUT_OF_RANGE", Fatal, "The offset is outside the range that the partition holds.";
    2, CorruptMessage, "CORRUPT_MESSAGE", Retriable, "The records do not match their checksum, or are otherwise damaged.";
    3, UnknownTopicOrPartition, "UNKNOWN_TOPIC_OR_PARTITION", RefreshMetadata, "The broker does not host this topic or partition.";
    4, InvalidFetchSize, "INVALID_FETCH_SIZE", Invalid, "The fetch size is invalid.";
    5, LeaderNotAvailable, "LEADER_NOT_AVAILABLE", RefreshMetadata, "The partition has no leader at the moment.";
    6, NotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", RefreshMetadata, "The broker is no longer the leader, or not a replica, of the partition.";
    7, RequestTimedOut, "REQUEST_TIMED_OUT", Retriable, "The request was not done in the time that it allowed.";
    8, BrokerNotAvailable, "BROKER_NOT_AVAILABLE", Fatal, "The broker is not available.";
    9, ReplicaNotAvailable, "REPLICA_NOT_AVAILABLE", RefreshMetadata, "The replica is not available on this broker.";
    10, MessageTooLarge, "MESSAGE_TOO_LARGE", Invalid, "The batch is larger than max.message.bytes.";
    11, StaleControllerEpoch, "STALE_CONTROLLER_EPOCH", Fatal, "The controller has moved to another broker.";
    12, OffsetMetadataTooLarge, "OFFSET_METADATA_TOO_LARGE", Invalid, "The metadata string of an offset is larger than offset.metadata.max.bytes.";
    13, NetworkException, "NETWORK_EXCEPTION", RefreshMetadata, "The connection ended before an answer came.";
    14, CoordinatorLoadInProgress, "COORDINATOR_LOAD_IN_PROGRESS", Retriable, "The coordinator is still reading its log.";
    15, CoordinatorNotAvailable, "COORDINATOR_NOT_AVAILABLE", FindCoordinator, "The coordinator is not available.";
    16, NotCoordinator, "NOT_COORDINATOR", FindCoordinator, "This broker is not the coordinator.";
    17, InvalidTopic, "INVALID_TOPIC_EXCEPTION", Invalid, "The topic name is invalid, or the topic may not be written to.";
    18, RecordListTooLarge, "RECORD_LIST_TOO_LARGE", Invalid, "The batch is larger than a segment may be.";
    19, NotEnoughReplicas, "NOT_ENOUGH_REPLICAS", Retriable, "Fewer replicas are in sync than min.insync.replicas asks for; nothing was written.";
    20, NotEnoughReplicasAfterAppend, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Retriable, "The records were written, but to fewer in-sync replicas than min.insync.replicas asks for.";
    21, InvalidRequiredAcks, "INVALID_REQUIRED_ACKS", Invalid, "acks is not -1, 0 or 1.";
    22, IllegalGeneration, "ILLEGAL_GENERATION", Rejoin, "The generation of the group is another one by now.";
    23, InconsistentGroupProtocol, "INCONSISTENT_GROUP_PROTOCOL", Invalid, "The member's protocols fit none that all other members have.";
    24, InvalidGroupId, "INVALID_GROUP_ID", Invalid, "The group id is invalid.";
    25, UnknownMemberId, "UNKNOWN_MEMBER_ID", Rejoin, "The coordinator does not know this member.";
    26, InvalidSessionTimeout, "INVALID_SESSION_TIMEOUT", Invalid, "The session timeout is outside what the broker allows.";
    27, RebalanceInProgress, "REBALANCE_IN_PROGRESS", Rejoin, "The group is rebalancing: rejoin.";
    28, InvalidCommitOffsetSize, "INVALID_COMMIT_OFFSET_SIZE", Invalid, "The offset commit is too large.";
    29, TopicAuthorizationFailed, "TOPIC_AUTHORIZATION_FAILED", Fatal, "Access to the topic is not allowed.";
    30, GroupAuthorizationFailed, "GROUP_AUTHORIZATION_FAILED", Fatal, "Access to the group is not allowed.";
    31, ClusterAuthorizationFailed, "CLUSTER_AUTHORIZATION_FAILED", Fatal, "Access to the cluster is not allowed.";
    32, InvalidTimestamp, "INVALID_TIMESTAMP", Invalid, "The timestamp of a record is outside what the topic allows.";
    33, UnsupportedSaslMechanism, "UNSUPPORTED_SASL_MECHANISM", Invalid, "The SASL mechanism is not enabled on the broker.";
    34, IllegalSaslState, "ILLEGAL_SASL_STATE", Invalid, "The request is not valid in this state of the SASL handshake.";
    35, UnsupportedVersion, "UNSUPPORTED_VERSION", Invalid, "The broker does not speak this version of the API.";
    36, TopicAlreadyExists, "TOPIC_ALREADY_EXISTS", Invalid, "A topic with this name exists already.";
    37, InvalidPartitions, "INVALID_PARTITIONS", Invalid, "The number of partitions is invalid.";
    38, InvalidReplicationFactor, "INVALID_REPLICATION_FACTOR", Invalid, "The replication factor is below 1 or above the number of brokers.";
    39, InvalidReplicaAssignment, "INVALID_REPLICA_ASSIGNMENT", Invalid, "The replica assignment is invalid.";
    40, InvalidConfig, "INVALID_CONFIG", Invalid, "A configuration key or value is invalid.";
    41, NotController, "NOT_CONTROLLER", Retriable, "This broker is not the controller.";
    42, InvalidRequest, "INVALID_REQUEST", Invalid, "The request contradicts itself or the protocol.";
    43, UnsupportedForMessageFormat, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Invalid, "The message format on the broker cannot do this.";
    44, PolicyViolation, "POLICY_VIOLATION", Invalid, "The request breaks a policy of the broker.";
    45, OutOfOrderSequenceNumber, "OUT_OF_ORDER_SEQUENCE_NUMBER", Fatal, "The producer's sequence numbers have a gap.";
    46, DuplicateSequenceNumber, "DUPLICATE_SEQUENCE_NUMBER", Fatal, "The producer's sequence number was used before.";
    47, InvalidProducerEpoch, "INVALID_PRODUCER_EPOCH", Fenced, "The producer epoch is older than the current one.";
    48, InvalidTxnState, "INVALID_TXN_STATE", Fatal, "The transaction is not in a state that allows this.";
    49, InvalidProducerIdMapping, "INVALID_PRODUCER_ID_MAPPING", Fatal, "The producer id does not belong to this transactional id.";
    50, InvalidTransactionTimeout, "INVALID_TRANSACTION_TIMEOUT", Invalid, "The transaction timeout is larger than transaction.max.timeout.ms.";
    51, ConcurrentTransactions, "CONCURRENT_TRANSACTIONS", Retriable, "Another operation on the same transaction is under way.";
    52, TransactionCoordinatorFenced, "TRANSACTION_COORDINATOR_FENCED", Fenced, "The transaction coordinator has been replaced.";
    53, TransactionalIdAuthorizationFailed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Fatal, "Access to the transactional id is not allowed.";
    54, SecurityDisabled, "SECURITY_DISABLED", Invalid, "Security features are off on the broker.";
    55, OperationNotAttempted, "OPERATION_NOT_ATTEMPTED", Invalid, "The operation was not attempted, since another one of the request failed.";
    56, KafkaStorageError, "KAFKA_STORAGE_ERROR", RefreshMetadata, "The disk failed under the log of the partition.";
    57, LogDirNotFound, "LOG_DIR_NOT_FOUND", Fatal, "The log directory is not configured.";
    58, SaslAuthenticationFailed, "SASL_AUTHENTICATION_FAILED", Fatal, "SASL authentication failed.";
    59, UnknownProducerId, "UNKNOWN_PRODUCER_ID", Fatal, "The producer's state is gone from the log.";
    60, ReassignmentInProgress, "REASSIGNMENT_IN_PROGRESS", Fatal, "A reassignment of the partition is under way.";
    61, DelegationTokenAuthDisabled, "DELEGATION_TOKEN_AUTH_DISABLED", Fatal, "Delegation tokens are off on the broker.";
    62, DelegationTokenNotFound, "DELEGATION_TOKEN_NOT_FOUND", Fatal, "The delegation token does not exist.";
    63, DelegationTokenOwnerMismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", Fatal, "The delegation token belongs to someone else.";
    64, DelegationTokenRequestNotAllowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", Fatal, "Delegation tokens cannot be requested on this connection.";
    65, DelegationTokenAuthorizationFailed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", Fatal, "Access to the delegation token is not allowed.";
    66, DelegationTokenExpired, "DELEGATION_TOKEN_EXPIRED", Fatal, "The delegation token has expired.";
    67, InvalidPrincipalType, "INVALID_PRINCIPAL_TYPE", Invalid, "The principal type is not supported.";
    68, NonEmptyGroup, "NON_EMPTY_GROUP", Invalid, "The group has members.";
    69, GroupIdNotFound, "GROUP_ID_NOT_FOUND", Fatal, "The group does not exist.";
    70, FetchSessionIdNotFound, "FETCH_SESSION_ID_NOT_FOUND", Retriable, "The broker does not have this fetch session.";
    71, InvalidFetchSessionEpoch, "INVALID_FETCH_SESSION_EPOCH", Retriable, "The epoch of the fetch session is not the expected one.";
    72, ListenerNotFound, "LISTENER_NOT_FOUND", RefreshMetadata, "The leader has no listener of the name the request came in on.";
    73, TopicDeletionDisabled, "TOPIC_DELETION_DISABLED", Invalid, "delete.topic.enable is false.";
    74, FencedLeaderEpoch, "FENCED_LEADER_EPOCH", RefreshMetadata, "The leader epoch of the request is older than the broker's.";
    75, UnknownLeaderEpoch, "UNKNOWN_LEADER_EPOCH", Retriable, "The leader epoch of the request is newer than the broker's.";
    76, UnsupportedCompressionType, "UNSUPPORTED_COMPRESSION_TYPE", Invalid, "The compression codec is not supported by this version.";
    77, StaleBrokerEpoch, "STALE_BROKER_EPOCH", Fatal, "The broker has restarted since.";
    78, OffsetNotAvailable, "OFFSET_NOT_AVAILABLE", Retriable, "The leader's high watermark has not caught up yet.";
    79, MemberIdRequired, "MEMBER_ID_REQUIRED", Rejoin, "A member id was assigned: join again with it (KIP-394).";
    80, PreferredLeaderNotAvailable, "PREFERRED_LEADER_NOT_AVAILABLE", RefreshMetadata, "The preferred leader is not available.";
    81, GroupMaxSizeReached, "GROUP_MAX_SIZE_REACHED", Fatal, "The group has group.max.size members already.";
    82, FencedInstanceId, "FENCED_INSTANCE_ID", Fenced, "A newer member with the same group.instance.id has replaced this one.";
    83, EligibleLeadersNotAvailable, "ELIGIBLE_LEADERS_NOT_AVAILABLE", RefreshMetadata, "No eligible leader is available.";
    84, ElectionNotNeeded, "ELECTION_NOT_NEEDED", RefreshMetadata, "The partition already has the wanted leader.";
    85, NoReassignmentInProgress, "NO_REASSIGNMENT_IN_PROGRESS", Fatal, "No reassignment is under way.";
    86, GroupSubscribedToTopic, "GROUP_SUBSCRIBED_TO_TOPIC", Fatal, "A member of the group is subscribed to the topic.";
    87, InvalidRecord, "INVALID_RECORD", Invalid, "A record breaks a rule of its topic.";
    88, UnstableOffsetCommit, "UNSTABLE_OFFSET_COMMIT", Retriable, "Offsets of an open transaction are pending.";
    89, ThrottlingQuotaExceeded, "THROTTLING_QUOTA_EXCEEDED", Retriable, "The quota is used up.";
    90, ProducerFenced, "PRODUCER_FENCED", Fenced, "A newer producer with the same transactional id has replaced this one.";
    91, ResourceNotFound, "RESOURCE_NOT_FOUND", Fatal, "The resource does not exist.";
    92, DuplicateResource, "DUPLICATE_RESOURCE", Invalid, "The resource exists already.";
    93, UnacceptableCredential, "UNACCEPTABLE_CREDENTIAL", Invalid, "The credential does not meet the requirements.";
    94, InconsistentVoterSet, "INCONSISTENT_VOTER_SET", Fatal, "The voters of the quorum are other ones.";
    95, InvalidUpdateVersion, "INVALID_UPDATE_VERSION", Fatal, "The version of the update is not the expected one.";
    96, FeatureUpdateFailed, "FEATURE_UPDATE_FAILED", Fatal, "The features could not be updated.";
    97, PrincipalDeserializationFailure, "PRINCIPAL_DESERIALIZATION_FAILURE", Fatal, "The principal could not be read.";
    98, SnapshotNotFound, "SNAPSHOT_NOT_FOUND", Fatal, "The snapshot does not exist.";
    99, PositionOutOfRange, "POSITION_OUT_OF_RANGE", Fatal, "The position is outside the snapshot.";
    100, UnknownTopicId, "UNKNOWN_TOPIC_ID", RefreshMetadata, "No topic has this id.";
    101, DuplicateBrokerRegistration, "DUPLICATE_BROKER_REGISTRATION", Fatal, "A broker with this id is registered already.";
    102, BrokerIdNotRegistered, "BROKER_ID_NOT_REGISTERED", Fatal, "The broker is not registered.";
    103, InconsistentTopicId, "INCONSISTENT_TOPIC_ID", RefreshMetadata, "The topic of this name has another id.";
    104, InconsistentClusterId, "INCONSISTENT_CLUSTER_ID", Fatal, "The cluster has another id.";
    105, TransactionalIdNotFound, "TRANSACTIONAL_ID_NOT_FOUND", Fatal, "The transactional id is not known.";
    106, FetchSessionTopicIdError, "FETCH_SESSION_TOPIC_ID_ERROR", Retriable, "The fetch session mixes topics with and without ids.";
    107, IneligibleReplica, "INELIGIBLE_REPLICA", Fatal, "The replica may not join the in-sync set.";
    108, NewLeaderElected, "NEW_LEADER_ELECTED", Fatal, "A new leader has been elected.";
    109, OffsetMovedToTieredStorage, "OFFSET_MOVED_TO_TIERED_STORAGE", Fatal, "The offset is in tiered storage only.";
    110, FencedMemberEpoch, "FENCED_MEMBER_EPOCH", Rejoin, "The member epoch is older than the coordinator's: rejoin.";
    111, UnreleasedInstanceId, "UNRELEASED_INSTANCE_ID", Fatal, "The group.instance.id is in use by another member.";
    112, UnsupportedAssignor, "UNSUPPORTED_ASSIGNOR", Invalid, "The server-side assignor is not known.";
    113, StaleMemberEpoch, "STALE_MEMBER_EPOCH", Rejoin, "The member epoch is older than the coordinator's: retry with the new one.";
    114, MismatchedEndpointType, "MISMATCHED_ENDPOINT_TYPE", Invalid, "The request went to the wrong kind of endpoint.";
    115, UnsupportedEndpointType, "UNSUPPORTED_ENDPOINT_TYPE", Invalid, "This kind of endpoint is not supported.";
    116, UnknownControllerId, "UNKNOWN_CONTROLLER_ID", Fatal, "The controller id is not known.";
    117, UnknownSubscriptionId, "UNKNOWN_SUBSCRIPTION_ID", Fatal, "The telemetry subscription is an older one.";
    118, TelemetryTooLarge, "TELEMETRY_TOO_LARGE", Invalid, "The telemetry is larger than the broker accepts.";
    119, InvalidRegistration, "INVALID_REGISTRATION", Fatal, "The registration of the node is invalid.";
    120, TransactionAbortable, "TRANSACTION_ABORTABLE", Abortable, "The transaction must be aborted.";
    121, InvalidRecordState, "INVALID_RECORD_STATE", Fatal, "The record is not in a state that allows this.";
    122, ShareSessionNotFound, "SHARE_SESSION_NOT_FOUND", Retriable, "The broker does not have this share session.";
    123, InvalidShareSessionEpoch, "INVALID_SHARE_SESSION_EPOCH", Retriable, "The epoch of the share session is not the expected one.";
    124, FencedStateEpoch, "FENCED_STATE_EPOCH", Fatal, "The state epoch is older than the current one.";
    125, InvalidVoterKey, "INVALID_VOTER_KEY", Fatal, "The voter key is not the receiving node's.";
    126, DuplicateVoter, "DUPLICATE_VOTER", Fatal, "The voter is in the quorum already.";
    127, VoterNotFound, "VOTER_NOT_FOUND", Fatal, "The voter is not in the quorum.";
    128, InvalidRegularExpression, "INVALID_REGULAR_EXPRESSION", Invalid, "The regular expression is invalid.";
    129, RebootstrapRequired, "REBOOTSTRAP_REQUIRED", Fatal, "The client should start again from its bootstrap servers.";
    130, StreamsInvalidTopology, "STREAMS_INVALID_TOPOLOGY", Invalid, "The Streams topology is invalid.";
    131, StreamsInvalidTopologyEpoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", Fatal, "The epoch of the Streams topology is invalid.";
    132, StreamsTopologyFenced, "STREAMS_TOPOLOGY_FENCED", Fatal, "The Streams topology was replaced by a newer one.";
    133, ShareSessionLimitReached, "SHARE_SESSION_LIMIT_REACHED", Retriable, "The broker holds as many share sessions as it may.";
}

impl ErrorCode {
    /// Whether this is success.
    #[must_use]
    pub const fn is_none(self) -> bool {
        matches!(self, Self::None)
    }

    /// `Ok` for success and the code itself as the error otherwise.
    ///
    /// # Errors
    /// When the code is not `None`.
    pub const fn into_result(self) -> Result<(), Self> {
        match self {
            Self::None => Ok(()),
            error => Err(error),
        }
    }

    /// Whether the same request may succeed later, with or without a look at the metadata first.
    #[must_use]
    pub const fn is_retriable(self) -> bool {
        matches!(
            self.class(),
            ErrorClass::Retriable | ErrorClass::RefreshMetadata | ErrorClass::FindCoordinator
        )
    }
}

#[expect(clippy::derivable_impls, reason = "the variants come from a table, where none can carry #[default]")]
impl Default for ErrorCode {
    fn default() -> Self {
        Self::None
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.code())
    }
}

impl std::error::Error for ErrorCode {}
