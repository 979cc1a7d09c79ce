//! Scripts with a hand-held clock: what is asked, in which order, and what becomes of each answer.

use kestrel_protocol::{ApiKey, ErrorCode, ProducerEpoch, ProducerId};

use super::*;
use crate::consumer::GroupMetadata;
use crate::environment;
use crate::error::BrokerError;
use crate::producer::partition_id::PartitionId;
use crate::producer::transaction::TransactionAnswer;
use crate::record::TopicPartition;

const LONG: Duration = Duration::from_secs(5);

struct Script {
    manager: TransactionManager,
    identity: Option<ProducerIdAndEpoch>,
    now: Instant,
    is_flushed: bool,
    has_in_flight: bool,
}

fn of(id: i64, epoch: i16) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
}

fn refused(api: ApiKey, code: ErrorCode) -> Error {
    BrokerError::new(api, code).into()
}

fn lost() -> Error {
    Error::disconnected("0", "gone", true)
}

fn partition(number: u32) -> PartitionKey {
    PartitionKey { id: PartitionId(number), topic: "t".into(), index: number.cast_signed() }
}

fn offsets(numbers: &[i32]) -> GroupOffsets {
    let offset = |&number: &i32| (TopicPartition::new("source", number), 5.into());
    GroupOffsets { group: GroupMetadata::new("billing"), offsets: numbers.iter().map(offset).collect() }
}

impl Script {
    /// A producer with id 7 at epoch 0, without a transaction.
    fn new(version: TransactionVersion) -> Self {
        let backoff = ExponentialBackoff::new(Duration::from_millis(100), Duration::from_secs(1), 1);
        let mut script = Self {
            manager: TransactionManager::new("billing-1".into(), backoff),
            identity: None,
            now: environment::now(),
            is_flushed: true,
            has_in_flight: false,
        };
        assert_eq!(script.asked(), "find");
        script.answer(TransactionAnswer::Coordinator(Ok(NodeId(1))));
        assert_eq!(script.asked(), "init");
        script.manager.handle_finalized(version);
        script.answer(TransactionAnswer::Identity(Ok(of(7, 0))));
        assert_eq!(script.asked(), "");
        script
    }

    /// In a transaction.
    fn begun(version: TransactionVersion) -> Self {
        let mut script = Self::new(version);
        assert!(script.manager.begin());
        script
    }

    /// The request that is begun now, in a few words.
    fn asked(&mut self) -> String {
        let situation = Situation {
            identity: self.identity,
            is_flushed: self.is_flushed,
            has_in_flight: self.has_in_flight,
        };
        let request = self.manager.poll_request(situation, self.now);
        let deadline = self.manager.next_deadline();
        assert!(deadline.is_none_or(|at| at > self.now), "a deadline that is over is due for ever");
        let Some(request) = request else { return String::new() };
        match request {
            TransactionRequest::FindCoordinator => "find".into(),
            TransactionRequest::FindGroupCoordinator(group) => format!("find {group}"),
            TransactionRequest::InitProducerId { former: None, .. } => "init".into(),
            TransactionRequest::InitProducerId { former: Some(former), .. } => {
                format!("init after {}/{}", former.id, former.epoch)
            }
            TransactionRequest::AddPartitions { partitions, .. } => {
                format!("add {:?}", partitions.iter().map(|key| key.index).collect::<Vec<_>>())
            }
            TransactionRequest::AddOffsets { group, .. } => format!("add {group}"),
            TransactionRequest::CommitOffsets { offsets, .. } => {
                let numbers = offsets.offsets.iter().map(|(partition, _)| partition.partition);
                format!("offsets {:?}", numbers.collect::<Vec<_>>())
            }
            TransactionRequest::End { is_commit, identity, .. } => {
                format!("{} {}/{}", if is_commit { "commit" } else { "abort" }, identity.id, identity.epoch)
            }
        }
    }

