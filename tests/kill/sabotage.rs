//! What a broken broker would do, done to the folder of one that was killed: the kill loop has to notice it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::topics::READ;

/// Which bytes of a batch say how long it is, and how long its header up to there is.
const LENGTH_AT: usize = 8;
const LENGTH_END: usize = 12;

/// Cuts the last whole batch off the log of a partition, as if it had been acknowledged and never written.
pub(crate) fn cut_last_batch(data_dir: &Path) -> io::Result<()> {
    let folder = data_dir.join(format!("{}-0", READ.name));
    let mut logs: Vec<PathBuf> = fs::read_dir(&folder)?.flatten().map(|file| file.path()).collect();
    logs.retain(|path| path.extension().is_some_and(|ending| ending == "log"));
    logs.sort();
    for path in logs.iter().rev() {
        let mut log = File::options().read(true).write(true).open(path)?;
        if let Some(start) = last_batch(&mut log)? {
            return log.set_len(start);
        }
        // It has just been rolled: what was acknowledged last is in the one before.
    }
    Err(io::Error::other(format!("{} holds no batch", folder.display())))
}

/// Where the last whole batch starts.
fn last_batch(log: &mut File) -> io::Result<Option<u64>> {
    let (length, mut position, mut last) = (log.metadata()?.len(), 0, None);
    let mut header = [0; LENGTH_END];
    loop {
        log.seek(SeekFrom::Start(position))?;
        if log.read_exact(&mut header).is_err() {
            return Ok(last);
        }
        let batch_length = <[u8; 4]>::try_from(&header[LENGTH_AT..]).map_or(0, u32::from_be_bytes);
        let end = position + LENGTH_END as u64 + u64::from(batch_length);
        if batch_length == 0 || end > length {
            return Ok(last);
        }
        last = Some(position);
        position = end;
    }
}
