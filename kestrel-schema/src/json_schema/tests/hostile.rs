//! Schemas that ask for more work than they are worth: every one ends within a number of steps that is written here.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{JsonSchema, Policy, schema};
use crate::spoiled::spoiled;
use crate::{Budget, BudgetExceeded, Incompatibility};

/// Compares within so many steps.
fn compare(
    policy: Policy,
    old: &Value,
    new: &Value,
    steps: u64,
) -> Result<Vec<Incompatibility>, BudgetExceeded> {
    schema(&new.to_string()).incompatibilities_by(policy, &schema(&old.to_string()), &mut Budget::new(steps))
}

fn with_definitions(root: Value, definitions: impl IntoIterator<Item = (String, Value)>) -> Value {
    let mut root = root;
    root["definitions"] = Value::Object(definitions.into_iter().collect::<Map<_, _>>());
    root
}

fn refers_to(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// A chain of definitions, each an object with the next one in it, and this schema at its end.
fn chain(length: usize, end: &Value) -> Value {
    let link = |index: usize| match index + 1 == length {
        true => end.clone(),
        false => json!({"type": "object", "properties": {"next": refers_to(&(index + 1).to_string())}}),
    };
    with_definitions(refers_to("0"), (0..length).map(|index| (index.to_string(), link(index))))
}

#[test]
fn a_chain_of_thousands_of_references_is_followed_to_its_end() {
    let (old, new) = (chain(2_000, &json!({"type": "string"})), chain(2_000, &json!({"type": "number"})));
    assert_eq!(compare(Policy::Strict, &old, &old, 10_000).unwrap(), []);
    let found = compare(Policy::Strict, &old, &new, 600_000).unwrap();
    assert_eq!((found.len(), found[0].kind), (1, "TYPE_CHANGED"));
    assert_eq!(found[0].path.matches("/next").count(), 1_999);
}

#[test]
fn definitions_that_all_refer_to_each_other_are_compared_once_each() {
    let all = |count: usize, end: Value| {
        let branches: Vec<Value> = (0..count).map(|index| refers_to(&index.to_string())).collect();
        let definition = |index: usize| {
            let name = format!("p{index}");
            json!({"type": "object", "properties": {name: {"anyOf": branches}, "end": end}, "additionalProperties": false})
        };
        with_definitions(
            json!({"anyOf": branches}),
            (0..count).map(|index| (index.to_string(), definition(index))),
        )
    };
    let (old, new) = (all(12, json!({"type": "string"})), all(12, json!({"type": "number"})));
    assert_eq!(compare(Policy::Strict, &old, &old, 200_000).unwrap(), []);
    assert_eq!(
        compare(Policy::Strict, &old, &new, 200_000).unwrap()[0].kind,
        "COMBINED_TYPE_SUBSCHEMAS_CHANGED"
    );
}

#[test]
fn what_doubles_at_every_step_is_compared_once_at_each() {
    let doubled = |end: Value| {
        let definition = |index: usize| match index {
            63 => end.clone(),
            _ => {
                let next = refers_to(&(index + 1).to_string());
                json!({"type": "object", "properties": {"left": next, "right": next}})
            }
        };
        with_definitions(refers_to("0"), (0..64).map(|index| (index.to_string(), definition(index))))
    };
    let (old, new) = (doubled(json!({"type": "string"})), doubled(json!({"type": "null"})));
    let found = compare(Policy::Strict, &old, &new, 2_000).unwrap();
    assert_eq!((found.len(), found[0].kind), (1, "TYPE_CHANGED"));
}

#[test]
fn too_many_branches_are_no_verdict() {
    let branches = |count: usize, keyword: &str| {
        let branches: Vec<Value> =
            (0..count).map(|index| json!({"type": "string", keyword: index})).collect();
        json!({"oneOf": branches})
    };
    let (old, new) = (branches(400, "minLength"), branches(400, "maxLength"));
    assert_eq!(compare(Policy::Strict, &old, &new, 100_000), Err(BudgetExceeded));
    let (old, new) = (branches(60, "minLength"), branches(60, "minLength"));
    assert_eq!(compare(Policy::Strict, &old, &new, 300_000).unwrap(), []);
}

#[test]
fn thousands_of_properties_take_a_few_steps_each() {
    let wide = |limit: usize| {
        let properties: Map<String, Value> = (0..3_000)
            .map(|index| (format!("p{index}"), json!({"type": "string", "maxLength": limit})))
            .collect();
        json!({"type": "object", "properties": properties})
    };
    assert_eq!(compare(Policy::Strict, &wide(7), &wide(8), 15_000).unwrap(), []);
    assert_eq!(compare(Policy::Strict, &wide(8), &wide(7), 30_000).unwrap().len(), 3_000);
}

#[test]
fn what_is_too_deep_is_refused() {
    let nested = |levels: usize| format!("{}{{}}{}", r#"{"items":"#.repeat(levels), "}".repeat(levels));
    let deepest = schema(&nested(126));
    assert_eq!(deepest.incompatibilities(&deepest, &mut Budget::default()).unwrap(), []);
    assert!(deepest.validator().is_ok());
    assert!(
        JsonSchema::parse(&nested(127), &[]).unwrap_err().to_string().contains("recursion limit exceeded")
    );
    assert!(JsonSchema::parse(&"[".repeat(1_000_000), &[]).is_err());
}

/// As many patterns that are held against as many names.
fn patterns(count: usize, pattern: &str) -> (Value, Value) {
    let patterns: Map<String, Value> =
        (0..count).map(|index| (format!("{pattern}|#{index}"), json!({}))).collect();
    let names = (0..count).map(|index| (format!("{}!{index}", "a".repeat(64)), json!({})));
    let names: Map<String, Value> = names.collect();
    let old = json!({"type": "object", "patternProperties": patterns, "additionalProperties": false});
    let mut new = old.clone();
    new["properties"] = names.into();
    (old, new)
}

#[test]
fn expressions_that_go_back_for_ever_are_given_up() {
    let (old, new) = patterns(8, "^(a|aa)+$");
    assert_eq!(compare(Policy::Strict, &old, &new, 10_000).unwrap(), [], "nothing of it has to go back");
    let (old, new) = patterns(8, r"^(a|a)*\1b");
    assert_eq!(compare(Policy::Strict, &old, &new, 1_000_000), Err(BudgetExceeded));
    let (old, new) = patterns(200, "^(?!x)y");
    assert!(compare(Policy::Strict, &old, &new, 1_000_000).is_err(), "each costs what it takes");
    let (old, new) = patterns(40, "^(?!x)y");
    assert_eq!(compare(Policy::Strict, &old, &new, 1_000_000).unwrap(), []);
}

#[test]
fn expressions_that_would_be_huge_are_not_compiled() {
    let (old, new) = patterns(1, "^((((a{99}){99}){99}){99}){99}");
    assert_eq!(compare(Policy::Strict, &old, &new, 1_000_000), Err(BudgetExceeded));
    assert!(schema(&new.to_string()).validator().is_err());
    let many: Map<String, Value> = (0..1_001).map(|index| (index.to_string(), json!({}))).collect();
    let many = schema(&json!({"patternProperties": many}).to_string());
    assert!(many.validator().unwrap_err().to_string().contains("more than 1000 regular expressions"));
}

#[test]
fn a_document_that_makes_an_expression_go_back_breaks_the_schema() {
    let schema = schema(r#"{"items": {"pattern": "^(a|a)*\\1b"}}"#);
    let validator = schema.validator().unwrap();
    assert!(validator.check(&json!(["aab"])).is_ok());
    let violation = validator.check(&json!([format!("{}!", "a".repeat(64))])).unwrap_err();
    assert_eq!(violation.pointer, "/0");
}

#[test]
fn long_lists_of_values_are_compared_at_their_size() {
    let values =
        |from: usize| json!({"enum": (from..from + 20_000).map(|n| json!([n, "x"])).collect::<Vec<_>>()});
    assert_eq!(compare(Policy::Strict, &values(0), &values(0), 100_000).unwrap(), []);
    assert_eq!(
        compare(Policy::Strict, &values(0), &values(1), 200_000).unwrap()[0].kind,
        "ENUM_ARRAY_CHANGED"
    );
    let large = json!({"const": "x".repeat(100_000)});
    assert_eq!(compare(Policy::Strict, &large, &large, 1_000), Err(BudgetExceeded));
}

/// A document that many places refer to by way of as many references, each to the next one.
#[test]
fn chains_of_references_are_followed_once() {
    let chained = |end: Value| {
        let link = |index: usize| match index {
            5_000 => end.clone(),
            _ => refers_to(&(index + 1).to_string()),
        };
        let properties: Map<String, Value> =
            (0..5_000).map(|index| (format!("p{index}"), refers_to("0"))).collect();
        let root = json!({"type": "object", "properties": properties});
        with_definitions(root, (0..=5_000).map(|index| (index.to_string(), link(index))))
    };
    let (old, new) = (chained(json!({"type": "string"})), chained(json!({"type": "null"})));
    assert_eq!(compare(Policy::Strict, &old, &new, 100_000).unwrap()[0].kind, "TYPE_CHANGED");
}

#[test]
fn long_paths_cost_what_it_costs_to_copy_them() {
    let name = "n".repeat(100_000);
    let wide = |kind: &str| {
        let properties: Map<String, Value> =
            (0..1_000).map(|index| (format!("p{index}"), json!({"type": kind}))).collect();
        json!({"properties": {name.clone(): {"type": "object", "properties": properties}}})
    };
    assert_eq!(compare(Policy::Strict, &wide("string"), &wide("null"), 1_000_000), Err(BudgetExceeded));
}

/// With as much of the stack as tokio's workers have.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn documents_are_checked_against_long_chains() {
    on_a_small_stack(|| {
        let link = |index: usize| match index {
            20_000 => json!({"type": "string"}),
            _ => refers_to(&(index + 1).to_string()),
        };
        let chain =
            with_definitions(refers_to("0"), (0..=20_000).map(|index| (index.to_string(), link(index))));
        match schema(&chain.to_string()).validator() {
            Ok(validator) => assert!(validator.check(&json!(7)).is_err()),
            Err(error) => assert!(error.to_string().contains("chain"), "{error}"),
        }
    });
}

#[test]
fn a_schema_that_is_a_part_of_itself_has_an_end() {
    on_a_small_stack(|| {
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for also in [json!({}), json!({"type": "string"})] {
                let within = json!({keyword: [also, refers_to("a")]});
                let schema =
                    schema(&with_definitions(refers_to("a"), [("a".to_owned(), within)]).to_string());
                if let Ok(validator) = schema.validator() {
                    let _ = validator.check(&json!(7));
                }
                let _ = schema.incompatibilities_by(Policy::Semantic, &schema, &mut Budget::default());
            }
        }
        let not = with_definitions(refers_to("a"), [("a".to_owned(), json!({"not": refers_to("a")}))]);
        if let Ok(validator) = schema(&not.to_string()).validator() {
            let _ = validator.check(&json!(7));
        }
        let conditions = with_definitions(
            refers_to("a"),
            [("a".to_owned(), json!({"if": refers_to("a"), "then": refers_to("a"), "else": refers_to("a")}))],
        );
        if let Ok(validator) = schema(&conditions.to_string()).validator() {
            let _ = validator.check(&json!(7));
        }
    });
}

#[test]
fn the_semantic_policy_has_the_stack_for_what_its_budget_lets_in() {
    on_a_small_stack(|| {
        let deep = |length: usize, end: Value| chain(length, &end);
        for length in [50, 100, 150, 200, 400, 800] {
            let (old, new) = (deep(length, json!({"type": "string"})), deep(length, json!({"type": "null"})));
            let _ = compare(Policy::Semantic, &old, &new, 4_000_000);
        }
    });
}

#[test]
fn the_semantic_policy_pays_for_what_it_is_given() {
    let wide = |limit: usize| {
        let properties: Map<String, Value> = (0..2_000)
            .map(|index| (format!("p{index}"), json!({"type": "string", "maxLength": limit})))
            .collect();
        json!({"type": "object", "properties": properties})
    };
    assert_eq!(compare(Policy::Semantic, &wide(7), &wide(8), 1_000_000), Err(BudgetExceeded));
    assert_eq!(
        compare(Policy::Semantic, &wide(7), &wide(7), 10).unwrap(),
        [],
        "what is the same is not looked into"
    );
}

#[test]
fn the_semantic_policy_ends_where_every_combination_counts() {
    let clause = |index: usize| {
        let one = |sign: &str| json!({"properties": {format!("v{}", index % 9): {"const": sign}}, "required": [format!("v{}", index % 9)]});
        json!({"anyOf": [one("t"), one("f"), {"required": [format!("w{index}")]}]})
    };
    let formula = |clauses: usize| json!({"allOf": (0..clauses).map(clause).collect::<Vec<_>>()});
    for (old, new) in [(formula(20), formula(21)), (formula(21), formula(20))] {
        assert_eq!(compare(Policy::Semantic, &old, &new, 1_000_000), Err(BudgetExceeded));
    }
    // Whichever it is: there is an answer.
    assert!(compare(Policy::Semantic, &formula(5), &formula(6), 1_000_000).is_ok());
}

proptest! {
    /// No text is too odd to be refused, and what is taken is kept as a text that is taken again, and reads itself.
    #[test]
    fn any_text_is_refused_or_kept(text in spoiled(super::changes::documents())) {
        if let Ok(schema) = JsonSchema::parse(&text, &[]) {
            for kept in [schema.canonical(), schema.normalized()] {
                let again = JsonSchema::parse(&kept, &[]);
                prop_assert!(again.is_ok(), "{text}\n{kept}\n{again:?}");
            }
            for policy in Policy::ALL {
                let found = schema.incompatibilities_by(policy, &schema, &mut Budget::default());
                prop_assert_eq!(found.unwrap_or_default(), []);
            }
            if let Ok(validator) = schema.validator() {
                let _ = validator.check(&json!({"a": [1, "b", null, {}]}));
            }
        }
    }
}
