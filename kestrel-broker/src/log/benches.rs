//! What a lookup costs: `cargo test --release -p kestrel-broker --lib -- --ignored --nocapture benches`.
//!
//! Among the unit tests because an index is no one's business outside the log: so nothing is made public, and no feature
//! exists, for the sake of measuring.

use divan::Bencher;
use divan::counter::ItemsCount;

use crate::log::format::offset_index::{OffsetEntry, OffsetIndex};

#[test]
#[ignore = "a benchmark: run it in release, alone"]
fn benches() {
    divan::Divan::default().run_benches();
}

/// An index of a segment of 1 GiB has 262,144 entries at most (an entry per 4 KiB).
#[divan::bench(args = [100, 10_000, 262_144])]
fn offset_index_lookup(bencher: Bencher<'_, '_>, entries: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let index = index(folder.path(), entries);
    let mut state = 7_u64;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let target = i64::try_from((state >> 33) % u64::from(entries)).expect("a small number") * 40;
        index.lookup(target)
    });
}

/// Where a reader at the end of the log looks.
#[divan::bench]
fn offset_index_lookup_of_the_end(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let index = index(folder.path(), 10_000);
    bencher.counter(ItemsCount::new(1_usize)).bench(|| index.lookup(i64::MAX));
}

fn index(folder: &std::path::Path, entries: u32) -> OffsetIndex {
    let index = OffsetIndex::create(folder.join("0.index"), 0).expect("a new index");
    for number in 1..=entries {
        let entry = OffsetEntry { offset: i64::from(number) * 40, position: number * 4096 - 1 };
        index.append(entry).expect("an entry");
    }
    index
}
