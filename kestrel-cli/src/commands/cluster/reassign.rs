//! `kestrel cluster reassign` and `reassignments`.

use clap::{ArgGroup, Args};
use kestrel_client::NodeId;
use kestrel_client::admin::NewPartitionReassignment;

use crate::commands::partitions;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Cell, Outcomes, Table};
use crate::session::Session;
use crate::values::Partitions;

/// Moves partitions to other brokers. It begins to: `kestrel cluster reassignments` shows what is under way.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true))]
pub(crate) struct ReassignPartitions {
    /// The topics, or some of their partitions
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    partitions: Vec<Partitions>,
    /// The brokers that are to have them, the preferred leader first
    #[arg(long, group = "target", value_name = "ID,...", value_delimiter = ',')]
    to: Vec<i32>,
    /// Stop a move that is under way
    #[arg(long, group = "target")]
    cancel: bool,
}

impl ReassignPartitions {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let meant = partitions::resolve(&admin, &self.partitions).await?;
        let what = if self.cancel { "stop the moves" } else { "begin to move" };
        let permit = session.permit(&format!("{what} of {} partitions", meant.len())).await?;
        let done = if self.cancel { "stopped the move of" } else { "began to move" };
        let outcomes = Outcomes::new(permit, "partition", done);
        session.output().outcomes(&match permit {
            Permit::DryRun => outcomes.extend(meant.into_iter().map(|partition| (partition, Ok(())))),
            Permit::Change => {
                let moves = meant.into_iter().map(|partition| match self.cancel {
                    true => NewPartitionReassignment::cancel(partition),
                    false => NewPartitionReassignment::to(partition, self.to.iter().copied().map(NodeId)),
                });
                outcomes.extend(admin.alter_partition_reassignments(moves).await)
            }
        })
    }
}

/// Shows what is under way.
pub(super) async fn list(session: &Session) -> Result<(), Failure> {
    let nodes = |nodes: &[NodeId]| Cell::list(nodes.iter().map(|node| node.0));
    let mut table = Table::new(["topic", "partition", "replicas", "adding", "removing"]);
    for (partition, reassignment) in session.admin().await?.list_partition_reassignments().await? {
        table.row([
            (&*partition.topic).into(),
            partition.partition.into(),
            nodes(&reassignment.replicas),
            nodes(&reassignment.adding_replicas),
            nodes(&reassignment.removing_replicas),
        ]);
    }
    session.output().table(&table)
}
