//! Reader: what becomes of each record: it is decoded, chosen by the filter, and written.

use std::io::{self, IsTerminal};

use kestrel_client::serde::Part;
use kestrel_client::{Batch, Bytes, RecordRef, Timestamp, TopicPartition};
use kestrel_filter::{Bounds, Context, Filter, Part as FilterPart, Tally};

use super::sink::Sink;
use crate::failure::Failure;
use crate::output::Progress;
use crate::records::chosen::Chosen;
use crate::records::decode::{Decoded, Decoder, Encoded};
use crate::records::format::RecordFormat;
use crate::records::view::{Field, HeaderPair, View};
use crate::session::Session;

/// How often progress is shown, in milliseconds.
const PROGRESS_MILLIS: i64 = 200;

/// Whether more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    More,
    Enough,
}

/// Reads batches of records, and writes those that are wanted.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    session: &'s Session,
    format: RecordFormat,
    decoder: Decoder,
    filter: Option<Filter>,
    /// How many records are still wanted; `None` for all.
    wanted: Option<u64>,
    is_strict: bool,
    sink: Sink,
    tally: Tally,
    counts: Counts,
    progress: Option<Progress>,
    shown_at: Timestamp,
}

#[derive(Debug, Default)]
struct Counts {
    read: u64,
    written: u64,
    total: Option<i64>,
    unreadable: u64,
    first_reason: Option<String>,
    /// The field that was meant where one is missing; asked once.
    nearest: Option<Option<String>>,
}

/// How the records of a batch are read.
#[derive(Debug)]
struct Way {
    context: Option<Context>,
    /// There is nothing to decode.
    is_plain: bool,
    /// The filter asks for nothing decoded: whatever it does not take is spared the decoder.
    is_chosen_first: bool,
}

/// What was made of a record's key and value.
#[derive(Debug)]
struct Meanings {
    key: Decoded,
    value: Decoded,
}

impl<'s> Reader<'s> {
    pub(super) fn new(
        session: &'s Session,
        format: RecordFormat,
        decoder: Decoder,
        filter: Option<Filter>,
        wanted: Option<u64>,
    ) -> Self {
        // Records on the same terminal say how far it is.
        let progress = (!io::stdout().is_terminal()).then(|| session.output().progress("consume:"));
        Self {
            session,
            format,
            decoder,
            filter,
            wanted,
            is_strict: false,
            sink: Sink::new(),
            tally: Tally::default(),
            counts: Counts::default(),
            progress,
            shown_at: session.now(),
        }
    }

    /// Whether what cannot be decoded is a failure at the end.
    pub(super) fn strict_if(self, is_strict: bool) -> Self {
        Self { is_strict, ..self }
    }

