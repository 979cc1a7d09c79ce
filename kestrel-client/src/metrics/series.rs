//! Series: what is told of often, by the handles of [`Kept`]; whatever is rare, errors above all, goes the long way.

use std::sync::Arc;
use std::time::Instant;

use ::metrics::{Counter, Gauge, Histogram, Label, SharedString};
use kestrel_protocol::{ApiKey, NodeId};

use super::kept::Kept;
use super::table;

/// The kept handles of a client.
#[derive(Debug, Default)]
pub(super) struct Series {
    written: Kept<Option<NodeId>, Written>,
    answered: Kept<(Option<NodeId>, ApiKey), Answered>,
    stored: Kept<str, Stored>,
    buffer: Kept<(), Buffer>,
    brought: Kept<NodeId, Brought>,
    polled: Kept<[u8], Polled>,
    lags: Kept<[u8], Gauge>,
    /// For keys of several parts, made without an allocation.
    key: Vec<u8>,
}

/// Of a request that goes to a broker.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) sent_bytes: Counter,
    pub(super) in_flight: Gauge,
}

/// Of the answer to a request.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) in_flight: Gauge,
    pub(super) received_bytes: Counter,
    pub(super) seconds: Histogram,
}

/// Of a batch of a topic that is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) delivery_seconds: Histogram,
    pub(super) records: Counter,
    pub(super) bytes: Counter,
    pub(super) uncompressed_bytes: Counter,
    pub(super) batches: Counter,
    pub(super) batch_records: Histogram,
    pub(super) batch_bytes: Histogram,
    pub(super) compression_ratio: Histogram,
    pub(super) queue_seconds: Histogram,
}

/// Of the memory of producers.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) used: Gauge,
    pub(super) limit: Gauge,
    pub(super) waiting: Gauge,
}

/// Of a fetch that brought something.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) seconds: Histogram,
    pub(super) records: Counter,
    pub(super) batches: Counter,
    pub(super) bytes: Histogram,
}

/// Of a batch that the application begins with, but for its first.
#[derive(Debug)]
pub(super) struct Polled {
    pub(super) records: Counter,
    pub(super) bytes: Counter,
    pub(super) waiting_seconds: Histogram,
    pub(super) processing_seconds: Histogram,
}

/// Whose series they are, and when it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) client: &'a Label,
    pub(super) now: Instant,
}

impl Series {
    pub(super) fn written(&mut self, told: Told<'_>, node: Option<NodeId>, tell: impl FnOnce(&Written)) {
        let look_up = || Written {
            sent_bytes: table::SENT_BYTES.series(told.client, [broker(node)]),
            in_flight: table::REQUESTS_IN_FLIGHT.series(told.client, [broker(node)]),
        };
        self.written.tell(&node, told.now, look_up, tell);
    }

    pub(super) fn answered(
        &mut self,
        told: Told<'_>,
        node: Option<NodeId>,
        api: ApiKey,
        tell: impl FnOnce(&Answered),
    ) {
        let look_up = || Answered {
            in_flight: table::REQUESTS_IN_FLIGHT.series(told.client, [broker(node)]),
            received_bytes: table::RECEIVED_BYTES.series(told.client, [broker(node)]),
            seconds: table::REQUEST_SECONDS.series(told.client, [broker(node), api.name().into()]),
        };
        self.answered.tell(&(node, api), told.now, look_up, tell);
    }

    pub(super) fn stored(&mut self, told: Told<'_>, topic: &str, tell: impl FnOnce(&Stored)) {
        let look_up = || {
            let (client, name) = (told.client, text(topic));
            let labels = || [name.clone()];
            Stored {
                delivery_seconds: table::DELIVERY_SECONDS.series(client, labels()),
                records: table::PRODUCED_RECORDS.series(client, labels()),
                bytes: table::PRODUCED_BYTES.series(client, labels()),
                uncompressed_bytes: table::UNCOMPRESSED_BYTES.series(client, labels()),
                batches: table::PRODUCED_BATCHES.series(client, labels()),
                batch_records: table::BATCH_RECORDS.series(client, labels()),
                batch_bytes: table::BATCH_BYTES.series(client, labels()),
                compression_ratio: table::COMPRESSION_RATIO.series(client, labels()),
                queue_seconds: table::QUEUE_SECONDS.series(client, labels()),
            }
        };
        self.stored.tell(topic, told.now, look_up, tell);
    }

    pub(super) fn buffer(&mut self, told: Told<'_>, tell: impl FnOnce(&Buffer)) {
        let look_up = || Buffer {
            used: table::BUFFER_USED.series(told.client, []),
            limit: table::BUFFER_LIMIT.series(told.client, []),
            waiting: table::BUFFER_WAITING.series(told.client, []),
        };
        self.buffer.tell(&(), told.now, look_up, tell);
    }

    pub(super) fn brought(&mut self, told: Told<'_>, node: NodeId, tell: impl FnOnce(&Brought)) {
        let look_up = || {
            let (client, id) = (told.client, broker(Some(node)));
            let labels = || [id.clone()];
            Brought {
                seconds: table::FETCH_SECONDS.series(client, labels()),
                records: table::FETCHED_RECORDS.series(client, labels()),
                batches: table::FETCHED_BATCHES.series(client, labels()),
                bytes: table::FETCH_BYTES.series(client, labels()),
            }
        };
        self.brought.tell(&node, told.now, look_up, tell);
    }

    pub(super) fn polled(
        &mut self,
        told: Told<'_>,
        of_group: Option<&str>,
        topic: &str,
        tell: impl FnOnce(&Polled),
    ) {
        let look_up = || {
            let (client, group, topic) = (told.client, group(of_group), text(topic));
            Polled {
                records: table::CONSUMED_RECORDS.series(client, [group.clone(), topic.clone()]),
                bytes: table::CONSUMED_BYTES.series(client, [group.clone(), topic]),
                waiting_seconds: table::WAITING_SECONDS.series(client, [group.clone()]),
                processing_seconds: table::PROCESSING_SECONDS.series(client, [group]),
            }
        };
        put(&mut self.key, [topic, of_group.unwrap_or_default()]);
        self.polled.tell(&self.key, told.now, look_up, tell);
    }

    pub(super) fn lag(
        &mut self,
        told: Told<'_>,
        of_group: Option<&str>,
        topic: &str,
        partition: i32,
        tell: impl FnOnce(&Gauge),
    ) {
        let look_up = || {
            let labels = [group(of_group), text(topic), partition.to_string().into()];
            table::LAG.series(told.client, labels)
        };
        put(&mut self.key, [topic, of_group.unwrap_or_default()]);
        self.key.extend(partition.to_be_bytes());
        self.lags.tell(&self.key, told.now, look_up, tell);
    }
}

/// Makes a key of texts, each behind its length, so that no two pairs have the same.
fn put(key: &mut Vec<u8>, texts: [&str; 2]) {
    key.clear();
    for text in texts {
        key.extend(text.len().to_be_bytes());
        key.extend(text.as_bytes());
    }
}

/// A broker's id: a label of few values. The entries of `bootstrap.servers` have none.
pub(super) fn broker(node: Option<NodeId>) -> SharedString {
    node.map_or_else(|| "bootstrap".into(), |node| text(&node.to_string()))
}

/// Empty without a group: to Prometheus the same as no label.
pub(super) fn group(group: Option<&str>) -> SharedString {
    group.map_or_else(|| "".into(), text)
}

/// Shared, since most names are the label of several series.
pub(super) fn text(name: &str) -> SharedString {
    Arc::<str>::from(name).into()
}
