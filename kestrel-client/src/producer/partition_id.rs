//! PartitionId: which partition a producer writes to, for all of its rooms; and a map by it.

use std::sync::Arc;

/// A partition that a producer writes to, as a dense number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartitionId(pub(crate) u32);

/// A partition that a producer writes to: its number in the producer, and its name in the cluster.
#[derive(Debug, Clone)]
pub(crate) struct PartitionKey {
    pub(crate) id: PartitionId,
    pub(crate) topic: Arc<str>,
    /// The partition's number in its topic.
    pub(crate) index: i32,
}

/// A value for each partition that a producer has written to. Their numbers are dense, so that finding one is an index.
#[derive(Debug)]
pub(crate) struct PartitionMap<T> {
    slots: Vec<Option<T>>,
}

impl<T> PartitionMap<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    pub(crate) fn get(&self, id: PartitionId) -> Option<&T> {
        self.slots.get(index(id))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: PartitionId) -> Option<&mut T> {
        self.slots.get_mut(index(id))?.as_mut()
    }

    /// The value of a partition, which `new` makes if there is none.
    pub(crate) fn get_or_insert_with(&mut self, id: PartitionId, new: impl FnOnce() -> T) -> &mut T {
        let index = index(id);
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots[index].get_or_insert_with(new)
    }

    /// All of them, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PartitionId, &T)> {
        let slots = (0..).map(PartitionId).zip(&self.slots);
        slots.filter_map(|(id, slot)| Some((id, slot.as_ref()?)))
    }

    /// As [`Self::iter`], to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PartitionId, &mut T)> {
        let slots = (0..).map(PartitionId).zip(&mut self.slots);
        slots.filter_map(|(id, slot)| Some((id, slot.as_mut()?)))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }
}

fn index(PartitionId(id): PartitionId) -> usize {
    id as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_found_by_number_whatever_came_first() {
        let mut names = PartitionMap::new();
        for (id, name) in [(3, "d"), (0, "a"), (1, "b")] {
            assert_eq!(names.get_or_insert_with(PartitionId(id), || name), &name);
        }
        assert_eq!(names.get_or_insert_with(PartitionId(3), || "another"), &"d", "it is there");
        assert_eq!((names.get(PartitionId(1)), names.get(PartitionId(2))), (Some(&"b"), None));
        assert_eq!(names.get_mut(PartitionId(9)), None);
        let in_order: Vec<_> = names.iter().map(|(id, name)| (id.0, *name)).collect();
        assert_eq!(in_order, [(0, "a"), (1, "b"), (3, "d")]);
        assert_eq!(names.iter_mut().count(), names.values().count());
    }
}
