//! `kestrel cluster log-dirs`.

use clap::Args;
use kestrel_client::admin::LogDirDescription;
use kestrel_client::{NodeId, TopicPartition};

use crate::failure::Failure;
use crate::output::{Cell, Outcomes, Table};
use crate::session::Session;

/// Shows the folders that brokers keep logs in, with what is in them.
#[derive(Debug, Args)]
pub(crate) struct DescribeLogDirs {
    /// The brokers [default: all]
    #[arg(value_name = "ID")]
    brokers: Vec<i32>,
    /// Only what is of this topic; may be given many times
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<String>,
    /// Each replica, and not only how many there are
    #[arg(long)]
    replicas: bool,
}

impl DescribeLogDirs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let mut brokers: Vec<_> = self.brokers.iter().copied().map(NodeId).collect();
        if brokers.is_empty() {
            brokers = admin.describe_cluster().await?.brokers.iter().map(|broker| broker.id).collect();
        }
        let mut outcomes = Outcomes::of_reading("broker");
        let mut found = Vec::new();
        for (broker, described) in admin.describe_log_dirs(brokers).await {
            let folders = outcomes.note(broker.0, described).into_iter().flatten();
            found.extend(folders.map(|folder| (broker, folder)));
        }
        session.output().table(&if self.replicas {
            self.replicas_table(&found)
        } else {
            self.table(&found)
        })?;
        session.output().outcomes(&outcomes)
    }

    fn is_meant(&self, partition: &TopicPartition) -> bool {
        self.topics.is_empty() || self.topics.iter().any(|topic| **topic == *partition.topic)
    }

    fn table(&self, found: &[(NodeId, LogDirDescription)]) -> Table {
        let mut table = Table::new(["broker", "folder", "error", "replicas", "size", "volume", "free"]);
        for (broker, folder) in found {
            let meant = || folder.replicas.iter().filter(|(partition, _)| self.is_meant(partition));
            table.row([
                broker.0.into(),
                (&*folder.path).into(),
                Cell::from(folder.error.map(|error| error.to_string())).alarming_if(folder.error.is_some()),
                meant().count().into(),
                Cell::Bytes(meant().map(|(_, replica)| replica.size_bytes).sum()),
                folder.total_bytes.map_or(Cell::Missing, Cell::Bytes),
                folder.usable_bytes.map_or(Cell::Missing, Cell::Bytes),
            ]);
        }
        table
    }

    fn replicas_table(&self, found: &[(NodeId, LogDirDescription)]) -> Table {
        let mut table =
            Table::new(["broker", "folder", "topic", "partition", "size", "offset_lag", "is_future"]);
        for (broker, folder) in found {
            for (partition, replica) in
                folder.replicas.iter().filter(|(partition, _)| self.is_meant(partition))
            {
                table.row([
                    broker.0.into(),
                    (&*folder.path).into(),
                    (&*partition.topic).into(),
                    partition.partition.into(),
                    Cell::Bytes(replica.size_bytes),
                    replica.offset_lag.into(),
                    replica.is_future.into(),
                ]);
            }
        }
        table
    }
}
