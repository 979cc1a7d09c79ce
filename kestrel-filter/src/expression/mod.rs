//! A filter as a tree: what the parser makes, and evaluation, bounds and display read. Pure.

mod display;
pub(crate) mod function;
pub(crate) mod pattern;

use std::cmp::Ordering;

use crate::expression::function::Name;
use crate::expression::pattern::Pattern;
use crate::record::part::{Needs, Part};
use crate::span::Span;
use crate::value::Value;
use crate::value::kind::Kind;
use crate::value::number::Number;

/// A part of a filter, with its place in the text.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) expression: Expression,
    pub(crate) span: Span,
    /// How many levels of nodes there are from here down.
    height: usize,
    needs: Needs,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Literal(Literal),
    Path(Path),
    Not(Box<Node>),
    Junction(Junction, Vec<Node>),
    Compare(Box<Node>, Comparison, Box<Node>),
    In(Box<Node>, Choices),
    Matches(Box<Node>, Pattern),
    Arithmetic(Box<Node>, Arithmetic, Box<Node>),
    Negate(Box<Node>),
    Exists(Box<Node>),
    Default(Box<Node>, Box<Node>),
    /// `any` (or) and `all` (and): the list, and the condition on each element.
    Each(Junction, Box<Node>, Box<Node>),
    Call(Name, Vec<Node>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Box<str>),
    Duration(i128),
}

/// A part of the record or the element of a list, and the way into it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Part(Part),
    /// `it`
    Element,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Field(Box<str>),
    /// From the end if negative.
    Index(i64),
}

/// `and` and `or`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Junction {
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Plus,
    Minus,
    Times,
    DividedBy,
    Modulo,
}

/// What `in` looks through.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Choices {
    These(Vec<Node>),
    /// A list of the record.
    Of(Box<Node>),
}

impl Junction {
    /// The answer of one part that settles the whole.
    pub(crate) const fn decisive(self) -> bool {
        matches!(self, Self::Or)
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }

    /// The function that asks it of the elements of a list.
    pub(crate) const fn of_each(self) -> &'static str {
        match self {
            Self::And => "all",
            Self::Or => "any",
        }
    }
}

impl Comparison {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(crate) fn of_symbol(symbol: &str) -> Option<Self> {
        let all =
            [Self::Equal, Self::NotEqual, Self::Less, Self::LessOrEqual, Self::Greater, Self::GreaterOrEqual];
        all.into_iter().find(|comparison| comparison.symbol() == symbol)
    }

    /// What it is with its sides exchanged.
    pub(crate) const fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            equality => equality,
        }
    }

    pub(crate) const fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    pub(crate) const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Arithmetic {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::DividedBy => "/",
            Self::Modulo => "%",
        }
    }
}

impl Literal {
    pub(crate) const fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(boolean) => Value::Boolean(*boolean),
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::text(text),
            Self::Duration(duration) => Value::Duration(*duration),
        }
    }
}

impl Path {
    const fn needs(&self) -> Needs {
        match self.root {
            Root::Part(part) => Needs::of(part),
            Root::Element => Needs::ELEMENT,
        }
    }

    /// The part of the record that this is, all of it.
    pub(crate) const fn whole_part(&self) -> Option<Part> {
        match self.root {
            Root::Part(part) if self.steps.is_empty() => Some(part),
            _ => None,
        }
    }
}

impl Node {
    pub(crate) fn new(expression: Expression, span: Span) -> Self {
        let children = expression.children();
        let height = 1 + children.iter().map(|child| child.height).max().unwrap_or(0);
        let needs = children.iter().fold(expression.own_needs(), |needs, child| needs.and(child.needs));
        Self { expression, span, height, needs }
    }

    /// The same at another place.
    pub(crate) fn at(self, span: Span) -> Self {
        Self { span, ..self }
    }

    pub(crate) const fn height(&self) -> usize {
        self.height
    }

    pub(crate) const fn needs(&self) -> Needs {
        self.needs
    }

    /// The type, as far as it is known before there is a record.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match &self.expression {
            Expression::Literal(literal) => literal.value().kind(),
            Expression::Path(path) => path.whole_part().and_then(Part::kind),
            Expression::Not(_)
            | Expression::Junction(..)
            | Expression::Compare(..)
            | Expression::In(..)
            | Expression::Matches(..)
            | Expression::Exists(_)
            | Expression::Each(..) => Some(Kind::Boolean),
            Expression::Arithmetic(left, operator, right) => operator.kind(left.kind()?, right.kind()?),
            Expression::Negate(inner) => inner.kind(),
            Expression::Default(first, second) => first.kind().filter(|kind| second.kind() == Some(*kind)),
            Expression::Call(name, _) => name.function().gives,
        }
    }

    pub(crate) const fn as_text(&self) -> Option<&str> {
        match &self.expression {
            Expression::Literal(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Arithmetic {
    /// The type of a result, if there is one.
    pub(crate) const fn kind(self, left: Kind, right: Kind) -> Option<Kind> {
        match (left, self, right) {
            (Kind::Number, _, Kind::Number) => Some(Kind::Number),
            (Kind::Time, Self::Minus, Kind::Time)
            | (Kind::Duration, Self::Plus | Self::Minus, Kind::Duration)
            | (Kind::Duration, Self::Times, Kind::Number)
            | (Kind::Number, Self::Times, Kind::Duration) => Some(Kind::Duration),
            (Kind::Time, Self::Plus | Self::Minus, Kind::Duration)
            | (Kind::Duration, Self::Plus, Kind::Time) => Some(Kind::Time),
            _ => None,
        }
    }
}

impl PartialEq for Node {
    /// Whether they mean the same, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Expression {
    pub(crate) fn children(&self) -> Vec<&Node> {
        match self {
            Self::Literal(_) | Self::Path(_) => Vec::new(),
            Self::Not(inner) | Self::Matches(inner, _) | Self::Negate(inner) | Self::Exists(inner) => {
                vec![&**inner]
            }
            Self::Junction(_, nodes) | Self::Call(_, nodes) => nodes.iter().collect(),
            Self::Compare(left, _, right)
            | Self::Arithmetic(left, _, right)
            | Self::Default(left, right)
            | Self::Each(_, left, right)
            | Self::In(left, Choices::Of(right)) => vec![&**left, &**right],
            Self::In(needle, Choices::These(nodes)) => [&**needle].into_iter().chain(nodes).collect(),
        }
    }

    fn own_needs(&self) -> Needs {
        match self {
            Self::Path(path) => path.needs(),
            Self::Call(Name::Now, _) => Needs::NOW,
            _ => Needs::NOTHING,
        }
    }
}
