//! Coordinators: finds the brokers that coordinate groups and transactions (FindCoordinator). For consumers' groups,
//! transactional producers and administrative calls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::join_all;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, NodeId};

use crate::client::{Client, Target};
use crate::error::{BrokerError, Error, Result};

/// A kind of coordinator: what its keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoordinatorType {
    /// Coordinates groups, by group id.
    Group,
    /// Coordinates transactions, by transactional id.
    Transaction,
}

impl CoordinatorType {
    const fn id(self) -> i8 {
        match self {
            Self::Group => 0,
            Self::Transaction => 1,
        }
    }

    /// What was said about the coordinator of `key`.
    fn refused(self, key: &Arc<str>, code: ErrorCode, message: Option<&str>) -> Error {
        let error = BrokerError::new(ApiKey::FindCoordinator, code).message(message);
        match self {
            Self::Group => error.group(Arc::clone(key)).into(),
            Self::Transaction => error.transactional_id(Arc::clone(key)).into(),
        }
    }

    fn left_out(self, key: &Arc<str>) -> Error {
        self.refused(key, ErrorCode::CoordinatorNotAvailable, None)
    }
}

/// Finds the coordinators of `keys`: all in one request where the broker can (KIP-699), one by one otherwise.
pub(crate) async fn coordinators(
    client: &Client,
    of: CoordinatorType,
    keys: BTreeSet<&Arc<str>>,
) -> HashMap<Arc<str>, Result<NodeId>> {
    let Some(first) = keys.first() else { return HashMap::new() };
    let all: Vec<_> = keys.iter().map(|key| ByteString::from(&***key)).collect();
    match ask(client, of, first, all).await {
        Ok(found) if found.len() == keys.len() => found,
        // A broker from before KIP-699 answers for one.
        Ok(found) => {
            let rest = keys.into_iter().filter(|key| !found.contains_key(*key));
            let asked = join_all(rest.map(|key| ask_for_one(client, of, key))).await;
            found.into_iter().chain(asked).collect()
        }
        Err(error) => keys.into_iter().map(|key| (Arc::clone(key), Err(error.clone()))).collect(),
    }
}

async fn ask_for_one(client: &Client, of: CoordinatorType, key: &Arc<str>) -> (Arc<str>, Result<NodeId>) {
    let answer = ask(client, of, key, vec![ByteString::from(&**key)]).await;
    let left_out = || Err(of.left_out(key));
    (Arc::clone(key), answer.and_then(|mut found| found.remove(key).unwrap_or_else(left_out)))
}

/// One request in both of its forms: for `first` alone, and for `all`.
async fn ask(
    client: &Client,
    of: CoordinatorType,
    first: &Arc<str>,
    all: Vec<ByteString>,
) -> Result<HashMap<Arc<str>, Result<NodeId>>> {
    let request =
        FindCoordinatorRequest { key: ByteString::from(&**first), key_type: of.id(), coordinator_keys: all };
    let response = client.send(Target::Any, &request).await?;
    if response.coordinators.is_empty() {
        let answer = match response.error_code {
            ErrorCode::None => Ok(response.node_id),
            code => Err(of.refused(first, code, response.error_message.as_deref())),
        };
        return Ok(HashMap::from([(Arc::clone(first), answer)]));
    }
    let coordinators = response.coordinators.into_iter().map(|found| {
        let key: Arc<str> = Arc::from(&*found.key);
        let answer = match found.error_code {
            ErrorCode::None => Ok(found.node_id),
            code => Err(of.refused(&key, code, found.error_message.as_deref())),
        };
        (key, answer)
    });
    Ok(coordinators.collect())
}

/// A result for each of `count` items: the error that they share, for every one of them.
pub(crate) fn each<T>(count: usize, results: Result<Vec<Result<T>>>) -> Vec<Result<T>> {
    results.unwrap_or_else(|error| (0..count).map(|_| Err(error.clone())).collect())
}

/// Asks the coordinators of all keys at once; `ask` gets the keys of one and gives a result for each, in their order.
/// Gives a result for each of `keys`, in their order.
pub(crate) async fn at_coordinators<T: Clone, F>(
    client: &Client,
    of: CoordinatorType,
    keys: &[Arc<str>],
    ask: impl Fn(NodeId, Vec<Arc<str>>) -> F,
) -> Result<Vec<Result<T>>>
where
    F: Future<Output = Result<Vec<Result<T>>>>,
{
    let mut results: HashMap<Arc<str>, Result<T>> = HashMap::new();
    let mut by_node: BTreeMap<NodeId, Vec<Arc<str>>> = BTreeMap::new();
    for (key, found) in coordinators(client, of, keys.iter().collect()).await {
        match found {
            Ok(node) => by_node.entry(node).or_default().push(key),
            Err(error) => {
                results.insert(key, Err(error));
            }
        }
    }
    let answers = join_all(by_node.iter().map(|(&node, keys)| ask(node, keys.clone()))).await;
    for (keys, answers) in by_node.into_values().zip(answers) {
        let answers = each(keys.len(), answers);
        results.extend(keys.into_iter().zip(answers));
    }
    Ok(keys.iter().map(|key| results.get(key).cloned().unwrap_or_else(|| Err(of.left_out(key)))).collect())
}

/// The coordinator of one key.
pub(crate) async fn coordinator(client: &Client, of: CoordinatorType, key: &Arc<str>) -> Result<NodeId> {
    let found = coordinators(client, of, BTreeSet::from([key])).await.remove(key);
    found.unwrap_or_else(|| Err(of.left_out(key)))
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
