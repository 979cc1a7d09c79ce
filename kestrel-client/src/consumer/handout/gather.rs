//! Gathering batches: how much of a run is handed out at once, and what of it can be read.
//!
//! Runs in the caller's task, for [`stream`](super::stream). A batch is deserialized by the application; it is read before only to find
//! the records in it that cannot be, where something else than an error is to become of them.

use std::sync::Arc;

use kestrel_protocol::LeaderEpoch;

use super::hand::{Obstacle, Run, Step, Waits};
use super::stream::is_full;
use crate::acks::PartitionAcks;
use crate::consumer::fetch::OpenOptions;
use crate::error::{DeserializeError, HeldError, Result};
use crate::reader::{Batch, BatchRun, Decoded, OpenBatch, RecordReader};
use crate::record::TopicPartition;
use crate::rejected::{Remedy, Settler};

/// What batches are made of.
pub(super) struct Gathering {
    pub(super) options: OpenOptions,
    pub(super) max_records: usize,
    /// Whether records that cannot be read are looked for.
    pub(super) looks_ahead: bool,
    /// Settles what becomes of them before the batch is handed out; without one they are set aside in it.
    pub(super) settler: Option<Arc<Settler>>,
}

/// Opens batches of the run until there are enough records.
pub(super) fn next_batch<K, V>(
    reader: &RecordReader<K, V>,
    run: &mut Run,
    gathering: &Gathering,
) -> Result<Step<Batch<K, V>>, Obstacle> {
    let acks = run.fetch.acks.clone();
    if is_full(acks.as_ref()) {
        return Ok(Step::Full);
    }
    let (runs, rejected) = match gather(reader, run, gathering)? {
        Step::HandOut(gathered) => gathered,
        Step::Again => return Ok(Step::Again),
        Step::Full => return Ok(Step::Full),
        Step::RunEnded => return Ok(Step::RunEnded),
    };
    let fetch = &run.fetch;
    // The batch counts as one record, at the offset of its first.
    let token = |acks: Arc<PartitionAcks>| {
        acks.hand_out_batch(first_offset(&runs)?, fetch.next_offset(), last_epoch(&runs))
    };
    let ack = acks.and_then(token);
    let partition = TopicPartition { topic: fetch.topic.clone(), partition: fetch.partition };
    Ok(Step::HandOut(Batch::new(partition, runs, reader.decoders().clone(), ack).without(rejected)))
}

type Gathered<K, V> = (Vec<BatchRun<K, V>>, Vec<DeserializeError>);

fn gather<K, V>(
    reader: &RecordReader<K, V>,
    run: &mut Run,
    gathering: &Gathering,
) -> Result<Step<Gathered<K, V>>, Obstacle> {
    let Gathering { options, max_records, .. } = *gathering;
    let (mut runs, mut rejected): Gathered<K, V> = (Vec::new(), Vec::new());
    let mut len = 0;
    while len < max_records {
        let batch = match run.fetch.open_batch(options) {
            Ok(Some(batch)) if len == 0 || len + batch.len() <= max_records => batch,
            // What was gathered comes first; the damage is met again by the next call.
            Err(damage) if runs.is_empty() => return Err(damage.into()),
            Ok(_) | Err(_) => break,
        };
        if let Some(cause) = batch.records.views().find_map(Result::err) {
            let damage = run.fetch.damage_in_open(cause);
            return if runs.is_empty() { Err(damage.into()) } else { Ok(Step::HandOut((runs, rejected))) };
        }
        match look_ahead(reader, run, gathering, runs.is_empty())? {
            Ahead::Clear { decoded, passed, set_aside } => {
                let open = run.fetch.take_open().map(|batch| OpenBatch { passed, ..batch });
                run.waits.settling.forget_below(run.fetch.next_offset());
                rejected.extend(set_aside);
                let taken = open.map(|open| BatchRun { open, decoded });
                len += taken.as_ref().map_or(0, BatchRun::len);
                runs.extend(taken.filter(|taken| taken.len() > 0 || !rejected.is_empty()));
            }
            Ahead::Waits if runs.is_empty() => return Ok(Step::Again),
            Ahead::Waits => break,
        }
    }
    Ok(if runs.is_empty() { Step::RunEnded } else { Step::HandOut((runs, rejected)) })
}

/// What is known of the records of the open batch before it is handed out.
enum Ahead<K, V> {
    /// Those at the offsets `passed` cannot be read; of those that are `set_aside`, nobody has settled what becomes of them.
    Clear { decoded: Option<Decoded<K, V>>, passed: Vec<i64>, set_aside: Vec<DeserializeError> },
    /// A deserializer gets ready, or it is being settled what becomes of a record: if this batch is the next one.
    Waits,
}

