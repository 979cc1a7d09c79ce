//! Tests of the cursor over fetched batches.

use kestrel_protocol::ProducerId;
use kestrel_protocol::record::Compression;
use kestrel_protocol::record::control::TransactionOutcome;
use proptest::prelude::*;

use super::*;
use crate::consumer::position::AssignmentId;
use crate::consumer::testing::{BatchSpec, at, concat, marker};

const OPTIONS: OpenOptions = OpenOptions { check_crcs: true, max_decompressed_batch_bytes: 1 << 20 };

fn fetched(offset: i64, records: Bytes, aborted: Option<Vec<(i64, i64)>>) -> FetchedRecords {
    let aborted = aborted.map(|list| {
        let transaction =
            |(producer, first_offset)| AbortedTransaction { producer_id: ProducerId(producer), first_offset };
        list.into_iter().map(transaction).collect()
    });
    FetchedRecords {
        position_id: PositionId { id: AssignmentId(0), generation: 0 },
        topic: "clicks".into(),
        partition: 0,
        position: at(offset, -1),
        frame_bytes: records.len(),
        records,
        aborted,
    }
}

/// Hands out all that is left; the value of each record has to be its offset.
fn drain(fetch: &mut CompletedFetch) -> Result<Vec<i64>, (Vec<i64>, Damage)> {
    let mut offsets = Vec::new();
    loop {
        match fetch.open_batch(OPTIONS) {
            Ok(Some(batch)) => {
                let view = batch.records.next_view().unwrap().unwrap();
                let offset = view.offset;
                assert_eq!(view.value, Some(offset.to_string().as_bytes()));
                fetch.hand_out(offset);
                assert_eq!(fetch.next_offset(), offset + 1);
                offsets.push(offset);
            }
            Ok(None) => return Ok(offsets),
            Err(damage) => return Err((offsets, damage)),
        }
    }
}

fn scan_and_drain(fetched: FetchedRecords) -> (Vec<i64>, i64) {
    let mut fetch = CompletedFetch::scan(fetched).fetch.unwrap();
    let offsets = drain(&mut fetch).unwrap();
    assert_eq!(fetch.next_offset(), fetch.end().offset);
    (offsets, fetch.next_offset())
}

#[test]
fn records_below_the_position_are_skipped() {
    let run = concat([BatchSpec::of(0, 5).build(), BatchSpec::of(5, 2).build()]);
    assert_eq!(scan_and_drain(fetched(3, run, None)), (vec![3, 4, 5, 6], 7));
}

#[test]
fn emptied_and_control_batches_move_the_position() {
    let emptied = BatchSpec { kept: vec![], ..BatchSpec::of(0, 10) };
    assert_eq!(scan_and_drain(fetched(0, emptied.build(), None)), (vec![], 10));
    let run = concat([
        marker(10, 1, TransactionOutcome::Commit),
        BatchSpec { kept: vec![2], ..BatchSpec::of(11, 9) }.build(),
    ]);
    assert_eq!(scan_and_drain(fetched(10, run, None)), (vec![13], 20));
}

#[test]
fn aborted_transactions_are_skipped_whatever_the_order_of_their_list() {
    let batch = |base, producer| BatchSpec { producer: Some(producer), ..BatchSpec::of(base, 2) }.build();
    let run = concat([
        batch(0, 1),
        batch(2, 2),
        BatchSpec::of(4, 1).build(),
        marker(5, 1, TransactionOutcome::Abort),
        batch(6, 1),
        marker(8, 2, TransactionOutcome::Abort),
        marker(9, 1, TransactionOutcome::Commit),
        batch(10, 2),
        marker(12, 2, TransactionOutcome::Abort),
    ]);
    let list = vec![(2, 10), (2, 2), (1, 0)];
    assert_eq!(scan_and_drain(fetched(0, run.clone(), Some(list))), (vec![4, 6, 7], 13));
    let uncommitted = scan_and_drain(fetched(0, run, None));
    assert_eq!(uncommitted, (vec![0, 1, 2, 3, 4, 6, 7, 10, 11], 13));
}

