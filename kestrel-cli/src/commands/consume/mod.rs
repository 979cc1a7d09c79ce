//! `kestrel consume`: records of topics, from and to a place, chosen by a filter, in a format.
//!
//! ```text
//!   selection (which partitions, from where to where) ──► a consumer ──► reader (decodes, chooses, writes) ──► sink
//! ```

mod formats;
mod reader;
mod selection;
mod sink;

use clap::{Args, ValueEnum};
use kestrel_client::{
    AssignedConsumer, AutoOffsetReset, Bytes, CommitPolicy, Consumer, ConsumerHandle, IsolationLevel, Source,
};

use self::formats::FormatArguments;
use self::reader::{Flow, Reader};
use self::selection::{Selection, SelectionArguments};
use crate::failure::Failure;
use crate::guard::Permit;
use crate::records::place::Place;
use crate::session::Session;

/// How many records a batch has at most: enough to be fast, and few enough to show progress.
const BATCH_RECORDS: usize = 10_000;

/// Read records: from and to a place, chosen by a filter, decoded.
///
/// Without --follow it ends where the topics end when it begins. On a terminal records are a table, and else JSON lines, which
/// `kestrel produce --format json` writes again as they were.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kestrel consume earthquakes --tail 10
  kestrel consume earthquakes --from 2026-11-30T08:00 --to -1h --where 'value.magnitude >= 4.5'
  kestrel consume orders --format json > orders.jsonl
  kestrel consume orders --pattern '%p %o %k %v\\n' --follow")]
pub(crate) struct ConsumeCommand {
    #[command(flatten)]
    selection: SelectionArguments,

    /// End after so many records
    #[arg(long, short = 'n', value_name = "N", alias = "max-messages")]
    count: Option<u64>,

    /// Go on at the end, and wait for new records; without --from and --tail begin at the end
    #[arg(long, short = 'f')]
    follow: bool,

    /// Read as a member of this group, go on where it has committed, commit what was written, and follow the end
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["partition", "to", "tail"])]
    group: Option<String>,

    /// Which records of transactions are read
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t, alias = "isolation-level")]
    isolation: Isolation,

    /// Only records that this filter takes: docs/filters.md
    #[arg(long = "where", short = 'w', value_name = "FILTER")]
    filter: Option<String>,

    #[command(flatten)]
    formats: FormatArguments,
}

/// Which records of transactions are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Isolation {
    /// All
    #[default]
    #[value(name = "read_uncommitted", alias = "read-uncommitted")]
    Uncommitted,
    /// Those of transactions that were committed
    #[value(name = "read_committed", alias = "read-committed")]
    Committed,
}

impl ConsumeCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let reader = self.formats.reader(session, self.filter.as_deref(), self.count)?;
        match self.group.clone() {
            Some(group) => self.run_as_member(session, &group, reader).await,
            None => self.run_alone(session, reader).await,
        }
    }

    const fn isolation_level(&self) -> IsolationLevel {
        match self.isolation {
            Isolation::Uncommitted => IsolationLevel::ReadUncommitted,
            Isolation::Committed => IsolationLevel::ReadCommitted,
        }
    }

    async fn run_alone(self, session: &Session, mut reader: Reader<'_>) -> Result<(), Failure> {
        let client = session.client().await?;
        let Selection { ranges, total } =
            self.selection.resolve(session, self.follow, self.isolation_level(), reader.bounds()).await?;
        if ranges.is_empty() {
            return reader.finish();
        }
        reader.expect_offsets(total);
        let consumer = client
            .assigned_consumer::<Bytes, Bytes>()
            .assign_ranges(ranges)
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .isolation_level(self.isolation_level())
            .max_poll_records(BATCH_RECORDS);
        let mut consumer: AssignedConsumer<Bytes, Bytes> = consumer.build().await?;
        let was_stopped = pump(session, &mut consumer, None, &mut reader).await?;
        consumer.close().await?;
        reader.finish()?;
        // Who follows the end stops it by a signal; a range was not read to its end.
        if was_stopped && !self.follow { Err(reader.interrupted()) } else { Ok(()) }
    }

    async fn run_as_member(
        self,
        session: &Session,
        group: &str,
        mut reader: Reader<'_>,
    ) -> Result<(), Failure> {
        let reset = match self.selection.from() {
            None | Some(Place::Beginning) => AutoOffsetReset::Earliest,
            Some(Place::End) => AutoOffsetReset::Latest,
            Some(_) => {
                return Err(Failure::usage("a member of a group begins where the group has committed")
                    .remedy("--from is beginning or end here, and counts where nothing is committed."));
            }
        };
        if session.permit(&format!("commit offsets of the group {group}")).await? == Permit::DryRun {
            return Err(Failure::usage(
                "reading as a member of a group commits offsets: there is no dry run of it",
            )
            .remedy("Leave --group out to read without committing."));
        }
        let topics = self.selection.topics(session).await?;
        let consumer = session.client().await?.consumer::<Bytes, Bytes>(group).topics(topics);
        let mut consumer: Consumer<Bytes, Bytes> = consumer
            .auto_offset_reset(reset)
            .isolation_level(self.isolation_level())
            .commit_policy(CommitPolicy::Manual)
            .max_poll_records(BATCH_RECORDS)
            .build()
            .await?;
        let handle = consumer.handle();
        let outcome = pump(session, &mut consumer, Some(&handle), &mut reader).await;
        let closed = consumer.close().await;
        outcome?;
        closed?;
        reader.finish()
    }
}

/// Reads until the end, the last record that is wanted, or the first signal: then it gives `true`. What was written is committed.
async fn pump<S: Source>(
    session: &Session,
    consumer: &mut Consumer<Bytes, Bytes, S>,
    group: Option<&ConsumerHandle>,
    reader: &mut Reader<'_>,
) -> Result<bool, Failure> {
    let stop = session.stop().listen();
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(true),
            batch = consumer.next_batch() => batch,
        };
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(false),
            Err(error) if error.is_retriable() => {
                session.output().note(&format!("going on after: {error:#}"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let (flow, done) = reader.read(&batch).await?;
        if let Some(group) = group {
            group.commit_offsets([done]).await?;
        }
        if flow == Flow::Enough {
            return Ok(false);
        }
    }
}
