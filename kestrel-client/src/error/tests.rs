//! What each variant says, and that no chain says anything twice.

use std::io;

use bytes::Bytes;
use kestrel_protocol::{DecodeErrorKind, EncodeErrorKind};
use kestrel_serde::SerdeContext;

use super::*;
use crate::error::PositionProblem;
use crate::record::ConsumerRecord;

fn refused() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionRefused)
}

fn damaged() -> DecodeError {
    DecodeError::new(DecodeErrorKind::Truncated, "the offset of a topic")
}

fn too_long() -> EncodeError {
    EncodeError::new(EncodeErrorKind::TextTooLong(40_000), "name")
}

fn disconnected() -> Error {
    Error::disconnected("1 (localhost:9092)", refused(), true)
}

/// An error of each variant, as long as the chain may be.
fn all_variants() -> Vec<Error> {
    let attempt =
        |port: u16, cause: SharedError| FailedAttempt::new(format!("localhost:{port}").into(), cause);
    let poison = SerdeError::decode(&SerdeContext::value("orders"), refused());
    let position = |problem| PositionError::new("orders".into(), 0, problem).into();
    let offsets = (5, 6);
    let at_five = ConsumerRecord::new(("orders", 0), 5, None::<Bytes>, None::<Bytes>);
    vec![
        Error::config("linger.ms", "`x`: expected milliseconds"),
        Error::invalid_argument("offset", "-1 is negative: offsets begin at 0"),
        Error::Bootstrap { attempts: Arc::new([]) },
        Error::Bootstrap {
            attempts: Arc::new([attempt(1, shared(refused())), attempt(2, shared(refused()))]),
        },
        Error::Bootstrap {
            attempts: Arc::new([
                attempt(1, shared("the name has no address")),
                attempt(2, shared(refused())),
            ]),
        },
        disconnected(),
        Error::authentication("1 (localhost:9092)", refused()),
        Error::timeout("a request", Duration::from_secs(30), "request.timeout.ms"),
        Error::out_of_patience("closing the producer", Duration::from_secs(1)),
        Error::Timeout {
            operation: "delivery",
            after: Duration::from_secs(120),
            setting: Some("delivery.timeout.ms"),
            cause: Some(Box::new(disconnected())),
            possibly_written: true,
        },
        BrokerError::new(ApiKey::Produce, ErrorCode::MessageTooLarge).topic("orders").partition(3).into(),
        Error::MalformedResponse { broker: "1".into(), cause: damaged() },
        Error::Encode { api: ApiKey::Metadata, cause: too_long() },
        Error::UnsupportedApi { broker: "1".into(), api: ApiKey::Fetch },
        Error::UnknownTopic { topic: "orders".into() },
        Error::UnknownPartition { topic: "orders".into(), partition: 9, partition_count: 3 },
        Error::RecordTooLarge { size_bytes: 9, limit_bytes: 3, setting: "max.request.size" },
        SerdeError::encode(&SerdeContext::key("orders"), refused()).into(),
        DeserializeError::into_error(at_five.clone(), poison),
        HeldError::of(&at_five, "its dead letter was not stored in topic orders.dlq", disconnected()),
        HeldError::not_ready(&at_five, SerdeError::unavailable(refused())),
        position(PositionProblem::NotAssigned),
        position(PositionProblem::Damaged { offset: offsets.0, next_offset: offsets.1, cause: damaged() }),
        Error::BufferFull { limit_bytes: 9 },
        Error::ProducerFailed { cause: Box::new(disconnected()) },
        Error::TransactionFailed { cause: Box::new(disconnected()) },
        Error::TransactionAborted {},
        Error::ProducerFenced { transactional_id: "billing-1".into(), cause: Box::new(disconnected()) },
        Error::properties("client.properties".as_ref(), refused()),
        Error::closed("producer"),
        Error::Ended { what: "producer", cause: "its runtime has gone".into(), possibly_written: true },
        Error::other(refused()),
        CommitFailed::of(vec![("orders", 0).into()]).unwrap(),
        StallError {
            topic: "orders".into(),
            partition: 0,
            stalled_for: Duration::from_secs(12),
            waits_for: "its broker does not answer".into(),
            cause: Some(disconnected()),
        }
        .into(),
    ]
}

