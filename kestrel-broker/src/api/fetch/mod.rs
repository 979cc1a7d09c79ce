//! Fetch, versions 4 to 18 (topics by id from 13, KIP-516): reads whole batches; waits for min_bytes without polling.
//!
//! With a fetch session (KIP-227) a request names what has changed since the one before, and the answer has what is news:
//! [`sessions`] says which partitions that are.

mod denials;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::fetch::{
    AbortedTransaction, EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse,
    LeaderIdAndEpoch, NodeEndpoint, PartitionData, RecordData,
};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId};
use tokio::time::Instant;

use super::{Account, Answer, Handler, RequestContext, State};
use crate::clock::after;
use crate::log::{self, ByteRun, EpochEnd, FileRun, FirstBatch};
use crate::partition::{FetchRead, FetchWatch, Isolation, Partition, PartitionRead, any_news};
use crate::quota::QuotaKind;
use denials::Denials;
pub(crate) use sessions::FetchSessions;
use sessions::{Answered, Asked, NO_OFFSET, Naming};

/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 13;
/// The first version whose answer names the leader when the epoch was wrong (KIP-951).
const FIRST_LEADER_VERSION: i16 = 16;
/// How many files an answer keeps open at most until it is sent.
const MAX_FILE_RUNS: usize = 64;