/// Taken for no abort, it would let the next transaction of its producer be skipped as if it were the aborted one.
#[test]
fn a_marker_that_cannot_be_read_is_damage_where_it_matters() {
    let broken = BatchSpec { producer: Some(1), ..BatchSpec::of(2, 1) }.build();
    let mut header = *RecordBatch::parse(broken.clone()).unwrap().0.header();
    header.attributes.0 |= 1 << 5;
    let broken = crate::consumer::testing::seal(header, &broken[61..]);
    let batch = |base| BatchSpec { producer: Some(1), ..BatchSpec::of(base, 2) }.build();
    let run = concat([BatchSpec::of(0, 2).build(), broken, batch(3)]);
    let mut fetch = CompletedFetch::scan(fetched(0, run.clone(), Some(vec![]))).fetch.unwrap();
    let (offsets, damage) = drain(&mut fetch).unwrap_err();
    assert_eq!((offsets, damage.offset, damage.next_offset), (vec![0, 1], 2, 3));
    assert_eq!(
        scan_and_drain(fetched(0, run, None)),
        (vec![0, 1, 3, 4], 5),
        "who reads all needs no markers"
    );
}

#[test]
fn a_torn_last_batch_is_fetched_again() {
    let run = concat([BatchSpec::of(0, 3).build(), BatchSpec::of(3, 3).build()]);
    let torn = run.slice(..run.len() - 1);
    assert_eq!(scan_and_drain(fetched(0, torn, None)), (vec![0, 1, 2], 3));
    let first = BatchSpec::of(0, 3).build();
    let scan = CompletedFetch::scan(fetched(0, first.slice(..first.len() - 1), None));
    assert!(scan.is_torn_only && scan.fetch.is_none());
}

#[test]
fn a_wrong_checksum_stops_at_its_batch_and_is_no_way_past() {
    let mut second = BytesMut::from(&BatchSpec::of(3, 3).build()[..]);
    *second.last_mut().unwrap() ^= 1;
    let run = concat([BatchSpec::of(0, 3).build(), second.freeze(), BatchSpec::of(6, 1).build()]);
    let mut fetch = CompletedFetch::scan(fetched(0, run, None)).fetch.unwrap();
    let (offsets, damage) = drain(&mut fetch).unwrap_err();
    assert_eq!((offsets, damage.offset, damage.next_offset), (vec![0, 1, 2], 3, 6));
    assert_eq!(drain(&mut fetch).unwrap_err().1, damage);
    assert_eq!(fetch.position(), at(3, 1));
}

#[test]
fn an_unreadable_header_ends_the_run_before_it() {
    let mut second = BytesMut::from(&BatchSpec::of(3, 3).build()[..]);
    second[16] = 1;
    let run = concat([BatchSpec::of(0, 3).build(), second.clone().freeze()]);
    let mut fetch = CompletedFetch::scan(fetched(0, run, None)).fetch.unwrap();
    assert_eq!((drain(&mut fetch).unwrap(), fetch.end().offset), (vec![0, 1, 2], 3));
    let scan = CompletedFetch::scan(fetched(3, second.freeze(), None));
    assert!(scan.fetch.is_none());
    assert_eq!(scan.damage.unwrap().offset, 3);
}

#[test]
fn a_batch_that_decompresses_to_too_much_is_damage() {
    let spec = BatchSpec { compression: Compression::Zstd, ..BatchSpec::of(0, 1000) };
    let mut fetch = CompletedFetch::scan(fetched(0, spec.build(), None)).fetch.unwrap();
    let options = OpenOptions { max_decompressed_batch_bytes: 1000, ..OPTIONS };
    assert_eq!(fetch.open_batch(options).unwrap_err().next_offset, 1000);
}

#[test]
fn the_end_knows_the_epoch_of_its_last_batch() {
    let run = concat([BatchSpec::of(0, 3).build(), BatchSpec { epoch: 4, ..BatchSpec::of(3, 1) }.build()]);
    let fetch = CompletedFetch::scan(fetched(0, run, None)).fetch.unwrap();
    assert_eq!(fetch.end(), at(4, 4));
}

