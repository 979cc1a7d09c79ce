//! `kestrel topics delete`.

use clap::Args;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// Deletes topics with all of their records.
#[derive(Debug, Args)]
pub(crate) struct DeleteTopics {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// A topic that is not there is no failure
    #[arg(long)]
    pub(crate) if_exists: bool,
}

impl DeleteTopics {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { mut topics, if_exists } = self;
        let permit = session.permit(&format!("delete {}", topics.join(", "))).await?;
        let admin = session.admin().await?;
        if if_exists {
            let known = admin.list_topics().await?;
            topics.retain(|name| known.iter().any(|topic| *topic.name == **name));
        }
        let outcomes = Outcomes::new(permit, "topic", "deleted");
        session.output().outcomes(&match permit {
            Permit::Change => outcomes.extend(admin.delete_topics(topics).await),
            Permit::DryRun => outcomes.extend(admin.describe_topics(topics).await),
        })
    }
}
