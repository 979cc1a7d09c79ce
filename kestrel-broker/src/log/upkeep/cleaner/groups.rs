//! Which segments become one: neighbours that together are no larger than a segment may be. Pure.

use crate::log::config::LogConfig;

/// A segment that is to be cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupItem {
    /// Where it begins.
    pub(super) base_offset: i64,
    /// The size of its log.
    pub(super) log_bytes: u64,
    /// The sizes of its offset index and its time index.
    pub(super) index_bytes: (u64, u64),
}

/// How many segments each group has, for neighbouring segments that end before `end_offset`.
///
/// By their sizes before the cleaning, so a group never becomes too large by what is kept of it; and its offsets stay
/// within 2^31 of the first one's, as the indexes need.
pub(super) fn group(items: &[GroupItem], config: &LogConfig, end_offset: i64) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut rest = items;
    while let Some((first, others)) = rest.split_first() {
        let (mut sum, mut count) = (*first, 1);
        for (index, item) in others.iter().enumerate() {
            let last_offset = others.get(index + 1).map_or(end_offset, |next| next.base_offset) - 1;
            let within_reach = item.log_bytes == 0 || last_offset - first.base_offset <= i64::from(i32::MAX);
            let Some(more) = sum.plus(item, config).filter(|_| within_reach) else { break };
            (sum, count) = (more, count + 1);
        }
        counts.push(count);
        rest = items.get(counts.iter().sum()..).unwrap_or_default();
    }
    counts
}

impl GroupItem {
    /// Both together, if they may be one segment.
    fn plus(&self, other: &Self, config: &LogConfig) -> Option<Self> {
        let (index, time_index) = self.index_bytes;
        let sum = Self {
            base_offset: self.base_offset,
            log_bytes: self.log_bytes + other.log_bytes,
            index_bytes: (index + other.index_bytes.0, time_index + other.index_bytes.1),
        };
        let index_limit = u64::from(config.segment_index_bytes);
        let fits = sum.log_bytes <= u64::from(config.segment_bytes)
            && sum.index_bytes.0 <= index_limit
            && sum.index_bytes.1 <= index_limit;
        fits.then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(sizes: &[(i64, u64)]) -> Vec<GroupItem> {
        sizes
            .iter()
            .map(|&(base_offset, log_bytes)| GroupItem { base_offset, log_bytes, index_bytes: (8, 12) })
            .collect()
    }

    fn config() -> LogConfig {
        LogConfig { segment_bytes: 100, ..LogConfig::default() }
    }

    #[test]
    fn neighbours_are_joined_as_long_as_they_fit() {
        let items = items(&[(0, 50), (5, 50), (9, 1), (12, 100), (20, 0), (20, 30)]);
        assert_eq!(group(&items, &config(), 30), [2, 1, 2, 1]);
        assert_eq!(group(&[], &config(), 30), [0; 0]);
    }

    #[test]
    fn a_segment_that_is_too_large_stays_alone() {
        assert_eq!(group(&items(&[(0, 500), (5, 1), (6, 1)]), &config(), 30), [1, 2]);
    }

    #[test]
    fn indexes_have_to_fit_too() {
        let config = LogConfig { segment_index_bytes: 24, ..config() };
        assert_eq!(group(&items(&[(0, 1), (1, 1), (2, 1)]), &config, 30), [2, 1]);
    }

    #[test]
    fn offsets_stay_within_reach() {
        let far = i64::from(i32::MAX);
        let items = items(&[(0, 1), (10, 1), (far, 1)]);
        assert_eq!(group(&items, &config(), far + 1), [3]);
        assert_eq!(group(&items, &config(), far + 2), [2, 1]);
    }
}
