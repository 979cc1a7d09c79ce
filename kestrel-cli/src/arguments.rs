//! Arguments: the command line as clap reads it.

use clap::Parser;

use crate::commands::Command;
use crate::options::GlobalArguments;

/// A command line for any Apache Kafka: topics, groups, records, schemas, users, and who may do what.
///
/// The cluster is the one of --bootstrap or --context, of KESTREL_BOOTSTRAP or KESTREL_CONTEXT, or of the context in use
/// (`kestrel context use`); without any it is localhost:9092.
#[derive(Debug, Parser)]
#[command(
    name = "kestrel",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "\
        Apache Kafka's tools are here by their own names and options: kestrel kafka-topics, kafka-consumer-groups, kafka-configs,\n\
        kafka-acls, kafka-console-consumer, kafka-console-producer; a link to the program that is called so will do.\n\
        \n\
        Exit codes: 0 done, 1 failed, 2 a wrong command line, 3 some of several things failed, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    /// The help of a command and of those below it.
    fn pages(command: &mut clap::Command, name: &str) -> String {
        let mut pages = format!("$ {name} --help\n{}\n", command.render_long_help());
        for below in command.get_subcommands_mut() {
            let name = format!("{name} {}", below.get_name());
            pages += &self::pages(below, &name);
        }
        pages
    }

    /// Without the options that every command has: they are on the first page.
    fn own_options(pages: &str) -> String {
        let mut is_own = true;
        let lines = pages.lines().filter(|line| {
            is_own = !line.starts_with("Options of every command") && (is_own || line.starts_with("$ "));
            is_own
        });
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    #[test]
    fn each_help_page_is_as_it_was() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
        let mut command = Arguments::command().term_width(100);
        command.build();
        let first = format!("$ kestrel --help\n{}\n", command.render_long_help());
        expect_file![folder.join("kestrel.txt")].assert_eq(&first.replace(" \n", "\n"));
        for command in command.get_subcommands_mut() {
            let name = command.get_name().to_owned();
            let pages = pages(command, &format!("kestrel {name}"));
            expect_file![folder.join(format!("{name}.txt"))].assert_eq(&own_options(&pages));
        }
    }
}
