//! Builds the model of a schema from its documents.
//!
//! Recursion is as deep as a document, which `serde_json` bounds; what a `$ref` leads to waits in a queue, so that a chain of a thousand
//! references is no deep recursion.

use std::collections::{HashMap, HashSet};

use jsonschema::Draft;
use referencing::Resolver;
use serde_json::{Map, Value};

use super::{Combined, Criterion, Model, Node, NodeId, Shape, chain};
use crate::SchemaError;
use crate::json_schema::documents::{BASE, Documents, causes};
use crate::json_schema::place::Place;

impl Model {
    pub(crate) fn of(documents: &Documents) -> Result<Self, SchemaError> {
        let base = jsonschema::uri::from_str(BASE).map_err(|error| SchemaError::new(causes(&error)))?;
        let scope = Scope { resolver: documents.registry.resolver(base), draft: documents.draft };
        // The registry has its own copy, to which references lead.
        let root = scope.resolver.lookup("").map_err(|error| SchemaError::new(causes(&error)))?;
        let (root, resolver, draft) = root.into_inner();
        let mut builder = Builder::default();
        builder.node(root, &Scope { resolver, draft }, &Place::start("#"))?;
        while let Some(waiting) = builder.waiting.pop() {
            let shape = builder.shape(waiting.value, &waiting.scope, &Place::start(waiting.place))?;
            builder.fill(waiting.id, waiting.value, shape);
        }
        let chain = chain::longest(&builder.nodes);
        shorten_references(&mut builder.nodes);
        Ok(Self { nodes: builder.nodes, chain })
    }
}

/// Where a schema stands: what its references are relative to, and of which draft its document is.
#[derive(Clone)]
pub(super) struct Scope<'r> {
    resolver: Resolver<'r>,
    pub(super) draft: Draft,
}

impl Scope<'_> {
    /// Whether this is 2019-09 or newer.
    pub(super) fn is_modern(&self) -> bool {
        matches!(self.draft, Draft::Draft201909 | Draft::Draft202012)
    }
}

/// A schema on its way into a model.
#[derive(Clone, Copy)]
pub(super) struct At<'a, 'r> {
    pub(super) schema: &'r Map<String, Value>,
    pub(super) scope: &'a Scope<'r>,
    pub(super) place: &'a Place<'a>,
}

#[derive(Default)]
pub(super) struct Builder<'r> {
    nodes: Vec<Node>,
    /// The nodes of schemas that were come upon, by where these are in memory.
    known: HashMap<*const Value, NodeId>,
    waiting: Vec<Waiting<'r>>,
}

/// A schema that a reference leads to, to be built.
struct Waiting<'r> {
    id: NodeId,
    value: &'r Value,
    scope: Scope<'r>,
    place: &'r str,
}

impl<'r> Builder<'r> {
    /// The node of a schema, built if it is new.
    pub(super) fn node(
        &mut self,
        value: &'r Value,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<NodeId, SchemaError> {
        if let Some(&id) = self.known.get(&std::ptr::from_ref(value)) {
            // A reference has led here before: then it is built, or waits.
            return Ok(id);
        }
        let id = self.reserve(value);
        let shape = match scope.resolver.in_subresource(scope.draft.create_resource_ref(value)) {
            Ok(resolver) => self.shape(value, &Scope { resolver, draft: scope.draft }, place)?,
            Err(error) => return Err(SchemaError::new(format!("{place}: {}", causes(&error)))),
        };
        self.fill(id, value, shape);
        Ok(id)
    }

    fn reserve(&mut self, value: &'r Value) -> NodeId {
        let id = self.push(Shape::Any);
        self.known.insert(value, id);
        id
    }

