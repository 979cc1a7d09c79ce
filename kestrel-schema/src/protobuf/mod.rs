//! Protobuf schemas: read, written canonically, compared.
//!
//! A schema is a `.proto` file. It is read twice: as it is written (`file`, `reader`, `printer`), which is what a registry keeps
//! and compares, and compiled (`compiler`), which is what programs need and the proof that it means something.
//!
//! Texts and verdicts are Confluent's. What differs on purpose: a default of `bytes` keeps its quotes and a weak import stays, as
//! the text would otherwise be no `.proto` file any more; editions are refused.

mod comparison;
mod compiler;
mod descriptor_reader;
mod file;
mod json_names;
mod known;
mod maps;
mod names;
mod normalizer;
mod option_reader;
mod printer;
mod reader;
mod scanner;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message;
pub use prost_reflect;
use prost_reflect::{DynamicMessage, FileDescriptor, MessageDescriptor};

use self::comparison::Comparison;
use self::file::ProtoFile;
use self::names::{Names, Origin};
use crate::{Budget, BudgetExceeded, Dependency, Incompatibility, Reference, SchemaError};

/// A schema of Protobuf: a `.proto` file of proto2 or proto3, with all that it imports.
///
/// ```
/// use kestrel_schema::protobuf::ProtobufSchema;
///
/// let schema = ProtobufSchema::parse(
///     r#"syntax = "proto3";
///     package shop; // who buys what
///     message Order { int64 id = 1; map<string, int32> items = 2; }"#,
///     &[],
/// )?;
/// assert_eq!(schema.record_name().as_deref(), Some("shop.Order"));
/// assert_eq!(
///     schema.canonical(),
///     "syntax = \"proto3\";\npackage shop;\n\nmessage Order {\n  int64 id = 1;\n  map<string, int32> items = 2;\n}\n"
/// );
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProtobufSchema {
    file: ProtoFile,
    imports: Vec<Import>,
    descriptor: FileDescriptor,
}

/// A file that a schema imports, directly or not.
#[derive(Debug, Clone)]
struct Import {
    path: String,
    file: ProtoFile,
    /// None for a file that every registry knows.
    reference: Option<Reference>,
}

impl ProtobufSchema {
    /// Reads the text of a schema, given all that it refers to, each after those that it refers to itself.
    ///
    /// The text is a `.proto` file, or a serialized `FileDescriptorProto` in base64, as Confluent's Python and Go clients send it.
    /// Imports are found among the dependencies by their path. Nobody has to register `google/protobuf/*.proto`,
    /// `google/type/*.proto`, `confluent/meta.proto` and `confluent/type/*.proto`.
    ///
    /// # Errors
    /// When the text is no such schema, or refers to something that is not there.
    pub fn parse(text: &str, dependencies: &[Dependency]) -> Result<Self, SchemaError> {
        let (text, file) = read(text)?;
        if file.is_empty() && file.public_imports.is_empty() {
            return Err(SchemaError::new("a schema that declares neither message nor enum"));
        }
        let mut texts = Vec::with_capacity(dependencies.len());
        let mut imports = Vec::with_capacity(dependencies.len());
        for Dependency { reference, text } in dependencies {
            let (text, file) = read(text)
                .map_err(|error| SchemaError::new(format!("in the import {}: {error}", reference.name)))?;
            texts.push((&*reference.name, text));
            imports.push(Import { path: reference.name.clone(), file, reference: Some(reference.clone()) });
        }
        let descriptor = compiler::compile(&text, texts.iter().map(|(path, text)| (*path, &**text)))?;
        imports.extend(known_imports(&descriptor, dependencies)?);
        let schema = Self { file, imports, descriptor };
        maps::check(&schema.names())?;
        Ok(schema)
    }

    /// The text that a registry keeps and identifies it by: the same for texts that differ in layout and comments alone.
    #[must_use]
    pub fn canonical(&self) -> String {
        printer::print(&self.file)
    }

    /// The text that a registry keeps when it is asked to normalize: the same for texts that also differ in the order of members
    /// and options, and in how names are written.
    #[must_use]
    pub fn normalized(&self) -> String {
        printer::print(&normalizer::normalized(&self.file, &self.names()))
    }

    /// The text in the format that a client asks the registry for: `serialized`, `ignore_extensions`, and for all others the
    /// canonical one.
    #[must_use]
    pub fn formatted(&self, format: &str) -> String {
        match format {
            "serialized" => self.serialized(),
            "ignore_extensions" => printer::print(&normalizer::without_extensions(&self.file)),
            _ => self.canonical(),
        }
    }

    /// The compiled schema, a `FileDescriptorProto`, in base64. Its messages are in the order that the text has them in.
    #[must_use]
    pub fn serialized(&self) -> String {
        BASE64.encode(encoded(&self.descriptor).expect("a linked descriptor is one"))
    }