/// How many variants there are: a new one does not compile here, and belongs into `all_variants` too.
fn ordinal(error: &Error) -> usize {
    match error {
        Error::Config { .. } => 0,
        Error::InvalidArgument { .. } => 1,
        Error::Bootstrap { .. } => 2,
        Error::Disconnected { .. } => 3,
        Error::Timeout { .. } => 4,
        Error::Broker(_) => 5,
        Error::MalformedResponse { .. } => 6,
        Error::UnsupportedApi { .. } => 7,
        Error::UnknownTopic { .. } => 8,
        Error::UnknownPartition { .. } => 9,
        Error::RecordTooLarge { .. } => 10,
        Error::Serialize(_) => 11,
        Error::Deserialize(_) => 12,
        Error::Position(_) => 13,
        Error::BufferFull { .. } => 14,
        Error::ProducerFailed { .. } => 15,
        Error::Closed { .. } => 16,
        Error::Other { .. } => 17,
        Error::Encode { .. } => 18,
        Error::CommitFailed(_) => 19,
        Error::Stalled(_) => 20,
        Error::Ended { .. } => 21,
        Error::Properties { .. } => 22,
        Error::Authentication { .. } => 23,
        Error::TransactionFailed { .. } => 24,
        Error::TransactionAborted {} => 25,
        Error::ProducerFenced { .. } => 26,
        Error::Held(_) => 27,
    }
}

fn texts(error: &Error) -> Vec<String> {
    std::iter::successors(Some(error as &dyn std::error::Error), |&error| error.source())
        .map(ToString::to_string)
        .collect()
}

#[test]
fn no_text_of_a_chain_stands_in_it_twice() {
    let variants = all_variants();
    let seen: std::collections::BTreeSet<usize> = variants.iter().map(ordinal).collect();
    assert!(seen.into_iter().eq(0..28), "each variant is looked at");
    for error in &variants {
        let texts = texts(error);
        assert_eq!(format!("{error:#}"), texts.join(": "));
        for (index, text) in texts.iter().enumerate() {
            assert!(!text.is_empty(), "{error:?}");
            let rest = texts.iter().enumerate().filter(|(other, _)| *other != index);
            for (_, other) in rest {
                assert!(!other.contains(text.as_str()), "`{text}` is in `{other}`");
            }
        }
    }
}

#[test]
fn what_the_system_said_is_at_the_end_of_the_chain() {
    let with_io =
        all_variants().into_iter().filter(|error| format!("{error:?}").contains("ConnectionRefused"));
    let mut count = 0;
    for error in with_io {
        let root =
            std::iter::successors(Some(&error as &dyn std::error::Error), |&error| error.source()).last();
        let kind = root.and_then(|root| root.downcast_ref::<io::Error>()).map(io::Error::kind);
        assert_eq!(kind, Some(io::ErrorKind::ConnectionRefused), "{error:#}");
        count += 1;
    }
    assert_eq!(count, 15);
}

#[test]
fn addresses_that_failed_of_something_else_say_of_what() {
    let texts: Vec<String> = all_variants()
        .iter()
        .filter(|error| matches!(error, Error::Bootstrap { .. }))
        .map(|error| format!("{error:#}"))
        .collect();
    assert_eq!(
        texts,
        [
            "no broker answered: there is no address to try",
            "no broker answered at localhost:1, localhost:2: connection refused",
            "no broker answered at localhost:1 (the name has no address), localhost:2: connection refused",
        ]
    );
}

#[test]
fn an_error_is_small_and_can_travel_between_threads() {
    fn assert_travels<T: Send + Sync + Clone + 'static>() {}
    assert_travels::<Error>();
    assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
}

#[test]
fn what_is_held_is_tried_again_unless_there_is_nothing_left_to_try_it_with() {
    let record = ConsumerRecord::new(("orders", 0), 5, None::<Bytes>, None::<Bytes>);
    let held = |cause| HeldError::of(&record, "its dead letter was not stored", cause);
    let refused = |code| held(BrokerError::new(ApiKey::Produce, code).into()).severity();
    assert_eq!(refused(ErrorCode::NotEnoughReplicas), Severity::Retriable);
    for code in [ErrorCode::TopicAuthorizationFailed, ErrorCode::MessageTooLarge, ErrorCode::InvalidTopic] {
        assert_eq!(refused(code), Severity::Invalid, "{code}: somebody has to change something");
    }
    let unknown = Error::UnknownTopic { topic: "orders.dlq".into() };
    assert_eq!(held(unknown).severity(), Severity::Invalid, "nobody creates it while a record waits");
    let aborted = Error::TransactionFailed { cause: Box::new(Error::closed("producer")) };
    assert!(held(aborted).is_retriable(), "in another transaction");
    assert!(held(Error::other("the database is down")).is_retriable(), "the handler is asked again");
    assert_eq!(held(Error::closed("producer")).severity(), Severity::Fatal);
    let down = HeldError::not_ready(&record, SerdeError::unavailable("the registry does not answer"));
    assert!(down.is_retriable());
    let refused = HeldError::not_ready(&record, SerdeError::schema("the registry refuses the password"));
    assert_eq!(refused.severity(), Severity::Invalid, "somebody has to change something");
    assert_eq!(
        format!("{down:#}"),
        "partition 0 of topic orders is held at offset 5: its deserializer is not ready for it: cannot have what the format needs \
         at the moment: the registry does not answer"
    );
}

