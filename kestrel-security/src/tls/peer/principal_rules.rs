//! `ssl.principal.mapping.rules`: from the distinguished name of a certificate to the name of a user. Pure.

use regex_lite::Regex;

use super::replacement::Replacement;

/// The rules that make a user's name of a distinguished name, with the meaning that Kafka gives them.
///
/// A list with commas of `DEFAULT`, which takes the whole name, and `RULE:pattern/replacement/` with `L` or `U` behind it for lower
/// or upper case. The first rule whose pattern matches the whole name counts. Patterns are those of the crate `regex-lite`, which
/// has what Java's has but look-around, back-references and possessive repetition: such rules are refused.
///
/// ```
/// use kestrel_security::tls::peer::PrincipalRules;
///
/// let rules: PrincipalRules = "RULE:^CN=(.*?),OU=Clients.*$/$1/L, DEFAULT".parse()?;
/// assert_eq!(rules.user("CN=Alice,OU=Clients,O=Example").as_deref(), Some("alice"));
/// assert_eq!(rules.user("CN=Bob").as_deref(), Some("CN=Bob"));
/// # Ok::<(), kestrel_security::tls::peer::InvalidRule>(())
/// ```
#[derive(Debug, Clone)]
pub struct PrincipalRules(Vec<Rule>);

#[derive(Debug, Clone)]
enum Rule {
    Default,
    Pattern {
        /// Matches the whole name.
        whole: Regex,
        /// Matches parts of it, which are replaced.
        part: Regex,
        replacement: Replacement,
        case: Case,
    },
}

#[derive(Debug, Clone, Copy)]
enum Case {
    AsIs,
    Lower,
    Upper,
}

/// The reason why `ssl.principal.mapping.rules` cannot be used: one sentence that names the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in the rule {rule}: {problem}")]
pub struct InvalidRule {
    rule: String,
    problem: String,
}

impl Default for PrincipalRules {
    /// The whole name.
    fn default() -> Self {
        Self(vec![Rule::Default])
    }
}

impl PrincipalRules {
    /// The name of the user whose certificate has this distinguished name; `None` when no rule matches: nobody then.
    #[must_use]
    pub fn user(&self, distinguished_name: &str) -> Option<String> {
        self.0.iter().find_map(|rule| rule.apply(distinguished_name))
    }
}

impl std::str::FromStr for PrincipalRules {
    type Err = InvalidRule;

    fn from_str(list: &str) -> Result<Self, InvalidRule> {
        let (mut rules, mut rest) = (Vec::new(), list.trim());
        while !rest.is_empty() {
            let (rule, after) =
                read(rest).map_err(|problem| InvalidRule { rule: rest.to_owned(), problem })?;
            rules.extend(rule);
            rest = after;
        }
        Ok(Self(rules))
    }
}

/// Reads one rule and the comma behind it; gives also what follows. An empty one is none.
fn read(list: &str) -> Result<(Option<Rule>, &str), String> {
    let (rule, after) = match (list.strip_prefix("RULE:"), list.strip_prefix("DEFAULT")) {
        (Some(rule), _) => read_pattern(rule).map(|(rule, after)| (Some(rule), after))?,
        (None, Some(after)) => (Some(Rule::Default), after),
        (None, None) => (None, list),
    };
    match after.trim_start().strip_prefix(',') {
        Some(after) => Ok((rule, after.trim_start())),
        None if after.trim().is_empty() => Ok((rule, "")),
        None => Err("expected DEFAULT or RULE:pattern/replacement/ with an L, a U or nothing behind it, and commas between \
                     rules"
            .to_owned()),
    }
}

fn read_pattern(text: &str) -> Result<(Rule, &str), String> {
    let slash = "it needs three parts, RULE:pattern/replacement/";
    let (pattern, rest) = up_to_slash(text).ok_or(slash)?;
    let (replacement, rest) = up_to_slash(rest).ok_or(slash)?;
    let (case, after) = match rest.split_at_checked(1) {
        Some(("L", after)) => (Case::Lower, after),
        Some(("U", after)) => (Case::Upper, after),
        _ => (Case::AsIs, rest),
    };
    if pattern.is_empty() {
        return Err("its pattern is empty".to_owned());
    }
    refuse_what_java_alone_has(pattern)?;
    let regex = |pattern: &str| {
        Regex::new(pattern).map_err(|error| format!("its pattern is none that is understood here: {error}"))
    };
    let part = regex(pattern)?;
    let replacement = Replacement::read(replacement, &part)?;
    Ok((Rule::Pattern { whole: regex(&format!("^(?:{pattern})$"))?, part, replacement, case }, after))
}

