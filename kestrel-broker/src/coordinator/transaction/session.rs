//! What a coordinator knows of transactional ids that no record says. Part of the machine; gone with it.

use std::collections::HashMap;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, ProducerEpoch};

use super::add::WaitingAddition;
use super::metadata::TopicPartition;

/// The sessions of all transactional ids that have one.
pub(super) type Sessions = HashMap<ByteString, Session>;

/// What a coordinator knows of a transactional id beside its record.
#[derive(Debug)]
pub(super) struct Session {
    /// The epoch that the producer had before the current one: what it asks with again that did not hear the answer (KIP-360).
    pub(super) last_epoch: ProducerEpoch,
    /// The partitions whose markers are to be asked for again.
    pub(super) unmarked: Vec<TopicPartition>,
    /// How often in a row some of the markers could not be written.
    pub(super) failures: u32,
    /// Those who wait until the transaction is completed to add partitions to the next one, in their order.
    pub(super) waiting: Vec<WaitingAddition>,
}

impl Default for Session {
    fn default() -> Self {
        Self { last_epoch: ProducerEpoch::NONE, unmarked: Vec::new(), failures: 0, waiting: Vec::new() }
    }
}

/// The answer to whoever adds partitions.
pub(super) type Added = Result<(), ErrorCode>;