#[test]
fn texts_name_the_place_and_the_setting() {
    let refused = BrokerError::new(ApiKey::Produce, ErrorCode::MessageTooLarge).topic("orders").partition(3);
    let text = Error::from(refused.clone()).to_string();
    assert!(
        text.starts_with("Produce failed for partition 3 of topic orders: MESSAGE_TOO_LARGE (10)"),
        "{text}"
    );
    let timeout = Error::Timeout {
        operation: "delivery",
        after: Duration::from_secs(120),
        setting: Some("delivery.timeout.ms"),
        cause: Some(Box::new(refused.into())),
        possibly_written: true,
    };
    let text = format!("{timeout:#}");
    assert!(
        text.starts_with("delivery did not finish within 120s (setting delivery.timeout.ms): Produce failed"),
        "{text}"
    );
    assert_eq!(timeout.code(), Some(ErrorCode::MessageTooLarge));
    assert!(timeout.possibly_written());
    assert_eq!(timeout.severity(), Severity::Retriable);
}

#[test]
fn severity_follows_the_class_of_the_code() {
    let of = |code| Error::from(BrokerError::new(ApiKey::Produce, code)).severity();
    assert_eq!(of(ErrorCode::NotLeaderOrFollower), Severity::Retriable);
    assert_eq!(of(ErrorCode::MessageTooLarge), Severity::Invalid);
    assert_eq!(of(ErrorCode::ProducerFenced), Severity::Fatal);
    assert_eq!(of(ErrorCode::TransactionAbortable), Severity::Abortable);
}

/// A consumer goes on when its work has failed, and a producer when a transaction's has.
#[test]
fn what_the_application_fails_with_ends_no_handle() {
    assert_eq!(Error::other("the database is down").severity(), Severity::Invalid);
}

#[test]
fn a_refusal_is_fatal_only_where_it_ends_the_handle() {
    let fatal = |api| {
        let is_fatal =
            |code: &ErrorCode| Error::from(BrokerError::new(api, *code)).severity() == Severity::Fatal;
        ErrorCode::ALL.iter().copied().filter(is_fatal).collect::<Vec<_>>()
    };
    let fenced = [
        ErrorCode::ClusterAuthorizationFailed,
        ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionCoordinatorFenced,
        ErrorCode::TransactionalIdAuthorizationFailed,
        ErrorCode::FencedInstanceId,
        ErrorCode::ProducerFenced,
    ];
    assert_eq!(fatal(ApiKey::Produce), fenced);
    for api in [ApiKey::JoinGroup, ApiKey::SyncGroup, ApiKey::Heartbeat, ApiKey::OffsetCommit] {
        assert_eq!(fatal(api), [ErrorCode::FencedInstanceId], "{api}");
    }
    for api in [ApiKey::Metadata, ApiKey::Fetch, ApiKey::ListOffsets, ApiKey::CreateTopics] {
        assert_eq!(fatal(api), [], "{api}");
    }
}

#[test]
fn who_may_not_is_told_to_change_something_and_goes_on() {
    for (api, code) in [
        (ApiKey::Produce, ErrorCode::TopicAuthorizationFailed),
        (ApiKey::Fetch, ErrorCode::TopicAuthorizationFailed),
        (ApiKey::JoinGroup, ErrorCode::GroupAuthorizationFailed),
        (ApiKey::DescribeGroups, ErrorCode::GroupIdNotFound),
    ] {
        assert_eq!(Error::from(BrokerError::new(api, code)).severity(), Severity::Invalid, "{api} {code}");
    }
    let unnamed = Error::from(BrokerError::new(ApiKey::CreateTopics, ErrorCode::UnknownServerError));
    assert!(unnamed.is_retriable() && !unnamed.is_passing(), "worth another call, not a loop");
}
