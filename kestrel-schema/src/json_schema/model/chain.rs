//! How many schemas are followed at one place of a document, each by way of the one before: who checks a document uses the stack for
//! each.

use super::{Node, NodeId, Shape};

/// The length of the longest such chain. Where one comes back to itself, all schemas might be in it.
pub(super) fn longest(nodes: &[Node]) -> usize {
    let mut walk = Walk { nodes, lengths: vec![Length::Unknown; nodes.len()], comes_back: false };
    for start in 0..nodes.len() {
        walk.from(start);
    }
    if walk.comes_back {
        return nodes.len();
    }
    let known = walk.lengths.into_iter().map(|length| match length {
        Length::Known(length) => length,
        Length::Unknown | Length::Open => 0,
    });
    known.max().unwrap_or_default()
}

#[derive(Debug, Clone, Copy)]
enum Length {
    Unknown,
    /// Of a schema that the walk is within.
    Open,
    Known(usize),
}

struct Walk<'n> {
    nodes: &'n [Node],
    lengths: Vec<Length>,
    comes_back: bool,
}

impl Walk<'_> {
    /// Goes through all that is within a schema, without recursion: a chain may be as long as a text.
    fn from(&mut self, start: usize) {
        let mut stack = vec![start];
        while let Some(&at) = stack.last() {
            match self.lengths[at] {
                Length::Known(_) => drop(stack.pop()),
                Length::Unknown => {
                    self.lengths[at] = Length::Open;
                    stack.extend(self.unknown_parts(at));
                }
                Length::Open => {
                    self.lengths[at] = Length::Known(1 + self.longest_part(at));
                    stack.pop();
                }
            }
        }
    }

    fn unknown_parts(&mut self, at: usize) -> Vec<usize> {
        let mut unknown = Vec::new();
        for part in parts(&self.nodes[at].shape) {
            match self.lengths[part] {
                Length::Unknown => unknown.push(part),
                Length::Open => self.comes_back = true,
                Length::Known(_) => {}
            }
        }
        unknown
    }

    fn longest_part(&self, at: usize) -> usize {
        let lengths = parts(&self.nodes[at].shape).into_iter().map(|part| match self.lengths[part] {
            Length::Known(length) => length,
            Length::Unknown | Length::Open => 0,
        });
        lengths.max().unwrap_or_default()
    }
}

/// The schemas that hold, or are tried, at the same place.
fn parts(shape: &Shape) -> Vec<usize> {
    let index = |id: &NodeId| id.0 as usize;
    match shape {
        Shape::Combined(combined) => combined.branches.iter().map(index).collect(),
        Shape::Object(object) => object.dependent_schemas.values().map(index).collect(),
        Shape::Conditional(parts) => parts.iter().map(index).collect(),
        Shape::Reference(id) | Shape::Not(id) => vec![index(id)],
        _ => Vec::new(),
    }
}
