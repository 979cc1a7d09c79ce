//! The settings of one producer.

use super::keys::{Key, keys};

/// What was said, before it is checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProducerConfig {
    pub(crate) linger: std::time::Duration,
}

keys! {
    /// The settings of a producer.
    PRODUCER: ProducerConfig {
        "linger.ms" | "queue.buffering.max.ms", "5", "How long a record may wait for others to share a batch with.",
            |c, text| c.linger = super::keys::millis(text)?;
    }
}
