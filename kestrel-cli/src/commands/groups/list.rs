//! `kestrel groups list`.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use kestrel_client::admin::{GroupFilter, GroupState, GroupType};

use super::lag::Lags;
use crate::failure::Failure;
use crate::output::{Cell, Table};
use crate::session::Session;
use crate::values::named;

/// Lists groups.
#[derive(Debug, Default, Args)]
pub(crate) struct ListGroups {
    /// Only groups whose ids have this in them
    pub(crate) part: Option<String>,
    /// Only groups in this state: Empty, Stable, PreparingRebalance, ...; may be given many times
    #[arg(long, value_name = "STATE", value_parser = |text: &str| named(text, GROUP_STATES, GroupState::name))]
    pub(crate) state: Vec<GroupState>,
    /// Only groups of this type: Classic, Consumer, Share or Streams; may be given many times
    #[arg(long = "type", value_name = "TYPE", value_parser = |text: &str| named(text, GROUP_TYPES, GroupType::name))]
    pub(crate) types: Vec<GroupType>,
    /// How far behind each is, in records
    #[arg(long)]
    pub(crate) lag: bool,
}

/// The states that a group may be in.
pub(crate) const GROUP_STATES: &[GroupState] = &[
    GroupState::Empty,
    GroupState::Stable,
    GroupState::PreparingRebalance,
    GroupState::CompletingRebalance,
    GroupState::Dead,
    GroupState::Assigning,
    GroupState::Reconciling,
    GroupState::NotReady,
];
/// The types that a group may be of.
pub(crate) const GROUP_TYPES: &[GroupType] =
    &[GroupType::Classic, GroupType::Consumer, GroupType::Share, GroupType::Streams];

impl ListGroups {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        let mut groups = admin.list_groups(GroupFilter::all().states(self.state).types(self.types)).await?;
        groups.retain(|group| self.part.as_deref().is_none_or(|part| group.group_id.contains(part)));
        if !self.lag {
            let mut table = Table::new(["group", "state", "type", "protocol"]);
            for group in &groups {
                table.row([
                    id(&group.group_id),
                    state(group.state),
                    kind(group.group_type),
                    word(&group.protocol_type),
                ]);
            }
            return session.output().table(&table);
        }
        let ids: Vec<Arc<str>> = groups.iter().map(|group| group.group_id.clone()).collect();
        let lags: BTreeMap<_, _> = Lags::of_groups(&admin, &ids).await?.into_iter().collect();
        let mut table = Table::new(["group", "state", "type", "protocol", "partitions", "lag"]);
        for group in &groups {
            let lags = lags.get(&group.group_id);
            table.row([
                id(&group.group_id),
                state(group.state),
                kind(group.group_type),
                word(&group.protocol_type),
                lags.map(Lags::count).into(),
                lags.and_then(Lags::total).into(),
            ]);
        }
        session.output().table(&table)
    }
}

fn id(group: &str) -> Cell {
    group.into()
}

fn state(state: Option<GroupState>) -> Cell {
    state.map(GroupState::name).into()
}

fn kind(kind: Option<GroupType>) -> Cell {
    kind.map(GroupType::name).into()
}

fn word(word: &str) -> Cell {
    Some(word).filter(|word| !word.is_empty()).into()
}
