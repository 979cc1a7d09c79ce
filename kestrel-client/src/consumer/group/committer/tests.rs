//! Scripts with a hand-held clock: what is sent, what is sent again, and what never is.

use std::cell::Cell;

use kestrel_protocol::messages::offset_commit::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};

use super::*;
use crate::consumer::testing::{Clock, TOPIC_ID, backoff};

const PATIENCE: Duration = Duration::from_secs(60);
const OTHER_TOPIC_ID: TopicId = TopicId::from_u128(8);

/// A committer whose partitions the test assigns.
struct Rig {
    clock: Clock,
    committer: Committer,
    generation: i32,
    /// The number of the assignment that is current, of all partitions.
    current: Cell<u64>,
    topic_id: Cell<TopicId>,
}

impl Rig {
    fn new() -> Self {
        Self {
            clock: Clock::start(),
            committer: Committer::new("billing".into(), backoff()),
            generation: 1,
            current: Cell::new(0),
            topic_id: Cell::new(TOPIC_ID),
        }
    }

    /// Offsets of partitions of the current assignment.
    fn entries(&self, offsets: &[(i32, i64)]) -> Entries {
        let assignment = Assignment { id: AssignmentId(self.current.get()), topic_id: self.topic_id.get() };
        let entry = |&(partition, offset): &(i32, i64)| {
            let offset = OffsetAndMetadata::new(offset);
            (TopicPartition::new("clicks", partition), Entry { assignment, offset })
        };
        offsets.iter().map(entry).collect()
    }

    fn submit(&mut self, millis: u64, offsets: &[(i32, i64)]) -> JobId {
        self.submit_with_lost(millis, offsets, &[])
    }

    fn submit_with_lost(&mut self, millis: u64, offsets: &[(i32, i64)], lost: &[i32]) -> JobId {
        let lost = lost.iter().map(|&partition| TopicPartition::new("clicks", partition)).collect();
        let submission = Submission { entries: self.entries(offsets), lost };
        self.committer.submit(submission, self.clock.at(millis), PATIENCE)
    }

    fn poll_as(&mut self, millis: u64, generation: Option<i32>) -> Option<OffsetCommitRequest> {
        let identity = generation.map(|generation| MemberIdentity {
            generation,
            member_id: "m-1".into(),
            instance_id: None,
        });
        let (current, topic_id) = (self.current.get(), self.topic_id.get());
        let is_current = |_: &TopicPartition, assignment: Assignment| {
            assignment.id == AssignmentId(current) && assignment.topic_id == topic_id
        };
        let polled = self.committer.poll(identity.as_ref(), is_current, self.clock.at(millis));
        polled.map(|commit| commit.request)
    }

    fn poll(&mut self, millis: u64) -> Option<OffsetCommitRequest> {
        self.poll_as(millis, Some(self.generation))
    }

    /// Answers the request under way with these outcomes.
    fn answer(&mut self, millis: u64, outcomes: &[(i32, ErrorCode)]) -> CommitNews {
        let partition = |&(partition_index, error_code): &(i32, ErrorCode)| OffsetCommitResponsePartition {
            partition_index,
            error_code,
        };
        let topic = OffsetCommitResponseTopic {
            name: ByteString::default(),
            topic_id: self.topic_id.get(),
            partitions: outcomes.iter().map(partition).collect(),
        };
        let response = OffsetCommitResponse { topics: vec![topic], ..OffsetCommitResponse::default() };
        self.committer.handle_answer(Ok(response), self.clock.at(millis))
    }

    /// The outcome of the one job that is over.
    fn outcome(&mut self) -> (JobId, Result<(), Error>) {
        let mut done = self.committer.take_done();
        assert_eq!(done.len(), 1, "{done:?}");
        done.remove(0)
    }

    fn assert_lost(&mut self, job: JobId, partitions: &[i32]) {
        let (id, result) = self.outcome();
        let Err(Error::CommitFailed(error)) = result else { panic!("{result:?}") };
        let lost: Vec<_> = error.partitions.iter().map(|partition| partition.partition).collect();
        assert_eq!((id, &*lost), (job, partitions));
    }
}

fn offsets(request: &OffsetCommitRequest) -> Vec<(i32, i64)> {
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| (partition.partition_index, partition.committed_offset)).collect()
}

