//! Walk: follows the words of a command line down the tree of commands, and says what the last one could be. Pure.

use std::collections::BTreeMap;

use clap::{Arg, Command};

/// Where a command line has come to, and what its last word could be.
#[derive(Debug)]
pub(super) struct Place<'a> {
    command: &'a Command,
    /// What options were given, by their ids.
    pub(super) options: BTreeMap<String, String>,
    pub(super) expected: Expected<'a>,
}

/// What the last word could be.
#[derive(Debug)]
pub(super) enum Expected<'a> {
    /// The value of an option or argument, of which this much is written; what goes before it in the same word.
    Value { arg: &'a Arg, begun: String, before: String },
    /// The name of an option.
    Option { begun: String },
    /// The name of a command.
    Command { begun: String },
    /// Nothing that is known.
    Nothing,
}

impl<'a> Place<'a> {
    /// Follows `words`, the last of which is being written.
    pub(super) fn find(root: &'a Command, words: &[String]) -> Self {
        // Bash takes `--option=value` for three words.
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "=").collect();
        let (begun, whole) = words.split_last().map_or(("", &[][..]), |(last, whole)| (*last, whole));
        let mut walk =
            Walk { command: root, options: BTreeMap::new(), wants: None, arguments: 0, is_escaped: false };
        for word in whole {
            walk.pass(word);
        }
        let expected = walk.expected(begun);
        Self { command: walk.command, options: walk.options, expected }
    }

    /// The commands that could follow.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'a Command> {
        self.command.get_subcommands().filter(|command| !command.is_hide_set())
    }

    /// The options that could follow.
    pub(super) fn options(&self) -> impl Iterator<Item = &'a Arg> {
        self.command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set())
    }
}

struct Walk<'a> {
    command: &'a Command,
    options: BTreeMap<String, String>,
    /// The option whose value comes next.
    wants: Option<&'a Arg>,
    /// How many arguments the command has by now.
    arguments: usize,
    /// Whether `--` has come: there are no options after it.
    is_escaped: bool,
}

impl<'a> Walk<'a> {
    /// Passes a word that is whole.
    fn pass(&mut self, word: &str) {
        if let Some(option) = self.wants.take() {
            self.options.insert(option.get_id().to_string(), word.to_owned());
        } else if word == "--" {
            self.is_escaped = true;
        } else if word.starts_with('-') && word.len() > 1 && !self.is_escaped {
            self.pass_option(word);
        } else if let Some(command) = self.command.find_subcommand(word) {
            (self.command, self.arguments) = (command, 0);
        } else {
            self.arguments += 1;
        }
    }

    fn pass_option(&mut self, word: &str) {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let Some(option) = self.option(name) else { return };
        match value {
            Some(value) => drop(self.options.insert(option.get_id().to_string(), value.to_owned())),
            None if option.get_action().takes_values() => self.wants = Some(option),
            None => {}
        }
    }

    fn option(&self, name: &str) -> Option<&'a Arg> {
        let is_meant = |arg: &&Arg| match name.strip_prefix("--") {
            Some(long) => arg.get_long_and_visible_aliases().is_some_and(|names| names.contains(&long)),
            None => name.strip_prefix('-').is_some_and(|short| {
                arg.get_short().is_some_and(|known| short.starts_with(known) && short.chars().count() == 1)
            }),
        };
        self.command.get_arguments().find(is_meant)
    }

    fn expected(&self, begun: &str) -> Expected<'a> {
        let value = |arg, begun: &str, before: &str| Expected::Value {
            arg,
            begun: begun.to_owned(),
            before: before.to_owned(),
        };
        if let Some(option) = self.wants {
            return value(option, begun, "");
        }
        if begun.starts_with('-') && !self.is_escaped {
            return match begun.split_once('=') {
                Some((name, written)) => self
                    .option(name)
                    .map_or(Expected::Nothing, |option| value(option, written, &format!("{name}="))),
                None => Expected::Option { begun: begun.to_owned() },
            };
        }
        if self.command.has_subcommands() {
            return Expected::Command { begun: begun.to_owned() };
        }
        self.argument().map_or(Expected::Nothing, |argument| value(argument, begun, ""))
    }

    /// The argument that comes next: the last one again, when it may come many times.
    fn argument(&self) -> Option<&'a Arg> {
        let arguments: Vec<_> = self.command.get_positionals().collect();
        let repeats = |last: &&&Arg| last.get_num_args().is_some_and(|count| count.max_values() > 1);
        arguments.get(self.arguments).or_else(|| arguments.last().filter(repeats)).copied()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    /// What the last word could be, in words.
    fn expected(line: &str) -> String {
        let mut root = Arguments::command();
        root.build();
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let place = Place::find(&root, &words);
        match &place.expected {
            Expected::Value { arg, begun, before } => format!("{} of {before}{begun}", arg.get_id()),
            Expected::Option { begun } => format!("option {begun}"),
            Expected::Command { begun } => format!("command {begun} of {}", place.command.get_name()),
            Expected::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn the_last_word_is_what_the_words_before_it_say() {
        for (line, what) in [
            ("to", "command to of kestrel"),
            ("topics ", "command  of topics"),
            ("topics describe or", "topics of or"),
            ("topics describe orders cl", "topics of cl"),
            ("topics describe --all", "option --all"),
            ("--context sh", "context of sh"),
            ("topics list --output=j", "output of --output=j"),
            ("topics list --output = j", "output of j"),
            ("-b a:1 topics delete ", "topics of "),
            ("groups reset billing --topic or", "topics of or"),
            ("groups reset billing extra", "nothing"),
            ("topics describe -- --all", "topics of --all"),
            ("configs get topic orders ret", "keys of ret"),
        ] {
            assert_eq!(expected(line), what, "{line}");
        }
    }

    #[test]
    fn options_are_kept_for_who_has_to_connect() {
        let mut root = Arguments::command();
        root.build();
        let words =
            ["--bootstrap-server", "a:1", "topics", "describe", "--context=shop", ""].map(str::to_owned);
        let options = Place::find(&root, &words).options;
        assert_eq!(options.get("bootstrap").map(String::as_str), Some("a:1"));
        assert_eq!(options.get("context").map(String::as_str), Some("shop"));
    }
}
