//! `kestrel schemas check`.

use clap::Args;

use super::source::{SchemaSource, VersionName};
use crate::failure::{Exit, Failure};
use crate::output::{Cell, Page, Table};
use crate::session::Session;

/// Checks whether a schema could become a version; it fails when it could not.
#[derive(Debug, Args)]
pub(crate) struct CheckSchema {
    /// The subject, such as orders-value
    subject: String,
    #[command(flatten)]
    source: SchemaSource,
    /// Compare it with this version alone [default: with those that the subject's level says]
    #[arg(long, value_name = "VERSION")]
    with: Option<VersionName>,
}

impl CheckSchema {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let schema = self.source.read()?;
        let subject = session.registry()?.subject(&self.subject);
        let call = match self.with {
            None => subject.compatibility(schema),
            Some(VersionName::Latest) => subject.compatibility_with_latest(schema),
            Some(VersionName::Number(version)) => subject.compatibility_with(version, schema),
        };
        let compatibility = call.verbose().await?;
        let mut reasons = Table::new(["reason"]);
        for message in &compatibility.messages {
            reasons.row([(&**message).into()]);
        }
        let is_compatible = compatibility.is_compatible;
        let page = Page::new()
            .field("subject", self.subject)
            .field("compatible", Cell::from(is_compatible).alarming_if(!is_compatible))
            .table("reasons", reasons);
        session.output().pages(&[page])?;
        if is_compatible { Ok(()) } else { Err(Failure::reported(Exit::Failed)) }
    }
}
