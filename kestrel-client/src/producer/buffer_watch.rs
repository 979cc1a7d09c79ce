//! BufferWatch: tells the client's observer of a producer's memory, whose use has changed, and at last that it is gone.
//!
//! The intake and the sender share it, so that nothing is told of a producer after its end.

use super::memory::Memory;
use crate::client::Client;
use crate::observer::{ObserverSeat, ProducerBuffer};

/// What is told of a producer's memory, under the producer's number.
#[derive(Debug)]
pub(crate) struct BufferWatch {
    observer: ObserverSeat,
    producer: u64,
}

impl BufferWatch {
    pub(crate) fn new(client: &Client) -> Self {
        Self { observer: client.observer().clone(), producer: client.new_handle().number() }
    }

    /// The use of the memory has changed.
    pub(crate) fn tell(&self, memory: &Memory) {
        self.observer.tell(|observer| {
            observer.on_producer_buffer(&ProducerBuffer {
                producer: self.producer,
                used_bytes: memory.used_bytes(),
                limit_bytes: memory.limit_bytes(),
                waiting: memory.waiting(),
            });
        });
    }
}

impl Drop for BufferWatch {
    fn drop(&mut self) {
        let producer = self.producer;
        let end = ProducerBuffer { producer, used_bytes: 0, limit_bytes: 0, waiting: 0 };
        self.observer.tell(|observer| observer.on_producer_buffer(&end));
    }
}
