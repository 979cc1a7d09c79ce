//! Answers without what has to differ from broker to broker: addresses, ids, times, the words of error messages, and the
//! order in lists.

use std::fmt::Debug;

/// Fields that are not compared: words for people.
const WORDS: [&str; 3] = ["error_message", "batch_index_error_message", "documentation"];
/// Fields whose value is shown only when it is none. Whether there is one is compared.
const VOLATILE: [&str; 14] = [
    "host",
    "port",
    "cluster_id",
    "topic_id",
    "timestamp",
    "log_append_time_ms",
    "transaction_start_time_ms",
    "throttle_time_ms",
    "producer_id",
    "session_id",
    "finalized_features_epoch",
    // What is served differs, and is what each says of itself.
    "api_keys",
    "supported_features",
    "finalized_features",
];
/// Values that stand for none.
const NONE: [&str; 8] =
    ["-1", "0", "None", "\"\"", "[]", "NodeId(-1)", "ProducerId(-1)", "Uuid(AAAAAAAAAAAAAAAAAAAAAA)"];

/// A value as lines that are the same for two that mean the same.
pub(crate) fn normal(value: &impl Debug) -> String {
    let text = format!("{value:#?}");
    let mut lines = text.lines().map(str::trim).peekable();
    let mut out = String::new();
    if let Some(node) = Node::read(&mut lines) {
        node.write(0, &mut out);
    }
    out
}

/// A line of the pretty `Debug` form, and what is between it and its closing bracket.
struct Node {
    line: String,
    children: Vec<Self>,
    close: Option<String>,
}

impl Node {
    fn read<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let line = lines.next()?;
        if !line.ends_with(['{', '[', '(']) {
            return Some(Self { line: quiet(line), children: Vec::new(), close: None });
        }
        let mut children = Vec::new();
        let mut close = None;
        while let Some(child) = Self::read(lines) {
            if child.children.is_empty() && child.close.is_none() && child.line.starts_with(['}', ']', ')']) {
                close = Some(child.line);
                break;
            }
            children.push(child);
        }
        let name = line.split(':').next().unwrap_or_default();
        if WORDS.contains(&name) {
            return Some(Self { line: format!("{name}: ..."), children: Vec::new(), close: None });
        }
        if VOLATILE.contains(&name) {
            return Some(Self { line: format!("{name}: something,"), children: Vec::new(), close: None });
        }
        if line.ends_with('[') {
            children.sort_by_cached_key(Self::text);
        }
        // Identities and errors are short enough for a line.
        if let [only] = &children[..]
            && line.ends_with('(')
            && only.children.is_empty()
        {
            let joined = format!("{line}{}{}", only.line.trim_end_matches(','), close.unwrap_or_default());
            return Some(Self { line: quiet(&joined), children: Vec::new(), close: None });
        }
        Some(Self { line: line.to_owned(), children, close })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text
    }

    fn write(&self, depth: usize, out: &mut String) {
        out.push_str(&format!("{:1$}{2}\n", "", 2 * depth, self.line));
        self.children.iter().for_each(|child| child.write(depth + 1, out));
        if let Some(close) = &self.close {
            out.push_str(&format!("{:1$}{close}\n", "", 2 * depth));
        }
    }
}

/// A field without a value that has to differ.
fn quiet(line: &str) -> String {
    let Some((name, value)) = line.split_once(": ") else { return line.to_owned() };
    let value = value.trim_end_matches(',');
    if WORDS.contains(&name) {
        return format!("{name}: ...");
    }
    if VOLATILE.contains(&name) && !NONE.contains(&value) {
        format!("{name}: something,")
    } else {
        line.to_owned()
    }
}
