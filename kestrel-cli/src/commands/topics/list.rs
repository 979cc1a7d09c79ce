//! `kestrel topics list`.

use clap::Args;

use crate::failure::Failure;
use crate::output::Table;
use crate::session::Session;

/// Lists topics.
#[derive(Debug, Args)]
pub(crate) struct ListTopics {
    /// Only topics whose names have this in them
    pub(crate) part: Option<String>,
    /// Also the topics that Kafka makes for itself, such as __consumer_offsets
    #[arg(long)]
    pub(crate) internal: bool,
}

impl ListTopics {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut table = Table::new(["topic", "partitions", "internal"]);
        for topic in session.admin().await?.list_topics().await? {
            let is_meant = self.part.as_deref().is_none_or(|part| topic.name.contains(part));
            if is_meant && (self.internal || !topic.is_internal) {
                table.row([(&*topic.name).into(), topic.partition_count.into(), topic.is_internal.into()]);
            }
        }
        session.output().table(&table)
    }
}
