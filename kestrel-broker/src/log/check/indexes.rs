//! Both indexes of a segment against its batches, in step with the scan: one pass, one entry of each in memory.
//!
//! Called by the segment's check with each whole batch. Reports the first wrong entry of a file and how many follow.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use kestrel_protocol::Timestamp;

use super::finding::Finding;
use crate::log::format::index::Entry;
use crate::log::format::offset_index::{OFFSET_ENTRY_BYTES, OffsetEntry};
use crate::log::format::time_index::TIME_ENTRY_BYTES;
use crate::log::format::time_index::TimestampOffset;
use crate::log::scan::ScannedBatch;

/// The entries of one index file, with what was wrong so far.
struct Entries<const ENTRY: usize> {
    path: PathBuf,
    reader: BufReader<File>,
    /// How many entries were read.
    count: u64,
    /// The position of the first wrong entry, and what is wrong with it.
    first_wrong: Option<(u64, String)>,
    wrong: u64,
}

impl<const ENTRY: usize> Entries<ENTRY> {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut entries = Self {
            path: path.to_path_buf(),
            reader: BufReader::new(file),
            count: 0,
            first_wrong: None,
            wrong: 0,
        };
        let size_bytes = entries.reader.get_ref().metadata()?.len();
        let torn = size_bytes % ENTRY as u64;
        if torn != 0 {
            entries.note_wrong(size_bytes - torn, format!("the last entry has {torn} bytes of {ENTRY}"));
        }
        Ok(Some(entries))
    }

    /// The next whole entry; `None` at the end. `skip_zeros`: an entry of zeros ends the file, as in one that was
    /// preallocated and never trimmed.
    fn next(&mut self, skip_zeros: bool) -> io::Result<Option<[u8; ENTRY]>> {
        let mut entry = [0; ENTRY];
        match self.reader.read_exact(&mut entry) {
            Ok(()) if skip_zeros && entry == [0; ENTRY] => Ok(None),
            Ok(()) => {
                self.count += 1;
                Ok(Some(entry))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where the entry that was read `back` entries before the last one begins.
    fn position(&self, back: u64) -> u64 {
        self.count.saturating_sub(1 + back) * ENTRY as u64
    }

    fn note_wrong(&mut self, position: u64, what: String) {
        self.wrong += 1;
        self.first_wrong.get_or_insert((position, what));
    }

    fn finding(self, make: impl Fn(&Path, u64, String) -> Finding) -> Option<Finding> {
        let (position, mut what) = self.first_wrong?;
        if self.wrong > 1 {
            what = format!("{what}, and {} more entries are wrong", self.wrong - 1);
        }
        Some(make(&self.path, position, what))
    }
}

/// The offset index in step with the scan.
pub(super) struct OffsetIndexCheck {
    base_offset: i64,
    may_end_with_zeros: bool,
    entries: Entries<OFFSET_ENTRY_BYTES>,
    next: Option<OffsetEntry>,
    /// The entry whose batch was found, but not yet the batch that ends with its offset; with its position in the index.
    open: Option<(OffsetEntry, u64)>,
    last_offset: i64,
}

impl OffsetIndexCheck {
    /// Begins with the index at `path`; `None` when it is missing.
    pub(super) fn open(path: &Path, base_offset: i64, may_end_with_zeros: bool) -> io::Result<Option<Self>> {
        let Some(entries) = Entries::open(path)? else { return Ok(None) };
        let (next, open, last_offset) = (None, None, base_offset - 1);
        let mut check = Self { base_offset, may_end_with_zeros, entries, next, open, last_offset };
        check.advance()?;
        Ok(Some(check))
    }

    /// The next batch of the scan.
    ///
    /// An entry has the last offset of the batch at its position. Up to Apache Kafka 3 it had that of the last batch of
    /// the same append: any batch up to the next entry's will do.
    pub(super) fn visit(&mut self, batch: &ScannedBatch) -> io::Result<()> {
        while let Some(entry) = self.next.filter(|entry| entry.position <= batch.position) {
            self.close();
            let at = self.entries.position(0);
            if entry.position < batch.position {
                let what = format!("no batch begins at position {} of the log", entry.position);
                self.entries.note_wrong(at, what);
            } else {
                self.open = Some((entry, at));
            }
            self.advance()?;
        }
        if let Some((entry, _)) = self.open {
            let last_offset = batch.header().last_offset();
            if last_offset == entry.offset {
                self.open = None;
            } else if last_offset > entry.offset {
                self.close();
            }
        }
        Ok(())
    }

    /// The scan is at its end; `whole` tells whether that is the end of the log.
    pub(super) fn finish(
        mut self,
        whole: bool,
        make: impl Fn(&Path, u64, String) -> Finding,
    ) -> io::Result<Option<Finding>> {
        if whole {
            self.close();
            while let Some(entry) = self.next {
                let what = format!("position {} is behind the last batch of the log", entry.position);
                self.entries.note_wrong(self.entries.position(0), what);
                self.advance()?;
            }
        }
        Ok(self.entries.finding(make))
    }

    fn close(&mut self) {
        if let Some((entry, at)) = self.open.take() {
            let what = format!(
                "no batch at position {} of the log ends with offset {}",
                entry.position, entry.offset
            );
            self.entries.note_wrong(at, what);
        }
    }

    fn advance(&mut self) -> io::Result<()> {
        let entry = self.entries.next(self.may_end_with_zeros)?;
        self.next = entry.map(|entry| OffsetEntry::decode(self.base_offset, entry));
        if let Some(entry) = self.next {
            if entry.offset <= self.last_offset {
                let what = format!("offset {} follows offset {}", entry.offset, self.last_offset);
                self.entries.note_wrong(self.entries.position(0), what);
            }
            self.last_offset = entry.offset;
        }
        Ok(())
    }
}

/// The time index in step with the scan.
pub(super) struct TimeIndexCheck {
    base_offset: i64,
    may_end_with_zeros: bool,
    entries: Entries<TIME_ENTRY_BYTES>,
    next: Option<TimestampOffset>,
    last: Option<TimestampOffset>,
    largest: Timestamp,
}

impl TimeIndexCheck {
    /// Begins with the index at `path`; `None` when it is missing.
    pub(super) fn open(path: &Path, base_offset: i64, may_end_with_zeros: bool) -> io::Result<Option<Self>> {
        let Some(entries) = Entries::open(path)? else { return Ok(None) };
        let (next, last, largest) = (None, None, Timestamp::NONE);
        let mut check = Self { base_offset, may_end_with_zeros, entries, next, last, largest };
        check.advance()?;
        Ok(Some(check))
    }

    /// The next batch of the scan: the entries that name one of its offsets must have its largest timestamp.
    pub(super) fn visit(&mut self, batch: &ScannedBatch) -> io::Result<()> {
        let header = batch.header();
        // What is further away no index can name.
        let is_near = header.last_offset() - self.base_offset <= i64::from(i32::MAX);
        if let Some(newest) = TimestampOffset::of(header).filter(|_| is_near) {
            self.largest = self.largest.max(newest.timestamp);
        }
        while let Some(entry) = self.next.filter(|entry| entry.offset <= header.last_offset()) {
            let (offset, timestamp) = (entry.offset, entry.timestamp.as_millis());
            if offset < header.base_offset {
                self.note_wrong(format!("no batch has offset {offset}"));
            } else if timestamp != header.max_timestamp {
                let found = header.max_timestamp;
                self.note_wrong(format!(
                    "the batch with offset {offset} has timestamp {found}, not {timestamp}"
                ));
            }
            self.advance()?;
        }
        Ok(())
    }

    /// The scan is at its end; `whole` tells whether that is the end of the log, `finished` whether the segment was
    /// finished, so that its last entry is its largest timestamp.
    pub(super) fn finish(
        mut self,
        whole: bool,
        finished: bool,
        make: impl Fn(&Path, u64, String) -> Finding,
    ) -> io::Result<Option<Finding>> {
        if whole {
            while let Some(entry) = self.next {
                self.note_wrong(format!("offset {} is behind the last batch of the log", entry.offset));
                self.advance()?;
            }
            let last = self.last.map_or(Timestamp::NONE, |last| last.timestamp);
            if finished && last < self.largest {
                let (last, largest) = (last.as_millis(), self.largest.as_millis());
                let what = format!("ends with timestamp {last}, but the log has {largest}");
                self.entries.note_wrong(self.entries.count * TIME_ENTRY_BYTES as u64, what);
            }
        }
        Ok(self.entries.finding(make))
    }

    fn note_wrong(&mut self, what: String) {
        self.entries.note_wrong(self.entries.position(0), what);
    }

    fn advance(&mut self) -> io::Result<()> {
        let entry = self.entries.next(self.may_end_with_zeros)?;
        self.next = entry.map(|entry| TimestampOffset::decode(self.base_offset, entry));
        if let Some(entry) = self.next {
            if let Some(last) = self.last.filter(|last| entry.timestamp <= last.timestamp) {
                self.note_wrong(format!(
                    "timestamp {} follows timestamp {}",
                    entry.timestamp.as_millis(),
                    last.timestamp.as_millis()
                ));
            } else if let Some(last) = self.last.filter(|last| entry.offset < last.offset) {
                self.note_wrong(format!("offset {} follows offset {}", entry.offset, last.offset));
            }
            self.last = Some(entry);
        }
        Ok(())
    }
}