    /// The full name of its first message, or of its first enum if it has no message, for subjects that are named after records.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        let file = self.effective_file();
        let message = file.messages.first().map(|message| &message.name);
        let name = message.or_else(|| file.enums.first().map(|enumeration| &enumeration.name))?;
        Some(names::joined(file.package(), name))
    }

    /// The compiled schema.
    #[must_use]
    pub const fn descriptor(&self) -> &FileDescriptor {
        &self.descriptor
    }

    /// The message of this full name, if this file declares it.
    #[must_use]
    pub fn message(&self, full_name: &str) -> Option<MessageDescriptor> {
        let message = self.descriptor.parent_pool().get_message_by_name(full_name)?;
        (message.parent_file() == self.message_file()).then_some(message)
    }

    /// The message at these places: that of a message of the file, then that of a message in it, and so on. That is how records
    /// say which message of their schema they are. No places mean the first message.
    #[must_use]
    pub fn message_at(&self, indexes: &[usize]) -> Option<MessageDescriptor> {
        let (&first, nested) = indexes.split_first().unwrap_or((&0, &[]));
        let message = self.message_file().messages().nth(first)?;
        nested.iter().try_fold(message, |message, &index| message.child_messages().nth(index))
    }

    /// The places of a message of this file, outermost first.
    #[must_use]
    pub fn indexes_of(&self, full_name: &str) -> Option<Vec<usize>> {
        // A descriptor's path is a field's number and an index for each level.
        let message = self.message(full_name)?;
        message.path().chunks(2).map(|level| usize::try_from(*level.get(1)?).ok()).collect()
    }

    /// What keeps this schema, as the reader's, from reading data of `writer`; empty if nothing does.
    ///
    /// The kinds and paths are Confluent's.
    ///
    /// # Errors
    /// When there is no verdict within the budget.
    pub fn incompatibilities(
        &self,
        writer: &Self,
        budget: &mut Budget,
    ) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        let (writer_names, reader_names) = (writer.names(), self.names());
        Comparison::new(&writer_names, &reader_names, budget).files(&writer.file, &self.file)
    }

    fn names(&self) -> Names<'_> {
        let mut names = Names::default();
        for import in &self.imports {
            names.add(&import.file, import.reference.as_ref().map_or(Origin::Known, Origin::Registered));
        }
        names.add(&self.file, Origin::Own);
        names
    }

    /// The file whose types it offers: its own, or that of its only import when it does nothing but import that one publicly.
    fn effective_file(&self) -> &ProtoFile {
        self.passed_on().map_or(&self.file, |import| &import.file)
    }

    fn message_file(&self) -> FileDescriptor {
        let passed_on = self.passed_on().and_then(|_| self.descriptor.public_dependencies().next());
        passed_on.unwrap_or_else(|| self.descriptor.clone())
    }

    fn passed_on(&self) -> Option<&Import> {
        let path = self.file.passes_on()?;
        let import = self.imports.iter().find(|import| import.path == path)?;
        let has_types = !import.file.messages.is_empty() || !import.file.enums.is_empty();
        has_types.then_some(import)
    }
}

/// The text of a schema that programs know by the descriptor of a file: what they register.
///
/// Maps are maps in it. Messages keep their order.
///
/// # Errors
/// When the file uses editions or groups.
pub fn text_of(file: &FileDescriptor) -> Result<String, SchemaError> {
    let mut file = descriptor_reader::read(&encoded(file)?)?;
    file.fold_map_entries();
    Ok(printer::print(&file))
}

/// The full name of the message at these places of a schema, as [`ProtobufSchema::message_at`] has it; `None` if there is none.
///
/// Whether the schema means anything is not looked at: its text is read as it is written.
///
/// # Errors
/// When the text is no schema.
pub fn message_name(
    text: &str,
    dependencies: &[Dependency],
    indexes: &[usize],
) -> Result<Option<String>, SchemaError> {
    let (_, mut file) = read(text)?;
    let passed_on = file.passes_on();
    let passed_on = dependencies.iter().find(|dependency| Some(&*dependency.reference.name) == passed_on);
    if let Some(dependency) = passed_on {
        (_, file) = read(&dependency.text)?;
    }
    let mut name = file.package().to_owned();
    let mut messages = &file.messages;
    for &index in if indexes.is_empty() { &[0] } else { indexes } {
        let Some(message) = messages.get(index) else { return Ok(None) };
        name = names::joined(&name, &message.name);
        messages = &message.messages;
    }
    Ok(Some(name))
}

/// The serialized descriptor of a file, without what linking has added.
fn encoded(file: &FileDescriptor) -> Result<Vec<u8>, SchemaError> {
    let bytes = file.encode_to_vec();
    let file = DynamicMessage::decode(known::file_descriptor_proto()?, &*bytes)
        .map_err(|error| SchemaError::new(error.to_string()))?;
    Ok(json_names::without_defaults(file).encode_to_vec())
}

/// Whether every registry knows the file at this path, so that nobody has to register it.
#[must_use]
pub fn is_known_import(path: &str) -> bool {
    known::text(path).is_some() || known::google(path).is_some()
}

/// The file that a text is, and the text as `.proto`, if it came in base64.
fn read(text: &str) -> Result<(String, ProtoFile), SchemaError> {
    reader::read(text).map(|file| (text.to_owned(), file)).or_else(|error| {
        // A text that is no base64 either is judged as what it most likely was meant to be.
        let bytes = BASE64.decode(text.trim()).map_err(|_| error)?;
        let file = descriptor_reader::read(&bytes)?;
        Ok((printer::print(&file), file))
    })
}

/// The files among the imports that nobody gave.
fn known_imports(descriptor: &FileDescriptor, given: &[Dependency]) -> Result<Vec<Import>, SchemaError> {
    let mut imports = Vec::new();
    for descriptor in descriptor.parent_pool().files() {
        let path = descriptor.name();
        if given.iter().any(|dependency| dependency.reference.name == path) {
            continue;
        }
        if let Some(file) = known::file(path)? {
            imports.push(Import { path: path.to_owned(), file, reference: None });
        }
    }
    Ok(imports)
}
