//! The findings of a check: where, what, and whether it is damage. Made by every part of the check, printed by the binary.

use std::fmt;
use std::path::{Path, PathBuf};

/// Whether a finding is damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Something that was stored is not there or not true any more, or a file that a broker needs is wrong.
    Damage,
    /// Something that is whole, and of a format that Kestrel does not read: it is left as it is.
    OldFormat,
    /// Something that the next start of a broker deals with by itself: a torn end, a deletion or cleaning that did not end.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damage => "damaged",
            Self::OldFormat => "old format",
            Self::Note => "note",
        })
    }
}

/// One thing that a check found. As text it is one line: severity, file, position, and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Whether it is damage.
    pub severity: Severity,
    /// The file or folder.
    pub file: PathBuf,
    /// The byte in the file where it begins; `None` where the file as a whole is meant.
    pub position: Option<u64>,
    /// The finding in one sentence.
    pub what: String,
}

impl Finding {
    pub(crate) fn damage(file: &Path, position: Option<u64>, what: impl Into<String>) -> Self {
        Self::new(Severity::Damage, file, position, what)
    }

    pub(crate) fn note(file: &Path, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, file, None, what)
    }

    pub(crate) fn new(
        severity: Severity,
        file: &Path,
        position: Option<u64>,
        what: impl Into<String>,
    ) -> Self {
        Self { severity, file: file.to_path_buf(), position, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.file.display())?;
        if let Some(position) = self.position {
            write!(f, " at byte {position}")?;
        }
        write!(f, ": {}", self.what)
    }
}
