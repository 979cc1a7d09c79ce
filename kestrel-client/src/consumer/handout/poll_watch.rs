//! PollWatch: tells the client's observer of the batches that the application begins with, and how far behind it is where a run
//! ends.
//!
//! Part of [`Hand`](super::Hand). Without an observer a record costs one branch; with one, the clock is read for a batch and for a
//! wait, never for a record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::consumer::engine::Lag;
use crate::consumer::fetch::{Begun, CompletedFetch};
use crate::consumer::shared_engine::SharedEngine;
use crate::environment;
use crate::observer::{ObserverSeat, PartitionLag, RecordsPolled};
use crate::record::TopicPartition;

/// What the observer has been told of, and since when the application waits.
#[derive(Debug)]
pub(crate) struct PollWatch {
    observer: ObserverSeat,
    group: Option<Arc<str>>,
    /// What of the run the observer knows.
    told: Begun,
    told_at: Option<Instant>,
    waits_since: Option<Instant>,
    /// How long the application has waited since `told_at`.
    waited: Duration,
}

impl PollWatch {
    pub(crate) const fn new(observer: ObserverSeat, group: Option<Arc<str>>) -> Self {
        let told = Begun::NOTHING;
        Self { observer, group, told, told_at: None, waits_since: None, waited: Duration::ZERO }
    }

    /// A run was taken, or taken again.
    pub(crate) const fn note_run(&mut self, fetch: &CompletedFetch) {
        self.told = fetch.begun();
    }

    /// There is nothing for the application yet.
    pub(crate) fn note_wait(&mut self) {
        if self.observer.is_taken() {
            self.waits_since.get_or_insert_with(environment::now);
        }
    }

    /// Something of the run was handed out.
    pub(crate) fn note_hand_out(&mut self, fetch: &CompletedFetch) {
        if !self.observer.is_taken() {
            return;
        }
        if let Some(since) = self.waits_since.take() {
            self.waited += environment::now().saturating_duration_since(since);
        }
        let Begun { records, bytes } = fetch.begun().since(self.told);
        if records == 0 {
            return;
        }
        self.told = fetch.begun();
        let (now, waited) = (environment::now(), std::mem::take(&mut self.waited));
        let since = self.told_at.replace(now).unwrap_or(now);
        self.observer.tell(|observer| {
            observer.on_records_polled(&RecordsPolled {
                topic: &fetch.topic,
                partition: fetch.partition,
                group: self.group.as_deref(),
                records,
                bytes,
                waited,
                busy: now.saturating_duration_since(since).saturating_sub(waited),
            });
        });
    }

    /// The run was handed out to its end.
    pub(crate) fn tell_lag(&self, fetch: &CompletedFetch, shared: &SharedEngine) {
        self.observer.tell(|observer| {
            let name = TopicPartition::new(fetch.topic.clone(), fetch.partition);
            if let Ok(Some(Lag { position, end_offset })) = shared.look(|engine| engine.lag(&name)) {
                let (topic, partition, group) = (&*name.topic, name.partition, self.group.as_deref());
                let event = PartitionLag { topic, partition, group, position, end_offset };
                observer.on_partition_lag(&event);
            }
        });
    }
}
