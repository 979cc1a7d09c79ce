//! A data folder that a script works on while a recorder listens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::record::{Compression, ProducerStamp, RecordBatch, RecordBatches};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId, TopicId};
use parking_lot::Mutex;

use super::super::{NOW, batch};
use super::model::Model;
use super::random::Random;
use crate::log::disk::tap::Recorder;
use crate::log::*;

const TOPICS: [&str; 3] = ["a", "b", "c"];
/// How many idempotent producers a log has.
const PRODUCERS: i64 = 3;

/// A log in service, with what is known of it.
#[derive(Debug, Clone)]
struct Live {
    log: Arc<Log>,
    model: Arc<Mutex<Model>>,
}

/// A data folder in use.
#[derive(Debug)]
pub(crate) struct World {
    recorder: Arc<Recorder>,
    manager: LogManager,
    live: Vec<Live>,
    /// All logs that ever were.
    models: Vec<Arc<Mutex<Model>>>,
    random: Random,
    next_id: u128,
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 3000,
        index_interval_bytes: 300,
        file_delete_delay: Duration::ZERO,
        retention: Retention { time: None, bytes: Some(6000) },
        ..LogConfig::default()
    }
}

impl World {
    /// Opens the folder and all logs that the models say are there.
    pub(crate) fn open(dir: &Path, known: Vec<Model>, random: Random) -> Self {
        let recorder = Recorder::start(dir);
        let manager = open_manager(dir);
        let next_id = known.iter().map(|model| u128::from_be_bytes(model.id.0)).max().unwrap_or(0) + 1;
        let models = known.into_iter().map(|model| Arc::new(Mutex::new(model))).collect();
        let mut world = Self { recorder, manager, live: Vec::new(), models, random, next_id };
        world.set_strays_aside();
        world.open_logs();
        world
    }

    /// As the broker does: a folder that the metadata does not know is kept under another name.
    fn set_strays_aside(&self) {
        for found in self.manager.found_partitions() {
            let known = self.models.iter().any(|model| {
                let model = model.lock();
                model.topic == found.topic && found.topic_id.is_none_or(|id| id == model.id)
            });
            if !known {
                self.manager.set_aside(&found.topic, found.partition).unwrap();
            }
        }
    }

    fn open_logs(&mut self) {
        for model in self.models.clone() {
            let (topic, id, existed) = {
                let model = model.lock();
                (model.topic, model.id, model.created.1 != usize::MAX)
            };
            if model.lock().deleted.0 != usize::MAX {
                continue;
            }
            let found = self.manager.found_partitions().iter().find(|found| found.topic == topic);
            assert!(
                !existed || found.is_some_and(|found| found.topic_id == Some(id)),
                "{topic} is not there"
            );
            let log = open_log(&self.manager, topic, id, LogOrigin::HERE);
            let now = self.recorder.len();
            let mut known = model.lock();
            // The moment between the recovery and this one does not matter: nothing was sent.
            known.at(usize::MAX - 1).check(&log);
            known.recovered(now, log.log_end_offset());
            known.start_moved(0, now, log.log_start_offset());
            known.created.1 = known.created.1.min(now);
            drop(known);
            self.add(log, model);
        }
    }

    fn add(&mut self, log: Arc<Log>, model: Arc<Mutex<Model>>) {
        let (recorder, known, me) = (Arc::clone(&self.recorder), Arc::clone(&model), Arc::downgrade(&log));
        log.note_high_watermark(log.flushed_end_offset());
        log.on_flushed(Box::new(move |end_offset| {
            known.lock().acked(recorder.len(), end_offset);
            if let Some(log) = me.upgrade() {
                log.note_high_watermark(end_offset);
            }
        }));
        model.lock().epoch += 1;
        self.live.push(Live { log, model });
    }

    /// Does something.
    pub(crate) fn step(&mut self) {
        match self.random.below(100) {
            0..60 => self.append(),
            60..75 => self.flush(),
            75..80 => self.manager.checkpoint().unwrap(),
            80..84 => self.delete_records(),
            84..88 => self.delete_old_segments(),
            88..90 => self.manager.tick(NOW),
            90..94 => self.create_topic(),
            94..96 => self.delete_topic(),
            96..97 => self.manager.purge_deleted().unwrap(),
            97..98 => self.lead_anew(),
            98..99 => self.restart(true),
            _ => self.restart(false),
        }
    }

    /// What the logs are to be after a cut at a moment, which is chosen, and what a disk then holds.
    pub(crate) fn cut(&mut self, target: &Path, earliest: usize) -> Vec<Model> {
        let (initial, changes) = self.recorder.history();
        let moment = earliest + self.random.below(changes.len() - earliest + 1);
        write_image(target, &initial, &changes[..moment], &mut self.random);
        let models = self.models.iter().map(|model| model.lock().clone());
        // What is being deleted or created may be there or not; the metadata knows it from its creation to its deletion.
        models
            .filter(|model| model.created.0 < moment.max(1) && moment <= model.deleted.0)
            .map(|model| model.cut(moment))
            .collect()
    }

    /// Closes the folder in order.
    pub(crate) fn close(self) -> Vec<Model> {
        self.manager.close(-1).unwrap();
        let models = self.models.iter().map(|model| model.lock().clone());
        models.filter(|model| model.deleted.0 == usize::MAX).map(|model| model.cut(usize::MAX - 1)).collect()
    }

    pub(crate) fn fork(&mut self) -> Random {
        Random::new(self.random.next())
    }

    fn some(&mut self) -> Option<usize> {
        (!self.live.is_empty()).then(|| self.random.below(self.live.len()))
    }

    fn append(&mut self) {
        if let Some(index) = self.some() {
            let live = self.live[index].clone();
            append(&live, &self.recorder, &mut self.random);
        }
    }

