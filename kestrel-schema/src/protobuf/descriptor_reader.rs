//! Makes a `.proto` file of a serialized `FileDescriptorProto`, as Confluent's registry does with schemas that are sent so.
//!
//! Names are full, labels and defaults are those of the descriptor, and of the options that somebody defined in extensions only
//! Confluent's own remain: nobody else's definitions are there to name them by.

use std::borrow::Cow;

use prost_reflect::{DynamicMessage, Kind, ReflectMessage, Value};

use super::file::{
    Constant, Enum, Extend, Extensions, Field, FieldType, Label, Message, Numbers, OneOf, OptionSetting,
    OptionValue, ProtoFile, Reserved, ReservedItem, Rpc, RpcType, Service, Syntax,
};
use super::known;
use super::reader::MAX_DEPTH;
use crate::SchemaError;

/// Reads a serialized `FileDescriptorProto`.
///
/// # Errors
/// When the bytes are none, or use what a schema in text cannot say here: editions, groups, messages too deep in each other.
pub(super) fn read(bytes: &[u8]) -> Result<ProtoFile, SchemaError> {
    let file = DynamicMessage::decode(known::file_descriptor_proto()?, bytes)
        .map_err(|error| SchemaError::new(format!("not a FileDescriptorProto: {error}")))?;
    let node = Node(&file);
    let syntax = match &*node.text("syntax") {
        "" => None,
        "proto2" => Some(Syntax::Proto2),
        "proto3" => Some(Syntax::Proto3),
        other => return Err(SchemaError::new(format!("{other} is not supported: proto2 and proto3 are"))),
    };
    let reader = DescriptorReader { is_proto3: syntax == Some(Syntax::Proto3) };
    let [imports, public_imports, weak_imports] = imports(&node);
    Ok(ProtoFile {
        syntax,
        package: Some(node.text("package")).filter(|package| !package.is_empty()),
        imports,
        public_imports,
        weak_imports,
        options: options(&node, FILE_OPTIONS, "confluent.file_meta"),
        messages: reader.messages(&node, "message_type", MAX_DEPTH)?,
        enums: node.each("enum_type", enumeration),
        extends: reader.extends(&node)?,
        services: node.each("service", service),
    })
}

/// Plain, public and weak imports.
fn imports(file: &Node<'_>) -> [Vec<String>; 3] {
    let (public, weak) = (file.ints("public_dependency"), file.ints("weak_dependency"));
    let mut imports = [const { Vec::new() }; 3];
    let [plain_imports, public_imports, weak_imports] = &mut imports;
    for (index, path) in (0_i32..).zip(file.texts("dependency")) {
        match (public.contains(&index), weak.contains(&index)) {
            (true, _) => public_imports.push(path),
            (_, true) => weak_imports.push(path),
            _ => plain_imports.push(path),
        }
    }
    imports
}

struct DescriptorReader {
    is_proto3: bool,
}

impl DescriptorReader {
    fn messages(&self, parent: &Node<'_>, field: &str, depth: usize) -> Result<Vec<Message>, SchemaError> {
        let nodes = parent.nodes(field);
        if depth == 0 && !nodes.is_empty() {
            return Err(SchemaError::new(format!("messages lie in each other more than {MAX_DEPTH} deep")));
        }
        nodes.iter().map(|node| self.message(&Node(node), depth - 1)).collect()
    }

    fn message(&self, node: &Node<'_>, depth: usize) -> Result<Message, SchemaError> {
        let mut fields = Vec::new();
        let mut oneofs = node.each("oneof_decl", |oneof| OneOf {
            name: oneof.text("name"),
            options: Vec::new(),
            fields: Vec::new(),
            groups: Vec::new(),
        });
        for field in &node.nodes("field") {
            let field = Node(field);
            let oneof = field.int("oneof_index").filter(|_| !field.flag("proto3_optional"));
            match oneof.and_then(|index| oneofs.get_mut(usize::try_from(index).ok()?)) {
                Some(oneof) => oneof.fields.push(Field { label: None, ..self.field(&field)? }),
                None => fields.push(self.field(&field)?),
            }
        }
        oneofs.retain(|oneof| !oneof.fields.is_empty());
        Ok(Message {
            name: node.text("name"),
            reserved: reserved(node, 1),
            options: options(node, MESSAGE_OPTIONS, "confluent.message_meta"),
            fields,
            oneofs,
            groups: Vec::new(),
            extensions: node.each("extension_range", extensions),
            extends: self.extends(node)?,
            messages: self.messages(node, "nested_type", depth)?,
            enums: node.each("enum_type", enumeration),
        })
    }

