//! Which partition a record goes to.
//!
//! Called by the producer for each record without an explicit partition. The default is Kafka's: murmur2 of the key,
//! and for records without a key the sticky partition of KIP-794, which the accumulator keeps. For topics that other
//! clients write to there are the partitioners of librdkafka ([`Crc32`]) and sarama ([`Fnv1a`]).

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// Kafka's seed for murmur2.
const MURMUR2_SEED: u32 = 0x9747_b28c;

/// What a partitioner decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// The partition with this number.
    Partition(i32),
    /// The topic's sticky partition: the same one until about `batch.size` bytes went there, then another (KIP-794).
    Sticky,
}

/// What a partitioner may look at.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PartitionInput<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The key's bytes; `None` is null, which is not the same as empty.
    pub key: Option<&'a [u8]>,
    /// The value's bytes; `None` is null.
    pub value: Option<&'a [u8]>,
    /// How many partitions the topic has: 1 or more.
    pub partition_count: i32,
    counter: &'a AtomicU32,
}

impl<'a> PartitionInput<'a> {
    pub(crate) fn new(
        topic: &'a str,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        partition_count: i32,
        counter: &'a AtomicU32,
    ) -> Self {
        Self { topic, key, value, partition_count: partition_count.max(1), counter }
    }

    /// A number that grows by one with each call for the same producer and topic, and wraps: for round robins.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for PartitionInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionInput")
            .field("topic", &self.topic)
            .field("key_bytes", &self.key.map(<[u8]>::len))
            .field("partition_count", &self.partition_count)
            .finish_non_exhaustive()
    }
}

/// Chooses the partition of a record. Closures are partitioners too.
///
/// ```no_run
/// # async fn example(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::partitioner::{Choice, PartitionInput};
///
/// let producer = client
///     .producer()
///     .partitioner(|input: &PartitionInput<'_>| match input.key {
///         Some(b"vip") => Choice::Partition(0),
///         _ => Choice::Sticky,
///     })
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
pub trait Partitioner: Send + Sync + 'static {
    /// The choice for one record, asked for once per record. A partition that the topic does not have makes `send` wait for
    /// it, `max.block.ms`, and fail then.
    fn partition(&self, input: &PartitionInput<'_>) -> Choice;

    /// Whether the choice depends on nothing but the input, and asking leaves no trace. Default: no.
    ///
    /// `try_send` asks a partitioner that is not pure only when there is memory for the record in any case, so that a record
    /// that it hands back, and that is sent again, takes one turn and not two. A pure one spares it that step.
    fn is_pure(&self) -> bool {
        false
    }
}

impl<F: Fn(&PartitionInput<'_>) -> Choice + Send + Sync + 'static> Partitioner for F {
    fn partition(&self, input: &PartitionInput<'_>) -> Choice {
        self(input)
    }
}

/// Kafka's default: murmur2 of the key over all partitions; sticky without a key. An empty key is hashed.
///
/// ```
/// use kestrel_client::partitioner::Murmur2;
/// assert_eq!(Murmur2::partition_of(b"foobar", 12), 6);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Murmur2;

impl Murmur2 {
    /// The partition of `key` among `partition_count` (taken as 1 when it is below).
    #[must_use]
    pub fn partition_of(key: &[u8], partition_count: i32) -> i32 {
        let hash = murmur2::murmur2(key, MURMUR2_SEED).cast_signed();
        // A mask and not an absolute value, which does not exist for the smallest integer.
        (hash & i32::MAX) % partition_count.max(1)
    }
}

impl Partitioner for Murmur2 {
    fn partition(&self, input: &PartitionInput<'_>) -> Choice {
        match input.key {
            Some(key) => Choice::Partition(Self::partition_of(key, input.partition_count)),
            None => Choice::Sticky,
        }
    }

    fn is_pure(&self) -> bool {
        true
    }
}

/// Each record to the next partition, keys or not: even load for the price of small batches.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobin;

impl Partitioner for RoundRobin {
    fn partition(&self, input: &PartitionInput<'_>) -> Choice {
        let count = input.partition_count.cast_unsigned();
        Choice::Partition((input.next_number() % count).cast_signed())
    }
}

/// librdkafka's default, `consistent_random`: CRC-32 of the key; sticky without a key or with an empty one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Crc32;

impl Partitioner for Crc32 {
    fn partition(&self, input: &PartitionInput<'_>) -> Choice {
        match input.key {
            None | Some([]) => Choice::Sticky,
            Some(key) => {
                let count = input.partition_count.cast_unsigned();
                Choice::Partition((crc32fast::hash(key) % count).cast_signed())
            }
        }
    }

    fn is_pure(&self) -> bool {
        true
    }
}

/// The default of sarama (Go): FNV-1a of the key, the remainder's sign dropped; sticky without a key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fnv1a;

impl Partitioner for Fnv1a {
    fn partition(&self, input: &PartitionInput<'_>) -> Choice {
        let Some(key) = input.key else { return Choice::Sticky };
        Choice::Partition((fnv1a(key).cast_signed() % input.partition_count).abs())
    }

    fn is_pure(&self) -> bool {
        true
    }
}

/// FNV-1a of 32 bits.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(partitioner: &dyn Partitioner, key: Option<&[u8]>, partition_count: i32) -> Choice {
        let counter = AtomicU32::new(0);
        partitioner.partition(&PartitionInput::new("t", key, None, partition_count, &counter))
    }

    #[test]
    fn murmur2_is_that_of_the_java_client() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2::murmur2(key.as_bytes(), MURMUR2_SEED).cast_signed(), hash, "{key}");
            let expected = Choice::Partition((hash & 0x7fff_ffff) % 10);
            assert_eq!(choose(&Murmur2, Some(key.as_bytes()), 10), expected, "{key}");
            assert_eq!(choose(&Murmur2, Some(key.as_bytes()), 1), Choice::Partition(0), "{key}");
        }
    }

    #[test]
    fn a_null_key_is_sticky_and_an_empty_one_is_hashed() {
        for partitioner in [&Murmur2 as &dyn Partitioner, &Crc32, &Fnv1a] {
            assert_eq!(choose(partitioner, None, 10), Choice::Sticky);
        }
        assert!(matches!(choose(&Murmur2, Some(b""), 10), Choice::Partition(_)));
        assert!(matches!(choose(&Fnv1a, Some(b""), 10), Choice::Partition(_)));
        assert_eq!(choose(&Crc32, Some(b""), 10), Choice::Sticky, "librdkafka takes an empty key for none");
    }

    #[test]
    fn the_compatibility_partitioners_use_the_published_check_values() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(
            choose(&Crc32, Some(b"123456789"), 100),
            Choice::Partition((0xcbf4_3926_u32 % 100) as i32)
        );
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
        // The hash is negative as an i32: sarama takes the remainder first and drops its sign then.
        assert_eq!(choose(&Fnv1a, Some(b"foobar"), 100), Choice::Partition(76));
    }

    #[test]
    fn a_round_robin_visits_each_partition_in_turn() {
        let counter = AtomicU32::new(0);
        let choices: Vec<_> = (0..5)
            .map(|_| RoundRobin.partition(&PartitionInput::new("t", Some(b"same"), None, 3, &counter)))
            .collect();
        assert_eq!(choices, [0, 1, 2, 0, 1].map(Choice::Partition));
    }

    #[test]
    fn a_closure_is_a_partitioner() {
        let last = |input: &PartitionInput<'_>| Choice::Partition(input.partition_count - 1);
        assert_eq!(choose(&last, None, 4), Choice::Partition(3));
    }
}
