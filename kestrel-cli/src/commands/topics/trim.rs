//! `kestrel topics trim`: deletes the oldest records.

use clap::{ArgGroup, Args};
use kestrel_client::admin::{DeleteRecordsTo, OffsetSpec};
use kestrel_client::{Admin, IsolationLevel, TopicPartition};

use crate::commands::partitions;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Outcomes, Table};
use crate::session::Session;
use crate::values::{Moment, Partitions};

/// Deletes the oldest records of topics.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("end").required(true))]
pub(crate) struct TrimTopics {
    /// The topics, or some of their partitions: `orders`, `orders:0,2-5`
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    pub(crate) partitions: Vec<Partitions>,
    /// All records before this offset
    #[arg(long, group = "end", value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) before: Option<i64>,
    /// All records before the first one that is of this time or later: 2026-11-30T11:13:15Z, -2h
    #[arg(long, group = "end", value_name = "TIME", value_parser = Moment::parse, allow_hyphen_values = true)]
    pub(crate) before_time: Option<Moment>,
    /// All records
    #[arg(long, group = "end")]
    pub(crate) all: bool,
}

impl TrimTopics {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let partitions = partitions::resolve(&admin, &self.partitions).await?;
        let mut refused = Outcomes::of_reading("partition");
        let plan = self.plan(session, &admin, partitions, &mut refused).await;
        let permit = session.permit(&format!("delete records of {} partitions", plan.len())).await?;
        if permit == Permit::DryRun {
            session.output().table(&plan_table(&plan))?;
            return session.output().outcomes(&refused);
        }
        let deleted = admin.delete_records(plan).await;
        let mut table = Table::new(["topic", "partition", "start_offset"]);
        for (partition, start_offset) in deleted {
            if let Some(start_offset) = refused.note(&partition, start_offset) {
                table.row([(&*partition.topic).into(), partition.partition.into(), start_offset.into()]);
            }
        }
        session.output().table(&table)?;
        session.output().outcomes(&refused)
    }

    /// Up to where records are deleted in each partition.
    async fn plan(
        &self,
        session: &Session,
        admin: &Admin,
        partitions: Vec<TopicPartition>,
        refused: &mut Outcomes,
    ) -> Vec<(TopicPartition, DeleteRecordsTo)> {
        let Some(time) = self.before_time else {
            let to = self.before.map_or(DeleteRecordsTo::HighWatermark, DeleteRecordsTo::Offset);
            return partitions.into_iter().map(|partition| (partition, to)).collect();
        };
        let spec = OffsetSpec::Timestamp(time.resolve(session.now()));
        let specs = partitions.into_iter().map(|partition| (partition, spec));
        let mut plan = Vec::new();
        for (partition, listed) in admin.list_offsets(specs, IsolationLevel::ReadUncommitted).await {
            if let Some(listed) = refused.note(&partition, listed) {
                // Without a record of that time or later, all of them are earlier.
                let to = listed.offset.map_or(DeleteRecordsTo::HighWatermark, DeleteRecordsTo::Offset);
                plan.push((partition, to));
            }
        }
        plan
    }
}

fn plan_table(plan: &[(TopicPartition, DeleteRecordsTo)]) -> Table {
    let mut table = Table::new(["topic", "partition", "would_delete_before"]);
    for (partition, to) in plan {
        let before = match to {
            DeleteRecordsTo::Offset(offset) => (*offset).into(),
            _ => "end".into(),
        };
        table.row([(&*partition.topic).into(), partition.partition.into(), before]);
    }
    table
}
