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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    /// The DER of names, and what `X500Principal.getName()` of Java 25 gives for them.
    #[rustfmt::skip]
    const NAMES: &[(&str, &str)] = &[
        ("3065310b3009060355040613024652310c300a06035504081303496446310e300c06035504071305506172697331163014060355040a130d4578616d706c652c20496e632e3110300e060355040b1307436c69656e7473310e300c06035504031305616c696365", "CN=alice,OU=Clients,O=Example\\, Inc.,L=Paris,ST=IdF,C=FR"),
        ("302c310c300a06035504031303626f62311c301a06092a864886f70d010901160d61406578616d706c652e636f6d", "1.2.840.113549.1.9.1=#160d61406578616d706c652e636f6d,CN=bob"),
        ("304b31133011060a0992268993f22c6401191603636f6d31173015060a0992268993f22c64011916076578616d706c65311b30080603550403130161300f060a0992268993f22c640101130162", "CN=a+UID=b,DC=example,DC=com"),
        ("3029310a30080603550403130178310f300d0603550409130631204d61696e310a30080603550405130137", "2.5.4.5=#130137,STREET=1 Main,CN=x"),
        ("301b3119301706035504031310206c65616420616e6420747261696c20", "CN=\\ lead and trail\\ "),
        ("301d311b3008060355040b130178300f06035504030c0823686173683d6571", "OU=x+CN=\\#hash\\=eq"),
        ("30193117301506035504030c0e71756f746564205c203c613e3b62", "CN=quoted \\\\ \\<a\\>\\;b"),
        ("30133111300f06035504030c085a6fc3ab20e4b8ad", "CN=Zoë 中"),
        ("3031310a3008060355040313016e310a30080603550404130153310a3008060355042a130147310b3009060355040c13024472", "2.5.4.12=#13024472,2.5.4.42=#130147,2.5.4.4=#130153,CN=n"),
        ("3000", ""),
        ("300f310d300b06035504031e0400e90041", "CN=éA"),
        ("300d310b300906035504031402e941", "CN=éA"),
        ("300e310c300a06035504031603696135", "CN=ia5"),
        ("3010310e300c06035504030c056100620a63", "CN=a\\00b\nc"),
        ("300d310b3009060355040304020102", "CN=#04020102"),
        ("300d310b300906035504030c022020", "CN=\\ \\ "),
        ("300e310c300a06035504030c030d610d", "CN=\\\ra\\\r"),
        ("300f310d300b0603550403130423613d62", "CN=\\#a\\=b"),
        ("300e310c300a06035504031203313233", "CN=#1203313233"),
    ];

    #[test]
    fn names_are_written_as_java_does() {
        for (der, expected) in NAMES {
            let der = bytes(der);
            let name = sequence(&mut SliceReader::new(&der).unwrap()).unwrap();
            assert_eq!(distinguished_name(name).as_deref(), Ok(*expected));
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused_and_no_more() {
        for (der, _) in NAMES {
            let der = bytes(der);
            for length in 0..der.len() {
                let cut = SliceReader::new(&der[..length]).and_then(|mut reader| sequence(&mut reader));
                assert!(cut.is_err(), "{length}");
            }
        }
    }
}
