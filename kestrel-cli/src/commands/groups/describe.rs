//! `kestrel groups describe`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kestrel_client::admin::{GroupFilter, GroupState, GroupType};
use kestrel_client::{Timestamp, TopicPartition};

use super::known::{Known, Member};
use super::lag::Lags;
use super::lag_time::first_timestamps;
use crate::failure::Failure;
use crate::output::{Cell, Outcomes, Page, Table};
use crate::session::Session;
use crate::values::Partitions;

/// Shows groups with their members, and how far behind they are.
#[derive(Debug, Args)]
pub(crate) struct DescribeGroups {
    /// The groups
    #[arg(required_unless_present = "all", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// All groups
    #[arg(long, conflicts_with = "groups")]
    pub(crate) all: bool,
    /// Do not read the first record of each partition that is behind, which tells how far behind it is in time
    #[arg(long)]
    pub(crate) no_time: bool,
}

impl DescribeGroups {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let mut outcomes = Outcomes::of_reading("group");
        let mut pages = Vec::new();
        let mut names = self.groups.clone();
        if self.all {
            let listed = admin.list_groups(GroupFilter::all()).await?;
            names = listed.iter().map(|listed| listed.group_id.to_string()).collect();
        }
        for group in Known::find(&admin, &names, &mut outcomes).await? {
            let lags = Lags::of_groups(&admin, &[Arc::clone(&group.id)]).await?;
            let mut lags = lags.into_iter().next().map(|(_, lags)| lags).unwrap_or_default();
            let owners = group.owners();
            lags.add(&admin, owners.keys().cloned()).await;
            let times = self.times(session, &lags).await?;
            pages.push(page(&group, &lags, &owners, &times));
        }
        session.output().pages(&pages)?;
        session.output().outcomes(&outcomes)
    }

    /// How long ago the first record was written that the group has not read, where it is behind.
    async fn times(
        &self,
        session: &Session,
        lags: &Lags,
    ) -> Result<BTreeMap<TopicPartition, Duration>, Failure> {
        let behind =
            lags.iter().filter(|(_, lag)| !self.no_time && lag.records().is_some_and(|records| records > 0));
        let offsets = behind.filter_map(|(partition, lag)| Some((partition.clone(), lag.committed?)));
        let timestamps = first_timestamps(session.client().await?, offsets.collect()).await?;
        let now = session.now();
        Ok(timestamps.into_iter().filter_map(|(partition, at)| Some((partition, age(at, now)?))).collect())
    }
}

fn page(
    group: &Known,
    lags: &Lags,
    owners: &BTreeMap<TopicPartition, String>,
    times: &BTreeMap<TopicPartition, Duration>,
) -> Page {
    let details = group.details.as_ref();
    let mut page = Page::new()
        .field("group", &*group.id)
        .field("state", group.state.map(GroupState::name))
        .field("type", group.kind.map(GroupType::name))
        .field("protocol", details.and_then(|details| details.assignor.as_deref()))
        .field("coordinator", details.map(|details| details.coordinator));
    if let Some((group_epoch, assignment_epoch)) = details.and_then(|details| details.epochs) {
        page = page.field("epoch", group_epoch).field("assignment_epoch", assignment_epoch);
    }
    page.field("members", details.map(|details| details.members.len()))
        .field("lag", lags.total())
        .field("lag_time", times.values().max().copied())
        .table("partition_list", partitions_table(lags, owners, times))
        .table("member_list", members_table(group.members()))
}

fn partitions_table(
    lags: &Lags,
    owners: &BTreeMap<TopicPartition, String>,
    times: &BTreeMap<TopicPartition, Duration>,
) -> Table {
    let mut table =
        Table::new(["topic", "partition", "committed", "end_offset", "lag", "lag_time", "member"]);
    for (partition, lag) in lags.iter() {
        // A group that has read everything is behind by no time.
        let time = times.get(partition).copied();
        let time = time.or_else(|| lag.records().filter(|records| *records == 0).map(|_| Duration::ZERO));
        table.row([
            (&*partition.topic).into(),
            partition.partition.into(),
            lag.committed.into(),
            lag.end.into(),
            lag.records().into(),
            time.into(),
            owners.get(partition).cloned().into(),
        ]);
    }
    table
}

fn members_table(members: &[Member]) -> Table {
    let mut table =
        Table::new(["member", "instance", "client", "host", "epoch", "partitions", "assignment", "target"]);
    for member in members {
        let assignment = member.assignment.as_deref();
        table.row([
            (&*member.id).into(),
            member.instance.as_deref().into(),
            (&*member.client).into(),
            (&*member.host).into(),
            member.epoch.into(),
            assignment.map(<[_]>::len).into(),
            assignment.map(partitions_cell).into(),
            member.target.as_deref().map(partitions_cell).into(),
        ]);
    }
    table
}

/// Partitions by topic: `orders:0-2,7`.
fn partitions_cell(partitions: &[TopicPartition]) -> Cell {
    Cell::list(Partitions::of(partitions).iter().map(ToString::to_string))
}

/// How long ago it was; `None` for a record without a time.
fn age(at: Timestamp, now: Timestamp) -> Option<Duration> {
    let millis = now.as_millis().saturating_sub(at.as_millis()).max(0);
    (at != Timestamp::NONE).then(|| Duration::from_millis(millis.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_never_negative() {
        let at = Timestamp::from_millis;
        assert_eq!(age(at(1_000), at(3_500)), Some(Duration::from_millis(2_500)));
        assert_eq!(age(at(3_500), at(1_000)), Some(Duration::ZERO));
        assert_eq!(age(Timestamp::NONE, at(1_000)), None);
    }
}
