//! Spans of `tracing` around a produced batch, a fetch and a commit, with OpenTelemetry's names for messaging.
//!
//! Opened by the producer's batches, the consumer's driver and the member's offsets, at DEBUG: the default filter of a program makes
//! none. A subscriber that exports them finds what it needs under `otel.name`, `otel.kind` and `otel.status_code`. A batch's span is
//! a child of the span that its first record was sent in; the others have no parent. None is for a record: which trace a record
//! belongs to, its headers say ([`TraceContext`](crate::TraceContext)).

use tracing::Span;
use tracing::field::Empty;

use crate::error::Error;
use crate::metadata::BrokerView;

/// The span of a batch, from its first record to its outcome.
#[derive(Debug)]
pub(crate) struct BatchSpan(Span);

impl BatchSpan {
    pub(crate) fn open(topic: &str, partition: i32) -> Self {
        Self(tracing::debug_span!(
            "send",
            otel.name = %format_args!("send {topic}"),
            otel.kind = "producer",
            otel.status_code = Empty,
            messaging.system = "kafka",
            messaging.operation.name = "send",
            messaging.operation.type = "send",
            messaging.destination.name = topic,
            messaging.destination.partition.id = partition,
            messaging.batch.message_count = Empty,
            messaging.kafka.offset = Empty,
            error.type = Empty,
        ))
    }

    /// The batch has its outcome: the offset of its first record, where the broker says it, or why it failed for good.
    pub(crate) fn note(&self, records: i32, outcome: Result<Option<i64>, &Error>) {
        self.0.record("messaging.batch.message_count", records);
        match outcome {
            Ok(Some(offset)) => _ = self.0.record("messaging.kafka.offset", offset),
            Ok(None) => {}
            Err(error) => note_error(&self.0, error),
        }
    }
}

/// The span of a fetch, from the request to its answer.
#[derive(Debug)]
pub(crate) struct FetchSpan(Span);

impl FetchSpan {
    pub(crate) fn open(broker: Option<&BrokerView>, group: Option<&str>) -> Self {
        Self(tracing::debug_span!(
            parent: None,
            "poll",
            otel.kind = "client",
            otel.status_code = Empty,
            messaging.system = "kafka",
            messaging.operation.name = "poll",
            messaging.operation.type = "receive",
            messaging.consumer.group.name = group,
            server.address = broker.map(|broker| &*broker.host),
            server.port = broker.map(|broker| broker.port),
            error.type = Empty,
        ))
    }

    /// The broker has answered, or has not.
    pub(crate) fn note<T>(&self, answer: &Result<T, Error>) {
        if let Err(error) = answer {
            note_error(&self.0, error);
        }
    }
}

/// The span of a commit, from the request to its answer.
#[derive(Debug)]
pub(crate) struct CommitSpan(Span);

impl CommitSpan {
    pub(crate) fn open(group: &str) -> Self {
        Self(tracing::debug_span!(
            parent: None,
            "commit",
            otel.kind = "client",
            otel.status_code = Empty,
            messaging.system = "kafka",
            messaging.operation.name = "commit",
            messaging.operation.type = "settle",
            messaging.consumer.group.name = group,
            error.type = Empty,
        ))
    }

    /// The coordinator has answered, or has not: why the offsets are not committed, if they are not.
    pub(crate) fn note(&self, error: Option<&Error>) {
        if let Some(error) = error {
            note_error(&self.0, error);
        }
    }
}

fn note_error(span: &Span, error: &Error) {
    if span.is_disabled() {
        return;
    }
    span.record("otel.status_code", "ERROR");
    span.record("error.type", error.word());
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write};
    use std::sync::Arc;

    use kestrel_protocol::{ApiKey, ErrorCode};
    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::error::BrokerError;

    /// A subscriber that writes down what spans are given, and the names of all fields that they have.
    #[derive(Clone, Default)]
    struct Exported(Arc<Mutex<String>>, Arc<Mutex<Vec<&'static str>>>);

    impl Subscriber for Exported {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "kestrel_client::spans"
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            self.0.lock().push_str(span.metadata().name());
            self.1.lock().extend(span.fields().iter().map(|field| field.name()));
            span.record(&mut Line(&mut self.0.lock()));
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut Line(&mut self.0.lock()));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    struct Line<'a>(&'a mut String);

    impl Visit for Line<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, "\n{}={value:?}", field.name()).unwrap();
        }
    }

    fn exported(make: impl FnOnce()) -> String {
        let exported = Exported::default();
        tracing::subscriber::with_default(exported.clone(), make);
        exported.0.lock().clone()
    }

    #[test]
    fn a_batch_is_exported_with_the_names_of_the_conventions() {
        let text = exported(|| BatchSpan::open("clicks", 2).note(7, Ok(Some(40))));
        expect_test::expect![[r#"
            send
            otel.name=send clicks
            otel.kind="producer"
            messaging.system="kafka"
            messaging.operation.name="send"
            messaging.operation.type="send"
            messaging.destination.name="clicks"
            messaging.destination.partition.id=2
            messaging.batch.message_count=7
            messaging.kafka.offset=40"#]]
        .assert_eq(&text);
    }

    #[test]
    fn the_reference_has_the_fields_of_each_span() {
        let reference = include_str!("../../docs/client-metrics.md");
        for (name, open) in [
            ("send", (|| _ = BatchSpan::open("clicks", 2)) as fn()),
            ("poll", || _ = FetchSpan::open(None, None)),
            ("commit", || _ = CommitSpan::open("billing")),
        ] {
            let exported = Exported::default();
            tracing::subscriber::with_default(exported.clone(), open);
            let fields = exported.1.lock();
            let fields = fields.iter().filter(|field| !field.starts_with("otel."));
            let fields = fields.map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
            let row = reference.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect(name);
            assert!(row.ends_with(&format!("| {fields} |")), "{row}\n{fields}");
        }
    }

    #[test]
    fn what_went_wrong_is_a_word_of_few() {
        let refused = BrokerError::new(ApiKey::Produce, ErrorCode::NotEnoughReplicas).topic("t").into();
        let lost = Error::disconnected("1 (a:1)", "no reason", true);
        for (error, word) in [(refused, "NOT_ENOUGH_REPLICAS"), (lost, "disconnected")] {
            let text = exported(|| FetchSpan::open(None, Some("g")).note(&Err::<(), _>(error)));
            let end = format!("\notel.status_code=\"ERROR\"\nerror.type={word:?}");
            assert!(text.starts_with("poll\notel.kind=\"client\"") && text.ends_with(&end), "{text}");
        }
    }
}
