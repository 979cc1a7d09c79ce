//! Retry: what a consumer does again by itself, for the client's observer.

use std::time::Duration;

use crate::error::Error;
use crate::observer::{ObserverSeat, Retried};
use crate::record::TopicPartition;

/// Something that has failed, and is done again after a pause.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) operation: &'static str,
    /// The partition that it is about, if it is about one.
    pub(crate) partition: Option<TopicPartition>,
    pub(crate) error: Error,
    pub(crate) pause: Pause,
}

/// The pause after so many failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) failures: u32,
    pub(crate) backoff: Duration,
}

impl Retry {
    pub(crate) fn tell(&self, observer: &ObserverSeat) {
        let Self { operation, partition, error, pause: Pause { failures, backoff } } = self;
        observer.tell(|observer| {
            observer.on_retried(&Retried {
                operation,
                topic: partition.as_ref().map(|partition| &*partition.topic),
                partition: partition.as_ref().map(|partition| partition.partition),
                failures: *failures,
                backoff: *backoff,
                error,
            });
        });
    }
}
