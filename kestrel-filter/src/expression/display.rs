//! A filter as text, in the one way that the language prefers: read again, it is the same filter. Pure.

use std::fmt::{self, Display, Formatter, Write};

use crate::expression::{Choices, Expression, Literal, Node, Path, Root, Step};
use crate::parser::token::is_name;
use crate::value::number::Number;
use crate::value::time;

/// How strongly a part holds together: what is weaker than its place asks for stands in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Sign,
    Operand,
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.expression {
            Expression::Literal(literal) => literal.fmt(f),
            Expression::Path(path) => path.fmt(f),
            Expression::Not(inner) => negated(inner, f),
            Expression::Junction(junction, nodes) => {
                let stronger = if junction.decisive() { Strength::And } else { Strength::Not };
                let between = format!(" {} ", junction.word());
                separated(nodes, &between, stronger, f)
            }
            Expression::Compare(left, comparison, right) => {
                infix(left, comparison.symbol(), right, [Strength::Sum; 2], f)
            }
            Expression::In(needle, choices) => contained(needle, "in", choices, f),
            Expression::Matches(subject, pattern) => matched(subject, "~", pattern.as_str(), f),
            Expression::Arithmetic(left, operator, right) => {
                let (own, stronger) = match strength(self) {
                    Strength::Sum => (Strength::Sum, Strength::Product),
                    _ => (Strength::Product, Strength::Sign),
                };
                infix(left, operator.symbol(), right, [own, stronger], f)
            }
            Expression::Negate(inner) => {
                f.write_str("-")?;
                within(inner, Strength::Sign, f)
            }
            Expression::Exists(path) => called("exists", &[&**path], f),
            Expression::Default(first, second) => called("default", &[&**first, &**second], f),
            Expression::Each(junction, list, condition) => {
                called(junction.of_each(), &[&**list, &**condition], f)
            }
            Expression::Call(name, arguments) => {
                called(name.function().text, &arguments.iter().collect::<Vec<_>>(), f)
            }
        }
    }
}

fn strength(node: &Node) -> Strength {
    match &node.expression {
        Expression::Junction(junction, _) if junction.decisive() => Strength::Or,
        Expression::Junction(..) => Strength::And,
        Expression::Not(inner)
            if matches!(inner.expression, Expression::In(..) | Expression::Matches(..)) =>
        {
            Strength::Comparison
        }
        Expression::Not(_) => Strength::Not,
        Expression::Compare(..) | Expression::In(..) | Expression::Matches(..) => Strength::Comparison,
        Expression::Arithmetic(_, operator, _) if "+-".contains(operator.symbol()) => Strength::Sum,
        Expression::Arithmetic(..) => Strength::Product,
        Expression::Negate(_) => Strength::Sign,
        Expression::Literal(_)
        | Expression::Path(_)
        | Expression::Exists(_)
        | Expression::Default(..)
        | Expression::Each(..)
        | Expression::Call(..) => Strength::Operand,
    }
}

/// A part at a place that asks for some strength.
fn within(node: &Node, least: Strength, f: &mut Formatter<'_>) -> fmt::Result {
    if strength(node) < least { write!(f, "({node})") } else { node.fmt(f) }
}

fn infix(
    left: &Node,
    symbol: &str,
    right: &Node,
    least: [Strength; 2],
    f: &mut Formatter<'_>,
) -> fmt::Result {
    within(left, least[0], f)?;
    write!(f, " {symbol} ")?;
    within(right, least[1], f)
}

fn negated(inner: &Node, f: &mut Formatter<'_>) -> fmt::Result {
    match &inner.expression {
        Expression::In(needle, choices) => contained(needle, "not in", choices, f),
        Expression::Matches(subject, pattern) => matched(subject, "!~", pattern.as_str(), f),
        _ => {
            f.write_str("not ")?;
            within(inner, Strength::Not, f)
        }
    }
}

fn contained(needle: &Node, word: &str, choices: &Choices, f: &mut Formatter<'_>) -> fmt::Result {
    within(needle, Strength::Sum, f)?;
    write!(f, " {word} ")?;
    match choices {
        // In parentheses it would be a list of one.
        Choices::Of(list) => list.fmt(f),
        Choices::These(choices) => {
            f.write_str("[")?;
            separated(choices, ", ", Strength::Sum, f)?;
            f.write_str("]")
        }
    }
}

fn matched(subject: &Node, sign: &str, pattern: &str, f: &mut Formatter<'_>) -> fmt::Result {
    within(subject, Strength::Sum, f)?;
    write!(f, " {sign} ")?;
    quoted(pattern, f)
}

fn called(name: &str, arguments: &[&Node], f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{name}(")?;
    for (at, argument) in arguments.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        argument.fmt(f)?;
    }
    f.write_str(")")
}

fn separated(nodes: &[Node], between: &str, least: Strength, f: &mut Formatter<'_>) -> fmt::Result {
    for (at, node) in nodes.iter().enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        within(node, least, f)?;
    }
    Ok(())
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Number(Number::Whole(whole)) => whole.fmt(f),
            // With a point or an exponent, so that it stays a fraction.
            Self::Number(Number::Fraction(fraction)) => write!(f, "{fraction:?}"),
            Self::Text(text) => quoted(text, f),
            Self::Duration(duration) => f.write_str(&time::write_duration(*duration)),
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.root {
            Root::Part(part) => part.name(),
            Root::Element => "it",
        })?;
        for step in &self.steps {
            match step {
                Step::Field(name) if is_name(name) => write!(f, ".{name}")?,
                Step::Field(name) => {
                    f.write_str("[")?;
                    quoted(name, f)?;
                    f.write_str("]")?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn quoted(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