    fn answer(&mut self, answer: TransactionAnswer) -> TransactionNews {
        let news = self.manager.handle_answer(answer, self.now);
        match &news {
            TransactionNews::Identity(identity) => self.identity = Some(*identity),
            TransactionNews::Fatal(error) => self.manager.fail_for_good(error),
            _ => {}
        }
        news
    }

    fn added(&mut self, codes: &[(u32, ErrorCode)]) -> TransactionNews {
        let codes = codes.iter().map(|(number, code)| (PartitionId(*number), *code)).collect();
        self.answer(TransactionAnswer::Partitions(Ok(codes)))
    }

    fn stored(&mut self, codes: &[(i32, ErrorCode)]) -> TransactionNews {
        let codes = codes.iter().map(|(number, code)| (TopicPartition::new("source", *number), *code));
        let codes = codes.collect();
        self.answer(TransactionAnswer::OffsetsCommitted(Ok(codes)))
    }

    fn ended(&mut self, code: ErrorCode) -> TransactionNews {
        let outcome = code.into_result().map(|()| None).map_err(|code| refused(ApiKey::EndTxn, code));
        self.answer(TransactionAnswer::Ended(outcome))
    }

    fn sleep(&mut self) {
        self.now += LONG;
    }

    fn is_ready(&self) -> bool {
        matches!(self.manager.standing(), Standing::Ready)
    }
}

#[test]
fn in_version_1_a_partition_is_added_before_its_first_batch() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)) && !script.manager.admits(&partition(1)));
    assert_eq!(script.asked(), "add [0, 1]");
    assert!(!script.manager.admits(&partition(2)));
    assert_eq!(script.asked(), "", "one request at a time");
    let news = script.added(&[(0, ErrorCode::None), (1, ErrorCode::None)]);
    assert!(matches!(news, TransactionNews::Admitted));
    assert!(script.manager.admits(&partition(0)) && !script.manager.admits(&partition(2)));
    assert_eq!(script.asked(), "add [2]");
    script.added(&[(2, ErrorCode::None)]);
    script.manager.commit();
    assert_eq!(script.asked(), "commit 7/0");
    script.ended(ErrorCode::None);
    assert!(script.is_ready());
    // Each transaction adds what it writes to.
    assert!(script.manager.begin() && !script.manager.admits(&partition(0)));
}

#[test]
fn in_version_2_nothing_is_added_and_the_end_gives_the_next_epoch() {
    let mut script = Script::begun(TransactionVersion::V2);
    assert!(script.manager.admits(&partition(0)));
    script.manager.send_offsets(offsets(&[0]));
    assert_eq!(script.asked(), "find billing");
    script.answer(TransactionAnswer::GroupCoordinator("billing".into(), Ok(NodeId(2))));
    assert_eq!(script.asked(), "offsets [0]");
    script.stored(&[(0, ErrorCode::None)]);
    assert!(matches!(script.manager.poll_offsets_sent(), Some(Ok(()))));
    script.manager.commit();
    assert_eq!(script.asked(), "commit 7/0");
    let news = script.answer(TransactionAnswer::Ended(Ok(Some(of(7, 1)))));
    assert!(matches!(news, TransactionNews::Identity(identity) if identity == of(7, 1)));
    assert!(script.is_ready());
}

#[test]
fn an_end_waits_for_what_is_on_its_way() {
    let mut script = Script::begun(TransactionVersion::V2);
    assert!(script.manager.admits(&partition(0)));
    script.is_flushed = false;
    script.manager.commit();
    assert_eq!(script.asked(), "", "a batch has no outcome yet");
    script.is_flushed = true;
    assert_eq!(script.asked(), "commit 7/0");
    script.answer(TransactionAnswer::Ended(Ok(Some(of(7, 1)))));

    assert!(script.manager.begin() && script.manager.admits(&partition(0)));
    script.has_in_flight = true;
    script.manager.abort();
    assert_eq!(script.asked(), "", "what is on its way might come behind the marker");
    script.has_in_flight = false;
    assert_eq!(script.asked(), "abort 7/1");
}

