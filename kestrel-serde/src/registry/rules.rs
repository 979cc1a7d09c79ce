//! Rules of schemas that are to be carried out when values are written or read. This crate carries none out: it says which there
//! are, so that nothing is written in plain that was to be encrypted. Pure.

use kestrel_schema::{Rule, RuleEnvironment, RuleMode, RuleSet};

use super::RegisteredSchema;

/// What is done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Write,
    Read,
}

/// A rule that nobody carries out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{schema} has the rule {rule} of type {rule_type}, which is to be carried out when values are {done}, and this client carries \
     out none: do it with a client that does, disable the rule, or say `ignore_rules()` and have values {done} without it"
)]
pub(super) struct UnknownRule {
    schema: String,
    rule: String,
    rule_type: String,
    done: &'static str,
}

/// # Errors
/// When a rule of the schema would have to be carried out.
pub(super) fn check(schema: &RegisteredSchema, direction: Direction) -> Result<(), UnknownRule> {
    let Some(rule) = schema.rule_set.as_ref().and_then(|rules| needed(rules, direction)) else {
        return Ok(());
    };
    Err(UnknownRule {
        schema: schema.describe(),
        rule: rule.name.clone(),
        rule_type: rule.rule_type.clone().unwrap_or_else(|| "none".into()),
        done: match direction {
            Direction::Write => "written",
            Direction::Read => "read",
        },
    })
}

/// The first rule that a client has to carry out, which one with a word that is not known here may have to be. As in Confluent's clients, one that says `NONE` for its failure may fail, also of
/// there being nobody who knows it. Rules of migration are for those who read in the subject's latest version.
fn needed(rules: &RuleSet, direction: Direction) -> Option<&Rule> {
    if matches!(
        rules.enable_at,
        Some(RuleEnvironment::Gateway | RuleEnvironment::Server | RuleEnvironment::None)
    ) {
        return None;
    }
    let mut here = rules.domain_rules.iter().chain(&rules.encoding_rules);
    here.find(|rule| !rule.disabled && is_for(&rule.mode, direction) && !may_fail(rule, direction))
}

fn is_for(mode: &RuleMode, direction: Direction) -> bool {
    matches!(
        (mode, direction),
        (RuleMode::WriteRead | RuleMode::Other(_), _)
            | (RuleMode::Write, Direction::Write)
            | (RuleMode::Read, Direction::Read)
    )
}

/// Of two actions with a comma between, the first one is for writing.
fn may_fail(rule: &Rule, direction: Direction) -> bool {
    let actions = rule.on_failure.as_deref().unwrap_or_default();
    let action = match (&rule.mode, actions.split_once(',')) {
        (RuleMode::WriteRead, Some((on_write, on_read))) => match direction {
            Direction::Write => on_write,
            Direction::Read => on_read,
        },
        _ => actions,
    };
    action.trim().eq_ignore_ascii_case("NONE")
}

#[cfg(test)]
mod tests {
    use kestrel_schema::Schema;

    use super::*;

    fn refused(rules: &str) -> [bool; 2] {
        let schema =
            RegisteredSchema::new(Schema::avro(r#""long""#)).with_rules(serde_json::from_str(rules).unwrap());
        [Direction::Write, Direction::Read].map(|direction| check(&schema, direction).is_err())
    }

    #[test]
    fn rules_are_refused_where_they_are_to_be_carried_out() {
        for (rules, expected) in [
            (r#"{"domainRules": [{"name": "r", "type": "CEL"}]}"#, [true, true]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "mode": "WRITE"}]}"#, [true, false]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "mode": "READ"}]}"#, [false, true]),
            (r#"{"encodingRules": [{"name": "r", "type": "ENCRYPT_PAYLOAD"}]}"#, [true, true]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "disabled": true}]}"#, [false, false]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "onFailure": "NONE"}]}"#, [false, false]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "onFailure": "ERROR,NONE"}]}"#, [true, false]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "onFailure": "DLQ"}]}"#, [true, true]),
            (r#"{"migrationRules": [{"name": "r", "type": "JSONATA", "mode": "UPGRADE"}]}"#, [false, false]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL"}], "enableAt": "CLIENT"}"#, [true, true]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL"}], "enableAt": "GATEWAY"}"#, [false, false]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL"}], "enableAt": "MOON"}"#, [true, true]),
            (r#"{"domainRules": [{"name": "r", "type": "CEL", "mode": "COPY"}]}"#, [true, true]),
            ("{}", [false, false]),
        ] {
            assert_eq!(refused(rules), expected, "{rules}");
        }
    }

    #[test]
    fn the_rule_is_named_and_the_ways_out() {
        let rules = serde_json::from_str(r#"{"domainRules": [{"name": "pii", "type": "ENCRYPT"}]}"#).unwrap();
        let schema = RegisteredSchema::new(Schema::avro(r#""long""#))
            .with_id(7)
            .with_version("s", 2)
            .with_rules(rules);
        let refused = check(&schema, Direction::Write).unwrap_err().to_string();
        assert!(
            refused.starts_with("the schema with id 7 (version 2 of s) has the rule pii of type ENCRYPT"),
            "{refused}"
        );
        assert!(refused.contains("`ignore_rules()`"), "{refused}");
    }
}
