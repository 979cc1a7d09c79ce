//! The blocks of a PEM text: base64 between a BEGIN and an END. Pure.
//!
//! More lenient than RFC 7468 about space: in a properties file the line ends of a PEM text often became spaces.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// One block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// The words after BEGIN: `CERTIFICATE`.
    pub(super) label: &'a str,
    /// The bytes.
    pub(super) der: Vec<u8>,
    /// Whether it has lines before the bytes that say how these are encrypted: the old format of OpenSSL.
    pub(super) has_headers: bool,
}

/// The blocks of a text, in order; what stands between them is left out.
///
/// # Errors
/// With what is wrong, to stand after the name of the file.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let (label, begun) =
            begun.split_once(DASHES).ok_or("a line that begins with -----BEGIN does not end with -----")?;
        let end = format!("-----END {label}-----");
        let (body, after) =
            begun.split_once(&end).ok_or_else(|| format!("there is no {end}: the file is cut off"))?;
        let has_headers = body.contains(':');
        let der = if has_headers { Vec::new() } else { decode(label, body)? };
        found.push(Block { label, der, has_headers });
        rest = after;
    }
    Ok(found)
}

fn decode(label: &str, body: &str) -> Result<Vec<u8>, String> {
    let base64: String = body.split_whitespace().collect();
    BASE64_STANDARD
        .decode(base64)
        .map_err(|_| format!("what stands between BEGIN and END of {label} is no base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<(String, Vec<u8>)> {
        blocks(text).unwrap().into_iter().map(|block| (block.label.to_owned(), block.der)).collect()
    }

    #[test]
    fn blocks_are_found_between_other_text_and_on_one_line() {
        let text = "subject=CN = a\n-----BEGIN CERTIFICATE-----\nAQID\r\nBA==\n-----END CERTIFICATE-----\nBag Attributes\n\
                    -----BEGIN EC PRIVATE KEY----- BQ== -----END EC PRIVATE KEY-----";
        assert_eq!(
            labels(text),
            [("CERTIFICATE".to_owned(), vec![1, 2, 3, 4]), ("EC PRIVATE KEY".to_owned(), vec![5])]
        );
        assert_eq!(labels("nothing"), []);
    }

    #[test]
    fn what_is_cut_off_or_garbled_is_refused() {
        for (text, expected) in [
            ("-----BEGIN CERTIFICATE-----\nAQID", "cut off"),
            ("-----BEGIN CERTIFICATE", "does not end with"),
            ("-----BEGIN CERTIFICATE-----\nA*ID\n-----END CERTIFICATE-----", "no base64"),
        ] {
            let error = blocks(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
