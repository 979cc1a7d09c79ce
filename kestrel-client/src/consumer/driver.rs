//! Driver: the one task of a consumer. It sends what the engine says and hands in the answers.
//!
//! Shell of the [`Engine`](super::engine::Engine): owns the requests under way, reads the clock, decides nothing.

use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::NodeId;
use kestrel_protocol::messages::fetch::FetchResponse;
use tokio_util::sync::CancellationToken;

use super::engine::{FetchNews, Lag, LookupAnswer, Work};
use super::shared_engine::SharedEngine;
use crate::client::Client;
use crate::consumer::fetch::{Brought, FetchWork, Lane};
use crate::consumer::position::{AskedPositions, Lookup, LookupRequest};
use crate::environment;
use crate::error::Error;
use crate::metadata::TopicUses;
use crate::net::{HandleId, Purpose};
use crate::observer::{Fetched, PartitionLag, PartitionReleased};
use crate::record::TopicPartition;
use crate::spans::FetchSpan;
use crate::under_way::UnderWay;

/// The result of a request.
#[derive(Debug)]
enum Done {
    Fetch(SentFetch, Result<FetchResponse, Error>),
    Lookup(AskedPositions, Result<LookupAnswer, Error>),
    /// A connection for fetches is there, or could not be made: the fetch that wants it finds out.
    Connected,
}

/// A fetch that was sent.
#[derive(Debug, Clone, Copy)]
struct SentFetch {
    node: NodeId,
    lane: Lane,
    at: Instant,
}

/// The task's state.
pub(crate) struct Driver {
    client: Client,
    shared: SharedEngine,
    /// The topics that the consumer uses, until it ends.
    topics: TopicUses,
    /// The group that the consumer is in, if it is in one.
    group: Option<Arc<str>>,
    /// The owners of the fetch connections, by lane.
    main: HandleId,
    side: HandleId,
    under_way: UnderWay<Done>,
}

impl Driver {
    pub(crate) fn new(
        client: Client,
        shared: SharedEngine,
        topics: TopicUses,
        group: Option<Arc<str>>,
    ) -> Self {
        let (main, side) = (client.new_handle(), client.new_handle());
        Self { client, shared, topics, group, main, side, under_way: UnderWay::new() }
    }

    /// Runs until `stop`: requests under way are dropped, connections closed.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.drive() => {}
        }
        self.shared.handle(super::engine::Engine::close);
    }

    async fn drive(&mut self) {
        let mut snapshots = self.client.metadata().subscribe();
        snapshots.mark_changed();
        loop {
            let now = environment::now();
            let (work, deadline) = self
                .shared
                .handle(|engine| (engine.poll(now, environment::wall()), engine.next_deadline(now)));
            self.begin(work, now);
            tokio::select! {
                done = self.under_way.next() => self.finish(done),
                () = self.shared.changed_by_caller() => {}
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let snapshot = snapshots.borrow_and_update().clone();
                    self.shared.handle(|engine| engine.handle_metadata(&snapshot, environment::now()));
                }
                () = environment::sleep_until(deadline) => {}
            }
        }
    }

    fn begin(&mut self, work: Work, now: Instant) {
        if work.wants_metadata {
            self.client.metadata().request_refresh();
        }
        self.tell_released(&work.released);
        for FetchWork { node, lane, request } in work.fetches {
            let handle = match lane {
                Lane::Main => self.main,
                Lane::Side => self.side,
            };
            let (client, purpose) = (self.client.clone(), Purpose::Fetch(handle));
            let span = FetchSpan::open(
                client.metadata().current().brokers.get(&node).map(Arc::as_ref),
                self.group.as_deref(),
            );
            self.under_way.begin(async move {
                let answer = client.send_on(purpose, node, &request).await;
                span.note(&answer);
                Done::Fetch(SentFetch { node, lane, at: now }, answer)
            });
        }
        for lookup in work.lookups {
            // The first fetch follows the answer: its connection is made meanwhile.
            let (client, purpose, node) = (self.client.clone(), Purpose::Fetch(self.main), lookup.node);
            self.under_way.begin(async move {
                let _ = client.connection(purpose, node).await;
                Done::Connected
            });
            self.under_way.begin(look_up(self.client.clone(), lookup));
        }
    }

    fn finish(&self, done: Done) {
        let now = environment::now();
        match done {
            Done::Fetch(sent, result) => {
                let is_answered = result.is_ok();
                let SentFetch { node, lane, .. } = sent;
                let news = self.shared.handle(|engine| engine.handle_fetch(node, lane, result, now));
                if is_answered {
                    self.tell_observer(sent, &news, now);
                }
                news.retries.iter().for_each(|retry| retry.tell(self.client.observer()));
                if !news.leaders.is_empty() {
                    self.client.metadata().apply_hints(news.leaders, news.endpoints);
                }
            }
            Done::Lookup(asked, result) => {
                self.shared.handle(|engine| engine.handle_lookup(&asked, result, now));
            }
            Done::Connected => {}
        }
    }

    fn tell_observer(&self, sent: SentFetch, news: &FetchNews, now: Instant) {
        self.client.observer().tell(|observer| {
            let Brought { partitions, batches, records, bytes } = news.brought;
            let took = now.saturating_duration_since(sent.at);
            observer.on_fetched(&Fetched { node: sent.node, partitions, batches, records, bytes, took });
            for (name, Lag { position, end_offset }) in self.shared.look(|engine| engine.lags(&news.heard)) {
                let (topic, partition, group) = (&*name.topic, name.partition, self.group.as_deref());
                let event = PartitionLag { topic, partition, group, position, end_offset };
                observer.on_partition_lag(&event);
            }
        });
    }

    fn tell_released(&self, released: &[TopicPartition]) {
        self.client.observer().tell(|observer| {
            for TopicPartition { topic, partition } in released {
                let (partition, group) = (*partition, self.group.as_deref());
                observer.on_partition_released(&PartitionReleased { topic, partition, group });
            }
        });
    }
}

impl Drop for Driver {
    /// However it ends, its connections do, and it uses no topic any more.
    fn drop(&mut self) {
        if self.client.observer().is_taken() {
            self.tell_released(&self.shared.look(super::engine::Engine::release_all));
        }
        self.topics.end();
        self.client.pool().release(self.main);
        self.client.pool().release(self.side);
    }
}

async fn look_up(client: Client, lookup: Lookup) -> Done {
    let Lookup { node, request, asked } = lookup;
    let answer = match request {
        LookupRequest::Offsets(request) => {
            client.send_on(Purpose::General, node, &request).await.map(LookupAnswer::Offsets)
        }
        LookupRequest::LeaderEpochs(request) => {
            client.send_on(Purpose::General, node, &request).await.map(LookupAnswer::LeaderEpochs)
        }
    };
    Done::Lookup(asked, answer)
}
