//! Events of the client as a whole.

use std::time::Duration;

use crate::error::Error;

/// The metadata of the cluster were fetched, or not; see
/// [`on_metadata_refreshed`](super::Observer::on_metadata_refreshed).
#[derive(Debug)]
#[non_exhaustive]
pub struct MetadataRefreshed<'a> {
    /// From the request, with connecting where that was needed.
    pub took: Duration,
    /// How many brokers the cluster has, as known now.
    pub brokers: usize,
    /// How many of the topics that are used are known now.
    pub topics: usize,
    /// Why they could not be fetched.
    pub outcome: Result<(), &'a Error>,
}

/// Something failed that is tried again by itself; see [`on_retried`](super::Observer::on_retried).
#[derive(Debug)]
#[non_exhaustive]
pub struct Retried<'a> {
    /// What is tried again, in a few words that never change: a label.
    pub operation: &'static str,
    /// The topic that it is about, if it is about one.
    pub topic: Option<&'a str>,
    /// The partition, if it is about one.
    pub partition: Option<i32>,
    /// How often it has failed in a row, from 1.
    pub failures: u32,
    /// How long the client waits before it tries again.
    pub backoff: Duration,
    /// Why it failed.
    pub error: &'a Error,
}

/// A background task has ended by mishap; see [`on_task_lost`](super::Observer::on_task_lost).
#[derive(Debug)]
#[non_exhaustive]
pub struct TaskLost<'a> {
    /// What it belonged to: `client`, `producer`, `consumer`, `connection`.
    pub what: &'static str,
    /// Its runtime has shut down, or it has panicked.
    pub error: &'a Error,
}
