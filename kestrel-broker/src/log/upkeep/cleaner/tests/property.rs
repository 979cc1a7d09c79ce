//! Random histories, cleaned again and again on a hand-held clock: what is left is what the model keeps.

use std::fs;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::crash::found_after_each_change;
use super::model::{Batch, Order, batch_of, batches_of, cleaned};
use super::script::lock_state;
use super::*;
use crate::log::check::{CheckedFolder, Meter, Severity, Walked};
use crate::log::producer_state::LastBatch;
use crate::log::tests::{offsets_of, read_all, read_both};
use crate::log::{FirstBatch, ReadRequest};

#[derive(Debug, Clone)]
enum Step {
    /// A batch of one of the producers (0: none), plain or of its transaction; keys with values or without.
    Append {
        producer: usize,
        transactional: bool,
        compression: usize,
        entries: Vec<(u8, Option<u8>)>,
    },
    /// The end of a producer's transaction, if one is open.
    End {
        producer: usize,
        outcome: TransactionOutcome,
    },
    /// A producer begins anew.
    Bump {
        producer: usize,
    },
    Roll,
    /// Some time passes, then the log is cleaned, with memory for so many keys.
    Clean {
        after: i64,
        keys: usize,
    },
    Restart {
        clean: bool,
    },
    DeleteRecords {
        part: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let entry = (0..6u8, prop::option::weighted(0.75, any::<u8>()));
    let step = prop_oneof![
        10 => (0..3usize, any::<bool>(), 0..5usize, prop::collection::vec(entry, 1..5))
            .prop_map(|(producer, transactional, compression, entries)| Step::Append {
                producer, transactional, compression, entries,
            }),
        4 => (1..3usize, prop_oneof![Just(TransactionOutcome::Commit), Just(TransactionOutcome::Abort)])
            .prop_map(|(producer, outcome)| Step::End { producer, outcome }),
        1 => (1..3usize).prop_map(|producer| Step::Bump { producer }),
        3 => Just(Step::Roll),
        3 => (0..2 * RETENTION, prop_oneof![Just(1000usize), 1..12usize])
            .prop_map(|(after, keys)| Step::Clean { after, keys }),
        1 => any::<bool>().prop_map(|clean| Step::Restart { clean }),
        1 => any::<u8>().prop_map(|part| Step::DeleteRecords { part }),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Debug, Clone, Copy, Default)]
struct Producer {
    epoch: i16,
    sequence: i32,
    /// Whether a transaction is open.
    open: bool,
}

/// A log and what the test knows of it.
struct World {
    folder: Folder,
    open: Option<crate::log::tests::OpenFolder>,
    producers: [Producer; 3],
    now: i64,
    clean_offset: i64,
}

impl World {
    fn log(&self) -> &Log {
        &self.open.as_ref().unwrap().log
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append { producer, transactional, compression, entries } => {
                self.append(*producer, *transactional, *compression, entries);
            }
            Step::End { producer, outcome } => {
                let state = &mut self.producers[*producer];
                if std::mem::take(&mut state.open) {
                    let marker = marker(i64::try_from(*producer).unwrap(), state.epoch, *outcome);
                    append(self.log(), &marker);
                }
            }
            Step::Bump { producer } => {
                let state = &mut self.producers[*producer];
                if !state.open {
                    *state = Producer { epoch: state.epoch + 1, ..Producer::default() };
                    let marker =
                        marker(i64::try_from(*producer).unwrap(), state.epoch, TransactionOutcome::Abort);
                    append(self.log(), &marker);
                }
            }
            Step::Roll => roll(self.log()),
            Step::Clean { after, keys } => self.clean(*after, *keys),
            Step::Restart { clean } => self.restart(*clean),
            Step::DeleteRecords { part } => {
                let (start, end) = (self.log().log_start_offset(), self.log().log_end_offset());
                let offset = start + (end - start) * i64::from(*part) / 1000;
                self.log().delete_records_before(offset).unwrap();
            }
        }
    }

    fn append(
        &mut self,
        producer: usize,
        transactional: bool,
        compression: usize,
        entries: &[(u8, Option<u8>)],
    ) {
        let texts: Vec<(String, Option<String>)> = entries
            .iter()
            .map(|(key, value)| (key.to_string(), value.map(|value| value.to_string())))
            .collect();
        let entries: Vec<Entry<'_>> =
            texts.iter().map(|(key, value)| (Some(key.as_str()), value.as_deref())).collect();
        let compression = Compression::ALL[compression];
        let writer = if producer == 0 {
            NOBODY
        } else {
            let state = &mut self.producers[producer];
            // Whoever has a transaction open writes in it.
            state.open |= transactional;
            let sequence = state.sequence;
            state.sequence += i32::try_from(entries.len()).unwrap();
            Writer {
                transactional: state.open,
                ..super::producer(i64::try_from(producer).unwrap(), state.epoch, sequence)
            }
        };
        append(self.log(), &records(Writer { compression, ..writer }, self.now, &entries));
    }

    /// Cleans, and holds the result against the model.
    fn clean(&mut self, after: i64, keys: usize) {
        self.now += after;
        let settings = CleanerSettings { dedupe_buffer_bytes: 24 * keys, ..SETTINGS };
        let before = batches_of_whole(self.log());
        let bases = self.log().view().segments.iter().map(|segment| segment.base_offset()).collect();
        let last = lock_state(self.log());
        let (job, clean_offset, _) =
            clean_from(self.log(), self.clean_offset, &settings, &Hand::at(self.now)).unwrap();
        let order = Order {
            first_dirty: job.first_dirty_offset,
            clean_offset,
            uncleanable: job.first_uncleanable_offset,
            bases,
            now: self.now,
            last: last
                .iter()
                .map(|(id, last)| match *last {
                    LastBatch::Data { last_offset } => (id.0, Ok(last_offset)),
                    LastBatch::Marker { epoch } => (id.0, Err(epoch.0)),
                })
                .collect(),
        };
        assert_eq!(batches_of_whole(self.log()), cleaned(&before, &order), "{order:?}");
        self.clean_offset = clean_offset;
    }

