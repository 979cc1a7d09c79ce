//! `kestrel topics alter`. Configurations are altered by `kestrel configs`.

use clap::Args;
use kestrel_client::admin::NewPartitions;

use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::Outcomes;
use crate::session::Session;

/// Adds partitions to topics. Records stay where they are: keys may map to other partitions from then on.
#[derive(Debug, Args)]
pub(crate) struct AlterTopics {
    /// The topics
    #[arg(required = true, value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// How many partitions each has afterwards: more than now
    #[arg(long, short = 'p', value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: i32,
}

impl AlterTopics {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { topics, partitions } = self;
        let change = format!("add partitions to {}, up to {partitions}", topics.join(", "));
        let permit = session.permit(&change).await?;
        let admin = session.admin().await?;
        let outcomes = Outcomes::new(permit, "topic", "added partitions to");
        session.output().outcomes(&match permit {
            Permit::Change => {
                let wanted = topics.iter().map(|topic| NewPartitions::increase_to(topic, partitions));
                outcomes.extend(admin.create_partitions(wanted).await)
            }
            Permit::DryRun => outcomes.extend(admin.describe_topics(topics).await),
        })
    }
}
