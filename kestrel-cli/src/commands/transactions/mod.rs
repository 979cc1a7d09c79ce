//! `kestrel transactions`: who writes in transactions, and which of these are stuck.

mod describe;
mod hanging;
mod list;
mod producers;

use clap::Subcommand;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// Transactions: who writes in them, and which are stuck.
#[derive(Debug, Subcommand)]
pub(crate) enum TransactionsCommand {
    /// List transactional ids
    #[command(visible_alias = "ls")]
    List(list::ListTransactions),
    /// Show transactional ids with the partitions in their transactions
    Describe(describe::DescribeTransactions),
    /// Show the producers that have written to partitions
    Producers(producers::DescribeProducers),
    /// Find transactions that hang: open in a partition, and unknown to every coordinator
    Hanging(hanging::FindHanging),
    /// Fence producers: their open transactions are aborted, and what they still try is refused
    Fence {
        /// Their transactional ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

impl TransactionsCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Describe(command) => command.run(session).await,
            Self::Producers(command) => command.run(session).await,
            Self::Hanging(command) => command.run(session).await,
            Self::Fence { ids } => fence(session, ids).await,
        }
    }
}

async fn fence(session: &Session, ids: Vec<String>) -> Result<(), Failure> {
    let permit = session.permit(&format!("fence the producers of {}", ids.join(", "))).await?;
    let admin = session.admin().await?;
    let outcomes = Outcomes::new(permit, "producers of", "fenced");
    session.output().outcomes(&match permit {
        Permit::Change => outcomes.extend(admin.fence_producers(ids).await),
        Permit::DryRun => outcomes.extend(admin.describe_transactions(ids).await),
    })
}
