//! Produce, versions 3 to 13 (topics by id from 13, KIP-516): appends one record batch to each partition.
//!
//! The append is the ordered part: it has happened when [`Handler::handle`] returns. Waiting until the batches are stored is the
//! other part. acks=1 and acks=all are alike on a single node: both are answered when the high watermark has passed the
//! batch, so that an answer means what the durability promises. acks=0 has no answer; a failure closes the connection.
//! Records that begin a transaction in their partition are appended once its coordinator has the partition, and what the client
//! sends behind them is not taken before: see [`verification`].

mod verification;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use kestrel_protocol::messages::produce::{
    BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, TopicProduceData, TopicProduceResponse,
};
use kestrel_protocol::record::{Attributes, Compression};
use kestrel_protocol::{ErrorCode, Timestamp, TopicId};
use tokio::time::timeout_at;

use super::handler::HeldHandler;
use super::{Access, Answer, Close, Handler, RequestContext, State};
use crate::authorizer::AclOperation::Write;
use crate::authorizer::ResourceType::{Topic, TransactionalId};
use crate::clock::after;
use crate::log::{AppendError, AppendOrigin, Appended, RecordFault};
use crate::partition::Partition;
use crate::quota::QuotaKind;
use verification::{Verdicts, Verification};

/// The first version in which batches may be compressed with zstd (KIP-110).
const FIRST_ZSTD_VERSION: i16 = 7;
/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 13;
/// The position in a batch of the number of its format.
const MAGIC_AT: usize = 16;
/// The current format.
const MAGIC: u8 = 2;
/// The position in a batch of its attributes.
const ATTRIBUTES_AT: usize = 21;
/// The position in a batch of its producer's id and epoch.
const PRODUCER_AT: usize = 43;
/// The position after them.
const PRODUCER_END: usize = 53;

/// The offset in an answer that has none.
const NO_OFFSET: i64 = -1;
/// The values of `acks` that there are.
const NO_ACKS: i16 = 0;
const ALL_ACKS: i16 = -1;
const LEADER_ACKS: i16 = 1;

impl Handler for ProduceRequest {
    fn handle(
        self,
        context: RequestContext,
        state: Arc<State>,
    ) -> impl Future<Output = Answer<ProduceResponse>> {
        produce(self, &Verdicts::default(), context, &state)
    }

    fn refusal(&self, error: ErrorCode) -> ProduceResponse {
        let refuse = |data: &PartitionProduceData| refused(data.index, error, error.meaning().to_owned());
        let topic = |topic: &TopicProduceData| TopicProduceResponse {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partition_responses: topic.partition_data.iter().map(refuse).collect(),
        };
        ProduceResponse { responses: self.topic_data.iter().map(topic).collect(), ..Default::default() }
    }
}

impl HeldHandler for ProduceRequest {
    type Awaited = Verdicts;

    fn wait_first(
        &self,
        context: &RequestContext,
        state: &Arc<State>,
    ) -> Option<BoxFuture<'static, Verdicts>> {
        if self.transactional_id.is_none() || check_transactional(self, &context.access).is_err() {
            return None;
        }
        let append = Append::new(self, context, state);
        let verification = Verification::begin(self, &append, deadline(self, context.received_at))?;
        Some(verification.verdicts(state).boxed())
    }

    fn handle_after(
        self,
        verdicts: Verdicts,
        context: RequestContext,
        state: Arc<State>,
    ) -> impl Future<Output = Answer<ProduceResponse>> {
        produce(self, &verdicts, context, &state)
    }
}

/// Appends, and gives the future that waits until everything is stored.
fn produce(
    request: ProduceRequest,
    verdicts: &Verdicts,
    context: RequestContext,
    state: &State,
) -> impl Future<Output = Answer<ProduceResponse>> + Send + use<> {
    let begun = match check_transactional(&request, &context.access) {
        Ok(()) => Begun::append(request, verdicts, &context, state),
        Err(error) => Begun::refused(&request, error, context.received_at),
    };
    let waits = begun.acks != NO_ACKS && !begun.unstored.is_empty();
    let waiting = waits.then(|| state.counters.waiting_produce.enter());
    let RequestContext { account, size_bytes, .. } = context;
    async move {
        let _until_stored = waiting;
        if begun.acks == NO_ACKS {
            account.exempt_work();
            let throttle = account.charge(QuotaKind::Produce, size_bytes);
            let failure = begun.first_error().map(Close::Unacknowledged);
            failure.map_or(Answer::Nothing { throttle }, Answer::Close)
        } else {
            let answer = Answer::from(begun.stored().await);
            answer.held_back(account.charge(QuotaKind::Produce, size_bytes))
        }
    }
}

/// When the request gives up waiting.
fn deadline(request: &ProduceRequest, received_at: Instant) -> Instant {
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or_default());
    after(received_at, timeout)
}

