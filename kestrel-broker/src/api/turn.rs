//! The turn of a request whose effect has to wait: until it has happened, the connection takes no further request.
//!
//! Most requests have their effect while they are called, and need no turn. Produce does when records begin a transaction: the
//! coordinator stores that the transaction has the partition before they are appended, and what the client sends behind them
//! must not get there first.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use super::Reply;

/// The ordered part of a request, as long as it takes. Whoever polls it drives it: the router before it takes the next request,
/// and the reply once it is the oldest.
#[derive(Clone)]
pub(crate) struct Turn(Shared<BoxFuture<'static, ()>>);

/// The turns of one connection: at most one request has one, and it is the latest.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Option<Turn>);

impl Turns {
    /// Ready once the next request may be taken.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(turn) = &mut self.0 {
            ready!(turn.0.poll_unpin(cx));
            self.0 = None;
        }
        Poll::Ready(())
    }

    /// Notes the request that was taken, by its reply.
    pub(super) fn note(&mut self, reply: &Reply) {
        self.0 = reply.turn();
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
    use crate::api::AnswerFrame;

    #[test]
    fn the_next_request_waits_for_the_effect_and_not_for_the_answer() {
        let mut cx = Context::from_waker(noop_waker_ref());
        let mut turns = Turns::default();
        assert!(turns.poll_next(&mut cx).is_ready());
        turns.note(&Reply::now(Ok(AnswerFrame::default())));
        assert!(turns.poll_next(&mut cx).is_ready());
        // Whoever comes first drives the effect: the router before the next request, or the reply when it is the oldest.
        for driven_by_reply in [false, true] {
            let (have_effect, effect) = oneshot::channel();
            let (have_answer, answer) = oneshot::channel();
            let (turn, handled) = take_turn(effect);
            let mut reply = Reply::held(turn, async move {
                assert_eq!((handled.await, answer.await), (Ok("done"), Ok(())));
                Ok(AnswerFrame::default())
            });
            turns.note(&reply);
            assert!(turns.poll_next(&mut cx).is_pending() && reply.poll_unpin(&mut cx).is_pending());
            have_effect.send("done").unwrap();
            if driven_by_reply {
                assert!(reply.poll_unpin(&mut cx).is_pending());
            }
            assert!(turns.poll_next(&mut cx).is_ready());
            assert!(reply.poll_unpin(&mut cx).is_pending());
            have_answer.send(()).unwrap();
            assert!(reply.poll_unpin(&mut cx).is_ready());
        }
    }

    #[test]
    fn a_connection_that_ends_takes_the_effect_with_it() {
        let (have_effect, effect) = oneshot::channel::<()>();
        let mut turns = Turns::default();
        let (turn, handled) = take_turn(effect);
        let reply = Reply::held(turn, handled.map(|_| Ok(AnswerFrame::default())));
        turns.note(&reply);
        drop((reply, turns));
        assert!(have_effect.is_canceled());
    }
}
