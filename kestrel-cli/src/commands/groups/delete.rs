//! `kestrel groups delete` and `delete-offsets`.

use clap::Args;

use super::known::Known;
use crate::commands::partitions;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;
use crate::values::Partitions;

/// Deletes groups that have no members, with their offsets.
#[derive(Debug, Args)]
pub(crate) struct DeleteGroups {
    /// The groups
    #[arg(required = true, value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
}

impl DeleteGroups {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let permit = session.permit(&format!("delete {}", self.groups.join(", "))).await?;
        let admin = session.admin().await?;
        let mut outcomes = Outcomes::new(permit, "group", "deleted");
        match permit {
            Permit::Change => outcomes = outcomes.extend(admin.delete_groups(self.groups).await),
            Permit::DryRun => drop(Known::find(&admin, &self.groups, &mut outcomes).await?),
        }
        session.output().outcomes(&outcomes)
    }
}

/// Deletes what a group has committed for topics that no member of it reads.
#[derive(Debug, Args)]
pub(crate) struct DeleteOffsets {
    /// The group
    pub(crate) group: String,
    /// The topics, or some of their partitions: `orders`, `orders:0,2-5`
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    pub(crate) partitions: Vec<Partitions>,
}

impl DeleteOffsets {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { group, partitions } = self;
        let permit = session.permit(&format!("delete offsets of {group}")).await?;
        let admin = session.admin().await?;
        let partitions = partitions::resolve(&admin, &partitions).await?;
        let outcomes = Outcomes::new(permit, "partition", "deleted the offset of");
        session.output().outcomes(&match permit {
            Permit::Change => outcomes.extend(admin.delete_group_offsets(&*group, partitions).await),
            Permit::DryRun => outcomes.extend(partitions.into_iter().map(|partition| (partition, Ok(())))),
        })
    }
}