/// A request whose batches are in their logs, or refused.
struct Begun {
    acks: i16,
    deadline: Instant,
    /// The answer, if everything gets stored.
    response: ProduceResponse,
    /// The batches that are not stored yet.
    unstored: Vec<Unstored>,
}

/// A batch above the high watermark.
struct Unstored {
    partition: Arc<Partition>,
    last_offset: i64,
    /// The place of its result in the response: topic, partition.
    place: (usize, usize),
}

/// The reason why a batch was refused.
struct Refusal {
    error: ErrorCode,
    message: String,
    records: Vec<RecordFault>,
    /// The first offset of the log that looked into the batch.
    log_start_offset: i64,
}

impl Begun {
    fn append(request: ProduceRequest, verdicts: &Verdicts, context: &RequestContext, state: &State) -> Self {
        let append = Append::new(&request, context, state);
        let mut begun = Self {
            acks: request.acks,
            deadline: deadline(&request, context.received_at),
            response: ProduceResponse::default(),
            unstored: Vec::new(),
        };
        begun.response.responses = Vec::with_capacity(request.topic_data.len());
        // As Apache Kafka: a topic without partitions is left out of the answer.
        for topic in request.topic_data.into_iter().filter(|topic| !topic.partition_data.is_empty()) {
            begun.append_topic(&append, verdicts, topic);
        }
        begun
    }

    /// A request of which nothing is appended.
    fn refused(request: &ProduceRequest, error: ErrorCode, now: Instant) -> Self {
        Self { acks: request.acks, deadline: now, response: request.refusal(error), unstored: Vec::new() }
    }

    fn append_topic(&mut self, append: &Append<'_>, verdicts: &Verdicts, topic: TopicProduceData) {
        let TopicProduceData { mut name, topic_id, partition_data } = topic;
        let allowed = append.check_topic(&name, topic_id);
        let place = self.response.responses.len();
        let mut results = Vec::with_capacity(partition_data.len());
        for PartitionProduceData { index, records } in partition_data {
            let (partition, appended) = match allowed {
                Ok(()) => match append.partition(&name, topic_id, index) {
                    Ok(partition) => {
                        let appended = append.batch(&partition, verdicts, records);
                        (Some(partition), appended)
                    }
                    Err(error) => (None, Err(error.into())),
                },
                Err(error) => (None, Err(error.into())),
            };
            if let Some(partition) = &partition
                && append.version < FIRST_TOPIC_ID_VERSION
            {
                // The name in the request is a slice of the frame and would keep it.
                name = partition.topic().clone();
            }
            if let (Some(partition), Ok(appended)) = (partition, &appended)
                && partition.watermarks().high <= appended.last_offset
            {
                let place = (place, results.len());
                self.unstored.push(Unstored { partition, last_offset: appended.last_offset, place });
            }
            results.push(result(index, appended));
        }
        self.response.responses.push(TopicProduceResponse { name, topic_id, partition_responses: results });
    }

    /// Waits until everything is stored or the time is over. What is not stored then stays in the log.
    async fn stored(mut self) -> ProduceResponse {
        for Unstored { partition, last_offset, place: (topic, result) } in std::mem::take(&mut self.unstored)
        {
            let stored = timeout_at(self.deadline.into(), partition.committed(last_offset)).await;
            let error = match stored {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error,
                Err(_) => ErrorCode::RequestTimedOut,
            };
            let topic = self.response.responses.get_mut(topic);
            if let Some(result) = topic.and_then(|topic| topic.partition_responses.get_mut(result)) {
                result.error_code = error;
                result.error_message = Some(error.meaning().into());
            }
        }
        self.response
    }

    fn first_error(&self) -> Option<ErrorCode> {
        let results = self.response.responses.iter().flat_map(|topic| &topic.partition_responses);
        results.map(|result| result.error_code).find(|error| !error.is_none())
    }
}

/// The parameters that all batches of a request share.
struct Append<'a> {
    state: &'a State,
    access: &'a Access,
    version: i16,
    acks: i16,
    now: Timestamp,
}

impl<'a> Append<'a> {
    fn new(request: &ProduceRequest, context: &'a RequestContext, state: &'a State) -> Self {
        let RequestContext { access, version, .. } = context;
        Self { state, access, version: *version, acks: request.acks, now: state.clock.wall() }
    }

    fn batch(
        &self,
        partition: &Arc<Partition>,
        verdicts: &Verdicts,
        records: Option<Bytes>,
    ) -> Result<Appended, Refusal> {
        self.check(partition, records.as_ref())?;
        let guard = verdicts.of(partition)?;
        partition
            .append_verified(records.unwrap_or_default(), AppendOrigin::Client, guard, self.now)
            .map_err(|error| Refusal::by_log(&error, partition.watermarks().log_start))
    }

