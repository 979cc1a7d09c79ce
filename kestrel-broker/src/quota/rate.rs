//! The rate of a bucket over a few windows of time, as Apache Kafka's `Rate` of a `WindowedSum` has it. Pure.

use std::time::Duration;

use super::window::{Tick, Windows, float, seconds, throttle};

/// Units a second, averaged over the windows up to now.
///
/// The samples are a ring with one more place than there are windows: a sample counts as a whole until its last event is older
/// than all windows together.
#[derive(Debug, Clone, Default)]
pub(super) struct WindowedRate {
    samples: Vec<Sample>,
    current: usize,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    began: Tick,
    last_event: Tick,
    units: f64,
}

impl Sample {
    const fn begin(now: Tick) -> Self {
        Self { began: now, last_event: now, units: 0.0 }
    }
}

impl WindowedRate {
    /// Counts units; a negative number takes back what was counted before.
    pub(super) fn record(&mut self, units: f64, windows: Windows, now: Tick) {
        let sample = self.sample(windows, now);
        sample.units += units;
        sample.last_event = now;
    }

    /// The time until the average is within `bound` again if nothing more comes; zero when it is.
    pub(super) fn throttle(&mut self, bound: f64, windows: Windows, now: Tick) -> Duration {
        self.purge(windows, now);
        let units: f64 = self.samples.iter().map(|sample| sample.units).sum();
        let span_ms = self.span_ms(windows, now);
        let rate = units / seconds(span_ms);
        if rate <= bound { Duration::ZERO } else { throttle((rate - bound) / bound * float(span_ms)) }
    }

    /// Whether nothing of it counts any more, so that a new one would do the same.
    pub(super) fn is_idle(&self, windows: Windows, now: Tick) -> bool {
        self.samples.iter().all(|sample| now - sample.last_event >= windows.span_ms())
    }

    /// The sample that `now` falls into.
    fn sample(&mut self, windows: Windows, now: Tick) -> &mut Sample {
        let places = windows.count as usize + 1;
        let is_over = |sample: &Sample| now - sample.began >= windows.length_ms();
        if self.samples.get(self.current).is_some_and(is_over) {
            self.current = (self.current + 1) % places;
            if let Some(oldest) = self.samples.get_mut(self.current) {
                *oldest = Sample::begin(now);
            }
        }
        if self.current >= self.samples.len() {
            self.samples.push(Sample::begin(now));
            self.current = self.samples.len() - 1;
        }
        self.samples.get_mut(self.current).expect("the current place was filled just now")
    }

    /// Empties the samples whose last event is too old.
    fn purge(&mut self, windows: Windows, now: Tick) {
        for sample in &mut self.samples {
            if now - sample.last_event >= windows.span_ms() {
                *sample = Sample::begin(now);
            }
        }
    }

    /// The time that the average is over: from the first sample that counts, and no less than all windows but one.
    fn span_ms(&self, windows: Windows, now: Tick) -> i64 {
        let elapsed_ms = self.samples.iter().map(|sample| now - sample.began).max().unwrap_or_default();
        let full_windows = elapsed_ms / windows.length_ms();
        let missing = (i64::from(windows.count) - 1 - full_windows).max(0);
        (elapsed_ms + missing * windows.length_ms()).max(1)
    }
}
