//! Committer: sends offsets to the coordinator, one request at a time. A machine: no I/O, no clock.
//!
//! Driven by the [`GroupDriver`](super::driver::GroupDriver). Every offset carries the assignment that it belongs to; one
//! of an assignment that has ended is never sent, so a late commit cannot rewind what the next owner has committed, and fails
//! as lost; what else was handed in with it is committed. What fails for a while is tried again until its deadline; nothing here keeps the consumer from fetching.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, LeaderEpoch, TopicId};

use super::committed::{LAST_VERSION, LAST_VERSION_WITH_NAMES};
use super::machine::MemberIdentity;
use super::offset::OffsetAndMetadata;
use crate::consumer::position::AssignmentId;
use crate::consumer::retry::{Pause, Retry};
use crate::environment::after;
use crate::error::{BrokerError, Chain, CommitFailed, Error};
use crate::net::ExponentialBackoff;
use crate::record::TopicPartition;

/// The assignment of a partition that an offset belongs to, and the topic that the partition was of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) id: AssignmentId,
    /// Nil when the broker does not say it.
    pub(crate) topic_id: TopicId,
}

/// An offset to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) assignment: Assignment,
    pub(crate) offset: OffsetAndMetadata,
}

/// Offsets to commit, by partition.
pub(crate) type Entries = BTreeMap<TopicPartition, Entry>;

/// Offsets that are handed in to be committed.
#[derive(Debug, Default)]
pub(crate) struct Submission {
    pub(crate) entries: Entries,
    /// Partitions that belong to it and are lost: then it fails, whatever becomes of the rest.
    pub(crate) lost: Vec<TopicPartition>,
}

/// Says which call waits for what became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JobId(u64);

/// Offsets that were handed in together.
#[derive(Debug)]
struct Job {
    id: JobId,
    entries: Entries,
    /// When to give up; `None` for automatic commits, which are not tried twice: the next one says more.
    deadline: Option<(Instant, Duration)>,
    not_before: Option<Instant>,
    failures: u32,
    /// Partitions that belong to it and cannot be committed any more.
    lost: Vec<TopicPartition>,
    /// The first refusal that is for good.
    refusal: Option<Error>,
    /// The error of the last try.
    problem: Option<Error>,
}

impl Job {
    /// Fails for good with `error`.
    fn fail(&mut self, error: Error) {
        self.entries.clear();
        self.refusal.get_or_insert(error);
    }

    /// The result, when there is nothing left to try.
    fn outcome(&mut self) -> Result<(), Error> {
        let lost = CommitFailed::of(std::mem::take(&mut self.lost));
        lost.or_else(|| self.refusal.take()).map_or(Ok(()), Err)
    }
}

/// An OffsetCommit to send.
#[derive(Debug, PartialEq)]
pub(crate) struct CommitRequest {
    pub(crate) request: OffsetCommitRequest,
    pub(crate) at_most: i16,
}

/// The news in an answer about the membership.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CommitNews {
    /// The broker is not the coordinator, or cannot be reached.
    pub(crate) is_coordinator_lost: bool,
    /// The coordinator does not take commits of the member in this generation.
    pub(crate) refused: Option<(i32, ErrorCode)>,
}

/// The commits of one consumer.
#[derive(Debug)]
pub(crate) struct Committer {
    group_id: ByteString,
    backoff: ExponentialBackoff,
    jobs: VecDeque<Job>,
    under_way: Option<(Job, i32)>,
    done: Vec<(JobId, Result<(), Error>)>,
    /// The offsets that the coordinator has of the current assignments, and the jobs that committed them.
    committed: BTreeMap<TopicPartition, (Entry, JobId)>,
    /// The offsets that were committed since the last look.
    news: Vec<(TopicPartition, Entry)>,
    /// The commit that is tried again, since the last look.
    retry: Option<Retry>,
    next_job: u64,
}

impl Committer {
    pub(crate) fn new(group_id: ByteString, backoff: ExponentialBackoff) -> Self {
        Self {
            group_id,
            backoff,
            jobs: VecDeque::new(),
            under_way: None,
            done: Vec::new(),
            committed: BTreeMap::new(),
            news: Vec::new(),
            retry: None,
            next_job: 0,
        }
    }

    /// Commits what was handed in and says what became of it within `patience`.
    pub(crate) fn submit(&mut self, submission: Submission, now: Instant, patience: Duration) -> JobId {
        let Submission { entries, lost } = submission;
        self.push(entries, lost, Some((after(now, patience), patience)))
    }

    /// Commits what of `entries` has changed. Nobody waits for it.
    pub(crate) fn submit_quietly(&mut self, mut entries: Entries) {
        entries.retain(|partition, entry| !self.is_committed(partition, entry));
        if entries.is_empty() {
            return;
        }
        // One automatic commit at the end of the queue is enough: the later one knows more.
        if let Some(last) = self.jobs.back_mut().filter(|job| job.deadline.is_none()) {
            last.entries.extend(entries);
        } else {
            self.push(entries, Vec::new(), None);
        }
    }

