//! Counts the bytes that are read and asks now and then whether to go on. Wraps each file that the check walks.

use std::io::{self, Read};
use std::ops::ControlFlow;

/// How many bytes are read between two questions.
const ASK_EVERY_BYTES: u64 = 4 << 20;

/// How far the check is.
pub(crate) struct Meter<'a> {
    done_bytes: u64,
    unasked_bytes: u64,
    stopped: bool,
    ask: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl<'a> Meter<'a> {
    /// Nothing was read yet; `ask` is told how many bytes were, every few MiB, and may break off.
    pub(crate) fn new(ask: &'a mut dyn FnMut(u64) -> ControlFlow<()>) -> Self {
        Self { done_bytes: 0, unasked_bytes: 0, stopped: false, ask }
    }

    /// Whether the check was broken off.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// How many bytes were read.
    pub(crate) const fn done_bytes(&self) -> u64 {
        self.done_bytes
    }

    /// Asks at once; whether to stop.
    pub(super) fn ask(&mut self) -> bool {
        self.unasked_bytes = 0;
        self.stopped = self.stopped || (self.ask)(self.done_bytes).is_break();
        self.stopped
    }

    fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.done_bytes += bytes as u64;
        self.unasked_bytes += bytes as u64;
        if self.unasked_bytes >= ASK_EVERY_BYTES && self.ask() {
            return Err(io::Error::other("the check was stopped"));
        }
        Ok(())
    }
}

/// A reader whose bytes are counted.
pub(super) struct Metered<'a, 'b, R> {
    pub(super) reader: R,
    pub(super) meter: &'a mut Meter<'b>,
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.meter.count(read)?;
        Ok(read)
    }
}
