//! Apache Kafka's tools by their own names and options: `kestrel kafka-topics --list`, or a link to the program that is called
//! `kafka-topics`. What they are asked is translated into this program's commands; what these write is theirs.
//!
//! They have a command line each, beside the one of [`arguments`](crate::arguments): `--config` is something else there.

mod acls;
mod common;
mod configs;
mod console_consumer;
mod console_producer;
mod consumer_groups;
mod topics;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;

use self::common::Common;
use crate::arguments::Arguments;
use crate::commands::Command;
use crate::options::GlobalArguments;

/// The commands that a tool's command line is translated into, or what is wrong with it.
type Translation = Result<Vec<Command>, String>;

/// What was said about the cluster, and what is to be done.
type Work = (GlobalArguments, Vec<Command>);

/// The command line of a tool of Apache Kafka.
trait ApacheTool: Parser {
    /// What was said about the cluster, and what is to be done.
    fn translate(self) -> (GlobalArguments, Translation);
}

/// The command line of a tool that reads or writes records: it becomes a command line of ours.
trait ConsoleTool: Parser {
    /// The words of our command line, without the name of the program.
    fn words(self) -> Result<Vec<String>, String>;
}

/// One of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Topics,
    ConsumerGroups,
    Configs,
    Acls,
    ConsoleConsumer,
    ConsoleProducer,
}

impl Tool {
    const ALL: [Self; 6] = [
        Self::Topics,
        Self::ConsumerGroups,
        Self::Configs,
        Self::Acls,
        Self::ConsoleConsumer,
        Self::ConsoleProducer,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Topics => "kafka-topics",
            Self::ConsumerGroups => "kafka-consumer-groups",
            Self::Configs => "kafka-configs",
            Self::Acls => "kafka-acls",
            Self::ConsoleConsumer => "kafka-console-consumer",
            Self::ConsoleProducer => "kafka-console-producer",
        }
    }

    /// The tool that a command line means, by the program's name or its first argument, and the arguments after that.
    pub(crate) fn of(words: &[OsString]) -> Option<(Self, &[OsString])> {
        let (program, rest) = words.split_first()?;
        let by_program = Path::new(program).file_name().and_then(Self::named).map(|tool| (tool, rest));
        by_program.or_else(|| {
            let (first, rest) = rest.split_first()?;
            Some((Self::named(first)?, rest))
        })
    }

    /// Also with the ending that Apache Kafka's scripts have.
    fn named(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let name = name.strip_suffix(".sh").unwrap_or(name);
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Reads the arguments of the tool.
    pub(crate) fn parse(self, arguments: &[OsString]) -> Result<Work, clap::Error> {
        match self {
            Self::Topics => self.parse_as::<topics::KafkaTopics>(arguments),
            Self::ConsumerGroups => self.parse_as::<consumer_groups::KafkaConsumerGroups>(arguments),
            Self::Configs => self.parse_as::<configs::KafkaConfigs>(arguments),
            Self::Acls => self.parse_as::<acls::KafkaAcls>(arguments),
            Self::ConsoleConsumer => self.parse_console::<console_consumer::KafkaConsoleConsumer>(arguments),
            Self::ConsoleProducer => self.parse_console::<console_producer::KafkaConsoleProducer>(arguments),
        }
    }

    fn parse_as<T: ApacheTool>(self, arguments: &[OsString]) -> Result<Work, clap::Error> {
        let mut command = self.command::<T>();
        let (global, commands) = self.read::<T>(&mut command, arguments)?.translate();
        let commands = commands.map_err(|problem| command.error(ErrorKind::ValueValidation, problem))?;
        Ok((global, commands))
    }

    fn parse_console<T: ConsoleTool>(self, arguments: &[OsString]) -> Result<Work, clap::Error> {
        let words = self.console_words::<T>(arguments)?;
        let program = std::iter::once("kestrel".to_owned());
        let Arguments { global, command } = Arguments::try_parse_from(program.chain(words))?;
        Ok((global, vec![command]))
    }

    fn console_words<T: ConsoleTool>(self, arguments: &[OsString]) -> Result<Vec<String>, clap::Error> {
        let mut command = self.command::<T>();
        let words = self.read::<T>(&mut command, arguments)?.words();
        words.map_err(|problem| command.error(ErrorKind::ValueValidation, problem))
    }

    fn read<T: Parser>(self, command: &mut clap::Command, arguments: &[OsString]) -> Result<T, clap::Error> {
        let words = std::iter::once(OsString::from(self.name())).chain(arguments.iter().cloned());
        let mut matches = command.try_get_matches_from_mut(words)?;
        T::from_arg_matches_mut(&mut matches).map_err(|error| error.format(command))
    }

    /// As Apache Kafka's own parser does, it takes the beginning of an option's name.
    fn command<T: Parser>(self) -> clap::Command {
        T::command()
            .name(self.name())
            .bin_name(self.name())
            .infer_long_args(true)
            .disable_version_flag(true)
            .after_help("An option of Apache Kafka's tool that is not here is not understood.")
    }
}

