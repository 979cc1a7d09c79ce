//! Numbers that a seed decides, so that what an example makes up is the same in every run.

/// A generator of numbers (splitmix64).
///
/// ```
/// use kestrel_examples::Dice;
///
/// let (mut one, mut other) = (Dice::new(7), Dice::new(7));
/// assert_eq!(one.roll(1_000), other.roll(1_000));
/// assert!(one.roll(6) < 6);
/// ```
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice whose numbers this seed decides.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number: 0 or more, and below `sides`.
    ///
    /// # Panics
    /// When there are no sides.
    pub const fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub const fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        #[expect(clippy::cast_possible_truncation, reason = "it is below a `usize`")]
        let chosen = self.roll(all.len() as u64) as usize;
        &all[chosen]
    }
}
