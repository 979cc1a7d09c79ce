//! Fetch, versions 4 to 18 (topics by id from 13, KIP-516): reads whole batches; waits for min_bytes without polling.
//!
//! Fetch sessions (KIP-227) are not kept: each full request is answered with session id 0, which tells a client to go on
//! with full requests, and a request that refers to a session gets FETCH_SESSION_ID_NOT_FOUND.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse,
    LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};
use kestrel_protocol::{ErrorCode, NodeId, TopicId};
use tokio::time::Instant;

use super::{Handle, RequestContext, State, client_endpoint};
use crate::log::{EpochEnd, FirstBatch};
use crate::partition::{FetchRead, FetchWatch, Isolation, Partition, PartitionRead, any_news};

/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 13;
/// The first version whose answer names the leader when the epoch was wrong (KIP-951).
const FIRST_LEADER_VERSION: i16 = 16;
/// The epochs of a request that stands for itself: it opens a session, or ends one.
const FULL_REQUEST_EPOCHS: [i32; 2] = [0, -1];
/// What a watermark is in an answer that has none.
const NO_OFFSET: i64 = -1;

impl Handle for FetchRequest {
    async fn handle(self, context: &RequestContext, state: &State) -> FetchResponse {
        if !FULL_REQUEST_EPOCHS.contains(&self.session_epoch) {
            return FetchResponse { error_code: ErrorCode::FetchSessionIdNotFound, ..Default::default() };
        }
        let max_wait = Duration::from_millis(u64::try_from(self.max_wait_ms).unwrap_or_default());
        let deadline = Instant::from_std(context.received_at) + max_wait;
        let fetch = Fetch::new(&self, context, state);
        loop {
            let read = fetch.read();
            if read.is_enough || read.watches.is_empty() || Instant::now() >= deadline {
                return read.response;
            }
            tokio::select! {
                () = any_news(read.watches) => {}
                () = tokio::time::sleep_until(deadline) => return read.response,
                () = state.stopping.cancelled() => return read.response,
            }
        }
    }

    fn refusal(&self, error: ErrorCode) -> FetchResponse {
        let topics = self.topics.iter().map(|topic| FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions: topic.partitions.iter().map(|asked| refused(asked.partition, error)).collect(),
        });
        FetchResponse { responses: topics.collect(), ..Default::default() }
    }
}

/// A request with its limits.
struct Fetch<'a> {
    request: &'a FetchRequest,
    version: i16,
    state: &'a State,
    isolation: Isolation,
    max_bytes: usize,
    min_bytes: usize,
}

/// What one pass over the partitions found.
struct Pass {
    response: FetchResponse,
    watches: Vec<FetchWatch>,
    size_bytes: usize,
    /// Whether there is something to answer with at once: enough bytes, an error, or a log that left the reader's.
    is_enough: bool,
}

impl<'a> Fetch<'a> {
    fn new(request: &'a FetchRequest, context: &RequestContext, state: &'a State) -> Self {
        let max_bytes =
            usize::try_from(request.max_bytes).unwrap_or_default().min(state.config.fetch_max_bytes);
        Self {
            request,
            version: context.version,
            state,
            isolation: Isolation::from_wire(request.isolation_level),
            max_bytes,
            min_bytes: usize::try_from(request.min_bytes).unwrap_or_default().min(max_bytes),
        }
    }

    /// Reads what there is now, partition after partition, until the answer is full.
    fn read(&self) -> Pass {
        let mut pass = Pass {
            response: FetchResponse::default(),
            watches: Vec::new(),
            size_bytes: 0,
            is_enough: self.min_bytes == 0,
        };
        for topic in &self.request.topics {
            let partitions =
                topic.partitions.iter().map(|asked| self.read_partition(topic, asked, &mut pass));
            let partitions = partitions.collect();
            pass.response.responses.push(FetchableTopicResponse {
                topic: topic.topic.clone(),
                topic_id: topic.topic_id,
                partitions,
            });
        }
        pass.is_enough |= pass.size_bytes >= self.min_bytes;
        pass
    }

