//! What a broken broker would do, done to the folder of one that was killed: the kill loop has to notice it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::topics::READ;

/// Which bytes of a batch say how long it is, and how long its header up to there is.
const LENGTH_AT: usize = 8;
const LENGTH_END: usize = 12;

/// How far logs had been flushed: a broker that has it refuses a log that ends before.
const FLUSHED: &str = "recovery-point-offset-checkpoint";

/// Cuts the newer half of its batches off the log of a partition, as if they had been acknowledged and never written, by a broker
/// that does not know that they were flushed either. The last one alone may be one that was never acknowledged.
pub(crate) fn cut_newer_half(data_dir: &Path) -> io::Result<()> {
    let folder = data_dir.join(format!("{}-0", READ.name));
    let mut logs: Vec<PathBuf> = fs::read_dir(&folder)?.flatten().map(|file| file.path()).collect();
    logs.retain(|path| path.extension().is_some_and(|ending| ending == "log"));
    logs.sort();
    for path in logs.iter().rev() {
        let mut log = File::options().read(true).write(true).open(path)?;
        let batches = batches(&mut log)?;
        if let Some(middle) = batches.get(batches.len() / 2) {
            log.set_len(*middle)?;
            return fs::remove_file(data_dir.join(FLUSHED));
        }
        // It has just been rolled: what was acknowledged last is in the one before.
    }
    Err(io::Error::other(format!("{} holds no batch", folder.display())))
}

/// Where each whole batch starts.
fn batches(log: &mut File) -> io::Result<Vec<u64>> {
    let (length, mut position, mut starts) = (log.metadata()?.len(), 0, Vec::new());
    let mut header = [0; LENGTH_END];
    loop {
        log.seek(SeekFrom::Start(position))?;
        if log.read_exact(&mut header).is_err() {
            return Ok(starts);
        }
        let batch_length = <[u8; 4]>::try_from(&header[LENGTH_AT..]).map_or(0, u32::from_be_bytes);
        let end = position + LENGTH_END as u64 + u64::from(batch_length);
        if batch_length == 0 || end > length {
            return Ok(starts);
        }
        starts.push(position);
        position = end;
    }
}
