//! The turn of a request whose effect has to wait: until it has happened, the connection takes no further request.
//!
//! Most requests have their effect while they are called, and need no turn. Produce does when records begin a transaction: the
//! coordinator stores that the transaction has the partition before they are appended, and what the client sends behind them
//! must not get there first.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

/// The ordered part of a request, as long as it takes. Whoever polls it drives it: the router before it takes the next request,
/// and the reply once it is the oldest.
#[derive(Clone)]
pub(crate) struct Turn(Shared<BoxFuture<'static, ()>>);

impl Turn {
    /// Ready once the effect has happened.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_unpin(cx)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

/// The turn of an effect, and the future of what the effect gives.
pub(super) fn take_turn<T: Send + 'static>(
    effect: impl Future<Output = T> + Send + 'static,
) -> (Turn, impl Future<Output = T> + Send + 'static) {
    let outcome = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&outcome);
    let turn = async move { *kept.lock() = Some(effect.await) };
    let turn = Turn(turn.boxed().shared());
    let over = turn.clone();
    let outcome = async move {
        over.0.await;
        outcome.lock().take().expect("the effect has happened, and nobody else takes what it gave")
    };
    (turn, outcome)
}

#[cfg(test)]
mod tests {
    use futures::channel::oneshot;
    use futures::task::noop_waker_ref;

    use super::*;

    #[test]
    fn both_sides_drive_an_effect_and_one_gets_what_it_gave() {
        for by_reply in [false, true] {
            let (sender, effect) = oneshot::channel();
            let (mut turn, outcome) = take_turn(effect);
            let mut cx = Context::from_waker(noop_waker_ref());
            let mut outcome = std::pin::pin!(outcome);
            assert!(turn.poll_over(&mut cx).is_pending() && outcome.as_mut().poll(&mut cx).is_pending());
            sender.send(7).unwrap();
            if by_reply {
                assert_eq!(outcome.as_mut().poll(&mut cx), Poll::Ready(Ok(7)));
                assert!(turn.poll_over(&mut cx).is_ready());
            } else {
                assert!(turn.poll_over(&mut cx).is_ready());
                assert_eq!(outcome.as_mut().poll(&mut cx), Poll::Ready(Ok(7)));
            }
        }
    }
}