    fn read_partition(&self, topic: &FetchTopic, asked: &FetchPartition, pass: &mut Pass) -> PartitionData {
        let partition = match self.partition(topic, asked.partition) {
            Ok(partition) => partition,
            Err(error) => {
                pass.is_enough = true;
                return refused(asked.partition, error);
            }
        };
        let read = partition.read(FetchRead {
            fetch_offset: asked.fetch_offset,
            max_bytes: usize::try_from(asked.partition_max_bytes)
                .unwrap_or_default()
                .min(self.max_bytes.saturating_sub(pass.size_bytes)),
            first_batch: if pass.size_bytes == 0 { FirstBatch::Always } else { FirstBatch::IfItFits },
            isolation: self.isolation,
            current_leader_epoch: asked.current_leader_epoch,
            last_fetched_epoch: asked.last_fetched_epoch,
        });
        match read {
            Ok(read) => {
                pass.size_bytes += read.records.len();
                pass.is_enough |= read.diverging.is_some();
                pass.watches.push(partition.watch(self.isolation, read.watermarks));
                self.found(asked.partition, read)
            }
            Err(error) => {
                pass.is_enough = true;
                self.failed(asked.partition, error, &partition, &mut pass.response)
            }
        }
    }

    fn partition(&self, topic: &FetchTopic, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        if self.is_follower() {
            // There is no other broker whose replica this could be.
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        if self.version < FIRST_TOPIC_ID_VERSION {
            self.state.replicas.get(&topic.topic, index)
        } else if topic.topic_id == TopicId::NIL {
            Err(ErrorCode::UnknownTopicId)
        } else {
            self.state.replicas.get_by_id(topic.topic_id, index)
        }
    }

    fn is_follower(&self) -> bool {
        self.request.replica_id.0 >= 0 || self.request.replica_state.replica_id.0 >= 0
    }

    fn found(&self, partition_index: i32, read: PartitionRead) -> PartitionData {
        PartitionData {
            partition_index,
            high_watermark: read.watermarks.high,
            last_stable_offset: read.watermarks.stable,
            log_start_offset: read.watermarks.log_start,
            diverging_epoch: read.diverging.map(epoch_end).unwrap_or_default(),
            // Without transactions none was aborted; the list is there for whoever reads committed records only.
            aborted_transactions: (self.isolation == Isolation::ReadCommitted).then(Vec::new),
            records: Some(read.records),
            ..Default::default()
        }
    }

    /// A failure of a partition that is here: with its watermarks, and with its leader when the epoch was wrong.
    fn failed(
        &self,
        partition_index: i32,
        error: ErrorCode,
        partition: &Partition,
        response: &mut FetchResponse,
    ) -> PartitionData {
        let mut data = refused(partition_index, error);
        match error {
            ErrorCode::OffsetOutOfRange => {
                let watermarks = partition.watermarks();
                data.high_watermark = watermarks.high;
                data.last_stable_offset = watermarks.stable;
                data.log_start_offset = watermarks.log_start;
            }
            ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownLeaderEpoch
                if self.version >= FIRST_LEADER_VERSION =>
            {
                let leader_id = self.state.config.node_id;
                data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch: partition.leader_epoch() };
                if response.node_endpoints.is_empty() {
                    response.node_endpoints.extend(self.this_node(leader_id));
                }
            }
            _ => {}
        }
        data
    }

    fn this_node(&self, node_id: NodeId) -> Option<NodeEndpoint> {
        let image = self.state.cluster.image();
        let broker = image.broker(node_id)?;
        let (host, port) = client_endpoint(broker)?;
        Some(NodeEndpoint { node_id, host, port, rack: broker.rack.clone() })
    }
}

const fn epoch_end(end: EpochEnd) -> EpochEndOffset {
    EpochEndOffset { epoch: end.epoch, end_offset: end.end_offset }
}

/// The answer for a partition without records: they are there and empty, since null breaks librdkafka.
fn refused(partition_index: i32, error_code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index,
        error_code,
        high_watermark: NO_OFFSET,
        records: Some(Bytes::new()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