    /// Producers and offsets are what they were, whether from snapshots or from what is left of the log.
    fn restart(&mut self, clean: bool) {
        let state = |log: &Log| {
            (lock_state(log), log.position().first_unstable, log.log_start_offset(), log.log_end_offset())
        };
        let before = state(self.log());
        let open = self.open.take().unwrap();
        if clean {
            open.close();
        } else {
            drop(open);
            for snapshot in self.folder.files(".snapshot") {
                fs::remove_file(self.folder.file(&snapshot)).unwrap();
            }
        }
        self.open = Some(self.folder.open());
        if clean || before.2 == 0 {
            assert_eq!(state(self.log()), before);
        }
        self.log().note_high_watermark(self.log().log_end_offset());
    }

    /// Every fetch answers with the batch that has the offset, or the next one.
    fn check_fetches(&self) {
        let log = self.log();
        let all = offsets_of(read_all(log));
        for fetch_offset in log.log_start_offset()..log.log_end_offset() {
            let request = ReadRequest {
                fetch_offset,
                max_bytes: 1,
                up_to_offset: i64::MAX,
                first_batch: FirstBatch::Always,
                file_run_min_bytes: usize::MAX,
            };
            let expected = all.iter().find(|(_, last)| *last >= fetch_offset);
            assert_eq!(offsets_of(read_both(log, request).unwrap()).first(), expected, "{fetch_offset}");
        }
    }

    /// The check of the folder finds no damage: no index that disagrees with its log, among others.
    fn check_folder(&mut self) {
        self.open.take().unwrap().close();
        let mut damage = Vec::new();
        let mut go_on = |_| ControlFlow::Continue(());
        let mut meter = Meter::new(&mut go_on);
        let mut found = |finding: crate::log::check::Finding| {
            if finding.severity == Severity::Damage {
                damage.push(finding.to_string());
            }
        };
        // The check is told what a cleaning through the manager writes down first.
        let checkpoint = self.folder.path().join("cleaner-offset-checkpoint");
        fs::write(checkpoint, format!("0\n1\nt 0 {}\n", self.clean_offset)).unwrap();
        let folder = CheckedFolder::read(self.folder.path(), &mut found).unwrap();
        for partition in &folder.partitions {
            folder.check(partition, &mut Walked::default(), &mut meter, &mut found).unwrap();
        }
        assert_eq!(damage, [""; 0]);
        self.open = Some(self.folder.open());
        self.log().note_high_watermark(self.log().log_end_offset());
    }
}

/// All batches, those below the log start too that a segment still has.
fn batches_of_whole(log: &Log) -> Vec<Batch> {
    let view = log.view();
    let mut all = Vec::new();
    for segment in view.segments.iter() {
        let mut walk = segment.walk(0).unwrap();
        while let Some((position, header)) = walk.next().unwrap() {
            all.push(batch_of(&segment.read_batch(&walk.file, position, &header).unwrap()));
        }
    }
    all
}

fn bytes_of(log: &Log) -> Vec<u8> {
    let view = log.view();
    view.segments.iter().flat_map(|segment| fs::read(segment.path()).unwrap()).collect()
}

fn world(segment_bytes: u32) -> World {
    let folder = Folder::new(config(segment_bytes));
    let open = Some(folder.open());
    World { folder, open, producers: [Producer::default(); 3], now: NOW.as_millis(), clean_offset: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_left_is_what_the_model_keeps(steps in steps(), segment_bytes in 400u32..2000) {
        let mut world = world(segment_bytes);
        for step in &steps {
            world.step(step);
        }
        world.check_fetches();
        world.check_folder();
        world.restart(false);
        world.check_fetches();
    }

    /// The second time takes the markers' horizons down, which were needed until the first time took their records.
    #[test]
    fn cleaning_again_changes_nothing(steps in steps(), segment_bytes in 400u32..2000) {
        let mut world = world(segment_bytes);
        for step in &steps {
            world.step(step);
        }
        let from = world.log().log_start_offset();
        let clean = || clean_from(world.log(), from, &SETTINGS, &Hand::at(world.now)).unwrap();
        clean();
        let once = bytes_of(world.log());
        clean();
        let twice = bytes_of(world.log());
        if steps.iter().all(|step| !matches!(step, Step::End { .. } | Step::Bump { .. })) {
            prop_assert!(once == twice);
        }
        clean();
        prop_assert!(bytes_of(world.log()) == twice);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// With all in one group: the old log or the new one, and nothing in between.
    #[test]
    fn a_crash_at_any_step_leaves_the_old_log_or_the_new_one(steps in steps()) {
        let mut world = world(600);
        for step in steps.iter().filter(|step| !matches!(step, Step::Restart { .. } | Step::DeleteRecords { .. })) {
            world.step(step);
        }
        roll(world.log());
        world.log().set_config(config(1 << 20));
        let old = batches_of(world.log());
        let now = world.now;
        let found = found_after_each_change(&world.folder, || _ = clean(world.log(), now));
        let new = batches_of(world.log());
        let mut is_new = false;
        for (step, batches) in found.iter().enumerate() {
            is_new |= *batches != old;
            prop_assert_eq!(batches, if is_new { &new } else { &old }, "after change {} of {}", step, found.len());
        }
    }
}
