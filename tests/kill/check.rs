//! Whether a partition holds what was promised. Pure: what was read and what was promised are arguments.

use std::collections::{BTreeMap, BTreeSet};

use kestrel_client::Timestamp;

use crate::ledger::{Acknowledged, Deleted, Ledger, Offsets};
use crate::stamp::Stamp;
use crate::topics::Kept;

/// A record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    /// Where it is.
    pub(crate) offset: i64,
    /// Which one it is.
    pub(crate) stamp: Stamp,
    /// Its time.
    pub(crate) timestamp: Timestamp,
}

/// What was seen of a partition.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// What the partition keeps.
    pub(crate) kept: Kept,
    /// Where reading began: the log start of then, or where it ended the last time.
    pub(crate) from: i64,
    /// The end of the log when reading began.
    pub(crate) end: i64,
    /// The log start after reading.
    pub(crate) log_start: i64,
    /// What was acknowledged before the end was asked for.
    pub(crate) acknowledged: Offsets,
    /// What was read, in the order of reading.
    pub(crate) reads: Vec<Read>,
}

/// How many violations of a partition are told.
const TOLD: usize = 5;

/// What is wrong with the records of a partition. The ledger is of after reading.
pub(crate) fn violations(seen: &Seen, ledger: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some((last, record)) = seen.acknowledged.last_key_value().filter(|(last, _)| **last >= seen.end) {
        wrong.push(format!("the log ends at {}, and {} was acknowledged at {last}", seen.end, record.stamp));
    }
    wrong.extend(order(seen));
    wrong.extend(unsent(seen, ledger));
    if seen.kept.is_compacted() {
        wrong.extend(other_than_acknowledged(seen));
        wrong.extend(without_latest(seen));
    } else {
        wrong.extend(gaps(seen));
        wrong.extend(lost(seen));
    }
    wrong.truncate(TOLD);
    wrong
}

/// Offsets increase, and so do the numbers of each writer: nothing is there twice.
fn order(seen: &Seen) -> Vec<String> {
    let (mut wrong, mut last_offset, mut last) = (Vec::new(), -1, BTreeMap::new());
    for Read { offset, stamp, .. } in &seen.reads {
        if *offset <= last_offset {
            wrong.push(format!("offset {offset} comes after {last_offset}"));
        }
        last_offset = *offset;
        let before = last.insert(stamp.writer, stamp.sequence);
        if before.is_some_and(|before| before >= stamp.sequence) {
            wrong.push(format!("{stamp} at {offset} comes after {before:?} of its writer"));
        }
    }
    wrong
}

fn unsent(seen: &Seen, ledger: &Ledger) -> Vec<String> {
    let unsent = seen.reads.iter().filter(|read| !ledger.was_sent(read.stamp));
    unsent.map(|read| format!("{} at {} was never sent", read.stamp, read.offset)).collect()
}

/// Offsets without a gap, but for what was deleted at the beginning while it was read.
fn gaps(seen: &Seen) -> Vec<String> {
    let (mut wrong, mut next) = (Vec::new(), seen.from);
    for read in seen.reads.iter().filter(|read| read.offset < seen.end) {
        if read.offset > next.max(seen.log_start) {
            wrong.push(format!("offsets {} to {} are missing", next.max(seen.log_start), read.offset - 1));
        }
        next = read.offset + 1;
    }
    if next.max(seen.log_start) < seen.end {
        wrong.push(format!("offsets {} to {} are missing", next.max(seen.log_start), seen.end - 1));
    }
    wrong
}

/// What was acknowledged is there, at its offset.
fn lost(seen: &Seen) -> Vec<String> {
    let reads: BTreeMap<i64, &Read> = seen.reads.iter().map(|read| (read.offset, read)).collect();
    let promised = seen.acknowledged.range(seen.from.max(seen.log_start)..);
    let kept = |(offset, record): &(&i64, &Acknowledged)| {
        reads.get(*offset).is_some_and(|read| is_record(read, record))
    };
    let lost = promised.filter(|promise| !kept(promise));
    lost.map(|(offset, record)| {
        format!("LOST: {} was acknowledged at {offset}, and there is {:?}", record.stamp, reads.get(offset))
    })
    .collect()
}

/// What is there where something was acknowledged is that.
fn other_than_acknowledged(seen: &Seen) -> Vec<String> {
    let other = seen.reads.iter().filter_map(|read| {
        let record = seen.acknowledged.get(&read.offset).filter(|record| !is_record(read, record))?;
        Some(format!("{} was acknowledged at {}, and there is {read:?}", record.stamp, read.offset))
    });
    other.collect()
}

fn is_record(read: &Read, record: &Acknowledged) -> bool {
    read.stamp == record.stamp && record.timestamp.is_none_or(|timestamp| timestamp == read.timestamp)
}

/// The last acknowledged record of each key is there, or a later one; or it was a tombstone, and nothing before it is there.
fn without_latest(seen: &Seen) -> Vec<String> {
    let from = seen.from.max(seen.log_start);
    let mut promised = BTreeMap::new();
    for (offset, record) in seen.acknowledged.range(from..) {
        promised.insert(record.stamp.key(), (*offset, record.stamp));
    }
    let mut last = BTreeMap::new();
    for read in &seen.reads {
        last.insert(read.stamp.key(), read.offset);
    }
    let kept = |key: &str, offset: i64, stamp: Stamp| match last.get(key) {
        Some(last) => *last >= offset,
        None => stamp.is_tombstone(),
    };
    let lost = promised.into_iter().filter(|(key, (offset, stamp))| !kept(key, *offset, *stamp));
    lost.map(|(key, (offset, stamp))| {
        format!(
            "LOST: the last record of {key}, {stamp}, was acknowledged at {offset}, and there is {:?}",
            last.get(&key)
        )
    })
    .collect()
}

/// What is gone of a compacted log without having been replaced by a later record of its key, wherever that is: compaction
/// takes the others at any age.
pub(crate) fn not_replaced(mut gone: Offsets, later: &Offsets) -> Offsets {
    let mut keys: BTreeSet<String> = later.values().map(|record| record.stamp.key()).collect();
    let is_last =
        |(offset, record): (&i64, &Acknowledged)| keys.insert(record.stamp.key()).then_some(*offset);
    let last: BTreeSet<i64> = gone.iter().rev().filter_map(is_last).collect();
    gone.retain(|offset, _| last.contains(offset));
    gone
}

/// What is wrong with a log start that was moved.
pub(crate) fn log_start_violations(
    kept: Kept,
    (before, log_start): (i64, i64),
    deleted: Deleted,
    gone: &Offsets,
    now: Timestamp,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if log_start < before {
        wrong.push(format!("the log start goes back from {before} to {log_start}"));
    }
    match kept {
        Kept::All | Kept::Latest if log_start != 0 => {
            wrong.push(format!("the log starts at {log_start}, and nothing was to be deleted"));
        }
        Kept::NotDeleted if !(deleted.acknowledged..=deleted.asked).contains(&log_start) => {
            wrong.push(format!("the log starts at {log_start}, and DeleteRecords says {deleted:?}"));
        }
        _ => {}
    }
    if let Some(age) = kept.younger() {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let young =
            |record: &Acknowledged| record.timestamp.is_some_and(|at| at.as_millis() + age > now.as_millis());
        if let Some((offset, record)) = gone.iter().find(|(_, record)| young(record)) {
            wrong.push(format!("{} at {offset} was deleted too early: {record:?} at {now:?}", record.stamp));
        }
    }
    wrong
}

#[cfg(test)]
mod tests;
