//! Records that cannot be understood. What they say is not known, but that they are there is: nobody gets their ids and their
//! versions, and who asks for them hears why there is no answer.

use std::collections::BTreeMap;

use super::Machine;
use super::request::{Shown, VersionNumber};
use super::version::Version;
use crate::error::Refusal;
use crate::record::{Place, Unread};
use crate::subject::Subject;

/// The records that cannot be understood, with their offsets, by what they are of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UnreadRecords(BTreeMap<Place, (Unread, i64)>);

impl UnreadRecords {
    pub(super) fn insert(&mut self, place: Place, unread: Unread, offset: i64) {
        self.0.insert(place, (unread, offset));
    }

    /// Another record has come under the same key.
    pub(super) fn remove(&mut self, place: &Place) {
        self.0.remove(place);
    }

    /// Soft-deletes the versions of a subject up to this one.
    pub(super) fn soft_delete(&mut self, deleted: &Subject, up_to: i32) {
        let versions = self.0.iter_mut().filter_map(|(place, (unread, _))| match place {
            Place::Version(subject, number) if subject == deleted && *number <= up_to => Some(unread),
            _ => None,
        });
        versions.for_each(|unread| unread.is_deleted = true);
    }

    /// Removes the soft-deleted versions of a subject or context.
    pub(super) fn clear(&mut self, cleared: &Subject) {
        self.0.retain(|place, (unread, _)| {
            !(unread.is_deleted && matches!(place, Place::Version(subject, _) if cleared.covers(subject)))
        });
    }

    pub(super) fn has(&self, place: &Place) -> bool {
        self.0.contains_key(place)
    }

    fn at(&self, place: &Place) -> Option<Refusal> {
        let (unread, offset) = self.0.get(place)?;
        Some(Refusal::unread(place, unread, *offset))
    }

    fn versions(&self) -> impl Iterator<Item = UnreadVersion<'_>> {
        self.0.iter().filter_map(|(place, (unread, offset))| match place {
            Place::Version(subject, number) => {
                Some(UnreadVersion { place, subject, number: *number, unread, offset: *offset })
            }
            _ => None,
        })
    }
}

/// A version whose record cannot be understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnreadVersion<'a> {
    place: &'a Place,
    pub(super) subject: &'a Subject,
    pub(super) number: i32,
    unread: &'a Unread,
    offset: i64,
}

impl UnreadVersion<'_> {
    pub(super) const fn is_deleted(&self) -> bool {
        self.unread.is_deleted
    }

    /// What is answered to who asks for it.
    pub(super) fn refusal(self) -> Refusal {
        Refusal::unread(self.place, self.unread, self.offset)
    }

    /// Whether it may be the schema with this id: it has it, or nobody knows which one it has.
    fn may_have(&self, id: i32) -> bool {
        self.unread.id.is_none_or(|own| own == id)
    }
}

impl Machine {
    /// The versions of a subject, or of all subjects of a context, that cannot be understood.
    pub(super) fn unread_versions<'a>(
        &'a self,
        of: &'a Subject,
    ) -> impl Iterator<Item = UnreadVersion<'a>> + 'a {
        self.unread.versions().filter(|version| of.covers(version.subject))
    }

    /// All subjects that have such a version.
    pub(super) fn unread_subjects(&self, shown: Shown) -> impl Iterator<Item = &Subject> {
        let versions = self.unread.versions().filter(move |version| shown.includes(version.is_deleted()));
        versions.map(|version| version.subject)
    }

    /// The version that was found, unless another one was meant that cannot be understood.
    pub(super) fn unless_unread<'a>(
        &self,
        subject: &Subject,
        number: VersionNumber,
        found: Option<&'a Version>,
    ) -> Result<Option<&'a Version>, Refusal> {
        let is_meant = |unread: &UnreadVersion<'_>| match number {
            VersionNumber::Number(number) => found.is_none() && unread.number == number,
            VersionNumber::Latest => {
                !unread.is_deleted() && found.is_none_or(|found| unread.number > found.number)
            }
        };
        let unread = self.unread_versions(subject).find(is_meant);
        unread.map_or(Ok(found), |unread| Err(unread.refusal()))
    }

    /// What is answered when nothing was found: this, unless it may be something that cannot be understood.
    pub(super) fn nothing_under(&self, subject: &Subject, refusal: Refusal) -> Refusal {
        self.unread_versions(subject).next().map_or(refusal, UnreadVersion::refusal)
    }

    /// As [`Self::nothing_under`], for an id.
    pub(super) fn nothing_with_id(&self, id: i32, subject: Option<&Subject>, refusal: Refusal) -> Refusal {
        let context = subject.map_or_else(Subject::top, Subject::whole_context);
        let unread = self.unread_versions(&context).find(|unread| unread.may_have(id));
        unread.map_or(refusal, UnreadVersion::refusal)
    }

    /// Whether all versions were understood that a new one is to be compared with: those after `oldest`.
    pub(super) fn check_read(&self, subject: &Subject, oldest: i32) -> Result<(), Refusal> {
        let mut unread = self.unread_versions(subject);
        let unread = unread.find(|unread| !unread.is_deleted() && unread.number > oldest);
        unread.map_or(Ok(()), |unread| Err(unread.refusal()))
    }

    /// Whether an id that another registry gives to a schema is free, now that no version is known to have it.
    pub(super) fn check_id_unused(&self, id: i32, subject: &Subject) -> Result<(), Refusal> {
        let context = subject.whole_context();
        let unread = self.unread_versions(&context).find(|unread| unread.may_have(id));
        unread.map_or(Ok(()), |unread| Err(unread.refusal()))
    }

    /// The highest id that was ever given in the context of a subject.
    ///
    /// # Errors
    /// When that is not known, so that any id may have been given.
    pub(super) fn highest_given_id(&self, subject: &Subject) -> Result<i32, Refusal> {
        let mut highest = self.context(subject).map_or(0, super::Context::highest_id);
        for version in self.unread_versions(&subject.whole_context()) {
            highest = highest.max(version.unread.id.ok_or_else(|| version.refusal())?);
        }
        Ok(highest)
    }

    /// Whether the configurations, or the modes, that hold for a subject were understood.
    pub(super) fn check_settings(
        &self,
        subject: &Subject,
        place: impl Fn(Subject) -> Place,
    ) -> Result<(), Refusal> {
        let above = [subject.clone(), subject.whole_context(), Subject::everywhere()];
        let unread = above.into_iter().find_map(|subject| self.unread.at(&place(subject)));
        unread.map_or(Ok(()), Err)
    }

    /// Whether what is set for this very subject could not be understood.
    pub(super) fn is_unread(&self, place: &Place) -> bool {
        self.unread.at(place).is_some()
    }
}
