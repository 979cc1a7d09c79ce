//! How records are decoded and written, as the command line says it.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use kestrel_client::registry::Registry;
use kestrel_filter::Filter;

use super::reader::Reader;
use crate::failure::Failure;
use crate::options::Format;
use crate::records::decode::Decoder;
use crate::records::field_format::FieldFormat;
use crate::records::format::{Listing, Pattern, RecordFormat, json_lines};
use crate::session::Session;

/// How records are decoded and written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Formats")]
pub(super) struct FormatArguments {
    /// How records are written [default: table on a terminal, and else json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Shape>,

    /// Write records by a pattern: %t topic %p partition %o offset %T timestamp %h headers %k key %s value %v decoded value
    /// %K %S lengths %R length in 4 bytes
    #[arg(long, value_name = "PATTERN", conflicts_with = "format")]
    pattern: Option<Pattern>,

    /// What nulls are in a pattern
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    null: String,

    /// What stands after each value with --format raw
    #[arg(long, value_name = "TEXT", default_value = "\n", hide_default_value = true)]
    delimiter: String,

    /// What keys are
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    key_format: FieldFormat,

    /// What values are
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    value_format: FieldFormat,

    /// Leave the bytes out of JSON where they were decoded: `produce` needs the format then
    #[arg(long)]
    decoded_only: bool,

    /// Fail at the end if something could not be decoded
    #[arg(long)]
    strict: bool,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// A line for a person
    Table,
    /// JSON in a line, with all of the record
    Json,
    /// Keys, values and headers in hexadecimal
    Hex,
    /// The value's bytes
    Raw,
}

impl FormatArguments {
    /// What reads the records that a filter takes.
    pub(super) fn reader<'s>(
        &self,
        session: &'s Session,
        filter: Option<&str>,
        count: Option<u64>,
    ) -> Result<Reader<'s>, Failure> {
        let filter = filter.map(Filter::parse).transpose();
        let filter = filter.map_err(|error| {
            Failure::usage(format!("--where is no filter: {error}"))
                .remedy("docs/filters.md has the language.")
        })?;
        let registry = self.registry(session)?;
        let decoder = Decoder::new(self.key_format, self.value_format, registry.as_ref());
        let strict = self.strict;
        Ok(Reader::new(session, self.record_format(session), decoder, filter, count).strict_if(strict))
    }

    /// The schema registry, where one is known or needed.
    fn registry(&self, session: &Session) -> Result<Option<Registry>, Failure> {
        let is_needed = self.key_format.needs_registry() || self.value_format.needs_registry();
        if is_needed || session.context()?.has_registry() {
            Ok(Some(Registry::from(session.registry()?)))
        } else {
            Ok(None)
        }
    }

    fn record_format(&self, session: &Session) -> RecordFormat {
        if let Some(pattern) = &self.pattern {
            return RecordFormat::Pattern(pattern.clone(), self.null.clone().into_bytes());
        }
        let default = match session.output().format() {
            Format::Table if io::stdout().is_terminal() => Shape::Table,
            _ => Shape::Json,
        };
        match self.format.unwrap_or(default) {
            Shape::Table => RecordFormat::Listing(Listing::default()),
            Shape::Json if self.decoded_only => RecordFormat::JsonLines(json_lines::Bytes::LeftOut),
            Shape::Json => RecordFormat::JsonLines(json_lines::Bytes::Kept),
            Shape::Hex => RecordFormat::Hex,
            Shape::Raw => RecordFormat::Raw(self.delimiter.clone().into_bytes()),
        }
    }
}