/// The first words of a command line of ours: what is said about the cluster, and the command.
fn own_words(
    command: &str,
    common: &Common,
    config: Option<String>,
    properties: &[(String, String)],
) -> Vec<String> {
    let mut words = common.words();
    words.extend(options([("--config", config)]));
    words.extend(set(properties));
    words.push(command.to_owned());
    words
}

/// The options that have values, each with its value in one word: a value may begin with a hyphen, as -1 does.
fn options<const COUNT: usize>(options: [(&str, Option<String>); COUNT]) -> impl Iterator<Item = String> {
    options.into_iter().filter_map(|(name, value)| Some(option(name, &value?)))
}

fn option(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// Properties of the client, as options of ours.
fn set(properties: &[(String, String)]) -> impl Iterator<Item = String> {
    properties.iter().map(|(key, value)| option("--set", &option(key, value)))
}

/// What a tool can be asked to do, and whether it was.
type Actions<O, C, const COUNT: usize> = [(bool, fn(O) -> Result<C, String>); COUNT];

/// The one action that was asked for.
fn one_action<T: Copy>(actions: &[(bool, T)], names: &str) -> Result<T, String> {
    let mut asked = actions.iter().filter(|(is_asked, _)| *is_asked).map(|(_, action)| *action);
    match (asked.next(), asked.next()) {
        (Some(action), None) => Ok(action),
        _ => Err(format!("exactly one action is wanted: {names}")),
    }
}

/// Names that are separated by commas.
fn names(lists: &[String]) -> Vec<String> {
    let names = lists.iter().flat_map(|list| list.split(',')).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::expect_file;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_tool_is_known_by_its_name() {
        for line in ["/opt/bin/kafka-topics.sh --list", "kafka-topics --list", "kestrel kafka-topics --list"]
        {
            let words = words(line);
            assert_eq!(Tool::of(&words), Some((Tool::Topics, &[OsString::from("--list")][..])), "{line}");
        }
        assert_eq!(Tool::of(&words("kestrel topics list")), None);
        assert_eq!(Tool::of(&[]), None);
    }

    /// What a command line of a tool is translated into, or what is wrong with it.
    pub(super) fn translated(line: &str) -> Result<String, String> {
        let words = words(&format!("kestrel {line}"));
        let (tool, rest) = Tool::of(&words).unwrap();
        match tool.parse(rest) {
            Ok((_, commands)) => Ok(format!("{commands:#?}")),
            Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
        }
    }

    /// The command line of ours that a command line of a console tool becomes, or what is wrong with it.
    pub(super) fn console_words(line: &str) -> Result<String, String> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        let (tool, rest) = Tool::of(&words).unwrap();
        let words = match tool {
            Tool::ConsoleConsumer => tool.console_words::<console_consumer::KafkaConsoleConsumer>(rest),
            _ => tool.console_words::<console_producer::KafkaConsoleProducer>(rest),
        };
        words.map(|words| words.join(" ")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_said_about_the_cluster_is_kept() {
        let words = words("kafka-topics --bootstrap-server a:1 --command-config c.properties --list");
        let (tool, rest) = Tool::of(&words).unwrap();
        let (global, _) = tool.parse(rest).unwrap();
        assert_eq!(global.bootstrap.as_deref(), Some("a:1"));
        assert_eq!(global.config.as_deref(), Some(Path::new("c.properties")));
    }

    #[test]
    fn each_help_page_is_as_it_was() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
        for tool in Tool::ALL {
            let page = tool.parse(&["--help".into()]).unwrap_err().to_string();
            let page: String = page.lines().map(|line| format!("{}\n", line.trim_end())).collect();
            expect_file![folder.join(format!("{}.txt", tool.name()))].assert_eq(&page);
        }
    }

    #[test]
    fn an_option_that_is_not_understood_is_refused() {
        let refused = translated("kafka-topics --bootstrap-server a:1 --list --topic-id x").unwrap_err();
        assert!(refused.contains("--topic-id"), "{refused}");
        let two = translated("kafka-topics --bootstrap-server a:1 --list --create").unwrap_err();
        assert!(two.contains("exactly one action"), "{two}");
    }
}
