//! `kestrel dev`: a broker, a schema registry and metrics in this process, to try things out.
//!
//! The one command that brings a cluster along, and so the one that is a feature (`dev`): the others connect to one. The parts are
//! what the programs kestrel-broker and kestrel-registry are, and speak to each other as those do.

mod earthquakes;
mod parts;
mod welcome;

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;
use crate::options::Format;
use crate::session::Session;
use parts::Parts;

/// A broker, a schema registry and metrics in one process, to try things out.
///
/// Ctrl-C stops them cleanly; what was stored is there the next time. Without logins and TLS: whoever reaches a port may do
/// everything, which by default are programs on this machine. As services they are kestrel-broker and kestrel-registry.
#[derive(Debug, Args)]
pub(crate) struct DevCommand {
    /// The folder that holds all data, in Apache Kafka's own format
    #[arg(long, value_name = "FOLDER", default_value = "./kestrel-data")]
    data_dir: PathBuf,

    /// Keep the data in a temporary folder that is deleted at the end
    #[arg(long, conflicts_with = "data_dir")]
    ephemeral: bool,

    /// Where the broker listens; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    listen: String,

    /// Where the registry listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8081")]
    registry_listen: String,

    /// Where metrics and health are served
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9644")]
    metrics_listen: String,

    /// Fill the topic earthquakes with those of a week, as Avro; where it is already, it stays as it is
    #[arg(long)]
    seed: bool,
}

impl DevCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let parts = Parts::start(&self).await?;
        // From here on a signal stops the parts in order; before, there is nothing to put in order.
        let stop = session.stop().listen();
        let served = tokio::select! {
            served = self.serve(&parts, session) => served,
            () = stop.cancelled() => Ok(()),
        };
        // What failed first is the reason; that the stop fails then follows from it.
        served.and(parts.stop().await)
    }

    /// Seeds, says where everything is, and waits until a part fails.
    async fn serve(&self, parts: &Parts, session: &Session) -> Result<(), Failure> {
        if self.seed {
            let seeded = earthquakes::seed(parts.bootstrap_servers(), parts.registry_url()).await?;
            session.output().note(&match seeded {
                Some(count) => {
                    format!("{count} earthquakes were written to the topic {}", earthquakes::TOPIC)
                }
                None => format!("the topic {} is there already", earthquakes::TOPIC),
            });
        }
        let addresses = parts.addresses();
        match session.output().format() {
            Format::Json => session.output().pages(&[addresses.page()])?,
            Format::Table => session.output().text(&addresses.welcome(self.ephemeral, self.seed))?,
        }
        Err(parts.failed().await)
    }
}
