//! Compiles a schema and all that it imports into descriptors: the proof that its names and numbers are right.
//!
//! protox parses, prost-reflect links. Both are gentler here in two things, as the registry is: an import that nobody needs may
//! be missing, and so may the definition of somebody's option.

use std::collections::HashSet;

use prost_reflect::{DescriptorPool, FileDescriptor};
use prost_types::field_descriptor_proto::Type;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, UninterpretedOption,
};
use protox::file::File;

use super::known;
use crate::SchemaError;

/// The name of the compiled file: a schema has none of its own.
pub(super) const FILE_NAME: &str = "default";

/// Compiles a text whose imports are among `dependencies`, pairs of a path and a text, each after those that it imports itself.
///
/// # Errors
/// When a text is no `.proto` file, or uses a name that is declared nowhere.
pub(super) fn compile<'a>(
    text: &str,
    dependencies: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<FileDescriptor, SchemaError> {
    let mut pool = DescriptorPool::new();
    for (path, text) in dependencies {
        add(&mut pool, path, text)
            .map_err(|error| SchemaError::new(format!("in the import {path}: {error}")))?;
    }
    add(&mut pool, FILE_NAME, text)?;
    Ok(pool.get_file_by_name(FILE_NAME).expect("it was added just now"))
}

/// Adds a file that every registry knows, and those that it imports.
pub(super) fn add_known(pool: &mut DescriptorPool, path: &str) -> Result<(), SchemaError> {
    if let Some(text) = known::text(path) {
        return add(pool, path, text);
    }
    match known::google(path) {
        Some(file) => link(pool, file),
        None => Ok(()),
    }
}

fn add(pool: &mut DescriptorPool, path: &str, text: &str) -> Result<(), SchemaError> {
    if pool.get_file_by_name(path).is_some() {
        return Ok(());
    }
    let file = File::from_source(path, text).map_err(|error| SchemaError::new(format!("{error:?}")))?;
    let mut file = FileDescriptorProto::from(file);
    file.source_code_info = None;
    for message in &mut file.message_type {
        arrange(message);
    }
    link(pool, file)
}

/// Links a file to those that it imports.
fn link(pool: &mut DescriptorPool, mut file: FileDescriptorProto) -> Result<(), SchemaError> {
    for import in &file.dependency {
        if pool.get_file_by_name(import).is_none() {
            add_known(pool, import)?;
        }
    }
    let missing = leave_out_missing(&mut file, pool);
    let Err(error) = pool.add_file_descriptor_proto(file.clone()) else { return Ok(()) };
    leave_out_undefined_options(&mut file);
    pool.add_file_descriptor_proto(file).map_err(|_| {
        SchemaError::new(match missing.first() {
            Some(import) => format!("{error}; the import {import} is not among the references"),
            None => error.to_string(),
        })
    })
}

/// Takes out imports that are nowhere.
fn leave_out_missing(file: &mut FileDescriptorProto, pool: &DescriptorPool) -> Vec<String> {
    let is_there: Vec<bool> =
        file.dependency.iter().map(|path| pool.get_file_by_name(path).is_some()).collect();
    let places = is_there.iter().scan(0, |next, &kept| {
        *next += i32::from(kept);
        Some(kept.then_some(*next - 1))
    });
    let places: Vec<Option<i32>> = places.collect();
    let moved = |indexes: &[i32]| -> Vec<i32> {
        let place = |index: &i32| places.get(usize::try_from(*index).ok()?).copied().flatten();
        indexes.iter().filter_map(place).collect()
    };
    file.public_dependency = moved(&file.public_dependency);
    file.weak_dependency = moved(&file.weak_dependency);
    let (kept, missing): (Vec<_>, Vec<_>) =
        std::mem::take(&mut file.dependency).into_iter().zip(&places).partition(|(_, place)| place.is_some());
    file.dependency = kept.into_iter().map(|(path, _)| path).collect();
    missing.into_iter().map(|(path, _)| path).collect()
}

