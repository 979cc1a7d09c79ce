//! The loop over records in memory: what is given up, and what ends it.

use bytes::Bytes;
use kestrel_serde::{DeserializeContext, Deserializer, Raw, SerdeError};

use super::*;
use crate::error::Severity;
use crate::record::Record;
use crate::testing::{RecordedGroup, from_records};

const SHORT: Duration = Duration::from_millis(1);

/// A consumer of three records.
fn consumer() -> (Consumer<Bytes, Bytes>, RecordedGroup) {
    from_records(["a", "b", "c"].map(|text| Record::to("letters").value(text))).build().unwrap()
}

/// Runs until `work` fails for the second record. How often it was tried, and what was committed.
async fn fail_for_b(failure: Failure, remedy: Remedy) -> (Result<()>, u32, i64) {
    let (mut consumer, group) = consumer();
    let tried = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let handling = consumer.handling().attempts(3).backoff(SHORT, SHORT).then(remedy);
    let ended = handling.run({
        let tried = Arc::clone(&tried);
        move |record| {
            let is_b = record.value.as_deref() == Some(b"b");
            tried.fetch_add(is_b.into(), std::sync::atomic::Ordering::SeqCst);
            let failure = failure.clone();
            async move { if is_b { Err(failure) } else { Ok(()) } }
        }
    });
    let ended = ended.await;
    assert!(group.dead_letters().len() <= 1);
    let done = group.done_offset(("letters", 0)).unwrap();
    (ended, tried.load(std::sync::atomic::Ordering::SeqCst), done)
}

fn is_of_b(ended: Result<()>) -> bool {
    let Err(Error::Other { cause, .. }) = ended else { return false };
    cause.downcast_ref().is_some_and(|error: &HandlingError| error.offset == 1)
}

#[tokio::test]
async fn a_record_is_given_up_because_of_itself_alone() {
    for remedy in [Remedy::Skip, Remedy::dead_letter("dead")] {
        let (ended, tried, done) = fail_for_b(Failure::lasting("no number"), remedy.clone()).await;
        assert!(ended.is_ok() && (tried, done) == (1, 3), "{ended:?} {tried} {done}");
        let (ended, tried, done) = fail_for_b(Failure::passing("no answer"), remedy.clone()).await;
        assert!(ended.is_ok() && (tried, done) == (3, 3), "{ended:?} {tried} {done}");
        // A dead producer, and a disk that is full: every record would fail.
        let (ended, tried, done) = fail_for_b(Error::closed("producer").into(), remedy.clone()).await;
        assert!(is_of_b(ended) && (tried, done) == (1, 1), "{tried} {done}");
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let (ended, tried, done) = fail_for_b(full.into(), remedy).await;
        assert!(is_of_b(ended) && (tried, done) == (3, 1), "{tried} {done}");
    }
}

#[tokio::test]
async fn no_attempts_are_refused() {
    let (mut consumer, _) = consumer();
    let refused = consumer.handling().attempts(0).run(|_| async { Ok(()) }).await;
    assert!(matches!(refused, Err(Error::InvalidArgument { argument: "attempts", .. })), "{refused:?}");
}

/// A format whose registry refuses.
struct Refused;

impl Deserializer<Bytes> for Refused {
    fn deserialize(&self, _: &DeserializeContext<'_>, _: &Bytes) -> Result<Bytes, SerdeError> {
        Err(SerdeError::schema("the registry refuses the password"))
    }
}

#[tokio::test]
async fn a_registry_that_refuses_ends_the_loop_and_costs_no_record() {
    let records = ["a", "b"].map(|text| Record::to("letters").value(text));
    for remedy in [Remedy::Skip, Remedy::dead_letter("dead")] {
        let builder = from_records(records.clone()).key(Raw).value(Refused).on_poison(remedy);
        let (mut consumer, group) = builder.build::<Bytes, Bytes>().unwrap();
        let ended = consumer.handling().run(|_| async { Ok(()) }).await;
        let Err(error @ Error::Held(_)) = &ended else { panic!("{ended:?}") };
        assert_eq!(error.severity(), Severity::Invalid);
        assert!(format!("{error:#}").ends_with("the registry refuses the password"), "{error:#}");
        assert_eq!(group.done_offset(("letters", 0)), Some(0));
        for _ in 0..3 {
            let held = consumer.next_batch().await;
            assert!(matches!(held, Err(Error::Held(_))), "{held:?}");
        }
        assert_eq!((group.dead_letters().len(), group.done_offset(("letters", 0))), (0, Some(0)));
    }
}