    /// A node that is no schema of its own.
    fn push(&mut self, shape: Shape) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("a text has fewer characters than that"));
        self.nodes.push(Node { shape, has_default: false, is_connect_bytes: false });
        id
    }

    fn fill(&mut self, id: NodeId, value: &Value, shape: Shape) {
        self.nodes[id.0 as usize] = Node {
            // Registries do not see a default beside a reference, and take null for one.
            has_default: !matches!(shape, Shape::Reference(_)) && value.get("default").is_some(),
            is_connect_bytes: value.get("connect.type").and_then(Value::as_str) == Some("bytes"),
            shape,
        };
    }

    fn shape(
        &mut self,
        value: &'r Value,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<Shape, SchemaError> {
        match value {
            Value::Bool(false) => Ok(Shape::Nothing),
            Value::Object(schema) => self.shape_of(At { schema, scope, place }),
            _ => Ok(Shape::Any),
        }
    }

    /// What stands beside each other must hold together.
    fn shape_of(&mut self, at: At<'_, 'r>) -> Result<Shape, SchemaError> {
        let mut parts = Vec::new();
        let keywords: &[&str] =
            if at.scope.is_modern() { &["$ref", "$dynamicRef", "$recursiveRef"] } else { &["$ref"] };
        for &keyword in keywords {
            if let Some(name) = at.schema.get(keyword).and_then(Value::as_str) {
                parts.push(self.reference(name, at.scope, &at.place.at(keyword))?);
            }
        }
        // Up to draft 7 nothing counts that stands beside a reference.
        if !at.scope.is_modern() && !parts.is_empty() {
            return Ok(parts.swap_remove(0));
        }
        self.parts(at, &mut parts)?;
        Ok(match parts.len() {
            0 => Shape::Any,
            1 => parts.swap_remove(0),
            _ => {
                let branches = parts.into_iter().map(|part| self.push(part)).collect();
                Shape::Combined(Combined { criterion: Criterion::All, branches })
            }
        })
    }

    fn reference(
        &mut self,
        name: &'r str,
        scope: &Scope<'r>,
        place: &Place<'_>,
    ) -> Result<Shape, SchemaError> {
        let resolved = scope.resolver.lookup(name).map_err(|error| {
            SchemaError::new(format!("{place}: {name} cannot be followed: {}", causes(&error)))
        })?;
        let (value, resolver, draft) = resolved.into_inner();
        let id = match self.known.get(&std::ptr::from_ref(value)) {
            Some(&id) => id,
            None => {
                let id = self.reserve(value);
                self.waiting.push(Waiting { id, value, scope: Scope { resolver, draft }, place: name });
                id
            }
        };
        Ok(Shape::Reference(id))
    }

    /// The schema under a keyword, if there is one.
    pub(super) fn child(&mut self, at: At<'_, 'r>, keyword: &str) -> Result<Option<NodeId>, SchemaError> {
        let Some(value) = at.schema.get(keyword) else { return Ok(None) };
        self.node(value, at.scope, &at.place.at(keyword)).map(Some)
    }

    /// The schemas under a keyword by their names.
    pub(super) fn children(
        &mut self,
        at: At<'_, 'r>,
        keyword: &str,
    ) -> Result<Vec<(&'r String, NodeId)>, SchemaError> {
        let members = at.schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
        let place = at.place.at(keyword);
        // In `dependencies` an array of names may stand in place of a schema.
        members
            .filter(|(_, value)| !value.is_array())
            .map(|(name, value)| Ok((name, self.node(value, at.scope, &place.named(name))?)))
            .collect()
    }

    /// The schemas in the array under a keyword.
    pub(super) fn list(&mut self, at: At<'_, 'r>, keyword: &str) -> Result<Vec<NodeId>, SchemaError> {
        let items = at.schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate();
        let place = at.place.at(keyword);
        items.map(|(index, value)| self.node(value, at.scope, &place.item(index))).collect()
    }

    /// The branches of a combination, each once.
    pub(super) fn combined(&mut self, at: At<'_, 'r>, criterion: Criterion) -> Result<Shape, SchemaError> {
        let keyword = criterion.keyword();
        let place = at.place.at(keyword);
        let mut seen = HashSet::new();
        let values = at.schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate();
        let branches = values
            .filter(|(_, value)| seen.insert(*value))
            .map(|(index, value)| self.node(value, at.scope, &place.item(index)))
            .collect::<Result<_, _>>()?;
        Ok(Shape::Combined(Combined { criterion, branches }))
    }

    /// One of several types, each of its own shape.
    pub(super) fn any_of(&mut self, shapes: Vec<Shape>) -> Shape {
        let branches = shapes.into_iter().map(|shape| self.push(shape)).collect();
        Shape::Combined(Combined { criterion: Criterion::Any, branches })
    }
}

/// Lets each reference lead to where it ends: a chain of thousands would be followed for each pair that is compared. What leads to no
/// end leads to itself.
fn shorten_references(nodes: &mut [Node]) {
    let mut is_met = vec![false; nodes.len()];
    for start in 0..nodes.len() {
        let mut chain = Vec::new();
        let mut at = start;
        let end = loop {
            let Shape::Reference(target) = nodes[at].shape else { break Some(at) };
            if is_met[at] {
                // It is short already, or this chain has come back to it.
                break (!chain.contains(&at)).then_some(target.0 as usize).filter(|&target| target != at);
            }
            is_met[at] = true;
            chain.push(at);
            at = target.0 as usize;
        };
        for link in chain {
            let end = u32::try_from(end.unwrap_or(link)).expect("there are no more nodes than that");
            nodes[link].shape = Shape::Reference(NodeId(end));
        }
    }
}
