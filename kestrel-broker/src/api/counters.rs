//! What is counted of requests: by API how many, how large, how long and with which errors, and who waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::{ApiKey, ErrorCode};
use parking_lot::Mutex;

use super::{AnswerFrame, Close};
use crate::log::ByteRun;
use crate::metrics::{ApiMetrics, Counter, Gauge, Timings};

/// The counters of all requests. Counting allocates nothing and takes no lock, but for answers with errors.
#[derive(Debug)]
pub(crate) struct RequestCounters {
    /// By number, those that are served.
    apis: Vec<(ApiKey, ApiCounters)>,
    /// Produce requests that wait for their batches to be stored.
    pub(super) waiting_produce: Arc<Gauge>,
    /// Fetch requests that wait for enough to read.
    pub(super) waiting_fetch: Arc<Gauge>,
}

#[derive(Debug, Default)]
struct ApiCounters {
    /// By version.
    requests: Vec<Counter>,
    bytes_in: Counter,
    bytes_out: Counter,
    latency: Timings,
    errors: Mutex<BTreeMap<ErrorCode, u64>>,
}

impl RequestCounters {
    /// Counters at 0, for each of these APIs with its last version, by number.
    pub(super) fn new(apis: impl Iterator<Item = (ApiKey, i16)>) -> Self {
        let versions = |last: i16| (0..=last).map(|_| Counter::default()).collect();
        let counters = |last| ApiCounters { requests: versions(last), ..ApiCounters::default() };
        Self {
            apis: apis.map(|(api, last_version)| (api, counters(last_version))).collect(),
            waiting_produce: Arc::default(),
            waiting_fetch: Arc::default(),
        }
    }

    /// Counts a request that came in.
    pub(super) fn came(&self, api: ApiKey, version: i16, size_bytes: usize) {
        let Some(counters) = self.of(api) else { return };
        // A version that is not served is answered as version 0, or not at all.
        let version = usize::try_from(version).unwrap_or_default();
        if let Some(requests) = counters.requests.get(version).or_else(|| counters.requests.first()) {
            requests.count();
        }
        counters.bytes_in.add_bytes(size_bytes);
    }

    /// Counts an answer that can leave now, so long after its request came.
    pub(super) fn answered(&self, api: ApiKey, answer: &Result<AnswerFrame, Close>, took: Duration) {
        let Some(counters) = self.of(api) else { return };
        counters.latency.observe(took);
        match answer {
            Ok(frame) => {
                counters.bytes_out.add_bytes(frame.runs.iter().map(ByteRun::len).sum());
                counters.note_errors(&frame.errors);
            }
            Err(Close::Unacknowledged(error)) => counters.note_errors(&[*error]),
            Err(_) => {}
        }
    }

    /// The counts now.
    pub(super) fn snapshot(&self) -> BTreeMap<ApiKey, ApiMetrics> {
        self.apis.iter().map(|(api, counters)| (*api, counters.snapshot())).collect()
    }

    fn of(&self, api: ApiKey) -> Option<&ApiCounters> {
        let place = self.apis.binary_search_by_key(&api, |(api, _)| *api).ok()?;
        self.apis.get(place).map(|(_, counters)| counters)
    }
}

impl ApiCounters {
    fn note_errors(&self, errors: &[ErrorCode]) {
        if errors.is_empty() {
            return;
        }
        let mut counts = self.errors.lock();
        errors.iter().for_each(|error| *counts.entry(*error).or_default() += 1);
    }

    fn snapshot(&self) -> ApiMetrics {
        let requests = (0..).zip(self.requests.iter().map(Counter::get));
        ApiMetrics {
            requests: requests.filter(|(_, count)| *count > 0).collect(),
            errors: self.errors.lock().clone(),
            latency: self.latency.snapshot(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;

    use super::*;

    fn counters() -> RequestCounters {
        RequestCounters::new([(ApiKey::Produce, 13), (ApiKey::ApiVersions, 4)].into_iter())
    }

    #[test]
    fn counting_a_request_allocates_nothing() {
        let counters = counters();
        let answer = Ok(AnswerFrame::default());
        let counting = measure(|| {
            counters.came(ApiKey::Produce, 13, 100);
            let _waiting = counters.waiting_produce.enter();
            counters.answered(ApiKey::Produce, &answer, Duration::from_micros(70));
        });
        assert_eq!(counting.count_total, 0);
        let counted = &counters.snapshot()[&ApiKey::Produce];
        assert_eq!((counted.count(), counted.bytes_in, counted.latency.count()), (1, 100, 1));
    }

    #[test]
    fn a_version_that_is_not_served_counts_as_version_0() {
        let counters = counters();
        for version in [0, 4, 99, -1] {
            counters.came(ApiKey::ApiVersions, version, 30);
        }
        assert_eq!(counters.snapshot()[&ApiKey::ApiVersions].requests, [(0, 3), (4, 1)].into());
    }

    #[test]
    fn errors_are_counted_also_where_the_client_wants_no_answer() {
        let counters = counters();
        let errors = vec![ErrorCode::NotLeaderOrFollower; 2];
        let frame = AnswerFrame { errors, ..AnswerFrame::default() };
        counters.answered(ApiKey::Produce, &Ok(frame), Duration::ZERO);
        let unsaid = Err(Close::Unacknowledged(ErrorCode::InvalidTopic));
        counters.answered(ApiKey::Produce, &unsaid, Duration::ZERO);
        let expected = [(ErrorCode::NotLeaderOrFollower, 2), (ErrorCode::InvalidTopic, 1)].into();
        assert_eq!(counters.snapshot()[&ApiKey::Produce].errors, expected);
    }
}
