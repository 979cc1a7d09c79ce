//! What may be appended, and what is stored.

use std::time::Duration;

use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, ProducerStamp, RecordBatchBuilder, TimestampType,
};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: i64 = 3_600_000;

fn context(origin: AppendOrigin) -> AppendContext {
    AppendContext { leader_epoch: LeaderEpoch(0), now: NOW, origin, guard: None }
}

fn build(options: BuilderOptions, records: &[(i64, Option<&str>)]) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new(options, 1 << 16);
    for (timestamp, key) in records {
        builder.append(*timestamp, key.map(str::as_bytes), Some(&[b'v'; 100]), []).unwrap();
    }
    builder.build(ProducerStamp::NONE)
}

fn plain(records: &[(i64, Option<&str>)]) -> RecordBatch {
    build(BuilderOptions::default(), records)
}

/// What becomes of a client's records: what is stored, or why not.
fn client(records: impl Into<Bytes>, config: &LogConfig) -> Result<RecordBatch, String> {
    match validate(records.into(), config, context(AppendOrigin::Client), Validation::Records) {
        Ok(mut batches) => Ok(batches.remove(0)),
        Err(error) => Err(error.to_string()),
    }
}

fn refused(records: impl Into<Bytes>, config: &LogConfig) -> String {
    client(records, config).unwrap_err()
}

#[test]
fn a_good_batch_is_stored_as_it_came() {
    let batch = plain(&[(NOW.as_millis(), None), (NOW.as_millis() + 1, Some("k"))]);
    let stored = client(batch.bytes().clone(), &LogConfig::default()).unwrap();
    assert_eq!(stored.bytes().as_ptr(), batch.bytes().as_ptr(), "nothing is copied");
}

#[test]
fn a_client_sends_exactly_one_batch() {
    let config = LogConfig::default();
    let batch = plain(&[(NOW.as_millis(), None)]);
    let two = [batch.bytes().clone(), batch.bytes().clone()].concat();
    assert_eq!(
        refused(two.clone(), &config),
        "invalid record batch: 2 record batches where exactly one is allowed"
    );
    assert_eq!(
        refused(Bytes::new(), &config),
        "invalid record batch: 0 record batches where exactly one is allowed"
    );
    assert_eq!(
        validate(two.into(), &config, context(AppendOrigin::Controller), Validation::Records).unwrap().len(),
        2
    );
}

#[test]
fn damage_is_found() {
    let config = LogConfig::default();
    let good = plain(&[(NOW.as_millis(), None)]).into_bytes();
    for at in 0..good.len() {
        let mut damaged = good.to_vec();
        damaged[at] ^= 0x40;
        let result = client(damaged, &config);
        // The leader epoch is the broker's to set, and not covered by the checksum.
        assert_eq!(result.is_ok(), (12..16).contains(&at), "byte {at}: {result:?}");
        assert!(client(good.slice(..at), &config).is_err(), "{at} bytes");
    }
    let mut old = good.to_vec();
    old[16] = 1;
    assert!(refused(old, &config).starts_with("invalid record batch: "), "magic 1 is INVALID_RECORD");
}

#[test]
fn a_client_writes_no_control_records() {
    let batch =
        build(BuilderOptions { control: true, ..BuilderOptions::default() }, &[(NOW.as_millis(), Some("k"))]);
    let config = LogConfig::default();
    assert_eq!(
        refused(batch.bytes().clone(), &config),
        "invalid record batch: a client must not write control records"
    );
    assert!(
        validate(batch.into_bytes(), &config, context(AppendOrigin::Controller), Validation::Records).is_ok()
    );
}

