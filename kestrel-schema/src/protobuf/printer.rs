//! Writes a `.proto` file as Confluent's registry does, byte for byte: identities are made of it.
//!
//! The layout, read off its answers: two spaces a level, blank lines between kinds of members (which are indented too), no
//! comments, plain imports before public ones, messages before enums.

use std::fmt;

use super::file::{
    Constant, Enum, Extend, Extensions, Field, Group, Message, OneOf, OptionSetting, OptionValue, ProtoFile,
    Reserved, ReservedItem, Rpc, RpcType, Service,
};

/// The text of a file.
pub(super) fn print(file: &ProtoFile) -> String {
    let mut text = String::new();
    if let Some(syntax) = file.syntax {
        text.push_str(&format!("syntax = \"{syntax}\";\n"));
    }
    if let Some(package) = &file.package {
        text.push_str(&format!("package {package};\n"));
    }
    let imports = file.imports.iter().map(|path| format!("import \"{path}\";\n"));
    let public = file.public_imports.iter().map(|path| format!("import public \"{path}\";\n"));
    let weak = file.weak_imports.iter().map(|path| format!("import weak \"{path}\";\n"));
    section(&mut text, imports.chain(public).chain(weak));
    section(&mut text, file.options.iter().map(option_statement));
    section(&mut text, file.messages.iter().map(message).chain(file.enums.iter().map(enumeration)));
    section(&mut text, file.extends.iter().map(extend));
    section(&mut text, file.services.iter().map(service));
    text
}

/// Appends a blank line and the items, if there are any.
fn section(text: &mut String, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        text.push('\n');
        text.extend(items);
    }
}

/// A declaration with members in braces.
struct Block {
    text: String,
}

impl Block {
    fn open(head: impl fmt::Display) -> Self {
        Self { text: format!("{head} {{") }
    }

    /// Appends a line's end and the members, if there are any.
    fn section(&mut self, members: impl Iterator<Item = String>) {
        section(&mut self.text, members.map(|member| indented(&member)));
    }

    fn close(mut self) -> String {
        self.text.push_str("}\n");
        self.text
    }
}

/// Each line two spaces to the right; blank ones too.
fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

fn message(message: &Message) -> String {
    let mut block = Block::open(format_args!("message {}", message.name));
    block.section(message.reserved.iter().map(reserved));
    block.section(message.options.iter().map(option_statement));
    block.section(message.fields.iter().map(field));
    block.section(message.oneofs.iter().map(oneof));
    block.section(message.groups.iter().map(group));
    block.section(message.extensions.iter().map(extensions));
    block.section(message.extends.iter().map(extend));
    block.section(message.messages.iter().map(self::message).chain(message.enums.iter().map(enumeration)));
    block.close()
}

fn field(field: &Field) -> String {
    let mut text = field.label.map(|label| format!("{label} ")).unwrap_or_default();
    text.push_str(&format!("{} {} = {}", field.field_type, field.name, field.number));
    let special = |name, value: &Option<OptionValue>| {
        value.as_ref().map(|value| setting(&OptionSetting::plain(name, value.clone())))
    };
    let options = field.options.iter().map(setting);
    let special =
        special("default", &field.default).into_iter().chain(special("json_name", &field.json_name));
    text.push_str(&trailing(options.chain(special)));
    text
}

fn oneof(oneof: &OneOf) -> String {
    let mut block = Block::open(format_args!("oneof {}", oneof.name));
    block.section(oneof.options.iter().map(option_statement));
    block.section(oneof.fields.iter().map(field));
    block.section(oneof.groups.iter().map(group));
    block.close()
}

fn group(group: &Group) -> String {
    let label = group.label.map(|label| format!("{label} ")).unwrap_or_default();
    let mut block = Block::open(format_args!("{label}group {} = {}", group.name, group.number));
    block.section(group.fields.iter().map(field));
    block.close()
}

fn extend(extend: &Extend) -> String {
    let mut block = Block::open(format_args!("extend {}", extend.extendee));
    block.section(extend.fields.iter().map(field));
    block.close()
}

fn enumeration(enumeration: &Enum) -> String {
    let mut block = Block::open(format_args!("enum {}", enumeration.name));
    let reserved = enumeration.reserved.iter().map(reserved);
    let options = enumeration.options.iter().map(option_statement);
    block.section(reserved.chain(options).chain(enumeration.constants.iter().map(constant)));
    block.close()
}

fn constant(constant: &Constant) -> String {
    format!("{} = {}{}", constant.name, constant.number, trailing(constant.options.iter().map(setting)))
}

fn reserved(reserved: &Reserved) -> String {
    let items = reserved.0.iter().map(|item| match item {
        ReservedItem::Name(name) => format!("\"{name}\""),
        ReservedItem::Numbers(numbers) => numbers.to_string(),
    });
    format!("reserved {};\n", items.collect::<Vec<_>>().join(", "))
}

fn extensions(extensions: &Extensions) -> String {
    let numbers: Vec<_> = extensions.numbers.iter().map(ToString::to_string).collect();
    format!("extensions {}{}", numbers.join(", "), trailing(extensions.options.iter().map(setting)))
}

fn service(service: &Service) -> String {
    let mut block = Block::open(format_args!("service {}", service.name));
    block.section(service.options.iter().map(option_statement));
    block.section(service.rpcs.iter().map(rpc));
    block.close()
}

fn rpc(rpc: &Rpc) -> String {
    let written = |t: &RpcType| format!("{}{}", if t.is_stream { "stream " } else { "" }, t.name);
    let mut text =
        format!("rpc {} ({}) returns ({})", rpc.name, written(&rpc.request), written(&rpc.response));
    if !rpc.options.is_empty() {
        text.push_str(" {\n");
        text.extend(rpc.options.iter().map(|option| indented(&option_statement(option))));
        text.push('}');
    }
    text.push_str(";\n");
    text
}

fn option_statement(option: &OptionSetting) -> String {
    format!("option {};\n", setting(option))
}

/// The options at the end of a statement, and the end of the statement.
fn trailing(options: impl Iterator<Item = String>) -> String {
    let options: Vec<_> = options.collect();
    if options.is_empty() { ";\n".to_owned() } else { format!(" {};\n", bracketed(&options)) }
}

/// One item stands in its line, several have a line each.
fn bracketed(items: &[String]) -> String {
    match items {
        [item] => format!("[{item}]"),
        items => format!("[\n{}]", lines(items)),
    }
}

/// Items with commas between them, each in its own line.
fn lines(items: &[String]) -> String {
    items.join(",\n").lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

fn setting(option: &OptionSetting) -> String {
    let name = if option.is_extension { format!("({})", option.name) } else { option.name.clone() };
    match &option.value {
        OptionValue::Part(part) => format!("{name}.{}", setting(part)),
        OptionValue::List(values) => {
            format!("{name} = {}", bracketed(&values.iter().map(value).collect::<Vec<_>>()))
        }
        other => format!("{name} = {}", value(other)),
    }
}

fn value(value: &OptionValue) -> String {
    match value {
        OptionValue::String(text) => format!("\"{}\"", escaped(text)),
        OptionValue::Word(word) | OptionValue::Number(word) => word.clone(),
        OptionValue::Part(part) => setting(part),
        OptionValue::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, of)| format!("{key}: {}", self::value(of))).collect();
            format!("{{\n{}}}", lines(&entries))
        }
        OptionValue::List(values) => {
            format!("[\n{}]", lines(&values.iter().map(self::value).collect::<Vec<_>>()))
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{7}' => escaped.push_str("\\a"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{b}' => escaped.push_str("\\v"),
            '\\' | '\'' | '"' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}
