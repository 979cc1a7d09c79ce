//! Messages as clients write them, and bytes that are none.

use proptest::prelude::*;

use super::*;

/// A field of bytes: a text or a message.
pub(in crate::telemetry) fn bytes(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend_from_slice(bytes);
    field
}

fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn pair(number: u8, key: &str, any: &[u8]) -> Vec<u8> {
    bytes(number, &[bytes(1, key.as_bytes()), bytes(2, any)].concat())
}

fn texts(number: u8, pairs: &[(&str, &str)]) -> Vec<u8> {
    pairs.iter().flat_map(|(key, value)| pair(number, key, &bytes(1, value.as_bytes()))).collect()
}

/// A `Metric` with a point of this value and these attributes: a gauge, or a sum that only grows.
pub(in crate::telemetry) fn metric(name: &str, kind: Kind, pairs: &[(&str, &str)], value: f64) -> Vec<u8> {
    let point = bytes(1, &[fixed(3, 1), fixed(4, value.to_bits()), texts(7, pairs)].concat());
    let data = match kind {
        Kind::Gauge => bytes(5, &point),
        Kind::Counter { is_delta } => {
            bytes(7, &[&point[..], &[2 << 3, if is_delta { 1 } else { 2 }, 3 << 3, 1]].concat())
        }
    };
    [bytes(1, name.as_bytes()), bytes(3, b"ms"), data].concat()
}

/// A `MetricsData` of a client with these attributes.
pub(in crate::telemetry) fn metrics_data(pairs: &[(&str, &str)], metrics: &[Vec<u8>]) -> Vec<u8> {
    let metrics: Vec<u8> = metrics.iter().flat_map(|metric| bytes(2, metric)).collect();
    bytes(1, &[bytes(1, &texts(1, pairs)), bytes(2, &metrics)].concat())
}

#[test]
fn gauges_and_sums_are_read_with_what_they_are_about() {
    let delta = Kind::Counter { is_delta: true };
    let message = metrics_data(
        &[("transactional_id", "tx"), ("client_rack", "r1")],
        &[
            metric(
                "org.apache.kafka.producer.node.request.latency.avg",
                Kind::Gauge,
                &[("node_id", "1")],
                2.5,
            ),
            metric(
                "org.apache.kafka.producer.record.send.total",
                delta,
                &[("topic", "t"), ("partition", "0")],
                7.0,
            ),
            metric("x", Kind::Counter { is_delta: false }, &[], f64::NAN),
        ],
    );
    let Pushed { attributes, points, left_out } = read(&message).unwrap();
    assert_eq!((&*attributes, left_out), ("client_rack=r1,transactional_id=tx", 0));
    let seen: Vec<_> = points.iter().map(|it| (&*it.metric, &*it.attributes, it.kind)).collect();
    assert_eq!(
        seen,
        [
            ("org.apache.kafka.producer.node.request.latency.avg", "node_id=1", Kind::Gauge),
            ("org.apache.kafka.producer.record.send.total", "partition=0,topic=t", delta),
            ("x", "", Kind::Counter { is_delta: false }),
        ]
    );
    assert!(points[0].value == 2.5 && points[1].value == 7.0 && points[2].value.is_nan());
}

#[test]
fn whole_numbers_flags_and_what_is_not_read() {
    let any = [
        pair(7, "c", &[2 << 3, 1]),
        pair(7, "b", &[&[3 << 3][..], &[0xff; 9], &[1]].concat()),
        pair(7, "a", &fixed(4, 1.5_f64.to_bits())),
        pair(7, "list", &bytes(5, &[])),
    ];
    let point = bytes(1, &[fixed(6, (-3_i64).cast_unsigned()), any.concat()].concat());
    let whole = [bytes(1, b"whole"), bytes(5, &point)].concat();
    let nothing = [bytes(1, b"nothing"), bytes(5, &bytes(1, &[]))].concat();
    let histogram = [bytes(1, b"histogram"), bytes(9, &[])].concat();
    let long = metric(&"n".repeat(256), Kind::Gauge, &[], 1.0);
    let read = read(&metrics_data(&[], &[whole, nothing, histogram, long])).unwrap();
    let expected = Point {
        metric: "whole".into(),
        attributes: "a=1.5,b=-1,c=true".into(),
        kind: Kind::Gauge,
        value: -3.0,
    };
    assert_eq!((read.points, read.left_out), (vec![expected], 2));
}

#[test]
fn points_beyond_the_limit_are_counted() {
    let metrics = vec![metric("m", Kind::Gauge, &[], 1.0); MAX_POINTS + 3];
    let read = read(&metrics_data(&[], &metrics)).unwrap();
    assert_eq!((read.points.len(), read.left_out), (MAX_POINTS, 3));
}

#[test]
fn what_is_no_message_is_refused() {
    for wrong in [
        &[0x0a, 5, 1][..], // shorter than it says
        &[0x0b],           // a group
        &[0x02, 0],        // number 0
        &[0x08, 0x80],     // a number without an end
        &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // or too long
        &[0x0d, 1, 2],     // four bytes that are two
        &[0x09, 1],        // eight that are one
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], // a field's number of more than 32 bits
    ] {
        assert_eq!(read(wrong), Err(Malformed), "{wrong:x?}");
    }
    let name = metrics_data(&[], &[[bytes(1, &[0xff]), bytes(5, &[])].concat()]);
    assert_eq!(read(&name), Err(Malformed), "a name that is no UTF-8");
    assert_eq!(read(&[]), Ok(Pushed::default()));
}

proptest! {
    #[test]
    fn nothing_that_comes_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_damage_breaks_it(at in 0_usize..100, byte in any::<u8>()) {
        let mut message = metrics_data(&[("a", "b")], &[metric("m", Kind::Gauge, &[("c", "d")], 1.0)]);
        let at = at % message.len();
        message[at] = byte;
        let _ = read(&message);
    }
}
