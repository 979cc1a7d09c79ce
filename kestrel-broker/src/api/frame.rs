//! The frame of an answer on its way to the socket: byte runs, and records that are sent from their file.

use bytes::Bytes;
use kestrel_protocol::wire::MessagePart;

use crate::log::FileRecords;

/// A part of a frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Run {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Records in a file.
    File(FileRecords),
}

impl Run {
    /// How many bytes.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(records) => records.len(),
        }
    }
}

/// The runs of a frame, length included.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame(Vec<Run>);

impl Frame {
    /// A frame whose gaps are filled with `files`, in order.
    ///
    /// # Panics
    /// When they are not the gaps' files.
    pub(super) fn with_files(parts: Vec<MessagePart>, files: Vec<FileRecords>) -> Self {
        let mut files = files.into_iter();
        let run = |part| match part {
            MessagePart::Bytes(bytes) => Run::Bytes(bytes),
            MessagePart::Gap(length) => {
                let file = files.next().filter(|file| file.len() == length);
                Run::File(file.expect("each gap was left for the records of a file"))
            }
        };
        let frame = Self(parts.into_iter().map(run).collect());
        assert!(files.next().is_none(), "a gap is left for each file");
        frame
    }

    /// How many bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(Run::len).sum()
    }

    /// The runs in order.
    pub(crate) fn into_runs(self) -> Vec<Run> {
        self.0
    }
}

impl From<Vec<Bytes>> for Frame {
    fn from(runs: Vec<Bytes>) -> Self {
        Self(runs.into_iter().map(Run::Bytes).collect())
    }
}