fn batch_spec() -> impl Strategy<Value = (i32, Vec<bool>, u8)> {
    (1..8i32).prop_flat_map(|span| {
        (Just(span), proptest::collection::vec(any::<bool>(), usize::try_from(span).unwrap()), 0..5u8)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the batches, where the fetch begins and where the answer is cut: every record from the position on is
    /// handed out exactly once and in order, across as many fetches as it takes.
    #[test]
    fn each_record_comes_exactly_once(
        specs in proptest::collection::vec(batch_spec(), 1..12),
        start in 0..40i64,
        cuts in proptest::collection::vec(0..400usize, 1..8),
        take_whole in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let mut base_offset = 0;
        let mut batches = Vec::new();
        let mut expected = Vec::new();
        for (span, kept, codec) in specs {
            let kept: Vec<i32> = (0..).zip(kept).filter_map(|(delta, kept)| kept.then_some(delta)).collect();
            expected.extend(kept.iter().map(|&delta| base_offset + i64::from(delta)).filter(|&offset| offset >= start));
            let compression = Compression::from_id(codec).unwrap();
            batches.push((base_offset + i64::from(span), BatchSpec { kept, span, compression, ..BatchSpec::of(base_offset, span) }.build()));
            base_offset += i64::from(span);
        }
        let (mut position, mut handed_out) = (start, Vec::new());
        let mut cuts = cuts.into_iter().cycle();
        let mut take_whole = take_whole.into_iter().cycle();
        while position < base_offset {
            let left = batches.iter().filter(|(end, _)| *end > position).map(|(_, batch)| batch.clone());
            let run = concat(left);
            let first = RecordBatch::parse(run.clone()).unwrap().0.header().size_bytes();
            let answer = run.slice(..run.len().min(first + cuts.next().unwrap()));
            let mut fetch = CompletedFetch::scan(fetched(position, answer, None)).fetch.unwrap();
            while let Some(batch) = fetch.open_batch(OPTIONS).unwrap() {
                if take_whole.next().unwrap() {
                    handed_out.extend(batch.records.views().map(|view| view.unwrap().offset));
                    fetch.take_open().unwrap();
                } else {
                    let offset = batch.records.next_view().unwrap().unwrap().offset;
                    handed_out.push(offset);
                    fetch.hand_out(offset);
                }
            }
            prop_assert!(fetch.next_offset() > position);
            prop_assert_eq!(fetch.next_offset(), fetch.end().offset);
            position = fetch.next_offset();
        }
        prop_assert_eq!(handed_out, expected);
    }

    /// Bytes that are no batches are damage or a torn end, never a panic, and never move the position backwards.
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), flips in proptest::collection::vec((0..120usize, any::<u8>()), 0..4)) {
        let mut almost = BytesMut::from(&concat([BatchSpec::of(0, 3).build(), BatchSpec::of(3, 2).build()])[..]);
        for (index, value) in flips {
            let index = index % almost.len();
            almost[index] = value;
        }
        for run in [Bytes::from(bytes), almost.freeze()] {
            if let Some(mut fetch) = CompletedFetch::scan(fetched(1, run, Some(vec![(1, 0)]))).fetch {
                while let Ok(Some(batch)) = fetch.open_batch(OPTIONS) {
                    match batch.records.next_view() {
                        Some(Ok(view)) => { let offset = view.offset; fetch.hand_out(offset); }
                        _ => break,
                    }
                }
                prop_assert!(fetch.next_offset() >= 1);
            }
        }
    }
}

#[test]
fn a_range_ends_within_a_batch_at_a_marker_and_in_a_gap() {
    let two_and_a_marker =
        || concat([BatchSpec::of(10, 2).build(), marker(12, 1, TransactionOutcome::Commit)]);
    let compacted = BatchSpec { kept: vec![0], ..BatchSpec::of(10, 5) }.build();
    let emptied = BatchSpec { kept: vec![], ..BatchSpec::of(10, 5) }.build();
    for (records, range_end, offsets) in [
        (BatchSpec::of(10, 5).build(), 13, vec![10, 11, 12]),
        (concat([BatchSpec::of(10, 3).build(), BatchSpec::of(13, 3).build()]), 13, vec![10, 11, 12]),
        (two_and_a_marker(), 13, vec![10, 11]),
        (two_and_a_marker(), 12, vec![10, 11]),
        (compacted, 13, vec![10]),
        (emptied, 13, vec![]),
        (BatchSpec::of(10, 5).build(), 10, vec![]),
    ] {
        let mut fetch = CompletedFetch::scan(fetched(10, records, None)).fetch.unwrap();
        fetch.end_at(range_end);
        assert_eq!(drain(&mut fetch).unwrap(), offsets, "up to {range_end}");
        assert_eq!((fetch.next_offset(), fetch.end().offset), (range_end, range_end), "{offsets:?}");
    }
}