fn look_ahead<K, V>(
    reader: &RecordReader<K, V>,
    run: &mut Run,
    gathering: &Gathering,
    is_next: bool,
) -> Result<Ahead<K, V>, Obstacle> {
    let Run { fetch, waits: Waits { readiness, settling } } = run;
    let place = (fetch.topic.clone(), fetch.partition);
    let Some(batch) = fetch.open() else { return Ok(Ahead::Waits) };
    if is_next && let Some((offset, cause)) = readiness.take_holding_failure() {
        return Err(Obstacle::Held(HeldError::not_ready_at(place, offset, cause)));
    }
    if let Some(waiting) = reader.first_unready(&place.0, &batch.records, readiness) {
        if is_next {
            *readiness = waiting;
        }
        return Ok(Ahead::Waits);
    }
    if !gathering.looks_ahead {
        return Ok(Ahead::Clear { decoded: None, passed: Vec::new(), set_aside: Vec::new() });
    }
    if is_next && let Some(settled) = settling.below(batch.end_offset).map_err(Obstacle::Held)? {
        let passed = settled.iter().filter(|(_, remedy)| *remedy != Remedy::Fail);
        let passed = passed.map(|(offset, _)| *offset).collect();
        return Ok(Ahead::Clear { decoded: None, passed, set_aside: Vec::new() });
    }
    let (decoded, mut rejected) = reader.read_ahead((&place.0, place.1), batch);
    if let Some(at) = rejected.iter().position(|poison| !poison.cause.is_poison()) {
        let DeserializeError { record, cause } = rejected.swap_remove(at);
        let held = || Err(Obstacle::Held(HeldError::not_ready(&record, cause)));
        return if is_next { held() } else { Ok(Ahead::Waits) };
    }
    match &gathering.settler {
        Some(settler) if !rejected.is_empty() => {
            if is_next {
                settling.begin(settler, rejected, batch.end_offset);
            }
            Ok(Ahead::Waits)
        }
        _ => {
            let passed = rejected.iter().map(|poison| poison.record.offset).collect();
            Ok(Ahead::Clear { decoded: Some(decoded), passed, set_aside: rejected })
        }
    }
}

fn first_offset<K, V>(runs: &[BatchRun<K, V>]) -> Option<i64> {
    let first = runs.iter().find_map(|run| run.open.records.views().next());
    first.and_then(Result::ok).map(|view| view.offset)
}

fn last_epoch<K, V>(runs: &[BatchRun<K, V>]) -> Option<LeaderEpoch> {
    runs.last().and_then(|run| run.open.leader_epoch)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use kestrel_serde::{Raw, deserialize_with};

    use super::*;
    use crate::record::Record;
    use crate::testing::from_records;

    #[tokio::test]
    async fn what_is_looked_through_for_poison_is_deserialized_once() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = deserialize_with({
            let calls = Arc::clone(&calls);
            move |bytes: &Bytes| {
                calls.fetch_add(1, Ordering::SeqCst);
                Ok(bytes.len())
            }
        });
        let records = ["a", "bb", "ccc"].map(|text| Record::to("letters").value(text));
        let builder = from_records(records).key(Raw).value(counted).on_poison(Remedy::Skip);
        let (mut consumer, _) = builder.build::<Bytes, usize>().unwrap();
        let batch = consumer.next_batch().await.unwrap().unwrap();
        for calls_by_then in [3, 6] {
            let lengths = batch.records().map(|record| record.value().unwrap().unwrap());
            assert_eq!(lengths.collect::<Vec<_>>(), [1, 2, 3], "as often as it is asked for");
            assert_eq!(calls.load(Ordering::SeqCst), calls_by_then);
        }
    }

    #[tokio::test]
    async fn records_behind_one_that_was_passed_have_their_own_values() {
        let records = [&b"a"[..], b"\xff", b"c"].map(|text| Record::to("letters").value(text));
        let text = deserialize_with(|bytes: &Bytes| {
            String::from_utf8(bytes.to_vec()).map_err(|error| Box::new(error) as kestrel_serde::BoxError)
        });
        let builder = from_records(records).key(Raw).value(text).on_poison(Remedy::Skip);
        let (mut consumer, _) = builder.build::<Bytes, String>().unwrap();
        let mut seen = Vec::new();
        while let Some(batch) = consumer.next_batch().await.unwrap() {
            seen.extend(batch.records().map(|record| (record.offset(), record.value().unwrap().unwrap())));
        }
        assert_eq!(seen, [(0, "a".to_owned()), (2, "c".to_owned())]);
    }
}
