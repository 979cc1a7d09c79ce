//! Transactions while the broker is killed: each is seen whole, once and in order, or never.
//!
//! ```text
//!   writer ──► session: kestrel-client, or a program of the interop ring ──► broker
//!      │ what was asked, what was answered                                     │ what readers of committed records are shown
//!      ▼                                                                       ▼
//!    book ─────────────────────────────────────────────────────► check (pure) ◄── reader
//! ```

mod book;
mod check;
mod reader;
mod session;

use std::time::Duration;

use kestrel_tests::Dice;
use tokio_util::sync::CancellationToken;

pub(crate) use book::Book;
pub(crate) use reader::{await_end, verify};
pub(crate) use session::Source;

use crate::ledger::SharedLedger;
use crate::stamp::Stamp;
use crate::topics::{Kept, Topic};
use book::Outcome;
use session::Failure;

/// What transactions are written to.
pub(crate) const COMMITTED: Topic = Topic { name: "committed", partitions: 3, kept: Kept::All };

/// How many records a transaction has at most.
const RECORDS: usize = 12;
/// One in so many transactions is aborted.
const ABORTED: usize = 4;
/// After one in so many transactions the producer is replaced by one of the same transactional id.
const REPLACED: usize = 25;
/// How long the writer rests at most.
const REST: Duration = Duration::from_millis(60);

/// Carries out one transaction after the other until `stop` is cancelled.
pub(crate) async fn write(source: Source, ledger: SharedLedger, mut dice: Dice, stop: CancellationToken) {
    let writer = ledger.lock().new_writer();
    let mut sequence = 0;
    while !stop.is_cancelled() {
        let mut session = match source.begin(writer).await {
            Ok(session) => session,
            Err(why) => {
                ledger.lock().transactions.failed(why);
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        while !stop.is_cancelled() && !dice.once_in(REPLACED) {
            let records: Vec<_> =
                (0..=dice.roll(RECORDS)).map(|_| next(writer, &mut sequence, &mut dice)).collect();
            let (commits, first) = (!dice.once_in(ABORTED), records[0].1.sequence);
            ledger.lock().send(writer, sequence);
            ledger.lock().transactions.begin(writer, first..sequence);
            let outcome = match session.transact(&records, commits).await {
                Ok(()) if commits => Outcome::Committed,
                Ok(()) => Outcome::Aborted,
                Err(failure) => failed(&ledger, failure),
            };
            ledger.lock().transactions.end(writer, first, outcome);
            if matches!(outcome, Outcome::InDoubt | Outcome::Failed) {
                break;
            }
            tokio::time::sleep(dice.between(Duration::ZERO, REST)).await;
        }
        session.end().await;
    }
}

/// The next record, and its partition.
fn next(writer: u32, sequence: &mut u64, dice: &mut Dice) -> (i32, Stamp) {
    let partition = dice.roll(COMMITTED.partitions.unsigned_abs() as usize);
    let stamp = Stamp { writer, sequence: *sequence };
    *sequence += 1;
    (i32::try_from(partition).unwrap_or_default(), stamp)
}

fn failed(ledger: &SharedLedger, failure: Failure) -> Outcome {
    let (why, outcome) = match failure {
        Failure::BeforeCommit(why) => (why, Outcome::Failed),
        Failure::InCommit(why) => (why, Outcome::InDoubt),
    };
    ledger.lock().transactions.failed(why);
    outcome
}
