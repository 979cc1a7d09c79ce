//! Options in a `.proto` text: names of several parts, and values down to messages in text form.

use super::file::{OptionSetting, OptionValue};
use super::scanner::Scanner;
use crate::SchemaError;

/// How deep values of options may lie in each other.
const MAX_DEPTH: usize = 32;

/// How many options a declaration may have, and how many keys a message in text form.
const MAX_OPTIONS: usize = 1_000;

/// Reads `[name = value, ..]` if it comes next; nothing otherwise.
pub(super) fn option_list(scanner: &mut Scanner<'_>) -> Result<Vec<OptionSetting>, SchemaError> {
    let mut options = Vec::new();
    if scanner.eat('[')? {
        loop {
            add_option(scanner, &mut options)?;
            if scanner.eat(']')? {
                break;
            }
            scanner.expect(',')?;
        }
    }
    Ok(options)
}

/// Reads `name = value` and adds it to what was set before.
pub(super) fn add_option(
    scanner: &mut Scanner<'_>,
    options: &mut Vec<OptionSetting>,
) -> Result<(), SchemaError> {
    if options.len() == MAX_OPTIONS {
        return Err(scanner.error("a declaration with too many options"));
    }
    options.push(option(scanner)?);
    Ok(())
}

fn option(scanner: &mut Scanner<'_>) -> Result<OptionSetting, SchemaError> {
    let (name, is_extension) = if scanner.peek()? == Some('(') {
        extension_name(scanner)?
    } else {
        (scanner.word()?.to_owned(), false)
    };
    let mut parts = Vec::new();
    while scanner.eat('.')? {
        if parts.len() == MAX_DEPTH {
            return Err(scanner.error("the name of an option has too many parts"));
        }
        parts.push(match scanner.peek()? {
            Some('(') => extension_name(scanner)?,
            _ => (scanner.part()?.to_owned(), false),
        });
    }
    scanner.expect('=')?;
    let last = value(scanner, MAX_DEPTH)?;
    let value = parts.into_iter().rev().fold(last, |value, (name, is_extension)| {
        OptionValue::Part(Box::new(OptionSetting { name, is_extension, value }))
    });
    Ok(OptionSetting { name, is_extension, value })
}

fn extension_name(scanner: &mut Scanner<'_>) -> Result<(String, bool), SchemaError> {
    scanner.expect('(')?;
    let name = scanner.type_name()?;
    scanner.expect(')')?;
    Ok((name, true))
}

fn value(scanner: &mut Scanner<'_>, depth: usize) -> Result<OptionValue, SchemaError> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(scanner.error("the values of an option lie too deep in each other"));
    };
    Ok(match scanner.peek()? {
        Some('{') => OptionValue::Map(map(scanner, deeper)?),
        Some('[') => OptionValue::List(list(scanner, deeper)?),
        Some('"' | '\'') => OptionValue::String(scanner.string()?),
        Some(c) if c.is_ascii_digit() || c == '-' => OptionValue::Number(scanner.number()?),
        _ => OptionValue::Word(scanner.word()?.to_owned()),
    })
}

fn list(scanner: &mut Scanner<'_>, depth: usize) -> Result<Vec<OptionValue>, SchemaError> {
    let mut values = Vec::new();
    scanner.expect('[')?;
    while !scanner.eat(']')? {
        values.push(value(scanner, depth)?);
        if !scanner.eat(',')? {
            scanner.expect(']')?;
            break;
        }
    }
    Ok(values)
}

/// The text form of a message. A key that comes again makes a list of its values.
fn map(scanner: &mut Scanner<'_>, depth: usize) -> Result<Vec<(String, OptionValue)>, SchemaError> {
    let mut entries: Vec<(String, OptionValue)> = Vec::new();
    scanner.expect('{')?;
    while !scanner.eat('}')? {
        let key = match scanner.peek()? {
            Some('[') => scanner.bracketed()?,
            _ => scanner.part()?.to_owned(),
        };
        if !scanner.eat(':')? && scanner.peek()? != Some('{') {
            return Err(scanner.error(&format!("expected ':' after {key}")));
        }
        let value = value(scanner, depth)?;
        if let Some((_, earlier)) = entries.iter_mut().find(|(known, _)| *known == key) {
            join(earlier, value);
        } else if entries.len() < MAX_OPTIONS {
            entries.push((key, value));
        } else {
            return Err(scanner.error("an option with too many keys"));
        }
        let _ = scanner.eat(',')? || scanner.eat(';')?;
    }
    Ok(entries)
}

fn join(earlier: &mut OptionValue, value: OptionValue) {
    let values = match value {
        OptionValue::List(values) => values,
        value => vec![value],
    };
    if let OptionValue::List(earlier) = earlier {
        earlier.extend(values);
    } else {
        let first = std::mem::replace(earlier, OptionValue::List(Vec::new()));
        *earlier = OptionValue::List(std::iter::once(first).chain(values).collect());
    }
}
