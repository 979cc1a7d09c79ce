//! `quorum-state`: which epoch the quorum of the metadata log is in, and who may vote. A small JSON file of Apache Kafka's.
//!
//! Read and written once per start by the metadata log, before it begins its epoch. Parsing and writing are pure.

use std::path::Path;

use kestrel_protocol::NodeId;

use crate::log::{FileSync, LogError, read_file, replace_file};

/// The file's name.
const FILE: &str = "quorum-state";
/// The layout with static voters (`kraft.version` 0).
const STATIC_VOTERS: i32 = 0;
/// The layout with the voters in the log (`kraft.version` 1, KIP-853).
const DYNAMIC_VOTERS: i32 = 1;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuorumState {
    /// The leader's epoch.
    pub(super) leader_epoch: i32,
    /// The static voters; `None` when the voters are in the log.
    pub(super) voters: Option<Vec<NodeId>>,
}

impl QuorumState {
    /// Reads the file in the folder of the metadata log; `None` when it is not there.
    ///
    /// # Errors
    /// The outer one when the disk fails, the inner one when the text is not such a file.
    pub(super) fn read(dir: &Path) -> Result<Option<Result<Self, String>>, LogError> {
        let bytes = read_file(&dir.join(FILE))?;
        Ok(bytes.map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))))
    }

    /// Replaces the file, saying that `leader` leads.
    pub(super) fn write(&self, dir: &Path, leader: NodeId, sync: FileSync) -> Result<(), LogError> {
        replace_file(&dir.join(FILE), self.text(leader).as_bytes(), sync)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let leader_epoch = numbers(text, "leaderEpoch").next().ok_or("it names no leaderEpoch")?;
        let voters = match numbers(text, "data_version").next() {
            Some(STATIC_VOTERS) => Some(numbers(text, "voterId").map(NodeId).collect()),
            Some(DYNAMIC_VOTERS) => None,
            other => return Err(format!("its data_version is {other:?}, and 0 and 1 are known")),
        };
        Ok(Self { leader_epoch, voters })
    }

    fn text(&self, leader: NodeId) -> String {
        let epoch = self.leader_epoch;
        match &self.voters {
            Some(voters) => {
                let voters: Vec<_> = voters.iter().map(|id| format!("{{\"voterId\":{id}}}")).collect();
                format!(
                    "{{\"clusterId\":\"\",\"leaderId\":{leader},\"leaderEpoch\":{epoch},\"votedId\":-1,\
                     \"appliedOffset\":0,\"currentVoters\":[{}],\"data_version\":{STATIC_VOTERS}}}",
                    voters.join(",")
                )
            }
            None => format!(
                "{{\"leaderId\":{leader},\"leaderEpoch\":{epoch},\"votedId\":-1,\
                 \"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":{DYNAMIC_VOTERS}}}"
            ),
        }
    }
}

/// The numbers that stand behind each `"name":` of the text, in order.
fn numbers<'a>(text: &'a str, name: &str) -> impl Iterator<Item = i32> + use<'a> {
    let key = format!("\"{name}\"");
    let values: Vec<&'a str> = text.split(&*key).skip(1).collect();
    values.into_iter().filter_map(|rest| {
        let value = rest.trim_start().strip_prefix(':')?.trim_start();
        let end = value.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(value.len());
        value.get(..end)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Apache Kafka 4.3.1 wrote it.
    const WRITTEN_BY_KAFKA: &str = r#"{"clusterId":"","leaderId":1,"leaderEpoch":7,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;

    #[test]
    fn the_file_is_written_as_apache_kafka_writes_it() {
        let state = QuorumState { leader_epoch: 7, voters: Some(vec![NodeId(1)]) };
        assert_eq!(QuorumState::parse(WRITTEN_BY_KAFKA), Ok(state.clone()));
        assert_eq!(state.text(NodeId(1)), WRITTEN_BY_KAFKA);
    }

    #[test]
    fn several_voters_and_none_are_told_apart() {
        let several = QuorumState { leader_epoch: 3, voters: Some(vec![NodeId(1), NodeId(20)]) };
        assert_eq!(QuorumState::parse(&several.text(NodeId(1))), Ok(several));
        let dynamic = QuorumState { leader_epoch: 2, voters: None };
        assert_eq!(QuorumState::parse(&dynamic.text(NodeId(1))), Ok(dynamic));
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for text in ["", "{}", r#"{"leaderEpoch":1}"#, r#"{"leaderEpoch":1,"data_version":9}"#] {
            assert!(QuorumState::parse(text).is_err(), "{text}");
        }
    }
}