    fn field(&self, node: &Node<'_>) -> Result<Field, SchemaError> {
        let name = node.text("name");
        let kind = node.word("type").trim_start_matches("TYPE_").to_ascii_lowercase();
        if kind == "group" {
            return Err(SchemaError::new(format!(
                "the group {name} cannot be kept: send the schema as text"
            )));
        }
        let type_name = node.text("type_name");
        let default = node.has("default_value").then(|| node.text("default_value"));
        Ok(Field {
            label: self.label(node),
            name,
            number: node.int("number").unwrap_or_default(),
            options: options(node, FIELD_OPTIONS, "confluent.field_meta"),
            default: default.filter(|_| !self.is_proto3).map(|value| match &*kind {
                "string" => OptionValue::String(value),
                // Already escaped, as descriptors have it.
                "bytes" => OptionValue::Word(format!("\"{value}\"")),
                _ => OptionValue::Word(value),
            }),
            json_name: node.has("json_name").then(|| OptionValue::String(node.text("json_name"))),
            field_type: FieldType::Named(if type_name.is_empty() { kind } else { type_name }),
        })
    }

    fn label(&self, node: &Node<'_>) -> Option<Label> {
        match &*node.word("label") {
            "LABEL_REPEATED" => Some(Label::Repeated),
            _ if node.flag("proto3_optional") => Some(Label::Optional),
            _ if self.is_proto3 => None,
            "LABEL_REQUIRED" => Some(Label::Required),
            _ => Some(Label::Optional),
        }
    }

    fn extends(&self, node: &Node<'_>) -> Result<Vec<Extend>, SchemaError> {
        let fields = node.nodes("extension").into_iter().map(|field| {
            let field = Node(&field);
            Ok((field.text("extendee"), self.field(&field)?))
        });
        Ok(Extend::blocks(fields.collect::<Result<Vec<_>, SchemaError>>()?))
    }
}

/// Reserved ranges, each with an end that is so much behind the last number of the range, then reserved names.
fn reserved(node: &Node<'_>, end_is_behind: i32) -> Vec<Reserved> {
    let ranges = node.each("reserved_range", |range| ReservedItem::Numbers(numbers(range, end_is_behind)));
    let names = node.texts("reserved_name").into_iter().map(ReservedItem::Name);
    ranges.into_iter().chain(names).map(|item| Reserved(vec![item])).collect()
}

fn numbers(range: &Node<'_>, end_is_behind: i32) -> Numbers {
    let first = range.int("start").unwrap_or_default();
    let last = range.int("end").unwrap_or_default().saturating_sub(end_is_behind);
    if first == last { Numbers::One(first) } else { Numbers::Range(first, last) }
}

fn extensions(node: &Node<'_>) -> Extensions {
    Extensions { numbers: vec![numbers(node, 1)], options: options(node, RANGE_OPTIONS, "") }
}

fn enumeration(node: &Node<'_>) -> Enum {
    Enum {
        name: node.text("name"),
        reserved: reserved(node, 0),
        options: options(node, ENUM_OPTIONS, "confluent.enum_meta"),
        constants: node.each("value", |value| Constant {
            name: value.text("name"),
            number: value.int("number").unwrap_or_default(),
            options: options(value, VALUE_OPTIONS, "confluent.enum_value_meta"),
        }),
    }
}

fn service(node: &Node<'_>) -> Service {
    let rpc_type = |method: &Node<'_>, field: &str, stream: &str| RpcType {
        is_stream: method.flag(stream),
        name: method.text(field),
    };
    Service {
        name: node.text("name"),
        options: options(node, SERVICE_OPTIONS, ""),
        rpcs: node.each("method", |method| Rpc {
            name: method.text("name"),
            request: rpc_type(method, "input_type", "client_streaming"),
            response: rpc_type(method, "output_type", "server_streaming"),
            options: options(method, METHOD_OPTIONS, ""),
        }),
    }
}

// The options of each kind of declaration, in the order that the registry writes them in.
const FILE_OPTIONS: &[&str] = &[
    "java_package",
    "java_outer_classname",
    "java_multiple_files",
    "java_generate_equals_and_hash",
    "java_string_check_utf8",
    "optimize_for",
    "go_package",
    "cc_generic_services",
    "java_generic_services",
    "py_generic_services",
    "deprecated",
    "cc_enable_arenas",
    "objc_class_prefix",
    "csharp_namespace",
    "swift_prefix",
    "php_class_prefix",
    "php_namespace",
    "php_metadata_namespace",
    "ruby_package",
];
const MESSAGE_OPTIONS: &[&str] = &["no_standard_descriptor_accessor", "deprecated", "map_entry"];
const FIELD_OPTIONS: &[&str] =
    &["ctype", "packed", "jstype", "deprecated", "debug_redact", "retention", "targets"];
const ENUM_OPTIONS: &[&str] = &["allow_alias", "deprecated"];
const VALUE_OPTIONS: &[&str] = &["deprecated", "debug_redact"];
const SERVICE_OPTIONS: &[&str] = &["deprecated"];
const METHOD_OPTIONS: &[&str] = &["deprecated", "idempotency_level"];
const RANGE_OPTIONS: &[&str] = &["declaration", "verification"];

