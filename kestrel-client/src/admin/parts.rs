//! Items that one request cannot hold: each on its way to the broker that it names, all brokers asked at once.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::coordinators::each;
use crate::error::{Error, Result};

/// Asks at once for the items of each part; gives the results in the order of the items.
pub(super) async fn in_parts<'a, I, P: Ord + Copy, T, F>(
    items: &'a [I],
    part_of: impl Fn(&I) -> P,
    ask: impl Fn(P, Vec<&'a I>) -> F,
) -> Result<Vec<Result<T>>>
where
    F: Future<Output = Result<Vec<Result<T>>>>,
{
    let mut parts: BTreeMap<P, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        parts.entry(part_of(item)).or_default().push(index);
    }
    let asked = parts.into_iter().map(|(part, indexes)| {
        let wanted = indexes.iter().filter_map(|&index| items.get(index)).collect();
        let answers = ask(part, wanted);
        async move { indexes.iter().copied().zip(each(indexes.len(), answers.await)).collect::<Vec<_>>() }
    });
    let mut results: BTreeMap<usize, Result<T>> = join_all(asked).await.into_iter().flatten().collect();
    let unanswered = || Err(Error::closed("connection"));
    Ok((0..items.len()).map(|index| results.remove(&index).unwrap_or_else(unanswered)).collect())
}