#[test]
fn commits_are_sent_one_after_the_other() {
    let mut rig = Rig::new();
    let first = rig.submit(0, &[(0, 10), (1, 20)]);
    let second = rig.submit(0, &[(0, 5)]);
    let request = rig.poll(0).unwrap();
    assert_eq!(offsets(&request), [(0, 10), (1, 20)]);
    assert_eq!((request.generation_id_or_member_epoch, &*request.member_id), (1, "m-1"));
    assert_eq!(rig.poll(0), None);
    assert_eq!(rig.answer(1, &[(0, ErrorCode::None), (1, ErrorCode::None)]), CommitNews::default());
    assert!(matches!(rig.outcome(), (id, Ok(())) if id == first));
    // Going back is what was asked for.
    assert_eq!(offsets(&rig.poll(1).unwrap()), [(0, 5)]);
    rig.answer(2, &[(0, ErrorCode::None)]);
    assert!(matches!(rig.outcome(), (id, Ok(())) if id == second));
}

#[test]
fn automatic_commits_say_only_what_is_new() {
    let mut rig = Rig::new();
    rig.committer.submit_quietly(rig.entries(&[(0, 10), (1, 20)]));
    rig.committer.submit_quietly(rig.entries(&[(0, 11)]));
    assert_eq!(offsets(&rig.poll(0).unwrap()), [(0, 11), (1, 20)]);
    rig.answer(1, &[(0, ErrorCode::None), (1, ErrorCode::CoordinatorLoadInProgress)]);
    assert_eq!(rig.committer.len(), 0, "the next one says more");
    rig.committer.submit_quietly(rig.entries(&[(0, 11), (1, 21)]));
    assert_eq!(offsets(&rig.poll(1).unwrap()), [(1, 21)]);
}

#[test]
fn what_fails_for_a_while_is_sent_again_until_its_time_is_over() {
    let mut rig = Rig::new();
    let job = rig.submit(0, &[(0, 10), (1, 20)]);
    rig.poll(0).unwrap();
    let news = rig.answer(0, &[(0, ErrorCode::None), (1, ErrorCode::NotCoordinator)]);
    assert!(news.is_coordinator_lost);
    assert_eq!(rig.poll(10), None, "after a pause");
    assert_eq!(rig.committer.next_deadline().map(|at| at <= rig.clock.at(120)), Some(true));
    assert_eq!(offsets(&rig.poll(200).unwrap()), [(1, 20)]);
    let gone = Error::disconnected("one", "gone", true);
    let first = rig.committer.take_retry().map(|retry| (retry.pause.failures, retry.error.code()));
    assert_eq!(first, Some((1, Some(ErrorCode::NotCoordinator))));
    assert!(rig.committer.handle_answer(Err(gone), rig.clock.at(200)).is_coordinator_lost);
    assert_eq!(rig.committer.take_retry().map(|retry| retry.pause.failures), Some(2));
    assert_eq!(rig.poll(60_001), None);
    let (id, result) = rig.outcome();
    let error = result.unwrap_err();
    assert!(id == job && error.possibly_written(), "{error}");
    assert!(error.to_string().contains("default.api.timeout.ms"), "{error}");
}

#[test]
fn what_is_refused_for_good_fails_its_own_job_only() {
    let mut rig = Rig::new();
    let job = rig.submit(0, &[(0, 10)]);
    rig.submit(0, &[(1, 20)]);
    rig.poll(0).unwrap();
    rig.answer(0, &[(0, ErrorCode::OffsetMetadataTooLarge)]);
    let (id, result) = rig.outcome();
    assert_eq!((id, result.unwrap_err().code()), (job, Some(ErrorCode::OffsetMetadataTooLarge)));
    assert_eq!(offsets(&rig.poll(0).unwrap()), [(1, 20)]);
}

/// Row 18: a commit that meets a rebalance waits for it and is sent as a member of the new generation.
#[test]
fn a_commit_waits_for_a_rebalance() {
    let mut rig = Rig::new();
    let job = rig.submit(0, &[(0, 10)]);
    rig.poll(0).unwrap();
    let news = rig.answer(0, &[(0, ErrorCode::RebalanceInProgress)]);
    assert_eq!(news.refused, Some((1, ErrorCode::RebalanceInProgress)));
    assert_eq!(rig.poll_as(1_000, None), None, "there is nobody to commit as");
    let request = rig.poll_as(1_000, Some(2)).unwrap();
    assert_eq!((request.generation_id_or_member_epoch, offsets(&request)), (2, vec![(0, 10)]));
    rig.answer(1_000, &[(0, ErrorCode::None)]);
    assert!(matches!(rig.outcome(), (id, Ok(())) if id == job));
}

