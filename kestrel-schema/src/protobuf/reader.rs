//! Reads a `.proto` text as it is written.
//!
//! It takes what the registry's reader takes: proto2 and proto3, of which it checks the grammar and no meaning. What the names
//! mean, and whether the numbers are right, is the compiler's to say. Everything that can lie in itself has a limit.

use super::file::{
    Constant, Enum, Extend, Extensions, Field, FieldType, Group, Label, Message, Numbers, OneOf,
    OptionSetting, ProtoFile, Reserved, ReservedItem, Rpc, RpcType, Service, Syntax,
};
use super::option_reader::{add_option, option_list};
use super::scanner::Scanner;
use crate::SchemaError;

/// How deep messages may lie in each other: as deep as protoc allows.
pub(super) const MAX_DEPTH: usize = 31;

/// Reads a whole file.
///
/// # Errors
/// When the text is none, with the line.
pub(super) fn read(text: &str) -> Result<ProtoFile, SchemaError> {
    let mut reader = Reader { scanner: Scanner::new(text), depth: 0 };
    let mut file = ProtoFile::default();
    let mut is_first = true;
    while reader.scanner.peek()?.is_some() {
        if !reader.scanner.eat(';')? {
            reader.declaration(&mut file, is_first)?;
        }
        is_first = false;
    }
    Ok(file)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    /// Of the message that is being read.
    depth: usize,
}

