//! The life of instances, with the clock in hand.

use kestrel_protocol::record::Compression;

use super::*;
use crate::telemetry::Value;
use crate::telemetry::otlp::Kind;
use crate::telemetry::otlp::tests::{metric, metrics_data};

const INTERVAL: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 1_000;
const SECOND: Duration = Duration::from_secs(1);

/// A machine with a subscription of everything, every ten seconds, and a clock.
struct Script {
    machine: ClientInstances,
    now: Instant,
}

fn client(id: u128) -> Client<'static> {
    Client {
        instance_id: Uuid::from_u128(id),
        client_id: "c",
        software: ("java".into(), "4".into()),
        peer: ([127, 0, 0, 1], 1).into(),
    }
}

fn push(subscription_id: i32) -> Push<'static> {
    Push { subscription_id, is_last: false, codec: Some(Compression::None), metrics: b"" }
}

impl Script {
    fn new() -> Self {
        let mut script = Self {
            machine: ClientInstances::default(),
            now: crate::clock::Clock::System.now() + Duration::from_secs(1_000),
        };
        script.subscribe(1, "10000");
        script
    }

    fn subscribe(&mut self, offset: i64, interval_ms: &str) {
        let configs: Configs =
            [("metrics".into(), "*".into()), ("interval.ms".into(), interval_ms.to_owned().into())].into();
        let name = ByteString::from_static("all");
        self.machine.subscribe(offset, [(&name, &configs)].into_iter());
    }

    fn get(&mut self, id: u128) -> Result<i32, ErrorCode> {
        let granted = self.machine.handle_get(&client(id), Uuid::from_u128(0xabc), self.now)?;
        assert_eq!(granted.metrics, ["*"]);
        Ok(granted.subscription_id)
    }

