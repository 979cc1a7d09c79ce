//! Fetch, versions 4 to 18 (topics by id from 13, KIP-516): reads whole batches; waits for min_bytes without polling.
//!
//! With a fetch session (KIP-227) a request names what has changed since the one before, and the answer has what is news:
//! [`sessions`] says which partitions that are.
//!
//! Many records of a partition are not read here: they leave from their file, in the gap that the encoded response has for
//! them.

mod sessions;

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::messages::fetch::{
    EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, FetchedRecords, LeaderIdAndEpoch,
    NodeEndpoint, PartitionData,
};
use kestrel_protocol::{
    ErrorCode, NodeId, RequestFrame, RequestHeader, encode_response, encode_response_in_parts,
};
use tokio::time::Instant;

use super::{Answer, Close, Frame, Reply, Request, RequestContext, State, client_endpoint};
use crate::log::{EpochEnd, FileRecords, FirstBatch, LogRecords};
use crate::partition::{FetchRead, FetchWatch, Isolation, Partition, PartitionRead, any_news};
pub(crate) use sessions::FetchSessions;
use sessions::{Answered, Asked, Naming};

/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 13;
/// The first version whose answer names the leader when the epoch was wrong (KIP-951).
const FIRST_LEADER_VERSION: i16 = 16;
/// From how many files one answer is sent at most: so many descriptors a client that does not read keeps open.
const MAX_FILES: usize = 64;
/// What a watermark is in an answer that has none.
const NO_OFFSET: i64 = -1;

/// Waits until there is enough to answer with, and answers with it.
pub(super) fn dispatch(state: &Arc<State>, request: Request) -> Reply {
    let Request { frame, context } = request;
    let correlation_id = frame.header.correlation_id;
    let request = match frame.decode::<FetchRequest>() {
        Ok(request) => request,
        Err(error) => return Reply::now(Err(error.into())),
    };
    let state = Arc::clone(state);
    Reply::later(async move {
        let (response, files) = fetch(request, &context, &state).await;
        let parts = encode_response_in_parts::<FetchRequest>(&response, context.version, correlation_id);
        Ok(Some(Frame::with_files(parts, files)))
    })
}

/// The answer in which every partition fails with `error`.
pub(super) fn refuse(frame: &RequestFrame, error: ErrorCode) -> Result<Answer, Close> {
    let topics = frame.decode::<FetchRequest>()?.topics.into_iter().map(|topic| FetchableTopicResponse {
        topic: topic.topic,
        topic_id: topic.topic_id,
        partitions: topic.partitions.iter().map(|asked| refused(asked.partition, error)).collect(),
    });
    let response = FetchResponse { responses: topics.collect(), ..Default::default() };
    let RequestHeader { api_version, correlation_id, .. } = frame.header;
    Ok(Some(encode_response::<FetchRequest>(&response, api_version, correlation_id).into()))
}

/// The response, and the records that are not in it: of one partition after the other.
async fn fetch(
    mut request: FetchRequest,
    context: &RequestContext,
    state: &State,
) -> (FetchResponse, Vec<FileRecords>) {
    let failed = |error_code| (FetchResponse { error_code, ..Default::default() }, Vec::new());
    let naming = if context.version < FIRST_TOPIC_ID_VERSION { Naming::Names } else { Naming::Ids };
    let sessions = &state.fetch_sessions;
    let (begun, asked) = match sessions.begin(&mut request, naming, state.clock.now()) {
        Ok(begun) => begun,
        Err(error_code) => return failed(error_code),
    };
    let Pass { answers, node_endpoints, .. } = Fetch::new(&request, &asked, context, state).wait().await;
    match sessions.finish(begun, answers, state.clock.now()) {
        Ok((session_id, news)) => {
            let (responses, files) = by_topic(news);
            (FetchResponse { session_id, responses, node_endpoints, ..Default::default() }, files)
        }
        Err(error_code) => failed(error_code),
    }
}

/// A request with its limits.
struct Fetch<'a> {
    asked: &'a [Asked],
    is_follower: bool,
    version: i16,
    deadline: Instant,
    state: &'a State,
    isolation: Isolation,
    max_bytes: usize,
    min_bytes: usize,
}

/// What one pass over the partitions found.
struct Pass {
    answers: Vec<Answered>,
    node_endpoints: Vec<NodeEndpoint>,
    watches: Vec<FetchWatch>,
    size_bytes: usize,
    /// How many partitions' records are sent from their files.
    files: usize,
    /// Whether there is something to answer with at once: enough bytes, an error, or a log that left the reader's.
    is_enough: bool,
}

