//! Outcomes: what became of each thing that a command was to change. Pure.

use std::fmt::Display;

use kestrel_client::Error;
use serde_json::json;

use super::Cell;
use crate::failure::Exit;
use crate::guard::Permit;

/// What became of each of several things.
#[derive(Debug)]
pub(crate) struct Outcomes {
    noun: &'static str,
    done: String,
    rows: Vec<(String, Result<(), Refusal>)>,
}

#[derive(Debug)]
struct Refusal {
    text: String,
    code: Option<String>,
}

impl Outcomes {
    /// Nothing yet. `noun` is what the things are, and `done` what was done to them, as in `deleted topic orders`.
    pub(crate) fn new(permit: Permit, noun: &'static str, done: &str) -> Self {
        let done = match permit {
            Permit::Change => done.to_owned(),
            Permit::DryRun => format!("would have {done}"),
        };
        Self { noun, done, rows: Vec::new() }
    }

    /// Nothing yet, of things that are only looked at: those that can be are shown otherwise.
    pub(crate) fn of_reading(noun: &'static str) -> Self {
        Self { noun, done: String::new(), rows: Vec::new() }
    }

    /// Something was done that needs no permit: it is on this machine alone.
    pub(crate) fn local(noun: &'static str, done: &str, name: &str) -> Self {
        Self { noun, done: done.to_owned(), rows: vec![(name.to_owned(), Ok(()))] }
    }

    /// Adds what became of all of these.
    pub(crate) fn extend<K: Display, T>(
        mut self,
        results: impl IntoIterator<Item = (K, Result<T, Error>)>,
    ) -> Self {
        for (name, result) in results {
            self.push(name, result);
        }
        self
    }

    /// Adds what became of one, and gives what there is of it.
    pub(crate) fn note<T>(&mut self, name: impl Display, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.push(name, Ok::<(), Error>(()));
                Some(value)
            }
            Err(error) => {
                self.push(name, Err::<T, Error>(error));
                None
            }
        }
    }

    /// Adds what became of one.
    pub(crate) fn push<T>(&mut self, name: impl Display, result: Result<T, Error>) {
        let refusal = |error: Error| Refusal {
            code: error.code().map(|code| code.to_string()),
            text: format!("{error:#}"),
        };
        self.rows.push((name.to_string(), result.map(drop).map_err(refusal)));
    }

    pub(super) fn done_lines(&self) -> String {
        let done = self.rows.iter().filter(|(_, result)| result.is_ok() && !self.done.is_empty());
        done.map(|(name, _)| format!("{} {} {}\n", self.done, self.noun, Cell::from(&**name).to_text()))
            .collect()
    }

    pub(super) fn failure_lines(&self) -> String {
        let failed = self.rows.iter().filter_map(|(name, result)| Some((name, result.as_ref().err()?)));
        failed
            .map(|(name, refusal)| {
                format!("kestrel: {} {}: {}\n", self.noun, Cell::from(&**name).to_text(), refusal.text)
            })
            .collect()
    }

    pub(super) fn json_lines(&self) -> String {
        let object = |(name, result): &(String, Result<(), Refusal>)| match result {
            Ok(()) => json!({ self.noun: name, "outcome": self.done }),
            Err(Refusal { text, code }) => {
                json!({ self.noun: name, "outcome": "failed", "code": code, "error": text })
            }
        };
        let told = self.rows.iter().filter(|(_, result)| result.is_err() || !self.done.is_empty());
        told.map(|row| format!("{}\n", object(row))).collect()
    }

    /// The exit code when something failed: another one when something else is done.
    pub(super) fn exit(&self) -> Option<Exit> {
        let failed = self.rows.iter().filter(|(_, result)| result.is_err()).count();
        match failed {
            0 => None,
            failed if failed == self.rows.len() => Some(Exit::Failed),
            _ => Some(Exit::Partial),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn outcomes(results: [bool; 2]) -> Outcomes {
        let result = |is_done| if is_done { Ok(()) } else { Err(Error::other("too bad")) };
        let named = ["a", "b"].into_iter().zip(results);
        Outcomes::new(Permit::Change, "topic", "deleted")
            .extend(named.map(|(name, done)| (name, result(done))))
    }

    #[test]
    fn each_thing_is_told_apart() {
        let mixed = outcomes([true, false]);
        assert_eq!(mixed.done_lines(), "deleted topic a\n");
        assert_eq!(mixed.failure_lines(), "kestrel: topic b: the application's own code failed: too bad\n");
        expect![[r#"
            {"topic":"a","outcome":"deleted"}
            {"topic":"b","outcome":"failed","code":null,"error":"the application's own code failed: too bad"}
        "#]]
        .assert_eq(&mixed.json_lines());
    }

    #[test]
    fn the_exit_code_says_whether_something_is_done() {
        assert_eq!(outcomes([true, true]).exit(), None);
        assert_eq!(outcomes([true, false]).exit(), Some(Exit::Partial));
        assert_eq!(outcomes([false, false]).exit(), Some(Exit::Failed));
    }

    #[test]
    fn a_dry_run_has_done_nothing() {
        let dry = Outcomes::new(Permit::DryRun, "topic", "deleted").extend([("a", Ok::<(), Error>(()))]);
        assert_eq!(dry.done_lines(), "would have deleted topic a\n");
    }
}
