//! Minutes: how busy all hosts together were in each, made of the readings that are in a topic.

use std::collections::{BTreeMap, HashMap};

use kestrel_examples::thousands;

use super::ACKS;
use super::fleet::Reading;

/// What a topic's readings say, minute by minute.
#[derive(Debug, Default)]
pub(crate) struct Minutes {
    minutes: BTreeMap<u64, Minute>,
    /// How often each reading is there.
    seen: HashMap<(String, u64), u64>,
}

/// All hosts in a minute.
#[derive(Debug, Default)]
struct Minute {
    readings: u64,
    sum_percent: f64,
    most_percent: f64,
}

impl Minutes {
    /// Takes a reading in.
    pub(crate) fn add(&mut self, host: String, reading: &Reading) {
        let minute = self.minutes.entry(reading.second / 60).or_default();
        minute.readings += 1;
        minute.sum_percent += reading.cpu_percent;
        minute.most_percent = minute.most_percent.max(reading.cpu_percent);
        *self.seen.entry((host, reading.second)).or_default() += 1;
    }

    /// How many of so many readings are not there.
    pub(crate) fn lost(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.seen.len() as u64)
    }

    /// How many readings are there once more than they should.
    pub(crate) fn twice(&self) -> u64 {
        self.seen.values().map(|count| count - 1).sum()
    }

    fn row(&self, minute: u64) -> String {
        let Some(Minute { readings, sum_percent, most_percent }) = self.minutes.get(&minute) else {
            return format!("{:>25}", "nothing");
        };
        #[expect(clippy::cast_precision_loss, reason = "there are a few thousand")]
        let mean = sum_percent / *readings as f64;
        format!("{:>9} {mean:>7.2} {most_percent:>7.1}", thousands(*readings))
    }
}

/// Prints the minutes of all kinds of acks side by side.
pub(crate) fn print(all: &[&Minutes]) {
    println!("\n        {}", ACKS.map(|(name, _)| format!("{:>25}", format!("acks={name}"))).join(" "));
    println!("minute  {}", ["readings   mean %  most %"; 3].map(|title| format!("{title:>25}")).join(" "));
    let last = all.iter().filter_map(|minutes| minutes.minutes.keys().next_back()).max().copied();
    for minute in 0..=last.unwrap_or_default() {
        let rows: Vec<_> = all.iter().map(|minutes| minutes.row(minute)).collect();
        println!("{:>6}  {}", minute + 1, rows.join(" "));
    }
    println!();
}
