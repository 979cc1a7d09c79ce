//! What several examples share: how one meets a cluster and ends, a file of real events, and how numbers and times are shown.
//!
//! Used by the examples alone. It hides none of what they are there to show: producing, consuming, formats.

mod cluster;
mod dice;
mod earthquake;
mod readings;
mod registry;
mod text;

use std::error::Error;
use std::io;
use std::process::ExitCode;

pub use self::cluster::{Cluster, connect, create_new_topics, create_topic, in_time, read_all, until_read};
pub use self::dice::Dice;
pub use self::earthquake::{Earthquake, earthquakes};
pub use self::readings::{Reading, Readings};
pub use self::registry::WithRegistry;
pub use self::text::{thousands, utc};

/// The result of whatever can fail in an example; every error of Kestrel's says what happened in one sentence.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The exit code of an example, which tells on standard error what went wrong.
pub fn exit_code(outcome: Result) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough of it, as `head` does.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The README's programs have to compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// So does the program of those who come from other clients.
#[cfg(doctest)]
#[doc = include_str!("../../docs/coming-from.md")]
struct ComingFrom;

/// So do those of the page on transactions.
#[cfg(doctest)]
#[doc = include_str!("../../docs/transactions.md")]
struct Transactions;

/// And those of the page on typed data.
#[cfg(doctest)]
#[doc = include_str!("../../docs/typed-data.md")]
struct TypedData;
