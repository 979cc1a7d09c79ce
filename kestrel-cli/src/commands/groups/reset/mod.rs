//! `kestrel groups reset`: a plan first, which is carried out when it is asked for.

mod plan;
mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use kestrel_client::admin::OffsetSpec;
use kestrel_client::{Admin, IsolationLevel, OffsetAndMetadata, TopicPartition};

use self::plan::{Bounds, Step, Wanted, plan};
use super::known::Known;
use crate::commands::partitions;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Outcomes, Table};
use crate::session::Session;
use crate::values::{Moment, Partitions};

/// Sets the offsets of a group that has no members. Without --execute it shows what would change.
#[derive(Debug, Args)]
pub(crate) struct ResetGroup {
    /// The group
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) scope: ResetScope,
    #[command(flatten)]
    pub(crate) target: ResetTarget,
    /// Do it
    #[arg(long)]
    pub(crate) execute: bool,
    /// Write lines `TOPIC,PARTITION,OFFSET`, which --from-file reads
    #[arg(long)]
    pub(crate) export: bool,
}

/// Which of a group's partitions are meant.
#[derive(Debug, Default, Args)]
pub(crate) struct ResetScope {
    /// A topic, or some of its partitions: `orders`, `orders:0,2-5`; may be given many times
    #[arg(long = "topic", value_name = "TOPIC[:PARTITIONS]", value_parser = Partitions::parse)]
    pub(crate) topics: Vec<Partitions>,
    /// All partitions that the group has committed something for
    #[arg(long, conflicts_with = "topics")]
    pub(crate) all_topics: bool,
}

/// Where the offsets are set.
#[derive(Debug, Default, Args)]
#[command(group = ArgGroup::new("target").required(true))]
pub(crate) struct ResetTarget {
    /// The first record that the partition holds
    #[arg(long, group = "target")]
    pub(crate) to_earliest: bool,
    /// The end of the partition: only what comes later is read
    #[arg(long, group = "target")]
    pub(crate) to_latest: bool,
    /// Where they are: shows them, in a form that --from-file reads
    #[arg(long, group = "target")]
    pub(crate) to_current: bool,
    /// This offset
    #[arg(long, group = "target", value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) to_offset: Option<i64>,
    /// The first record that is of this time or later: 2026-11-30T11:13:15Z, -2h
    #[arg(long, group = "target", value_name = "TIME", value_parser = Moment::parse, allow_hyphen_values = true)]
    pub(crate) to_time: Option<Moment>,
    /// So many records further, or back when it is negative
    #[arg(long, group = "target", value_name = "RECORDS", allow_hyphen_values = true)]
    pub(crate) shift_by: Option<i64>,
    /// What a file says: lines `TOPIC,PARTITION,OFFSET`, or what this command writes with --output json
    #[arg(long, group = "target", value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// What another group has committed
    #[arg(long, group = "target", value_name = "GROUP")]
    pub(crate) from_group: Option<String>,
}

type Offsets = BTreeMap<TopicPartition, i64>;

impl ResetGroup {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let committed = committed(&admin, &self.group).await?;
        let named = self.target.named(&admin).await?;
        let partitions = self.scope.resolve(&admin, &committed, named.as_ref()).await?;
        let mut refused = Outcomes::of_reading("partition");
        let wanted = self.target.wanted(session);
        let bounds = bounds(&admin, &partitions, wanted, &mut refused).await;
        let steps = plan(wanted, named.as_ref(), &committed, &bounds);
        let is_meant = self.execute && !session.arguments().dry_run;
        if is_meant {
            let change = format!("set {} offsets of {}", steps.len(), self.group);
            if session.permit(&change).await? == Permit::Change {
                check_idle(&admin, &self.group).await?;
                return self.execute(session, &admin, &steps, refused).await;
            }
        }
        self.show(session, &steps)?;
        if !self.target.to_current {
            session.output().note("Nothing was changed: --execute does it.");
        }
        session.output().outcomes(&refused)
    }

    fn show(&self, session: &Session, steps: &[Step]) -> Result<(), Failure> {
        let line = |step: &Step| saved::line(&step.partition, step.after);
        match self.export {
            true => session.output().text(&steps.iter().map(line).collect::<String>()),
            false => session.output().table(&steps_table(steps)),
        }
    }

    async fn execute(
        &self,
        session: &Session,
        admin: &Admin,
        steps: &[Step],
        mut refused: Outcomes,
    ) -> Result<(), Failure> {
        let offsets = steps.iter().map(|step| (&step.partition, step.after));
        let altered: BTreeMap<_, _> =
            admin.alter_group_offsets(&*self.group, offsets).await.into_iter().collect();
        let done = steps.iter().filter(|step| matches!(altered.get(&step.partition), Some(Ok(()))));
        let done: Vec<_> = done.cloned().collect();
        for (partition, result) in altered {
            refused.push(partition, result);
        }
        self.show(session, &done)?;
        session.output().outcomes(&refused)
    }
}

