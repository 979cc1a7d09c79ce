//! The metadata records of KRaft as tables (KIP-746): one message per record type, in our own notation.
//!
//! Expanded by [`kestrel_protocol::message!`]; gathered in [`MetadataRecord`](super::MetadataRecord).

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::{NodeId, SecretBytes, TopicId, Uuid, message};

message! {
    /// A broker process announces itself; its epoch is the offset of this record.
    RegisterBrokerRecord(versions: 0..=4, flexible: 0..) {
        broker_id: NodeId;
        is_migrating_zk_broker: bool => 2..;
        incarnation_id: Uuid;
        broker_epoch: i64;
        end_points: Vec<RegisteredEndpoint>;
        features: Vec<RegisteredFeature>;
        rack: Option<ByteString>;
        fenced: bool, default true;
        in_controlled_shutdown: bool => 1..;
        log_dirs: Vec<Uuid> => 3.., tag 0;
        cordoned_log_dirs: Option<Vec<Uuid>> => 4.., tag 1;
    }
    /// An address that a broker or controller listens on.
    RegisteredEndpoint {
        name: ByteString;
        host: ByteString;
        port: u16;
        security_protocol: i16;
    }
    /// A feature, with the levels that a broker or controller can be run with (KIP-584).
    RegisteredFeature {
        name: ByteString;
        min_supported_version: i16;
        max_supported_version: i16;
    }
}

message! {
    /// A broker leaves the cluster for good.
    UnregisterBrokerRecord(versions: 0..=0, flexible: 0..) {
        broker_id: NodeId;
        broker_epoch: i64;
    }
}

message! {
    /// A topic begins to exist; its partitions follow.
    TopicRecord(versions: 0..=0, flexible: 0..) {
        name: ByteString;
        topic_id: TopicId;
    }
}

message! {
    /// A partition begins to exist, or is what this record says from here on.
    PartitionRecord(versions: 0..=2, flexible: 0..) {
        partition_id: i32, default -1;
        topic_id: TopicId;
        replicas: Vec<NodeId>;
        isr: Vec<NodeId>;
        removing_replicas: Vec<NodeId>;
        adding_replicas: Vec<NodeId>;
        leader: NodeId, default NodeId::NONE;
        leader_recovery_state: i8, tag 0;
        leader_epoch: i32, default -1;
        partition_epoch: i32, default -1;
        directories: Vec<Uuid> => 1..;
        eligible_leader_replicas: Option<Vec<NodeId>> => 2.., tag 1;
        last_known_elr: Option<Vec<NodeId>> => 2.., tag 2;
    }
}

message! {
    /// A partition changes: what is null stays as it is; a leader of -2 too, and any other begins a new leader epoch.
    PartitionChangeRecord(versions: 0..=2, flexible: 0..) {
        partition_id: i32, default -1;
        topic_id: TopicId;
        isr: Option<Vec<NodeId>>, tag 0;
        leader: NodeId, tag 1, default super::LEADER_UNCHANGED;
        replicas: Option<Vec<NodeId>>, tag 2;
        removing_replicas: Option<Vec<NodeId>>, tag 3;
        adding_replicas: Option<Vec<NodeId>>, tag 4;
        leader_recovery_state: i8, tag 5, default -1;
        eligible_leader_replicas: Option<Vec<NodeId>> => 2.., tag 6;
        last_known_elr: Option<Vec<NodeId>> => 2.., tag 7;
        directories: Option<Vec<Uuid>> => 1.., tag 8;
    }
}

message! {
    /// A configuration key of a resource has this value, or with null none any more.
    ConfigRecord(versions: 0..=0, flexible: 0..) {
        resource_type: i8;
        resource_name: ByteString;
        name: ByteString;
        value: Option<ByteString>;
    }
}

message! {
    /// A broker is fenced: it leads nothing.
    FenceBrokerRecord(versions: 0..=0, flexible: 0..) {
        id: NodeId;
        epoch: i64;
    }
}

message! {
    /// A broker is not fenced any more.
    UnfenceBrokerRecord(versions: 0..=0, flexible: 0..) {
        id: NodeId;
        epoch: i64;
    }
}

message! {
    /// A topic ends, with its partitions and its configuration.
    RemoveTopicRecord(versions: 0..=0, flexible: 0..) {
        topic_id: TopicId;
    }
}

