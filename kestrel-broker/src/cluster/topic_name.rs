//! The rules of topics' names. Pure.

/// The longest name: a partition's folder is the name, a dash and a number, and file systems end at 255 bytes.
const MAX_NAME_BYTES: usize = 249;

/// The log of the metadata itself: not a topic that anyone may create.
pub(crate) const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// Whether `name` can be a topic's name.
///
/// # Errors
/// With a sentence that says what is wrong with it.
pub(crate) fn check_topic_name(name: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let problem = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.len() > MAX_NAME_BYTES {
        format!("the length of '{name}' is longer than the max allowed length {MAX_NAME_BYTES}")
    } else if !name.bytes().all(is_allowed) {
        format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(format!("Topic name is invalid: {problem}"))
}

/// Whether two different names could not be told apart in the names of metrics, where '.' becomes '_'.
pub(crate) fn collide(one: &str, other: &str) -> bool {
    let unified = |byte: u8| if byte == b'.' { b'_' } else { byte };
    one != other && one.len() == other.len() && one.bytes().map(unified).eq(other.bytes().map(unified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_apache_kafka() {
        for name in ["a", "A.b_c-9", "__internal", "...", &"x".repeat(249)] {
            assert_eq!(check_topic_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", "a\0", &"x".repeat(250)] {
            assert!(check_topic_name(name).unwrap_err().starts_with("Topic name is invalid: "), "{name}");
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert!(collide("a.b", "a_b") && collide("a_b.c", "a.b_c"));
        assert!(!collide("a.b", "a.b") && !collide("a.b", "a-b") && !collide("ab", "a.b"));
    }
}
