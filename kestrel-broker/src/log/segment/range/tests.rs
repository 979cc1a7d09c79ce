//! What is read is what a linear scan finds, whatever the index says.

use kestrel_protocol::record::{Compression, ProducerStamp};
use proptest::prelude::*;

use super::*;
use crate::log::tests::{Folder, NOW, OpenFolder, Random, append, batch, offsets_of};
use crate::log::{Log, LogConfig};

/// Where a batch is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Placed {
    segment: usize,
    base_offset: i64,
    last_offset: i64,
    size_bytes: usize,
}

/// Several segments of batches of one to three records, small ones and now and then a large one.
fn filled(random: &mut Random) -> (Folder, OpenFolder) {
    let folder = Folder::new(LogConfig { segment_bytes: 400 << 10, ..LogConfig::default() });
    let open = folder.open();
    for _ in 0..300 {
        let value_bytes = [40_000, 4_000, 4_000, 200, 200, 200, 200, 200][random.below(8)];
        let value = "v".repeat(1 + random.below(value_bytes));
        let records =
            vec![(NOW.0, value.as_str()); 1 + random.below(if value_bytes < 40_000 { 3 } else { 1 })];
        append(&open.log, &batch(&records, Compression::None, ProducerStamp::NONE)).unwrap();
    }
    (folder, open)
}

/// All batches, by walking over every header.
fn scan(log: &Log) -> Vec<Placed> {
    let mut all = Vec::new();
    for (segment, read) in log.view().segments.iter().enumerate() {
        let mut walk = read.walk(0).unwrap();
        while let Some((_, header)) = walk.next().unwrap() {
            let (base_offset, last_offset) = (header.base_offset, header.last_offset());
            all.push(Placed { segment, base_offset, last_offset, size_bytes: header.size_bytes() });
        }
    }
    all
}

/// What of `all` answers the request.
fn expected(all: &[Placed], request: &ReadRequest) -> Vec<(i64, i64)> {
    let from = all.iter().position(|batch| batch.last_offset >= request.fetch_offset).unwrap_or(all.len());
    let mut left = request.max_bytes;
    let mut found: Vec<(i64, i64)> = Vec::new();
    for batch in &all[from..] {
        let is_large_first = found.is_empty() && request.first_batch == FirstBatch::Always;
        let fits = batch.size_bytes <= left || is_large_first;
        if batch.segment != all[from].segment || batch.last_offset >= request.up_to_offset || !fits {
            break;
        }
        left = left.saturating_sub(batch.size_bytes);
        found.push((batch.base_offset, batch.last_offset));
    }
    found
}

fn request(random: &mut Random, end: i64) -> ReadRequest {
    let offset =
        |random: &mut Random| i64::try_from(random.below(usize::try_from(end).unwrap() + 1)).unwrap();
    let fetch_offset = offset(random);
    let up_to_offset = if random.below(2) == 0 { end } else { offset(random) };
    let max_bytes = [0, 300, 9_000, 70_000, 150_000, 1 << 20][random.below(6)];
    let first_batch = if random.below(2) == 0 { FirstBatch::Always } else { FirstBatch::IfItFits };
    ReadRequest { fetch_offset, max_bytes, up_to_offset, first_batch }
}

/// Many requests are answered as a scan would; gives how many answers were large.
fn check(log: &Log, all: &[Placed], random: &mut Random) -> usize {
    let mut large = 0;
    for _ in 0..100 {
        let request = request(random, log.log_end_offset());
        let read = log.read(request).unwrap();
        large += usize::from(read.len() > READ_AT_ONCE_BYTES + SLACK_BYTES);
        assert_eq!(offsets_of(read), expected(all, &request), "{request:?}");
    }
    large
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn what_is_found_is_what_a_scan_finds(seed in any::<u64>()) {
        let random = &mut Random::new(seed);
        let (_folder, open) = filled(random);
        let all = scan(&open.log);
        let large = check(&open.log, &all, random);
        prop_assert!(large > 10, "{large} large answers");
    }

    #[test]
    fn a_damaged_index_changes_nothing(seed in any::<u64>()) {
        let random = &mut Random::new(seed);
        let (folder, open) = filled(random);
        let all = scan(&open.log);
        for name in folder.files(".index") {
            let path = folder.file(&name);
            let mut index = std::fs::read(&path).unwrap();
            for entry in index.as_chunks_mut::<8>().0 {
                // The positions, so that offsets still ascend.
                entry[4 + random.below(4)] ^= 1 << random.below(8);
            }
            std::fs::write(&path, index).unwrap();
        }
        check(&open.log, &all, random);
    }
}
