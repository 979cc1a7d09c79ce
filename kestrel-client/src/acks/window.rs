//! The window of records between the first one that is not done and the last one that was handed out. A machine.
//!
//! Records are numbered as they are handed out. A bit says whether one is done; runs say which offsets the numbers have,
//! since compaction and transactions leave gaps: within a run, offset and number grow together.

use std::collections::VecDeque;

use kestrel_protocol::LeaderEpoch;

/// Records in a word of the bitmap.
const WORD: u64 = u64::BITS as u64;

/// Which of the records that were handed out are done.
#[derive(Debug)]
pub(super) struct Window {
    /// The number of the first record that is not done; `next` when all are.
    first: u64,
    /// The number of the next record.
    next: u64,
    /// The number of records from `first` on that are done.
    done_ahead: u64,
    /// Whether records are done, from the word that holds `first` on.
    done: VecDeque<u64>,
    /// From the run that holds `first` on; when all are done, the last run.
    runs: VecDeque<Run>,
    last_done_epoch: Option<LeaderEpoch>,
    /// The offset after the last record.
    end_offset: i64,
    max_records: u64,
    is_closed: bool,
    /// Whether a record was said to be done after the end.
    has_late: bool,
}

/// Records with consecutive offsets, appended by the same leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first_index: u64,
    first_offset: i64,
    leader_epoch: Option<LeaderEpoch>,
}

impl Run {
    fn offset(&self, index: u64) -> i64 {
        self.first_offset.saturating_add_unsigned(index - self.first_index)
    }
}

impl Window {
    /// An empty window for at most `max_records`, at least one.
    pub(super) fn new(max_records: usize) -> Self {
        Self {
            first: 0,
            next: 0,
            done_ahead: 0,
            done: VecDeque::new(),
            runs: VecDeque::new(),
            last_done_epoch: None,
            end_offset: 0,
            max_records: u64::try_from(max_records).unwrap_or(u64::MAX).max(1),
            is_closed: false,
            has_late: false,
        }
    }

    /// Takes in a record; gives its number, or `None` when there is no room.
    pub(super) fn hand_out(&mut self, offset: i64, leader_epoch: Option<LeaderEpoch>) -> Option<u64> {
        if !self.has_room() {
            return None;
        }
        let index = self.next;
        let goes_on = |run: &Run| run.offset(index) == offset && run.leader_epoch == leader_epoch;
        if !self.runs.back().is_some_and(goes_on) {
            if self.first == index {
                self.runs.clear();
            }
            self.runs.push_back(Run { first_index: index, first_offset: offset, leader_epoch });
        }
        if self.word_of(index) == self.done.len() {
            self.done.push_back(0);
        }
        self.next += 1;
        self.end_offset = offset.saturating_add(1);
        Some(index)
    }

    /// The last record stands for all before `end_offset`.
    pub(super) fn extend(&mut self, end_offset: i64) {
        self.end_offset = self.end_offset.max(end_offset);
    }

    pub(super) fn has_room(&self) -> bool {
        self.next - self.first < self.max_records
    }

    /// A record is done; true if that is news.
    pub(super) fn finish(&mut self, index: u64) -> bool {
        if index < self.first || index >= self.next {
            return false;
        }
        let word = self.word_of(index);
        let bit = 1 << (index % WORD);
        match self.done.get_mut(word) {
            Some(word) if *word & bit == 0 && !self.is_closed => *word |= bit,
            Some(word) => {
                self.has_late |= *word & bit == 0;
                return false;
            }
            None => return false,
        }
        self.done_ahead += 1;
        if index == self.first {
            self.advance();
        }
        true
    }

    /// Moves `first` past everything that is done.
    fn advance(&mut self) {
        while let Some(&word) = self.done.front() {
            let shift = self.first % WORD;
            let run = u64::from((word >> shift).trailing_ones());
            self.first += run;
            self.done_ahead -= run;
            if shift + run < WORD {
                break;
            }
            self.done.pop_front();
        }
        while self.runs.get(1).is_some_and(|run| run.first_index < self.first) {
            self.runs.pop_front();
        }
        self.last_done_epoch = self.runs.front().and_then(|run| run.leader_epoch);
        if self.first < self.next && self.runs.get(1).is_some_and(|run| run.first_index == self.first) {
            self.runs.pop_front();
        }
    }

    /// The word of the bitmap that holds a record from `first` on.
    fn word_of(&self, index: u64) -> usize {
        usize::try_from(index / WORD - self.first / WORD).unwrap_or(usize::MAX)
    }

    /// The offset of the first record that is not done.
    pub(super) fn first_open(&self) -> Option<i64> {
        let run = self.runs.front().filter(|_| self.first < self.next)?;
        Some(run.offset(self.first))
    }

    /// The offset after the last record of those that are done one after the other; `None` when the first one is not.
    pub(super) fn done_end(&self) -> Option<i64> {
        (self.first > 0).then(|| self.first_open().unwrap_or(self.end_offset))
    }

    pub(super) const fn has_late(&self) -> bool {
        self.has_late
    }

    pub(super) const fn last_done_epoch(&self) -> Option<LeaderEpoch> {
        self.last_done_epoch
    }

    pub(super) fn open_records(&self) -> usize {
        usize::try_from(self.next - self.first - self.done_ahead).unwrap_or(usize::MAX)
    }

    /// Ends the window: later acks change nothing.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The number of words and runs that are kept.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.done.len(), self.runs.len())
    }
}
