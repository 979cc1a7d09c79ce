//! `kestrel check`: whether a cluster can be used, line by line, with what to do where it cannot.

mod findings;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use kestrel_client::admin::{GroupFilter, OffsetSpec, TopicDescription};
use kestrel_client::{Admin, Error, IsolationLevel, TopicPartition};

use self::findings::{Findings, Verdict};
use crate::failure::Failure;
use crate::session::Session;

/// Whether the cluster can be used, line by line, and what to do where it cannot.
///
/// That it answers, that partitions have leaders and replicas in sync, how far groups are behind, and that the schema registry
/// answers, if one is known. The exit code is 1 if something fails; what is only worth a look does not fail.
#[derive(Debug, Args)]
pub(crate) struct CheckCommand {
    /// Fail if a group is more records behind than this, over all of its partitions
    #[arg(long, value_name = "N")]
    max_lag: Option<i64>,

    /// Look at these groups only
    #[arg(long, value_name = "GROUP,...", value_delimiter = ',')]
    group: Vec<String>,
}

impl CheckCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut findings = Findings::default();
        match session.admin().await {
            Ok(admin) => self.check_cluster(&admin, &mut findings).await,
            Err(failure) => findings.failed("connection", &failure),
        }
        if session.context()?.has_registry() {
            check_registry(session, &mut findings).await;
        }
        session.output().table(&findings.table())?;
        findings.outcome()
    }

    async fn check_cluster(&self, admin: &Admin, findings: &mut Findings) {
        match admin.describe_cluster().await {
            Ok(cluster) => {
                let found = format!("cluster {} with {} brokers", cluster.cluster_id, cluster.brokers.len());
                findings.add("connection", Verdict::Ok, found, "");
                match cluster.controller {
                    Some(controller) => {
                        findings.add("controller", Verdict::Ok, format!("node {controller}"), "");
                    }
                    None => findings.add(
                        "controller",
                        Verdict::Fail,
                        "there is none: topics and configurations cannot change",
                        "Look at the logs of the controllers: most of them have to be up and see each other.",
                    ),
                }
            }
            Err(error) => findings.failed("connection", &Failure::from(error)),
        }
        match describe_all(admin).await {
            Ok(topics) => check_partitions(&topics, findings),
            Err(error) => findings.failed("partitions", &Failure::from(error)),
        }
        if let Err(error) = self.check_groups(admin, findings).await {
            findings.failed("groups", &Failure::from(error));
        }
    }

    async fn check_groups(&self, admin: &Admin, findings: &mut Findings) -> Result<(), Error> {
        let groups: Vec<Arc<str>> = if self.group.is_empty() {
            let listed = admin.list_groups(GroupFilter::default()).await?;
            listed.into_iter().map(|group| group.group_id).collect()
        } else {
            self.group.iter().map(|group| Arc::from(&**group)).collect()
        };
        let mut lags = Vec::new();
        for (group, offsets) in admin.list_group_offsets(&groups).await {
            match offsets {
                Ok(offsets) => {
                    let offsets = offsets.into_iter().map(|(partition, offset)| (partition, offset.offset));
                    lags.push((lag(admin, offsets.collect()).await, group));
                }
                Err(error) => findings.failed(&format!("group {group}"), &Failure::from(error)),
            }
        }
        self.judge(lags, findings);
        Ok(())
    }

    fn judge(&self, mut lags: Vec<(i64, Arc<str>)>, findings: &mut Findings) {
        lags.sort_unstable_by(|left, right| right.cmp(left));
        let (count, worst) = (lags.len(), lags.first().cloned());
        let limit = self.max_lag.unwrap_or(i64::MAX);
        for (lag, group) in lags.iter().filter(|(lag, _)| *lag > limit) {
            findings.add(
                "group lag",
                Verdict::Fail,
                format!("{group} is {lag} records behind, and {limit} are allowed"),
                &format!(
                    "`kestrel groups describe {group}` shows which partitions, and whether it has members."
                ),
            );
        }
        if lags.iter().all(|(lag, _)| *lag <= limit) {
            let worst =
                worst.map(|(lag, group)| format!("; {group} is {lag} records behind, no other one more"));
            findings.add(
                "group lag",
                Verdict::Ok,
                format!("{count} groups{}", worst.unwrap_or_default()),
                "",
            );
        }
    }
}

async fn describe_all(admin: &Admin) -> Result<Vec<TopicDescription>, Error> {
    let names = admin.list_topics().await?.into_iter().map(|topic| topic.name);
    let described = admin.describe_topics(names).await.into_result()?;
    Ok(described.into_iter().map(|(_, topic)| topic).collect())
}

fn check_partitions(topics: &[TopicDescription], findings: &mut Findings) {
    let partitions = || topics.iter().flat_map(|topic| topic.partitions.iter().map(move |one| (topic, one)));
    let name = |(topic, partition): &(&TopicDescription, &kestrel_client::admin::PartitionDescription)| {
        format!("{}-{}", topic.name, partition.partition)
    };
    let offline: Vec<_> = partitions().filter(|(_, one)| one.leader.is_none()).collect();
    let behind: Vec<_> =
        partitions().filter(|(_, one)| one.leader.is_some() && one.isr.len() < one.replicas.len()).collect();
    let count = partitions().count();
    match offline.first() {
        None => {
            let found = format!("{count} partitions of {} topics have leaders", topics.len());
            findings.add("leaders", Verdict::Ok, found, "");
        }
        Some(first) => findings.add(
            "leaders",
            Verdict::Fail,
            format!(
                "{} of {count} partitions have none and cannot be used, {} among them",
                offline.len(),
                name(first)
            ),
            "Start the brokers that have them: `kestrel topics describe` shows which.",
        ),
    }
    match behind.first() {
        None => findings.add("replicas", Verdict::Ok, "all are in sync", ""),
        Some(first) => findings.add(
            "replicas",
            Verdict::Warn,
            format!(
                "{} partitions have replicas that are not in sync, {} among them",
                behind.len(),
                name(first)
            ),
            "Are all brokers up? A replica that stays behind has a slow disk or a slow network.",
        ),
    }
}

/// How many records a group is behind in all partitions in which it has committed; those that are gone do not count.
async fn lag(admin: &Admin, committed: BTreeMap<TopicPartition, i64>) -> i64 {
    let ask = committed.keys().map(|partition| (partition, OffsetSpec::Latest));
    let ends = admin.list_offsets(ask, IsolationLevel::ReadUncommitted).await;
    let behind = ends.iter().filter_map(|(partition, end)| {
        let end = end.as_ref().ok()?.offset?;
        Some((end - committed.get(partition)?).max(0))
    });
    behind.sum()
}

async fn check_registry(session: &Session, findings: &mut Findings) {
    let subjects = async { Ok::<_, Failure>(session.registry()?.subjects().await?.len()) };
    match subjects.await {
        Ok(count) => findings.add("registry", Verdict::Ok, format!("{count} subjects"), ""),
        Err(failure) => findings.failed("registry", &failure),
    }
}
