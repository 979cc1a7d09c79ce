//! Selection: which partitions of which topics are read, and from where to where.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use clap::Args;
use kestrel_client::admin::{OffsetSpec, TopicListing};
use kestrel_client::{Admin, IsolationLevel, TopicPartition};
use kestrel_filter::Bounds;
use regex_lite::Regex;

use crate::failure::Failure;
use crate::records::place::Place;
use crate::records::plan::{LogView, Plan};
use crate::session::Session;

/// What is read.
#[derive(Debug, Args)]
pub(super) struct SelectionArguments {
    /// The topics
    #[arg(required_unless_present_any = ["matching", "topic"])]
    topics: Vec<String>,

    /// As kafka-console-consumer has it
    #[arg(long, hide = true, value_name = "TOPIC", conflicts_with = "topics")]
    topic: Option<String>,

    /// All topics whose whole name this regular expression matches
    #[arg(long, value_name = "REGEX", alias = "include", alias = "whitelist")]
    matching: Option<String>,

    /// Only these partitions
    #[arg(long, short = 'p', value_name = "N,...", value_delimiter = ',')]
    partition: Vec<i32>,

    /// Where to begin: beginning, end, an offset, -N before the end, a time, or -2h for two hours ago
    #[arg(long, short = 'o', value_name = "PLACE", allow_hyphen_values = true, alias = "offset")]
    from: Option<Place>,

    /// Where to end, in the same words; what is there is not read
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    to: Option<Place>,

    /// Only the last N records of each partition
    #[arg(long, value_name = "N", conflicts_with = "from", value_parser = clap::value_parser!(i64).range(0..))]
    tail: Option<i64>,

    /// As kafka-console-consumer has it
    #[arg(long, hide = true, conflicts_with_all = ["from", "tail"])]
    from_beginning: bool,
}

/// The offsets that are read.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) ranges: Vec<(TopicPartition, Range<i64>)>,
    /// How many offsets these are; `None` where the end is followed.
    pub(super) total: Option<i64>,
}

impl SelectionArguments {
    /// Where to begin, if that is said.
    pub(super) fn from(&self) -> Option<Place> {
        let tail = self.tail.map(Place::BeforeEnd);
        self.from.or(tail).or_else(|| self.from_beginning.then_some(Place::Beginning))
    }

    /// The names of the topics.
    pub(super) async fn topics(&self, session: &Session) -> Result<Vec<Arc<str>>, Failure> {
        let listed = self.listed(session).await?;
        Ok(listed.into_iter().map(|topic| topic.name).collect())
    }

    async fn listed(&self, session: &Session) -> Result<Vec<TopicListing>, Failure> {
        let pattern = self.matching.as_deref().map(|pattern| Regex::new(&format!("^(?:{pattern})$")));
        let pattern = pattern
            .transpose()
            .map_err(|error| Failure::usage(format!("--matching is no regular expression: {error}")))?;
        let named: Vec<&str> = self.topics.iter().chain(&self.topic).map(String::as_str).collect();
        let all = session.admin().await?.list_topics().await?;
        if let Some(missing) = named.iter().find(|name| all.iter().all(|topic| *topic.name != ***name)) {
            return Err(Failure::new(format!("there is no topic {missing}"))
                .remedy("`kestrel topics list` shows the topics that are there."));
        }
        let is_meant = |topic: &TopicListing| {
            let is_matched = pattern.as_ref().is_some_and(|pattern| pattern.is_match(&topic.name));
            named.contains(&&*topic.name) || (is_matched && !topic.is_internal)
        };
        let meant: Vec<_> = all.into_iter().filter(is_meant).collect();
        match &self.matching {
            Some(pattern) if meant.is_empty() => Err(Failure::new(format!("no topic matches {pattern}"))),
            _ => Ok(meant),
        }
    }

    /// The offsets to be read: those of the arguments in which the filter may take something.
    pub(super) async fn resolve(
        &self,
        session: &Session,
        follow: bool,
        isolation: IsolationLevel,
        bounds: Option<Bounds>,
    ) -> Result<Selection, Failure> {
        let default = if follow { Place::End } else { Place::Beginning };
        let to = self.to.or_else(|| (!follow).then_some(Place::End));
        let plan = Plan::new(self.from().unwrap_or(default), to, session.now(), bounds);
        let topics = self.listed(session).await?;
        let partitions = self.partitions(&topics, &plan)?;
        let views = views(&session.admin().await?, &partitions, &plan, isolation).await?;
        let ranges: Vec<_> = partitions
            .into_iter()
            .zip(&views)
            .map(|(partition, view)| (partition, plan.range(view)))
            .filter(|(_, range)| !range.is_empty())
            .collect();
        let total = to.map(|_| ranges.iter().map(|(_, range)| range.end - range.start).sum());
        Ok(Selection { ranges, total })
    }

    fn partitions(&self, topics: &[TopicListing], plan: &Plan) -> Result<Vec<TopicPartition>, Failure> {
        let mut partitions = Vec::new();
        for topic in topics {
            let count = i32::try_from(topic.partition_count).unwrap_or(i32::MAX);
            if let Some(missing) = self.partition.iter().find(|number| !(0..count).contains(*number)) {
                return Err(Failure::new(format!(
                    "the topic {} has no partition {missing}: they are 0 to {}",
                    topic.name,
                    count - 1
                )));
            }
            let is_meant = |number: &i32| self.partition.is_empty() || self.partition.contains(number);
            let numbers = (0..count).filter(is_meant).filter(|number| plan.may_want(*number));
            partitions.extend(numbers.map(|number| TopicPartition::new(Arc::clone(&topic.name), number)));
        }
        Ok(partitions)
    }
}

/// What the logs hold at this moment. The end is asked for last: records that come meanwhile are not behind a place before them.
async fn views(
    admin: &Admin,
    partitions: &[TopicPartition],
    plan: &Plan,
    isolation: IsolationLevel,
) -> Result<Vec<LogView>, Failure> {
    let ask = async |spec: OffsetSpec| -> Result<HashMap<TopicPartition, Option<i64>>, Failure> {
        let specs = partitions.iter().map(|partition| (partition, spec));
        let listed = admin.list_offsets(specs, isolation).await.into_result()?;
        Ok(listed.into_iter().map(|(partition, found)| (partition, found.offset)).collect())
    };
    let mut found = Vec::new();
    for time in plan.times() {
        found.push(ask(OffsetSpec::Timestamp(time)).await?);
    }
    let (starts, ends) = (ask(OffsetSpec::Earliest).await?, ask(OffsetSpec::Latest).await?);
    let of = |offsets: &HashMap<TopicPartition, Option<i64>>, partition: &TopicPartition| {
        offsets.get(partition).copied().flatten()
    };
    let view = |partition: &TopicPartition| LogView {
        log: of(&starts, partition).unwrap_or_default()..of(&ends, partition).unwrap_or_default(),
        found: found.iter().map(|offsets| of(offsets, partition)).collect(),
    };
    Ok(partitions.iter().map(view).collect())
}
