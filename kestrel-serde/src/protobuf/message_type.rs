//! MessageType: which message of which schema a format's values are. Made once, asked when a schema is met for the first time.

use kestrel_schema::protobuf::prost_reflect::{FileDescriptor, MessageDescriptor};
use kestrel_schema::protobuf::{ProtobufSchema, is_known_import, message_name, text_of};
use kestrel_schema::{Budget, Dependency, Reference, Schema, SchemaType};

use super::ProtoFiles;
use crate::SerdeError;
use crate::registry::{CompleteSchema, Import};

/// A message of a schema.
#[derive(Debug, Clone)]
pub(super) struct MessageType {
    text: String,
    parsed: ProtobufSchema,
    imports: Vec<Import>,
    uses: Vec<String>,
    descriptor: MessageDescriptor,
    indexes: Vec<i32>,
    /// Other full names that writers may have for it.
    aliases: Vec<String>,
}

impl MessageType {
    pub(super) fn of_files(files: ProtoFiles, full_name: &str) -> Result<Self, SerdeError> {
        let (text, imports) = files.into_parts();
        let dependencies: Vec<_> = imports.into_iter().map(|(path, text)| unregistered(path, text)).collect();
        let parsed = ProtobufSchema::parse(&text, &dependencies).map_err(SerdeError::schema)?;
        let no_message = || SerdeError::schema(format!("the .proto text declares no message {full_name}"));
        let descriptor = parsed.message(full_name).ok_or_else(no_message)?;
        let indexes = indexes_in(&parsed, full_name).ok_or_else(no_message)?;
        let uses = |path: &str| {
            parsed.descriptor().parent_pool().get_file_by_name(path).map(|file| registered_imports(&file))
        };
        let imports = dependencies.into_iter().map(|Dependency { reference, text }| Import {
            uses: uses(&reference.name).unwrap_or_default(),
            name: reference.name,
            schema: Schema::protobuf(text),
        });
        let imports = imports.collect();
        let uses = registered_imports(parsed.descriptor());
        Ok(Self { text, imports, uses, descriptor, indexes, aliases: Vec::new(), parsed })
    }

    pub(super) fn of_descriptor(message: &MessageDescriptor) -> Result<Self, SerdeError> {
        let file = message.parent_file();
        let mut files = ProtoFiles::new(text_of(&file).map_err(SerdeError::schema)?);
        for (path, text) in imported_texts(&file)? {
            files = files.import(path, text);
        }
        Self::of_files(files, message.full_name())
    }

    pub(super) fn with_alias(mut self, full_name: String) -> Self {
        self.aliases.push(full_name);
        self
    }

    pub(super) const fn descriptor(&self) -> &MessageDescriptor {
        &self.descriptor
    }

    pub(super) fn schema(&self) -> Schema {
        Schema::protobuf(&*self.text)
    }

    pub(super) fn imports(&self) -> Vec<Import> {
        self.imports.clone()
    }

    pub(super) fn uses(&self) -> Vec<String> {
        self.uses.clone()
    }

    pub(super) fn full_name(&self) -> &str {
        self.descriptor.full_name()
    }

    pub(super) fn indexes(&self) -> Vec<i32> {
        self.indexes.clone()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.full_name()).chain(self.aliases.iter().map(String::as_str))
    }

    /// The path to this message in another schema, which can take all of it.
    pub(super) fn indexes_in(&self, target: &CompleteSchema) -> Result<Vec<i32>, SerdeError> {
        let schema = protobuf(target)?;
        let parsed =
            ProtobufSchema::parse(&schema.text, target.dependencies()).map_err(SerdeError::schema)?;
        let found =
            parsed.incompatibilities(&self.parsed, &mut Budget::default()).map_err(SerdeError::schema)?;
        if let Some(found) = found.first() {
            return Err(SerdeError::schema(format!("the registered schema cannot hold all values: {found}")));
        }
        self.names().find_map(|name| indexes_in(&parsed, name)).ok_or_else(|| {
            SerdeError::schema(format!("the registered schema declares no message {}", self.full_name()))
        })
    }

    /// Whether the message at this path of a writer's schema is this one.
    pub(super) fn check_writer(&self, writer: &CompleteSchema, message: &[i32]) -> Result<(), SerdeError> {
        let schema = protobuf(writer)?;
        let indexes: Option<Vec<_>> = message.iter().map(|&index| usize::try_from(index).ok()).collect();
        let name = message_name(&schema.text, writer.dependencies(), &indexes.unwrap_or_default())
            .map_err(SerdeError::schema)?;
        match name {
            Some(name) if self.names().any(|own| own == name) => Ok(()),
            Some(name) => {
                Err(SerdeError::schema(format!("written as {name}, which is not {}", self.full_name())))
            }
            None => {
                Err(SerdeError::schema(format!("the writer's schema has no message at the path {message:?}")))
            }
        }
    }
}

fn protobuf(complete: &CompleteSchema) -> Result<&Schema, SerdeError> {
    let schema = complete.schema();
    match schema.schema_type {
        SchemaType::Protobuf => Ok(schema),
        other => Err(SerdeError::schema(format!("the schema is one of {other}, not of Protobuf"))),
    }
}

fn indexes_in(schema: &ProtobufSchema, full_name: &str) -> Option<Vec<i32>> {
    let indexes = schema.indexes_of(full_name)?;
    indexes.into_iter().map(|index| i32::try_from(index).ok()).collect()
}

/// A file that has no version yet.
fn unregistered(path: String, text: String) -> Dependency {
    Dependency { reference: Reference { name: path.clone(), subject: path, version: 0 }, text }
}

/// The paths of a file's direct imports that a registry does not know by itself.
fn registered_imports(file: &FileDescriptor) -> Vec<String> {
    let paths = file.dependencies().map(|import| import.name().to_owned());
    paths.filter(|path| !is_known_import(path)).collect()
}

/// The texts of all that a file imports, each after those that it imports itself.
fn imported_texts(file: &FileDescriptor) -> Result<Vec<(String, String)>, SerdeError> {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut pending: Vec<(FileDescriptor, bool)> =
        unknown_imports(file).map(|import| (import, false)).collect();
    while let Some((import, is_entered)) = pending.pop() {
        if texts.iter().any(|(path, _)| path == import.name()) {
            continue;
        }
        if is_entered {
            texts.push((import.name().to_owned(), text_of(&import).map_err(SerdeError::schema)?));
        } else {
            pending.push((import.clone(), true));
            pending.extend(unknown_imports(&import).map(|import| (import, false)));
        }
    }
    Ok(texts)
}

fn unknown_imports(file: &FileDescriptor) -> impl Iterator<Item = FileDescriptor> {
    let imports: Vec<_> = file.dependencies().filter(|import| !is_known_import(import.name())).collect();
    imports.into_iter()
}