    fn push(&mut self, id: u128, push: Push<'_>) -> Result<(), ErrorCode> {
        self.machine.handle_push(&client(id), &push, MAX_BYTES, self.now)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn tell(&mut self, id: u128, metrics: &[Vec<u8>]) {
        let metrics = metrics_data(&[], metrics);
        let push = Push { metrics: &metrics, ..push(0) };
        self.machine.handle_read(&client(id), push.read(1 << 20)).unwrap();
    }
}

#[test]
fn a_client_without_an_id_gets_one() {
    let mut script = Script::new();
    let nameless = Client { instance_id: Uuid::NIL, ..client(0) };
    let granted = script.machine.handle_get(&nameless, Uuid::from_u128(9), script.now).unwrap();
    assert_eq!((granted.instance_id, granted.push_interval), (Uuid::from_u128(9), INTERVAL));
    assert_eq!(script.push(9, push(granted.subscription_id)), Ok(()));
    for reserved in [0, 1] {
        assert_eq!(script.push(reserved, push(0)), Err(ErrorCode::InvalidRequest));
    }
}

#[test]
fn who_comes_before_the_interval_is_over_is_throttled() {
    let mut script = Script::new();
    let id = script.get(7).unwrap();
    assert_eq!(script.get(7), Err(ErrorCode::ThrottlingQuotaExceeded));
    // The first push may come at any time after the subscription was asked for: clients spread them.
    script.pass(SECOND);
    assert_eq!(script.push(7, push(id)), Ok(()));
    script.pass(INTERVAL - SECOND);
    assert_eq!(script.push(7, push(id)), Err(ErrorCode::ThrottlingQuotaExceeded));
    assert_eq!(script.get(7), Err(ErrorCode::ThrottlingQuotaExceeded));
    script.pass(SECOND);
    assert_eq!(script.push(7, push(id)), Ok(()));
    script.pass(INTERVAL);
    assert_eq!(script.get(7), Ok(id));
    assert_eq!(script.push(7, push(id)), Ok(()));
}

#[test]
fn another_connection_begins_anew_and_what_was_told_stays() {
    let mut script = Script::new();
    let id = script.get(7).unwrap();
    script.tell(7, &[metric("m", Kind::Gauge, &[], 1.0)]);
    let elsewhere = Client { peer: ([127, 0, 0, 1], 2).into(), ..client(7) };
    let granted = script.machine.handle_get(&elsewhere, Uuid::NIL, script.now).unwrap();
    assert_eq!(granted.subscription_id, id);
    assert_eq!(script.machine.view(script.now).told.len(), 1);
}

#[test]
fn a_client_whose_subscription_changed_is_told_at_once() {
    let mut script = Script::new();
    let before = script.get(7).unwrap();
    script.push(7, push(before)).unwrap();
    script.subscribe(2, "20000");
    assert_eq!(script.push(7, push(before)), Err(ErrorCode::UnknownSubscriptionId));
    let after = script.get(7).unwrap();
    assert_ne!(after, before);
    // The push that was refused counts, as in Apache Kafka: the next one comes an interval later.
    assert_eq!(script.push(7, push(after)), Err(ErrorCode::ThrottlingQuotaExceeded));
    script.pass(2 * INTERVAL);
    assert_eq!(script.push(7, push(after)), Ok(()));
}

#[test]
fn what_is_wrong_with_a_push_is_said() {
    let mut script = Script::new();
    let id = script.get(7).unwrap();
    assert_eq!(script.push(7, push(id ^ 1)), Err(ErrorCode::UnknownSubscriptionId));
    // Who was told so may ask again at once, and push for what it is told.
    assert_eq!(script.get(7), Ok(id));
    script.pass(INTERVAL);
    let unknown = Push { codec: None, ..push(id) };
    assert_eq!(script.push(7, unknown), Err(ErrorCode::UnsupportedCompressionType));
    assert_eq!(script.get(7), Ok(id));
    script.pass(INTERVAL);
    let large = [0; MAX_BYTES + 1];
    assert_eq!(script.push(7, Push { metrics: &large, ..push(id) }), Err(ErrorCode::TelemetryTooLarge));
    script.pass(INTERVAL);
    assert_eq!(script.push(7, Push { metrics: &large[1..], ..push(id) }), Ok(()));
}

#[test]
fn the_last_push_may_come_early_and_is_the_last() {
    let mut script = Script::new();
    let id = script.get(7).unwrap();
    script.push(7, push(id)).unwrap();
    let last = Push { is_last: true, ..push(id) };
    assert_eq!(script.push(7, last), Ok(()));
    script.pass(INTERVAL);
    assert_eq!(script.push(7, last), Err(ErrorCode::InvalidRequest));
    assert_eq!(script.push(7, push(id)), Err(ErrorCode::InvalidRequest));
    // As in Apache Kafka, which takes back that a client ends when it says that it does not.
    assert_eq!(script.push(7, push(id)), Ok(()));
}

#[test]
fn what_cannot_be_read_is_an_invalid_record() {
    let mut script = Script::new();
    let id = script.get(7).unwrap();
    let metrics = metrics_data(&[], &[metric("m", Kind::Gauge, &[], 1.0)]);
    let plain = Push { metrics: &metrics, ..push(id) };
    assert!(plain.read(1 << 20).is_ok());
    for wrong in [Push { codec: Some(Compression::Gzip), ..plain }, Push { metrics: b"\x0a\xff", ..plain }] {
        assert_eq!(
            script.machine.handle_read(&client(7), wrong.read(1 << 20)),
            Err(ErrorCode::InvalidRecord)
        );
    }
}

#[test]
fn no_codec_makes_more_of_a_push_than_it_may_have() {
    use kestrel_protocol::record::Codec;
    let metrics =
        metrics_data(&[], &[metric(&"m".repeat(200), Kind::Gauge, &[("a", &"b".repeat(500))], 1.0)]);
    for compression in Compression::ALL.into_iter().filter(|one| *one != Compression::None) {
        let mut compressed = Vec::new();
        Codec::new(compression, None).unwrap().compress(&metrics, &mut compressed);
        let push = Push { codec: Some(compression), metrics: &compressed, ..push(0) };
        assert_eq!(push.read(metrics.len()).unwrap().points.len(), 1, "{compression:?}");
        assert!(push.read(metrics.len() - 1).is_err(), "{compression:?}");
    }
}

#[test]
fn an_instance_that_is_silent_is_forgotten_with_what_it_told() {
    let mut script = Script::new();
    script.get(7).unwrap();
    script.get(8).unwrap();
    script.tell(7, &[metric("m", Kind::Counter { is_delta: true }, &[], 1.0)]);
    let view = script.machine.view(script.now);
    assert_eq!((view.instances, view.told.len()), (2, 1));
    assert_eq!(view.told[0].1.series.values().copied().collect::<Vec<_>>(), [Value::Counter(1.0)]);
    // A change of the subscriptions is no reason to forget.
    script.subscribe(2, "10001");
    script.pass(30 * SECOND);
    script.get(7).unwrap();
    script.pass(30 * SECOND);
    let view = script.machine.view(script.now);
    assert_eq!((view.instances, view.told.len(), script.machine.series), (1, 1, 1));
    script.pass(30 * SECOND);
    let view = script.machine.view(script.now);
    assert_eq!((view.instances, view.told.len(), script.machine.series), (0, 0, 0));
}

#[test]
fn a_long_interval_is_a_long_life() {
    let mut script = Script::new();
    script.subscribe(2, "3600000");
    // The interval of who is not asked for less: five minutes are the most.
    script.get(7).unwrap();
    script.pass(899 * SECOND);
    assert_eq!(script.machine.view(script.now).instances, 1);
    script.pass(SECOND);
    assert_eq!(script.machine.view(script.now).instances, 0);
}

#[test]
fn who_was_heard_of_longest_ago_makes_room() {
    let mut script = Script::new();
    script.machine.max_instances = 3;
    for id in [11, 12, 13] {
        script.get(id).unwrap();
        script.tell(id, &[metric("m", Kind::Gauge, &[], 1.0)]);
    }
    script.pass(INTERVAL);
    script.get(11).unwrap();
    script.get(14).unwrap();
    let ids: Vec<Uuid> = script.machine.view(script.now).told.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [11, 13].map(Uuid::from_u128));
    assert_eq!(
        (script.machine.instances.len(), script.machine.by_use.len(), script.machine.series),
        (3, 3, 2)
    );
    // Gone between its push and what was read of it.
    script.tell(12, &[metric("m", Kind::Gauge, &[], 1.0)]);
    assert_eq!(script.machine.series, 2);
}

#[test]
fn all_clients_together_have_so_many_series() {
    let mut script = Script::new();
    let thousand: Vec<_> =
        (0..1_000).map(|number| metric(&number.to_string(), Kind::Gauge, &[], 1.0)).collect();
    for id in 100..121 {
        script.get(id).unwrap();
        script.tell(id, &thousand);
    }
    assert_eq!(script.machine.series, MAX_SERIES);
    assert_eq!(script.machine.view(script.now).left_out, 1_000);
}
