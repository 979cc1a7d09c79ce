//! Resources: what ACLs are about, as options name it.

use clap::Args;
use kestrel_client::admin::{ResourcePattern, ResourceType};

/// The resources that are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Resources {
    /// A topic, or all by `*`; may be given many times
    #[arg(long = "topic", value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// A group, or all by `*`; may be given many times
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// A transactional id, or all by `*`; may be given many times
    #[arg(long = "transactional-id", value_name = "ID")]
    pub(crate) transactional_ids: Vec<String>,
    /// A delegation token, or all by `*`; may be given many times
    #[arg(long = "delegation-token", value_name = "TOKEN")]
    pub(crate) delegation_tokens: Vec<String>,
    /// The cluster
    #[arg(long)]
    pub(crate) cluster: bool,
    /// All whose names begin so
    #[arg(long)]
    pub(crate) prefixed: bool,
}

impl Resources {
    /// The kinds of resources, with their names.
    pub(super) fn named(&self) -> Vec<(ResourceType, &str)> {
        let mut named: Vec<(ResourceType, &str)> = Vec::new();
        for (kind, names) in [
            (ResourceType::Topic, &self.topics),
            (ResourceType::Group, &self.groups),
            (ResourceType::TransactionalId, &self.transactional_ids),
            (ResourceType::DelegationToken, &self.delegation_tokens),
        ] {
            named.extend(names.iter().map(|name| (kind, name.as_str())));
        }
        if self.cluster {
            named.push((ResourceType::Cluster, "kafka-cluster"));
        }
        named
    }

    /// The patterns of ACLs that are about them.
    pub(super) fn patterns(&self) -> Vec<ResourcePattern> {
        let pattern = |(kind, name): (ResourceType, &str)| {
            let pattern = ResourcePattern::literal(kind, name);
            // The cluster has one name, and `*` is no beginning.
            let is_prefix = self.prefixed && kind != ResourceType::Cluster && name != "*";
            if is_prefix { pattern.prefixed() } else { pattern }
        };
        self.named().into_iter().map(pattern).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_of_names_that_have_a_beginning() {
        let resources = Resources {
            topics: vec!["shop.".to_owned(), "*".to_owned()],
            cluster: true,
            prefixed: true,
            ..Resources::default()
        };
        let patterns: Vec<_> = resources.patterns().iter().map(ToString::to_string).collect();
        assert_eq!(patterns, ["Topic shop.…", "Topic *", "Cluster kafka-cluster"]);
    }
}
