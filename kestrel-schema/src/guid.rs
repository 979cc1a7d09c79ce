//! What makes two schemas the same, on whichever registry.

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};

use crate::{Metadata, Reference, RuleSet, SchemaError};

/// The identity of a schema: an MD5 digest over its canonical text and what belongs to it, the same on every registry.
///
/// Shown as a UUID.
///
/// ```
/// use kestrel_schema::Guid;
///
/// let guid = Guid::of(r#""string""#, &[], None, None);
/// assert_eq!(guid.to_string(), "095d71cf-1255-6b9d-5e33-0ad575b3df5d");
/// assert_eq!("095d71cf-1255-6b9d-5e33-0ad575b3df5d".parse::<Guid>()?, guid);
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid([u8; 16]);

impl Guid {
    /// The identity of a schema with this canonical text, and what belongs to it.
    #[must_use]
    pub fn of(
        text: &str,
        references: &[Reference],
        metadata: Option<&Metadata>,
        rule_set: Option<&RuleSet>,
    ) -> Self {
        let mut digest = Md5::new();
        let mut feed = |bytes: &[u8]| digest.update(bytes);
        feed(text.as_bytes());
        for Reference { name, subject, version } in references {
            feed(name.as_bytes());
            feed(subject.as_bytes());
            feed(&version.to_be_bytes());
        }
        // A byte before each of them tells what is empty from what is not there.
        if let Some(metadata) = metadata {
            feed(&[1]);
            metadata.digest(&mut feed);
        }
        if let Some(rule_set) = rule_set {
            feed(&[1]);
            rule_set.digest(&mut feed);
        }
        Self(digest.finalize().into())
    }

    /// The identity with these bytes, as records carry them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, as records carry them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if [4, 6, 8, 10].contains(&index) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As it is shown: 32 hexadecimal digits, with hyphens anywhere between them.
impl FromStr for Guid {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        let wrong = || SchemaError::new(format!("{text:?} is no GUID: expected 32 hexadecimal digits"));
        if digits.len() != 32 {
            return Err(wrong());
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'));
            *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_as_it_is_shown() {
        let guid = Guid::from_bytes([0x89, 0x79, 0x1f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xfd]);
        let shown = guid.to_string();
        assert_eq!(shown, "89791f01-0203-0405-0607-08090a0b0cfd");
        assert_eq!(shown.parse(), Ok(guid));
        assert_eq!(shown.replace('-', "").to_uppercase().parse(), Ok(guid));
        for wrong in
            ["", "89791f01", "89791f01-0203-0405-0607-08090a0b0cfg", "+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1"]
        {
            assert!(wrong.parse::<Guid>().is_err(), "{wrong}");
        }
    }

    /// The digests were made by hand: of the text, then names, subjects and four bytes of versions, and a byte before each part.
    #[test]
    fn everything_that_belongs_to_a_schema_counts() {
        let text = r#""string""#;
        let references = [Reference { name: "a.B".into(), subject: "b".into(), version: 3 }];
        let metadata =
            r#"{"tags": {"a": ["y", "x"]}, "properties": {"owner": "fleet"}, "sensitive": ["owner"]}"#;
        let metadata: Metadata = serde_json::from_str(metadata).unwrap();
        let rule = r#"{"name": "age", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "message.age > 0"}"#;
        let rules: RuleSet = serde_json::from_str(&format!(r#"{{"domainRules": [{rule}]}}"#)).unwrap();
        for (guid, expected) in [
            (Guid::of(text, &[], None, None), "095d71cf-1255-6b9d-5e33-0ad575b3df5d"),
            (Guid::of(text, &references, None, None), "1765432a-5612-9619-ee69-7d71da339512"),
            (Guid::of(text, &references, Some(&metadata), None), "1d803e9f-0be8-9b6b-3a95-b79ac434a124"),
            (
                Guid::of(text, &references, Some(&metadata), Some(&rules)),
                "9159b71d-f4e7-5f6e-e7bd-4dcb22fc1df0",
            ),
            (Guid::of(text, &[], Some(&Metadata::default()), None), "cecc02e2-232b-87f1-1b0c-aa0e70dbb74d"),
        ] {
            assert_eq!(guid.to_string(), expected);
        }
    }
}
