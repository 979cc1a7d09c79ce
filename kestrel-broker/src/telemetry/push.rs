//! What a client pushes, as it came, and how it is read: decompressed and decoded within a limit. Pure.

use kestrel_protocol::record::Compression;

use super::otlp::{self, Pushed};

/// What a client pushes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Push<'a> {
    /// The subscription that it pushes for.
    pub(crate) subscription_id: i32,
    /// Whether it says that it ends.
    pub(crate) is_last: bool,
    /// How the metrics are compressed; `None` for a number that no codec has.
    pub(crate) codec: Option<Compression>,
    /// OTLP's `MetricsData`.
    pub(crate) metrics: &'a [u8],
}

/// Bytes that are no metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Push<'_> {
    /// The metrics, of at most so many bytes.
    pub(super) fn read(&self, max_bytes: usize) -> Result<Pushed, Unreadable> {
        let codec = self.codec.ok_or(Unreadable)?;
        if codec == Compression::None {
            return otlp::read(self.metrics).map_err(|_| Unreadable);
        }
        let plain = codec.decompress(self.metrics, max_bytes).map_err(|_| Unreadable)?;
        otlp::read(&plain).map_err(|_| Unreadable)
    }
}
