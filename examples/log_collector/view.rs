//! The view: lines by host and level, drawn while they come.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use kestrel_client::{AutoOffsetReset, Client, TopicPartition};
use kestrel_examples::{Result, thousands};
use kestrel_serde::{Json, Utf8};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Level, Line};

/// How often it is drawn.
const REDRAW: Duration = Duration::from_millis(500);

/// How many lines there are, by host and level.
#[derive(Debug, Default)]
pub(crate) struct View {
    hosts: BTreeMap<String, [u64; 4]>,
    /// How many lines of a service on a host have come.
    lines: HashMap<(String, String), u64>,
    last_error: String,
    /// How many rows are on the screen.
    drawn: usize,
}

/// Reads lines and draws what they are until the collector has ended and all are read.
pub(crate) async fn watch(client: &Client, topic: &str, collector: &mut JoinSet<Result>) -> Result<View> {
    let mut logs = client
        .assigned_consumer::<String, Line>()
        .assign_topics([topic])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let (mut view, mut redraw) = (View::default(), interval(REDRAW));
    redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ends: Option<HashMap<TopicPartition, i64>> = None;
    loop {
        let record = match &ends {
            Some(ends) => logs.next_until(ends).await,
            None => tokio::select! {
                record = logs.next() => record,
                _ = redraw.tick() => {
                    view.draw()?;
                    continue;
                }
                Some(ended) = collector.join_next() => {
                    ended??;
                    ends = Some(logs.end_offsets(logs.assignment()).await?);
                    continue;
                }
            },
        };
        let Some(record) = record else { break };
        let record = record?;
        if let (Some(host), Some(line)) = (record.key, record.value) {
            view.add(host, line)?;
        }
    }
    view.draw()?;
    Ok(view)
}

impl View {
    /// Takes a line in; fails when it is not the next one of its file.
    fn add(&mut self, host: String, line: Line) -> Result {
        let read = self.lines.entry((host.clone(), line.service)).or_default();
        if number(&line.text) != Some(*read) {
            return Err(format!("on {host} line {read} was to come, and not: {}", line.text).into());
        }
        *read += 1;
        if line.level == Level::Error {
            self.last_error = format!("{host}: {}", line.text);
        }
        self.hosts.entry(host).or_default()[line.level as usize] += 1;
        Ok(())
    }

    /// How many lines of a service on a host have come.
    pub(crate) fn lines_of(&self, host: &str, service: &str) -> u64 {
        self.lines.get(&(host.to_owned(), service.to_owned())).copied().unwrap_or_default()
    }

    /// Draws it where it was; what is no terminal gets it anew.
    fn draw(&mut self) -> Result {
        let mut out = io::stdout().lock();
        let is_terminal = out.is_terminal();
        if is_terminal && self.drawn > 0 {
            write!(out, "\x1b[{}A\x1b[J", self.drawn)?;
        }
        let rows = self.rows();
        for row in &rows {
            writeln!(out, "{row}")?;
        }
        if !is_terminal {
            writeln!(out)?;
        }
        self.drawn = rows.len();
        Ok(out.flush()?)
    }

    fn rows(&self) -> Vec<String> {
        let titles: Vec<_> = Level::ALL.iter().map(|level| format!("{:>8}", level.name())).collect();
        let mut rows = vec![format!("host      {}", titles.concat())];
        for (host, counts) in &self.hosts {
            let counts: Vec<_> = counts.iter().map(|count| format!("{:>8}", thousands(*count))).collect();
            rows.push(format!("{host:<10}{}", counts.concat()));
        }
        if !self.last_error.is_empty() {
            rows.push(format!("last error: {:.90}", self.last_error));
        }
        rows
    }
}

/// The number that a service gives its lines.
fn number(text: &str) -> Option<u64> {
    text.split_once('#')?.1.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { service: "web".to_owned(), level: Level::of(text), text: text.to_owned() }
    }

    #[test]
    fn lines_that_are_missing_doubled_or_in_another_order_are_told() {
        let mut view = View::default();
        view.add("ada".to_owned(), line("08:00 INFO #0 begins")).unwrap();
        view.add("alan".to_owned(), line("08:00 ERROR #0 has a file of its own")).unwrap();
        view.add("ada".to_owned(), line("08:00 DEBUG #1 goes on")).unwrap();
        for wrong in ["08:00 INFO #1 again", "08:00 INFO #3 too early", "08:00 INFO without a number"] {
            assert!(view.add("ada".to_owned(), line(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(view.lines_of("ada", "web"), 2);
        assert_eq!(view.rows()[1], "ada              0       0       1       1");
        assert_eq!(view.rows().last().unwrap(), "last error: alan: 08:00 ERROR #0 has a file of its own");
    }
}
