//! Blocks of producer ids: each id is given out once in the life of a cluster (KIP-98, KIP-730).

use std::ops::Range;

use super::{Controller, Effects};
use crate::cluster::records::ProducerIdsRecord;

/// How many producer ids a block has.
const PRODUCER_ID_BLOCK_SIZE: i64 = 1000;

impl Controller {
    /// Gives this broker the next block of producer ids; none when all of them are used up.
    pub(crate) fn allocate_producer_ids(&self) -> Effects<Option<Range<i64>>> {
        let first = self.image().next_producer_id;
        let Some(next) = first.checked_add(PRODUCER_ID_BLOCK_SIZE) else {
            return Effects { records: Vec::new(), reply: None };
        };
        let broker_id = self.config.node_id;
        let broker_epoch = self.image().broker(broker_id).map_or(-1, |broker| broker.epoch);
        let record = ProducerIdsRecord { broker_id, broker_epoch, next_producer_id: next };
        Effects { records: vec![record.into()], reply: Some(first..next) }
    }
}