impl Reader<'_> {
    fn declaration(&mut self, file: &mut ProtoFile, is_first: bool) -> Result<(), SchemaError> {
        match self.scanner.word()? {
            "syntax" if is_first => file.syntax = Some(self.syntax()?),
            "syntax" => return self.refuse("syntax has to be said first"),
            "edition" => {
                return self.refuse("editions are not supported: say syntax = \"proto3\" or \"proto2\"");
            }
            "package" => {
                file.package = Some(self.scanner.type_name()?);
                self.scanner.expect(';')?;
            }
            "import" => self.import(file)?,
            "option" => self.option_statement(&mut file.options)?,
            "message" => file.messages.push(self.message()?),
            "enum" => file.enums.push(self.enumeration()?),
            "extend" => file.extends.push(self.extend()?),
            "service" => file.services.push(self.service()?),
            other => {
                return self.refuse(&format!("expected message, enum, import or option, found {other}"));
            }
        }
        Ok(())
    }

    fn syntax(&mut self) -> Result<Syntax, SchemaError> {
        self.scanner.expect('=')?;
        let syntax = match &*self.scanner.string()? {
            "proto2" => Syntax::Proto2,
            "proto3" => Syntax::Proto3,
            other => {
                return self.refuse(&format!("unknown syntax \"{other}\": proto2 and proto3 are known"));
            }
        };
        self.scanner.expect(';')?;
        Ok(syntax)
    }

    fn import(&mut self, file: &mut ProtoFile) -> Result<(), SchemaError> {
        let imports = match self.scanner.peek()? {
            Some('"' | '\'') => &mut file.imports,
            _ => match self.scanner.word()? {
                "public" => &mut file.public_imports,
                "weak" => &mut file.weak_imports,
                other => return self.refuse(&format!("expected a path in quotes, found {other}")),
            },
        };
        imports.push(self.scanner.string()?);
        self.scanner.expect(';')
    }

    /// What is between braces, one declaration after the other.
    fn block(
        &mut self,
        mut declaration: impl FnMut(&mut Self) -> Result<(), SchemaError>,
    ) -> Result<(), SchemaError> {
        self.scanner.expect('{')?;
        while !self.scanner.eat('}')? {
            if !self.scanner.eat(';')? {
                declaration(self)?;
            }
        }
        Ok(())
    }

    fn refuse<T>(&self, problem: &str) -> Result<T, SchemaError> {
        Err(self.scanner.error(problem))
    }

    /// The rest of `option name = value;`.
    fn option_statement(&mut self, options: &mut Vec<OptionSetting>) -> Result<(), SchemaError> {
        add_option(&mut self.scanner, options)?;
        self.scanner.expect(';')
    }

    fn message(&mut self) -> Result<Message, SchemaError> {
        if self.depth == MAX_DEPTH {
            return self.refuse(&format!("messages lie in each other more than {MAX_DEPTH} deep"));
        }
        self.depth += 1;
        let mut message = Message { name: self.scanner.part()?.to_owned(), ..Message::default() };
        self.block(|reader| reader.member(&mut message))?;
        self.depth -= 1;
        Ok(message)
    }

    fn member(&mut self, message: &mut Message) -> Result<(), SchemaError> {
        match self.scanner.word()? {
            "option" => self.option_statement(&mut message.options)?,
            "reserved" => message.reserved.push(self.reserved()?),
            "message" => message.messages.push(self.message()?),
            "enum" => message.enums.push(self.enumeration()?),
            "extend" => message.extends.push(self.extend()?),
            "oneof" => message.oneofs.push(self.oneof()?),
            "extensions" => message.extensions.push(self.extensions()?),
            word => match self.label_and_type(word)? {
                (label, FieldType::Named(name)) if name == "group" => message.groups.push(self.group(label)?),
                (label, field_type) => message.fields.push(self.field(label, field_type)?),
            },
        }
        Ok(())
    }

    /// The label of a field, if it has one, and its type, of which the first word was read.
    fn label_and_type(&mut self, word: &str) -> Result<(Option<Label>, FieldType), SchemaError> {
        let label = match word {
            "required" => Label::Required,
            "optional" => Label::Optional,
            "repeated" => Label::Repeated,
            _ => return Ok((None, self.field_type(word)?)),
        };
        let word = self.scanner.word()?;
        Ok((Some(label), self.field_type(word)?))
    }

    fn field_type(&mut self, word: &str) -> Result<FieldType, SchemaError> {
        if word != "map" || !self.scanner.eat('<')? {
            return Ok(FieldType::Named(self.scanner.type_name_after(word)?));
        }
        let key = self.scanner.type_name()?;
        self.scanner.expect(',')?;
        let value = self.scanner.type_name()?;
        self.scanner.expect('>')?;
        Ok(FieldType::Map { key, value })
    }

    /// The rest of a field, from its name on.
    fn field(&mut self, label: Option<Label>, field_type: FieldType) -> Result<Field, SchemaError> {
        let name = self.scanner.part()?.to_owned();
        self.scanner.expect('=')?;
        let number = self.scanner.int()?;
        let mut options = option_list(&mut self.scanner)?;
        self.scanner.expect(';')?;
        let mut take = |name: &str| {
            let index = options.iter().position(|option| !option.is_extension && option.name == name)?;
            Some(options.remove(index).value)
        };
        let (default, json_name) = (take("default"), take("json_name"));
        Ok(Field { label, field_type, name, number, options, default, json_name })
    }

    fn oneof(&mut self) -> Result<OneOf, SchemaError> {
        let name = self.scanner.part()?.to_owned();
        let mut oneof = OneOf { name, options: Vec::new(), fields: Vec::new(), groups: Vec::new() };
        self.block(|reader| {
            match reader.scanner.word()? {
                "option" => reader.option_statement(&mut oneof.options)?,
                "group" => oneof.groups.push(reader.group(None)?),
                word => {
                    let field_type = reader.field_type(word)?;
                    oneof.fields.push(reader.field(None, field_type)?);
                }
            }
            Ok(())
        })?;
        Ok(oneof)
    }

    /// The rest of a group, from its name on. Only fields may be in it, as in the registry.
    fn group(&mut self, label: Option<Label>) -> Result<Group, SchemaError> {
        let name = self.scanner.part()?.to_owned();
        self.scanner.expect('=')?;
        let number = self.scanner.int()?;
        let fields = self.fields()?;
        Ok(Group { label, name, number, fields })
    }

    fn extend(&mut self) -> Result<Extend, SchemaError> {
        let extendee = self.scanner.type_name()?;
        let fields = self.fields()?;
        Ok(Extend { extendee, fields })
    }

    fn fields(&mut self) -> Result<Vec<Field>, SchemaError> {
        let mut fields = Vec::new();
        self.block(|reader| {
            let word = reader.scanner.word()?;
            let (label, field_type) = reader.label_and_type(word)?;
            fields.push(reader.field(label, field_type)?);
            Ok(())
        })?;
        Ok(fields)
    }

    fn reserved(&mut self) -> Result<Reserved, SchemaError> {
        let mut items = Vec::new();
        loop {
            items.push(match self.scanner.peek()? {
                Some('"' | '\'') => ReservedItem::Name(self.scanner.string()?),
                _ => ReservedItem::Numbers(self.numbers()?),
            });
            if self.scanner.eat(';')? {
                return Ok(Reserved(items));
            }
            self.scanner.expect(',')?;
        }
    }

    fn extensions(&mut self) -> Result<Extensions, SchemaError> {
        let mut numbers = vec![self.numbers()?];
        while self.scanner.eat(',')? {
            numbers.push(self.numbers()?);
        }
        let options = option_list(&mut self.scanner)?;
        self.scanner.expect(';')?;
        Ok(Extensions { numbers, options })
    }

    fn numbers(&mut self) -> Result<Numbers, SchemaError> {
        let first = self.scanner.int()?;
        if self.scanner.peek()? != Some('t') {
            return Ok(Numbers::One(first));
        }
        match self.scanner.word()? {
            "to" => {}
            other => return self.refuse(&format!("expected to, found {other}")),
        }
        if self.scanner.peek()? != Some('m') {
            return Ok(Numbers::Range(first, self.scanner.int()?));
        }
        match self.scanner.word()? {
            "max" => Ok(Numbers::Range(first, Numbers::MAX)),
            other => self.refuse(&format!("expected max, found {other}")),
        }
    }

    fn enumeration(&mut self) -> Result<Enum, SchemaError> {
        let mut enumeration = Enum { name: self.scanner.part()?.to_owned(), ..Enum::default() };
        self.block(|reader| {
            match reader.scanner.part()? {
                "option" => reader.option_statement(&mut enumeration.options)?,
                "reserved" => enumeration.reserved.push(reader.reserved()?),
                name => enumeration.constants.push(reader.constant(name)?),
            }
            Ok(())
        })?;
        Ok(enumeration)
    }

    fn constant(&mut self, name: &str) -> Result<Constant, SchemaError> {
        self.scanner.expect('=')?;
        let number = self.scanner.int()?;
        let options = option_list(&mut self.scanner)?;
        self.scanner.expect(';')?;
        Ok(Constant { name: name.to_owned(), number, options })
    }

    fn service(&mut self) -> Result<Service, SchemaError> {
        let name = self.scanner.part()?.to_owned();
        let mut service = Service { name, options: Vec::new(), rpcs: Vec::new() };
        self.block(|reader| {
            match reader.scanner.part()? {
                "option" => reader.option_statement(&mut service.options)?,
                "rpc" => service.rpcs.push(reader.rpc()?),
                other => return reader.refuse(&format!("expected rpc or option, found {other}")),
            }
            Ok(())
        })?;
        Ok(service)
    }

    fn rpc(&mut self) -> Result<Rpc, SchemaError> {
        let name = self.scanner.part()?.to_owned();
        let request = self.rpc_type()?;
        match self.scanner.part()? {
            "returns" => {}
            other => return self.refuse(&format!("expected returns, found {other}")),
        }
        let response = self.rpc_type()?;
        let mut options = Vec::new();
        if !self.scanner.eat(';')? {
            self.block(|reader| match reader.scanner.part()? {
                "option" => reader.option_statement(&mut options),
                other => reader.refuse(&format!("expected option, found {other}")),
            })?;
        }
        Ok(Rpc { name, request, response, options })
    }

    fn rpc_type(&mut self) -> Result<RpcType, SchemaError> {
        self.scanner.expect('(')?;
        let word = self.scanner.word()?;
        let is_stream = word == "stream" && self.scanner.peek()? != Some(')');
        let name = if is_stream { self.scanner.type_name() } else { self.scanner.type_name_after(word) }?;
        self.scanner.expect(')')?;
        Ok(RpcType { is_stream, name })
    }
}