    fn push(
        &mut self,
        entries: Entries,
        lost: Vec<TopicPartition>,
        deadline: Option<(Instant, Duration)>,
    ) -> JobId {
        let id = JobId(self.next_job);
        self.next_job += 1;
        self.jobs.push_back(Job {
            id,
            entries,
            deadline,
            not_before: None,
            failures: 0,
            lost,
            refusal: None,
            problem: None,
        });
        id
    }

    fn is_committed(&self, partition: &TopicPartition, entry: &Entry) -> bool {
        self.committed.get(partition).is_some_and(|(known, _)| known == entry)
    }

    /// The number of jobs that are not done yet.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len() + usize::from(self.under_way.is_some())
    }

    /// The commit to send now, as the member `identity`, if there is any. What is not assigned any more as `is_current`
    /// says is not sent.
    pub(crate) fn poll(
        &mut self,
        identity: Option<&MemberIdentity>,
        is_current: impl Fn(&TopicPartition, Assignment) -> bool,
        now: Instant,
    ) -> Option<CommitRequest> {
        self.drop_obsolete(&is_current);
        self.expire(now);
        let identity = identity.filter(|_| self.under_way.is_none())?;
        let index = self.jobs.iter().position(|job| job.not_before.is_none_or(|at| at <= now))?;
        let job = self.jobs.remove(index)?;
        let request = self.request(&job, identity);
        self.under_way = Some((job, identity.generation));
        Some(request)
    }

    /// When there may be something to send or to give up without a new event.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let waits = self.jobs.iter().filter_map(|job| job.not_before);
        let ends = self.jobs.iter().filter_map(|job| job.deadline).map(|(at, _)| at);
        waits.chain(ends).min()
    }

    /// The coordinator answered, or did not.
    pub(crate) fn handle_answer(
        &mut self,
        result: Result<OffsetCommitResponse, Error>,
        now: Instant,
    ) -> CommitNews {
        let mut news = CommitNews::default();
        let Some((mut job, generation)) = self.under_way.take() else { return news };
        match result {
            Ok(response) => {
                for (partition, code) in outcomes(&job.entries, response) {
                    self.handle_outcome(&mut job, &partition, code, generation, &mut news);
                }
            }
            // It was never sent, and never can be.
            Err(error @ Error::Encode { .. }) => job.fail(error),
            Err(error) => {
                tracing::debug!(group = %self.group_id, error = %Chain(&error), "a commit was not answered");
                news.is_coordinator_lost = !matches!(error, Error::UnsupportedApi { .. });
                job.problem = Some(error);
            }
        }
        self.conclude(job, now);
        news
    }

    fn handle_outcome(
        &mut self,
        job: &mut Job,
        partition: &TopicPartition,
        code: ErrorCode,
        generation: i32,
        news: &mut CommitNews,
    ) {
        let class = code.class();
        if class == ErrorClass::None {
            if let Some(entry) = job.entries.remove(partition) {
                self.news.push((partition.clone(), entry.clone()));
                self.committed.insert(partition.clone(), (entry, job.id));
            }
            return;
        }
        tracing::debug!(group = %self.group_id, %partition, %code, "a commit was refused");
        let error = BrokerError::new(ApiKey::OffsetCommit, code)
            .group(&*self.group_id)
            .topic(partition.topic.clone())
            .partition(partition.partition);
        let error = Error::from(error);
        match class {
            ErrorClass::Retriable | ErrorClass::RefreshMetadata => {}
            ErrorClass::FindCoordinator => news.is_coordinator_lost = true,
            ErrorClass::Rejoin => news.refused = Some((generation, code)),
            _ => {
                if class == ErrorClass::Fenced {
                    news.refused = Some((generation, code));
                }
                // What else the job carries is committed all the same, if the coordinator takes it.
                job.entries.remove(partition);
                job.refusal.get_or_insert_with(|| error.clone());
            }
        }
        job.problem = Some(error);
    }

    /// Ends a job whose request was answered, or has it wait for its next try.
    fn conclude(&mut self, mut job: Job, now: Instant) {
        if job.entries.is_empty() || job.deadline.is_none() {
            return self.end(job);
        }
        job.failures += 1;
        let pause = Pause { failures: job.failures, backoff: self.backoff.delay(job.failures) };
        job.not_before = Some(after(now, pause.backoff));
        let error = job.problem.clone();
        self.retry = error.map(|error| Retry { operation: "commit", partition: None, error, pause });
        self.jobs.push_front(job);
    }

    fn end(&mut self, mut job: Job) {
        let result = job.outcome();
        if job.deadline.is_some() {
            self.done.push((job.id, result));
        } else if let Err(error) = result {
            // Nobody waits for it, and the next one will not fare better.
            tracing::warn!(group = %self.group_id, error = %Chain(&error), "an automatic commit failed");
        }
    }

    /// Takes out the offsets that were committed since the last call.
    pub(crate) fn take_committed(&mut self) -> Vec<(TopicPartition, Entry)> {
        std::mem::take(&mut self.news)
    }

    /// Takes out the commit that is tried again, if there is one since the last call.
    pub(crate) fn take_retry(&mut self) -> Option<Retry> {
        self.retry.take()
    }

    /// The jobs that are over, each once.
    pub(crate) fn take_done(&mut self) -> Vec<(JobId, Result<(), Error>)> {
        std::mem::take(&mut self.done)
    }

    /// Ends all jobs: the consumer is closed.
    pub(crate) fn close(&mut self) {
        let under_way = self.under_way.take().map(|(job, _)| job);
        for mut job in under_way.into_iter().chain(std::mem::take(&mut self.jobs)) {
            job.refusal = job.refusal.or_else(|| job.problem.take()).or_else(|| Some(closed()));
            if job.deadline.is_some() {
                self.end(job);
            }
        }
    }

    /// Takes out what belongs to assignments that have ended, and what a later job has overtaken.
    fn drop_obsolete(&mut self, is_current: &impl Fn(&TopicPartition, Assignment) -> bool) {
        self.committed.retain(|partition, (entry, _)| is_current(partition, entry.assignment));
        let mut kept = VecDeque::with_capacity(self.jobs.len());
        for mut job in std::mem::take(&mut self.jobs) {
            let lost = &mut job.lost;
            job.entries.retain(|partition, entry| {
                let is_lost = !is_current(partition, entry.assignment);
                if is_lost {
                    lost.push(partition.clone());
                }
                let is_overtaken = self.committed.get(partition).is_some_and(|&(_, by)| by > job.id);
                !is_lost && !is_overtaken
            });
            if job.entries.is_empty() {
                self.end(job);
            } else {
                kept.push_back(job);
            }
        }
        self.jobs = kept;
    }

    fn expire(&mut self, now: Instant) {
        let is_late = |job: &Job| job.deadline.is_some_and(|(at, _)| at <= now);
        let (late, kept): (Vec<_>, _) = std::mem::take(&mut self.jobs).into_iter().partition(is_late);
        self.jobs = VecDeque::from(kept);
        for mut job in late {
            let after = job.deadline.map(|(_, patience)| patience).unwrap_or_default();
            let error = Error::Timeout {
                operation: "committing offsets",
                after,
                setting: Some("default.api.timeout.ms"),
                possibly_written: job.problem.as_ref().is_some_and(Error::possibly_written),
                cause: job.problem.take().map(Box::new),
            };
            job.refusal.get_or_insert(error);
            self.end(job);
        }
    }

    fn request(&self, job: &Job, identity: &MemberIdentity) -> CommitRequest {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        let mut at_most = LAST_VERSION;
        for (partition, entry) in &job.entries {
            let topic_id = entry.assignment.topic_id;
            if topic_id.is_nil() {
                at_most = LAST_VERSION_WITH_NAMES;
            }
            let offset = OffsetCommitRequestPartition {
                partition_index: partition.partition,
                committed_offset: entry.offset.offset,
                committed_leader_epoch: entry.offset.leader_epoch.unwrap_or(LeaderEpoch::NONE),
                committed_metadata: Some(ByteString::from(&*entry.offset.metadata)),
            };
            match topics.last_mut().filter(|topic| *topic.name == *partition.topic) {
                Some(topic) => topic.partitions.push(offset),
                None => topics.push(OffsetCommitRequestTopic {
                    name: ByteString::from(&*partition.topic),
                    topic_id,
                    partitions: vec![offset],
                }),
            }
        }
        let request = OffsetCommitRequest {
            group_id: self.group_id.clone(),
            generation_id_or_member_epoch: identity.generation,
            member_id: identity.member_id.clone(),
            group_instance_id: identity.instance_id.clone(),
            topics,
            ..OffsetCommitRequest::default()
        };
        CommitRequest { request, at_most }
    }
}

fn closed() -> Error {
    Error::closed("consumer")
}

/// The outcome of each partition in an answer; one that it leaves out is tried again.
fn outcomes(entries: &Entries, response: OffsetCommitResponse) -> Vec<(TopicPartition, ErrorCode)> {
    let mut outcomes = Vec::new();
    for topic in response.topics {
        let is_named = !topic.name.is_empty();
        for answer in topic.partitions {
            let found = entries.iter().find(|(partition, entry)| {
                let is_topic = if is_named {
                    *topic.name == *partition.topic
                } else {
                    topic.topic_id == entry.assignment.topic_id
                };
                is_topic && partition.partition == answer.partition_index
            });
            outcomes.extend(found.map(|(partition, _)| (partition.clone(), answer.error_code)));
        }
    }
    outcomes
}

#[cfg(test)]
mod tests;
