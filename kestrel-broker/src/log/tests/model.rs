//! The log against a plain list of records: reads, times, restarts and crashes.

use kestrel_protocol::Timestamp;
use kestrel_protocol::record::{Compression, ProducerStamp};
use proptest::prelude::*;

use super::*;
use crate::log::*;

/// One step of a test.
#[derive(Debug, Clone)]
enum Step {
    Append { timestamps: Vec<i64>, value_bytes: usize, compression: usize },
    Restart,
    Crash,
    DeleteBefore(usize),
}

#[derive(Debug, Default)]
struct Model {
    /// Timestamp and value of each record, from offset 0 on.
    records: Vec<(i64, String)>,
    log_start: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (prop::collection::vec(0i64..40, 1..5), 0usize..200, 0usize..5).prop_map(
        |(timestamps, value_bytes, compression)| Step::Append { timestamps, value_bytes, compression },
    );
    let step = prop_oneof![
        12 => append,
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        1 => (0usize..60).prop_map(Step::DeleteBefore),
    ];
    prop::collection::vec(step, 1..40)
}

impl Model {
    fn append(&mut self, log: &Log, timestamps: &[i64], value_bytes: usize, compression: usize) {
        let base = self.records.len();
        let new: Vec<(i64, String)> = timestamps
            .iter()
            .enumerate()
            .map(|(index, &timestamp)| (timestamp, format!("{}-{}", base + index, "v".repeat(value_bytes))))
            .collect();
        let records: Vec<(i64, &str)> =
            new.iter().map(|(timestamp, value)| (*timestamp, value.as_str())).collect();
        let sent = batch(&records, Compression::ALL[compression], ProducerStamp::NONE);
        assert_eq!(usize::try_from(append(log, &sent).unwrap().base_offset).unwrap(), base);
        self.records.extend(new);
    }

    /// The first record in `range` that fits, as a linear scan finds it.
    fn first(&self, up_to: usize, fits: impl Fn(i64) -> bool) -> Option<(i64, i64)> {
        let (offset, (timestamp, _)) = self
            .records
            .iter()
            .enumerate()
            .take(up_to)
            .skip(self.log_start)
            .find(|(_, (timestamp, _))| fits(*timestamp))?;
        Some((i64::try_from(offset).unwrap(), *timestamp))
    }

    fn check(&self, log: &Log) {
        let end = i64::try_from(self.records.len()).unwrap();
        assert_eq!(log.log_end_offset(), end);
        assert_eq!(log.log_start_offset(), i64::try_from(self.log_start).unwrap());
        let values: Vec<(i64, String)> = values_of(read_all(log));
        let after_start = |(offset, _): &&(i64, String)| usize::try_from(*offset).unwrap() >= self.log_start;
        let expected: Vec<&String> =
            self.records.iter().skip(self.log_start).map(|(_, value)| value).collect();
        assert_eq!(values.iter().filter(after_start).map(|(_, value)| value).collect::<Vec<_>>(), expected);
        for offset in log.log_start_offset()..end {
            let request = ReadRequest {
                fetch_offset: offset,
                max_bytes: 1,
                up_to_offset: end,
                first_batch: FirstBatch::Always,
                file_run_min_bytes: usize::MAX,
            };
            let batches = offsets_of(read_both(log, request).unwrap());
            assert!(
                matches!(*batches, [(base, last)] if (base..=last).contains(&offset)),
                "{offset}: {batches:?}"
            );
        }
        for up_to in [self.records.len(), self.records.len() / 2] {
            self.check_times(log, up_to);
            self.check_records(log, up_to);
        }
    }

    fn check_times(&self, log: &Log, up_to: usize) {
        let bound = i64::try_from(up_to).unwrap();
        for target in 0..42 {
            let found = log.offset_for_timestamp(Timestamp::from_millis(target), bound).unwrap();
            let expected = self.first(up_to, |timestamp| timestamp >= target);
            assert_eq!(
                found.map(|found| (found.offset, found.timestamp.as_millis())),
                expected,
                "time {target} below {up_to}"
            );
        }
    }

    fn check_records(&self, log: &Log, up_to: usize) {
        let bound = i64::try_from(up_to).unwrap();
        for offset in 0..=self.records.len() {
            let found = log.first_record(i64::try_from(offset).unwrap(), bound).unwrap();
            let first = offset.max(self.log_start);
            let expected = self.records.get(first).filter(|_| first < up_to);
            let expected = expected.map(|(timestamp, _)| (i64::try_from(first).unwrap(), *timestamp));
            let found = found.map(|found| (found.offset, found.timestamp.as_millis()));
            assert_eq!(found, expected, "offset {offset} below {up_to}");
        }
    }

    /// Only without a log start: the largest timestamp may lie below it in a batch that reaches over it.
    fn check_largest(&self, log: &Log) {
        let end = self.records.len();
        let largest = self.records.iter().map(|(timestamp, _)| *timestamp).max();
        let expected = self.first(end, |timestamp| Some(timestamp) == largest);
        let found = log.max_timestamp_offset(i64::try_from(end).unwrap()).unwrap();
        assert_eq!(found.map(|found| (found.offset, found.timestamp.as_millis())), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_log_equals_a_list(steps in steps(), segment_bytes in 1100u32..3000, index_interval_bytes in 0u32..600) {
        let folder = Folder::new(LogConfig { segment_bytes, index_interval_bytes, ..LogConfig::default() });
        let (mut open, mut model) = (folder.open(), Model::default());
        for step in steps {
            match step {
                Step::Append { timestamps, value_bytes, compression } => {
                    model.append(&open.log, &timestamps, value_bytes, compression);
                }
                Step::Restart => {
                    open.close();
                    open = folder.open();
                    prop_assert!(open.manager.was_clean_shutdown());
                }
                Step::Crash => {
                    drop(open);
                    open = folder.open();
                    prop_assert!(!open.manager.was_clean_shutdown());
                }
                Step::DeleteBefore(offset) => {
                    let offset = offset.min(model.records.len());
                    model.log_start = model.log_start.max(offset);
                    open.log.delete_records_before(i64::try_from(offset).unwrap()).unwrap();
                }
            }
            if model.log_start == 0 {
                model.check_largest(&open.log);
            }
        }
        model.check(&open.log);
        open.close();
        model.check(&folder.open().log);
    }
}