    /// Flushes what asked for it; now and then something is appended meanwhile.
    fn flush(&mut self) {
        if let Some(index) = self.some().filter(|_| self.random.percent(40)) {
            let (live, mut random) = (self.live[index].clone(), self.fork());
            let recorder = Arc::downgrade(&self.recorder);
            self.recorder.during_sync(Some(Box::new(move || {
                if let Some(recorder) = recorder.upgrade().filter(|_| random.percent(50)) {
                    append(&live, &recorder, &mut random);
                }
            })));
        }
        self.manager.data_dir.flush_queue.flush_all();
        self.recorder.during_sync(None);
    }

    fn delete_records(&mut self) {
        let Some(index) = self.some() else { return };
        let Live { log, model } = self.live[index].clone();
        let most = usize::try_from(log.flushed_end_offset()).unwrap();
        let offset = i64::try_from(self.random.below(most + 1)).unwrap();
        if offset > log.log_start_offset() {
            let began = self.recorder.len();
            model.lock().start_moved(began, usize::MAX, offset);
            log.delete_records_before(offset).unwrap();
            model.lock().start_moved(began, self.recorder.len(), offset);
        }
    }

    fn delete_old_segments(&mut self) {
        let Some(index) = self.some() else { return };
        let Live { log, model } = self.live[index].clone();
        let began = self.recorder.len();
        log.delete_old_segments(NOW).unwrap();
        model.lock().start_moved(began, self.recorder.len(), log.log_start_offset());
    }

    fn create_topic(&mut self) {
        let topic = *self.random.pick(&TOPICS);
        if self.live.iter().any(|live| live.model.lock().topic == topic) {
            return;
        }
        let id = TopicId::from_u128(self.next_id);
        self.next_id += 1;
        let model = Arc::new(Mutex::new(Model::new(topic, id, self.recorder.len())));
        self.models.push(Arc::clone(&model));
        let log = open_log(&self.manager, topic, id, LogOrigin::New);
        model.lock().created.1 = self.recorder.len();
        self.add(log, model);
    }

    fn delete_topic(&mut self) {
        let Some(index) = self.some() else { return };
        let Live { model, .. } = self.live.remove(index);
        let topic = model.lock().topic;
        model.lock().deleted.0 = self.recorder.len();
        self.manager.delete_log(topic, 0).unwrap();
        model.lock().deleted.1 = self.recorder.len();
    }

    fn lead_anew(&mut self) {
        let Some(index) = self.some() else { return };
        let Live { log, model } = self.live[index].clone();
        let epoch = {
            let mut model = model.lock();
            model.epoch += 1;
            LeaderEpoch(model.epoch)
        };
        log.assign_epoch(epoch).unwrap();
    }

    /// Ends the process, in order or not, and starts again.
    fn restart(&mut self, clean: bool) {
        if clean {
            self.manager.close(-1).unwrap();
        }
        self.live.clear();
        let dir = self.manager.data_dir().to_path_buf();
        // The lock goes with the manager.
        let aside = tempfile::tempdir().unwrap();
        self.manager = open_manager(aside.path());
        self.manager = open_manager(&dir);
        // Of a process that did nothing, a crash is a clean stop too.
        assert!(self.manager.was_clean_shutdown() || !clean);
        self.open_logs();
    }
}

/// Opens the folder; flushes happen when the script says so.
fn open_manager(dir: &Path) -> LogManager {
    let manager = LogManager::open(dir, super::super::rooms::options(Durability::Group)).unwrap();
    manager.data_dir.flush_queue.stop();
    manager
}

fn open_log(manager: &LogManager, topic: &str, topic_id: TopicId, origin: LogOrigin) -> Arc<Log> {
    manager.open_log(OpenLog { topic, partition: 0, topic_id, config: config(), now: NOW, origin }).unwrap()
}

/// Appends a random batch of one of the log's producers, or one that was sent before.
fn append(live: &Live, recorder: &Recorder, random: &mut Random) {
    let values: Vec<(i64, String)> = (0..1 + random.below(4))
        .map(|_| {
            (
                NOW.as_millis() - random.below(1000) as i64,
                "v".repeat(random.below(*random.clone().pick(&[10, 100, 700]))),
            )
        })
        .collect();
    let records: Vec<(i64, &str)> = values.iter().map(|(at, value)| (*at, value.as_str())).collect();
    let stamp = match i64::try_from(random.below(4)).unwrap() {
        PRODUCERS => ProducerStamp::NONE,
        producer => ProducerStamp {
            producer_id: ProducerId(producer),
            producer_epoch: ProducerEpoch(0),
            base_sequence: live.model.lock().next_sequence(ProducerId(producer)),
        },
    };
    let sent = batch(&records, *random.pick(&Compression::ALL), stamp);
    let leader_epoch = LeaderEpoch(live.model.lock().epoch);
    let context = AppendContext { leader_epoch, now: NOW, origin: AppendOrigin::Client, guard: None };
    let began = recorder.len();
    // What is written may be on the disk before the call returns.
    let stored = stored_as(&sent, live.log.log_end_offset(), leader_epoch);
    live.model.lock().sent(began, stored);
    let appended = live.log.append(sent.bytes().clone(), context).unwrap();
    assert!(!appended.duplicate);
    if stamp != ProducerStamp::NONE && random.percent(10) {
        let again = live.log.append(sent.into_bytes(), context).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (appended.base_offset, true));
    }
}

fn stored_as(sent: &RecordBatch, base_offset: i64, epoch: LeaderEpoch) -> RecordBatch {
    let prefix = sent.stored_prefix(base_offset, epoch);
    let bytes = [&prefix[..], &sent.bytes()[prefix.len()..]].concat();
    RecordBatches::new(bytes.into()).next().unwrap().unwrap()
}
