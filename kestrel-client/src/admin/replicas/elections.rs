//! Elections of leaders (KIP-183; unclean ones, KIP-460).

use std::time::Instant;

use kestrel_protocol::messages::elect_leaders::{ElectLeadersRequest, ElectLeadersResponse, TopicPartitions};
use kestrel_protocol::{ApiKey, ErrorCode};

use super::{Answers, is_passing, numbers_by_topic, outcome};
use crate::admin::settle::{Call, Round, check, timeout_ms};
use crate::client::{Client, Target};
use crate::error::{Error, Result};
use crate::partitions::by_partition;
use crate::record::TopicPartition;

/// The first version of ElectLeaders with a kind of election (KIP-460).
const TYPES_VERSION: i16 = 1;

/// The kind of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElectionType {
    /// The first replica of the partition is to lead, if it is in sync.
    Preferred,
    /// Any replica that is up is to lead if the partition has no leader. Records that it lacks **are lost**.
    Unclean,
}

impl ElectionType {
    const fn wire_type(self) -> i8 {
        match self {
            Self::Preferred => 0,
            Self::Unclean => 1,
        }
    }

    /// In version 0 every election is of the preferred leader.
    const fn first_version(self) -> i16 {
        match self {
            Self::Preferred => 0,
            Self::Unclean => TYPES_VERSION,
        }
    }
}

/// What became of the election in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElectionOutcome {
    /// A leader was elected.
    Elected,
    /// The partition has such a leader already.
    NotNeeded,
}

/// Asks the controller for leaders of partitions.
#[derive(Debug)]
pub(super) struct ElectLeaders {
    pub(super) election: ElectionType,
}

impl Call for ElectLeaders {
    type Item = TopicPartition;
    type Output = ElectionOutcome;
    const OPERATION: &'static str = "electing leaders";
    const IS_PASSING: fn(&Error) -> bool = is_passing;

    async fn round(&self, client: &Client, items: &[TopicPartition], deadline: Instant) -> Round<Self> {
        let topic = |(topic, partitions)| TopicPartitions { topic, partitions };
        let topics = numbers_by_topic(items).map(topic).collect();
        let answers = elect(client, self.election, Some(topics), deadline).await?;
        Ok(items.iter().map(|partition| elected(partition, &answers)).collect())
    }
}

/// The outcome for each partition that an election was about.
type Outcomes = Vec<(TopicPartition, Result<ElectionOutcome>)>;

/// Asks the controller for leaders of all partitions.
#[derive(Debug)]
pub(super) struct ElectAllLeaders {
    pub(super) election: ElectionType,
}

impl Call for ElectAllLeaders {
    type Item = ();
    type Output = Outcomes;
    const OPERATION: &'static str = "electing all leaders";

    async fn round(&self, client: &Client, _: &[()], deadline: Instant) -> Round<Self> {
        let answers = elect(client, self.election, None, deadline).await?;
        let partitions = answers.keys().map(|(topic, partition)| (&**topic, *partition).into());
        let mut partitions: Vec<TopicPartition> = partitions.collect();
        partitions.sort();
        let outcome = |partition| (Clone::clone(&partition), elected(&partition, &answers));
        Ok(vec![Ok(partitions.into_iter().map(outcome).collect())])
    }
}

/// Holds an election in partitions; in all of them without any.
async fn elect(
    client: &Client,
    election: ElectionType,
    topic_partitions: Option<Vec<TopicPartitions>>,
    deadline: Instant,
) -> Result<Answers> {
    let request = ElectLeadersRequest {
        election_type: election.wire_type(),
        topic_partitions,
        timeout_ms: timeout_ms(client, deadline),
    };
    let response = client.send_since(Target::Controller, &request, election.first_version()).await?;
    check(ApiKey::ElectLeaders, response.error_code, None)?;
    // Whoever sends to these partitions learns of the new leaders before the old ones refuse.
    client.metadata().request_refresh();
    Ok(answers(response))
}

fn answers(response: ElectLeadersResponse) -> Answers {
    let topics = response.replica_election_results.into_iter();
    let answers =
        topics.flat_map(|topic| by_partition(topic.topic, topic.partition_result, |p| p.partition_id));
    answers.map(|(key, p)| (key, (p.error_code, p.error_message))).collect()
}

fn elected(partition: &TopicPartition, answers: &Answers) -> Result<ElectionOutcome> {
    match outcome(ApiKey::ElectLeaders, partition, answers) {
        Ok(()) => Ok(ElectionOutcome::Elected),
        Err(error) if error.code() == Some(ErrorCode::ElectionNotNeeded) => Ok(ElectionOutcome::NotNeeded),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_election_that_is_not_needed_is_no_failure() {
        let answer = |partition, code| (("t".into(), partition), (code, None));
        let answers = Answers::from([
            answer(0, ErrorCode::None),
            answer(1, ErrorCode::ElectionNotNeeded),
            answer(2, ErrorCode::PreferredLeaderNotAvailable),
        ]);
        let elected = |partition| elected(&("t", partition).into(), &answers);
        assert_eq!(elected(0).unwrap(), ElectionOutcome::Elected);
        assert_eq!(elected(1).unwrap(), ElectionOutcome::NotNeeded);
        assert_eq!(elected(2).unwrap_err().code(), Some(ErrorCode::PreferredLeaderNotAvailable));
    }

    #[test]
    fn an_unclean_election_is_never_asked_of_a_broker_that_knows_only_the_other_kind() {
        assert_eq!((ElectionType::Preferred.first_version(), ElectionType::Unclean.first_version()), (0, 1));
    }
}
