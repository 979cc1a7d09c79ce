//! What is wrong with what readers of committed records are shown. Pure: what was read and what was promised are arguments.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Asked, Book, Outcome};
use crate::stamp::Stamp;

/// How many violations are told.
const TOLD: usize = 5;

/// How far transactions are when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Some may be open, and the end of others not be visible everywhere.
    UnderWay,
    /// All have ended, everywhere.
    Over,
}

/// What is wrong with what was read of each partition, in the order of reading. The book is of after reading when transactions
/// are under way.
pub(super) fn violations(reads: &BTreeMap<i32, Vec<Stamp>>, book: &Book, stage: Stage) -> Vec<String> {
    let mut wrong = Vec::new();
    reads.iter().for_each(|(partition, stamps)| wrong.extend(order(*partition, stamps)));
    let mut seen = BTreeSet::new();
    for stamp in reads.values().flatten() {
        if !seen.insert(*stamp) {
            wrong.push(format!("{stamp} is there twice"));
        }
    }
    for (writer, asked) in book.transactions() {
        let stamps = asked.records.clone().map(|sequence| Stamp { writer, sequence });
        let shown = stamps.filter(|stamp| seen.remove(stamp)).count();
        wrong.extend(transaction(writer, asked, shown, stage));
    }
    wrong.extend(seen.first().map(|stamp| format!("{stamp} is of no transaction")));
    if stage == Stage::Over {
        wrong.extend(idle(book));
    }
    wrong.truncate(TOLD);
    wrong
}

/// In a partition the records of a writer are in their order.
fn order(partition: i32, stamps: &[Stamp]) -> Vec<String> {
    let mut last = BTreeMap::new();
    let mut wrong = Vec::new();
    for stamp in stamps {
        let before = last.insert(stamp.writer, stamp.sequence);
        if before.is_some_and(|before| before >= stamp.sequence) {
            wrong.push(format!("partition {partition}: {stamp} comes after {before:?} of its writer"));
        }
    }
    wrong
}

/// What is wrong with a transaction of which so many records are shown.
fn transaction(writer: u32, asked: &Asked, shown: usize, stage: Stage) -> Option<String> {
    let Asked { records, outcome } = asked;
    let all = records.clone().count();
    let may_be = match outcome {
        Outcome::Aborted | Outcome::Failed => shown == 0,
        _ if stage == Stage::UnderWay => true,
        Outcome::Committed => shown == all,
        Outcome::Open | Outcome::InDoubt => shown == 0 || shown == all,
    };
    (!may_be).then(|| {
        format!(
            "the transaction of {writer} with records {records:?} was {outcome:?}; {shown} of {all} are shown"
        )
    })
}

/// Writers of which nothing was committed: what they were to show is not shown.
fn idle(book: &Book) -> Vec<String> {
    let mut committed = BTreeMap::new();
    for (writer, asked) in book.transactions() {
        *committed.entry(writer).or_default() |= asked.outcome == Outcome::Committed;
    }
    let idle = committed.into_iter().filter(|(_, any): &(u32, bool)| !any);
    idle.map(|(writer, _)| format!("no transaction of {writer} was committed")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three transactions of writer 1: of records 0 to 1, 2 to 3 and 4 to 5.
    fn book(outcomes: [Outcome; 3]) -> Book {
        let mut book = Book::default();
        for (first, outcome) in [0, 2, 4].into_iter().zip(outcomes) {
            book.begin(1, first..first + 2);
            book.end(1, first, outcome);
        }
        book
    }

    fn reads(partitions: &[&[u64]]) -> BTreeMap<i32, Vec<Stamp>> {
        let stamp = |sequence: &u64| Stamp { writer: 1, sequence: *sequence };
        (0..).zip(partitions.iter().map(|numbers| numbers.iter().map(stamp).collect())).collect()
    }

    #[test]
    fn whole_transactions_in_order_are_right() {
        let book = book([Outcome::Committed, Outcome::Aborted, Outcome::InDoubt]);
        assert_eq!(violations(&reads(&[&[0, 4], &[1, 5]]), &book, Stage::Over), [""; 0]);
        assert_eq!(violations(&reads(&[&[0], &[1]]), &book, Stage::Over), [""; 0]);
        assert_eq!(violations(&reads(&[&[0, 4], &[1]]), &book, Stage::UnderWay), [""; 0]);
    }

    #[test]
    fn what_is_broken_is_found() {
        let book = book([Outcome::Committed, Outcome::Failed, Outcome::InDoubt]);
        let broken: [(&[&[u64]], &str); 6] = [
            (&[&[0], &[]], "1 of 2 are shown"),
            (&[&[], &[]], "0 of 2 are shown"),
            (&[&[0, 4], &[1]], "InDoubt; 1 of 2"),
            (&[&[0, 2], &[1]], "Failed; 1 of 2"),
            (&[&[1, 0], &[]], "comes after"),
            (&[&[0, 1], &[1]], "twice"),
        ];
        for (read, why) in broken {
            let wrong = violations(&reads(read), &book, Stage::Over);
            assert!(wrong.iter().any(|wrong| wrong.contains(why)), "{read:?}: {wrong:?}");
        }
        assert!(violations(&reads(&[&[9]]), &book, Stage::UnderWay)[0].contains("no transaction"));
        let idle = self::book([Outcome::Aborted, Outcome::Failed, Outcome::InDoubt]);
        assert_eq!(violations(&reads(&[]), &idle, Stage::Over), ["no transaction of 1 was committed"]);
    }
}
