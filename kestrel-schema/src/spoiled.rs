//! Texts near valid ones, for tests: with pieces of others in them, or without some of their own.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Any of these texts, changed in up to three places.
pub(crate) fn spoiled(texts: Vec<String>) -> impl Strategy<Value = String> {
    let text = select(texts.clone());
    let cut = (any::<Index>(), 0_usize..40, select(texts), 0_usize..40);
    (text, proptest::collection::vec(cut, 1..4)).prop_map(|(text, cuts)| {
        let mut text: Vec<char> = text.chars().collect();
        for (place, removed, other, added) in cuts {
            let start = place.index(text.len() + 1);
            let end = (start + removed).min(text.len());
            let other: Vec<char> = other.chars().collect();
            let from = place.index(other.len() + 1);
            let to = (from + added).min(other.len());
            text.splice(start..end, other[from..to].iter().copied());
        }
        text.into_iter().collect()
    })
}
