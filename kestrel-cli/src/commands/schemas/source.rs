//! What schemas and versions are on a command line.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use kestrel_registry_client::{Reference, Schema, SchemaType};

use crate::failure::Failure;

/// A version of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VersionName {
    Latest,
    Number(i32),
}

impl FromStr for VersionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("latest", _) => Ok(Self::Latest),
            (_, Ok(number)) if number > 0 => Ok(Self::Number(number)),
            _ => Err("expected a number from 1, or latest".to_owned()),
        }
    }
}

/// A schema in a file.
#[derive(Debug, Args)]
pub(super) struct SchemaSource {
    /// The file with the schema; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its language: avro, protobuf or json [default: by the file's name, .avsc, .proto or .json]
    #[arg(long = "type", value_name = "TYPE", value_parser = language)]
    schema_type: Option<SchemaType>,
    /// What the schema refers to: a name in it, and who has that; may be given many times
    #[arg(long = "reference", value_name = "NAME=SUBJECT:VERSION", value_parser = reference)]
    references: Vec<Reference>,
}

fn language(text: &str) -> Result<SchemaType, String> {
    text.to_ascii_uppercase().parse().map_err(|_| "expected avro, protobuf or json".to_owned())
}

fn reference(text: &str) -> Result<Reference, String> {
    let expected = || "expected NAME=SUBJECT:VERSION".to_owned();
    // In JSON Schema a name is a URL, which may have `=` in it; a subject has none.
    let (name, place) = text.rsplit_once('=').ok_or_else(expected)?;
    let (subject, version) = place.rsplit_once(':').ok_or_else(expected)?;
    let version = version.parse().map_err(|_| expected())?;
    Ok(Reference { name: name.to_owned(), subject: subject.to_owned(), version })
}

impl SchemaSource {
    pub(super) fn read(self) -> Result<Schema, Failure> {
        let schema_type = self.schema_type.or_else(|| by_name(&self.file)).ok_or_else(|| {
            Failure::usage(format!("the language of {} is not known", self.file.display()))
                .remedy("--type says it: avro, protobuf or json.")
        })?;
        let unreadable = |error| Failure::new(format!("{} cannot be read: {error}", self.file.display()));
        let text = match self.file.as_os_str() == "-" {
            true => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
                text
            }
            false => std::fs::read_to_string(&self.file).map_err(unreadable)?,
        };
        Ok(Schema::new(schema_type, text).with_references(self.references))
    }
}

fn by_name(file: &Path) -> Option<SchemaType> {
    match file.extension()?.to_str()? {
        "avsc" => Some(SchemaType::Avro),
        "proto" => Some(SchemaType::Protobuf),
        "json" => Some(SchemaType::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_who_has_them() {
        let expected =
            |name: &str| Ok(Reference { name: name.to_owned(), subject: "s".to_owned(), version: 3 });
        assert_eq!(reference("a.B=s:3"), expected("a.B"));
        assert_eq!(reference("http://x/?a=b=s:3"), expected("http://x/?a=b"));
        assert!(reference("a.B=s").is_err() && reference("s:3").is_err() && reference("a=s:x").is_err());
    }

    #[test]
    fn versions_are_numbers_or_the_latest() {
        assert_eq!("latest".parse(), Ok(VersionName::Latest));
        assert_eq!("7".parse(), Ok(VersionName::Number(7)));
        assert!("0".parse::<VersionName>().is_err() && "newest".parse::<VersionName>().is_err());
    }

    #[test]
    fn the_language_is_known_by_the_file() {
        assert_eq!(by_name(Path::new("a/b.proto")), Some(SchemaType::Protobuf));
        assert_eq!(by_name(Path::new("-")), None);
        assert_eq!(language("Json"), Ok(SchemaType::Json));
    }
}
