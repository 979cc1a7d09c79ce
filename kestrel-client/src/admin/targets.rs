//! Items on their way to the brokers that each of them names, all brokers asked at once.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::client::Target;
use crate::error::{Error, Result};

/// Asks all targets for their items at once; returns the results in the order of the items.
pub(super) async fn at_targets<'a, I, T, F>(
    items: &'a [I],
    target_of: impl Fn(&I) -> Target,
    ask: impl Fn(Target, Vec<&'a I>) -> F,
) -> Vec<Result<T>>
where
    F: Future<Output = Vec<Result<T>>>,
{
    let mut targets: BTreeMap<Target, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        targets.entry(target_of(item)).or_default().push(index);
    }
    let asked = targets.into_iter().map(|(target, indexes)| {
        let wanted = indexes.iter().filter_map(|&index| items.get(index)).collect();
        let answers = ask(target, wanted);
        async move { indexes.into_iter().zip(answers.await).collect::<Vec<_>>() }
    });
    let mut results: BTreeMap<usize, Result<T>> = join_all(asked).await.into_iter().flatten().collect();
    let unanswered = || Err(Error::closed("connection"));
    (0..items.len()).map(|index| results.remove(&index).unwrap_or_else(unanswered)).collect()
}
