//! Records in transactions of a given size, through a client that has them.

use std::ops::Range;

use super::work::{Failure, Outcome, create_topic};
use crate::args::{Common, Transactions, Tuning};
use crate::meter::Meter;
use crate::payload::Payload;
use crate::report::Report;

/// A producer that writes in transactions.
pub(super) trait TransactionalPeer: Sized + Send {
    /// A producer that may begin its first transaction.
    fn open(common: &Common, tuning: &Tuning) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Writes these records of the payload in one transaction, and commits it.
    fn write(
        &mut self,
        payload: &Payload,
        records: Range<u64>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Gives what became of the records.
    fn finish(self) -> impl Future<Output = Result<Outcome, Failure>> + Send;
}

pub(super) async fn transactions<P: TransactionalPeer>(work: &Transactions) -> Result<Report, Failure> {
    create_topic(&work.common)?;
    let mut peer = P::open(&work.common, &work.tuning).await?;
    let payload = Payload::new(work.tuning.size);
    let meter = Meter::start();
    let mut sent = 0;
    while sent < work.records {
        let end = work.records.min(sent + work.per_transaction);
        peer.write(&payload, sent..end).await?;
        sent = end;
    }
    let outcome = peer.finish().await?;
    Ok(Report {
        client: work.common.client.name(),
        work: "transactions",
        records: work.records,
        bytes: work.records * work.tuning.size as u64,
        acked: outcome.acked,
        errors: outcome.errors,
        cost: meter.cost(),
        start: None,
        latencies: None,
    })
}
