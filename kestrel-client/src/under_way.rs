//! What a task has begun and waits for: futures that it polls itself, in the order in which they were begun.
//!
//! Used by the tasks of producers and consumers for their requests. Never spawns, and never wakes its own task as
//! `FuturesUnordered` does after each new future: the runtime takes that for work that another thread should help with.
//! Every look polls all of them, so it is for as many as a task has brokers, not for thousands.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;

/// Futures under way; dropping it drops them where they are.
pub(crate) struct UnderWay<T> {
    futures: VecDeque<BoxFuture<'static, T>>,
}

impl<T> UnderWay<T> {
    pub(crate) const fn new() -> Self {
        Self { futures: VecDeque::new() }
    }

    /// Adds `future`, which is polled for the first time by the next look.
    pub(crate) fn begin(&mut self, future: impl Future<Output = T> + Send + 'static) {
        self.futures.push_back(future.boxed());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }

    /// The result of the one that was begun first of those that are done. Waits for one, for ever when nothing is under way.
    ///
    /// Cancel-safe: a result is taken out only by the call that returns it.
    pub(crate) async fn next(&mut self) -> T {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Self::next`]; pending when nothing is done yet.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        for (index, future) in self.futures.iter_mut().enumerate() {
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                self.futures.remove(index);
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::sync::oneshot;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_task_is_woken_by_what_is_done_and_by_nothing_else() {
        let wakes = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut under_way = UnderWay::new();
        assert!(pin!(under_way.next()).poll(&mut cx).is_pending());
        let senders = ["first", "second", "third"].map(|name| {
            let (sender, receiver) = oneshot::channel::<()>();
            under_way.begin(async move {
                receiver.await.unwrap();
                name
            });
            sender
        });
        assert!(pin!(under_way.next()).poll(&mut cx).is_pending());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        let [first, second, third] = senders;
        third.send(()).unwrap();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        second.send(()).unwrap();
        assert_eq!(pin!(under_way.next()).poll(&mut cx), Poll::Ready("second"));
        assert_eq!(pin!(under_way.next()).poll(&mut cx), Poll::Ready("third"));
        assert!(pin!(under_way.next()).poll(&mut cx).is_pending());
        first.send(()).unwrap();
        assert_eq!(pin!(under_way.next()).poll(&mut cx), Poll::Ready("first"));
    }
}
