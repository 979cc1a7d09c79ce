//! `kestrel transactions describe`.

use clap::Args;
use kestrel_client::Timestamp;
use kestrel_client::admin::TransactionDescription;

use crate::failure::Failure;
use crate::output::{Outcomes, Page, Table};
use crate::session::Session;

/// Shows transactional ids with the partitions in their transactions.
#[derive(Debug, Args)]
pub(crate) struct DescribeTransactions {
    /// The transactional ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

impl DescribeTransactions {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut outcomes = Outcomes::of_reading("transactional id");
        let mut pages = Vec::new();
        for (id, described) in session.admin().await?.describe_transactions(self.ids).await {
            pages.extend(outcomes.note(&id, described).map(|described| page(&id, &described, session.now())));
        }
        session.output().pages(&pages)?;
        session.output().outcomes(&outcomes)
    }
}

fn page(id: &str, described: &TransactionDescription, now: Timestamp) -> Page {
    let mut partitions = Table::new(["topic", "partition"]);
    for partition in &described.partitions {
        partitions.row([(&*partition.topic).into(), partition.partition.into()]);
    }
    let open_for = described.started_at.and_then(|started| {
        let millis = now.as_millis().checked_sub(started.as_millis())?;
        Some(std::time::Duration::from_millis(millis.try_into().ok()?))
    });
    Page::new()
        .field("transactional_id", id)
        .field("state", described.state.name())
        .field("producer_id", described.producer_id.0)
        .field("producer_epoch", described.producer_epoch.0)
        .field("coordinator", described.coordinator.0)
        .field("timeout", described.timeout)
        .field("started", described.started_at)
        .field("open_for", open_for)
        .table("partitions", partitions)
}
