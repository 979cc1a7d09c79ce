//! The work itself, the same loops for every client; a client's own file says only how it sends and how it receives.

mod exporter;
mod groups;
mod held;
#[cfg(feature = "kacrab")]
mod kacrab;
mod kestrel;
#[cfg(feature = "krafka")]
mod krafka;
#[cfg(feature = "rdkafka")]
mod rdkafka;
#[cfg(feature = "rdkafka")]
mod rdkafka_base;
#[cfg(feature = "rskafka")]
mod rskafka;
mod transactions;
mod typed;
mod work;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use self::exporter::Exporter;
use self::work::Failure;
use crate::args::{
    Client, Common, Consume, EndToEnd, Groups, Produce, Transactions, TypedConsume, TypedProduce,
};
use crate::report::Report;

/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls `work::$what::<Peer>($work)` for the peer that was asked for.
macro_rules! with_peer {
    ($what:ident, $work:expr) => {
        match $work.common.client {
            Client::Kestrel => run(&$work.common, work::$what::<kestrel::Kestrel>($work)),
            #[cfg(feature = "rdkafka")]
            Client::Rdkafka => run(&$work.common, work::$what::<rdkafka::Rdkafka>($work)),
            #[cfg(feature = "rdkafka")]
            Client::RdkafkaBase => run(&$work.common, work::$what::<rdkafka_base::RdkafkaBase>($work)),
            #[cfg(feature = "krafka")]
            Client::Krafka => run(&$work.common, work::$what::<krafka::Krafka>($work)),
            #[cfg(feature = "kacrab")]
            Client::Kacrab => run(&$work.common, work::$what::<kacrab::Kacrab>($work)),
            #[cfg(feature = "rskafka")]
            Client::Rskafka => run(&$work.common, work::$what::<rskafka::Rskafka>($work)),
        }
    };
}

/// Produces as fast as acknowledgements come.
pub(crate) fn produce(work: &Produce) -> Result<Report, String> {
    with_peer!(produce, work)
}

/// Reads a topic from its beginning.
pub(crate) fn consume(work: &Consume) -> Result<Report, String> {
    with_peer!(consume, work)
}

/// Produces at a fixed rate and reads at the same time.
pub(crate) fn e2e(work: &EndToEnd) -> Result<Report, String> {
    with_peer!(e2e, work)
}

/// Produces in transactions.
pub(crate) fn transactions(work: &Transactions) -> Result<Report, String> {
    match work.common.client {
        Client::Kestrel => {
            run(&work.common, transactions::transactions::<kestrel::KestrelTransactions>(work))
        }
        #[cfg(feature = "rdkafka")]
        Client::RdkafkaBase => {
            run(&work.common, transactions::transactions::<rdkafka_base::BaseTransactions>(work))
        }
        #[cfg(any(feature = "rdkafka", feature = "krafka", feature = "kacrab", feature = "rskafka"))]
        other => Err(format!("{} writes no transactions here", other.name())),
    }
}

/// Produces orders with serializers.
pub(crate) fn typed_produce(work: &TypedProduce) -> Result<Report, String> {
    run(&work.common, typed::produce(work))
}

/// Reads orders with deserializers.
pub(crate) fn typed_consume(work: &TypedConsume) -> Result<Report, String> {
    run(&work.common, typed::consume(work))
}

/// Lets members of groups live for a while.
pub(crate) fn groups(work: &Groups) -> Result<Report, String> {
    if work.common.client != Client::Kestrel {
        return Err(format!("{} has no members of groups here", work.common.client.name()));
    }
    run(&work.common, groups::groups(work))
}

fn run(common: &Common, work: impl Future<Output = Result<Report, Failure>>) -> Result<Report, String> {
    if common.metrics && common.client != Client::Kestrel {
        return Err(format!("{} tells no metrics here", common.client.name()));
    }
    let exporter = common.metrics.then(Exporter::install).transpose()?;
    let runtime = runtime(common.threads).map_err(|e| format!("cannot start the runtime: {e}"))?;
    let outcome = runtime.block_on(work);
    if let Some(exporter) = exporter {
        exporter.read();
    }
    // A client's tasks that are still waiting for something do not hold up the end.
    runtime.shutdown_background();
    outcome.map_err(|Failure(message)| message)
}

fn runtime(threads: Option<usize>) -> std::io::Result<Runtime> {
    match threads {
        None => Runtime::new(),
        Some(0) => Builder::new_current_thread().enable_all().build(),
        Some(threads) => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }
}
