//! Which topics a consumer of a group reads: names, or a regular expression over the names that the cluster has.

use std::collections::BTreeSet;
use std::sync::Arc;

use regex_lite::Regex;

use crate::client::Client;
use crate::error::{Error, Result};

/// The topics of a subscription: names, or a pattern.
#[derive(Debug, Clone, Default)]
pub(crate) struct TopicSelection {
    pub(crate) names: BTreeSet<Arc<str>>,
    pub(crate) pattern: Option<Regex>,
}

impl TopicSelection {
    /// Reads all topics whose whole name the expression matches.
    pub(crate) fn matching(&mut self, pattern: &str) -> Result<()> {
        let refused = |error| {
            Error::invalid_argument(
                "topics_matching",
                format!("`{pattern}` is no regular expression: {error}"),
            )
        };
        // On its own first: what closes the group around it would be an expression too, and another one.
        Regex::new(pattern).map_err(refused)?;
        self.pattern = Some(Regex::new(&format!("^(?:{pattern})$")).map_err(refused)?);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.pattern.is_none()
    }

    /// The topics as the cluster has them now: those with a name always, those of the pattern if they exist. Topics that
    /// Kafka made for itself are never matched.
    pub(crate) async fn resolve(&self, client: &Client) -> Result<BTreeSet<Arc<str>>> {
        let mut topics = self.names.clone();
        if let Some(pattern) = &self.pattern {
            let listed = client.admin().list_topics().await?;
            let matching =
                listed.into_iter().filter(|topic| !topic.is_internal && pattern.is_match(&topic.name));
            topics.extend(matching.map(|topic| topic.name));
        }
        Ok(topics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(pattern: &str, name: &str) -> bool {
        let mut selection = TopicSelection::default();
        selection.matching(pattern).unwrap();
        selection.pattern.is_some_and(|pattern| pattern.is_match(name))
    }

    #[test]
    fn a_pattern_matches_whole_names() {
        assert!(selects("clicks-.*", "clicks-eu"));
        assert!(!selects("clicks", "clicks-eu"));
        assert!(selects("clicks|views", "views"));
        assert!(!selects("clicks|views", "reviews"));
        for pattern in ["(", "a)|(?:b", "a)(b"] {
            let error = TopicSelection::default().matching(pattern).unwrap_err();
            let text = format!("topics_matching: `{pattern}` is no regular expression");
            assert!(error.to_string().starts_with(&text), "{error}");
        }
    }
}
