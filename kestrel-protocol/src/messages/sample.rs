//! Test only: a random value of any message, valid in a given version, from a seed.

use bytes::Bytes;
use bytestring::ByteString;

use super::Version;
use crate::error_code::ErrorCode;
use crate::types::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId, SecretBytes, Uuid};

/// A small deterministic source of randomness (xorshift): the seed of a failing case reproduces it.
#[derive(Debug)]
pub(crate) struct Seed {
    state: u64,
    /// Whether texts may be longer than the protocol can say.
    endless: bool,
}

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x9e37_79b9_7f4a_7c15 | 1, endless: false }
    }

    /// A source of texts that may be longer than the protocol can say.
    pub(crate) fn endless(seed: u64) -> Self {
        Self { endless: true, ..Self::new(seed) }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    pub(crate) fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit).unwrap()
    }
}

/// A value of a table that is valid in `version`: fields that the version lacks have their defaults.
pub(crate) trait Sample: Sized {
    fn sample(seed: &mut Seed, version: Version) -> Self;
}

macro_rules! sample_integers {
    ($($ty:ty),+) => {
        $(impl Sample for $ty {
            #[allow(clippy::cast_possible_truncation, reason = "any bits will do")]
            fn sample(seed: &mut Seed, _: Version) -> Self {
                match seed.next() % 4 {
                    0 => <$ty>::MAX,
                    1 => (seed.next() % 3) as $ty,
                    _ => seed.next() as $ty,
                }
            }
        })+
    };
}

sample_integers!(i8, i16, u16, i32, u32, i64);

impl Sample for f64 {
    /// Finite, so that it equals itself.
    fn sample(seed: &mut Seed, version: Version) -> Self {
        Self::from(i32::sample(seed, version)) / 8.0
    }
}

macro_rules! sample_identities {
    ($($ty:ident),+) => {
        $(impl Sample for $ty {
            fn sample(seed: &mut Seed, version: Version) -> Self {
                Self(Sample::sample(seed, version))
            }
        })+
    };
}

sample_identities!(NodeId, LeaderEpoch, ProducerId, ProducerEpoch);

impl Sample for bool {
    fn sample(seed: &mut Seed, _: Version) -> Self {
        seed.next().is_multiple_of(2)
    }
}

impl Sample for ErrorCode {
    fn sample(seed: &mut Seed, version: Version) -> Self {
        Self::from_code(i16::sample(seed, version))
    }
}

impl Sample for Uuid {
    fn sample(seed: &mut Seed, _: Version) -> Self {
        Self::from_u128(u128::from(seed.next()) << 64 | u128::from(seed.next()))
    }
}

impl Sample for ByteString {
    fn sample(seed: &mut Seed, _: Version) -> Self {
        if seed.endless && seed.next().is_multiple_of(4) {
            // Around the limit, in characters of which it may cut one.
            return "漢".repeat(10_900 + seed.below(50)).into();
        }
        // Now and then longer than one byte of a compact length can say.
        let length = if seed.next().is_multiple_of(16) { 200 } else { seed.below(8) };
        (0..length).map(|_| *['a', 'z', 'é', '漢'].get(seed.below(4)).unwrap()).collect::<String>().into()
    }
}

impl Sample for Bytes {
    fn sample(seed: &mut Seed, _: Version) -> Self {
        // Now and then large enough to be spliced instead of copied.
        let length = if seed.next().is_multiple_of(8) { 2000 } else { seed.below(8) };
        (0..length).map(|_| seed.next().to_le_bytes()[0]).collect()
    }
}

impl Sample for SecretBytes {
    fn sample(seed: &mut Seed, version: Version) -> Self {
        // The oracle shows them, and names of fields are told by the colon after them.
        let bytes: Bytes = Sample::sample(seed, version);
        bytes.into_iter().filter(|byte| *byte != b':').collect::<Bytes>().into()
    }
}

impl Sample for super::fetch::RecordData {
    fn sample(seed: &mut Seed, version: Version) -> Self {
        Bytes::sample(seed, version).into()
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(seed: &mut Seed, version: Version) -> Self {
        (0..seed.below(3)).map(|_| T::sample(seed, version)).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(seed: &mut Seed, version: Version) -> Self {
        (!seed.next().is_multiple_of(3)).then(|| T::sample(seed, version))
    }
}

/// A field that may be null, in a version that says whether it is so.
pub(crate) fn not_null_unless<T: super::Nullable + Sample>(
    may_be_null: bool,
    seed: &mut Seed,
    version: Version,
) -> T {
    let value = T::sample(seed, version);
    if value.is_null() && !may_be_null { T::non_null() } else { value }
}

/// Gives each structure of a table its [`Sample`].
macro_rules! __sample {
    ($name:ident { $($field:ident: ($($versions:expr)?) ($($null:expr)?) ($($default:expr)?);)* }) => {
        impl $crate::messages::sample::Sample for $name {
            #[allow(unused_variables, reason = "an empty structure")]
            fn sample(
                seed: &mut $crate::messages::sample::Seed,
                version: $crate::messages::Version,
            ) -> Self {
                Self {
                    $($field: if $crate::__in_versions!(version; $($versions)?) {
                        $crate::messages::sample::__sample_field!(seed, version; $($null)?)
                    } else {
                        $crate::__default!($($default)?)
                    },)*
                }
            }
        }
    };
}

macro_rules! __sample_field {
    ($seed:ident, $version:ident;) => {
        $crate::messages::sample::Sample::sample($seed, $version)
    };
    ($seed:ident, $version:ident; $null:expr) => {
        $crate::messages::sample::not_null_unless(($null).contains(&$version.number), $seed, $version)
    };
}

pub(crate) use {__sample, __sample_field};
