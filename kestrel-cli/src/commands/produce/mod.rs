//! `kestrel produce`: lines become records.
//!
//! ```text
//!   lines ──► input (a draft) ──► composer (topic, partition, headers, encoded) ──► sending (a producer, what became of each)
//! ```

mod composer;
mod lines;
mod schemas;
mod sending;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kestrel_client::{Acks, Compression, ProducerBuilder};

use self::composer::{Composer, ComposerArguments};
use self::lines::Lines;
use self::schemas::SchemaArguments;
use self::sending::Sending;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::records::input::{Input, TextLines, looks_like_a_record};
use crate::session::Session;

/// Write records: lines of text, or what `consume` wrote.
///
/// Each line of standard input is a value, or with --format json a record as `kestrel consume` writes it. A line that is no
/// record or cannot be stored is reported with its number, and the others go on; the exit code says so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  echo hello | kestrel produce greetings
  kestrel produce orders --key-separator : --file orders.txt
  kestrel consume orders | kestrel produce --format json orders-copy
  kestrel produce orders --value-format avro < orders.jsonl")]
pub(crate) struct ProduceCommand {
    /// The topic; without it each line of JSON names its own
    topic: Option<String>,

    /// As kafka-console-producer has it
    #[arg(long = "topic", hide = true, value_name = "TOPIC", conflicts_with = "topic")]
    topic_option: Option<String>,

    /// How lines are read [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<LineFormat>,

    /// Read from a file and not from standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// In lines of text, what stands between key and value
    #[arg(long, short = 'K', value_name = "TEXT")]
    key_separator: Option<String>,

    /// In lines of text, a key or value that is this is null
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,

    #[command(flatten)]
    composer: ComposerArguments,

    #[command(flatten)]
    schemas: SchemaArguments,

    /// Who has to have a record before it counts as stored
    #[arg(
        long,
        value_enum,
        value_name = "WHO",
        default_value_t,
        allow_negative_numbers = true,
        alias = "request-required-acks"
    )]
    acks: AcksChoice,

    /// How batches are compressed
    #[arg(long, value_enum, value_name = "CODEC", default_value_t, alias = "compression-codec")]
    compression: Codec,
}

/// How lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LineFormat {
    /// A value, or a key and a value
    Text,
    /// A record as JSON
    Json,
}

/// Who has to have a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum AcksChoice {
    /// All replicas that are in sync
    #[default]
    #[value(alias = "-1")]
    All,
    /// The leader
    #[value(name = "1", alias = "leader")]
    Leader,
    /// Nobody: what is lost is not known
    #[value(name = "0", alias = "none")]
    None,
}

/// How batches are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Codec {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl ProduceCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let topic = self.topic.as_deref().or(self.topic_option.as_deref());
        let input = self.input()?;
        if topic.is_none() && !matches!(input, Input::JsonLines) {
            return Err(Failure::usage("lines of text do not name a topic")
                .remedy("`kestrel produce TOPIC`, or --format json with a topic in each line."));
        }
        let what = format!("write records to {}", topic.unwrap_or("the topics that lines name"));
        let permit = session.permit(&what).await?;
        let (key, value) = self.schemas.encoders(session)?;
        let composer = Composer::new(topic, self.composer.clone(), key, value);
        let mut lines = Lines::open(self.file.as_deref()).await?;
        let mut sending = match permit {
            Permit::DryRun => Sending::dry(session, composer),
            Permit::Change => Sending::begin(session, composer, self.producer(session).await?).await?,
        };
        let outcome = self.feed(session, &input, &mut lines, &mut sending).await;
        let sent = sending.finish().await;
        outcome.and(sent)
    }

    /// Sends what the lines are, until they end or a signal comes.
    async fn feed(
        &self,
        session: &Session,
        input: &Input,
        lines: &mut Lines,
        sending: &mut Sending<'_>,
    ) -> Result<(), Failure> {
        let stop = session.stop().listen();
        loop {
            let line = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Failure::interrupted()),
                line = lines.next() => line?,
            };
            let Some((number, line)) = line else { return Ok(()) };
            if self.format.is_none() && number == 1 && looks_like_a_record(line) {
                return Err(records_are_no_text());
            }
            match input.read(line) {
                Ok(Some(draft)) => sending.send(number, draft).await?,
                Ok(None) => {}
                Err(reason) => sending.refuse(number, &reason),
            }
        }
    }

    fn input(&self) -> Result<Input, Failure> {
        let text = |text: &String| text.as_bytes().to_vec();
        match self.format {
            Some(LineFormat::Json) if self.key_separator.is_some() || self.null.is_some() => {
                Err(Failure::usage("a line of JSON says itself what its key is and what is null")
                    .remedy("--key-separator and --null are for --format text."))
            }
            Some(LineFormat::Json) => Ok(Input::JsonLines),
            _ if self.key_separator.as_ref().is_some_and(String::is_empty) => {
                Err(Failure::usage("--key-separator is empty"))
            }
            _ => Ok(Input::TextLines(TextLines::new(
                self.key_separator.as_ref().map(text),
                self.null.as_ref().map(text),
            ))),
        }
    }

    async fn producer(&self, session: &Session) -> Result<ProducerBuilder, Failure> {
        let acks = match self.acks {
            AcksChoice::All => Acks::All,
            AcksChoice::Leader => Acks::Leader,
            AcksChoice::None => Acks::None,
        };
        let compression = match self.compression {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        };
        Ok(session.client().await?.producer().acks(acks).compression(compression))
    }
}

/// Whoever reads what `consume` wrote as text makes records of records.
fn records_are_no_text() -> Failure {
    Failure::usage("the first line is a record as `kestrel consume` writes it")
        .remedy("--format json takes it apart, --format text writes the line itself as a value.")
}
