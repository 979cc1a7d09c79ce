//! The disk is full, or too many files are open: failures that pass, unlike all others of a disk.
//!
//! What failed so was undone, and is answered with KAFKA_STORAGE_ERROR; the log stays in service. Said once, not once per
//! request: a [`ShortageWatch`] counts the refusals in between. Owned by the data folder.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use rustix::io::Errno;

/// How many ticks without a refusal end a shortage: ten seconds.
const QUIET_TICKS: u32 = 10;
/// How many ticks there are between two reminders that it lasts: a minute.
const REMINDER_TICKS: u32 = 60;

/// A resource that there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// The disk is full, a quota is used up, or a file may not grow.
    Space,
    /// The process, or the system, has too many files open.
    Descriptors,
}

impl Shortage {
    /// The shortage that an error tells of; `None` for any other error.
    pub(in crate::log) fn of(error: &io::Error) -> Option<Self> {
        match Errno::from_io_error(error)? {
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Some(Self::Space),
            Errno::MFILE | Errno::NFILE => Some(Self::Descriptors),
            _ => None,
        }
    }

    /// The advice for the operator.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Space => "make room on the disk",
            Self::Descriptors => "raise the limit of open files (ulimit -n)",
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Space => "the disk is full",
            Self::Descriptors => "too many files are open",
        })
    }
}

/// Says when a data folder runs short, that it still does, and when it no longer does.
#[derive(Debug, Default)]
pub(in crate::log) struct ShortageWatch {
    space: Watch,
    descriptors: Watch,
}

#[derive(Debug, Default)]
struct Watch {
    lasts: AtomicBool,
    refusals: AtomicU64,
    /// Ticks since it was said, or since the last refusal.
    said: AtomicU32,
    quiet: AtomicU32,
}

impl ShortageWatch {
    /// Something was refused.
    pub(in crate::log) fn refused(&self, data_dir: &Path, shortage: Shortage, error: &dyn fmt::Display) {
        let watch = self.of(shortage);
        watch.refusals.fetch_add(1, Ordering::Relaxed);
        watch.quiet.store(0, Ordering::Relaxed);
        if !watch.lasts.swap(true, Ordering::AcqRel) {
            watch.said.store(0, Ordering::Relaxed);
            tracing::error!(
                "{shortage}: {error}. What cannot be done is answered with KAFKA_STORAGE_ERROR until there is room again in {}: {}",
                data_dir.display(),
                shortage.remedy()
            );
        }
    }

    /// A second has passed.
    pub(in crate::log) fn tick(&self) {
        for shortage in [Shortage::Space, Shortage::Descriptors] {
            let watch = self.of(shortage);
            if !watch.lasts.load(Ordering::Acquire) {
                continue;
            }
            if watch.quiet.fetch_add(1, Ordering::Relaxed) >= QUIET_TICKS {
                watch.lasts.store(false, Ordering::Release);
                let refusals = watch.refusals.swap(0, Ordering::Relaxed);
                tracing::info!("works again: {shortage} no longer; {refusals} requests or more were refused");
            } else if watch.said.fetch_add(1, Ordering::Relaxed) >= REMINDER_TICKS {
                watch.said.store(0, Ordering::Relaxed);
                let refusals = watch.refusals.load(Ordering::Relaxed);
                tracing::error!("still, {shortage}: {refusals} refused so far; {}", shortage.remedy());
            }
        }
    }

    /// Whether there was a refusal in the last seconds.
    #[cfg(test)]
    pub(in crate::log) fn lasts(&self, shortage: Shortage) -> bool {
        self.of(shortage).lasts.load(Ordering::Acquire)
    }

    const fn of(&self, shortage: Shortage) -> &Watch {
        match shortage {
            Shortage::Space => &self.space,
            Shortage::Descriptors => &self.descriptors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_known_by_its_number() {
        let of = |errno: Errno| Shortage::of(&errno.into());
        assert_eq!([Errno::NOSPC, Errno::DQUOT, Errno::FBIG].map(of), [Some(Shortage::Space); 3]);
        assert_eq!([Errno::MFILE, Errno::NFILE].map(of), [Some(Shortage::Descriptors); 2]);
        assert_eq!([Errno::IO, Errno::ROFS, Errno::ACCESS, Errno::NOENT].map(of), [None; 4]);
    }

    #[test]
    fn it_ends_when_nothing_was_refused_for_a_while() {
        let watch = ShortageWatch::default();
        for _ in 0..3 {
            watch.refused(Path::new("data"), Shortage::Space, &"cannot write");
            (0..QUIET_TICKS).for_each(|_| watch.tick());
            assert!(watch.lasts(Shortage::Space));
        }
        watch.tick();
        assert!(!watch.lasts(Shortage::Space) && !watch.lasts(Shortage::Descriptors));
    }
}
