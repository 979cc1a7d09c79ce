//! Requests that wait: produce for the high watermark, fetch for something to read. Futures on watch channels, no polling.
//!
//! Nothing here has a deadline: the caller gives up by dropping the future, which has no effect on the partition.

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use kestrel_protocol::ErrorCode;
use tokio::sync::watch;

use super::watermarks::{Isolation, Watermarks};

/// The state of a partition that waiting requests watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Published {
    /// How far it may be read.
    pub(super) watermarks: Watermarks,
    /// Whether it was deleted, so that no one shall wait for it any longer.
    pub(super) retired: bool,
}

/// Waits until the high watermark is above `last_offset`.
///
/// # Errors
/// `NOT_LEADER_OR_FOLLOWER` when the partition is deleted meanwhile.
pub(super) async fn committed(
    mut partition: watch::Receiver<Published>,
    last_offset: i64,
) -> Result<(), ErrorCode> {
    let is_over = |now: &Published| now.retired || now.watermarks.high > last_offset;
    match partition.wait_for(is_over).await {
        Ok(now) if now.watermarks.high > last_offset => Ok(()),
        Ok(_) | Err(_) => Err(ErrorCode::NotLeaderOrFollower),
    }
}

/// A partition that a fetch found too little in.
#[derive(Debug)]
pub(crate) struct FetchWatch {
    partition: watch::Receiver<Published>,
    isolation: Isolation,
    seen: Watermarks,
}

impl FetchWatch {
    pub(super) const fn new(
        partition: watch::Receiver<Published>,
        isolation: Isolation,
        seen: Watermarks,
    ) -> Self {
        Self { partition, isolation, seen }
    }

    /// Ends when more can be read than was seen, the log start moved, or the partition is gone.
    async fn news(mut self) {
        let Self { isolation, seen, .. } = self;
        let is_new = |now: &Published| {
            now.retired
                || now.watermarks.readable_end(isolation) > seen.readable_end(isolation)
                || now.watermarks.log_start > seen.log_start
        };
        // An error is a partition that is gone: news too.
        let _ = self.partition.wait_for(is_new).await;
    }
}

/// Waits until at least one of the partitions has news; forever when there are none.
///
/// What happened since the watermarks that a watch was made with were read counts, so no news is lost in between.
pub(crate) async fn any_news(watches: impl IntoIterator<Item = FetchWatch>) {
    let mut waiting: FuturesUnordered<BoxFuture<'static, ()>> =
        watches.into_iter().map(|watch| Box::pin(watch.news()) as BoxFuture<'static, ()>).collect();
    if waiting.next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const START: Watermarks = Watermarks { log_start: 0, stable: 2, high: 2, end: 2 };

    fn channel() -> (watch::Sender<Published>, watch::Receiver<Published>) {
        watch::channel(Published { watermarks: START, retired: false })
    }

    #[tokio::test]
    async fn produce_waits_for_the_high_watermark() {
        let (sender, receiver) = channel();
        assert_eq!(committed(receiver.clone(), 1).await, Ok(()));
        let mut waiting = std::pin::pin!(committed(receiver, 2));
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.send_modify(|now| now.watermarks.end = 3);
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.send_modify(|now| now.watermarks.high = 3);
        assert_eq!(waiting.await, Ok(()));
    }

    #[tokio::test]
    async fn produce_does_not_wait_for_a_deleted_partition() {
        let (sender, receiver) = channel();
        sender.send_modify(|now| now.retired = true);
        assert_eq!(committed(receiver.clone(), 2).await, Err(ErrorCode::NotLeaderOrFollower));
        // What was stored before is stored.
        assert_eq!(committed(receiver.clone(), 1).await, Ok(()));
        drop(sender);
        assert_eq!(committed(receiver, 2).await, Err(ErrorCode::NotLeaderOrFollower));
    }

    #[tokio::test]
    async fn fetch_wakes_for_what_it_may_read_and_nothing_else() {
        let (sender, receiver) = channel();
        let watch = |isolation| FetchWatch::new(receiver.clone(), isolation, START);
        let mut uncommitted = std::pin::pin!(any_news([watch(Isolation::ReadUncommitted)]));
        let mut committed = std::pin::pin!(any_news([watch(Isolation::ReadCommitted)]));
        sender.send_modify(|now| now.watermarks.end = 4);
        assert!(uncommitted.as_mut().now_or_never().is_none());
        sender.send_modify(|now| now.watermarks.high = 4);
        assert!(uncommitted.now_or_never().is_some());
        assert!(committed.as_mut().now_or_never().is_none());
        sender.send_modify(|now| now.watermarks.stable = 3);
        assert!(committed.now_or_never().is_some());
        // A watch made with old watermarks sees what happened before it was made.
        assert!(any_news([watch(Isolation::ReadUncommitted)]).now_or_never().is_some());
    }

    #[tokio::test]
    async fn fetch_wakes_when_one_of_many_partitions_is_deleted() {
        let (one, first) = channel();
        let (two, second) = channel();
        let watches = [first, second].map(|watched| FetchWatch::new(watched, Isolation::default(), START));
        let mut waiting = std::pin::pin!(any_news(watches));
        assert!(waiting.as_mut().now_or_never().is_none());
        two.send_modify(|now| now.retired = true);
        assert!(waiting.now_or_never().is_some());
        assert!(any_news([]).now_or_never().is_none());
        drop(one);
    }
}