/// Splits at the first slash that has no backslash before it.
fn up_to_slash(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let at = text.find(|c| {
        let found = c == '/' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        found
    })?;
    let (before, after) = text.split_at_checked(at)?;
    Some((before, after.strip_prefix('/')?))
}

/// Refuses what would be read here with another meaning, or not at all.
fn refuse_what_java_alone_has(pattern: &str) -> Result<(), String> {
    const JAVA_ALONE: [(&str, &str); 9] = [
        ("(?=", "look-ahead"),
        ("(?!", "look-ahead"),
        ("(?<=", "look-behind"),
        ("(?<!", "look-behind"),
        ("(?>", "an independent group"),
        ("*+", "possessive repetition"),
        ("++", "possessive repetition"),
        ("?+", "possessive repetition"),
        ("&&", "an intersection of classes"),
    ];
    match JAVA_ALONE.iter().find(|(text, _)| pattern.contains(text)) {
        Some((text, name)) => {
            Err(format!("its pattern has {name}, {text}, which only Java has: say it without"))
        }
        None => Ok(()),
    }
}

impl Rule {
    fn apply(&self, name: &str) -> Option<String> {
        let Self::Pattern { whole, part, replacement, case } = self else { return Some(name.to_owned()) };
        whole.is_match(name).then(|| case.of(&replacement.replace_all(part, name)))
    }
}

impl Case {
    fn of(self, name: &str) -> String {
        match self {
            Self::AsIs => name.to_owned(),
            Self::Lower => name.to_lowercase(),
            Self::Upper => name.to_uppercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(rules: &str, name: &str) -> Option<String> {
        rules.parse::<PrincipalRules>().unwrap().user(name)
    }

    /// The cases of Kafka's own test of its mapper, and its documentation.
    #[test]
    fn the_first_rule_that_matches_the_whole_name_counts() {
        let rules = "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L, \
                     RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U, RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U, DEFAULT";
        for (name, expected) in [
            ("CN=Duke,OU=ServiceUsers,O=Org,C=US", "duke"),
            ("CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US", "duke@sme"),
            ("cn=duke,ou=sme,dc=mycp,dc=com", "DUKE@SME"),
            ("cN=duke,OU=JavaSoft,O=Sun Microsystems", "DUKE"),
            ("OU=JavaSoft,O=Sun Microsystems,C=US", "OU=JavaSoft,O=Sun Microsystems,C=US"),
        ] {
            assert_eq!(user(rules, name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(user("RULE:^CN=(.*)$/$1/", "O=a"), None, "no rule, no user");
        assert_eq!(user("RULE:CN=a/b/", "CN=ab"), None, "the whole name");
        assert_eq!(user("RULE:^CN=([^,ADEFLTU,]+)(,.*|$)/$1@$2/,DEFAULT", "CN=x").as_deref(), Some("x@"));
        assert_eq!(user("RULE:^CN=a\\/b$/c\\/d/", "CN=a/b").as_deref(), Some("c/d"));
        assert_eq!(user("RULE:^a|b$/x/", "ab"), None, "the whole name in each alternative");
        assert_eq!(user("RULE:.*/other/", "O=x").as_deref(), Some("otherother"), "as replaceAll has it");
        assert_eq!(user("RULE:CN=(?<n>.*)/${n}/U", "CN=a").as_deref(), Some("A"));
        assert_eq!(user("", "CN=a"), None);
        assert_eq!(user(" ,DEFAULT, ", "CN=a").as_deref(), Some("CN=a"));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_rule() {
        for (rules, expected) in [
            ("default", "in the rule default: expected DEFAULT or RULE:"),
            ("DEFAUL", "in the rule DEFAUL: expected DEFAULT"),
            ("DEFAULT/L", "in the rule DEFAULT/L: expected DEFAULT"),
            ("DEFAULT,RULE:CN=(.*?),OU=a", "in the rule RULE:CN=(.*?),OU=a: it needs three parts"),
            ("RULE:CN=(.*)/$1/LL", "expected DEFAULT"),
            ("RULE:CN=(?=a)/$1/", "look-ahead, (?="),
            ("RULE:CN=(a)\\1/$1/", "is none that is understood here"),
            ("RULE://x/", "its pattern is empty"),
            ("RULE:CN=(.*)/$1/L DEFAULT", "commas between rules"),
            ("RULE:CN=(a/$1/", "is none that is understood here"),
            ("RULE:CN=a*+/b/", "possessive"),
            ("RULE:CN=a/$1/", "no group in parentheses"),
        ] {
            let error = rules.parse::<PrincipalRules>().unwrap_err().to_string();
            assert!(error.contains(expected), "{rules}: {error}");
        }
    }
}
