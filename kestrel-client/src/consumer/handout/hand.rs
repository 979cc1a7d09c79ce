//! Hand: the run of batches that the caller's task has taken, and the one loop that hands out of it.
//!
//! Used by [`Consumer`](crate::Consumer) for records and for batches alike. Takes the lock once for a run, not for a record.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::CallerProgress;
use super::poll_watch::PollWatch;
use crate::consumer::engine::{Offer, Recheck};
use crate::consumer::fetch::{CompletedFetch, Damage};
use crate::consumer::shared_engine::SharedEngine;
use crate::error::Result;
use crate::observer::ObserverSeat;
use crate::reader::Readiness;
use crate::record::TopicPartition;

/// The run of batches in the caller's hands, if there is one.
#[derive(Debug)]
pub(crate) struct Hand {
    shared: SharedEngine,
    run: Option<Run>,
    /// The engine's revision at which the run was last known to be still good.
    seen_revision: u64,
    watch: PollWatch,
}

/// A run of batches that is being handed out.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) fetch: Box<CompletedFetch>,
    /// Deserializers that get ready for its next record.
    pub(crate) readiness: Readiness,
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
    pub(crate) fn new(shared: SharedEngine, observer: ObserverSeat) -> Self {
        Self { shared, run: None, seen_revision: 0, watch: PollWatch::new(observer) }
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
        step: impl FnMut(&mut Run) -> Result<Step<T>, Damage>,
    ) -> Poll<Option<Result<T>>> {
        self.progress().ask(self.next_offset());
        self.poll_asked(cx, Wanted::Next, step)
    }

    /// As [`Self::poll`], for what is there already: a caller that gets nothing goes on working on what it has, and the group
    /// waits for it.
    pub(crate) fn poll_at_hand<T>(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnMut(&mut Run) -> Result<Step<T>, Damage>,
    ) -> Poll<Option<Result<T>>> {
        self.progress().ask_on(self.next_offset());
        self.poll_asked(cx, Wanted::AtHand, step)
    }

    fn poll_asked<T>(
        &mut self,
        cx: &mut Context<'_>,
        wanted: Wanted,
        step: impl FnMut(&mut Run) -> Result<Step<T>, Damage>,
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
        mut step: impl FnMut(&mut Run) -> Result<Step<T>, Damage>,
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
                Err(damage) => {
                    if let Some(error) = self.refetch(damage) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }

    /// Waits until there is a run to hand out from, and no deserializer that is getting ready.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<&mut Run>>> {
        match self.recheck() {
            Ok(Recheck::Rest) => self.put_back(),
            Ok(Recheck::GoOn | Recheck::Void) => {}
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
        if self.run.is_none() {
            match self.shared.take(cx.waker()) {
                Offer::Records(fetch) => {
                    self.watch.note_run(&fetch);
                    self.run = Some(Run { fetch, readiness: Readiness::default() });
                }
                Offer::Problem(error) => return Poll::Ready(Some(Err(error))),
                Offer::Ended => return Poll::Ready(None),
                Offer::Nothing => return Poll::Pending,
            }
        }
        match &mut self.run {
            Some(run) => run.readiness.poll(cx).map(|()| Some(Ok(run))),
            None => Poll::Pending,
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
        let verdict = match &self.run {
            Some(run) => self.shared.change(|engine| engine.recheck(&run.fetch)),
            None => Ok(Recheck::GoOn),
        };
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

    /// The run is damaged at its position: it is fetched again. Gives the error, unless the run was void anyway.
    fn refetch(&mut self, damage: Damage) -> Option<crate::error::Error> {
        let fetch = self.run.take()?.fetch;
        self.shared.change(|engine| engine.refetch(fetch.position_id, fetch.position(), damage))
    }

    /// Puts back what is not handed out of the run: in front of all others of its partition.
    pub(crate) fn put_back(&mut self) {
        if let Some(run) = self.run.take() {
            self.shared.change(|engine| engine.put_back(run.fetch));
        }
    }
}

#[cfg(test)]
mod tests;
