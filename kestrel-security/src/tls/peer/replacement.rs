//! What a rule puts in place of a name: text with `$1` for groups, as Java's `Matcher` reads it. Pure.

use regex_lite::{Captures, Regex};

/// A replacement, read.
#[derive(Debug, Clone)]
pub(super) struct Replacement(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Character(char),
    Group(usize),
}

impl Replacement {
    /// Reads a replacement for what `regex` matches.
    ///
    /// `$1` is the first group and `$0` the whole; a number beyond the groups is no reference but text, as in Kafka, where there is any group.
    ///
    /// # Errors
    /// At what Java would refuse when it replaces.
    pub(super) fn read(text: &str, regex: &Regex) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => {
                    pieces
                        .push(Piece::Character(rest.next().ok_or("its replacement ends with a backslash")?));
                }
                '$' => {
                    let (group, after) = reference(rest.as_str(), regex)?;
                    pieces.push(group);
                    rest = after.chars();
                }
                c => pieces.push(Piece::Character(c)),
            }
        }
        Ok(Self(pieces))
    }

    /// Replaces every match in `text`, as Java's `replaceAll` does: an empty match right behind another one counts too.
    pub(super) fn replace_all(&self, regex: &Regex, text: &str) -> String {
        let (mut replaced, mut copied, mut from) = (String::new(), 0, 0);
        while let Some(captures) = text.get(from..).and_then(|_| regex.captures_at(text, from)) {
            let Some(whole) = captures.get(0) else { break };
            replaced.push_str(text.get(copied..whole.start()).unwrap_or_default());
            self.expand(&captures, &mut replaced);
            copied = whole.end();
            from = if whole.is_empty() { next_character(text, whole.end()) } else { whole.end() };
        }
        replaced.push_str(text.get(copied..).unwrap_or_default());
        replaced
    }

    fn expand(&self, captures: &Captures<'_>, target: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Character(c) => target.push(*c),
                Piece::Group(number) => {
                    target.push_str(captures.get(*number).map_or("", |group| group.as_str()));
                }
            }
        }
    }
}

/// Where the character behind `at` begins, or beyond the end.
fn next_character(text: &str, at: usize) -> usize {
    at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

/// Reads what follows a `$`: a number or a name in braces; gives also what follows that.
fn reference<'a>(text: &'a str, regex: &Regex) -> Result<(Piece, &'a str), String> {
    let groups = regex.captures_len().saturating_sub(1);
    if let Some(named) = text.strip_prefix('{') {
        let (name, after) = named.split_once('}').ok_or("its replacement has a ${ without a }")?;
        let number = regex.capture_names().position(|found| found == Some(name));
        let number = number.ok_or_else(|| {
            format!("its replacement names a group {name}, which its pattern does not have")
        })?;
        return Ok((Piece::Group(number), after));
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 {
        return Err("its replacement has a $ without a number: for the character itself say \\$".to_owned());
    }
    // As many digits as there are groups for: with one group, $12 is the first group and a 2.
    for length in (1..=digits).rev() {
        let Some((number, after)) = text.split_at_checked(length) else { continue };
        if let Some(number) = number.parse().ok().filter(|number| *number <= groups) {
            return Ok((Piece::Group(number), after));
        }
    }
    if groups == 0 {
        return Err(format!(
            "its replacement refers to ${text}, and its pattern has no group in parentheses"
        ));
    }
    Ok((Piece::Character('$'), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, replacement: &str, text: &str) -> Result<String, String> {
        let regex = Regex::new(pattern).unwrap();
        Ok(Replacement::read(replacement, &regex)?.replace_all(&regex, text))
    }

    /// What Java's `String.replaceAll` gives.
    #[test]
    fn matches_are_replaced_as_java_does() {
        for (pattern, replacement, text, expected) in [
            ("CN=(.*?),.*", "$1", "CN=a,O=b", "a"),
            ("(.*)", "$1x", "abc", "abcxx"),
            ("CN=(.*?)", "<$1>", "CN=abc", "<>abc"),
            ("b*", "-", "abc", "-a--c-"),
            ("(a)(b)?", "$2$1", "a", "a"),
            ("(a)", "$12", "a", "a2"),
            ("(a)", "$2", "a", "$2"),
            ("(?<n>a)b", "${n}\\$1\\\\", "ab", "a$1\\"),
            ("é*", ".", "éa", "..a."),
        ] {
            assert_eq!(
                replaced(pattern, replacement, text).as_deref(),
                Ok(expected),
                "{pattern} {replacement} {text}"
            );
        }
    }

    #[test]
    fn what_java_would_refuse_later_is_refused_at_once() {
        for (pattern, replacement) in
            [("a", "$1"), ("(a)", "$"), ("(a)", "a\\"), ("(a)", "${b}"), ("(a)", "${b")]
        {
            assert!(replaced(pattern, replacement, "a").is_err(), "{replacement}");
        }
    }
}
