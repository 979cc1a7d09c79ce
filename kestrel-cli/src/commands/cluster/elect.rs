//! `kestrel cluster elect`.

use clap::Args;
use kestrel_client::TopicPartition;
use kestrel_client::admin::{ElectionOutcome, ElectionType};

use crate::commands::partitions;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Outcomes, Table};
use crate::session::Session;
use crate::values::Partitions;

/// Has leaders elected: those that come first among the replicas of a partition.
#[derive(Debug, Args)]
pub(crate) struct ElectLeaders {
    /// The topics, or some of their partitions [default: all that need it]
    #[arg(value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    partitions: Vec<Partitions>,
    /// Where no replica is in sync, any that is there: records may be lost
    #[arg(long)]
    unclean: bool,
}

impl ElectLeaders {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let meant: Vec<TopicPartition> = partitions::resolve(&admin, &self.partitions).await?;
        let kind = if self.unclean { ElectionType::Unclean } else { ElectionType::Preferred };
        let what = if self.unclean { "elect leaders that may have lost records" } else { "elect leaders" };
        if session.permit(what).await? == Permit::DryRun {
            session.output().note("An election cannot be tried out: nothing was asked for.");
            return Ok(());
        }
        let elected = match self.partitions.is_empty() {
            true => admin.elect_all_leaders(kind).await?,
            false => admin.elect_leaders(kind, meant).await,
        };
        let mut outcomes = Outcomes::of_reading("partition");
        let mut table = Table::new(["topic", "partition", "outcome"]);
        for (partition, result) in elected {
            let outcome = match outcomes.note(&partition, result) {
                Some(ElectionOutcome::Elected) => "elected",
                Some(ElectionOutcome::NotNeeded) => "not needed",
                _ => continue,
            };
            table.row([(&*partition.topic).into(), partition.partition.into(), outcome.into()]);
        }
        session.output().table(&table)?;
        session.output().outcomes(&outcomes)
    }
}
