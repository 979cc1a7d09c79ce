//! Subject: the name that versions of a schema are registered under, and the context that it is in.

use std::fmt;
use std::sync::Arc;

/// The part of a registry in which ids are unique, by its name: `.` is the default one, others are `.name`.
pub(crate) const DEFAULT_CONTEXT: &str = ".";
/// The context whose settings hold where no other do.
const GLOBAL_CONTEXT: &str = ".__GLOBAL";
/// Names that stand for something else in paths and permissions.
const RESERVED: [&str; 2] = ["__GLOBAL", "__EMPTY"];

/// The name of a subject with its context. With an empty name it stands for its whole context, whose settings it names.
///
/// As text a subject of the default context is its name, another one `:.context:name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Subject {
    context: Arc<str>,
    name: Arc<str>,
}

impl Subject {
    pub(crate) fn new(context: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { context: context.into(), name: name.into() }
    }

    /// Reads `name`, `:.context:name`, `:.context:` or `:.context`.
    pub(crate) fn parse(text: &str) -> Self {
        match text.strip_prefix(':').filter(|rest| rest.starts_with('.')) {
            Some(qualified) => {
                let (context, name) = qualified.split_once(':').unwrap_or((qualified, ""));
                Self::new(context, name)
            }
            None => Self::new(DEFAULT_CONTEXT, text),
        }
    }

    /// The default context as a whole: the settings that a registry calls global.
    pub(crate) fn top() -> Self {
        Self::new(DEFAULT_CONTEXT, "")
    }

    /// The settings of all contexts.
    pub(crate) fn everywhere() -> Self {
        Self::new(GLOBAL_CONTEXT, "")
    }

    /// The context of this subject as a whole.
    pub(crate) fn whole_context(&self) -> Self {
        Self { context: Arc::clone(&self.context), name: "".into() }
    }

    /// The subject that `text` names in a schema or in the settings of this one: in the same context, unless it says another.
    pub(crate) fn sibling(&self, text: &str) -> Self {
        let named = Self::parse(text);
        if named.is_in_default_context() {
            Self { context: Arc::clone(&self.context), ..named }
        } else {
            named
        }
    }

    /// The subject of this name in another context.
    pub(crate) fn in_context(&self, context: &Arc<str>) -> Self {
        Self { context: Arc::clone(context), name: Arc::clone(&self.name) }
    }

    pub(crate) fn context(&self) -> &Arc<str> {
        &self.context
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn is_in_default_context(&self) -> bool {
        &*self.context == DEFAULT_CONTEXT
    }

    /// Whether this stands for a context.
    pub(crate) fn is_context(&self) -> bool {
        self.name.is_empty()
    }

    pub(crate) fn is_everywhere(&self) -> bool {
        *self == Self::everywhere()
    }

    /// Whether it is `other`, or a context that `other` is in.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self == other || self.is_everywhere() || (self.is_context() && self.context == other.context)
    }

    /// Whether schemas may be registered under it.
    pub(crate) fn may_have_schemas(&self) -> bool {
        self.may_have_settings() && !self.is_context() && &*self.context != GLOBAL_CONTEXT
    }

    /// Whether it may have a configuration and a mode.
    pub(crate) fn may_have_settings(&self) -> bool {
        let is_odd = |text: &str| text.chars().any(char::is_control);
        !is_odd(&self.context) && !is_odd(&self.name) && !RESERVED.contains(&&*self.name)
    }

    /// Its text in the key of a record; none for the default context.
    pub(crate) fn key(&self) -> Option<String> {
        let is_top = self.is_in_default_context() && self.is_context();
        (!is_top).then(|| self.to_string())
    }

    /// The context as the texts of errors have it: nothing for the default one.
    pub(crate) fn context_text(&self) -> String {
        self.whole_context().to_string()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_in_default_context() {
            write!(f, ":{}:", self.context)?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_is_written() {
        for (text, context, name, shown) in [
            ("clicks-value", ".", "clicks-value", "clicks-value"),
            (":.lab:clicks-value", ".lab", "clicks-value", ":.lab:clicks-value"),
            (":.lab:", ".lab", "", ":.lab:"),
            (":.lab", ".lab", "", ":.lab:"),
            (":.:clicks-value", ".", "clicks-value", "clicks-value"),
            (":.lab:a:b", ".lab", "a:b", ":.lab:a:b"),
            (":odd", ".", ":odd", ":odd"),
            ("", ".", "", ""),
        ] {
            let subject = Subject::parse(text);
            assert_eq!((&**subject.context(), &**subject.name()), (context, name), "{text}");
            assert_eq!(subject.to_string(), shown, "{text}");
        }
    }

    #[test]
    fn a_context_covers_what_is_in_it() {
        let [lab, clicks, other] = [":.lab:", ":.lab:clicks", "clicks"].map(Subject::parse);
        assert!(lab.covers(&clicks) && lab.covers(&lab) && !lab.covers(&other) && !clicks.covers(&lab));
        assert!(Subject::top().covers(&other) && !Subject::top().covers(&clicks));
        assert!(Subject::everywhere().covers(&clicks));
        assert_eq!(clicks.sibling("a"), Subject::parse(":.lab:a"));
        assert_eq!(clicks.sibling(":.b:a"), Subject::parse(":.b:a"));
    }

    #[test]
    fn some_names_are_no_subjects() {
        assert!(Subject::parse("a b/c").may_have_schemas());
        for text in ["", ":.lab:", "__GLOBAL", "__EMPTY", ":.__GLOBAL:a", "a\u{1}b", ":.l\nab:a"] {
            assert!(!Subject::parse(text).may_have_schemas(), "{text:?}");
        }
        assert!(Subject::everywhere().may_have_settings() && !Subject::parse("a\u{7f}").may_have_settings());
    }
}
