//! From keys to the offsets of their last records, in bounded memory: 24 bytes a key, whatever its length.
//!
//! Filled by the first pass of a cleaning, asked by the second. A table with open addressing that grows with its keys up to the
//! limit; who fills it asks first whether there is room.

use super::key_hash::HashKey;

/// How many bytes a place in the table takes.
const SLOT_BYTES: usize = size_of::<Slot>();

/// A hash of two words, and the offset with one added: 0 is an empty place, so that untouched memory is an empty table.
type Slot = [u64; 3];

/// The last offset of each key.
#[derive(Debug)]
pub(super) struct OffsetMap {
    hash_key: HashKey,
    slots: Vec<Slot>,
    len: usize,
    /// How many keys there may be, and how many places then.
    most: usize,
    most_slots: usize,
    next_offset: i64,
}

/// With how many places a table begins.
const FIRST_SLOTS: usize = 1024;

/// How large a map may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapLimit {
    /// How much memory it may take.
    pub(super) bytes: usize,
    /// Which part of its places may be taken.
    pub(super) load_factor: f64,
}

impl MapLimit {
    /// How many keys a map of this size holds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a number of places"
    )]
    fn keys(self) -> usize {
        // A full table finds nothing any more: a place stays free, and the load factor has its bounds.
        ((self.bytes / SLOT_BYTES) as f64 * self.load_factor.clamp(0.1, 0.95)) as usize
    }
}

impl OffsetMap {
    /// An empty map with room for `keys`, or as many as the limit allows, but at least for `least`. Everything from
    /// `next_offset` on is unknown to it.
    pub(super) fn new(
        hash_key: HashKey,
        limit: MapLimit,
        keys: usize,
        least: usize,
        next_offset: i64,
    ) -> Self {
        let most = keys.min(limit.keys()).max(least).max(1);
        // A third empty while the limit allows it, so that a key is found at once; and always with a free place.
        let most_slots = (most + most / 2).min((limit.bytes / SLOT_BYTES).max(most + most / 8)) + 2;
        let slots = vec![[0; 3]; most_slots.min(FIRST_SLOTS)];
        Self { hash_key, slots, len: 0, most, most_slots, next_offset }
    }

    /// Whether this many more keys can be noted.
    pub(super) fn has_room_for(&self, keys: usize) -> bool {
        self.len + keys <= self.most
    }

    /// Notes that there is a record with `key` at `offset`, which is above all before.
    ///
    /// # Panics
    /// When there is no room, which was to be asked first.
    pub(super) fn put(&mut self, key: &[u8], offset: i64) {
        if self.len + self.len / 2 >= self.slots.len() && self.slots.len() < self.most_slots {
            self.grow();
        }
        let hash = self.hash_key.hash(key);
        let slot = self.slot(hash);
        let stored = u64::try_from(offset).expect("offsets are not negative") + 1;
        let (slots, len) = (&mut self.slots, &mut self.len);
        let place = slots.get_mut(slot).expect("a slot of the table");
        if *place == [0; 3] {
            *len += 1;
        }
        *place = [hash[0], hash[1], stored];
        assert!(self.len < self.slots.len(), "the offset map is full");
    }

    /// The offset of the last record with `key`, if one was noted.
    pub(super) fn get(&self, key: &[u8]) -> Option<i64> {
        let slot = self.slots.get(self.slot(self.hash_key.hash(key)))?;
        slot[2].checked_sub(1).and_then(|offset| i64::try_from(offset).ok())
    }

    /// Everything below `offset` is in the map now, from where it began.
    pub(super) fn advance(&mut self, offset: i64) {
        self.next_offset = self.next_offset.max(offset);
    }

    /// Where what the map knows ends.
    pub(super) const fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// How many keys there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How much memory the table takes.
    pub(super) fn size_bytes(&self) -> usize {
        self.slots.len() * SLOT_BYTES
    }

    /// Moves into a table of twice the size, or the largest one; for that moment both are there.
    fn grow(&mut self) {
        let larger = vec![[0; 3]; (2 * self.slots.len()).min(self.most_slots)];
        for slot in std::mem::replace(&mut self.slots, larger) {
            let [first, second, stored] = slot;
            if stored != 0 {
                let place = self.slot([first, second]);
                *self.slots.get_mut(place).expect("a slot of the table") = slot;
            }
        }
    }

    /// The place of this hash: where it is, or where it belongs.
    fn slot(&self, hash: [u64; 2]) -> usize {
        let count = self.slots.len();
        // The upper half of a product spreads the hash over the places without a division.
        let mut at = usize::try_from((u128::from(hash[0]) * count as u128) >> 64).unwrap_or(0);
        loop {
            match self.slots.get(at) {
                Some(slot) if slot[2] != 0 && (slot[0], slot[1]) != (hash[0], hash[1]) => {
                    at = if at + 1 == count { 0 } else { at + 1 };
                }
                _ => return at,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: MapLimit = MapLimit { bytes: 1 << 20, load_factor: 0.9 };

    #[test]
    fn the_last_offset_of_each_key_is_found() {
        let mut map = OffsetMap::new(HashKey::new([7; 16]), LIMIT, 1000, 1, 5);
        for offset in 0..2000 {
            map.put(&(offset % 1000).to_string().into_bytes(), offset);
        }
        assert_eq!(map.len(), 1000);
        assert!(!map.has_room_for(1));
        for key in 0..1000 {
            assert_eq!(map.get(key.to_string().as_bytes()), Some(1000 + key));
        }
        assert_eq!(map.get(b"other"), None);
        assert_eq!(map.get(b""), None);
        map.put(b"0", 0);
        assert_eq!(map.get(b"0"), Some(0), "offset 0 is not an empty place");
    }

    #[test]
    fn it_is_no_larger_than_it_may_be_nor_than_it_has_to() {
        let limit = MapLimit { bytes: 24_000, load_factor: 0.9 };
        let mut map = OffsetMap::new(HashKey::new([7; 16]), limit, usize::MAX, 1, 0);
        assert!(map.has_room_for(900) && !map.has_room_for(901));
        for offset in 0..900 {
            map.put(&offset.to_string().into_bytes(), offset);
        }
        assert!(!map.has_room_for(1) && map.size_bytes() < 25_000);
        let mut map = OffsetMap::new(HashKey::new([7; 16]), LIMIT, 40_000, 1, 0);
        for offset in 0..40_000 {
            map.put(&(offset % 1000).to_string().into_bytes(), offset);
        }
        assert!(map.size_bytes() < 60_000, "with the keys, not with the records");
        assert!(OffsetMap::new(HashKey::new([7; 16]), LIMIT, 3, 1, 0).size_bytes() < 200);
        let least =
            OffsetMap::new(HashKey::new([7; 16]), MapLimit { bytes: 0, load_factor: 0.9 }, 100, 50, 0);
        assert!(least.has_room_for(50));
    }

    #[test]
    fn it_knows_how_far_it_reaches() {
        let mut map = OffsetMap::new(HashKey::new([7; 16]), LIMIT, 10, 1, 5);
        assert_eq!(map.next_offset(), 5);
        map.advance(9);
        map.advance(7);
        assert_eq!(map.next_offset(), 9);
    }
}
