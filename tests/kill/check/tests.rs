//! The check notices what a broker must not do: each test is a broker that does one such thing.

use std::time::Duration;

use super::*;

const WRITER: u32 = 1;

fn stamp(sequence: u64) -> Stamp {
    Stamp { writer: WRITER, sequence }
}

fn read(offset: i64, sequence: u64) -> Read {
    Read { offset, stamp: stamp(sequence), timestamp: Timestamp::from_millis(5) }
}

fn acknowledged(sequence: u64) -> Acknowledged {
    Acknowledged { stamp: stamp(sequence), timestamp: Some(Timestamp::from_millis(5)) }
}

/// Ten records, of which all were acknowledged and read.
fn whole(kept: Kept) -> Seen {
    let reads = (0..10).map(|n| read(n, n.unsigned_abs())).collect();
    let acknowledged = (0..10_i64).map(|n| (n, acknowledged(n.unsigned_abs()))).collect();
    Seen { kept, from: 0, end: 10, log_start: 0, acknowledged, reads }
}

fn told(change: impl FnOnce(&mut Seen), kept: Kept) -> String {
    let mut ledger = Ledger::default();
    let writer = ledger.new_writer();
    ledger.send(writer, 10);
    let mut seen = whole(kept);
    change(&mut seen);
    violations(&seen, &ledger).join("\n")
}

#[test]
fn a_whole_partition_is_right() {
    assert_eq!(told(|_| {}, Kept::All), "");
    assert_eq!(told(|_| {}, Kept::Latest), "");
}

#[test]
fn what_was_not_acknowledged_may_be_there_once_or_not() {
    assert_eq!(
        told(
            |seen| {
                seen.acknowledged.remove(&4);
            },
            Kept::All
        ),
        ""
    );
    let without = |seen: &mut Seen| {
        seen.acknowledged.remove(&9);
        seen.reads.pop();
        seen.end = 9;
    };
    assert_eq!(told(without, Kept::All), "");
}

#[test]
fn a_lost_tail_is_noticed() {
    let cut = |seen: &mut Seen| {
        seen.reads.truncate(7);
        seen.end = 7;
    };
    assert!(told(cut, Kept::All).contains("the log ends at 7, and 1:9 was acknowledged at 9"));
}

#[test]
fn a_hole_is_noticed() {
    let hole = |seen: &mut Seen| {
        seen.reads.remove(3);
    };
    let told = told(hole, Kept::All);
    assert!(told.contains("offsets 3 to 3 are missing") && told.contains("LOST: 1:3"), "{told}");
}

#[test]
fn an_altered_record_is_noticed() {
    let altered = |seen: &mut Seen| seen.reads[3].timestamp = Timestamp::from_millis(6);
    assert!(told(altered, Kept::All).contains("LOST: 1:3"));
    assert!(told(altered, Kept::Latest).contains("1:3 was acknowledged at 3, and there is"));
}

#[test]
fn a_repeated_record_is_noticed() {
    let repeated = |seen: &mut Seen| {
        seen.reads.push(read(10, 9));
        seen.end = 11;
    };
    assert!(told(repeated, Kept::All).contains("1:9 at 10 comes after Some(9) of its writer"));
}

#[test]
fn records_in_another_order_are_noticed() {
    assert!(told(|seen| seen.reads.swap(2, 3), Kept::All).contains("offset 2 comes after 3"));
    let swapped = |seen: &mut Seen| {
        seen.acknowledged.clear();
        (seen.reads[2].stamp, seen.reads[3].stamp) = (seen.reads[3].stamp, seen.reads[2].stamp);
    };
    assert!(told(swapped, Kept::All).contains("1:2 at 3 comes after Some(3)"));
}

#[test]
fn what_nobody_sent_is_noticed() {
    let unsent = |seen: &mut Seen| {
        seen.reads.push(read(10, 10));
        seen.end = 11;
    };
    assert!(told(unsent, Kept::All).contains("1:10 at 10 was never sent"));
}

#[test]
fn compaction_may_remove_what_has_a_successor() {
    let compacted = |seen: &mut Seen| {
        // The same key again.
        seen.reads = vec![Read { stamp: stamp(211), ..read(9, 0) }];
        seen.acknowledged = [(0, acknowledged(0)), (9, acknowledged(211))].into();
    };
    assert!(told(compacted, Kept::Latest).contains("1:211 at 9 was never sent"));
    assert!(!told(compacted, Kept::Latest).contains("LOST"));
    let gone = |seen: &mut Seen| {
        seen.reads.remove(3);
    };
    assert!(told(gone, Kept::Latest).contains("LOST: the last record of k3, 1:3"));
    let tombstone = |seen: &mut Seen| {
        seen.reads.remove(0);
    };
    assert_eq!(told(tombstone, Kept::Latest), "");
}

#[test]
fn a_log_start_moves_only_where_it_may() {
    let told = |kept, moved, gone: &Offsets, now| {
        let deleted = Deleted { acknowledged: 3, asked: 5 };
        log_start_violations(kept, moved, deleted, gone, Timestamp::from_millis(now)).join("\n")
    };
    let gone: Offsets = [(0, acknowledged(0))].into();
    assert!(told(Kept::All, (0, 1), &gone, 0).contains("nothing was to be deleted"));
    assert!(told(Kept::Bytes(1), (2, 1), &gone, 0).contains("goes back"));
    assert_eq!(told(Kept::NotDeleted, (0, 4), &gone, 0), "");
    assert!(told(Kept::NotDeleted, (0, 2), &gone, 0).contains("DeleteRecords"));
    assert!(told(Kept::NotDeleted, (0, 6), &gone, 0).contains("DeleteRecords"));
    let second = Kept::Younger(Duration::from_secs(1));
    assert!(told(second, (0, 1), &gone, 1_000).contains("too early"));
    assert_eq!(told(second, (0, 1), &gone, 1_005), "");
}

#[test]
fn what_compaction_takes_is_not_deleted_too_early() {
    let records = |entries: &[(i64, u64)]| entries.iter().map(|(at, n)| (*at, acknowledged(*n))).collect();
    let keys = crate::stamp::KEYS;
    let gone: Offsets = records(&[(0, 1), (1, 2), (2, 3), (3, 1 + keys), (4, 4)]);
    let later: Offsets = records(&[(5, 2 + keys)]);
    let left: Vec<i64> = not_replaced(gone, &later).into_keys().collect();
    assert_eq!(left, [2, 3, 4], "the first has a later one that is gone, the second one that is there");
}