#[test]
fn a_transaction_without_contents_asks_nobody() {
    for version in [TransactionVersion::V1, TransactionVersion::V2] {
        let mut script = Script::begun(version);
        script.manager.commit();
        assert_eq!(script.asked(), "");
        assert!(script.is_ready() && script.manager.begin());
        script.manager.abort();
        assert_eq!(script.asked(), "");
        assert!(script.is_ready());
    }
}

/// Row 29: what the broker does not name is no success; row 31: a commit whose answer was lost cannot be aborted any more.
#[test]
fn a_commit_is_asked_for_until_its_outcome_is_known_and_never_aborted() {
    let mut script = Script::begun(TransactionVersion::V2);
    assert!(script.manager.admits(&partition(0)));
    script.manager.commit();
    assert_eq!(script.asked(), "commit 7/0");
    let news = script.ended(ErrorCode::UnknownServerError);
    assert!(matches!(news, TransactionNews::Retry { .. }));
    assert!(matches!(script.manager.standing(), Standing::Busy));
    assert_eq!(script.asked(), "", "after a pause");
    script.sleep();
    assert_eq!(script.asked(), "commit 7/0");
    script.answer(TransactionAnswer::Ended(Err(lost())));
    script.manager.abort();
    assert!(!script.manager.begin());
    script.sleep();
    assert_eq!(script.asked(), "find");
    script.answer(TransactionAnswer::Coordinator(Ok(NodeId(1))));
    assert_eq!(script.asked(), "commit 7/0");
    script.answer(TransactionAnswer::Ended(Ok(Some(of(7, 1)))));
    assert!(script.is_ready());
}

/// Row 32: each of the tries while the coordinator ends the transaction before is looked at.
#[test]
fn what_comes_between_tries_at_a_busy_coordinator_is_looked_at() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)));
    for _ in 0..3 {
        assert_eq!(script.asked(), "add [0]");
        script.added(&[(0, ErrorCode::ConcurrentTransactions)]);
        assert_eq!(script.asked(), "", "shortly, and not at once");
        assert!(script.manager.next_deadline().unwrap() <= script.now + Duration::from_millis(20));
        script.sleep();
    }
    assert_eq!(script.asked(), "add [0]");
    script.added(&[(0, ErrorCode::NotCoordinator)]);
    script.sleep();
    assert_eq!(script.asked(), "find");
    script.answer(TransactionAnswer::Coordinator(Ok(NodeId(2))));
    assert_eq!(script.asked(), "add [0]");
    let news = script.added(&[(0, ErrorCode::ProducerFenced)]);
    let TransactionNews::Fatal(Error::ProducerFenced { transactional_id, .. }) = news else {
        panic!("{news:?}");
    };
    assert_eq!(&*transactional_id, "billing-1");
    script.sleep();
    assert_eq!(script.asked(), "", "it is finished");
}

#[test]
fn after_a_failure_version_1_asks_for_a_higher_epoch() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)));
    assert_eq!(script.asked(), "add [0]");
    script.added(&[(0, ErrorCode::None)]);
    script.manager.fail(&lost());
    assert!(matches!(script.manager.standing(), Standing::Failed(_)));
    assert_eq!(script.asked(), "", "its owner has to abort it");
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/0");
    script.ended(ErrorCode::None);
    assert_eq!(script.asked(), "init after 7/0");
    script.answer(TransactionAnswer::Identity(Ok(of(7, 1))));
    assert!(script.is_ready());
    // One that was aborted at will counts on.
    assert!(script.manager.begin() && !script.manager.admits(&partition(0)));
    assert_eq!(script.asked(), "add [0]");
    script.added(&[(0, ErrorCode::None)]);
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/1");
    script.ended(ErrorCode::None);
    assert!(script.is_ready());
}

