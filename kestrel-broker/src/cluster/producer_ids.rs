//! Producer ids to give out, a block of which is taken from the controller at a time.

use std::ops::Range;

use kestrel_protocol::ProducerId;
use parking_lot::{Mutex, MutexGuard};

use super::{ApiError, Cluster};

/// The producer ids that were taken from the controller and not given out yet. What is left at a stop is never used.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    cluster: Cluster,
    block: Mutex<Range<i64>>,
}

impl ProducerIds {
    /// The producer ids of a cluster.
    pub(crate) const fn of(cluster: Cluster) -> Self {
        Self { cluster, block: Mutex::new(0..0) }
    }

    /// A producer id that nobody has had.
    ///
    /// # Errors
    /// When the controller cannot give a block of them.
    pub(crate) async fn next(&self) -> Result<ProducerId, ApiError> {
        loop {
            if let Some(id) = self.block().next() {
                return Ok(ProducerId(id));
            }
            let block = self.cluster.allocate_producer_ids().await?;
            *self.block() = block;
        }
    }

    fn block(&self) -> MutexGuard<'_, Range<i64>> {
        self.block.lock()
    }
}
