//! A real event type, with a file of real events.

use serde::{Deserialize, Serialize};

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
    include_str!("../data/earthquakes.jsonl").lines().map(serde_json::from_str).collect()
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
}