/// Row 19: what belongs to an assignment that has ended is never sent, so it rewinds nobody's offsets.
#[test]
fn a_commit_of_an_old_assignment_is_never_sent() {
    let mut rig = Rig::new();
    let waiting = rig.submit(0, &[(0, 10)]);
    // The partition goes, and comes back.
    rig.current.set(1);
    assert_eq!(rig.poll(0), None);
    rig.assert_lost(waiting, &[0]);
    // The same while a first try is under way.
    let refused = rig.submit(0, &[(0, 11)]);
    rig.poll(0).unwrap();
    rig.current.set(2);
    rig.answer(0, &[(0, ErrorCode::IllegalGeneration)]);
    assert_eq!(rig.poll(10_000), None);
    rig.assert_lost(refused, &[0]);
}

/// Row 19: a try that failed does not overtake a later commit that succeeded.
#[test]
fn a_retry_does_not_rewind() {
    let mut rig = Rig::new();
    let early = rig.submit(0, &[(0, 10)]);
    rig.poll(0).unwrap();
    rig.answer(0, &[(0, ErrorCode::CoordinatorLoadInProgress)]);
    let late = rig.submit(1, &[(0, 20)]);
    assert_eq!(offsets(&rig.poll(1).unwrap()), [(0, 20)]);
    rig.answer(2, &[(0, ErrorCode::None)]);
    assert!(matches!(rig.outcome(), (id, Ok(())) if id == late));
    assert_eq!(rig.poll(10_000), None);
    assert!(matches!(rig.outcome(), (id, Ok(())) if id == early));
}

/// Row 12: offsets of a topic that was deleted are not committed to the one that was made anew.
#[test]
fn offsets_do_not_outlive_their_topic() {
    let mut rig = Rig::new();
    let job = rig.submit(0, &[(0, 10)]);
    let request = rig.poll(0).unwrap();
    // The request itself says which topic is meant.
    assert_eq!(request.topics[0].topic_id, TOPIC_ID);
    rig.answer(0, &[(0, ErrorCode::UnknownTopicId)]);
    rig.topic_id.set(OTHER_TOPIC_ID);
    assert_eq!(rig.poll(10_000), None);
    rig.assert_lost(job, &[0]);
}

/// What can be committed is, whatever becomes of the rest: and then the job has failed.
#[test]
fn a_job_that_fails_in_part_is_not_a_success() {
    let mut rig = Rig::new();
    let job = rig.submit(0, &[(0, 10), (1, 20), (2, 30)]);
    rig.poll(0).unwrap();
    let refused = ErrorCode::TopicAuthorizationFailed;
    rig.answer(0, &[(0, refused), (1, ErrorCode::None), (2, ErrorCode::CoordinatorLoadInProgress)]);
    assert!(rig.committer.take_done().is_empty());
    assert_eq!(offsets(&rig.poll(1_000).unwrap()), [(2, 30)]);
    rig.answer(1_000, &[(2, ErrorCode::None)]);
    let (id, result) = rig.outcome();
    assert_eq!((id, result.unwrap_err().code()), (job, Some(refused)));
    let committed = rig.committer.take_committed().into_iter();
    let committed: Vec<_> =
        committed.map(|(partition, entry)| (partition.partition, entry.offset.offset)).collect();
    assert_eq!(committed, [(1, 20), (2, 30)]);
}

#[test]
fn what_was_lost_before_fails_a_job_that_is_stored_otherwise() {
    let mut rig = Rig::new();
    let job = rig.submit_with_lost(0, &[(0, 10)], &[1]);
    assert_eq!(offsets(&rig.poll(0).unwrap()), [(0, 10)]);
    rig.answer(0, &[(0, ErrorCode::None)]);
    rig.assert_lost(job, &[1]);
}

#[test]
fn closing_ends_whoever_waits() {
    let mut rig = Rig::new();
    rig.submit(0, &[(0, 10)]);
    rig.poll(0).unwrap();
    rig.submit(0, &[(0, 11)]);
    rig.committer.close();
    let done = rig.committer.take_done();
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|(_, result)| matches!(result, Err(Error::Closed { .. }))));
}
