//! Objects: their properties, and what may be there beside them.

use super::limits::{self, Limit};
use super::others::{self, Others};
use super::{Comparison, NodeId};
use crate::BudgetExceeded;
use crate::json_schema::documents::escaped;
use crate::json_schema::model::{Object, Rest, Shape};

const ADDITIONAL: Others = Others {
    keyword: "additionalProperties",
    removed: "ADDITIONAL_PROPERTIES_REMOVED",
    narrowed: "ADDITIONAL_PROPERTIES_NARROWED",
    words: "additional properties",
};
const UNEVALUATED: Others = Others {
    keyword: "unevaluatedProperties",
    removed: "UNEVALUATED_PROPERTIES_REMOVED",
    narrowed: "UNEVALUATED_PROPERTIES_NARROWED",
    words: "unevaluated properties",
};

pub(super) fn compare(c: &mut Comparison<'_>, old: &Object, new: &Object) -> Result<(), BudgetExceeded> {
    compare_required(c, old, new);
    for (name, &property) in &old.properties {
        match new.properties.get(name) {
            Some(&now) => {
                c.compare(property, now, || place(name))?;
            }
            None => removed(c, new, name, property)?,
        }
    }
    for (name, &property) in &new.properties {
        if !old.properties.contains_key(name) {
            added(c, (old, new), name, property)?;
        }
    }
    compare_dependencies(c, old, new)?;
    others::compare_additional(c, &ADDITIONAL, old.additional, new.additional)?;
    others::compare_unevaluated(c, &UNEVALUATED, old.unevaluated, new.unevaluated)?;
    compare_sizes(c, old, new);
    Ok(())
}

fn place(name: &str) -> String {
    format!("properties/{}", escaped(name))
}

fn compare_required(c: &mut Comparison<'_>, old: &Object, new: &Object) {
    for name in
        new.required.iter().filter(|&name| !old.required.contains(name) && old.properties.contains_key(name))
    {
        let Some(&property) = new.properties.get(name) else { continue };
        if !c.read(property).has_default {
            let place = format!("required/{}", escaped(name));
            c.breaks(
                "REQUIRED_ATTRIBUTE_ADDED",
                place,
                format!("the property {name} is now required, without a default"),
            );
        }
    }
}

/// What an object may hold under a name that its schema does not name.
enum Content {
    /// Anything.
    Open,
    /// What follows this schema: the object is partially open.
    Follows(NodeId),
    /// Nothing.
    Closed,
}

/// The content model of an object, for one name. Where patterns are, what matches none of them counts as closed.
fn content(
    c: &mut Comparison<'_>,
    object: &Object,
    name: &str,
    unevaluated: Option<&Shape>,
) -> Result<Content, BudgetExceeded> {
    for (pattern, id) in &object.patterns {
        if pattern.is_in(name, c.budget())? {
            return Ok(Content::Follows(*id));
        }
    }
    Ok(match (object.additional, unevaluated, object.unevaluated) {
        (Rest::Forbidden, ..) => Content::Closed,
        (Rest::Follow(id), ..) => Content::Follows(id),
        (Rest::Open, Some(Shape::Nothing), _) => Content::Closed,
        (Rest::Open, Some(shape), Some(id)) if !matches!(shape, Shape::Any) => Content::Follows(id),
        _ if object.patterns.is_empty() => Content::Open,
        _ => Content::Closed,
    })
}

/// The new schema does not name the property: what did an old document's become?
fn removed(c: &mut Comparison<'_>, new: &Object, name: &str, property: NodeId) -> Result<(), BudgetExceeded> {
    let unevaluated = new.unevaluated.map(|id| &c.read(id).shape);
    match content(c, new, name, unevaluated)? {
        Content::Open => {}
        Content::Follows(id) => {
            if !c.compare(property, id, || place(name))? {
                let problem = format!(
                    "the property {name} is gone, and the schema of other properties does not take it"
                );
                c.breaks(
                    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
                    place(name),
                    problem,
                );
            }
        }
        Content::Closed if matches!(c.written(property).shape, Shape::Nothing) => {}
        Content::Closed => {
            let problem = format!("the property {name} is gone, and no others are allowed");
            c.breaks("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", place(name), problem);
        }
    }
    Ok(())
}

/// The old schema did not name the property: what may an old document have had there?
fn added(
    c: &mut Comparison<'_>,
    (old, new): (&Object, &Object),
    name: &str,
    property: NodeId,
) -> Result<(), BudgetExceeded> {
    let unevaluated = old.unevaluated.map(|id| &c.written(id).shape);
    let content = content(c, old, name, unevaluated)?;
    let node = c.read(property);
    let (is_required, has_default) = (new.required.contains(name), node.has_default);
    if matches!(content, Content::Open) {
        if matches!(node.shape, Shape::Any) {
            return Ok(());
        }
        let kind = match (is_required, has_default) {
            (false, _) => "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
            (true, true) => "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL",
            (true, false) => "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
        };
        let problem = format!(
            "the property {name} is new, and old documents may hold anything there: the old schema allows additional properties"
        );
        c.breaks(kind, place(name), problem);
        return Ok(());
    }
    if let Content::Follows(id) = content
        && !c.compare(id, property, || place(name))?
    {
        let problem = format!(
            "the property {name} is new, and does not take what the old schema's other properties may be"
        );
        c.breaks("PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", place(name), problem);
    }
    if is_required && !has_default {
        let problem = format!("the property {name} is new and required, without a default");
        c.breaks("REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", place(name), problem);
    }
    Ok(())
}

fn compare_dependencies(c: &mut Comparison<'_>, old: &Object, new: &Object) -> Result<(), BudgetExceeded> {
    let place = |name: &str| format!("dependencies/{}", escaped(name));
    for (name, now) in &new.dependent_names {
        let (kind, problem) = match old.dependent_names.get(name) {
            None => ("DEPENDENCY_ARRAY_ADDED", format!("other properties are now required beside {name}")),
            Some(before) if now.is_subset(before) => continue,
            Some(before) if before.is_subset(now) => {
                ("DEPENDENCY_ARRAY_EXTENDED", format!("more properties are now required beside {name}"))
            }
            Some(_) => (
                "DEPENDENCY_ARRAY_CHANGED",
                format!("other properties than before are required beside {name}"),
            ),
        };
        c.breaks(kind, place(name), problem);
    }
    for (name, &now) in &new.dependent_schemas {
        match old.dependent_schemas.get(name) {
            Some(&before) => {
                c.compare(before, now, || place(name))?;
            }
            None => {
                let problem = format!("a schema must now be followed where {name} is");
                c.breaks("DEPENDENCY_SCHEMA_ADDED", place(name), problem);
            }
        }
    }
    Ok(())
}

fn compare_sizes(c: &mut Comparison<'_>, old: &Object, new: &Object) {
    let limit = Limit {
        keyword: "maxProperties",
        added: "MAX_PROPERTIES_ADDED",
        tightened: "MAX_PROPERTIES_DECREASED",
    };
    limits::upper(c, &limit, old.max_properties, new.max_properties);
    let limit = Limit {
        keyword: "minProperties",
        added: "MIN_PROPERTIES_ADDED",
        tightened: "MIN_PROPERTIES_INCREASED",
    };
    limits::lower(c, &limit, old.min_properties, new.min_properties);
}