/// Brings a parsed message into the shape that the registry gives it.
///
/// Messages that stand for maps and groups come after those that were written as messages: a record names its message by its
/// place among these. `option map_entry = true`, which nobody may write but the registry itself does, becomes what it means.
fn arrange(message: &mut DescriptorProto) {
    let groups = message.field.iter().filter(|field| field.r#type() == Type::Group);
    let names = groups.filter_map(|group| group.type_name.as_deref()?.rsplit('.').next().map(str::to_owned));
    let groups: HashSet<String> = names.collect();
    message.nested_type.sort_by_key(|nested| {
        let is_map = nested.options.as_ref().is_some_and(|options| options.map_entry == Some(true));
        is_map || groups.contains(nested.name())
    });
    if let Some(options) = &mut message.options {
        let is_map_entry = |option: &UninterpretedOption| matches!(&option.name[..], [part] if !part.is_extension && part.name_part == "map_entry");
        if options.uninterpreted_option.iter().any(is_map_entry) {
            options.uninterpreted_option.retain(|option| !is_map_entry(option));
            options.map_entry = Some(true);
        }
    }
    for nested in &mut message.nested_type {
        arrange(nested);
    }
}

/// Takes out the options whose definition is elsewhere, or newer than what is known here.
fn leave_out_undefined_options(file: &mut FileDescriptorProto) {
    keep_defined(file.options.iter_mut().map(|options| &mut options.uninterpreted_option));
    file.message_type.iter_mut().for_each(leave_out_of_message);
    file.enum_type.iter_mut().for_each(leave_out_of_enum);
    leave_out_of_fields(&mut file.extension);
    for service in &mut file.service {
        keep_defined(service.options.iter_mut().map(|options| &mut options.uninterpreted_option));
        let options = service.method.iter_mut().filter_map(|method| method.options.as_mut());
        keep_defined(options.map(|options| &mut options.uninterpreted_option));
    }
}

fn leave_out_of_message(message: &mut DescriptorProto) {
    keep_defined(message.options.iter_mut().map(|options| &mut options.uninterpreted_option));
    let oneofs = message.oneof_decl.iter_mut().filter_map(|oneof| oneof.options.as_mut());
    keep_defined(oneofs.map(|options| &mut options.uninterpreted_option));
    let ranges = message.extension_range.iter_mut().filter_map(|range| range.options.as_mut());
    keep_defined(ranges.map(|options| &mut options.uninterpreted_option));
    leave_out_of_fields(&mut message.field);
    leave_out_of_fields(&mut message.extension);
    message.enum_type.iter_mut().for_each(leave_out_of_enum);
    message.nested_type.iter_mut().for_each(leave_out_of_message);
}

fn leave_out_of_fields(fields: &mut [FieldDescriptorProto]) {
    let options = fields.iter_mut().filter_map(|field| field.options.as_mut());
    keep_defined(options.map(|options| &mut options.uninterpreted_option));
}

fn leave_out_of_enum(enumeration: &mut EnumDescriptorProto) {
    keep_defined(enumeration.options.iter_mut().map(|options| &mut options.uninterpreted_option));
    let values = enumeration.value.iter_mut().filter_map(|value| value.options.as_mut());
    keep_defined(values.map(|options| &mut options.uninterpreted_option));
}

fn keep_defined<'a>(all: impl Iterator<Item = &'a mut Vec<UninterpretedOption>>) {
    let is_defined = |option: &UninterpretedOption| {
        let first = option.name.first();
        first.is_some_and(|part| !part.is_extension && !NEWER_OPTIONS.contains(&&*part.name_part))
    };
    all.for_each(|options| options.retain(is_defined));
}

/// Options of protoc's that the descriptors here do not know yet. They mean nothing to the bytes of proto2 and proto3.
const NEWER_OPTIONS: [&str; 9] = [
    "debug_redact",
    "declaration",
    "edition_defaults",
    "feature_support",
    "features",
    "retention",
    "targets",
    "unverified_lazy",
    "verification",
];
