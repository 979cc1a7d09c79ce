//! The scan of a segment that is cut or flipped at every byte.

use kestrel_protocol::LeaderEpoch;
use kestrel_protocol::record::{BuilderOptions, Codec, Compression, ProducerStamp, RecordBatchBuilder};
use proptest::prelude::*;

use super::*;

/// Batches of these record counts, one after the other from `base_offset` on, with `gap` offsets left out in between.
fn segment(base_offset: i64, counts: &[u8], gap: i64) -> (Vec<u8>, Vec<(usize, i64)>) {
    let (mut bytes, mut ends, mut offset) = (Vec::new(), vec![(0, base_offset)], base_offset);
    for (index, &count) in counts.iter().enumerate() {
        let compression = if index % 2 == 0 { Compression::None } else { Compression::Lz4 };
        let options = BuilderOptions {
            base_offset: offset,
            partition_leader_epoch: LeaderEpoch(3),
            codec: Codec::new(compression, None).unwrap(),
            ..BuilderOptions::default()
        };
        let mut builder = RecordBatchBuilder::new(options, 1 << 16);
        for n in 0..count {
            builder.append(i64::from(n), Some(b"key"), Some(b"value value value"), []).unwrap();
        }
        let batch = builder.build(ProducerStamp::NONE);
        bytes.extend_from_slice(batch.bytes());
        ends.push((bytes.len(), batch.header().next_offset()));
        offset = batch.header().next_offset() + gap;
    }
    (bytes, ends)
}

fn scan_bytes(base_offset: i64, bytes: &[u8]) -> (ScanEnd, Vec<u32>) {
    let mut positions = Vec::new();
    let options = ScanOptions { base_offset, size_bytes: bytes.len() as u64 };
    let end = scan(bytes, options, |batch| positions.push(batch.position)).unwrap();
    (end, positions)
}

/// How the scan ends when only the batches that end at or before `length` are whole.
fn whole_before(ends: &[(usize, i64)], length: usize) -> (u64, i64) {
    let &(bytes, offset) = ends.iter().rev().find(|(end, _)| *end <= length).unwrap();
    (bytes as u64, offset)
}

#[test]
fn a_whole_segment_is_walked_to_its_end() {
    let (bytes, ends) = segment(100, &[1, 3, 2], 5);
    let (end, positions) = scan_bytes(100, &bytes);
    assert_eq!(
        end,
        ScanEnd {
            valid_bytes: bytes.len() as u64,
            next_offset: 116,
            damage: None,
            old_format: None,
            far: None
        }
    );
    let starts: Vec<u32> = ends[..3].iter().map(|&(end, _)| u32::try_from(end).unwrap()).collect();
    assert_eq!(positions, starts);
    assert_eq!(
        scan_bytes(100, &[]).0,
        ScanEnd { valid_bytes: 0, next_offset: 100, damage: None, old_format: None, far: None }
    );
}

#[test]
fn a_cut_at_any_byte_leaves_the_whole_batches() {
    let (bytes, ends) = segment(0, &[2, 1, 3], 0);
    for length in 0..bytes.len() {
        let (end, _) = scan_bytes(0, &bytes[..length]);
        assert_eq!((end.valid_bytes, end.next_offset), whole_before(&ends, length), "cut at {length}");
        assert_eq!(end.damage.is_some(), end.valid_bytes < length as u64, "cut at {length}");
    }
}

#[test]
fn a_flip_in_any_byte_ends_the_walk_before_it() {
    let (bytes, ends) = segment(0, &[2, 1, 3], 0);
    for at in 0..bytes.len() {
        let batch_start = ends.iter().rev().find(|(end, _)| *end <= at).unwrap().0;
        // The leader epoch is not covered by the checksum, nor is an offset that only grows.
        if (12..16).contains(&(at - batch_start)) || at - batch_start < 8 {
            continue;
        }
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let (end, _) = scan_bytes(0, &damaged);
            assert_eq!((end.valid_bytes, end.next_offset), whole_before(&ends, at), "bit {bit} of byte {at}");
            assert!(end.damage.is_some());
        }
    }
}

#[test]
fn offsets_that_go_back_are_damage_and_those_too_far_are_doubtful() {
    let (second, _) = segment(1, &[1], 0);
    let (mut bytes, _) = segment(0, &[3], 0);
    let first_bytes = bytes.len() as u64;
    bytes.extend_from_slice(&second);
    assert_eq!(scan_bytes(0, &bytes).0.valid_bytes, first_bytes);
    assert_eq!(scan_bytes(2, &second).0.damage.as_deref(), Some("offset 1 follows offset 1"));
    let (far, _) = segment(1 << 40, &[1], 0);
    let end = scan_bytes(0, &far).0;
    assert_eq!((&end.damage, end.far), (&None, Some((0, 1 << 40))));
    assert_eq!(end.doubtful(Some((1 << 40) + 1)), None);
    for next_base in [None, Some(1 << 40)] {
        assert!(end.doubtful(next_base).unwrap().1.contains("too far"));
    }
}

#[test]
fn a_claimed_length_costs_no_memory() {
    let (mut bytes, _) = segment(0, &[1], 0);
    bytes[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    let (end, _) = scan_bytes(0, &bytes);
    assert_eq!(end.damage.as_deref(), Some("a record batch of 2147483659 bytes is torn"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn garbage_is_never_more_than_damage(bytes in prop::collection::vec(any::<u8>(), 0..300), counts in prop::collection::vec(1u8..4, 0..3)) {
        let (mut all, ends) = segment(0, &counts, 0);
        let whole = all.len();
        all.extend_from_slice(&bytes);
        let (end, _) = scan_bytes(0, &all);
        let (expected, next_offset) = whole_before(&ends, whole);
        prop_assert_eq!((end.valid_bytes, end.next_offset), (expected, next_offset));
    }
}
