//! The reference of a table, as Markdown: what the documentation has is made of the tables, and a test compares both.

use std::fmt::Write;

use crate::key::{Key, Scope};

/// A Markdown table of keys: name, type, default, range, and meaning.
///
/// ```
/// use kestrel_settings::{Key, reference};
///
/// let key = Key { name: "client.id", default: Some("kestrel"), doc: "The name of the client.", ..Key::EMPTY };
/// assert!(reference([key]).ends_with("| `client.id` | string | `kestrel` | | The name of the client. |\n"));
/// ```
#[must_use]
pub fn reference(keys: impl IntoIterator<Item = Key>) -> String {
    let mut text = "| key | type | default | values | meaning |\n|---|---|---|---|---|\n".to_owned();
    for key in keys {
        let aliases: String = key.aliases.iter().map(|alias| format!(", `{alias}`")).collect();
        let default = match key.default {
            Some("") => String::new(),
            Some(default) => format!("`{default}`"),
            None => "none".to_owned(),
        };
        let value_type = format!("{:?}", key.value_type).to_lowercase();
        let dynamic = if key.scope == Scope::Dynamic { " Changes while the broker runs." } else { "" };
        let (range, doc) = (key.allowed.range().replace('|', "\\|"), key.summary().replace('|', "\\|"));
        let cells =
            [&format!("`{}`{aliases}", key.name), &value_type, &default, &range, &format!("{doc}{dynamic}")];
        for cell in cells {
            let gap = if cell.is_empty() { "" } else { " " };
            let _infallible = write!(text, "|{gap}{cell} ");
        }
        text.push_str("|\n");
    }
    text
}
