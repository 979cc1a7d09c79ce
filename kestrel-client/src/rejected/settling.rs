//! Settling: how far the settler is with records that were rejected, beside the run of batches that they are in.
//!
//! It ends with the run, as [`Readiness`](crate::reader::Readiness) does: what was settled of a record that is not read any more
//! says nothing about the next one. As long as the run lasts, what is settled stays so, however often a record behind it is tried
//! again: a letter is written once.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::remedy::Remedy;
use super::settler::{Settled, Settlement, Settler};
use crate::error::{DeserializeError, Error, Result};

/// The progress of settling what becomes of rejected records.
#[derive(Default)]
pub(crate) struct Settling {
    settled: Vec<Settled>,
    /// Below it all records were looked at, and those that were rejected are settled.
    end_offset: i64,
    step: Step,
}

/// The step that is under way.
#[derive(Default)]
enum Step {
    #[default]
    None,
    /// The records below `end_offset` are being settled.
    UnderWay {
        end_offset: i64,
        /// In a mutex only so that a consumer may be shared between threads; never locked.
        future: Mutex<BoxFuture<'static, Settlement>>,
    },
    /// One of them is held, of which the application has not been told.
    Held(Error),
}

impl Settling {
    /// Begins to settle all that was rejected below `end_offset`, but for what is settled.
    pub(crate) fn begin(&mut self, settler: &Arc<Settler>, rejected: Vec<DeserializeError>, end_offset: i64) {
        let settler = Arc::clone(settler);
        let open = rejected.into_iter().filter(|poison| self.known(poison.record.offset).is_none());
        let open: Vec<_> = open.map(Arc::new).collect();
        let future = async move { settler.settle(&open).await };
        self.step = Step::UnderWay { end_offset, future: Mutex::new(Box::pin(future)) };
    }

    /// Waits until what is under way is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Step::UnderWay { end_offset, future } = &mut self.step {
            let Settlement { settled, held } = ready!(future.get_mut().as_mut().poll(cx));
            if held.is_none() {
                self.end_offset = self.end_offset.max(*end_offset);
            }
            self.settled.extend(settled);
            self.step = held.map_or(Step::None, Step::Held);
        }
        Poll::Ready(())
    }

    /// Whether something is under way.
    pub(crate) const fn is_under_way(&self) -> bool {
        matches!(self.step, Step::UnderWay { .. })
    }

    /// What becomes of the record at `offset`; `None` when that is not settled.
    ///
    /// # Errors
    /// That a record is held; it may be begun with again.
    pub(crate) fn remedy(&mut self, offset: i64) -> Result<Option<Remedy>> {
        self.take_hold()?;
        Ok(self.known(offset).cloned())
    }

    /// What was rejected and settled, when all records below `end_offset` were looked at.
    ///
    /// # Errors
    /// As [`Self::remedy`].
    pub(crate) fn below(&mut self, end_offset: i64) -> Result<Option<&[Settled]>> {
        self.take_hold()?;
        Ok((self.end_offset >= end_offset).then_some(&self.settled))
    }

    /// Everything below `offset` was handed out or passed.
    pub(crate) fn forget_below(&mut self, offset: i64) {
        self.settled.retain(|(settled, _)| *settled >= offset);
    }

    fn known(&self, offset: i64) -> Option<&Remedy> {
        self.settled.iter().find(|(settled, _)| *settled == offset).map(|(_, remedy)| remedy)
    }

    fn take_hold(&mut self) -> Result<()> {
        match std::mem::take(&mut self.step) {
            Step::Held(error) => Err(error),
            other => {
                self.step = other;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use bytes::Bytes;
    use kestrel_serde::{SerdeContext, SerdeError};

    use super::*;
    use crate::observer::ObserverSeat;
    use crate::record::ConsumerRecord;
    use crate::rejected::{LetterBox, LetterPaper, PoisonPolicy};

    /// The records at these offsets, which no deserializer accepts.
    fn poison(offsets: std::ops::Range<i64>) -> Vec<DeserializeError> {
        let poison = |offset: i64| DeserializeError {
            record: ConsumerRecord::new(("orders", 0), offset, None, Some(Bytes::from(offset.to_string()))),
            cause: SerdeError::decode(&SerdeContext::value("orders"), "no number"),
        };
        offsets.map(poison).collect()
    }

    /// A settler whose handler fails for offset 2 so many times, and the letters that it writes.
    fn settler(failures: usize) -> (Arc<Settler>, LetterPaper) {
        let left = Mutex::new(failures);
        let policy = PoisonPolicy::handler(move |poison| {
            let fails = poison.record.offset == 2 && *left.lock() > 0;
            *left.lock() -= usize::from(fails);
            let failure = || Err(Error::other("the database is down"));
            async move { if fails { failure() } else { Ok(Remedy::dead_letter("dead")) } }
        });
        let paper = LetterPaper::default();
        let letters = LetterBox::Kept(Arc::clone(&paper));
        (Arc::new(Settler::new(policy, letters, ObserverSeat::default(), None)), paper)
    }

    fn poll(settling: &mut Settling) {
        assert!(settling.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn a_letter_is_written_once_however_often_one_behind_it_is_tried() {
        let (settler, paper) = settler(3);
        let mut settling = Settling::default();
        for _ in 0..3 {
            settling.begin(&settler, poison(0..4), 4);
            poll(&mut settling);
            let Err(Error::Held(held)) = settling.below(4) else { panic!("offset 2 is held") };
            assert_eq!(held.offset, 2);
            assert!(settling.below(4).unwrap().is_none(), "it may be begun with again");
        }
        settling.begin(&settler, poison(0..4), 4);
        poll(&mut settling);
        assert_eq!(settling.below(4).unwrap().map(<[_]>::len), Some(4));
        let values: Vec<_> = paper.lock().iter().map(|letter| letter.value.clone().unwrap()).collect();
        assert_eq!(values, ["0", "1", "2", "3"]);
    }

    #[test]
    fn what_is_settled_for_a_batch_is_settled_for_each_record_of_it() {
        let (settler, paper) = settler(1);
        let mut settling = Settling::default();
        settling.begin(&settler, poison(0..3), 3);
        poll(&mut settling);
        assert!(settling.remedy(0).is_err(), "one of them is held");
        assert_eq!(settling.remedy(0).unwrap(), Some(Remedy::dead_letter("dead")));
        assert_eq!(settling.remedy(2).unwrap(), None);
        settling.begin(&settler, poison(2..3), 3);
        poll(&mut settling);
        assert!(settling.remedy(2).unwrap().is_some());
        settling.forget_below(2);
        assert_eq!((settling.settled.len(), paper.lock().len()), (1, 3));
    }
}
