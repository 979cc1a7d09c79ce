//! `kestrel transactions list`.

use std::time::Duration;

use clap::Args;
use kestrel_client::ProducerId;
use kestrel_client::admin::{TransactionFilter, TransactionState};

use crate::failure::Failure;
use crate::output::Table;
use crate::session::Session;
use crate::values::{named, parse_duration};

const STATES: &[TransactionState] = &[
    TransactionState::Empty,
    TransactionState::Ongoing,
    TransactionState::PrepareCommit,
    TransactionState::PrepareAbort,
    TransactionState::CompleteCommit,
    TransactionState::CompleteAbort,
    TransactionState::PrepareEpochFence,
];

/// Lists transactional ids.
#[derive(Debug, Args)]
pub(crate) struct ListTransactions {
    /// Only those in this state: Ongoing, PrepareCommit, ...; may be given many times
    #[arg(long, value_name = "STATE", value_parser = |text: &str| named(text, STATES, TransactionState::name))]
    state: Vec<TransactionState>,
    /// Only those of this producer; may be given many times
    #[arg(long, value_name = "ID")]
    producer_id: Vec<i64>,
    /// Only those whose transaction began longer ago: 10m, 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    longer_than: Option<Duration>,
    /// Only those that this regular expression matches as a whole
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
}

impl ListTransactions {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let ids = self.producer_id.into_iter().map(ProducerId);
        let mut filter = TransactionFilter::all().states(self.state).producer_ids(ids);
        if let Some(duration) = self.longer_than {
            filter = filter.longer_than(duration);
        }
        if let Some(pattern) = self.pattern {
            filter = filter.transactional_id_pattern(pattern);
        }
        let mut table = Table::new(["transactional_id", "state", "producer_id", "coordinator"]);
        for listed in session.admin().await?.list_transactions(filter).await? {
            table.row([
                (&*listed.transactional_id).into(),
                listed.state.name().into(),
                listed.producer_id.0.into(),
                listed.coordinator.0.into(),
            ]);
        }
        session.output().table(&table)
    }
}
