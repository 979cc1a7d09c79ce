//! Hand: the run of batches that the caller's task has taken, and the one loop that hands out of it.
//!
//! Used by [`Consumer`](crate::Consumer) for records and for batches alike. Takes the lock once for a run, not for a record.
//!
//! A run whose next record has to wait, for a schema or until its dead letter is stored, is parked: it goes back to the engine, what it
//! waits for stays here, and other partitions go on.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::CallerProgress;
use super::poll_watch::PollWatch;
use crate::consumer::engine::{Engine, Offer, Recheck};
use crate::consumer::fetch::{CompletedFetch, Damage};
use crate::consumer::position::PositionId;
use crate::consumer::shared_engine::SharedEngine;
use crate::error::{Error, Result};
use crate::observer::ObserverSeat;
use crate::reader::Readiness;
use crate::record::TopicPartition;
use crate::rejected::Settling;

/// The run of batches in the caller's hands, if there is one.
pub(crate) struct Hand {
    shared: SharedEngine,
    run: Option<Run>,
    /// What is under way or known for runs that were put back: it is there again when their partition's turn comes.
    put_back: Vec<(PositionId, Waits)>,
    /// The engine's revision at which the run was last known to be still good.
    seen_revision: u64,
    watch: PollWatch,
}

/// A run of batches that is being handed out.
pub(crate) struct Run {
    pub(crate) fetch: Box<CompletedFetch>,
    pub(crate) waits: Waits,
}

/// What the next records of a run have to wait for.
#[derive(Default)]
pub(crate) struct Waits {
    /// Deserializers that get ready for its next record.
    pub(crate) readiness: Readiness,
    /// What becomes of its next records, where they cannot be read.
    pub(crate) settling: Settling,
}

impl Waits {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.readiness.poll(cx));
        self.settling.poll(cx)
    }

    const fn are_under_way(&self) -> bool {
        self.readiness.is_under_way() || self.settling.is_under_way()
    }
}

/// Why nothing more can be handed out of the run.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// The batch cannot be read.
    Damage(Damage),
    /// The next record can neither be handed out nor passed at the moment.
    Held(Error),
}

impl From<Damage> for Obstacle {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// The result of one look at the run.
pub(crate) enum Step<T> {
    HandOut(T),
    /// Nothing was handed out, but something changed: look again.
    Again,
    /// So much of the partition is not done yet that nothing more of it is handed out.
    Full,
    /// All of the run was handed out.
    RunEnded,
}

/// What the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// What comes next, and to be woken when it does.
    Next,
    /// What is there already.
    AtHand,
}

impl Hand {
    pub(crate) fn new(shared: SharedEngine, observer: ObserverSeat, group: Option<Arc<str>>) -> Self {
        let watch = PollWatch::new(observer, group);
        Self { shared, run: None, put_back: Vec::new(), seen_revision: 0, watch }
    }

    /// The partition that is in hand, and the offset that it hands out next.
    pub(crate) fn position(&self) -> Option<(TopicPartition, i64)> {
        let fetch = &self.run.as_ref()?.fetch;
        Some((TopicPartition::new(Arc::clone(&fetch.topic), fetch.partition), fetch.next_offset()))
    }

    fn next_offset(&self) -> Option<i64> {
        self.run.as_ref().map(|run| run.fetch.next_offset())
    }

    fn progress(&self) -> &CallerProgress {
        self.shared.progress()
    }

    /// The caller asks for more: what was handed out before is done.
    pub(crate) fn ask(&self) {
        self.progress().ask(self.next_offset());
        self.shared.tell_if_awaited();
    }

    /// Notes that what was handed out is done, although nothing is asked for: the group may not take its partition away yet.
    pub(crate) fn note_done(&self) {
        self.progress().finish(self.next_offset());
    }

