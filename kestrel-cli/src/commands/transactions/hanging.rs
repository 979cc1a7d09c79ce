//! `kestrel transactions hanging`: finds transactions that nobody will end, and aborts them when it is asked to.

use std::time::Duration;

use clap::Args;
use kestrel_client::admin::OpenTransaction;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Outcomes, Table};
use crate::session::Session;
use crate::values::parse_duration;

/// Finds transactions that hang.
#[derive(Debug, Args)]
pub(crate) struct FindHanging {
    /// The topics to look in [default: all]
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// Only what was not written to for so long: at least the brokers' transaction.max.timeout.ms
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = parse_duration)]
    idle_for: Duration,
    /// Abort what was found, each in its one partition
    #[arg(long)]
    abort: bool,
}

impl FindHanging {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let mut topics = self.topics;
        if topics.is_empty() {
            let all = admin.list_topics().await?;
            topics = all.iter().map(|topic| topic.name.to_string()).collect();
        }
        let mut progress = session.output().progress("looking for open transactions:");
        progress.show(&format!("{} topics", topics.len()));
        let found = admin.find_hanging_transactions(topics, self.idle_for).await?;
        drop(progress);
        if !self.abort || found.is_empty() {
            return session.output().table(&table(&found));
        }
        if session.permit(&format!("abort {} transactions", found.len())).await? == Permit::DryRun {
            return session.output().table(&table(&found));
        }
        let mut outcomes = Outcomes::new(Permit::Change, "transaction in partition", "aborted");
        for hanging in &found {
            outcomes.push(&hanging.partition, admin.abort_transaction(hanging).await);
        }
        session.output().outcomes(&outcomes)
    }
}

fn table(found: &[OpenTransaction]) -> Table {
    let mut table =
        Table::new(["topic", "partition", "producer_id", "producer_epoch", "open_since_offset", "last_time"]);
    for open in found {
        table.row([
            (&*open.partition.topic).into(),
            open.partition.partition.into(),
            open.producer_id.0.into(),
            open.producer_epoch.0.into(),
            open.start_offset.into(),
            open.last_timestamp.into(),
        ]);
    }
    table
}
