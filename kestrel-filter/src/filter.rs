//! A filter, read and ready.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::bounds::{self, Bounds};
use crate::context::Context;
use crate::error::{Fault, FilterError};
use crate::evaluation::Evaluation;
use crate::evaluation::nearest::nearest;
use crate::expression::Node;
use crate::parser;
use crate::record::Record;
use crate::record::part::Part;
use crate::span::Span;
use crate::undecided::Undecided;

/// A condition on records, written in the language that the crate's documentation describes. It is cheap to clone and to share.
///
/// Two filters are equal if they mean the same by their form; displayed, a filter is written as the language prefers.
///
/// ```
/// use kestrel_filter::Filter;
///
/// let filter = Filter::parse("value.place.contains('coast') && partition = 3")?;
/// assert_eq!(filter.to_string(), r#"contains(value.place, "coast") and partition == 3"#);
/// assert_eq!(Filter::parse(&filter.to_string())?, filter);
/// # Ok::<(), kestrel_filter::FilterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    text: Arc<str>,
    root: Arc<Node>,
}

impl Filter {
    /// How many bytes the text of a filter has at most.
    pub const MAX_LENGTH: usize = 16 << 10;

    /// Reads a filter. It may be nested 64 levels deep and have 32 regular expressions of 256 KiB each, compiled.
    ///
    /// # Errors
    /// When the text is no filter, with the place and, where it can be guessed, what was meant; types that can never fit and
    /// constants that come to nothing, such as `1 / 0`, are errors here already.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let fault = |fault: Fault| fault.in_text(text);
        if text.len() > Self::MAX_LENGTH {
            let message =
                format!("a filter has at most {} bytes, and this has {}", Self::MAX_LENGTH, text.len());
            return Err(Fault::new(Span::new(0, 0), message).in_text(""));
        }
        let root = parser::parse(text).map_err(fault)?;
        parser::check(&root).map_err(fault)?;
        Ok(Self { text: text.into(), root: Arc::new(root) })
    }

    /// Whether the filter takes a record. For filters that make no new texts it allocates nothing.
    ///
    /// # Errors
    /// When it cannot be said: what the filter looks for is missing, of another type or cannot be decoded, and no other part of it
    /// decides; or the record takes more steps than the context allows.
    pub fn matches(&self, record: &dyn Record, context: &Context) -> Result<bool, Undecided> {
        Evaluation::new(record, context).truth(&self.root).map_err(|stop| stop.in_text(&self.text))
    }

    /// The name that was meant by the field that is missing, where a field beside it has nearly that name.
    ///
    /// It compares the names of an object: a matter for the first record that is undecided.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use kestrel_filter::{Context, Filter, PlainRecord};
    ///
    /// let filter = Filter::parse("value.magnitud >= 4.5")?;
    /// let record = PlainRecord::new("earthquakes", 0, 17).with_value(br#"{"magnitude": 4.7}"#);
    /// let undecided = filter.matches(&record, &Context::at(SystemTime::UNIX_EPOCH)).unwrap_err();
    /// assert_eq!(filter.nearest_field(&undecided, &record).as_deref(), Some("magnitude"));
    /// # Ok::<(), kestrel_filter::FilterError>(())
    /// ```
    #[must_use]
    pub fn nearest_field(&self, undecided: &Undecided, record: &dyn Record) -> Option<String> {
        nearest(&self.root, undecided.missing()?, record)
    }

    /// Whether the filter may look at a part of a record.
    #[must_use]
    pub fn needs(&self, part: Part) -> bool {
        self.root.needs().contains(part)
    }

    /// Where the records can be that the filter takes, or of which it is undecided.
    #[must_use]
    pub fn bounds(&self, context: &Context) -> Bounds {
        bounds::bounds(&self.root, false, context)
    }

    /// The text that the filter was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}