    /// Where the records can be that the filter takes.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        let context = Context::at(self.session.now().to_system_time()?);
        self.filter.as_ref().map(|filter| filter.bounds(&context))
    }

    /// How many offsets there are to be read, for who looks on.
    pub(super) fn expect_offsets(&mut self, total: Option<i64>) {
        self.counts.total = total;
    }

    /// Reads a batch, and gives up to where all that is wanted of it was written.
    pub(super) async fn read(
        &mut self,
        batch: &Batch<Bytes, Bytes>,
    ) -> Result<(Flow, (TopicPartition, i64)), Failure> {
        let (mut done, now) = (batch.done(), self.session.now());
        let way = self.way(batch.topic(), now);
        let mut headers = Vec::new();
        for record in batch {
            if self.wanted == Some(0) {
                done.1 = record.offset();
                break;
            }
            self.read_record(batch, &record, &mut headers, &way).await;
            self.sink.write_if_full()?;
        }
        self.sink.write()?;
        self.show(now);
        Ok((if self.wanted == Some(0) { Flow::Enough } else { Flow::More }, done))
    }

    fn way(&self, topic: &str, now: Timestamp) -> Way {
        Way {
            context: now.to_system_time().map(Context::at),
            is_plain: self.decoder.is_idle(topic),
            is_chosen_first: self
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.needs(FilterPart::Key) && !filter.needs(FilterPart::Value)),
        }
    }

    async fn read_record<'b>(
        &mut self,
        batch: &'b Batch<Bytes, Bytes>,
        record: &RecordRef<'b, Bytes, Bytes>,
        headers: &mut Vec<HeaderPair<'b>>,
        way: &Way,
    ) {
        self.counts.read += 1;
        headers.clear();
        headers.extend(
            record
                .headers()
                .map(|header| (std::str::from_utf8(header.key_bytes).unwrap_or("\u{fffd}"), header.value)),
        );
        let view = view(batch, record, headers);
        if way.is_chosen_first && !self.accepts(&view, way.context.as_ref()) {
            return;
        }
        let meanings = if way.is_plain { Meanings::NONE } else { self.decode(batch, record, headers).await };
        let view = View {
            key: Field { meaning: meanings.key.meaning(), ..view.key },
            value: Field { meaning: meanings.value.meaning(), ..view.value },
            ..view
        };
        if way.is_chosen_first || self.accepts(&view, way.context.as_ref()) {
            self.write(&view);
        }
    }

    /// Whether the filter takes a record.
    fn accepts(&mut self, view: &View<'_>, context: Option<&Context>) -> bool {
        let (Some(filter), Some(context)) = (&self.filter, context) else { return true };
        let record = Chosen::new(view);
        let answer = filter.matches(&record, context);
        self.tally.count(&answer);
        if let Err(undecided) = &answer {
            self.counts.nearest.get_or_insert_with(|| filter.nearest_field(undecided, &record));
        }
        answer == Ok(true)
    }

    fn write(&mut self, view: &View<'_>) {
        self.format.write(view, self.sink.buffer());
        self.counts.written += 1;
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(1));
    }

    async fn decode(
        &mut self,
        batch: &Batch<Bytes, Bytes>,
        record: &RecordRef<'_, Bytes, Bytes>,
        headers: &[HeaderPair<'_>],
    ) -> Meanings {
        // Bytes are never refused.
        let (key, value) = (record.key().ok().flatten(), record.value().ok().flatten());
        let encoded = |part, bytes| Encoded { topic: batch.topic(), part, headers, key: key.as_ref(), bytes };
        let mut meanings = Meanings::NONE;
        if let Some(bytes) = &key {
            meanings.key = self.decode_one(&encoded(Part::Key, bytes)).await;
        }
        if let Some(bytes) = &value {
            meanings.value = self.decode_one(&encoded(Part::Value, bytes)).await;
        }
        meanings
    }

    async fn decode_one(&mut self, encoded: &Encoded<'_>) -> Decoded {
        let mut decoded = self.decoder.decode(encoded);
        if decoded == Decoded::NotReady {
            decoded = match self.decoder.ready(encoded).await {
                Ok(()) => self.decoder.decode(encoded),
                Err(reason) => Decoded::Unreadable(reason),
            };
        }
        if let Decoded::Unreadable(reason) = &decoded {
            self.counts.unreadable += 1;
            self.counts.first_reason.get_or_insert_with(|| format!("the {} {reason}", encoded.part));
        }
        decoded
    }

    fn show(&mut self, now: Timestamp) {
        let Some(progress) = &mut self.progress else { return };
        if now.as_millis() - self.shown_at.as_millis() < PROGRESS_MILLIS {
            return;
        }
        self.shown_at = now;
        let Counts { read, written, total, .. } = &self.counts;
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        progress.show(&format!("{read}{of} records read, {written} written"));
    }

    /// Says what is to be said at the end.
    ///
    /// # Errors
    /// When something could not be decoded, and that counts as a failure.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.progress = None;
        if self.filter.is_some() {
            self.session.output().note(&self.tally.to_string());
            if let Some(Some(name)) = &self.counts.nearest {
                self.session.output().note(&format!("did you mean the field `{name}`?"));
            }
        }
        let Counts { unreadable, first_reason, .. } = &self.counts;
        let Some(reason) = first_reason else { return Ok(()) };
        let problem = format!("{unreadable} keys or values could not be decoded; of the first one, {reason}");
        if self.is_strict {
            return Err(Failure::new(problem));
        }
        self.session.output().note(&problem);
        Ok(())
    }

    /// A signal came before the end.
    pub(super) fn interrupted(&self) -> Failure {
        let Counts { read, written, total, .. } = &self.counts;
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        self.session.output().note(&format!("interrupted: {read}{of} records were read, {written} written"));
        Failure::interrupted()
    }
}

impl Meanings {
    const NONE: Self = Self { key: Decoded::Bytes, value: Decoded::Bytes };
}

fn view<'a>(
    batch: &'a Batch<Bytes, Bytes>,
    record: &RecordRef<'a, Bytes, Bytes>,
    headers: &'a [HeaderPair<'a>],
) -> View<'a> {
    View {
        topic: batch.topic(),
        partition: batch.partition(),
        offset: record.offset(),
        timestamp_millis: record.timestamp().as_millis(),
        timestamp_type: record.timestamp_type(),
        headers,
        key: Field::bytes(record.key_bytes()),
        value: Field::bytes(record.value_bytes()),
    }
}