#[test]
fn what_may_not_have_begun_is_aborted_all_the_same() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)));
    assert_eq!(script.asked(), "add [0]");
    script.answer(TransactionAnswer::Partitions(Err(lost())));
    script.manager.abort();
    script.sleep();
    assert_eq!(script.asked(), "find");
    script.answer(TransactionAnswer::Coordinator(Ok(NodeId(1))));
    assert_eq!(script.asked(), "abort 7/0");
    script.ended(ErrorCode::InvalidTxnState);
    assert!(script.is_ready(), "nothing had begun");
}

#[test]
fn a_commit_that_comes_after_the_broker_has_aborted_is_aborted_too() {
    let mut script = Script::begun(TransactionVersion::V2);
    assert!(script.manager.admits(&partition(0)));
    script.manager.commit();
    assert_eq!(script.asked(), "commit 7/0");
    assert!(matches!(script.ended(ErrorCode::InvalidTxnState), TransactionNews::Failed(_)));
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/0");
    script.answer(TransactionAnswer::Ended(Ok(Some(of(7, 1)))));
    assert!(script.is_ready());
    // An abort that is refused is the end of the producer.
    assert!(script.manager.begin() && script.manager.admits(&partition(0)));
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/1");
    assert!(matches!(script.ended(ErrorCode::InvalidTxnState), TransactionNews::Fatal(_)));
}

#[test]
fn an_identity_that_the_coordinator_has_forgotten_is_replaced() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)));
    assert_eq!(script.asked(), "add [0]");
    let news = script.added(&[(0, ErrorCode::InvalidProducerIdMapping)]);
    assert!(matches!(news, TransactionNews::Failed(_)));
    script.manager.abort();
    assert_eq!(script.asked(), "init after 7/0", "there is nothing that could be ended");
    script.answer(TransactionAnswer::Identity(Ok(of(8, 0))));
    assert!(script.is_ready());
}

#[test]
fn offsets_follow_their_group_and_those_that_wait_are_asked_again() {
    let mut script = Script::begun(TransactionVersion::V1);
    script.manager.send_offsets(offsets(&[0, 1]));
    assert_eq!(script.asked(), "add billing");
    script.answer(TransactionAnswer::Offsets("billing".into(), Ok(())));
    assert_eq!(script.asked(), "find billing");
    script.answer(TransactionAnswer::GroupCoordinator("billing".into(), Ok(NodeId(2))));
    assert_eq!(script.asked(), "offsets [0, 1]");
    script.stored(&[(0, ErrorCode::None), (1, ErrorCode::CoordinatorLoadInProgress)]);
    assert!(script.manager.poll_offsets_sent().is_none());
    script.manager.commit();
    script.sleep();
    assert_eq!(script.asked(), "offsets [1]", "before the end");
    script.stored(&[(1, ErrorCode::NotCoordinator)]);
    script.sleep();
    assert_eq!(script.asked(), "find billing");
    script.answer(TransactionAnswer::GroupCoordinator("billing".into(), Ok(NodeId(3))));
    assert_eq!(script.asked(), "offsets [1]");
    script.stored(&[(1, ErrorCode::None)]);
    assert!(matches!(script.manager.poll_offsets_sent(), Some(Ok(()))));
    assert_eq!(script.asked(), "commit 7/0");
}

#[test]
fn offsets_of_a_member_that_was_left_behind_fail_the_transaction() {
    let mut script = Script::begun(TransactionVersion::V2);
    script.manager.send_offsets(offsets(&[0, 1]));
    assert_eq!(script.asked(), "find billing");
    script.answer(TransactionAnswer::GroupCoordinator("billing".into(), Ok(NodeId(2))));
    assert_eq!(script.asked(), "offsets [0, 1]");
    let codes = [(0, ErrorCode::CoordinatorLoadInProgress), (1, ErrorCode::IllegalGeneration)];
    assert!(matches!(script.stored(&codes), TransactionNews::Failed(_)));
    let sent = script.manager.poll_offsets_sent().unwrap().unwrap_err();
    assert_eq!(sent.code(), Some(ErrorCode::IllegalGeneration));
    script.manager.send_offsets(offsets(&[0]));
    assert!(matches!(script.manager.poll_offsets_sent(), Some(Err(Error::TransactionFailed { .. }))));
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/0");
}

