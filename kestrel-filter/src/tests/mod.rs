//! Tests of the language as a whole: a table of cases, the documentation, random filters and records, and memory.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::record::plain_record::{Header, PlainRecord};
use crate::value::time;

mod cases;
mod documentation;
mod limits;
mod memory;
mod random;

/// When it is now in all of these tests: 2026-11-30T09:00:00Z.
fn context() -> Context {
    Context::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_029_200))
}

/// A record as tests write it: JSON with its parts. Keys and values that are texts are these bytes, others are JSON; `key_hex` and
/// `value_hex` are any bytes.
#[derive(Debug, Clone, Default)]
struct Sample {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp_millis: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Sample {
    fn parse(text: &str) -> Self {
        let parts: Map<String, Json> = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let mut sample = Self { topic: "earthquakes".into(), timestamp_millis: -1, ..Self::default() };
        for (name, part) in &parts {
            match name.as_str() {
                "topic" => sample.topic = part.as_str().unwrap().into(),
                "partition" => sample.partition = part.as_i64().unwrap().try_into().unwrap(),
                "offset" => sample.offset = part.as_i64().unwrap(),
                "timestamp" => {
                    let nanos = time::parse(part.as_str().unwrap()).unwrap();
                    sample.timestamp_millis = i64::try_from(nanos / time::MILLISECOND).unwrap();
                }
                "key" => sample.key = bytes(part),
                "value" => sample.value = bytes(part),
                "key_hex" => sample.key = Some(unhex(part.as_str().unwrap())),
                "value_hex" => sample.value = Some(unhex(part.as_str().unwrap())),
                "headers" => {
                    let header = |(name, part): (&String, &Json)| (name.clone(), bytes(part));
                    sample.headers = part.as_object().unwrap().iter().map(header).collect();
                }
                other => panic!("no part {other}"),
            }
        }
        sample
    }

    fn headers(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, bytes)| (name.as_str(), bytes.as_deref())).collect()
    }

    fn record<'a>(&'a self, headers: &'a [Header<'a>]) -> PlainRecord<'a> {
        let mut record = PlainRecord::new(&self.topic, self.partition, self.offset)
            .with_timestamp_millis(self.timestamp_millis)
            .with_headers(headers);
        if let Some(key) = &self.key {
            record = record.with_key(key);
        }
        if let Some(value) = &self.value {
            record = record.with_value(value);
        }
        record
    }
}

fn bytes(part: &Json) -> Option<Vec<u8>> {
    match part {
        Json::Null => None,
        Json::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
