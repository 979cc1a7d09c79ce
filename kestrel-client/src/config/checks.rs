//! What is checked of each setting, and of the arguments that become text of the protocol.

use kestrel_protocol::wire::MAX_STRING_BYTES;
use kestrel_settings::{InvalidSetting, Key, Row};

use crate::error::Error;

impl From<InvalidSetting> for Error {
    fn from(invalid: InvalidSetting) -> Self {
        let InvalidSetting { name, value, expected, origin, .. } = invalid;
        Self::config(name, format!("`{value}`: expected {expected}{origin}"))
    }
}

/// Checks that each value is in the range of its key.
///
/// # Errors
/// [`Error::Config`] for the first that is not.
pub(super) fn check_rows<C>(rows: &[Row<C>], config: &C) -> Result<(), Error> {
    rows.iter().try_for_each(|row| row.check(config)).map_err(Error::from)
}

/// Checks that the protocol has room for the text of a setting.
///
/// # Errors
/// [`Error::Config`] when it has not.
pub(crate) fn fits(key: &Key, text: &str) -> Result<(), Error> {
    room_for(text).map_err(|problem| Error::config(key.name, problem))
}

/// As [`fits`], for the text of an argument.
///
/// # Errors
/// [`Error::InvalidArgument`] when it does not.
pub(crate) fn argument_fits(argument: &'static str, text: &str) -> Result<(), Error> {
    room_for(text).map_err(|problem| Error::invalid_argument(argument, problem))
}

fn room_for(text: &str) -> Result<(), String> {
    match text.len() {
        0..=MAX_STRING_BYTES => Ok(()),
        length => Err(format!("{length} bytes long; the protocol has room for {MAX_STRING_BYTES}")),
    }
}
