//! Fetch answers: the engine keeps the records, and tries refusals again or reports them.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use kestrel_protocol::messages::fetch::{FetchResponse, PartitionData, RecordData};
use kestrel_protocol::{ApiKey, DecodeError, DecodeErrorKind, ErrorClass, ErrorCode, LeaderEpoch, NodeId};

use super::{Engine, FetchNews, damaged, position_error};
use crate::config::IsolationLevel;
use crate::consumer::fetch::{Brought, CompletedFetch, Damage, FetchedRecords, Lane, PartitionAnswer, Scan};
use crate::consumer::position::{FetchPosition, FetchState, PositionId, StartAt};
use crate::consumer::retry::{Pause, Retry};
use crate::environment::after;
use crate::error::{BrokerError, Chain, Error};
use crate::metadata::LeaderHint;
use crate::record::TopicPartition;

impl Engine {
    /// A broker answered a fetch, or did not.
    pub(crate) fn handle_fetch(
        &mut self,
        node: NodeId,
        lane: Lane,
        result: Result<FetchResponse, Error>,
        now: Instant,
    ) -> FetchNews {
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%node, error = %Chain(&error), "a fetch failed");
                self.wants_metadata = true;
                self.report_refusal(&error);
                let (asked, pause) = self.fetcher.handle_failure(node, lane, now);
                for position_id in asked {
                    if let Some(partition) = self.subscription.if_current(position_id) {
                        partition.forget_preferred_replica();
                        partition.note_failure(error.clone());
                    }
                }
                let retries = pause.map(|pause| fetched_again(None, error, pause)).into_iter().collect();
                return FetchNews { retries, ..FetchNews::default() };
            }
        };
        let endpoints = std::mem::take(&mut response.node_endpoints);
        let endpoints = endpoints.into_iter().map(|node| (node.node_id, node.host, node.port, node.rack));
        let mut news = FetchNews { endpoints: endpoints.collect(), ..FetchNews::default() };
        let outcome = self.fetcher.handle_answer(node, lane, response, now);
        if let Some(code) = outcome.error {
            tracing::debug!(%node, %code, "a broker refused a fetch");
            self.wants_metadata = true;
            let refusal = || Error::from(BrokerError::new(ApiKey::Fetch, code));
            news.retries.extend(outcome.pause.map(|pause| fetched_again(None, refusal(), pause)));
            for position_id in outcome.refused {
                if let Some(partition) = self.subscription.if_current(position_id) {
                    partition.note_failure(refusal());
                }
            }
        }
        for answer in outcome.answers {
            news.leaders.extend(self.leader_hint(&answer));
            news.heard.push(answer.position_id.id);
            news.brought += self.handle_partition(answer, outcome.size_bytes, &mut news.retries, now);
        }
        self.wake();
        news
    }

    /// A broker and the client do not accept each other: that is for the caller at once, because it does not pass by itself.
    pub(super) fn report_refusal(&mut self, error: &Error) {
        if matches!(error, Error::Authentication { .. }) {
            self.report_problem(error.clone());
        }
    }

    /// Serves logs in memory, a batch for each offset, to the partitions that want records, in the place of brokers.
    pub(crate) fn serve(&mut self, logs: &BTreeMap<TopicPartition, Vec<Bytes>>, now: Instant) {
        let ids: Vec<_> = self.subscription.iter().map(|(id, _)| id).collect();
        for id in ids {
            let Some(partition) = self.subscription.get_mut(id) else { continue };
            partition.parking.end_rest();
            let Some(log) = logs.get(&partition.name) else { continue };
            let end = i64::try_from(log.len()).unwrap_or(i64::MAX);
            (partition.high_watermark, partition.last_stable_offset) = (Some(end), Some(end));
            match partition.state() {
                FetchState::AwaitingReset(StartAt::Latest) => partition.start_at(start_of(end)),
                FetchState::AwaitingReset(_) => partition.start_at(start_of(0)),
                FetchState::AwaitingCommitted => {
                    partition.start_at(start_of(partition.committed.unwrap_or(0)));
                }
                _ => {}
            }
            let FetchState::Fetching(position) = partition.state() else { continue };
            let rest = usize::try_from(position.offset).ok().and_then(|offset| log.get(offset..));
            let Some(rest) = rest.filter(|rest| !rest.is_empty()) else { continue };
            if self.buffer.first(id).is_some() {
                continue;
            }
            let records = Bytes::from(rest.concat());
            let (position_id, topic, number) =
                (partition.position_id(id), partition.topic(), partition.name.partition);
            let frame_bytes = records.len();
            self.keep(
                FetchedRecords {
                    position_id,
                    topic,
                    partition: number,
                    position,
                    records,
                    aborted: None,
                    frame_bytes,
                },
                now,
            );
        }
        self.wake();
    }

    fn leader_hint(&self, answer: &PartitionAnswer) -> Option<LeaderHint> {
        let named = &answer.data.current_leader;
        let partition = self.subscription.get(answer.position_id.id)?;
        (named.leader_id != NodeId::NONE && named.leader_epoch != LeaderEpoch::NONE).then(|| LeaderHint {
            topic: partition.topic(),
            partition: partition.name.partition,
            leader: named.leader_id,
            leader_epoch: named.leader_epoch,
        })
    }

    fn handle_partition(
        &mut self,
        answer: PartitionAnswer,
        frame_bytes: usize,
        retries: &mut Vec<Retry>,
        now: Instant,
    ) -> Brought {
        let PartitionAnswer { position_id, fetch_offset, leader_epoch, data } = answer;
        let state = self.subscription.if_current(position_id).map(|partition| partition.state());
        let Some(FetchState::Fetching(position)) = state else { return Brought::default() };
        if position.offset != fetch_offset {
            return Brought::default();
        }
        match data.error_code {
            ErrorCode::None => return self.handle_data(position_id, position, data, frame_bytes, now),
            ErrorCode::OffsetOutOfRange => self.handle_out_of_range(position_id, position, leader_epoch),
            code => retries.extend(self.handle_refusal(position_id, code, now)),
        }
        Brought::default()
    }

    fn handle_data(
        &mut self,
        position_id: PositionId,
        position: FetchPosition,
        data: PartitionData,
        frame_bytes: usize,
        now: Instant,
    ) -> Brought {
        let Some(partition) = self.subscription.get_mut(position_id.id) else { return Brought::default() };
        partition.succeed();
        partition.high_watermark = Some(data.high_watermark);
        partition.last_stable_offset = (data.last_stable_offset >= 0).then_some(data.last_stable_offset);
        if data.preferred_read_replica != NodeId::NONE {
            partition.prefer_replica(data.preferred_read_replica, after(now, self.preferred_replica_max_age));
        }
        let records = data.records.and_then(RecordData::into_bytes).filter(|records| !records.is_empty());
        let Some(records) = records else { return Brought::default() };
        let aborted = match self.settings.isolation_level {
            IsolationLevel::ReadUncommitted => None,
            IsolationLevel::ReadCommitted => Some(data.aborted_transactions.unwrap_or_default()),
        };
        self.served += 1;
        partition.last_served = self.served;
        let (topic, number) = (partition.topic(), partition.name.partition);
        self.keep(
            FetchedRecords { position_id, topic, partition: number, position, records, aborted, frame_bytes },
            now,
        )
    }

    fn keep(&mut self, fetched: FetchedRecords, now: Instant) -> Brought {
        let (id, position) = (fetched.position_id.id, fetched.position);
        let Scan { fetch, damage, is_torn_only, brought } = CompletedFetch::scan(fetched);
        let Some(partition) = self.subscription.get_mut(id) else { return brought };
        if let Some(mut fetch) = fetch {
            if let Some(end) = partition.range_end {
                fetch.end_at(end);
            }
            partition.advance(fetch.end());
            if partition.paused {
                fetch.detach();
            }
            partition.report.handle_records(self.buffer.first(id).is_none());
            self.buffer.push(fetch);
            return brought;
        }
        let torn = DecodeError::new(DecodeErrorKind::Truncated, "record batch");
        let torn = is_torn_only.then_some(Damage {
            offset: position.offset,
            next_offset: position.offset + 1,
            cause: torn,
        });
        if let Some(damage) = damage.or(torn) {
            let error = position_error(partition, damaged(damage));
            self.subscription.fail(id, now);
            self.subscription.report(id, error);
        }
        brought
    }

    /// A broker says that the position is not in the log. Followers and leaders that have just changed may be wrong.
    fn handle_out_of_range(
        &mut self,
        position_id: PositionId,
        position: FetchPosition,
        asked_epoch: LeaderEpoch,
    ) {
        let Some(partition) = self.subscription.get_mut(position_id.id) else { return };
        let was_follower = partition.forget_preferred_replica();
        let leader_moved = partition.leader().is_none_or(|leader| leader.epoch != asked_epoch);
        if !was_follower && !leader_moved {
            partition.enter(FetchState::AwaitingRangeCheck { position, start_offset: None });
        }
    }

    fn handle_refusal(&mut self, position_id: PositionId, code: ErrorCode, now: Instant) -> Option<Retry> {
        let partition = self.subscription.get_mut(position_id.id)?;
        partition.forget_preferred_replica();
        let error = BrokerError::new(ApiKey::Fetch, code).topic(partition.topic());
        let error = Error::from(error.partition(partition.name.partition));
        let name = partition.name.clone();
        match code.class() {
            ErrorClass::Retriable | ErrorClass::RefreshMetadata => {
                tracing::debug!(partition = %name, %code, "a fetch is tried again");
                partition.note_failure(error.clone());
                self.wants_metadata = true;
            }
            _ => self.subscription.report(position_id.id, error.clone()),
        }
        let pause = self.subscription.fail(position_id.id, now)?;
        Some(fetched_again(Some(name), error, pause))
    }
}

const fn fetched_again(partition: Option<TopicPartition>, error: Error, pause: Pause) -> Retry {
    Retry { operation: "fetch", partition, error, pause }
}

const fn start_of(offset: i64) -> FetchPosition {
    FetchPosition { offset, epoch: None }
}
