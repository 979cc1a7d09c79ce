//! Sink: standard output behind a buffer, which is written when there is much in it or nothing more comes.

use std::io::{self, Write};

/// How much is gathered before it is written.
const FULL_BYTES: usize = 256 << 10;

/// What is to be written, and where.
#[derive(Debug)]
pub(super) struct Sink {
    buffer: Vec<u8>,
    stdout: io::Stdout,
}

impl Sink {
    pub(super) fn new() -> Self {
        Self { buffer: Vec::with_capacity(FULL_BYTES * 2), stdout: io::stdout() }
    }

    /// Where records are written to.
    pub(super) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what is gathered if it is much.
    pub(super) fn write_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() < FULL_BYTES { Ok(()) } else { self.write() }
    }

    /// Writes what is gathered.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(&self.buffer)?;
        self.buffer.clear();
        stdout.flush()
    }
}
