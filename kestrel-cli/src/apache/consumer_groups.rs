//! `kafka-consumer-groups`.

use std::path::PathBuf;

use clap::{Args, Parser};
use kestrel_client::admin::{GroupState, GroupType};

use super::common::Common;
use super::{Actions, ApacheTool, Translation, names, one_action};
use crate::commands::Command;
use crate::commands::groups::{
    DeleteGroups, DeleteOffsets, DescribeGroups, GROUP_STATES, GROUP_TYPES, GroupsCommand, ListGroups,
    ResetGroup, ResetScope, ResetTarget,
};
use crate::options::GlobalArguments;
use crate::values::{Moment, Partitions, named, parse_duration};

/// Groups, by the options of Apache Kafka's kafka-consumer-groups.
#[derive(Debug, Parser)]
pub(super) struct KafkaConsumerGroups {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    own: GroupOptions,
    /// How long a call may take, in milliseconds
    #[arg(long, value_name = "MS")]
    timeout: Option<u64>,
}

#[derive(Debug, Args)]
struct GroupOptions {
    /// List the groups
    #[arg(long)]
    list: bool,
    /// Show groups with their members and offsets
    #[arg(long)]
    describe: bool,
    /// Delete groups, or with --topic what they have committed for it
    #[arg(long)]
    delete: bool,
    /// Delete what a group has committed for topics
    #[arg(long)]
    delete_offsets: bool,
    /// Set the offsets of a group
    #[arg(long)]
    reset_offsets: bool,
    /// A group; may be given many times
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// All groups
    #[arg(long)]
    all_groups: bool,
    /// A topic, or some of its partitions: `orders`, `orders:0,1`; may be given many times
    #[arg(long, value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    topic: Vec<Partitions>,
    /// All partitions that the group has committed something for
    #[arg(long)]
    all_topics: bool,
    /// With --list: only groups in these states, separated by commas
    #[arg(long, value_name = "STATE,...", num_args = 0..=1, default_missing_value = "")]
    state: Option<String>,
    /// With --list: only groups of these types, separated by commas
    #[arg(long = "type", value_name = "TYPE,...", num_args = 0..=1, default_missing_value = "")]
    kind: Option<String>,
    /// Is shown in any case
    #[arg(long)]
    members: bool,
    /// Is shown in any case
    #[arg(long)]
    offsets: bool,
    /// Is shown in any case
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    target: TargetOptions,
}

#[derive(Debug, Args)]
struct TargetOptions {
    /// The first record that the partition holds
    #[arg(long)]
    to_earliest: bool,
    /// The end of the partition
    #[arg(long)]
    to_latest: bool,
    /// Where they are
    #[arg(long)]
    to_current: bool,
    /// This offset
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,
    /// The first record that is of this time or later: 2026-11-30T11:13:15.000
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to_datetime: Option<Moment>,
    /// The first record that is of so long ago or later: PT1H30M
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    by_duration: Option<std::time::Duration>,
    /// So many records further, or back
    #[arg(long, value_name = "RECORDS", allow_hyphen_values = true)]
    shift_by: Option<i64>,
    /// What a file says, as --export writes it
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Show what would change, which is what happens without --execute
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,
    /// Do it
    #[arg(long)]
    execute: bool,
    /// Write the offsets in a form that --from-file reads
    #[arg(long)]
    export: bool,
}

impl ApacheTool for KafkaConsumerGroups {
    fn translate(self) -> (GlobalArguments, Translation) {
        let mut global: GlobalArguments = self.common.into();
        let timeout = self.timeout.map(|timeout| ("default.api.timeout.ms".to_owned(), timeout.to_string()));
        global.set.extend(timeout);
        (global, self.own.command().map(|command| vec![Command::Groups(command)]))
    }
}