message! {
    /// A delegation token is given out or renewed (KIP-900).
    DelegationTokenRecord(versions: 0..=0, flexible: 0..) {
        owner: ByteString;
        requester: ByteString;
        renewers: Vec<ByteString>;
        issue_timestamp: i64;
        max_timestamp: i64;
        expiration_timestamp: i64;
        token_id: ByteString;
    }
}

message! {
    /// A user has a SCRAM credential for a mechanism, in place of the one before (KIP-554).
    UserScramCredentialRecord(versions: 0..=0, flexible: 0..) {
        name: ByteString;
        mechanism: i8;
        salt: Bytes;
        stored_key: SecretBytes;
        server_key: SecretBytes;
        iterations: i32;
    }
}

message! {
    /// A feature is finalized at a level (KIP-584); level 0 is off.
    FeatureLevelRecord(versions: 0..=0, flexible: 0..) {
        name: ByteString;
        feature_level: i16;
    }
}

message! {
    /// An entity has this limit, or none any more (KIP-546). A name of null is the default of its type.
    ClientQuotaRecord(versions: 0..=0, flexible: 0..) {
        entity: Vec<QuotaEntityData>;
        key: ByteString;
        value: f64;
        remove: bool;
    }
    /// A part of the entity.
    QuotaEntityData {
        entity_type: ByteString;
        entity_name: Option<ByteString>;
    }
}

message! {
    /// A block of producer ids was given to a broker: the next block begins here.
    ProducerIdsRecord(versions: 0..=0, flexible: 0..) {
        broker_id: NodeId;
        broker_epoch: i64, default -1;
        next_producer_id: i64;
    }
}

message! {
    /// Something about a registered broker changes: 1 yes, -1 no longer, 0 as it was.
    BrokerRegistrationChangeRecord(versions: 0..=3, flexible: 0..) {
        broker_id: NodeId;
        broker_epoch: i64;
        fenced: i8, tag 0;
        in_controlled_shutdown: i8 => 1.., tag 1;
        log_dirs: Vec<Uuid> => 2.., tag 2;
        cordoned_log_dirs: Option<Vec<Uuid>> => 3.., tag 3;
    }
}

message! {
    /// An ACL begins to exist.
    AccessControlEntryRecord(versions: 0..=0, flexible: 0..) {
        id: Uuid;
        resource_type: i8;
        resource_name: ByteString;
        pattern_type: i8;
        principal: ByteString;
        host: ByteString;
        operation: i8;
        permission_type: i8;
    }
}

message! {
    /// An ACL ends.
    RemoveAccessControlEntryRecord(versions: 0..=0, flexible: 0..) {
        id: Uuid;
    }
}

message! {
    /// Nothing: it only shows that the leader is there.
    NoOpRecord(versions: 0..=0, flexible: 0..) {}
}

message! {
    /// The state of a migration from ZooKeeper, which is over.
    ZkMigrationStateRecord(versions: 0..=0, flexible: 0..) {
        zk_migration_state: i8;
    }
}

message! {
    /// A user has no SCRAM credential for a mechanism any more.
    RemoveUserScramCredentialRecord(versions: 0..=0, flexible: 0..) {
        name: ByteString;
        mechanism: i8;
    }
}

message! {
    /// The records up to the end of the transaction take effect together (KIP-868).
    BeginTransactionRecord(versions: 0..=0, flexible: 0..) {
        name: Option<ByteString>, tag 0;
    }
}

message! {
    /// The records since the beginning of the transaction take effect.
    EndTransactionRecord(versions: 0..=0, flexible: 0..) {}
}

message! {
    /// The records since the beginning of the transaction never take effect.
    AbortTransactionRecord(versions: 0..=0, flexible: 0..) {
        reason: Option<ByteString>, tag 0;
    }
}

message! {
    /// A delegation token ends.
    RemoveDelegationTokenRecord(versions: 0..=0, flexible: 0..) {
        token_id: ByteString;
    }
}

message! {
    /// A controller process announces itself.
    RegisterControllerRecord(versions: 0..=0, flexible: 0..) {
        controller_id: NodeId;
        incarnation_id: Uuid;
        zk_migration_ready: bool;
        end_points: Vec<RegisteredEndpoint>;
        features: Vec<RegisteredFeature>;
    }
}

message! {
    /// The eligible leader replicas of a topic are forgotten, or of all topics when the name is empty (KIP-966).
    ClearElrRecord(versions: 0..=0, flexible: 0..) {
        topic_name: ByteString;
    }
}
