//! A schema as the table of changes sees it: a graph of nodes, each of one shape.
//!
//! ```text
//! {"type": "object", "properties": {"id": {"type": "integer"}}}      Object { properties: id -> Number { is_integer } }
//! {"type": ["string", "null"]}                                       Combined { Any, [Text, Null] }
//! {"type": "string", "enum": ["a", "b"]}                             Combined { All, [Enumeration, Text] }
//! {"$ref": "#/definitions/tree"}                                     Reference -> the node of that definition
//! ```

mod build;
mod chain;
mod parts;
mod pattern;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use self::pattern::Pattern;
use super::decimal::Decimal;

/// A schema and all that it is made of.
#[derive(Debug)]
pub(super) struct Model {
    nodes: Vec<Node>,
    chain: usize,
}

/// How deep combinations may be in each other, through references, for their alternatives to be counted.
const MAX_NESTED: u32 = 64;

/// The place of a node in its model. The root is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);
}

impl Model {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// How many schemas there are in it.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// How many schemas are followed at one place of a document at most, each by way of the one before.
    pub(super) const fn chain(&self) -> usize {
        self.chain
    }

    /// What it costs to have its expressions ready.
    pub(super) fn preparation(&self) -> u64 {
        let expressions = self.nodes.iter().map(|node| match &node.shape {
            Shape::Object(object) => object.patterns.len() as u64,
            _ => 0,
        });
        expressions.sum::<u64>() * pattern::COMPILING
    }

    /// How many alternatives there are altogether: for each schema, the ways in which a value can be valid, of which those of rules that
    /// hold together multiply. It is what a proof about the schema has to go through.
    pub(super) fn alternatives(&self) -> u64 {
        let mut known = HashMap::new();
        (0..self.nodes.len())
            .filter_map(|index| u32::try_from(index).ok())
            .map(|index| self.alternatives_of(NodeId(index), MAX_NESTED, &mut known))
            .fold(0, u64::saturating_add)
    }

    fn alternatives_of(&self, id: NodeId, levels: u32, known: &mut HashMap<NodeId, u64>) -> u64 {
        let Some(levels) = levels.checked_sub(1) else { return u64::MAX };
        if let Some(&count) = known.get(&id) {
            return count;
        }
        // Until it is known: a schema that is a part of itself adds nothing.
        known.insert(id, 1);
        let mut inner = |id: &NodeId| self.alternatives_of(*id, levels, known);
        let count = match &self.node(id).shape {
            Shape::Combined(combined) => {
                let branches = combined.branches.iter().map(&mut inner);
                match combined.criterion {
                    Criterion::All => branches.fold(1, u64::saturating_mul),
                    Criterion::Any | Criterion::One => branches.fold(0, u64::saturating_add),
                }
            }
            Shape::Reference(target) => inner(target),
            Shape::Not(negated) => inner(negated),
            _ => 1,
        };
        known.insert(id, count);
        count
    }

    /// The node that a reference leads to in the end, or the node itself. A reference that leads back to itself stays what it is.
    pub(super) fn resolve(&self, id: NodeId) -> NodeId {
        match self.node(id).shape {
            Shape::Reference(end) => end,
            _ => id,
        }
    }
}

/// One schema within a schema.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) has_default: bool,
    /// Says `"connect.type": "bytes"`, as Kafka Connect's converter does of decimals, however it writes them.
    pub(super) is_connect_bytes: bool,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// `true` or `{}`: takes everything.
    Any,
    /// `false`: takes nothing.
    Nothing,
    Text(Text),
    Number(Box<Number>),
    Boolean,
    Null,
    Object(Box<Object>),
    Array(Box<Array>),
    Enumeration(Vec<Value>),
    Constant(Value),
    Not(NodeId),
    Combined(Combined),
    /// `if`, `then`, `else`, which the table does not look into.
    Conditional(Vec<NodeId>),
    /// To the end of the chain of references, or to itself if that has none.
    Reference(NodeId),
}

impl Shape {
    /// What a schema of this shape describes, for sentences.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Nothing => "nothing",
            Self::Text(_) => "a string",
            Self::Number(number) if number.is_integer => "an integer",
            Self::Number(_) => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Object(_) => "an object",
            Self::Array(_) => "an array",
            Self::Enumeration(_) => "one of some values",
            Self::Constant(_) => "one value",
            Self::Not(_) => "what something else is not",
            Self::Combined(combined) => match combined.criterion {
                Criterion::All => "all of some schemas",
                Criterion::Any => "any of some schemas",
                Criterion::One => "one of some schemas",
            },
            Self::Conditional(_) => "a condition",
            Self::Reference(_) => "itself",
        }
    }
}

/// What strings must be like.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) min_length: Option<Decimal>,
    pub(super) max_length: Option<Decimal>,
    pub(super) pattern: Option<String>,
}

/// What numbers must be like.
#[derive(Debug, Default)]
pub(super) struct Number {
    pub(super) is_integer: bool,
    pub(super) minimum: Option<Decimal>,
    pub(super) maximum: Option<Decimal>,
    pub(super) exclusive_minimum: Option<Decimal>,
    pub(super) exclusive_maximum: Option<Decimal>,
    pub(super) multiple_of: Option<Decimal>,
}

/// What objects must be like.
#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) properties: BTreeMap<String, NodeId>,
    pub(super) required: BTreeSet<String>,
    pub(super) patterns: Vec<(Pattern, NodeId)>,
    pub(super) additional: Rest,
    /// `unevaluatedProperties`.
    pub(super) unevaluated: Option<NodeId>,
    pub(super) min_properties: Option<Decimal>,
    pub(super) max_properties: Option<Decimal>,
    /// The names that must be there when another one is.
    pub(super) dependent_names: BTreeMap<String, BTreeSet<String>>,
    /// The schema that holds when a name is there.
    pub(super) dependent_schemas: BTreeMap<String, NodeId>,
}

/// What arrays must be like.
#[derive(Debug, Default)]
pub(super) struct Array {
    /// The schema of every item.
    pub(super) items: Option<NodeId>,
    /// The schemas of the first items, one each.
    pub(super) tuple: Vec<NodeId>,
    pub(super) additional: Rest,
    /// `unevaluatedItems`.
    pub(super) unevaluated: Option<NodeId>,
    pub(super) min_items: Option<Decimal>,
    pub(super) max_items: Option<Decimal>,
    pub(super) is_unique: bool,
    pub(super) min_contains: Option<Decimal>,
    pub(super) max_contains: Option<Decimal>,
}

/// What holds for properties or items that are not named: `additionalProperties`, `additionalItems`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Rest {
    /// Nothing is said, so what `unevaluated...` says holds.
    #[default]
    Open,
    /// `true`.
    Allowed,
    /// `false`.
    Forbidden,
    /// They follow a schema.
    Follow(NodeId),
}

/// Several schemas at once.
#[derive(Debug)]
pub(super) struct Combined {
    pub(super) criterion: Criterion,
    /// Different from each other.
    pub(super) branches: Vec<NodeId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Criterion {
    All,
    Any,
    One,
}

impl Criterion {
    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::All => "allOf",
            Self::Any => "anyOf",
            Self::One => "oneOf",
        }
    }
}
