//! Protobuf formats: bytes of other people's serializers, evolution, hostile bytes, and what a registry is told.

mod bytes;
#[cfg(feature = "registry")]
mod schemas;
#[cfg(feature = "json")]
mod vectors;

use std::collections::HashMap;

/// `testdata/protobuf_cases.proto`, as somebody writes it by hand.
#[derive(Clone, PartialEq, prost::Message)]
struct Order {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, optional, tag = "2")]
    note: Option<String>,
    #[prost(message, repeated, tag = "3")]
    lines: Vec<Line>,
    #[prost(map = "string, uint32", tag = "4")]
    counts: HashMap<String, u32>,
    #[prost(oneof = "Payment", tags = "5, 6")]
    payment: Option<Payment>,
    #[prost(int32, tag = "7")]
    status: i32,
    #[prost(message, optional, tag = "8")]
    at: Option<Timestamp>,
    #[prost(fixed32, repeated, tag = "9")]
    stamps: Vec<u32>,
    #[prost(bytes = "bytes", tag = "10")]
    signature: ::bytes::Bytes,
    #[prost(float, tag = "11")]
    weight: f32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Payment {
    #[prost(string, tag = "5")]
    Card(String),
    #[prost(bool, tag = "6")]
    Cash(bool),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Line {
    #[prost(int64, tag = "1")]
    sku: i64,
    #[prost(sint32, tag = "2")]
    change: i32,
    #[prost(message, repeated, tag = "3")]
    discounts: Vec<Discount>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Discount {
    #[prost(double, tag = "1")]
    percent: f64,
}
