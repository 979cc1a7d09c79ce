//! Coordinators: finds the brokers that coordinate groups (FindCoordinator). For consumers' groups and for administrative calls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::join_all;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, NodeId};

use crate::client::{Client, Target};
use crate::error::{BrokerError, Error, Result};

/// The key type of groups.
const GROUP: i8 = 0;

/// Finds the coordinators of groups: all in one request where the broker can (KIP-699), one by one otherwise.
pub(crate) async fn coordinators(
    client: &Client,
    groups: BTreeSet<&Arc<str>>,
) -> HashMap<Arc<str>, Result<NodeId>> {
    let Some(first) = groups.first() else { return HashMap::new() };
    let all: Vec<_> = groups.iter().map(|group| ByteString::from(&***group)).collect();
    match ask(client, first, all).await {
        Ok(found) if found.len() == groups.len() => found,
        // A broker from before KIP-699 answers for one.
        Ok(found) => {
            let rest = groups.into_iter().filter(|group| !found.contains_key(*group));
            let asked = join_all(rest.map(|group| ask_for_one(client, group))).await;
            found.into_iter().chain(asked).collect()
        }
        Err(error) => groups.into_iter().map(|group| (Arc::clone(group), Err(error.clone()))).collect(),
    }
}

async fn ask_for_one(client: &Client, group: &Arc<str>) -> (Arc<str>, Result<NodeId>) {
    let answer = ask(client, group, vec![ByteString::from(&**group)]).await;
    let left_out = || Err(not_found(group, ErrorCode::CoordinatorNotAvailable, None));
    (Arc::clone(group), answer.and_then(|mut found| found.remove(group).unwrap_or_else(left_out)))
}

/// One request in both of its forms: for `first` alone, and for `all`.
async fn ask(
    client: &Client,
    first: &Arc<str>,
    all: Vec<ByteString>,
) -> Result<HashMap<Arc<str>, Result<NodeId>>> {
    let request =
        FindCoordinatorRequest { key: ByteString::from(&**first), key_type: GROUP, coordinator_keys: all };
    let response = client.send(Target::Any, &request).await?;
    if response.coordinators.is_empty() {
        let answer = match response.error_code {
            ErrorCode::None => Ok(response.node_id),
            code => Err(not_found(first, code, response.error_message.as_deref())),
        };
        return Ok(HashMap::from([(Arc::clone(first), answer)]));
    }
    let coordinators = response.coordinators.into_iter().map(|found| {
        let group: Arc<str> = Arc::from(&*found.key);
        let answer = match found.error_code {
            ErrorCode::None => Ok(found.node_id),
            code => Err(not_found(&group, code, found.error_message.as_deref())),
        };
        (group, answer)
    });
    Ok(coordinators.collect())
}

fn not_found(group: &Arc<str>, code: ErrorCode, message: Option<&str>) -> Error {
    BrokerError::new(ApiKey::FindCoordinator, code).group(Arc::clone(group)).message(message).into()
}

/// Asks the coordinators of all groups at once; `ask` gets the groups of one and gives a result for each, in their order.
/// Gives a result for each of `groups`, in their order.
pub(crate) async fn at_coordinators<T: Clone, F>(
    client: &Client,
    groups: &[Arc<str>],
    ask: impl Fn(NodeId, Vec<Arc<str>>) -> F,
) -> Vec<Result<T>>
where
    F: Future<Output = Vec<Result<T>>>,
{
    let mut results: HashMap<Arc<str>, Result<T>> = HashMap::new();
    let mut by_node: BTreeMap<NodeId, Vec<Arc<str>>> = BTreeMap::new();
    for (group, found) in coordinators(client, groups.iter().collect()).await {
        match found {
            Ok(node) => by_node.entry(node).or_default().push(group),
            Err(error) => {
                results.insert(group, Err(error));
            }
        }
    }
    let answers = join_all(by_node.iter().map(|(&node, groups)| ask(node, groups.clone()))).await;
    for (groups, answers) in by_node.into_values().zip(answers) {
        results.extend(groups.into_iter().zip(answers));
    }
    let left_out = |group| Err(not_found(group, ErrorCode::CoordinatorNotAvailable, None));
    groups.iter().map(|group| results.get(group).cloned().unwrap_or_else(|| left_out(group))).collect()
}

/// The coordinator of one group.
pub(crate) async fn coordinator(client: &Client, group: &Arc<str>) -> Result<NodeId> {
    let left_out = || Err(not_found(group, ErrorCode::CoordinatorNotAvailable, None));
    coordinators(client, BTreeSet::from([group])).await.remove(group).unwrap_or_else(left_out)
}

/// Whether what a coordinator said goes away by itself. What it says of members is an answer.
pub(crate) fn is_passing_at_coordinator(error: &Error) -> bool {
    match error.code() {
        Some(code) => {
            matches!(code.class(), ErrorClass::Retriable | ErrorClass::FindCoordinator)
                || code == ErrorCode::RebalanceInProgress
        }
        None => error.is_passing(),
    }
}
