//! What groups are given with each event, and what they give back. Part of the machine.

use std::time::Duration;

use bytestring::ByteString;

use super::records::GroupRecord;
use crate::clock::after;
use crate::config::GroupSettings;
use crate::coordinator::runtime::{self, Deadlines, Now};

/// What an event of the groups leads to.
pub(super) type Effects = runtime::Effects<GroupRecord>;
/// The answer to a request that does not wait, and what it leads to.
pub(super) type Handled<R> = (R, Effects);

/// What is due at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// Something of a classic group.
    Classic { group: ByteString, timer: ClassicTimer },
    /// Old offsets are looked for.
    Retention,
}

/// What is due for a classic group at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ClassicTimer {
    /// The session of a member, or of an id that was given out, is over unless it says something before.
    Session(ByteString),
    /// Members that have not joined by now are left out.
    Join,
    /// Members that have not sent SyncGroup by now are left out.
    Sync,
}

/// What a group needs to handle an event beside its own state.
pub(super) struct Turn<'a> {
    pub(super) now: Now,
    pub(super) settings: &'a GroupSettings,
    pub(super) deadlines: &'a mut Deadlines<Timer>,
    pub(super) effects: Effects,
}

impl Turn<'_> {
    pub(super) fn schedule(&mut self, timer: Timer, wait: Duration) {
        self.deadlines.schedule(timer, after(self.now.instant, wait));
    }

    pub(super) fn cancel(&mut self, timer: &Timer) {
        self.deadlines.cancel(timer);
    }
}
