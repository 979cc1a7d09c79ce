//! The retry loop of administrative calls: rounds until every item is done, refused for good, or out of time.

use std::future::Future;
use std::time::{Duration, Instant};

use kestrel_protocol::{ApiKey, ErrorCode, NodeId};
use tokio::time::timeout_at;

use super::{Admin, AdminResults, TIMEOUT_SETTING};
use crate::client::Client;
use crate::coordinators::each;
use crate::environment::{self, after};
use crate::error::{BrokerError, Error, Result};
use crate::observer::Retried;

/// A result for each item of a round, in their order, or the error that all of them share.
pub(crate) type Round<C> = Result<Vec<Result<<C as Call>::Output>>>;

/// A call about several items.
pub(crate) trait Call: Sync {
    /// The thing that each result is about.
    type Item: Clone + Send + Sync;
    /// The result for each item.
    type Output: Send;
    /// The call in words, for the text of a timeout.
    const OPERATION: &'static str;
    /// Whether an item that failed with this error is tried again.
    // To most calls a topic that is not there is an answer.
    const IS_PASSING: fn(&Error) -> bool =
        |error| error.is_passing() && error.code() != Some(ErrorCode::UnknownTopicOrPartition);

    /// Asks once about `items`, until `deadline` at most.
    fn round(
        &self,
        client: &Client,
        items: &[Self::Item],
        deadline: Instant,
    ) -> impl Future<Output = Round<Self>> + Send;

    /// Refuses an item that must not be sent, such as a negative number that means something else on the wire.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] that says what is wrong with the item.
    fn check(&self, item: &Self::Item) -> Result<()> {
        let _ = item;
        Ok(())
    }
}

impl Admin {
    /// [`settle`], within the time that this handle has for a call.
    pub(super) async fn settle<C: Call>(
        &self,
        call: &C,
        items: Vec<C::Item>,
    ) -> AdminResults<C::Item, C::Output> {
        AdminResults(settle(&self.client, call, items, self.timeout).await)
    }

    /// The same for a call that is about one thing: the cluster, or all that it has of a kind.
    pub(super) async fn settle_one<C: Call<Item = ()>>(&self, call: &C) -> Result<C::Output> {
        let settled = self.settle(call, vec![()]).await.into_iter().next();
        let unanswered = || Err(Error::timeout(C::OPERATION, self.timeout, TIMEOUT_SETTING));
        settled.map_or_else(unanswered, |((), result)| result)
    }

    /// The same for a call to every broker; gives what they all tell.
    pub(super) async fn settle_at_brokers<C, T>(&self, call: &C) -> Result<Vec<T>>
    where
        C: Call<Item = NodeId, Output = Vec<T>>,
    {
        let brokers = self.client.metadata().current().brokers.keys().copied().collect();
        let told = self.settle(call, brokers).await.into_result()?;
        Ok(told.into_iter().flat_map(|(_, told)| told).collect())
    }
}

/// Runs rounds until every item is settled or `timeout` is over; returns a result for each, in their order.
pub(crate) async fn settle<C: Call>(
    client: &Client,
    call: &C,
    items: Vec<C::Item>,
    timeout: Duration,
) -> Vec<(C::Item, Result<C::Output>)> {
    let deadline = after(environment::now(), timeout);
    let mut backoff = client.retry_backoff();
    let mut settled: Vec<Option<Result<C::Output>>> =
        items.iter().map(|item| call.check(item).err().map(Err)).collect();
    let mut open: Vec<usize> =
        (0..).zip(&settled).filter(|(_, done)| done.is_none()).map(|(at, _)| at).collect();
    for failures in 1.. {
        if open.is_empty() {
            break;
        }
        let asked: Vec<_> = open.iter().filter_map(|&index| items.get(index).cloned()).collect();
        // A broker that holds the client back makes a request wait for longer than its own timeout says.
        let Ok(results) = timeout_at(deadline.into(), ask(client, call, &asked, deadline)).await else {
            for index in open {
                let Some(slot) = settled.get_mut(index) else { continue };
                let last = slot.take();
                *slot = Some(Err(overdue::<C>(timeout, last)));
            }
            break;
        };
        let now = environment::now();
        let pause = backoff.delay(failures);
        let mut again = Vec::new();
        for (index, result) in std::mem::take(&mut open).into_iter().zip(results) {
            let Some(slot) = settled.get_mut(index) else { continue };
            *slot = Some(match result {
                Err(error) if (C::IS_PASSING)(&error) => {
                    if now < deadline {
                        again.push(index);
                        tell_retried::<C>(client, failures, pause, &error);
                    }
                    Err(timed_out::<C>(timeout, error))
                }
                result => result,
            });
        }
        open = again;
        if !open.is_empty() {
            client.metadata().request_refresh();
            let until = after(now, pause).min(deadline);
            environment::sleep_until(Some(until)).await;
        }
    }
    let unanswered = || Err(Error::timeout(C::OPERATION, timeout, TIMEOUT_SETTING));
    items.into_iter().zip(settled.into_iter().map(|result| result.unwrap_or_else(unanswered))).collect()
}

