//! Deleting topics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::{ApiKey, ByteString, TopicId};

use super::outcome;
use crate::admin::settle::{Call, Round, timeout_ms};
use crate::admin::visibility::Expected;
use crate::admin::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::into::IntoName;

impl Admin {
    /// Deletes topics, and waits until no broker of the cluster that answers shows them any more.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `UNKNOWN_TOPIC_OR_PARTITION`, `TOPIC_DELETION_DISABLED`; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn delete_topics(
        &self,
        topics: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, ()> {
        let topics = topics.into_iter().map(IntoName::into_name).collect();
        let results = self.settle(&DeleteTopics, topics).await;
        let deleted = results.iter().filter(|(_, result)| result.is_ok());
        let expected = deleted.map(|(name, _)| (name.clone(), Expected::Gone)).collect();
        self.wait_until_visible(expected).await;
        results
    }
}

#[derive(Debug)]
struct DeleteTopics;

impl Call for DeleteTopics {
    type Item = Arc<str>;
    type Output = ();
    const OPERATION: &'static str = "deleting topics";

    async fn round(&self, client: &Client, items: &[Arc<str>], deadline: Instant) -> Round<Self> {
        let name = |topic: &Arc<str>| ByteString::from(&**topic);
        let request = DeleteTopicsRequest {
            topics: items
                .iter()
                .map(|topic| DeleteTopicState { name: Some(name(topic)), topic_id: TopicId::NIL })
                .collect(),
            topic_names: items.iter().map(name).collect(),
            timeout_ms: timeout_ms(client, deadline),
        };
        let responses = client.send(Target::Controller, &request).await?.responses.into_iter();
        let answers: BTreeMap<_, _> = responses
            .filter_map(|answer| Some((answer.name?, (answer.error_code, answer.error_message))))
            .collect();
        Ok(items.iter().map(|item| outcome(ApiKey::DeleteTopics, item, answers.get(&**item))).collect())
    }
}
