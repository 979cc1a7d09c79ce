//! `kestrel groups describe`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kestrel_client::admin::{GroupDescription, GroupFilter, GroupListing, GroupState, MemberAssignment};
use kestrel_client::{Admin, ErrorCode, Timestamp, TopicPartition};

use super::lag::Lags;
use super::lag_time::first_timestamps;
use crate::failure::Failure;
use crate::output::{Cell, Outcomes, Page, Table};
use crate::session::Session;

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

/// What is known of a group.
struct Known {
    id: Arc<str>,
    state: Option<GroupState>,
    kind: Option<String>,
    /// Its members, of the groups that have a protocol whose members can be told.
    described: Option<GroupDescription>,
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
        for group in find(&admin, &names, &mut outcomes).await? {
            let lags = Lags::of_groups(&admin, &[Arc::clone(&group.id)]).await?;
            let mut lags = lags.into_iter().next().map(|(_, lags)| lags).unwrap_or_default();
            let owners = owners(group.described.as_ref());
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

/// The groups that are there. One of another protocol than the classic one is found in the list of all.
async fn find(admin: &Admin, names: &[String], outcomes: &mut Outcomes) -> Result<Vec<Known>, Failure> {
    let mut found = Vec::new();
    let mut listed: Option<Vec<GroupListing>> = None;
    for (id, described) in admin.describe_groups(names).await {
        let listing = match &described {
            Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => {
                if listed.is_none() {
                    listed = Some(admin.list_groups(GroupFilter::all()).await?);
                }
                listed.iter().flatten().find(|listing| listing.group_id == id)
            }
            _ => None,
        };
        if let Some(listing) = listing {
            let kind = listing.group_type.map(|kind| kind.name().to_owned());
            found.push(Known { id, state: listing.state, kind, described: None });
        } else if let Some(group) = outcomes.note(&id, described) {
            let kind = Some("Classic".to_owned());
            found.push(Known { id, state: Some(group.state), kind, described: Some(group) });
        }
    }
    Ok(found)
}

/// Which member has which partition, by its client and host.
fn owners(group: Option<&GroupDescription>) -> BTreeMap<TopicPartition, String> {
    let members = group.into_iter().flat_map(|group| &group.members);
    let assigned = members.filter_map(|member| match &member.assignment {
        MemberAssignment::Partitions(partitions) => {
            let owner = format!("{}@{}", member.client_id, member.client_host.trim_start_matches('/'));
            Some(partitions.iter().map(move |partition| (partition.clone(), owner.clone())))
        }
        _ => None,
    });
    assigned.flatten().collect()
}

fn page(
    group: &Known,
    lags: &Lags,
    owners: &BTreeMap<TopicPartition, String>,
    times: &BTreeMap<TopicPartition, Duration>,
) -> Page {
    let described = group.described.as_ref();
    let protocol = described.map(|group| &*group.protocol).filter(|protocol| !protocol.is_empty());
    Page::new()
        .field("group", &*group.id)
        .field("state", group.state.map(GroupState::name))
        .field("type", group.kind.as_deref())
        .field("protocol", protocol)
        .field("coordinator", described.map(|group| group.coordinator.0))
        .field("members", described.map(|group| group.members.len()))
        .field("lag", lags.total())
        .field("lag_time", times.values().max().copied())
        .table("partition_list", partitions_table(lags, owners, times))
        .table("member_list", members_table(described))
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

fn members_table(group: Option<&GroupDescription>) -> Table {
    let mut table = Table::new(["member", "instance", "client", "host", "partitions"]);
    for member in group.into_iter().flat_map(|group| &group.members) {
        let partitions = match &member.assignment {
            MemberAssignment::Partitions(partitions) => Cell::from(partitions.len()),
            _ => Cell::Missing,
        };
        table.row([
            (&*member.member_id).into(),
            member.group_instance_id.as_deref().into(),
            (&*member.client_id).into(),
            (&*member.client_host).into(),
            partitions,
        ]);
    }
    table
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