    /// Hands out what `step` takes from the run in hand; fetches another run when there is none. Gives `None` when nothing will
    /// ever come.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnMut(&mut Run) -> Result<Step<T>, Obstacle>,
    ) -> Poll<Option<Result<T>>> {
        self.progress().ask(self.next_offset());
        self.poll_asked(cx, Wanted::Next, step)
    }

    /// As [`Self::poll`], for what is there already: a caller that gets nothing goes on working on what it has, and the group
    /// waits for it.
    pub(crate) fn poll_at_hand<T>(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnMut(&mut Run) -> Result<Step<T>, Obstacle>,
    ) -> Poll<Option<Result<T>>> {
        self.progress().ask_on(self.next_offset());
        self.poll_asked(cx, Wanted::AtHand, step)
    }

    fn poll_asked<T>(
        &mut self,
        cx: &mut Context<'_>,
        wanted: Wanted,
        step: impl FnMut(&mut Run) -> Result<Step<T>, Obstacle>,
    ) -> Poll<Option<Result<T>>> {
        let polled = self.poll_steps(cx, wanted, step);
        // For what is handed out `confirm` has done so, together with what was asked for: one fence does for both.
        if !matches!(polled, Poll::Ready(Some(Ok(_)))) {
            self.shared.tell_if_awaited();
        }
        match (&polled, &self.run) {
            (Poll::Ready(Some(Ok(_))), Some(run)) => self.watch.note_hand_out(&run.fetch),
            (Poll::Pending, _) => self.watch.note_wait(),
            _ => {}
        }
        polled
    }

    fn poll_steps<T>(
        &mut self,
        cx: &mut Context<'_>,
        wanted: Wanted,
        mut step: impl FnMut(&mut Run) -> Result<Step<T>, Obstacle>,
    ) -> Poll<Option<Result<T>>> {
        loop {
            let run = match ready!(self.poll_run(cx)) {
                Some(Ok(run)) => run,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            match step(run) {
                Ok(Step::HandOut(item)) => match self.confirm() {
                    Ok(true) => return Poll::Ready(Some(Ok(item))),
                    Ok(false) => {}
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                Ok(Step::Again) => {}
                Ok(Step::Full) => self.put_back(),
                // The run stays in hand, and with it what was handed out of it.
                Ok(Step::RunEnded) if wanted == Wanted::AtHand && !self.shared.look(|it| it.has_next()) => {
                    self.note_done();
                    return Poll::Pending;
                }
                Ok(Step::RunEnded) => self.end_run(),
                Err(obstacle) => {
                    if let Some(error) = self.meet(obstacle) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }

    /// Waits until there is a run to hand out from, whose next record need not wait.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<&mut Run>>> {
        match self.recheck() {
            Ok(Recheck::Rest) => self.put_back(),
            Ok(Recheck::GoOn | Recheck::Void) => {}
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
        self.poll_put_back(cx);
        loop {
            if self.run.is_none() {
                match self.shared.take(cx.waker()) {
                    Offer::Records(fetch) => self.take_up(fetch),
                    Offer::Problem(error) => return Poll::Ready(Some(Err(error))),
                    Offer::Ended => return Poll::Ready(None),
                    Offer::Nothing => return Poll::Pending,
                }
            }
            if self.run.as_mut().is_none_or(|run| run.waits.poll(cx).is_ready()) {
                return self.run.as_mut().map_or(Poll::Pending, |run| Poll::Ready(Some(Ok(run))));
            }
            self.park();
        }
    }

    fn take_up(&mut self, fetch: Box<CompletedFetch>) {
        self.watch.note_run(&fetch);
        let known = self.put_back.iter().position(|(id, _)| *id == fetch.position_id);
        let waits = known.map(|index| self.put_back.swap_remove(index).1);
        self.run = Some(Run { fetch, waits: waits.unwrap_or_default() });
    }

    /// Gives partitions their turn again whose next records have what they waited for.
    fn poll_put_back(&mut self, cx: &mut Context<'_>) {
        for (id, waits) in &mut self.put_back {
            if waits.are_under_way() && waits.poll(cx).is_ready() {
                self.shared.change(|engine| engine.unpark(*id));
            }
        }
    }

    /// Says that something is being handed out, and looks again whether it still may be. False when it may not: then it was
    /// not handed out.
    ///
    /// The group's driver takes partitions away without waiting for this task, unless it works on one of them. So it counts as
    /// working first and looks second, while the driver marks the partitions first and looks second: whatever the order, one
    /// of the two sees the other. Looking first would hand out records of a partition whose next owner reads them too.
    fn confirm(&mut self) -> Result<bool> {
        if let Some(next_offset) = self.next_offset() {
            self.progress().hand_out(next_offset);
        }
        self.shared.tell_if_awaited();
        let checked = self.recheck();
        if checked.is_ok() && self.run.is_some() {
            return Ok(true);
        }
        self.progress().ask(None);
        checked.map(|_| false)
    }

    /// Checks a run that may have become void, or its partition paused: after a log was cut, a topic made anew, or when
    /// another task had its say.
    fn recheck(&mut self) -> Result<Recheck> {
        let revision = self.shared.revision();
        if self.seen_revision == revision {
            return Ok(Recheck::GoOn);
        }
        let Self { shared, run, put_back, .. } = self;
        let verdict = match run {
            Some(run) => shared.change(|engine| engine.recheck(&run.fetch)),
            None => Ok(Recheck::GoOn),
        };
        if !put_back.is_empty() {
            // What belongs to an older position is not waited for: nobody wants its record any more.
            shared.look(|engine| put_back.retain(|(id, _)| engine.is_current(*id)));
        }
        match verdict {
            Ok(Recheck::GoOn) => self.seen_revision = revision,
            // What was read already is handed out; the next look puts the rest back.
            Ok(Recheck::Rest) => {}
            Ok(Recheck::Void) | Err(_) => {
                self.seen_revision = revision;
                self.run = None;
            }
        }
        verdict
    }

    /// The run was handed out: the next one may be taken.
    fn end_run(&mut self) {
        self.note_done();
        let ended = self.run.take();
        self.shared.release();
        if let Some(run) = ended {
            self.watch.tell_lag(&run.fetch, &self.shared);
        }
    }

    /// There is no way past the run's position. Gives the error, unless the run was void anyway.
    fn meet(&mut self, obstacle: Obstacle) -> Option<Error> {
        match obstacle {
            Obstacle::Damage(damage) => self.refetch(damage),
            // It is tried again after a pause.
            Obstacle::Held(error) => self.give_back(Engine::hold).then_some(error),
        }
    }

    /// The run's next batch cannot be read: it is fetched again.
    fn refetch(&mut self, damage: Damage) -> Option<Error> {
        let fetch = self.run.take()?.fetch;
        let (id, position) = (fetch.position_id, fetch.position());
        self.shared.change(|engine| engine.refetch(id, position, damage))
    }

    /// The run's next record has to wait: other partitions go on.
    fn park(&mut self) {
        self.give_back(Engine::park);
    }

    /// Puts back what is not handed out of the run: in front of all others of its partition.
    fn put_back(&mut self) {
        self.give_back(Engine::put_back);
    }

    /// Gives the run back to the engine, and keeps what it waits for. False when the run was void.
    fn give_back(&mut self, how: impl FnOnce(&mut Engine, Box<CompletedFetch>) -> bool) -> bool {
        let Some(Run { fetch, waits }) = self.run.take() else { return false };
        let id = fetch.position_id;
        let is_current = self.shared.change(|engine| how(engine, fetch));
        if is_current {
            self.put_back.push((id, waits));
        }
        is_current
    }

    /// Puts back all that is not handed out, and waits for nothing any more: somebody else hands out from here on.
    pub(crate) fn clear(&mut self) {
        self.put_back();
        for (id, _) in self.put_back.drain(..) {
            self.shared.change(|engine| engine.unpark(id));
        }
    }
}

#[cfg(test)]
mod tests;
