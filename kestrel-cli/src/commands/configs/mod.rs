//! `kestrel configs`: of topics, brokers, groups and subscriptions to clients' metrics.

mod alter;
mod get;
mod list;
mod owner;

use clap::Subcommand;

pub(crate) use self::alter::{AlterConfigsOf, Change};
pub(crate) use self::get::{GetConfigs, entries_table};
pub(crate) use self::list::ListConfigs;
pub(crate) use self::owner::{ConfigOwner, OwnerKind};
use crate::failure::Failure;
use crate::session::Session;

/// Configurations: of topics, brokers, groups and subscriptions to clients' metrics.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigsCommand {
    /// List what has a configuration of its own
    #[command(visible_alias = "ls")]
    List(ListConfigs),
    /// Show configurations
    Get(GetConfigs),
    /// Set keys; others stay as they are
    Set(SetConfigs),
    /// Take keys back to their defaults
    Delete(DeleteConfigs),
    /// Both at once, which only the options of Apache Kafka's tool say
    #[command(skip)]
    Alter(AlterConfigsOf),
}

/// Sets keys.
#[derive(Debug, clap::Args)]
pub(crate) struct SetConfigs {
    #[command(flatten)]
    owner: ConfigOwner,
    /// The keys and their values; `KEY+=VALUE` and `KEY-=VALUE` add to a list and take out of it
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = alter::set)]
    changes: Vec<Change>,
}

/// Takes keys back to their defaults.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteConfigs {
    #[command(flatten)]
    owner: ConfigOwner,
    /// The keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

impl ConfigsCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Alter(command) => command.run(session).await,
            Self::Get(command) => command.run(session).await,
            Self::Set(SetConfigs { owner, changes }) => AlterConfigsOf { owner, changes }.run(session).await,
            Self::Delete(DeleteConfigs { owner, keys }) => {
                let changes = keys.into_iter().map(Change::delete).collect();
                AlterConfigsOf { owner, changes }.run(session).await
            }
        }
    }
}