#[test]
fn counts_and_sequences_have_to_agree() {
    let config = LogConfig::default();
    let based =
        build(BuilderOptions { base_offset: 5, ..BuilderOptions::default() }, &[(NOW.as_millis(), None)]);
    assert_eq!(
        refused(based.into_bytes(), &config),
        "invalid record batch: the base offset is 5 instead of 0"
    );
    let stamp =
        ProducerStamp { producer_id: ProducerId(1), producer_epoch: ProducerEpoch(0), base_sequence: -1 };
    let unsequenced = plain(&[(NOW.as_millis(), None)]).restamped(stamp);
    assert_eq!(refused(unsequenced.into_bytes(), &config), "invalid record batch: the base sequence is -1");
    for (last_offset_delta, count) in [(1, 1), (0, 2), (0, 0)] {
        let mut bytes = plain(&[(NOW.as_millis(), None)]).into_bytes().to_vec();
        bytes[23..27].copy_from_slice(&i32::to_be_bytes(last_offset_delta));
        bytes[57..61].copy_from_slice(&i32::to_be_bytes(count));
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        assert!(refused(bytes, &config).starts_with("invalid record batch: "));
    }
}

#[test]
fn the_size_is_that_of_the_batch_as_received() {
    let batch = plain(&[(NOW.as_millis(), None)]);
    let size = u32::try_from(batch.bytes().len()).unwrap();
    let fits = LogConfig { max_message_bytes: size, ..LogConfig::default() };
    assert!(client(batch.bytes().clone(), &fits).is_ok());
    let too_small = LogConfig { max_message_bytes: size - 1, ..LogConfig::default() };
    let error = validate(batch.into_bytes(), &too_small, context(AppendOrigin::Client), Validation::Records)
        .unwrap_err();
    assert!(matches!(error, AppendError::MessageTooLarge { .. }), "{error}");
}

#[test]
fn a_compacted_topic_needs_keys() {
    let config = LogConfig { compact: true, ..LogConfig::default() };
    for compression in [Compression::None, Compression::Zstd] {
        let codec = Codec::new(compression, None).unwrap();
        let options = BuilderOptions { codec, ..BuilderOptions::default() };
        let batch = build(
            options,
            &[
                (NOW.as_millis(), Some("a")),
                (NOW.as_millis(), None),
                (NOW.as_millis(), Some("")),
                (NOW.as_millis(), None),
            ],
        );
        let error = validate(batch.into_bytes(), &config, context(AppendOrigin::Client), Validation::Records)
            .unwrap_err();
        let AppendError::InvalidRecord { records, .. } = error else { panic!("{error}") };
        assert_eq!(records.iter().map(|fault| fault.index).collect::<Vec<_>>(), [1, 3]);
    }
    assert!(client(plain(&[(NOW.as_millis(), Some(""))]).into_bytes(), &config).is_ok());
}

