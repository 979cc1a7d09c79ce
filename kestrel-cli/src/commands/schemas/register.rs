//! `kestrel schemas register`.

use clap::Args;

use super::source::SchemaSource;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Page;
use crate::session::Session;

/// Registers a schema.
#[derive(Debug, Args)]
pub(crate) struct RegisterSchema {
    /// The subject, such as orders-value
    subject: String,
    #[command(flatten)]
    source: SchemaSource,
    /// The registry brings the schema into its normal form first
    #[arg(long)]
    normalize: bool,
}

impl RegisterSchema {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let schema = self.source.read()?;
        let permit = session.permit(&format!("register a schema for {}", self.subject)).await?;
        let subject = session.registry()?.subject(&self.subject);
        if permit == Permit::DryRun {
            let compatibility = subject.compatibility(&schema).verbose().await;
            // A subject that is not there yet takes everything.
            let is_compatible = compatibility.as_ref().map_or(true, |answer| answer.is_compatible);
            return session
                .output()
                .pages(&[Page::new().field("subject", self.subject).field("would_be_taken", is_compatible)]);
        }
        let call = subject.register(schema);
        let stored = if self.normalize { call.normalize() } else { call }.await?;
        session.output().pages(&[Page::new()
            .field("subject", self.subject)
            .field("version", stored.version)
            .field("id", stored.id)])
    }
}
