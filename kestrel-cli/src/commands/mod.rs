//! Commands: a file or folder for each noun. Each is a struct that clap fills in, and runs with a session.

pub(crate) mod acls;
mod bench;
mod check;
mod cluster;
pub(crate) mod configs;
mod consume;
mod context;
#[cfg(all(feature = "dev", unix))]
mod dev;
pub(crate) mod groups;
mod partitions;
mod produce;
pub(crate) mod quotas;
mod schemas;
pub(crate) mod topics;
mod transactions;
pub(crate) mod users;

use clap::Subcommand;

use crate::completion::CompletionCommand;
use crate::failure::Failure;
use crate::session::Session;

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Topics: what there is, how large it is, and how it is set up
    #[command(subcommand, visible_alias = "topic")]
    Topics(topics::TopicsCommand),
    Consume(Box<consume::ConsumeCommand>),
    Produce(Box<produce::ProduceCommand>),
    /// Groups: who reads what, how far behind, and where they go on
    #[command(subcommand, visible_alias = "group")]
    Groups(groups::GroupsCommand),
    /// Configurations of topics and brokers
    #[command(subcommand, visible_alias = "config")]
    Configs(configs::ConfigsCommand),
    /// Access control lists: who may do what
    #[command(subcommand, visible_alias = "acl")]
    Acls(acls::AclsCommand),
    /// Users: who may log in by SCRAM
    #[command(subcommand, visible_alias = "user")]
    Users(users::UsersCommand),
    /// Quotas: how much users, clients and addresses may do
    #[command(subcommand, visible_alias = "quota")]
    Quotas(quotas::QuotasCommand),
    /// Transactions: who writes in them, and which are stuck
    #[command(subcommand, visible_alias = "transaction")]
    Transactions(transactions::TransactionsCommand),
    /// Schemas: what a schema registry keeps
    #[command(subcommand, visible_alias = "schema")]
    Schemas(schemas::SchemasCommand),
    /// The cluster: its brokers, and what they agree on
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    Check(check::CheckCommand),
    /// Contexts: clusters that have names here
    #[command(subcommand, visible_alias = "contexts")]
    Context(context::ContextCommand),
    #[cfg(all(feature = "dev", unix))]
    Dev(dev::DevCommand),
    /// Write the script that completes command lines in a shell
    Completion(CompletionCommand),
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        // Each in a box: the largest would be the size of all.
        match self {
            Self::Topics(command) => Box::pin(command.run(session)).await,
            Self::Consume(command) => Box::pin(command.run(session)).await,
            Self::Produce(command) => Box::pin(command.run(session)).await,
            Self::Groups(command) => Box::pin(command.run(session)).await,
            Self::Configs(command) => Box::pin(command.run(session)).await,
            Self::Acls(command) => Box::pin(command.run(session)).await,
            Self::Users(command) => Box::pin(command.run(session)).await,
            Self::Quotas(command) => Box::pin(command.run(session)).await,
            Self::Transactions(command) => Box::pin(command.run(session)).await,
            Self::Schemas(command) => Box::pin(command.run(session)).await,
            Self::Cluster(command) => Box::pin(command.run(session)).await,
            Self::Bench(command) => Box::pin(command.run(session)).await,
            Self::Check(command) => Box::pin(command.run(session)).await,
            Self::Context(command) => command.run(session),
            #[cfg(all(feature = "dev", unix))]
            Self::Dev(command) => Box::pin(command.run(session)).await,
            Self::Completion(command) => command.run(session),
        }
    }
}
