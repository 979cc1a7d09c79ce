//! Makes files that mean the same the same, as Confluent's registry does when it is asked to normalize.
//!
//! Names become full ones, members stand in the order of their numbers, imports and options in that of their names, maps that
//! were written out as messages are maps again. The order of messages stays: records name their message by its place.

use std::collections::{BTreeMap, HashSet};

use super::file::{
    Constant, Enum, Extend, Extensions, Field, FieldType, Group, Label, Message, Numbers, OneOf,
    OptionSetting, OptionValue, ProtoFile, Reserved, ReservedItem, Rpc, RpcType, Service, Syntax,
};
use super::names::{Definition, Names, joined};

/// The normal form of `file`, whose names are in `names`. A name that nobody declares stays as it is.
pub(super) fn normalized(file: &ProtoFile, names: &Names<'_>) -> ProtoFile {
    let normalizer = Normalizer { names };
    let scope = file.package();
    ProtoFile {
        syntax: file.syntax.filter(|&syntax| syntax == Syntax::Proto3),
        package: file.package.clone(),
        imports: sorted(&file.imports),
        public_imports: sorted(&file.public_imports),
        weak_imports: sorted(&file.weak_imports),
        options: normalizer.options(&file.options, scope),
        messages: normalizer.messages(&file.messages, scope),
        enums: file.enums.iter().map(|enumeration| normalizer.enumeration(enumeration, scope)).collect(),
        extends: normalizer.extends(&file.extends, scope),
        services: file.services.iter().map(|service| normalizer.service(service, scope)).collect(),
    }
}

/// The file without extensions, and without the options that are extensions, but for Confluent's own.
pub(super) fn without_extensions(file: &ProtoFile) -> ProtoFile {
    let mut file = file.clone();
    keep_known(&mut file.options);
    file.extends.clear();
    file.messages.iter_mut().for_each(strip_message);
    file.enums.iter_mut().for_each(strip_enum);
    for service in &mut file.services {
        keep_known(&mut service.options);
        service.rpcs.iter_mut().for_each(|rpc| keep_known(&mut rpc.options));
    }
    file
}

fn strip_message(message: &mut Message) {
    keep_known(&mut message.options);
    message.extensions.clear();
    message.extends.clear();
    strip_fields(&mut message.fields);
    message.groups.iter_mut().for_each(|group| strip_fields(&mut group.fields));
    for oneof in &mut message.oneofs {
        keep_known(&mut oneof.options);
        strip_fields(&mut oneof.fields);
        oneof.groups.iter_mut().for_each(|group| strip_fields(&mut group.fields));
    }
    message.messages.iter_mut().for_each(strip_message);
    message.enums.iter_mut().for_each(strip_enum);
}

fn strip_fields(fields: &mut [Field]) {
    fields.iter_mut().for_each(|field| keep_known(&mut field.options));
}

fn strip_enum(enumeration: &mut Enum) {
    keep_known(&mut enumeration.options);
    enumeration.constants.iter_mut().for_each(|constant| keep_known(&mut constant.options));
}

fn keep_known(options: &mut Vec<OptionSetting>) {
    options.retain(|option| !option.is_extension || option.name.starts_with("confluent."));
}

fn sorted(imports: &[String]) -> Vec<String> {
    let mut imports = imports.to_vec();
    imports.sort();
    imports.dedup();
    imports
}

struct Normalizer<'a> {
    names: &'a Names<'a>,
}