#[test]
fn a_commit_that_was_lost_before_the_producer_was_fenced_may_have_happened() {
    for (is_lost, is_possible) in [(true, true), (false, false)] {
        let mut script = Script::begun(TransactionVersion::V2);
        assert!(script.manager.admits(&partition(0)));
        script.manager.commit();
        assert_eq!(script.asked(), "commit 7/0");
        if is_lost {
            script.answer(TransactionAnswer::Ended(Err(lost())));
            script.sleep();
            assert_eq!(script.asked(), "find");
            script.answer(TransactionAnswer::Coordinator(Ok(NodeId(1))));
            assert_eq!(script.asked(), "commit 7/0");
        }
        let TransactionNews::Fatal(error) = script.ended(ErrorCode::ProducerFenced) else { panic!() };
        assert_eq!(error.possibly_written(), is_possible);
    }
}

#[test]
fn a_refusal_of_one_partition_names_it_and_not_those_that_were_not_tried() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)) && !script.manager.admits(&partition(1)));
    assert_eq!(script.asked(), "add [0, 1]");
    let codes = [(0, ErrorCode::OperationNotAttempted), (1, ErrorCode::TopicAuthorizationFailed)];
    let news = script.added(&codes);
    let TransactionNews::Failed(error) = news else { panic!("{news:?}") };
    assert_eq!(error.code(), Some(ErrorCode::TopicAuthorizationFailed));
    assert!(error.to_string().contains("partition 1 of topic t"), "{error}");
}

#[test]
fn states_follow_each_other_as_the_table_says() {
    use State::*;
    let all =
        [Uninitialized, Initializing, Ready, InTransaction, Committing, Aborting, AbortableError, FatalError];
    let before = |next: State| all.into_iter().filter(|state| next.may_follow(*state)).collect::<Vec<_>>();
    assert_eq!(before(Initializing), [Uninitialized, Aborting]);
    assert_eq!(before(Ready), [Initializing, Committing, Aborting]);
    assert_eq!(before(InTransaction), [Ready]);
    assert_eq!(before(Committing), [InTransaction]);
    assert_eq!(before(Aborting), [InTransaction, AbortableError]);
    assert_eq!(before(AbortableError), [InTransaction, Committing]);
    assert_eq!(before(FatalError), all);
}

/// The broker raises the epoch of a transaction that was open for too long: only the end tells that from a producer that is fenced.
#[test]
fn in_version_2_an_old_epoch_is_no_fence_before_the_end_says_so() {
    for code in [ErrorCode::InvalidProducerEpoch, ErrorCode::ProducerFenced] {
        for is_fenced in [false, true] {
            let mut script = Script::begun(TransactionVersion::V2);
            script.manager.send_offsets(offsets(&[0]));
            assert_eq!(script.asked(), "find billing");
            script.answer(TransactionAnswer::GroupCoordinator("billing".into(), Ok(NodeId(2))));
            assert_eq!(script.asked(), "offsets [0]");
            assert!(matches!(script.stored(&[(0, code)]), TransactionNews::Failed(_)));
            script.manager.abort();
            assert_eq!(script.asked(), "abort 7/0");
            if is_fenced {
                let news = script.ended(ErrorCode::ProducerFenced);
                assert!(matches!(news, TransactionNews::Fatal(Error::ProducerFenced { .. })), "{news:?}");
            } else {
                script.answer(TransactionAnswer::Ended(Ok(Some(of(7, 2)))));
                assert!(script.is_ready());
            }
        }
    }
}