impl GroupOptions {
    fn command(self) -> Result<GroupsCommand, String> {
        let actions: Actions<Self, GroupsCommand, 5> = [
            (self.list, Self::list),
            (self.describe, |own| Ok(own.describe())),
            (self.delete, Self::delete),
            (self.delete_offsets, Self::delete_offsets),
            (self.reset_offsets, Self::reset),
        ];
        let names = "--list, --describe, --delete, --delete-offsets or --reset-offsets";
        one_action(&actions, names)?(self)
    }

    fn list(self) -> Result<GroupsCommand, String> {
        let words = |list: Option<String>| names(&list.into_iter().collect::<Vec<_>>());
        let state = |word: &String| named(word, GROUP_STATES, GroupState::name);
        let kind = |word: &String| named(word, GROUP_TYPES, GroupType::name);
        Ok(GroupsCommand::List(ListGroups {
            state: words(self.state).iter().map(state).collect::<Result<_, _>>()?,
            types: words(self.kind).iter().map(kind).collect::<Result<_, _>>()?,
            ..ListGroups::default()
        }))
    }

    fn describe(self) -> GroupsCommand {
        GroupsCommand::Describe(DescribeGroups { groups: self.group, all: self.all_groups, no_time: false })
    }

    fn delete(self) -> Result<GroupsCommand, String> {
        match (self.group.is_empty(), self.topic.is_empty()) {
            (true, _) => Err("--group is wanted".to_owned()),
            (false, true) => Ok(GroupsCommand::Delete(DeleteGroups { groups: self.group })),
            (false, false) => self.delete_offsets(),
        }
    }

    fn delete_offsets(self) -> Result<GroupsCommand, String> {
        if self.topic.is_empty() {
            return Err("--topic is wanted".to_owned());
        }
        Ok(GroupsCommand::DeleteOffsets(DeleteOffsets { group: one(self.group)?, partitions: self.topic }))
    }

    fn reset(self) -> Result<GroupsCommand, String> {
        let target = self.target;
        let to_time = target.to_datetime.or_else(|| target.by_duration.map(Moment::Ago));
        let wanted = ResetTarget {
            to_earliest: target.to_earliest,
            to_latest: target.to_latest,
            to_current: target.to_current,
            to_offset: target.to_offset,
            to_time,
            shift_by: target.shift_by,
            from_file: target.from_file,
            from_group: None,
        };
        wanted.check_one()?;
        Ok(GroupsCommand::Reset(ResetGroup {
            group: one(self.group)?,
            scope: ResetScope { topics: self.topic, all_topics: self.all_topics },
            target: wanted,
            execute: target.execute,
            export: target.export,
        }))
    }
}

/// The one group that was named.
fn one(groups: Vec<String>) -> Result<String, String> {
    let mut groups = groups.into_iter();
    match (groups.next(), groups.next()) {
        (Some(group), None) => Ok(group),
        _ => Err("one --group is wanted here".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::translated;

    #[test]
    fn actions_are_translated() {
        let reset = "kafka-consumer-groups --group g --reset-offsets --topic t:0,1";
        for (target, part) in [
            ("--to-earliest", "to_earliest: true"),
            ("--shift-by -5", "-5"),
            ("--by-duration PT1H", "3600s"),
            ("--to-datetime 2026-11-30T11:13:15.000", "1796037195000"),
            ("--to-latest --execute", "execute: true"),
        ] {
            let translated = translated(&format!("{reset} {target}")).unwrap();
            assert!(translated.contains(part), "{target}: {translated}");
        }
        assert!(translated(&format!("{reset} --to-latest --to-earliest")).is_err());
        assert!(translated(&format!("{reset} --to-latest --execute --dry-run")).is_err());
        assert!(translated("kafka-consumer-groups --list --state Stable,Empty").unwrap().contains("Empty"));
        assert!(translated("kafka-consumer-groups --list --state").is_ok());
        assert!(translated("kafka-consumer-groups --describe --all-groups").unwrap().contains("all: true"));
        assert!(translated("kafka-consumer-groups --delete").is_err());
    }
}