    /// Whether the sender may write to a topic; asked by name before it is looked up, so that names do not leak.
    fn check_topic(&self, name: &str, topic_id: TopicId) -> Result<(), ErrorCode> {
        if self.access.is_open() {
            return Ok(());
        }
        if self.version < FIRST_TOPIC_ID_VERSION {
            return self.access.check(Write, Topic, name);
        }
        let image = self.state.cluster.image();
        let topic = image.topic_by_id(topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        self.access.check(Write, Topic, &topic.name)
    }

    fn partition(&self, name: &str, topic_id: TopicId, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        if self.version < FIRST_TOPIC_ID_VERSION {
            self.state.replicas.get(name, index)
        } else {
            self.state.replicas.get_by_id(topic_id, index)
        }
    }

    /// Whether coordinators keep their state in the topic. Only names that could be are looked up.
    fn is_internal(&self, topic: &str) -> bool {
        topic.starts_with("__")
            && self.state.cluster.image().topic(topic).is_some_and(|topic| topic.is_internal())
    }

    /// Checks what the log does not: `acks`, internal topics, compression by version.
    fn check(&self, partition: &Partition, records: Option<&Bytes>) -> Result<(), Refusal> {
        if ![NO_ACKS, ALL_ACKS, LEADER_ACKS].contains(&self.acks) {
            return Err(ErrorCode::InvalidRequiredAcks.into());
        }
        if self.is_internal(partition.topic()) {
            return Err(Refusal::new(ErrorCode::InvalidTopic, "only the broker itself writes to this topic"));
        }
        if records.is_none_or(Bytes::is_empty) {
            return Err(Refusal::new(
                ErrorCode::InvalidRecord,
                "exactly one record batch is needed, and there is none",
            ));
        }
        // What is no batch of the current format the log refuses.
        let Some(attributes) = records.and_then(attributes) else { return Ok(()) };
        let is_zstd = matches!(attributes.compression(), Ok(Compression::Zstd));
        if is_zstd && self.version < FIRST_ZSTD_VERSION {
            let message =
                "zstd needs version 7 of the request, so that old consumers are not surprised by it";
            return Err(Refusal::new(ErrorCode::UnsupportedCompressionType, message));
        }
        Ok(())
    }
}

/// Checks that transactional batches come with a transactional id that the sender may use, and from one producer.
fn check_transactional(request: &ProduceRequest, access: &Access) -> Result<(), ErrorCode> {
    let batches = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let mut producers = batches.filter_map(|data| {
        let records = data.records.as_ref()?;
        attributes(records).filter(|attributes| attributes.is_transactional())?;
        records.get(PRODUCER_AT..PRODUCER_END)
    });
    let Some(producer) = producers.next() else { return Ok(()) };
    let Some(id) = &request.transactional_id else {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    };
    access.check(Write, TransactionalId, id)?;
    if producers.any(|other| other != producer) {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    Ok(())
}

/// The attributes of what looks like a batch of the current format.
fn attributes(records: &Bytes) -> Option<Attributes> {
    records.get(MAGIC_AT).filter(|magic| **magic == MAGIC)?;
    let (attributes, _) = records.get(ATTRIBUTES_AT..)?.split_first_chunk()?;
    Some(Attributes(i16::from_be_bytes(*attributes)))
}

impl Refusal {
    fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self { error, message: message.into(), records: Vec::new(), log_start_offset: NO_OFFSET }
    }

    fn by_log(error: &AppendError, log_start_offset: i64) -> Self {
        let records = match error {
            AppendError::InvalidRecord { records, .. } | AppendError::InvalidTimestamp { records, .. } => {
                records.clone()
            }
            _ => Vec::new(),
        };
        // As Apache Kafka: where the log begins is said when single records were looked at.
        let log_start_offset = if records.is_empty() { NO_OFFSET } else { log_start_offset };
        Self { error: error.into(), message: error.to_string(), records, log_start_offset }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Self {
        Self::new(error, error.meaning())
    }
}

fn result(index: i32, appended: Result<Appended, Refusal>) -> PartitionProduceResponse {
    match appended {
        Ok(appended) => PartitionProduceResponse {
            index,
            base_offset: appended.base_offset,
            log_append_time_ms: appended.log_append_time.unwrap_or(Timestamp::NONE).as_millis(),
            log_start_offset: appended.log_start_offset,
            ..Default::default()
        },
        Err(refusal) => PartitionProduceResponse {
            log_start_offset: refusal.log_start_offset,
            record_errors: refusal.records.into_iter().map(record_error).collect(),
            ..refused(index, refusal.error, refusal.message)
        },
    }
}

fn refused(index: i32, error: ErrorCode, message: String) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        error_code: error,
        base_offset: NO_OFFSET,
        error_message: Some(message.into()),
        ..Default::default()
    }
}

fn record_error(fault: RecordFault) -> BatchIndexAndErrorMessage {
    BatchIndexAndErrorMessage {
        batch_index: fault.index,
        batch_index_error_message: Some(fault.message.into()),
    }
}

#[cfg(test)]
mod tests;
