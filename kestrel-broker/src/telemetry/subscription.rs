//! A subscription: which metrics which clients are to push, and how often. Pure.
//!
//! Patterns are regular expressions as the crate `regex-lite` reads them, which is most of what Java's are. The controller refuses others;
//! a folder of Apache Kafka's may have them, and the subscription is then nobody's.

use std::time::Duration;

use kestrel_settings::{Key, list};
use regex_lite::{Regex, RegexBuilder};

use super::client::{Attribute, Client};
use super::subscriptions::Configs;
use crate::config::CLIENT_METRICS;

/// How large a pattern may become that is read: what it costs to look at a client grows with it.
const MAX_COMPILED_BYTES: usize = 64 * 1024;
/// The metrics of who wants all of them.
pub(super) const ALL_METRICS: &str = "*";

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Prefixes of names.
    pub(super) metrics: Vec<String>,
    pub(super) push_interval: Duration,
    pub(super) criteria: Criteria,
}

/// What clients must be like.
#[derive(Debug, Default)]
pub(crate) struct Criteria(Vec<(Attribute, Regex)>);

impl Subscription {
    /// The subscription with this configuration.
    ///
    /// # Errors
    /// With what is wrong with it; the controller lets no such thing in.
    pub(super) fn read(configs: &Configs) -> Result<Self, String> {
        let value = |key: &Key| {
            configs.get(key.name).map_or_else(|| key.default.unwrap_or_default(), |value| &**value)
        };
        let interval_ms: u64 = value(&CLIENT_METRICS.interval_ms)
            .trim()
            .parse()
            .map_err(|_| format!("{} is no number", CLIENT_METRICS.interval_ms.name))?;
        Ok(Self {
            metrics: list(value(&CLIENT_METRICS.metrics)).map(str::to_owned).collect(),
            push_interval: Duration::from_millis(interval_ms),
            criteria: Criteria::parse(value(&CLIENT_METRICS.criteria))?,
        })
    }
}

impl Criteria {
    /// Reads the value of `match`: `NAME=PATTERN` with commas between. Of two of one name the last counts.
    ///
    /// # Errors
    /// With a sentence that names the part that cannot be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut criteria: Vec<(Attribute, Regex)> = Vec::new();
        for part in list(text) {
            let illegal = || format!("Illegal client matching pattern: {part}");
            let (attribute, pattern) = halves(part).ok_or_else(illegal)?;
            let attribute = Attribute::from_name(attribute).ok_or_else(illegal)?;
            let regex = whole(pattern).ok_or_else(illegal)?;
            criteria.retain(|(other, _)| *other != attribute);
            criteria.push((attribute, regex));
        }
        Ok(Self(criteria))
    }

    /// Whether a client is like that.
    pub(super) fn are_met_by(&self, client: &Client<'_>) -> bool {
        self.0.iter().all(|(attribute, regex)| regex.is_match(&client.attribute(*attribute)))
    }
}

/// Name and pattern, as Java splits at the equals sign: what is empty at the end does not count.
fn halves(part: &str) -> Option<(&str, &str)> {
    let mut halves: Vec<&str> = part.split('=').collect();
    while halves.last().is_some_and(|last| last.is_empty()) {
        halves.pop();
    }
    match halves[..] {
        [name, pattern] => Some((name.trim(), pattern.trim())),
        _ => None,
    }
}

/// The expression that a whole value has to be like.
fn whole(pattern: &str) -> Option<Regex> {
    let compile = |pattern: &str| RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build().ok();
    // By itself first: two halves of parentheses must not become two wholes.
    compile(pattern)?;
    compile(&format!(r"\A(?:{pattern})\z"))
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::Uuid;

    use super::*;

    fn client(client_id: &str) -> Client<'_> {
        Client {
            instance_id: Uuid::from_u128(7),
            client_id,
            software: ("apache-kafka-java".into(), "4.3.1".into()),
            peer: ([10, 0, 0, 7], 51_000).into(),
        }
    }

    #[test]
    fn patterns_are_for_whole_values_of_all_attributes() {
        let is_met = |criteria: &str| Criteria::parse(criteria).unwrap().are_met_by(&client("orders-1"));
        for met in [
            "",
            "client_id=orders-.*",
            " client_id = orders-[0-9] , client_source_address=10\\.0\\.0\\..*",
            "client_software_name=apache-.*,client_software_version=4\\.3.*",
            "client_source_port=5[0-9]+",
            "client_instance_id=AAAAAAAAAAAAAAAAAAAABw",
            "client_id=nobody,client_id=orders-1",
            "client_id=orders-1=",
        ] {
            assert!(is_met(met), "{met}");
        }
        for not_met in ["client_id=orders", "client_id=rders-1", "client_id=orders-1,client_source_port=1"] {
            assert!(!is_met(not_met), "{not_met}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        for wrong in [
            "client_id",
            "client_id=",
            "=x",
            "client_rack=a",
            "client_id=a=b",
            "client_id=(",
            "client_id=a)(b",
        ] {
            let why = Criteria::parse(&format!("client_id=ok,{wrong}")).unwrap_err();
            assert_eq!(why, format!("Illegal client matching pattern: {wrong}"));
        }
    }
}