impl<'a> Fetch<'a> {
    fn new(request: &FetchRequest, asked: &'a [Asked], context: &RequestContext, state: &'a State) -> Self {
        let max_bytes =
            usize::try_from(request.max_bytes).unwrap_or_default().min(state.config.fetch_max_bytes);
        let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or_default());
        Self {
            asked,
            is_follower: request.replica_id.0 >= 0 || request.replica_state.replica_id.0 >= 0,
            version: context.version,
            deadline: Instant::from_std(context.received_at) + max_wait,
            state,
            isolation: Isolation::from_wire(request.isolation_level),
            max_bytes,
            min_bytes: usize::try_from(request.min_bytes).unwrap_or_default().min(max_bytes),
        }
    }

    /// Reads until it is enough or has taken long enough.
    async fn wait(&self) -> Pass {
        loop {
            let mut read = self.read();
            if read.is_enough || read.watches.is_empty() || Instant::now() >= self.deadline {
                return read;
            }
            tokio::select! {
                () = any_news(std::mem::take(&mut read.watches)) => {}
                () = tokio::time::sleep_until(self.deadline) => return read,
                () = self.state.stopping.cancelled() => return read,
            }
        }
    }

    /// Reads what there is now, partition after partition, until the answer is full.
    fn read(&self) -> Pass {
        let mut pass = Pass {
            answers: Vec::with_capacity(self.asked.len()),
            node_endpoints: Vec::new(),
            watches: Vec::new(),
            size_bytes: 0,
            files: 0,
            is_enough: self.min_bytes == 0,
        };
        for asked in self.asked {
            let (data, file) = self.read_partition(asked, &mut pass);
            pass.files += usize::from(file.is_some());
            pass.answers.push(Answered { topic: asked.topic.clone(), topic_id: asked.topic_id, data, file });
        }
        pass.is_enough |= pass.size_bytes >= self.min_bytes;
        pass
    }

    fn read_partition(&self, asked: &Asked, pass: &mut Pass) -> (PartitionData, Option<FileRecords>) {
        let found = self.partition(asked);
        let asked = &asked.partition;
        let partition = match found {
            Ok(partition) => partition,
            Err(error) => {
                pass.is_enough = true;
                return (refused(asked.partition, error), None);
            }
        };
        let fetch = FetchRead {
            fetch_offset: asked.fetch_offset,
            max_bytes: usize::try_from(asked.partition_max_bytes)
                .unwrap_or_default()
                .min(self.max_bytes.saturating_sub(pass.size_bytes)),
            first_batch: if pass.size_bytes == 0 { FirstBatch::Always } else { FirstBatch::IfItFits },
            isolation: self.isolation,
            current_leader_epoch: asked.current_leader_epoch,
            last_fetched_epoch: asked.last_fetched_epoch,
        };
        match find(&partition, fetch, pass.files < MAX_FILES) {
            Ok(read) => {
                pass.size_bytes += read.records.len();
                pass.is_enough |= read.diverging.is_some();
                pass.watches.push(partition.watch(self.isolation, read.watermarks));
                self.found(asked.partition, read)
            }
            Err(error) => {
                pass.is_enough = true;
                (self.failed(asked.partition, error, &partition, &mut pass.node_endpoints), None)
            }
        }
    }

    fn partition(&self, Asked { topic, topic_id, partition }: &Asked) -> Result<Arc<Partition>, ErrorCode> {
        let index = partition.partition;
        if self.is_follower {
            // There is no other broker whose replica this could be.
            Err(ErrorCode::NotLeaderOrFollower)
        } else if self.version < FIRST_TOPIC_ID_VERSION {
            self.state.replicas.get(topic, index)
        } else if topic_id.is_nil() {
            Err(ErrorCode::UnknownTopicId)
        } else {
            self.state.replicas.get_by_id(*topic_id, index)
        }
    }

    fn found(
        &self,
        partition_index: i32,
        read: PartitionRead<LogRecords>,
    ) -> (PartitionData, Option<FileRecords>) {
        let (records, file) = match read.records {
            LogRecords::Memory(bytes) => (FetchedRecords::Here(bytes), None),
            LogRecords::File(file) => (FetchedRecords::Elsewhere { size_bytes: file.len() }, Some(file)),
        };
        let data = PartitionData {
            partition_index,
            high_watermark: read.watermarks.high,
            last_stable_offset: read.watermarks.stable,
            log_start_offset: read.watermarks.log_start,
            diverging_epoch: read.diverging.map(epoch_end).unwrap_or_default(),
            // Without transactions none was aborted; the list is there for whoever reads committed records only.
            aborted_transactions: (self.isolation == Isolation::ReadCommitted).then(Vec::new),
            records: Some(records),
            ..Default::default()
        };
        (data, file)
    }

    /// A failure of a partition that is here: with its watermarks, and with its leader when the epoch was wrong.
    fn failed(
        &self,
        partition_index: i32,
        error: ErrorCode,
        partition: &Partition,
        node_endpoints: &mut Vec<NodeEndpoint>,
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
                if node_endpoints.is_empty() {
                    node_endpoints.extend(self.this_node(leader_id));
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

/// What there is to read: in its file, if it may stay there.
fn find(
    partition: &Partition,
    fetch: FetchRead,
    may_stay: bool,
) -> Result<PartitionRead<LogRecords>, ErrorCode> {
    if may_stay {
        return partition.find(fetch);
    }
    let PartitionRead { records, watermarks, diverging } = partition.read(fetch)?;
    Ok(PartitionRead { records: LogRecords::Memory(records), watermarks, diverging })
}

const fn epoch_end(end: EpochEnd) -> EpochEndOffset {
    EpochEndOffset { epoch: end.epoch, end_offset: end.end_offset }
}

/// Answers as the wire has them: neighbours of one topic share an entry, so that the order is kept; and their files.
fn by_topic(answers: Vec<Answered>) -> (Vec<FetchableTopicResponse>, Vec<FileRecords>) {
    let mut topics: Vec<FetchableTopicResponse> = Vec::new();
    let mut files = Vec::new();
    for Answered { topic, topic_id, data, file } in answers {
        files.extend(file);
        match topics.last_mut() {
            Some(last) if last.topic == topic && last.topic_id == topic_id => last.partitions.push(data),
            _ => topics.push(FetchableTopicResponse { topic, topic_id, partitions: vec![data] }),
        }
    }
    (topics, files)
}

/// The answer for a partition without records: they are there and empty, since null breaks librdkafka.
fn refused(partition_index: i32, error_code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index,
        error_code,
        high_watermark: NO_OFFSET,
        records: Some(FetchedRecords::default()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
