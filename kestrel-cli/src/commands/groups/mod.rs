//! `kestrel groups`: who reads what, how far behind, and where they go on.

mod delete;
mod describe;
mod known;
mod lag;
mod lag_time;
mod list;
mod reset;

use clap::Subcommand;

pub(crate) use self::delete::{DeleteGroups, DeleteOffsets};
pub(crate) use self::describe::DescribeGroups;
pub(crate) use self::list::{GROUP_STATES, GROUP_TYPES, ListGroups};
pub(crate) use self::reset::{ResetGroup, ResetScope, ResetTarget};
use crate::failure::Failure;
use crate::session::Session;

/// Groups: who reads what, how far behind, and where they go on.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupsCommand {
    /// List the groups
    #[command(visible_alias = "ls")]
    List(ListGroups),
    /// Show groups with their members, and how far behind they are
    Describe(DescribeGroups),
    /// Set the offsets of a group that has no members: shows what would change, and changes it with --execute
    Reset(ResetGroup),
    /// Delete groups that have no members, with their offsets
    #[command(visible_alias = "rm")]
    Delete(DeleteGroups),
    /// Delete what a group has committed for topics
    DeleteOffsets(DeleteOffsets),
}

impl GroupsCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Describe(command) => command.run(session).await,
            Self::Reset(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
            Self::DeleteOffsets(command) => command.run(session).await,
        }
    }
}
