//! The field that was meant by one that is missing. Pure; for the first record that is undecided, not for each.

use super::path::{root, step_into};
use crate::expression::{Expression, Node, Path, Root, Step};
use crate::record::Record;
use crate::span::Span;
use crate::value::Value;

/// How many fields of an object are considered, and how many bytes of a name.
const MOST_FIELDS: usize = 1_000;
const LONGEST_NAME: usize = 100;

/// The name that the field at `span` would have if it were there, as the record spells it.
pub(crate) fn nearest(node: &Node, span: Span, record: &dyn Record) -> Option<String> {
    let Path { root: Root::Part(part), steps } = path_at(node, span)? else { return None };
    let mut value = root(*part, record).ok()?;
    for step in steps {
        let inside = step_into(&value, step).ok()?;
        if let (Value::Missing, Value::Object(object), Step::Field(name)) = (&inside, &value, step) {
            let is_short = |name: &&str| name.len() <= LONGEST_NAME;
            let names = object.keys().map(String::as_str).take(MOST_FIELDS).filter(is_short);
            let wanted = Some(&**name).filter(is_short)?;
            return kestrel_settings::closest(wanted, names).map(str::to_owned);
        }
        value = inside;
    }
    None
}

fn path_at(node: &Node, span: Span) -> Option<&Path> {
    match &node.expression {
        Expression::Path(path) if node.span == span => Some(path),
        expression => expression.children().into_iter().find_map(|child| path_at(child, span)),
    }
}
