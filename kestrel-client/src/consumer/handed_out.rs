//! HandedOut: the offsets behind what a consumer has handed out, on their way into a transaction.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::group::committer::{Entries, Entry};
use super::group::{GroupMetadata, OffsetAndMetadata};
use super::shared_engine::SharedEngine;
use super::{Consumer, Subscribed};
use crate::config::CommitPolicy;
use crate::error::{Error, Result};
use crate::reader::Batch;
use crate::record::TopicPartition;

/// How far a consumer has handed out what it reads, and as whom it may commit that.
#[derive(Debug)]
pub(crate) struct HandedOut {
    group: GroupMetadata,
    entries: Entries,
    shared: SharedEngine,
}

impl HandedOut {
    pub(crate) const fn group(&self) -> &GroupMetadata {
        &self.group
    }

    pub(crate) fn offsets(&self) -> Vec<(TopicPartition, OffsetAndMetadata)> {
        let offsets = self.entries.iter();
        offsets.map(|(partition, entry)| (partition.clone(), entry.offset.clone())).collect()
    }

    /// The group has these offsets.
    pub(crate) fn note_committed(self) {
        self.shared.look(|engine| {
            for (partition, Entry { assignment, offset }) in self.entries {
                engine.note_committed(&partition, assignment.id, offset.offset);
            }
        });
    }
}

impl<K, V> Consumer<K, V, Subscribed> {
    /// What was handed out, all of which counts as done.
    ///
    /// # Errors
    /// [`Error::CommitFailed`] when some of it is somebody else's by now; [`Error::InvalidArgument`] for a consumer that commits
    /// by itself; those of [`Self::group_metadata`].
    pub(crate) async fn handed_out(&self) -> Result<HandedOut> {
        self.check_commits_nothing()?;
        self.hand.note_done();
        // Before the offsets are read: what is lost after this is refused by its coordinator.
        let group = self.group_metadata_unless_lost().await?;
        let entries = self.handle.source.group.done_or_lost()?;
        Ok(HandedOut { group, entries, shared: self.handle.base.shared.clone() })
    }

    /// As [`Self::group_metadata`]; does not wait when something is lost: a member whose caller was away for too long joins
    /// again only when that asks for records.
    async fn group_metadata_unless_lost(&self) -> Result<GroupMetadata> {
        let mut identified = pin!(self.group_metadata());
        loop {
            let mut changed = pin!(self.handle.base.shared.changed_by_driver().notified());
            changed.as_mut().enable();
            self.handle.source.group.done_or_lost()?;
            tokio::select! {
                group = &mut identified => return group,
                () = changed => {}
            }
        }
    }

    /// Fails if the consumer commits by itself, and so perhaps what a transaction then aborts.
    pub(crate) fn check_commits_nothing(&self) -> Result<()> {
        if self.handle.base.settings.group.commit_policy() == CommitPolicy::Manual {
            return Ok(());
        }
        let problem = "it commits by itself, also what a transaction aborts: give it CommitPolicy::Manual";
        Err(Error::invalid_argument("consumer", problem))
    }

    /// The next batch if there is one already, and if the group does not wait for the caller to be done with the last.
    pub(crate) fn batch_at_hand(&mut self) -> Option<Result<Option<Batch<K, V>>>> {
        if self.handle.base.shared.progress().is_awaited() {
            return None;
        }
        match self.poll_batch_at_hand(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(batch) => Some(batch.transpose()),
            Poll::Pending => None,
        }
    }
}