#[test]
fn a_pause_is_over_with_its_transaction() {
    let mut script = Script::begun(TransactionVersion::V1);
    script.manager.send_offsets(offsets(&[0]));
    assert_eq!(script.asked(), "add billing");
    let busy = refused(ApiKey::AddOffsetsToTxn, ErrorCode::ConcurrentTransactions);
    script.answer(TransactionAnswer::Offsets("billing".into(), Err(busy)));
    assert_eq!(script.asked(), "", "shortly");
    script.manager.abort();
    script.sleep();
    assert_eq!(script.asked(), "", "nothing was begun, so that nothing is asked");
    assert!(script.is_ready());
    assert_eq!(script.manager.next_deadline(), None);
}

/// What ends the producer while it is not known whether a commit has come says that it may have.
#[test]
fn a_commit_in_doubt_may_have_happened_whatever_ends_the_producer() {
    let unauthorized = || refused(ApiKey::FindCoordinator, ErrorCode::TransactionalIdAuthorizationFailed);
    for is_lost in [true, false] {
        for cause in [Error::closed("client"), unauthorized()] {
            let mut script = Script::begun(TransactionVersion::V2);
            assert!(script.manager.admits(&partition(0)));
            script.manager.commit();
            assert_eq!(script.asked(), "commit 7/0");
            if is_lost {
                script.answer(TransactionAnswer::Ended(Err(lost())));
            } else {
                script.ended(ErrorCode::NotCoordinator);
            }
            script.sleep();
            assert_eq!(script.asked(), "find");
            let TransactionNews::Fatal(error) = script.answer(TransactionAnswer::Coordinator(Err(cause)))
            else {
                panic!()
            };
            assert_eq!(error.possibly_written(), is_lost, "{error}");
        }
    }
}

#[test]
fn an_identity_that_cannot_be_had_now_is_asked_for_after_a_pause() {
    let mut script = Script::begun(TransactionVersion::V1);
    assert!(!script.manager.admits(&partition(0)));
    assert_eq!(script.asked(), "add [0]");
    script.added(&[(0, ErrorCode::None)]);
    script.manager.fail(&lost());
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/0");
    script.ended(ErrorCode::None);
    assert_eq!(script.asked(), "init after 7/0");
    let refusal = refused(ApiKey::InitProducerId, ErrorCode::TransactionAbortable);
    let news = script.answer(TransactionAnswer::Identity(Err(refusal)));
    assert!(matches!(news, TransactionNews::Retry { .. }), "{news:?}");
    assert_eq!(script.asked(), "", "there is nothing to abort");
    script.sleep();
    assert_eq!(script.asked(), "init after 7/0");
    script.answer(TransactionAnswer::Identity(Ok(of(7, 1))));
    assert!(script.is_ready());
}

#[test]
fn an_end_that_gives_no_epoch_is_followed_by_the_question_for_one_when_numbers_are_lost() {
    let mut script = Script::begun(TransactionVersion::V2);
    assert!(script.manager.admits(&partition(0)));
    script.manager.note_gap();
    script.manager.abort();
    assert_eq!(script.asked(), "abort 7/0");
    script.answer(TransactionAnswer::Ended(Ok(None)));
    assert_eq!(script.asked(), "init after 7/0");
    script.answer(TransactionAnswer::Identity(Ok(of(7, 1))));
    assert!(script.is_ready());
}

#[test]
fn an_answer_that_comes_after_the_end_of_the_producer_changes_nothing() {
    let mut script = Script::begun(TransactionVersion::V2);
    assert!(script.manager.admits(&partition(0)));
    script.manager.commit();
    assert_eq!(script.asked(), "commit 7/0");
    script.manager.fail_for_good(&lost());
    let news = script.answer(TransactionAnswer::Ended(Ok(Some(of(7, 1)))));
    assert!(matches!(news, TransactionNews::None), "{news:?}");
    let news = script.answer(TransactionAnswer::Identity(Ok(of(7, 2))));
    assert!(matches!(news, TransactionNews::None), "{news:?}");
    script.sleep();
    assert_eq!(script.asked(), "");
}
