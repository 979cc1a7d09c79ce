//! Producer ids to give out, a block of which is taken from the controller at a time.

use std::ops::Range;

use kestrel_protocol::ProducerId;
use parking_lot::{Mutex, MutexGuard};

use crate::cluster::{ApiError, Cluster};

/// The producer ids that were taken from the controller and not given out yet. What is left at a stop is never used.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds(Mutex<Range<i64>>);

impl ProducerIds {
    /// A producer id that nobody has had.
    ///
    /// # Errors
    /// When the controller cannot give a block of them.
    pub(super) async fn next(&self, cluster: &Cluster) -> Result<ProducerId, ApiError> {
        loop {
            if let Some(id) = self.block().next() {
                return Ok(ProducerId(id));
            }
            let block = cluster.allocate_producer_ids().await?;
            *self.block() = block;
        }
    }

    fn block(&self) -> MutexGuard<'_, Range<i64>> {
        self.0.lock()
    }
}
