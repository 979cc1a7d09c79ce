//! `kestrel cluster features`.

use std::collections::BTreeSet;

use clap::Args;
use kestrel_client::admin::{FeatureUpdate, Features};

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Outcomes, Table};
use crate::session::Session;
use crate::values::key_and_value;

/// Shows features with their levels, and sets these.
#[derive(Debug, Args)]
pub(crate) struct FeaturesCommand {
    /// Set a feature to another level; may be given many times
    #[arg(long = "to", value_name = "FEATURE=LEVEL", value_parser = feature)]
    levels: Vec<(String, i16)>,
    /// The levels are lower ones; level 0 turns a feature off
    #[arg(long, requires = "levels")]
    downgrade: bool,
    /// Lower them although metadata is lost
    #[arg(long, requires = "downgrade")]
    lose_metadata: bool,
}

fn feature(text: &str) -> Result<(String, i16), String> {
    let (feature, level) = key_and_value(text)?;
    let level = level.parse().map_err(|_| format!("`{level}` is no level"))?;
    Ok((feature, level))
}

impl FeaturesCommand {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let admin = session.admin().await?;
        if self.levels.is_empty() {
            return session.output().table(&table(&admin.describe_features().await?));
        }
        let permit = session.permit("set the levels of features").await?;
        let updates = self.levels.iter().map(|(feature, level)| self.update(feature, *level));
        let updated = match permit {
            Permit::Change => admin.update_features(updates).await,
            Permit::DryRun => admin.validate_features(updates).await,
        };
        session.output().outcomes(&Outcomes::new(permit, "feature", "set").extend(updated))
    }

    fn update(&self, feature: &str, level: i16) -> FeatureUpdate {
        match (self.downgrade, self.lose_metadata) {
            (false, _) => FeatureUpdate::upgrade(feature, level),
            (true, false) => FeatureUpdate::safe_downgrade(feature, level),
            (true, true) => FeatureUpdate::unsafe_downgrade(feature, level),
        }
    }
}

fn table(features: &Features) -> Table {
    let mut table = Table::new(["feature", "level", "supported_from", "supported_to"]);
    let names: BTreeSet<_> = features.finalized.keys().chain(features.supported.keys()).collect();
    for name in names {
        let supported = features.supported.get(name);
        table.row([
            (&**name).into(),
            features.level(name).into(),
            supported.map(|levels| *levels.start()).into(),
            supported.map(|levels| *levels.end()).into(),
        ]);
    }
    table
}
