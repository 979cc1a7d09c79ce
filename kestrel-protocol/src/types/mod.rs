//! Identities of Kafka's protocol as newtypes, so that a leader epoch is never passed for a node id.
//!
//! Offsets stay `i64`, named by role (`fetch_offset`, `log_end_offset`): they are added and compared on every line.

mod secret_bytes;
mod timestamp;
mod uuid;

use std::fmt;

pub use secret_bytes::SecretBytes;
pub use timestamp::Timestamp;
pub use uuid::{ParseUuidError, Uuid};

/// Declares a newtype around an integer of the protocol.
macro_rules! identity {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}

identity! {
    /// The id of a broker or controller (`node.id`), 0 or greater.
    ///
    /// ```
    /// use kestrel_protocol::NodeId;
    /// assert_eq!(NodeId(1).to_string(), "1");
    /// assert_eq!(NodeId::NONE, NodeId(-1));
    /// ```
    NodeId(i32)
}

impl NodeId {
    /// The wire's "no node": no leader, no controller, or a client that is not a replica.
    pub const NONE: Self = Self(-1);
}

identity! {
    /// How many times a partition's leadership has been decided; grows with each election (KIP-101).
    LeaderEpoch(i32)
}

impl LeaderEpoch {
    /// The wire's "epoch not known".
    pub const NONE: Self = Self(-1);
}

identity! {
    /// The id of an idempotent or transactional producer, given out by InitProducerId (KIP-98).
    ProducerId(i64)
}

impl ProducerId {
    /// The wire's "no producer id": a batch without idempotence.
    pub const NONE: Self = Self(-1);
}

identity! {
    /// The generation of a producer id: an older one is fenced (KIP-98).
    ProducerEpoch(i16)
}

impl ProducerEpoch {
    /// The wire's "no producer epoch": a batch without idempotence.
    pub const NONE: Self = Self(-1);
}

/// The id of a topic: a deleted topic's id never returns, also when its name does (KIP-516).
pub type TopicId = Uuid;