impl Normalizer<'_> {
    fn messages(&self, messages: &[Message], scope: &str) -> Vec<Message> {
        let kept = messages.iter().filter(|message| message.map_entry().is_none());
        kept.map(|message| self.message(message, &joined(scope, &message.name))).collect()
    }

    fn message(&self, message: &Message, scope: &str) -> Message {
        let mut oneofs: Vec<_> = message.oneofs.iter().map(|oneof| self.oneof(oneof, scope)).collect();
        oneofs.retain(|oneof| !oneof.fields.is_empty());
        oneofs.sort_by_key(|oneof| oneof.fields.first().map(|field| field.number));
        let mut groups = message.groups.clone();
        groups.sort_by_key(|group| group.number);
        Message {
            name: message.name.clone(),
            reserved: reserved(&message.reserved),
            options: self.options(&message.options, scope),
            fields: self.fields(&message.fields, scope),
            oneofs,
            groups: groups.iter().map(|group| self.group(group, scope)).collect(),
            extensions: self.extensions(&message.extensions, scope),
            extends: self.extends(&message.extends, scope),
            messages: self.messages(&message.messages, scope),
            enums: message.enums.iter().map(|enumeration| self.enumeration(enumeration, scope)).collect(),
        }
    }

    fn fields(&self, fields: &[Field], scope: &str) -> Vec<Field> {
        let mut fields: Vec<_> = fields.iter().map(|field| self.field(field, scope)).collect();
        fields.sort_by_key(|field| field.number);
        fields
    }

    fn field(&self, field: &Field, scope: &str) -> Field {
        let field_type = self.field_type(&field.field_type, scope);
        // Sorted among the others: as options they have lost their place at the end.
        let special = [("default", &field.default), ("json_name", &field.json_name)];
        let special = special.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let special = special.map(|(name, value)| OptionSetting::plain(name, value.clone()));
        let options: Vec<_> = field.options.iter().cloned().chain(special).collect();
        Field {
            label: field.label.filter(|_| !matches!(field_type, FieldType::Map { .. })),
            field_type,
            name: field.name.clone(),
            number: field.number,
            options: self.options(&options, scope),
            default: None,
            json_name: None,
        }
    }

    fn field_type(&self, written: &FieldType, scope: &str) -> FieldType {
        let field_type = match written {
            FieldType::Named(name) => self
                .names
                .resolve(scope, name)
                .and_then(|(_, named)| named.map_entry())
                .unwrap_or_else(|| written.clone()),
            FieldType::Map { .. } => written.clone(),
        };
        match field_type {
            FieldType::Named(name) => FieldType::Named(self.full_name(&name, scope)),
            FieldType::Map { key, value } => FieldType::Map { key, value: self.full_name(&value, scope) },
        }
    }

    fn full_name(&self, name: &str, scope: &str) -> String {
        self.names.resolve(scope, name).map_or_else(|| name.to_owned(), |(full, _)| format!(".{full}"))
    }

    fn oneof(&self, oneof: &OneOf, scope: &str) -> OneOf {
        let mut groups = oneof.groups.clone();
        groups.sort_by_key(|group| group.number);
        OneOf {
            name: oneof.name.clone(),
            options: self.options(&oneof.options, scope),
            fields: self.fields(&oneof.fields, scope),
            groups: groups.iter().map(|group| self.group(group, scope)).collect(),
        }
    }

    fn group(&self, group: &Group, scope: &str) -> Group {
        Group { fields: self.fields(&group.fields, scope), ..group.clone() }
    }

    /// One statement for each number and range, in their order.
    fn extensions(&self, extensions: &[Extensions], scope: &str) -> Vec<Extensions> {
        let each = |statement: &Extensions| {
            let options = self.options(&statement.options, scope);
            statement.numbers.clone().into_iter().map(move |numbers| (numbers, options.clone()))
        };
        let mut each: Vec<_> = extensions.iter().flat_map(each).collect();
        each.sort_by_key(|(numbers, _)| numbers.first());
        each.into_iter()
            .map(|(numbers, options)| Extensions { numbers: vec![shortest(numbers)], options })
            .collect()
    }

    /// One block for each message that is extended, in the order of their first mention.
    fn extends(&self, extends: &[Extend], scope: &str) -> Vec<Extend> {
        let fields = extends.iter().flat_map(|extend| {
            let extendee = self.full_name(&extend.extendee, scope);
            extend.fields.iter().map(move |field| (extendee.clone(), field.clone()))
        });
        let blocks = Extend::blocks(fields).into_iter();
        blocks.map(|block| Extend { fields: self.fields(&block.fields, scope), ..block }).collect()
    }

    fn enumeration(&self, enumeration: &Enum, scope: &str) -> Enum {
        let scope = joined(scope, &enumeration.name);
        let constant = |constant: &Constant| Constant {
            options: self.options(&constant.options, &scope),
            ..constant.clone()
        };
        let mut constants: Vec<_> = enumeration.constants.iter().map(constant).collect();
        constants.sort_by(|one, other| (one.number, &one.name).cmp(&(other.number, &other.name)));
        Enum {
            name: enumeration.name.clone(),
            reserved: reserved(&enumeration.reserved),
            options: self.options(&enumeration.options, &scope),
            constants,
        }
    }

    fn service(&self, service: &Service, scope: &str) -> Service {
        let full = |t: &RpcType| RpcType { is_stream: t.is_stream, name: self.full_name(&t.name, scope) };
        let rpc = |rpc: &Rpc| Rpc {
            name: rpc.name.clone(),
            request: full(&rpc.request),
            response: full(&rpc.response),
            options: self.options(&rpc.options, scope),
        };
        Service {
            name: service.name.clone(),
            options: self.options(&service.options, scope),
            rpcs: service.rpcs.iter().map(rpc).collect(),
        }
    }

    /// In the order of their names; the parts of an option that may be given once are one.
    fn options(&self, options: &[OptionSetting], scope: &str) -> Vec<OptionSetting> {
        let mut options: Vec<_> = options.iter().map(|option| self.option(option, scope)).collect();
        options.sort_by(|one, other| one.name.cmp(&other.name));
        let mut merged: Vec<OptionSetting> = Vec::new();
        for option in options {
            let definition = self.names.extension("", &option.name);
            let once = definition.filter(|(_, field)| field.label != Some(Label::Repeated));
            match (merged.last_mut(), once) {
                (Some(last), Some((_, field))) if last.name == option.name => {
                    self.merge(&mut last.value, option.value, Some(field), scope);
                }
                _ => merged.push(option),
            }
        }
        for option in &mut merged {
            option.value = self.value(&option.value, scope);
        }
        merged
    }

    /// The option with its full name, and a name of several parts as messages in text form.
    fn option(&self, option: &OptionSetting, scope: &str) -> OptionSetting {
        let found = option.is_extension.then(|| self.names.extension(scope, &option.name)).flatten();
        let Some((name, _)) = found else { return option.clone() };
        OptionSetting { name, is_extension: true, value: unfolded(&option.value) }
    }

    /// Adds what `value` says to what was said before about the same option or member.
    fn merge(&self, earlier: &mut OptionValue, value: OptionValue, field: Option<&Field>, scope: &str) {
        let may_come_once = field.is_some_and(|field| field.label != Some(Label::Repeated));
        match (&mut *earlier, value) {
            (OptionValue::Map(earlier), OptionValue::Map(entries)) if may_come_once => {
                for (key, value) in entries {
                    let member = field.and_then(|field| self.member(field, &key, scope));
                    match earlier.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, earlier)) => self.merge(earlier, value, member, scope),
                        None => earlier.push((key, value)),
                    }
                }
            }
            (_, value) if may_come_once => *earlier = value,
            (_, value) => join_distinct(earlier, value),
        }
    }

    /// The member of this name of the message that is the field's type.
    fn member<'f>(&'f self, field: &Field, name: &str, scope: &str) -> Option<&'f Field> {
        let (_, named) = self.names.resolve(scope, &field.field_type.to_string())?;
        let Definition::Message(message) = named.definition else { return None };
        let in_oneofs = message.oneofs.iter().flat_map(|oneof| &oneof.fields);
        message.fields.iter().chain(in_oneofs).find(|field| field.name == name)
    }

    fn value(&self, value: &OptionValue, scope: &str) -> OptionValue {
        match value {
            OptionValue::Number(number) => OptionValue::Number(plain_number(number)),
            OptionValue::Part(part) => {
                let value = self.value(&part.value, scope);
                OptionValue::Part(Box::new(OptionSetting { value, ..(**part).clone() }))
            }
            OptionValue::Map(entries) => OptionValue::Map(self.entries(entries, scope)),
            OptionValue::List(values) => {
                OptionValue::List(values.iter().map(|value| self.value(value, scope)).collect())
            }
            OptionValue::String(_) | OptionValue::Word(_) => value.clone(),
        }
    }

    /// In the order of their keys, without empty lists; a list of one is that one.
    fn entries(&self, entries: &[(String, OptionValue)], scope: &str) -> Vec<(String, OptionValue)> {
        let mut sorted = BTreeMap::new();
        for (key, value) in entries {
            let value = match self.value(value, scope) {
                OptionValue::List(mut values) if values.len() == 1 => values.remove(0),
                OptionValue::List(values) if values.is_empty() => continue,
                value => value,
            };
            let extension = key.strip_prefix('[').and_then(|key| key.strip_suffix(']'));
            let full = extension.and_then(|name| self.names.extension(scope, name));
            sorted.entry(full.map_or_else(|| key.clone(), |(full, _)| format!("[{full}]"))).or_insert(value);
        }
        sorted.into_iter().collect()
    }
}

