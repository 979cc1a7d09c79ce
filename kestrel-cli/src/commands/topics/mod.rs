//! `kestrel topics`: what there is, how large it is, and how it is set up.

mod alter;
mod create;
mod delete;
mod describe;
mod list;
mod sizes;
mod trim;

use clap::Subcommand;

pub(crate) use self::alter::AlterTopics;
pub(crate) use self::create::{CreateTopics, assignment};
pub(crate) use self::delete::DeleteTopics;
pub(crate) use self::describe::DescribeTopics;
pub(crate) use self::list::ListTopics;
pub(crate) use self::trim::TrimTopics;
use crate::failure::Failure;
use crate::session::Session;

/// Topics: what there is, how large it is, and how it is set up.
#[derive(Debug, Subcommand)]
pub(crate) enum TopicsCommand {
    /// List the topics
    #[command(visible_alias = "ls")]
    List(ListTopics),
    /// Show topics with their partitions, offsets and configurations
    Describe(DescribeTopics),
    /// Create topics
    Create(CreateTopics),
    /// Add partitions to topics
    Alter(AlterTopics),
    /// Delete topics with all of their records
    #[command(visible_alias = "rm")]
    Delete(DeleteTopics),
    /// Delete the oldest records of topics
    Trim(TrimTopics),
}

impl TopicsCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Describe(command) => command.run(session).await,
            Self::Create(command) => command.run(session).await,
            Self::Alter(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
            Self::Trim(command) => command.run(session).await,
        }
    }
}
