//! `kestrel schemas level`: what new versions have to get along with.

use clap::Args;
use kestrel_registry_client::Level;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Page;
use crate::session::Session;

/// Shows or sets what new versions have to get along with.
#[derive(Debug, Args)]
pub(crate) struct LevelOf {
    /// The subject [default: all that have no level of their own]
    subject: Option<String>,
    /// Set it: NONE, BACKWARD, FORWARD, FULL, or one of these with _TRANSITIVE
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    to: Option<Level>,
    /// Delete the level that the subject has, so that the one for all holds
    #[arg(long, conflicts_with = "to")]
    delete: bool,
}

fn level(text: &str) -> Result<Level, String> {
    text.to_ascii_uppercase().replace('-', "_").parse().map_err(|_| {
        let names: Vec<_> = Level::ALL.iter().map(|level| level.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

impl LevelOf {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let registry = session.registry()?;
        let subject = self.subject.as_ref().map(|name| registry.subject(name));
        if self.to.is_some() || self.delete {
            let of = self.subject.as_deref().unwrap_or("all subjects");
            let permit = session.permit(&format!("change the compatibility level of {of}")).await?;
            if permit == Permit::Change {
                match (&subject, self.to) {
                    (Some(subject), Some(level)) => subject.set_config(level).await?,
                    (Some(subject), None) => subject.delete_config().await?,
                    (None, Some(level)) => registry.set_config(level).await?,
                    (None, None) => registry.delete_config().await?,
                };
            }
        }
        let config = match subject {
            Some(subject) => subject.config().effective().await?,
            None => registry.config().await?,
        };
        let page =
            Page::new().field("subject", self.subject).field("level", config.compatibility.map(Level::name));
        session.output().pages(&[page])
    }
}
