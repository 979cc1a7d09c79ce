//! Where a schema stands in its document, for errors.

use std::fmt;

use super::documents::escaped;

/// A place in a document: a step from the place around it. Only an error puts the steps together, as a JSON pointer.
#[derive(Debug)]
pub(super) struct Place<'p> {
    outer: Option<&'p Self>,
    step: Step<'p>,
}

#[derive(Debug)]
enum Step<'p> {
    /// The whole text up to here: `#`, or what a reference says.
    Start(&'p str),
    Keyword(&'p str),
    Name(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    pub(super) const fn start(text: &'p str) -> Self {
        Self { outer: None, step: Step::Start(text) }
    }

    pub(super) const fn at<'q>(&'q self, keyword: &'q str) -> Place<'q> {
        Place { outer: Some(self), step: Step::Keyword(keyword) }
    }

    pub(super) const fn named<'q>(&'q self, name: &'q str) -> Place<'q> {
        Place { outer: Some(self), step: Step::Name(name) }
    }

    pub(super) const fn item(&self, index: usize) -> Place<'_> {
        Place { outer: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(outer) = self.outer {
            write!(f, "{outer}/")?;
        }
        match self.step {
            Step::Start(text) | Step::Keyword(text) => f.write_str(text),
            Step::Name(name) => f.write_str(&escaped(name)),
            Step::Index(index) => write!(f, "{index}"),
        }
    }
}
