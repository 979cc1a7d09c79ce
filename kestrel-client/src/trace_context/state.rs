//! The form of a `tracestate`: a list of keys and values that tracing systems pass along. Only judged here, and passed on as it is.

/// The longest that is passed on, in bytes: what the specification asks everybody to bear.
const MAX_BYTES: usize = 512;
/// The most entries that there may be.
const MAX_ENTRIES: usize = 32;
/// The longest key or value.
const MAX_PART: usize = 256;

/// The text, if it is one that may be passed on and says something.
pub(super) fn checked(state: &[u8]) -> Option<&str> {
    if state.len() > MAX_BYTES {
        return None;
    }
    let text = std::str::from_utf8(state).ok()?;
    let blank = [' ', '\t'];
    let entries = || text.split(',').map(|entry| entry.trim_matches(blank)).filter(|entry| !entry.is_empty());
    let count = entries().count();
    let has_form = (1..=MAX_ENTRIES).contains(&count) && entries().all(is_entry);
    has_form.then(|| text.trim_matches(blank))
}

fn is_entry(entry: &str) -> bool {
    entry.split_once('=').is_some_and(|(key, value)| is_key(key) && is_value(value))
}

/// Of a tenant's system the key has an `@` in it, and may begin with a digit.
fn is_key(key: &str) -> bool {
    let begins = key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    let may_be_in = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-*/@".contains(c);
    begins && key.len() <= MAX_PART && key.matches('@').count() <= 1 && key.chars().all(may_be_in)
}

/// Printable, without a comma or an equals sign; a blank at its end was trimmed before.
fn is_value(value: &str) -> bool {
    (1..=MAX_PART).contains(&value.len()) && value.chars().all(|c| matches!(c, ' '..='~') && c != '=')
}
