//! The known word that a mistyped one is closest to. Pure.

/// The candidate with the smallest edit distance to `word`, if it is near enough to have been meant: one change for every three
/// characters, and six at most.
///
/// ```
/// assert_eq!(kestrel_settings::closest("linger.msec", ["linger.ms", "acks"].into_iter()), Some("linger.ms"));
/// ```
pub fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 6);
    candidates
        .map(|candidate| (strsim::levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let keys = ["num.partitions", "num.io.threads", "log.dirs"];
        assert_eq!(closest("num.partition", keys.into_iter()), Some("num.partitions"));
        assert_eq!(closest("log.dris", keys.into_iter()), Some("log.dirs"));
        assert_eq!(closest("completely.different", keys.into_iter()), None);
    }
}