#[test]
fn timestamps_stay_within_the_topics_limits() {
    let config = LogConfig::default();
    assert!(client(plain(&[(NOW.as_millis() + HOUR, None), (-1, None)]).into_bytes(), &config).is_ok());
    let late = refused(plain(&[(NOW.as_millis() + HOUR + 1, None)]).into_bytes(), &config);
    assert!(late.starts_with("invalid timestamp: "), "{late}");
    let config = LogConfig { timestamp_before_max: Some(Duration::from_secs(3600)), ..config };
    assert!(client(plain(&[(NOW.as_millis() - HOUR, None), (-1, None)]).into_bytes(), &config).is_ok());
    let batch = plain(&[(NOW.as_millis(), None), (NOW.as_millis() - HOUR - 1, None)]);
    let error = validate(batch.into_bytes(), &config, context(AppendOrigin::Client), Validation::Records)
        .unwrap_err();
    let AppendError::InvalidTimestamp { records, .. } = error else { panic!("{error}") };
    assert_eq!(records.iter().map(|fault| fault.index).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_broker_alone_sets_log_append_time() {
    let stamped = plain(&[(NOW.as_millis(), None)]).with_log_append_time(NOW.as_millis()).into_bytes();
    assert!(refused(stamped, &LogConfig::default()).starts_with("invalid timestamp: "));

    let config = LogConfig { timestamp_type: TimestampType::LogAppend, ..LogConfig::default() };
    let stored = client(plain(&[(5, None), (i64::MAX, None)]).into_bytes(), &config).unwrap();
    stored.verify_checksum().unwrap();
    let timestamps: Vec<i64> =
        stored.records(1 << 20).unwrap().map(|record| record.unwrap().timestamp).collect();
    assert_eq!(timestamps, [NOW.as_millis(), NOW.as_millis()]);
}

#[test]
fn compression_type_of_the_topic_wins() {
    let batch = plain(&[(NOW.as_millis(), Some("a")), (NOW.as_millis(), None)]);
    for compression in Compression::ALL {
        let codec = CompressionType::Codec(Codec::new(compression, None).unwrap());
        let config = LogConfig { compression: codec, ..LogConfig::default() };
        let stored = client(batch.bytes().clone(), &config).unwrap();
        stored.verify_checksum().unwrap();
        assert_eq!(stored.header().compression().unwrap(), compression);
        let keys: Vec<_> = stored.records(1 << 20).unwrap().map(|record| record.unwrap().key).collect();
        assert_eq!(keys, [Some(Bytes::from_static(b"a")), None]);
    }
    let mut unknown = batch.into_bytes().to_vec();
    unknown[22] |= 7;
    let crc = crc32c::crc32c(&unknown[21..]);
    unknown[17..21].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(refused(unknown, &LogConfig::default()), "compression codec 7 is not supported");
}

/// A batch whose checksum is right and whose records are `data`, whatever that is.
fn around(data: &[u8], count: i32, compression: Compression) -> Bytes {
    let mut bytes = plain(&[(NOW.as_millis(), None)]).into_bytes()[..61].to_vec();
    bytes.extend_from_slice(data);
    let length = i32::try_from(bytes.len() - 12).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[22] |= compression.id();
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[test]
fn what_no_consumer_could_read_is_refused() {
    // Length 7, offset delta 0, key "k", value null, no headers.
    let record = b"\x0e\0\0\0\x02k\x01\0";
    let config = LogConfig::default();
    assert!(client(around(record, 1, Compression::None), &config).is_ok());
    let lies: [(&[u8], i32); 7] = [
        (record, 2),                               // a record that is not there
        (&[&record[..], record].concat(), 1),      // a record too many
        (&[&record[..], record].concat(), 2),      // the same offset twice
        (b"\x10\0\0\0\x02k\x01\0\0", 1),           // longer than its content
        (b"\x0c\0\0\0\x02k\x01\0", 1),             // shorter than its content
        (b"\x0e\0\0\0\x02k\x01\x02", 1),           // a header that is not there
        (b"\x0e\0\0\0\x20k\x01\0............", 1), // a key beyond the record
    ];
    for compression in Compression::ALL {
        for (data, count) in lies {
            let mut small = Vec::new();
            Codec::new(compression, None).unwrap().compress(data, &mut small);
            let refused = refused(around(&small, count, compression), &config);
            assert!(
                refused.starts_with("invalid record batch: records: "),
                "{compression}: {data:?}: {refused}"
            );
        }
        if compression != Compression::None {
            let refused = refused(around(b"no codec opens this", 1, compression), &config);
            assert!(
                refused.starts_with("invalid record batch: ")
                    && refused.contains("compressed data is damaged"),
                "{compression}: {refused}"
            );
        }
    }
}

#[test]
fn producers_that_are_trusted_are_judged_by_their_headers() {
    let garbage = || around(b"no codec opens this", 1, Compression::Zstd);
    let judge =
        |config: &LogConfig, origin| validate(garbage(), config, context(origin), Validation::Headers);
    assert!(judge(&LogConfig::default(), AppendOrigin::Client).is_ok());
    let compacted = LogConfig { compact: true, ..LogConfig::default() };
    assert!(judge(&compacted, AppendOrigin::Client).is_err());
}
