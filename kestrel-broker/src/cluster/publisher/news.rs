//! News of the metadata for the log: topics, features, ACLs, users and quotas that came, changed and went. Pure, but for the lines themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::info;

use crate::cluster::image::{ClusterImage, QuotaLimits};

/// How many things a line names.
const NAMED_THINGS: usize = 10;

/// Tells the log what changed. Not at the start, when everything that was there before comes at once.
pub(super) fn report(old: &ClusterImage, new: &ClusterImage) {
    if old.broker(new.controller_id()).is_none() {
        return;
    }
    for line in news(old, new) {
        info!("{line}");
    }
}

/// What changed, as lines of the log; many of a kind are one.
pub(super) fn news(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    [
        topics(old, new),
        brokers(old, new),
        features(old, new),
        acls(old, new),
        users(old, new),
        quotas(old, new),
    ]
    .concat()
}

fn topics(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    let (mut created, mut grown) = (Vec::new(), Vec::new());
    for topic in new.topics() {
        let partitions = topic.numbered().count();
        let noun = if partitions == 1 { "partition" } else { "partitions" };
        match old.topic_by_id(topic.id).map(|before| before.numbered().count()) {
            None => created.push(format!("{} ({partitions} {noun})", topic.name)),
            Some(before) if before != partitions => {
                grown.push(format!("{} (from {before} to {partitions} partitions)", topic.name));
            }
            Some(_) => {}
        }
    }
    let deleted = old.topics().filter(|topic| new.topic_by_id(topic.id).is_none());
    let deleted = deleted.map(|topic| topic.name.to_string()).collect();
    let lines =
        [line("created", "topic", created), line("grew", "topic", grown), line("deleted", "topic", deleted)];
    lines.into_iter().flatten().collect()
}

fn brokers(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    let gone = old.brokers().filter(|broker| new.broker(broker.id).is_none());
    line("unregistered", "broker", gone.map(|broker| broker.id.to_string()).collect()).into_iter().collect()
}

fn features(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    let names: BTreeSet<_> =
        old.features().iter().chain(new.features().iter()).map(|(name, _)| name).collect();
    let levels = names.into_iter().map(|name| (name, old.features().level(name), new.features().level(name)));
    let changed = levels.filter(|(_, before, after)| before != after);
    let changed = changed.map(|(name, before, after)| format!("{name} (from {before} to {after})")).collect();
    line("changed the level of", "feature", changed).into_iter().collect()
}

fn acls(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    if Arc::ptr_eq(old.acls(), new.acls()) {
        return Vec::new();
    }
    let ids = |image: &ClusterImage| image.acls().iter().map(|(id, _)| id).collect::<BTreeSet<_>>();
    let (before, after) = (ids(old), ids(new));
    let except = |image: &ClusterImage, others: &BTreeSet<_>| {
        let acls = image.acls().iter().filter(|(id, _)| !others.contains(id));
        acls.map(|(_, acl)| format!("({acl})")).collect()
    };
    let created = line("created", "ACL", except(new, &before));
    created.into_iter().chain(line("deleted", "ACL", except(old, &after))).collect()
}

fn users(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    if Arc::ptr_eq(old.scram_users(), new.scram_users()) {
        return Vec::new();
    }
    let (before, after) = (old.scram_users(), new.scram_users());
    let changed = after.iter().filter(|(user, credentials)| before.get(*user) != Some(credentials));
    let changed = changed.map(|(user, credentials)| {
        let mechanisms: Vec<_> = credentials.keys().map(|mechanism| mechanism.name()).collect();
        format!("{user} ({})", mechanisms.join(" "))
    });
    let changed = line("changed credentials of", "user", changed.collect());
    let gone = before.keys().filter(|user| !after.contains_key(*user)).map(ToString::to_string);
    changed.into_iter().chain(line("deleted credentials of", "user", gone.collect())).collect()
}

fn quotas(old: &ClusterImage, new: &ClusterImage) -> Vec<String> {
    if Arc::ptr_eq(old.quotas(), new.quotas()) {
        return Vec::new();
    }
    let (before, after) = (old.quotas(), new.quotas());
    let changed = after.iter().filter(|(entity, limits)| before.get(*entity) != Some(limits));
    let changed = changed.map(|(entity, limits)| format!("{entity} ({})", shown(limits)));
    let changed = line("changed quotas of", "entity", changed.collect());
    let gone = before.keys().filter(|entity| !after.contains_key(*entity)).map(ToString::to_string);
    changed.into_iter().chain(line("deleted quotas of", "entity", gone.collect())).collect()
}

fn shown(limits: &QuotaLimits) -> String {
    let limits: Vec<_> = limits.iter().map(|(key, limit)| format!("{}={limit}", key.name())).collect();
    limits.join(" ")
}

/// A line about things of a kind; none about nothing.
fn line(what: &str, noun: &str, mut things: Vec<String>) -> Option<String> {
    let plural = match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    };
    things.sort_unstable();
    match things.as_slice() {
        [] => None,
        [one] => Some(format!("{what} {noun} {one}")),
        few if few.len() <= NAMED_THINGS => Some(format!("{what} {plural} {}", few.join(", "))),
        many => {
            let named = many.get(..NAMED_THINGS).unwrap_or_default().join(", ");
            Some(format!("{what} {} {plural}: {named}, ...", many.len()))
        }
    }
}
