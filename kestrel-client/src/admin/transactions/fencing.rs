//! Fences the producers of transactional ids: each gets a new epoch, as if a new producer had begun (KIP-360).

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::{ApiKey, ByteString, ProducerEpoch, ProducerId};

use super::check;
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::coordinators::{CoordinatorType, at_coordinators, is_passing_at_coordinator};
use crate::environment::wire_millis;
use crate::error::{Error, Result};

/// The identity that a transactional id has after its producer was fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FencedProducer {
    /// The producer id.
    pub producer_id: ProducerId,
    /// The epoch: whoever writes with an earlier one is refused.
    pub producer_epoch: ProducerEpoch,
}

/// Asks the coordinators of transactional ids for new epochs.
#[derive(Debug)]
pub(super) struct FenceProducers;

impl Call for FenceProducers {
    type Item = Arc<str>;
    type Output = FencedProducer;
    const OPERATION: &'static str = "fencing producers";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        at_coordinators(client, CoordinatorType::Transaction, items, async |node, ids: Vec<Arc<str>>| {
            Ok(join_all(ids.iter().map(|id| fence_at(client, Target::Node(node), id))).await)
        })
        .await
    }
}

async fn fence_at(client: &Client, coordinator: Target, id: &Arc<str>) -> Result<FencedProducer> {
    let request = InitProducerIdRequest {
        transactional_id: Some(ByteString::from(&**id)),
        // The coordinator keeps it as the transactional id's own until the next producer says another.
        transaction_timeout_ms: wire_millis(client.request_timeout()),
        ..InitProducerIdRequest::default()
    };
    let response = client.send(coordinator, &request).await?;
    check(ApiKey::InitProducerId, id, response.error_code)?;
    Ok(FencedProducer { producer_id: response.producer_id, producer_epoch: response.producer_epoch })
}
