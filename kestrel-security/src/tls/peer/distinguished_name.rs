//! Distinguished names as Java writes them by RFC 2253, since rules and ACLs are written for that: `CN=alice,O=Example`. Pure.

use std::fmt::Write;

use pkcs8::der::asn1::{AnyRef, ObjectIdentifier};
use pkcs8::der::{Decode, Encode, Error, Reader, SliceReader, Tag, Tagged};

use super::certificate::{inside, sequence};

/// The attributes that have a name; the others are written as numbers.
const KEYWORDS: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// The characters that Java writes with a backslash, two more than the RFC asks for.
const ESCAPED: &str = ",=+<>#;\"\\";

/// Writes the name whose parts are in `name`, the last part first.
pub(super) fn distinguished_name(mut name: SliceReader<'_>) -> Result<String, Error> {
    let mut parts = Vec::new();
    while !name.is_finished() {
        parts.push(relative_name(inside(&mut name, Tag::Set)?)?);
    }
    parts.reverse();
    Ok(parts.join(","))
}

/// One part: an attribute, or several with a `+`.
fn relative_name(mut set: SliceReader<'_>) -> Result<String, Error> {
    let mut attributes = Vec::new();
    while !set.is_finished() {
        let mut attribute = sequence(&mut set)?;
        let kind = ObjectIdentifier::decode(&mut attribute)?;
        attributes.push(written(kind, AnyRef::decode(&mut attribute)?)?);
    }
    Ok(attributes.join("+"))
}

fn written(kind: ObjectIdentifier, value: AnyRef<'_>) -> Result<String, Error> {
    let kind = kind.to_string();
    let keyword = KEYWORDS.iter().find(|(number, _)| *number == kind).map(|(_, keyword)| *keyword);
    match (keyword, text(value)) {
        (Some(keyword), Some(text)) => Ok(format!("{keyword}={}", escaped(&text))),
        (keyword, _) => Ok(format!("{}=#{}", keyword.unwrap_or(&kind), hex(&value.to_der()?))),
    }
}

/// The value as text; `None` when it is of no kind of text.
fn text(value: AnyRef<'_>) -> Option<String> {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String => Some(String::from_utf8_lossy(bytes).into_owned()),
        Tag::PrintableString | Tag::TeletexString | Tag::Ia5String | Tag::GeneralString => {
            Some(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        Tag::BmpString => {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)))
                .collect();
            Some(String::from_utf16_lossy(&units))
        }
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    let is_space = |c: char| c == ' ' || c == '\r';
    let first = text.find(|c| !is_space(c)).unwrap_or(text.len());
    let last = text.rfind(|c| !is_space(c)).unwrap_or_default();
    let mut written = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\0' => written.push_str("\\00"),
            c if at < first || at > last || ESCAPED.contains(c) => written.extend(['\\', c]),
            c => written.push(c),
        }
    }
    written
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
