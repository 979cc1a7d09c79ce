//! Values: what is written on command lines and in results: pairs, durations, times, partitions. Pure.

mod civil;
mod duration;
mod moment;
mod partitions;

pub(crate) use duration::{parse_duration, write_duration};
pub(crate) use moment::{Moment, write_timestamp};
pub(crate) use partitions::Partitions;

/// Reads `KEY=VALUE`.
pub(crate) fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    if key.trim().is_empty() {
        return Err("expected KEY=VALUE, and the key may not be empty".to_owned());
    }
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// The one of `all` that has this name, whatever its case.
pub(crate) fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one).eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().copied().map(name).collect();
        format!("expected one of {}", names.join(", "))
    })
}
