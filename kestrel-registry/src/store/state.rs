//! State: what was read of the topic, for whoever decides on it.

use std::sync::Arc;

use bytes::Bytes;
use kestrel_client::ConsumerRecord;
use parking_lot::Mutex;
use tracing::{debug, error, warn};

use crate::machine::{Machine, Origin};
use crate::record::{Chain, Entry, RecordError};

/// The machine as of the last record. What is taken out stays as it was; a record that comes meanwhile changes a copy.
#[derive(Debug, Default)]
pub(super) struct State {
    machine: Mutex<Arc<Machine>>,
}

impl State {
    pub(super) fn new(machine: Machine) -> Self {
        Self { machine: Mutex::new(Arc::new(machine)) }
    }

    pub(super) fn machine(&self) -> Arc<Machine> {
        Arc::clone(&self.machine.lock())
    }

    pub(super) fn apply(&self, record: &ConsumerRecord<Bytes, Bytes>) {
        apply(Arc::make_mut(&mut self.machine.lock()), record);
    }

    /// Another machine from now on: the topic is another one, or was cut.
    pub(super) fn replace(&self, machine: Machine) {
        *self.machine.lock() = Arc::new(machine);
    }
}

/// Lets a record of the topic take effect. What it is not known what it is of is passed over: the rest of the topic is still true.
pub(super) fn apply(machine: &mut Machine, record: &ConsumerRecord<Bytes, Bytes>) {
    let origin = Origin { offset: record.offset, timestamp: record.timestamp.as_millis() };
    let offset = origin.offset;
    match Entry::decode(record.key.as_deref(), record.value.as_deref()) {
        Ok(entry) => {
            if let Err(refusal) = machine.apply(entry, origin) {
                error!("{}", refusal.message());
            }
        }
        Err(RecordError::Unknown(keytype)) => {
            debug!("record at offset {offset} is of another kind: {keytype}");
        }
        Err(error) => warn!("record at offset {offset} is passed over: {}", Chain(&error)),
    }
}