/// Asks about all items in one round; by themselves about those of a request that the protocol had no room for, so that
/// one item that is too long does not stop the others.
async fn ask<C: Call>(
    client: &Client,
    call: &C,
    items: &[C::Item],
    deadline: Instant,
) -> Vec<Result<C::Output>> {
    let results = each(items.len(), call.round(client, items, deadline).await);
    if items.len() == 1 {
        return results;
    }
    let mut settled = Vec::with_capacity(items.len());
    for (item, result) in items.iter().zip(results) {
        match result {
            Err(Error::Encode { .. }) => {
                settled.extend(each(1, call.round(client, std::slice::from_ref(item), deadline).await));
            }
            result => settled.push(result),
        }
    }
    settled
}

fn tell_retried<C: Call>(client: &Client, failures: u32, backoff: Duration, error: &Error) {
    let operation = C::OPERATION;
    let event = Retried { operation, topic: None, partition: None, failures, backoff, error };
    client.observer().tell(|observer| observer.on_retried(&event));
}

/// The error of an item whose time is up while a broker may have its request, with the failure of the round before as the cause.
fn overdue<C: Call>(timeout: Duration, last: Option<Result<C::Output>>) -> Error {
    let cause = match last {
        Some(Err(Error::Timeout { cause, .. })) => cause,
        _ => None,
    };
    Error::Timeout {
        operation: C::OPERATION,
        after: timeout,
        setting: Some(TIMEOUT_SETTING),
        possibly_written: true,
        cause,
    }
}

/// The error of an item whose time is up, with its last failure as the cause.
fn timed_out<C: Call>(timeout: Duration, cause: Error) -> Error {
    Error::Timeout {
        operation: C::OPERATION,
        after: timeout,
        setting: Some(TIMEOUT_SETTING),
        possibly_written: cause.possibly_written(),
        cause: Some(Box::new(cause)),
    }
}

/// The time that a broker may take for a request, in milliseconds: until `deadline`, at most the request timeout.
pub(crate) fn timeout_ms(client: &Client, deadline: Instant) -> i32 {
    let left = deadline.saturating_duration_since(environment::now()).min(client.request_timeout());
    i32::try_from(left.as_millis()).unwrap_or(i32::MAX)
}

/// An error unless `number` is `least` or more.
pub(crate) fn at_least(what: &'static str, number: i64, least: i64) -> Result<()> {
    if number < least {
        return Err(Error::invalid_argument(what, format!("{number} is not allowed: the least is {least}")));
    }
    Ok(())
}

/// A broker's error code as a result.
pub(super) fn check(api: ApiKey, code: ErrorCode, message: Option<&str>) -> Result<()> {
    match code {
        ErrorCode::None => Ok(()),
        code => Err(BrokerError::new(api, code).message(message).into()),
    }
}

/// The error of an item that an answer leaves out.
pub(super) fn left_out(api: ApiKey) -> Error {
    let message = Some("the broker's answer leaves it out");
    BrokerError::new(api, ErrorCode::UnknownServerError).message(message).into()
}
