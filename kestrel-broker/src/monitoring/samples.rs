//! Samples: the lines of one metric, as both formats have them. Pure.

use std::fmt::{self, Display, Write};

use crate::metrics::Histogram;

/// The most samples of a metric, one for each set of labels: what is beyond is left out, and counted.
pub(super) const MOST_SAMPLES: usize = 20_000;

/// Where the samples of one metric are written.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    text: &'a mut String,
    name: &'static str,
    labels: &'static [&'static str],
    written: usize,
    left_out: u64,
    /// The metrics above with samples that were left out.
    omitted: &'a [(&'static str, u64)],
}

impl<'a> Samples<'a> {
    /// Those of the metric of this name, with labels of these names, behind `text`; `omitted` has the metrics above with samples that
    /// were left out.
    pub(super) const fn new(
        text: &'a mut String,
        name: &'static str,
        labels: &'static [&'static str],
        omitted: &'a [(&'static str, u64)],
    ) -> Self {
        Self { text, name, labels, written: 0, left_out: 0, omitted }
    }

    /// How many were left out.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Samples<'_> {
    /// The only sample of a metric without labels.
    pub(super) fn only(&mut self, value: impl Display) {
        self.add(&[], value);
    }

    /// A sample with the values of the metric's labels.
    pub(super) fn add(&mut self, labels: &[&dyn Display], value: impl Display) {
        if self.has_room() {
            self.line("", labels, None, &value);
        }
    }

    /// Durations in their buckets, in seconds.
    pub(super) fn add_histogram(&mut self, labels: &[&dyn Display], histogram: &Histogram) {
        if !self.has_room() {
            return;
        }
        for (bound, count) in histogram.buckets() {
            self.line("_bucket", labels, Some(&seconds(bound.as_secs_f64())), &count);
        }
        self.line("_bucket", labels, Some("+Inf"), &histogram.count());
        self.line("_sum", labels, None, &histogram.sum().as_secs_f64());
        self.line("_count", labels, None, &histogram.count());
    }

    /// The metrics above of which samples were left out, and how many.
    pub(super) fn add_omitted(&mut self) {
        for (metric, count) in self.omitted {
            self.add(&[metric], count);
        }
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.written < MOST_SAMPLES;
        if has_room {
            self.written += 1;
        } else {
            self.left_out += 1;
        }
        has_room
    }

    fn line(&mut self, suffix: &str, labels: &[&dyn Display], bound: Option<&str>, value: &dyn Display) {
        debug_assert_eq!(labels.len(), self.labels.len(), "{}", self.name);
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let mut separator = '{';
        for (name, value) in self.labels.iter().zip(labels) {
            write_to(self.text, format_args!("{separator}{name}=\""));
            // A value that cannot show itself is empty.
            let _ = write!(Escaped(self.text), "{value}");
            self.text.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            write_to(self.text, format_args!("{separator}le=\"{bound}\""));
            separator = ',';
        }
        self.text.push_str(if separator == ',' { "} " } else { " " });
        write_to(self.text, format_args!("{value}\n"));
    }
}

/// The value of a label on its way into text.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// A number of somebody else's, as both formats write it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => write!(f, "{number}"),
        }
    }
}

/// Writes behind a text.
pub(super) fn write_to(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a string takes everything");
}

/// A bound of a bucket as both formats have it: with a point, also where it is whole.
fn seconds(bound: f64) -> String {
    if bound.fract() == 0.0 { format!("{bound:.1}") } else { bound.to_string() }
}