/// The options of a declaration that are set, and Confluent's metadata about it.
fn options(node: &Node<'_>, order: &[&str], meta: &str) -> Vec<OptionSetting> {
    let Some(options) = node.get("options") else { return Vec::new() };
    let Some(options) = options.as_message() else { return Vec::new() };
    let mut settings = Vec::new();
    for name in order {
        let Some(field) = options.descriptor().get_field_by_name(name) else { continue };
        if !options.has_field(&field) {
            continue;
        }
        match &*options.get_field(&field) {
            Value::List(values) => settings.extend(
                values.iter().map(|value| OptionSetting::plain(name, option_value(value, &field.kind()))),
            ),
            value => settings.push(OptionSetting::plain(name, option_value(value, &field.kind()))),
        }
    }
    let extension = options.descriptor().get_extension_by_full_name(meta);
    if let Some(extension) = extension.filter(|extension| options.has_extension(extension)) {
        let value = option_value(&options.get_extension(&extension), &extension.kind());
        if value != OptionValue::Map(Vec::new()) {
            settings.push(OptionSetting { name: meta.to_owned(), is_extension: true, value });
        }
    }
    settings
}

fn option_value(value: &Value, kind: &Kind) -> OptionValue {
    match value {
        Value::Bool(flag) => OptionValue::Word(flag.to_string()),
        Value::String(text) => OptionValue::String(text.clone()),
        Value::EnumNumber(number) => {
            let known = kind.as_enum().and_then(|kind| kind.get_value(*number));
            known.map_or_else(
                || OptionValue::Number(number.to_string()),
                |known| OptionValue::Word(known.name().to_owned()),
            )
        }
        Value::I32(number) => OptionValue::Number(number.to_string()),
        Value::List(values) => {
            OptionValue::List(values.iter().map(|value| option_value(value, kind)).collect())
        }
        Value::Map(entries) => OptionValue::List(meta_parameters(entries)),
        Value::Message(message) => {
            let entries = message
                .fields()
                .map(|(field, value)| (field.name().to_owned(), option_value(value, &field.kind())));
            OptionValue::Map(entries.collect())
        }
        other => OptionValue::Number(format!("{other:?}")),
    }
}

/// The parameters in Confluent's metadata, as a list of entries. Precision and scale put their value first, as it always did.
fn meta_parameters(entries: &std::collections::HashMap<prost_reflect::MapKey, Value>) -> Vec<OptionValue> {
    let text = |value: &Value| OptionValue::String(value.as_str().unwrap_or_default().to_owned());
    let mut entries: Vec<_> =
        entries.iter().map(|(key, value)| (key.as_str().unwrap_or_default(), value)).collect();
    entries.sort_by_key(|(key, _)| *key);
    let entry = |(key, value): (&str, &Value)| {
        let key_entry = ("key".to_owned(), OptionValue::String(key.to_owned()));
        let value_entry = ("value".to_owned(), text(value));
        let value_is_first = matches!(key, "precision" | "scale");
        OptionValue::Map(if value_is_first {
            vec![value_entry, key_entry]
        } else {
            vec![key_entry, value_entry]
        })
    };
    entries.into_iter().map(entry).collect()
}

/// A message of a descriptor, with its fields by name: what is not set is empty.
struct Node<'a>(&'a DynamicMessage);

impl Node<'_> {
    fn get(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.has(field).then(|| self.0.get_field_by_name(field)).flatten()
    }

    fn has(&self, field: &str) -> bool {
        self.0.has_field_by_name(field)
    }

    fn text(&self, field: &str) -> String {
        self.get(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn int(&self, field: &str) -> Option<i32> {
        self.get(field).and_then(|value| value.as_i32())
    }

    fn flag(&self, field: &str) -> bool {
        self.get(field).and_then(|value| value.as_bool()).unwrap_or_default()
    }

    /// The name of an enum's value.
    fn word(&self, field: &str) -> String {
        let descriptor = self.0.descriptor().get_field_by_name(field);
        let number = self.get(field).and_then(|value| value.as_enum_number());
        let value =
            descriptor.zip(number).and_then(|(field, number)| field.kind().as_enum()?.get_value(number));
        value.map(|value| value.name().to_owned()).unwrap_or_default()
    }

    fn list<T>(&self, field: &str, of: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        let list = self.get(field);
        list.iter().flat_map(|list| list.as_list().unwrap_or_default()).filter_map(of).collect()
    }

    fn texts(&self, field: &str) -> Vec<String> {
        self.list(field, |value| value.as_str().map(str::to_owned))
    }

    fn ints(&self, field: &str) -> Vec<i32> {
        self.list(field, Value::as_i32)
    }

    fn nodes(&self, field: &str) -> Vec<DynamicMessage> {
        self.list(field, |value| value.as_message().cloned())
    }

    fn each<T>(&self, field: &str, read: impl Fn(&Node<'_>) -> T) -> Vec<T> {
        self.list(field, |value| value.as_message().map(|message| read(&Node(message))))
    }
}
