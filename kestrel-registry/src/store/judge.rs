//! Judge: decides requests, those that parse and compare schemas on threads of their own.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::state::State;
use crate::error::Refusal;
use crate::machine::{Answer, Decision, Machine, Request};

/// The decisions that wait for a thread; one more is refused.
const WAITING_DECISIONS: usize = 1_024;

/// Lets as many decisions about schemas run at a time as the machine has processors, and no more wait than a limit.
#[derive(Debug, Clone)]
pub(super) struct Judge {
    state: Arc<State>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Judge {
    pub(super) fn new(state: Arc<State>) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            state,
            running: Arc::new(Semaphore::new(processors)),
            waiting: Arc::new(Semaphore::new(WAITING_DECISIONS)),
        }
    }

    /// What a request comes to at the end of what was read.
    pub(super) async fn decide_now(&self, request: &Arc<Request>) -> Result<Decision, Refusal> {
        self.judge(&self.state.machine(), request, Machine::decide).await
    }

    pub(super) async fn answer(
        &self,
        machine: &Arc<Machine>,
        request: &Arc<Request>,
    ) -> Result<Answer, Refusal> {
        self.judge(machine, request, Machine::decide).await.map(|decision| decision.answer)
    }

    /// The answer to a request that is a write, if nothing has to be written for it.
    pub(super) async fn known(
        &self,
        machine: Arc<Machine>,
        request: &Arc<Request>,
    ) -> Result<Option<Answer>, Refusal> {
        self.judge(&machine, request, |machine, request| Ok(machine.known(request))).await
    }

    async fn judge<T: Send + 'static>(
        &self,
        machine: &Arc<Machine>,
        request: &Arc<Request>,
        judgement: fn(&Machine, &Request) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if !request.is_heavy() {
            return judgement(machine, request);
        }
        let busy = |_| Refusal::busy("too many schemas wait to be compared");
        let _waiting = self.waiting.try_acquire().map_err(busy)?;
        // Held by the thread, which goes on when the caller does not wait any more.
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Refusal::stopping())?;
        let (machine, request) = (Arc::clone(machine), Arc::clone(request));
        let decided = spawn_blocking(move || {
            let _running = running;
            judgement(&machine, &request)
        });
        decided.await.unwrap_or_else(|_| Err(Refusal::internal("a schema could not be judged: see the log")))
    }
}
