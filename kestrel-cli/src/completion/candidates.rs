//! Candidates: the words that could stand at the end of a command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};

use super::names;
use super::walk::{Expected, Place};
use crate::failure::Failure;
use crate::options::GlobalArguments;
use crate::session::Session;

/// A word, and what it means.
type Candidate = (String, String);

/// Writes what could come next, a line for each: the word, and behind a tab what it means.
///
/// `words` are those after the program's name, and the last one is being written.
pub(crate) async fn complete(words: &[OsString], root: &Command, session: &Session) -> Result<(), Failure> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let place = Place::find(root, &words);
    let candidates = match &place.expected {
        Expected::Command { begun } => beginning(begun, place.commands().map(command_candidate)),
        Expected::Option { begun } => beginning(begun, place.options().filter_map(option_candidate)),
        Expected::Value { arg, begun, before } => {
            let known = match possible_values(arg) {
                values if values.is_empty() => names::of(arg, begun, global(&place.options)).await,
                values => values,
            };
            let whole = |(value, help)| (format!("{before}{value}"), help);
            beginning(begun, known.into_iter()).into_iter().map(whole).collect()
        }
        Expected::Nothing => Vec::new(),
    };
    let line = |(word, help): &Candidate| match help.is_empty() {
        true => format!("{word}\n"),
        false => format!("{word}\t{help}\n"),
    };
    session.output().text(&candidates.iter().map(line).collect::<String>())
}

fn beginning(begun: &str, candidates: impl Iterator<Item = Candidate>) -> Vec<Candidate> {
    candidates.filter(|(word, _)| word.starts_with(begun) && !word.contains(['\n', '\t'])).collect()
}

fn command_candidate(command: &Command) -> Candidate {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    (command.get_name().to_owned(), about)
}

fn option_candidate(arg: &Arg) -> Option<Candidate> {
    Some((format!("--{}", arg.get_long()?), help(arg)))
}

fn help(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    help.lines().next().unwrap_or_default().to_owned()
}

fn possible_values(arg: &Arg) -> Vec<Candidate> {
    let shown = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    shown
        .map(|value| {
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            (value.get_name().to_owned(), help)
        })
        .collect()
}

/// The options that say which cluster it is.
fn global(options: &BTreeMap<String, String>) -> GlobalArguments {
    let option = |id| options.get(id).cloned();
    GlobalArguments {
        bootstrap: option("bootstrap"),
        context: option("context"),
        config: option("config").map(PathBuf::from),
        registry: option("registry"),
        ..GlobalArguments::default()
    }
}
