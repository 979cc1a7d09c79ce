//! `kestrel transactions producers`.

use clap::Args;

use crate::commands::partitions;
use crate::failure::Failure;
use crate::output::{Cell, Outcomes, Table};
use crate::session::Session;
use crate::values::Partitions;

/// Shows the idempotent and transactional producers that have written to partitions.
#[derive(Debug, Args)]
pub(crate) struct DescribeProducers {
    /// The topics, or some of their partitions: `orders`, `orders:0,2-5`
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    partitions: Vec<Partitions>,
}

impl DescribeProducers {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let partitions = partitions::resolve(&admin, &self.partitions).await?;
        let mut outcomes = Outcomes::of_reading("partition");
        let mut table = Table::new([
            "topic",
            "partition",
            "producer_id",
            "producer_epoch",
            "last_sequence",
            "last_time",
            "open_since_offset",
        ]);
        for (partition, described) in admin.describe_producers(partitions).await {
            for producer in outcomes.note(&partition, described).into_iter().flatten() {
                let open = producer.current_transaction_start_offset;
                table.row([
                    (&*partition.topic).into(),
                    partition.partition.into(),
                    producer.producer_id.0.into(),
                    producer.producer_epoch.0.into(),
                    producer.last_sequence.into(),
                    producer.last_timestamp.into(),
                    Cell::from(open),
                ]);
            }
        }
        session.output().table(&table)?;
        session.output().outcomes(&outcomes)
    }
}
