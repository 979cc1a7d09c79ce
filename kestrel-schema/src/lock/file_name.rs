//! The files of a lock: a folder for each subject, and in it a file for each version, `orders-value/2.avsc`.
//!
//! The ending says the language, so that editors and other tools know it.

use crate::SchemaType;

const ENDINGS: [(SchemaType, &str); 3] =
    [(SchemaType::Avro, "avsc"), (SchemaType::Protobuf, "proto"), (SchemaType::Json, "json")];

/// The name of the folder of a subject: the subject, with `%` and two digits for what folders cannot be named by.
///
/// ```
/// use kestrel_schema::lock::folder_of_subject;
///
/// assert_eq!(folder_of_subject("orders-value"), "orders-value");
/// assert_eq!(folder_of_subject(":.eu:a/b"), "%3A.eu%3Aa%2Fb");
/// assert_eq!(folder_of_subject(".."), "%2E.");
/// ```
#[must_use]
pub fn folder_of_subject(subject: &str) -> String {
    let mut name = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        let is_plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !name.is_empty());
        if is_plain { name.push(char::from(byte)) } else { name += &format!("%{byte:02X}") }
    }
    name
}

/// The name of the file of a version.
///
/// ```
/// use kestrel_schema::SchemaType;
/// use kestrel_schema::lock::file_of_version;
///
/// assert_eq!(file_of_version(3, SchemaType::Protobuf), "3.proto");
/// ```
#[must_use]
pub fn file_of_version(version: i32, schema_type: SchemaType) -> String {
    let ending = ENDINGS.iter().find(|(known, _)| *known == schema_type).map_or("", |(_, ending)| ending);
    format!("{version}.{ending}")
}

/// The version and language that a file's name says; none of a file that is no version.
///
/// ```
/// use kestrel_schema::SchemaType;
/// use kestrel_schema::lock::version_of_file;
///
/// assert_eq!(version_of_file("12.avsc"), Some((12, SchemaType::Avro)));
/// assert_eq!(version_of_file("README.md"), None);
/// ```
#[must_use]
pub fn version_of_file(name: &str) -> Option<(i32, SchemaType)> {
    let (version, ending) = name.split_once('.')?;
    let version = version.parse().ok().filter(|version| *version > 0)?;
    ENDINGS.iter().find(|(_, known)| *known == ending).map(|(schema_type, _)| (version, *schema_type))
}
