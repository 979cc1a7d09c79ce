//! The room on the volume of a data folder.

use std::io;
use std::path::Path;

/// The room on a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// How many bytes the volume has.
    pub(crate) total_bytes: u64,
    /// How many of them this process may still write.
    pub(crate) usable_bytes: u64,
}

impl Space {
    /// The room on the volume that a folder is on. Blocks.
    pub(in crate::log) fn of(dir: &Path) -> io::Result<Self> {
        let volume = rustix::fs::statvfs(dir)?;
        let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
        Ok(Self { total_bytes: bytes(volume.f_blocks), usable_bytes: bytes(volume.f_bavail) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_the_room_of_its_volume_and_a_missing_one_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::of(dir.path()).unwrap();
        assert!(space.total_bytes > 0 && space.usable_bytes <= space.total_bytes, "{space:?}");
        // A folder below is on the same volume.
        let below = dir.path().join("below");
        assert!(Space::of(&below).is_err());
        std::fs::create_dir(&below).unwrap();
        assert_eq!(Space::of(&below).unwrap().total_bytes, space.total_bytes);
    }
}
