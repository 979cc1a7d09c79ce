//! The text of a form, as a token endpoint reads it.

/// A text as a form has it, like Java's URLEncoder.
pub(super) fn form_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b if b.is_ascii_alphanumeric() || b".-*_".contains(&b) => escaped.push(char::from(b)),
            b => escaped.push_str(&format!("%{b:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped_as_in_java() {
        assert_eq!(
            form_escaped("api://kafka/.default a-b_c*~é"),
            "api%3A%2F%2Fkafka%2F.default+a-b_c*%7E%C3%A9"
        );
    }
}
