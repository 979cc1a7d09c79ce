//! What several examples share: a real event type with a file of real events, and how an example meets a cluster and ends.
//!
//! Used by the examples alone. It hides none of what they are there to show: producing, consuming, formats.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use kestrel_client::admin::NewTopic;
use kestrel_client::{Client, ErrorCode, Timestamp};
use serde::{Deserialize, Serialize};

/// The result of whatever can fail in an example; every error of Kestrel's says what happened in one sentence.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// One earthquake, as the United States Geological Survey published it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Earthquake {
    /// The event's id in the survey's catalogue.
    pub id: String,
    /// The seismic network that reported it: the record key.
    pub network: String,
    /// When it happened, in milliseconds since the Unix epoch: the record timestamp.
    pub time_ms: i64,
    /// Its magnitude; small quakes can be below zero.
    pub magnitude: f64,
    /// Where it was, in words.
    pub place: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Depth in kilometres.
    pub depth_km: f64,
    /// Whether the sea was involved.
    pub tsunami: bool,
}

/// The 1,707 earthquakes of one week of 2018, oldest first.
///
/// # Errors
/// When a line is not such an event.
pub fn earthquakes() -> serde_json::Result<Vec<Earthquake>> {
    include_str!("data/earthquakes.jsonl").lines().map(serde_json::from_str).collect()
}

/// Connects to a cluster that should be there already.
///
/// # Errors
/// When no broker answers; the text says how to start one.
pub async fn connect(bootstrap_servers: &str, client_id: &str) -> Result<Client> {
    let connected = Client::builder(bootstrap_servers).client_id(client_id).connect().await;
    Ok(connected.map_err(|error| match error {
        kestrel_client::Error::Bootstrap { .. } => {
            format!("{error:#}\ncheck --bootstrap; `cargo run --release -p kestrel-broker` starts a broker on 127.0.0.1:9092")
        }
        other => format!("{other:#}"),
    })?)
}

/// Creates a topic for events of the past, unless it is there already; gives whether it was created.
///
/// # Errors
/// Why the cluster did not create it.
pub async fn create_topic(client: &Client, topic: &str, partitions: i32) -> Result<bool> {
    // Records count as old by their own timestamps: with Kafka's seven days of retention, events of years ago would be
    // deleted minutes after they were written.
    let topic = NewTopic::new(topic).partitions(partitions).config("retention.ms", "-1");
    match client.admin().create_topics([topic]).await.into_result() {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The exit code of an example, which tells on standard error what went wrong.
pub fn exit_code(outcome: Result) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough of it, as `head` does.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A number with a comma between thousands.
///
/// ```
/// assert_eq!(kestrel_examples::thousands(1_707), "1,707");
/// ```
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in (first..digits.len()).step_by(3).map(|start| &digits[start..start + 3]) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(group);
    }
    text
}

/// A record's timestamp as date and time of day in UTC.
///
/// ```
/// use kestrel_client::Timestamp;
/// assert_eq!(kestrel_examples::utc(Timestamp::from_millis(1_517_932_242_400)), "2018-02-06 15:50:42");
/// ```
#[must_use]
pub fn utc(timestamp: Timestamp) -> String {
    let seconds = timestamp.as_millis().div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a day counted from 1970. Years are counted from March here, so that leap days come last.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days_since_1970 + 719_468; // since 1 March of the year 0
    let (era, day) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153; // 0 is March
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let is_before_january = month < 10;
    let month = if is_before_january { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(!is_before_january), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_what_its_readme_says() {
        let events = earthquakes().unwrap();
        assert_eq!(events.len(), 1_707);
        assert!(events.is_sorted_by_key(|event| event.time_ms));
        let mut networks: Vec<_> = events.iter().map(|event| &event.network).collect();
        networks.sort_unstable();
        networks.dedup();
        assert_eq!(networks.len(), 12);
    }

    #[test]
    fn dates_follow_the_calendar() {
        let dates = [-1, 0, 58, 59, 789, 790, 11_016, 20_778].map(date);
        let expected = [
            (1969, 12, 31),
            (1970, 1, 1),
            (1970, 2, 28),
            (1970, 3, 1),
            (1972, 2, 29),
            (1972, 3, 1),
            (2000, 2, 29),
            (2026, 11, 21),
        ];
        assert_eq!(dates, expected);
    }

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 12, 999, 1_000, 45_678, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "12", "999", "1,000", "45,678", "1,234,567"]);
    }
}

/// The README's programs have to compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So does the program of those who come from other clients.
#[cfg(doctest)]
#[doc = include_str!("../docs/coming-from.md")]
struct ComingFrom;

/// So do those of the page on transactions.
#[cfg(doctest)]
#[doc = include_str!("../docs/transactions.md")]
struct Transactions;