impl ResetScope {
    async fn resolve(
        &self,
        admin: &Admin,
        committed: &Offsets,
        named: Option<&Offsets>,
    ) -> Result<Vec<TopicPartition>, Failure> {
        if !self.topics.is_empty() {
            let mut meant = partitions::resolve(admin, &self.topics).await?;
            meant.retain(|partition| named.is_none_or(|named| named.contains_key(partition)));
            return Ok(meant);
        }
        match named {
            Some(named) => Ok(named.keys().cloned().collect()),
            None if self.all_topics => Ok(committed.keys().cloned().collect()),
            None => Err(Failure::usage("it is not said which partitions are meant")
                .remedy("--topic TOPIC names them; --all-topics means all that the group has committed something for.")),
        }
    }
}

impl ResetTarget {
    /// Checks that it is one target: what clap does for a command line of ours.
    pub(crate) fn check_one(&self) -> Result<(), String> {
        let said = [
            self.to_earliest,
            self.to_latest,
            self.to_current,
            self.to_offset.is_some(),
            self.to_time.is_some(),
            self.shift_by.is_some(),
            self.from_file.is_some(),
            self.from_group.is_some(),
        ];
        match said.iter().filter(|is_said| **is_said).count() {
            1 => Ok(()),
            _ => Err("it has to be said where the offsets are set, in one way".to_owned()),
        }
    }

    /// The offsets that are named one by one.
    async fn named(&self, admin: &Admin) -> Result<Option<Offsets>, Failure> {
        Ok(match (&self.from_file, &self.from_group) {
            (Some(file), _) => Some(saved::read(file)?),
            (None, Some(group)) => {
                let offsets = committed(admin, group).await?;
                if offsets.is_empty() {
                    return Err(Failure::new(format!("the group {group} has committed nothing")));
                }
                Some(offsets)
            }
            (None, None) => None,
        })
    }

    fn wanted(&self, session: &Session) -> Wanted {
        match (self.to_offset, self.to_time, self.shift_by) {
            (Some(offset), ..) => Wanted::Offset(offset),
            (_, Some(time), _) => Wanted::Time(time.resolve(session.now())),
            (_, _, Some(records)) => Wanted::Shift(records),
            _ if self.to_earliest => Wanted::Earliest,
            _ if self.to_latest => Wanted::Latest,
            _ if self.to_current => Wanted::Current,
            _ => Wanted::Named,
        }
    }
}

async fn committed(admin: &Admin, group: &str) -> Result<Offsets, Failure> {
    let listed = admin.list_group_offsets([group]).await.into_result()?;
    let offsets = listed.into_iter().flat_map(|(_, offsets)| offsets);
    Ok(offsets.map(|(partition, OffsetAndMetadata { offset, .. })| (partition, offset)).collect())
}

/// What partitions hold, and the first record of the time that is wanted.
async fn bounds(
    admin: &Admin,
    partitions: &[TopicPartition],
    wanted: Wanted,
    refused: &mut Outcomes,
) -> BTreeMap<TopicPartition, Bounds> {
    let mut specs = vec![OffsetSpec::Earliest, OffsetSpec::Latest];
    if let Wanted::Time(time) = wanted {
        specs.push(OffsetSpec::Timestamp(time));
    }
    let mut bounds: BTreeMap<_, _> =
        partitions.iter().map(|partition| (partition.clone(), Bounds::default())).collect();
    let mut unknown = BTreeSet::new();
    for spec in specs {
        let asked = bounds.keys().cloned().map(|partition| (partition, spec)).collect::<Vec<_>>();
        for (partition, listed) in admin.list_offsets(asked, IsolationLevel::ReadUncommitted).await {
            match (listed, bounds.get_mut(&partition)) {
                (Ok(listed), Some(bounds)) => bounds.learn(spec, listed.offset),
                (Err(error), _) if unknown.insert(partition.clone()) => {
                    refused.push(&partition, Err::<(), _>(error));
                }
                _ => {}
            }
        }
        bounds.retain(|partition, _| !unknown.contains(partition));
    }
    bounds
}

/// A group whose members read on would go on where they are, and commit that.
async fn check_idle(admin: &Admin, group: &str) -> Result<(), Failure> {
    let mut outcomes = Outcomes::of_reading("group");
    let found = Known::find(admin, &[group.to_owned()], &mut outcomes).await?;
    // One that cannot be described is its coordinator's to refuse: it takes no offsets from elsewhere while there are members.
    let members = found.first().map_or(&[][..], Known::members);
    match members.first() {
        None => Ok(()),
        Some(member) => Err(Failure::new(format!(
            "the group {group} has {} members, such as {} at {}",
            members.len(),
            member.client,
            member.host
        ))
        .remedy("They have to stop first: they would go on where they are.")),
    }
}

fn steps_table(steps: &[Step]) -> Table {
    let mut table = Table::new(["topic", "partition", "before", "after", "change"]);
    for step in steps {
        table.row([
            (&*step.partition.topic).into(),
            step.partition.partition.into(),
            step.before.into(),
            step.after.into(),
            step.before.map(|before| step.after - before).into(),
        ]);
    }
    table
}
