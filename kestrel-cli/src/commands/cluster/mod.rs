//! `kestrel cluster`: the brokers, what they agree on, and what they keep where.

mod describe;
mod elect;
mod features;
mod log_dirs;
mod quorum;
mod reassign;

use clap::Subcommand;
use kestrel_client::NodeId;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// The cluster: its brokers, what they agree on, and what they keep where.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show the cluster's id and its brokers
    Describe,
    /// Show the quorum that keeps the metadata, and how far behind each of it is
    Quorum,
    /// Show features with their levels, and set these
    Features(features::FeaturesCommand),
    /// Show the folders that brokers keep logs in, with what is in them
    LogDirs(log_dirs::DescribeLogDirs),
    /// Have leaders elected
    Elect(elect::ElectLeaders),
    /// Show partitions that are being moved to other brokers
    Reassignments,
    /// Move partitions to other brokers
    Reassign(reassign::ReassignPartitions),
    /// Forget a broker that has left for good
    Unregister {
        /// Its id
        #[arg(value_name = "ID")]
        broker: i32,
    },
}

impl ClusterCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Describe => describe::run(session).await,
            Self::Quorum => quorum::run(session).await,
            Self::Features(command) => command.run(session).await,
            Self::LogDirs(command) => command.run(session).await,
            Self::Elect(command) => command.run(session).await,
            Self::Reassignments => reassign::list(session).await,
            Self::Reassign(command) => command.run(session).await,
            Self::Unregister { broker } => unregister(session, broker).await,
        }
    }
}

async fn unregister(session: &Session, broker: i32) -> Result<(), Failure> {
    let permit = session.permit(&format!("unregister broker {broker}")).await?;
    let admin = session.admin().await?;
    let result = match permit {
        Permit::Change => admin.unregister_broker(NodeId(broker)).await,
        Permit::DryRun => Ok(()),
    };
    session.output().outcomes(&Outcomes::new(permit, "broker", "unregistered").extend([(broker, result)]))
}
