//! Where in a topic the records of a filter can be: what a reader need not read. Pure.

pub(crate) mod ranges;

use crate::bounds::ranges::Ranges;
use crate::context::Context;
use crate::evaluation::Evaluation;
use crate::expression::{Choices, Comparison, Expression, Junction, Node};
use crate::record::nothing::Nothing;
use crate::record::part::Part;
use crate::value::Value;
use crate::value::time;

/// Where the records are that a filter takes, or of which it is undecided: it says no to every record outside.
///
/// A reader seeks to the first offset or timestamp, leaves other partitions alone, and asks the filter about what it reads.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use kestrel_filter::{Context, Filter};
///
/// let filter = Filter::parse(r#"timestamp > now() - 1h and value.magnitude >= 4.5 and partition != 3"#)?;
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(7200);
/// let bounds = filter.bounds(&Context::at(now));
/// assert_eq!(bounds.timestamps_millis().first(), Some(3_600_001));
/// assert!(!bounds.partitions().contains(3) && bounds.offsets().is_all());
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    partitions: Ranges,
    offsets: Ranges,
    timestamps: Ranges,
}

impl Bounds {
    /// The partitions.
    #[must_use]
    pub const fn partitions(&self) -> &Ranges {
        &self.partitions
    }

    /// The offsets, in each of the partitions.
    #[must_use]
    pub const fn offsets(&self) -> &Ranges {
        &self.offsets
    }

    /// The timestamps, in milliseconds since 1970. Within a partition they need not ascend.
    #[must_use]
    pub const fn timestamps_millis(&self) -> &Ranges {
        &self.timestamps
    }

    /// Whether there can be no record at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.partitions.is_empty() || self.offsets.is_empty() || self.timestamps.is_empty()
    }

    fn all() -> Self {
        Self { partitions: Ranges::all(), offsets: Ranges::all(), timestamps: Ranges::all() }
    }

    fn none() -> Self {
        Self { partitions: Ranges::NONE, offsets: Ranges::NONE, timestamps: Ranges::NONE }
    }

    fn with(self, part: Part, ranges: Ranges) -> Self {
        match part {
            Part::Partition => Self { partitions: ranges, ..self },
            Part::Offset => Self { offsets: ranges, ..self },
            Part::Timestamp => Self { timestamps: ranges, ..self },
            _ => self,
        }
    }

    /// Where all of several can be, or one of them.
    fn join(junction: Junction, bounds: &[Self]) -> Self {
        let possible: Vec<&Self> = match junction {
            Junction::And => bounds.iter().collect(),
            Junction::Or => bounds.iter().filter(|bounds| !bounds.is_empty()).collect(),
        };
        let join = |of: fn(&Self) -> &Ranges| {
            let ranges = possible.iter().map(|bounds| of(bounds));
            match junction {
                Junction::And => Ranges::intersection(ranges),
                Junction::Or => Ranges::union(ranges),
            }
        };
        Self {
            partitions: join(Self::partitions),
            offsets: join(Self::offsets),
            timestamps: join(Self::timestamps_millis),
        }
    }
}

/// Where a part of a filter can be other than `unwanted`.
pub(crate) fn bounds(node: &Node, unwanted: bool, context: &Context) -> Bounds {
    match &node.expression {
        Expression::Not(inner) => bounds(inner, !unwanted, context),
        Expression::Junction(junction, nodes) => {
            let parts: Vec<_> = nodes.iter().map(|node| bounds(node, unwanted, context)).collect();
            Bounds::join(if unwanted { opposite(*junction) } else { *junction }, &parts)
        }
        _ if node.needs().is_constant() => constant(node, unwanted, context),
        _ => match exactly(node, context) {
            Some((part, ranges)) => {
                Bounds::all().with(part, if unwanted { ranges.complement() } else { ranges })
            }
            None => Bounds::all(),
        },
    }
}

const fn opposite(junction: Junction) -> Junction {
    match junction {
        Junction::And => Junction::Or,
        Junction::Or => Junction::And,
    }
}

fn constant(node: &Node, unwanted: bool, context: &Context) -> Bounds {
    match Evaluation::new(&Nothing, context).truth(node) {
        Ok(truth) if truth == unwanted => Bounds::none(),
        _ => Bounds::all(),
    }
}

/// The part of a record that alone decides a condition, and the numbers of which it is true.
fn exactly(node: &Node, context: &Context) -> Option<(Part, Ranges)> {
    match &node.expression {
        Expression::Compare(left, comparison, right) => match (bounded(left), bounded(right)) {
            (Some(part), None) => Some((part, compared(part, *comparison, right, context)?)),
            (None, Some(part)) => Some((part, compared(part, comparison.flipped(), left, context)?)),
            _ => None,
        },
        Expression::In(needle, Choices::These(choices)) => {
            let part = bounded(needle)?;
            let each = choices.iter().map(|choice| compared(part, Comparison::Equal, choice, context));
            Some((part, Ranges::union(&each.collect::<Option<Vec<_>>>()?)))
        }
        _ => None,
    }
}

/// The part of a record that a node is, if it is one with bounds.
fn bounded(node: &Node) -> Option<Part> {
    match &node.expression {
        Expression::Path(path) => {
            path.whole_part().filter(|part| matches!(part, Part::Partition | Part::Offset | Part::Timestamp))
        }
        _ => None,
    }
}

/// The numbers for which a comparison with a constant is true.
fn compared(part: Part, comparison: Comparison, node: &Node, context: &Context) -> Option<Ranges> {
    if !node.needs().is_constant() {
        return None;
    }
    let value = Evaluation::new(&Nothing, context).value(node).ok()?;
    let (floor, is_exact) = match (part, value) {
        // Beside null nothing is less, but everything is another thing.
        (_, Value::Null) => {
            return match comparison {
                Comparison::Equal => Some(Ranges::NONE),
                Comparison::NotEqual => Some(Ranges::all()),
                _ => None,
            };
        }
        (Part::Partition | Part::Offset, Value::Number(number)) => number.floor(),
        (Part::Timestamp, Value::Time(time)) => millis(time),
        (Part::Timestamp, Value::Text(text)) => millis(time::parse(&text)?),
        _ => return None,
    };
    let below = if is_exact { floor.saturating_sub(1) } else { floor };
    let above = floor.saturating_add(1);
    let (at, up) = if is_exact { (Ranges::from_to(floor, floor), floor) } else { (Ranges::NONE, above) };
    Some(match comparison {
        Comparison::Equal => at,
        Comparison::NotEqual => at.complement(),
        Comparison::Less => Ranges::from_to(i128::MIN, below),
        Comparison::LessOrEqual => Ranges::from_to(i128::MIN, floor),
        Comparison::Greater => Ranges::from_to(above, i128::MAX),
        Comparison::GreaterOrEqual => Ranges::from_to(up, i128::MAX),
    })
}

/// The whole milliseconds of a time, and whether that is all of it.
const fn millis(time: i128) -> (i128, bool) {
    (time.div_euclid(time::MILLISECOND), time.rem_euclid(time::MILLISECOND) == 0)
}
