//! The work itself, once per client: the same loops, the same observations.

mod kestrel;
#[cfg(feature = "rdkafka")]
mod rdkafka;

use crate::args::{Client, Consume, EndToEnd, Produce};
use crate::report::Report;

/// Produce measures the latency of each n-th record; every acknowledgement is observed all the same.
const LATENCY_SAMPLE: u64 = 64;

/// Produces as fast as acknowledgements come.
pub(crate) fn produce(work: &Produce) -> Result<Report, String> {
    match work.common.client {
        Client::Kestrel => kestrel::produce(work),
        #[cfg(feature = "rdkafka")]
        Client::Rdkafka => rdkafka::produce(work),
    }
}

/// Reads a topic from its beginning.
pub(crate) fn consume(work: &Consume) -> Result<Report, String> {
    match work.common.client {
        Client::Kestrel => kestrel::consume(work),
        #[cfg(feature = "rdkafka")]
        Client::Rdkafka => rdkafka::consume(work),
    }
}

/// Produces at a fixed rate and reads at the same time.
pub(crate) fn e2e(work: &EndToEnd) -> Result<Report, String> {
    match work.common.client {
        Client::Kestrel => kestrel::e2e(work),
        #[cfg(feature = "rdkafka")]
        Client::Rdkafka => rdkafka::e2e(work),
    }
}