impl Handler for FetchRequest {
    async fn handle(mut self, context: RequestContext, state: Arc<State>) -> Answer<FetchResponse> {
        let naming = if context.version < FIRST_TOPIC_ID_VERSION { Naming::Names } else { Naming::Ids };
        let sessions = &state.fetch_sessions;
        let (begun, asked) = match sessions.begin(&mut self, &context.principal, naming, state.clock.now()) {
            Ok(begun) => begun,
            Err(error_code) => return FetchResponse { error_code, ..Default::default() }.into(),
        };
        let read = Fetch::new(&self, (&asked, naming), &context, &state).wait().await;
        let throttle = charge(&context.account, read.size_bytes);
        if !throttle.is_zero() {
            return Answer::from(held_back(sessions.held_back(&begun))).held_back(throttle);
        }
        let Pass { answers, node_endpoints, sources, .. } = read;
        sources.iter().for_each(|(partition, size_bytes)| partition.count_sent(*size_bytes));
        match sessions.finish(begun, answers, state.clock.now()) {
            Ok((session_id, news)) => {
                let (responses, files) = by_topic(news);
                let response = FetchResponse { session_id, responses, node_endpoints, ..Default::default() };
                Answer::Response { response, files, throttle }
            }
            Err(error_code) => FetchResponse { error_code, ..Default::default() }.into(),
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

/// Charges what was read; gives how long the reader is held back. Then it gets nothing, and nothing is charged but the work.
fn charge(account: &Account, size_bytes: usize) -> Duration {
    let by_work = account.charge_work();
    let by_size = account.charge(QuotaKind::Fetch, size_bytes);
    let throttle = by_work.max(by_size);
    if !throttle.is_zero() {
        account.take_back(QuotaKind::Fetch, size_bytes);
    }
    throttle
}

/// The answer to who is held back: empty, and of the same session.
fn held_back(session: Result<i32, ErrorCode>) -> FetchResponse {
    match session {
        Ok(session_id) => FetchResponse { session_id, ..Default::default() },
        Err(error_code) => FetchResponse { error_code, ..Default::default() },
    }
}

/// A request with its limits.
struct Fetch<'a> {
    asked: &'a [Asked],
    denials: Denials,
    is_follower: bool,
    context: &'a RequestContext,
    deadline: Instant,
    state: &'a State,
    isolation: Isolation,
    max_bytes: usize,
    min_bytes: usize,
}

/// The result of one pass over the partitions.
struct Pass {
    answers: Vec<Answered>,
    node_endpoints: Vec<NodeEndpoint>,
    watches: Vec<FetchWatch>,
    /// The partitions with something to send, and how many bytes.
    sources: Vec<(Arc<Partition>, usize)>,
    size_bytes: usize,
    file_runs: usize,
    /// Whether there is something to answer with at once: enough bytes, an error, or a log that left the reader's.
    is_enough: bool,
}

impl<'a> Fetch<'a> {
    fn new(
        request: &FetchRequest,
        (asked, naming): (&'a [Asked], Naming),
        context: &'a RequestContext,
        state: &'a State,
    ) -> Self {
        let max_bytes = usize::try_from(request.max_bytes)
            .unwrap_or_default()
            .min(state.config.fetch_max_bytes)
            // More than this at once would never be sent.
            .min(context.account.most_at_once(QuotaKind::Fetch));
        let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or_default());
        let is_follower = request.replica_id.0 >= 0 || request.replica_state.replica_id.0 >= 0;
        let denials = if is_follower {
            Denials::of_follower(asked, &context.access)
        } else {
            Denials::of_consumer(asked, naming, &context.access, state)
        };
        Self {
            asked,
            denials,
            is_follower,
            context,
            deadline: after(context.received_at, max_wait).into(),
            state,
            isolation: Isolation::from_wire(request.isolation_level),
            max_bytes,
            min_bytes: usize::try_from(request.min_bytes).unwrap_or_default().min(max_bytes),
        }
    }

    /// Reads until it is enough or has taken long enough.
    async fn wait(&self) -> Pass {
        let mut waiting = None;
        loop {
            let mut read = self.read();
            if read.is_enough || read.watches.is_empty() || Instant::now() >= self.deadline {
                return read;
            }
            waiting.get_or_insert_with(|| self.state.counters.waiting_fetch.enter());
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
            sources: Vec::new(),
            size_bytes: 0,
            file_runs: 0,
            is_enough: self.min_bytes == 0,
        };
        for (place, asked) in self.asked.iter().enumerate() {
            let (data, file) = self.read_partition(asked, place, &mut pass);
            pass.answers.push(Answered { topic: asked.topic.clone(), topic_id: asked.topic_id, data, file });
        }
        pass.is_enough |= pass.size_bytes >= self.min_bytes;
        pass
    }

    fn read_partition(
        &self,
        asked: &Asked,
        place: usize,
        pass: &mut Pass,
    ) -> (PartitionData, Option<FileRun>) {
        let allowed = self.denials.at(place).map_or(Ok(()), Err);
        let partition = match allowed.and_then(|()| self.partition(asked)) {
            Ok(partition) => partition,
            Err(error) => {
                pass.is_enough = true;
                return (self.absent(asked, error), None);
            }
        };
        let asked = &asked.partition;
        let read = partition.read(FetchRead {
            fetch_offset: asked.fetch_offset,
            max_bytes: usize::try_from(asked.partition_max_bytes)
                .unwrap_or_default()
                .min(self.max_bytes.saturating_sub(pass.size_bytes)),
            first_batch: if pass.size_bytes == 0 { FirstBatch::Always } else { FirstBatch::IfItFits },
            file_run_min_bytes: if pass.file_runs < MAX_FILE_RUNS {
                self.context.file_run_min_bytes
            } else {
                usize::MAX
            },
            isolation: self.isolation,
            current_leader_epoch: said(asked.current_leader_epoch),
            last_fetched_epoch: said(asked.last_fetched_epoch),
        });
        match read {
            Ok(read) => {
                pass.size_bytes += read.records.len();
                pass.file_runs += usize::from(matches!(read.records, ByteRun::File(_)));
                pass.is_enough |= read.diverging.is_some();
                pass.watches.push(partition.watch(self.isolation, read.watermarks));
                if !read.records.is_empty() {
                    pass.sources.push((partition, read.records.len()));
                }
                self.found(asked.partition, read)
            }
            Err(error) => {
                pass.is_enough = true;
                (self.failed(asked.partition, error, &partition, &mut pass.node_endpoints), None)
            }
        }
    }

    fn partition(&self, asked: &Asked) -> Result<Arc<Partition>, ErrorCode> {
        if self.is_follower {
            // There is no other broker whose replica this could be.
            Err(ErrorCode::NotLeaderOrFollower)
        } else {
            self.find(asked)
        }
    }

    fn find(&self, Asked { topic, topic_id, partition }: &Asked) -> Result<Arc<Partition>, ErrorCode> {
        let index = partition.partition;
        if self.context.version < FIRST_TOPIC_ID_VERSION {
            self.state.replicas.get(topic, index)
        } else if topic_id.is_nil() {
            Err(ErrorCode::UnknownTopicId)
        } else {
            self.state.replicas.get_by_id(*topic_id, index)
        }
    }

    fn found(&self, partition_index: i32, read: PartitionRead) -> (PartitionData, Option<FileRun>) {
        let (records, file) = match read.records {
            ByteRun::Memory(bytes) => (RecordData::Here(bytes), None),
            ByteRun::File(run) => (RecordData::Elsewhere(run.len()), Some(run)),
        };
        let data = PartitionData {
            partition_index,
            high_watermark: read.watermarks.high,
            last_stable_offset: read.watermarks.stable,
            log_start_offset: read.watermarks.log_start,
            diverging_epoch: read.diverging.map(epoch_end).unwrap_or_default(),
            // The list is there for whoever reads committed records only.
            aborted_transactions: (self.isolation == Isolation::ReadCommitted)
                .then(|| read.aborted.iter().map(aborted_transaction).collect()),
            records: Some(records),
            ..Default::default()
        };
        (data, file)
    }

    /// A failure of a partition that is not read: it is not here, or by a follower that is none, who is told the leader.
    fn absent(&self, asked: &Asked, error: ErrorCode) -> PartitionData {
        let mut data = refused(asked.partition.partition, error);
        if error != ErrorCode::NotLeaderOrFollower {
            data.aborted_transactions = Some(Vec::new());
        }
        if self.is_follower
            && error == ErrorCode::NotLeaderOrFollower
            && self.context.version >= FIRST_LEADER_VERSION
            && let Ok(partition) = self.find(asked)
        {
            data.current_leader = self.leader_of(&partition);
        }
        data
    }

    fn leader_of(&self, partition: &Partition) -> LeaderIdAndEpoch {
        LeaderIdAndEpoch { leader_id: self.state.config.node_id, leader_epoch: partition.leader_epoch() }
    }

    /// A failure of a partition that is here: with its leader when the epoch was an old one.
    fn failed(
        &self,
        partition_index: i32,
        error: ErrorCode,
        partition: &Partition,
        node_endpoints: &mut Vec<NodeEndpoint>,
    ) -> PartitionData {
        let mut data = refused(partition_index, error);
        if error == ErrorCode::FencedLeaderEpoch && self.context.version >= FIRST_LEADER_VERSION {
            data.current_leader = self.leader_of(partition);
            if node_endpoints.is_empty() {
                node_endpoints.extend(self.this_node(data.current_leader.leader_id));
            }
        }
        data
    }

    fn this_node(&self, node_id: NodeId) -> Option<NodeEndpoint> {
        let image = self.state.cluster.image();
        let broker = image.broker(node_id)?;
        let (host, port) = self.state.client_endpoint(broker, self.context)?;
        Some(NodeEndpoint { node_id, host, port, rack: broker.rack.clone() })
    }
}

const fn aborted_transaction(aborted: &log::AbortedTransaction) -> AbortedTransaction {
    AbortedTransaction { producer_id: aborted.producer_id, first_offset: aborted.first_offset }
}

const fn epoch_end(end: EpochEnd) -> EpochEndOffset {
    EpochEndOffset { epoch: end.epoch, end_offset: end.end_offset }
}

/// An epoch that a request names; all below zero are none.
fn said(epoch: LeaderEpoch) -> LeaderEpoch {
    epoch.max(LeaderEpoch::NONE)
}

/// Answers as the wire has them: neighbours of one topic share an entry, so that the order is kept; and the files.
fn by_topic(answers: Vec<Answered>) -> (Vec<FetchableTopicResponse>, Vec<FileRun>) {
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
        records: Some(Bytes::new().into()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
