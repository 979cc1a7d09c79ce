//! A `.proto` file as it is written: names unresolved, options uninterpreted, each kind of declaration in its order.
//!
//! This is what a registry identifies, prints and compares. `reader` makes one of text, `descriptor_reader` of a serialized
//! descriptor, `printer` writes it. What a name stands for is `names`' business.

use std::collections::HashMap;
use std::fmt;

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ProtoFile {
    /// None when the file does not say, which means proto2.
    pub(super) syntax: Option<Syntax>,
    pub(super) package: Option<String>,
    pub(super) imports: Vec<String>,
    pub(super) public_imports: Vec<String>,
    pub(super) weak_imports: Vec<String>,
    pub(super) options: Vec<OptionSetting>,
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    pub(super) extends: Vec<Extend>,
    pub(super) services: Vec<Service>,
}

impl ProtoFile {
    /// The package, empty when there is none.
    pub(super) fn package(&self) -> &str {
        self.package.as_deref().unwrap_or_default()
    }

    /// Whether it declares nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.enums.is_empty()
            && self.extends.is_empty()
            && self.services.is_empty()
    }

    /// The path of the file whose types it offers, if it does nothing but import that one publicly.
    pub(super) fn passes_on(&self) -> Option<&str> {
        match &self.public_imports[..] {
            [path] if self.is_empty() && self.imports.is_empty() => Some(path),
            _ => None,
        }
    }

    /// Makes maps again of the messages that protoc made of them. Only for files with full names, as descriptors have.
    pub(super) fn fold_map_entries(&mut self) {
        let scope = self.package.as_ref().map(|package| format!(".{package}")).unwrap_or_default();
        for message in &mut self.messages {
            message.fold_map_entries(&scope);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Proto2,
    Proto3,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proto2 => "proto2",
            Self::Proto3 => "proto3",
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) reserved: Vec<Reserved>,
    pub(super) options: Vec<OptionSetting>,
    pub(super) fields: Vec<Field>,
    pub(super) oneofs: Vec<OneOf>,
    pub(super) groups: Vec<Group>,
    pub(super) extensions: Vec<Extensions>,
    pub(super) extends: Vec<Extend>,
    pub(super) messages: Vec<Self>,
    pub(super) enums: Vec<Enum>,
}

impl Message {
    /// The types of key and value, when this message is the entry of a map that was written out as a message.
    pub(super) fn map_entry(&self) -> Option<FieldType> {
        let is_entry = |option: &OptionSetting| {
            option.name == "map_entry" && option.value == OptionValue::Word("true".to_owned())
        };
        self.options.iter().any(is_entry).then_some(())?;
        let type_of = |name: &str| {
            self.fields.iter().find(|field| field.name == name).map(|field| field.field_type.to_string())
        };
        Some(FieldType::Map { key: type_of("key")?, value: type_of("value")? })
    }

    fn fold_map_entries(&mut self, scope: &str) {
        let scope = format!("{scope}.{}", self.name);
        let entry = |nested: &Self| Some((format!("{scope}.{}", nested.name), nested.map_entry()?));
        let entries: HashMap<String, FieldType> = self.messages.iter().filter_map(entry).collect();
        for field in &mut self.fields {
            if let FieldType::Named(name) = &field.field_type
                && let Some(map) = entries.get(name)
            {
                field.field_type = map.clone();
                field.label = None;
            }
        }
        self.messages.retain(|nested| nested.map_entry().is_none());
        for nested in &mut self.messages {
            nested.fold_map_entries(&scope);
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) label: Option<Label>,
    pub(super) field_type: FieldType,
    pub(super) name: String,
    pub(super) number: i32,
    /// Without `default` and `json_name`, which are no options to a descriptor.
    pub(super) options: Vec<OptionSetting>,
    pub(super) default: Option<OptionValue>,
    pub(super) json_name: Option<OptionValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Required,
    Optional,
    Repeated,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Repeated => "repeated",
        })
    }
}

/// The type of a field, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldType {
    /// A scalar type, or the name of a message or an enum.
    Named(String),
    Map {
        key: String,
        value: String,
    },
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Map { key, value } => write!(f, "map<{key}, {value}>"),
        }
    }
}

/// The scalar types of the language.
pub(super) const SCALARS: [&str; 15] = [
    "double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "bool", "string", "bytes",
];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct OneOf {
    pub(super) name: String,
    pub(super) options: Vec<OptionSetting>,
    pub(super) fields: Vec<Field>,
    pub(super) groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) label: Option<Label>,
    pub(super) name: String,
    pub(super) number: i32,
    pub(super) fields: Vec<Field>,
}

/// One `extend` block.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extend {
    /// The message that is extended.
    pub(super) extendee: String,
    pub(super) fields: Vec<Field>,
}

impl Extend {
    /// One block for each message that is extended, in the order of their first mention.
    pub(super) fn blocks(fields: impl IntoIterator<Item = (String, Field)>) -> Vec<Self> {
        let mut blocks: Vec<Self> = Vec::new();
        let mut places = HashMap::new();
        for (extendee, field) in fields {
            let place = *places.entry(extendee.clone()).or_insert(blocks.len());
            if place == blocks.len() {
                blocks.push(Self { extendee, fields: Vec::new() });
            }
            blocks[place].fields.push(field);
        }
        blocks
    }
}

/// One `reserved` statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reserved(pub(super) Vec<ReservedItem>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReservedItem {
    Name(String),
    Numbers(Numbers),
}

/// A number, or a range of numbers with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    One(i32),
    Range(i32, i32),
}

impl Numbers {
    /// The highest number that a field may have; also how a range says `max`.
    pub(super) const MAX: i32 = 536_870_911;

    pub(super) const fn first(self) -> i32 {
        match self {
            Self::One(first) | Self::Range(first, _) => first,
        }
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::One(number) => write!(f, "{number}"),
            Self::Range(first, last) if last < Self::MAX => write!(f, "{first} to {last}"),
            Self::Range(first, _) => write!(f, "{first} to max"),
        }
    }
}

/// One `extensions` statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extensions {
    pub(super) numbers: Vec<Numbers>,
    pub(super) options: Vec<OptionSetting>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Enum {
    pub(super) name: String,
    pub(super) reserved: Vec<Reserved>,
    pub(super) options: Vec<OptionSetting>,
    pub(super) constants: Vec<Constant>,
}

/// A value of an enum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) number: i32,
    pub(super) options: Vec<OptionSetting>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) options: Vec<OptionSetting>,
    pub(super) rpcs: Vec<Rpc>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rpc {
    pub(super) name: String,
    pub(super) request: RpcType,
    pub(super) response: RpcType,
    pub(super) options: Vec<OptionSetting>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RpcType {
    pub(super) is_stream: bool,
    pub(super) name: String,
}

/// `name = value`, wherever options may stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OptionSetting {
    /// Without the parentheses of an option that somebody defined in an extension.
    pub(super) name: String,
    pub(super) is_extension: bool,
    pub(super) value: OptionValue,
}

impl OptionSetting {
    /// An option of the language itself.
    pub(super) fn plain(name: &str, value: OptionValue) -> Self {
        Self { name: name.to_owned(), is_extension: false, value }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum OptionValue {
    /// A quoted string, without quotes and escapes.
    String(String),
    /// `true`, `false`, the name of an enum's value, `inf`, `nan`.
    Word(String),
    /// As written.
    Number(String),
    /// The rest of a name with several parts and its value: `.part = value`.
    Part(Box<OptionSetting>),
    /// A message in text form.
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
}