fn unfolded(value: &OptionValue) -> OptionValue {
    match value {
        OptionValue::Part(part) => OptionValue::Map(vec![(part.name.clone(), unfolded(&part.value))]),
        other => other.clone(),
    }
}

fn join_distinct(earlier: &mut OptionValue, value: OptionValue) {
    let values = |value: OptionValue| match value {
        OptionValue::List(values) => values,
        value => vec![value],
    };
    let mut joined = values(std::mem::replace(earlier, OptionValue::List(Vec::new())));
    let mut known: HashSet<OptionValue> = joined.iter().cloned().collect();
    joined.extend(values(value).into_iter().filter(|value| known.insert(value.clone())));
    *earlier = OptionValue::List(joined);
}

/// One statement for each number, range and name: numbers in their order, then names in theirs.
fn reserved(statements: &[Reserved]) -> Vec<Reserved> {
    let mut items: Vec<_> = statements.iter().flat_map(|statement| statement.0.iter().cloned()).collect();
    items.sort_by_cached_key(|item| match item {
        ReservedItem::Numbers(numbers) => (numbers.first(), java_text(*numbers)),
        ReservedItem::Name(name) => (i32::MAX, name.clone()),
    });
    let shortened = items.into_iter().map(|item| match item {
        ReservedItem::Numbers(numbers) => ReservedItem::Numbers(shortest(numbers)),
        name @ ReservedItem::Name(_) => name,
    });
    shortened.map(|item| Reserved(vec![item])).collect()
}

/// The text that decides the order of ranges with the same start.
fn java_text(numbers: Numbers) -> String {
    match numbers {
        Numbers::One(number) => number.to_string(),
        Numbers::Range(first, last) => format!("{first}..{last}"),
    }
}

const fn shortest(numbers: Numbers) -> Numbers {
    match numbers {
        Numbers::Range(first, last) if first == last => Numbers::One(first),
        other => other,
    }
}

/// A number in decimal digits, at most three of them after the point: all that the registry keeps in its normal form.
fn plain_number(written: &str) -> String {
    let (sign, digits) = written.strip_prefix('-').map_or(("", written), |digits| ("-", digits));
    let whole = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8).ok(),
        None => digits.parse().ok(),
    };
    if let Some(whole) = whole {
        return format!("{sign}{whole}");
    }
    match digits.trim_end_matches(['f', 'F']).parse::<f64>() {
        Ok(number) if number.is_finite() => {
            let text = format!("{number:.3}");
            format!("{sign}{}", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => written.to_owned(),
    }
}
