//! Lines of a file or of standard input, with their numbers.

use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::failure::Failure;

/// How long a line may be: longer than any broker takes.
const MAX_LINE_BYTES: u64 = 256 << 20;
/// How much is read at a time.
const READ_BYTES: usize = 256 << 10;

/// The lines, one after the other.
pub(super) struct Lines {
    reader: Box<dyn AsyncBufRead + Send + Unpin>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Those of a file, or of standard input.
    pub(super) async fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let reader: Box<dyn AsyncBufRead + Send + Unpin> = match file {
            None => Box::new(BufReader::with_capacity(READ_BYTES, tokio::io::stdin())),
            Some(path) => {
                let opened = File::open(path).await;
                let file = opened.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
                Box::new(BufReader::with_capacity(READ_BYTES, file))
            }
        };
        Ok(Self { reader, line: Vec::new(), number: 0 })
    }

    /// The next line without its end, and its number from 1. Not cancel-safe: who stops waiting for a line stops reading.
    pub(super) async fn next(&mut self) -> Result<Option<(u64, &[u8])>, Failure> {
        self.line.clear();
        let mut limited = (&mut self.reader).take(MAX_LINE_BYTES);
        if limited.read_until(b'\n', &mut self.line).await? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.line.len() as u64 == MAX_LINE_BYTES {
            return Err(Failure::new(format!("line {} has more than {MAX_LINE_BYTES} bytes", self.number)));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some((self.number, line.strip_suffix(b"\r").unwrap_or(line))))
    }
}
