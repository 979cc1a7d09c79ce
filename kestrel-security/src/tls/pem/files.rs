//! Files of certificates and keys: what is in them, and whether they changed. The one file of this crate that reads files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::TlsError;

/// The largest file that is read, in bytes: a bundle of all public authorities is a quarter of a mebibyte.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// The contents of files, by path: what configurations are built from.
///
/// ```
/// use kestrel_security::tls::Files;
///
/// let none = Files::read([])?;
/// # let _ = none;
/// # Ok::<(), kestrel_security::tls::TlsError>(())
/// ```
#[derive(Default)]
pub struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    /// Reads the files. Blocks for as long as the disk takes, microseconds for what was read before.
    ///
    /// # Errors
    /// At the first file that cannot be read, or has more than 8 MiB.
    pub fn read<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, TlsError> {
        let read = |path: &'a Path| match read(path) {
            Ok(bytes) => Ok((path.to_path_buf(), bytes)),
            Err(error) => Err(TlsError::unreadable(path.display(), error)),
        };
        paths.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn get(&self, path: &Path) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }
}

/// There are keys among the contents: none of them prints.
impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file has more than 8 MiB"));
    }
    Ok(bytes)
}

/// The mark by which a change of a file shows: when it was written, and how long it is; `None` while it cannot be seen.
pub(in super::super) type Stamp = Option<(SystemTime, u64)>;

/// The stamp of a file now. Follows links, so that a new target is a change.
pub(in super::super) fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
