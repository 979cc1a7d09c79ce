//! What a call asks for: method, path, parameters and body become a request. A pure function.

use hyper::header::HeaderValue;

use super::body;
use super::query::{Query, segments};
use crate::error::Refusal;
use crate::machine::{
    CheckCompatibility, FindById, FindSchemas, FindVersion, LookUp, Register, Request, VersionNumber,
};
use crate::subject::Subject;

/// One call of the API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// What a call asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    /// Something that the registry's machine knows.
    Ask(Box<Request>),
    /// A sign of life.
    Root,
    /// The types of schemas.
    Types,
    /// Which cluster the registry is of.
    ClusterId,
    /// Which program it is.
    ServerVersion,
    /// How it is deployed.
    Deployment,
    /// What may be asked at the path.
    Methods(Methods),
}

/// The methods that there are at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Methods(Vec<&'static str>);

impl Methods {
    /// Those that a call at this path may have, whatever else is wrong with it.
    pub(super) fn at(path: &str) -> Self {
        let is_there = |method: &&str| {
            let called = route(Call { method, path, query: "", body: &[] });
            called.err().is_none_or(|refusal| !matches!(refusal.code(), 404 | 405))
        };
        let mut methods: Vec<_> = ["GET", "POST", "PUT", "DELETE"].into_iter().filter(is_there).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        Self(methods)
    }

    /// The value of the header `Allow`.
    pub(super) fn header(&self) -> HeaderValue {
        let methods = [&*self.0, &["OPTIONS"]].concat().join(",");
        HeaderValue::from_str(&methods).expect("names of methods are ASCII")
    }
}

impl From<Request> for Route {
    fn from(request: Request) -> Self {
        Self::Ask(Box::new(request))
    }
}

/// What a call asks for.
///
/// # Errors
/// When there is nothing at its path, or nothing for its method; when a parameter or its body is wrong.
pub(crate) fn route(call: Call<'_>) -> Result<Route, Refusal> {
    if call.method == "OPTIONS" {
        let methods = Methods::at(call.path);
        return if methods.0.is_empty() { Err(Refusal::no_such_path()) } else { Ok(Route::Methods(methods)) };
    }
    let segments = segments(call.path)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (context, segments) = match &*segments {
        // A path may name the context that everything after it is in.
        ["contexts", context, rest @ ..] if !rest.is_empty() => (Some(context_named(context)?), rest),
        all => (None, all),
    };
    let within = Within { call, query: Query::parse(call.query), context };
    match segments {
        [] => within.root(),
        ["subjects", rest @ ..] => within.subjects(rest),
        ["schemas", rest @ ..] => within.schemas(rest),
        ["compatibility", "subjects", subject, "versions", rest @ ..] => within.compatibility(subject, rest),
        ["config", rest @ ..] => within.config(rest),
        ["mode", rest @ ..] => within.mode(rest),
        ["contexts", rest @ ..] => within.contexts(rest),
        ["v1", "metadata", what] => within.metadata(what),
        _ => Err(Refusal::no_such_path()),
    }
}

/// A context by any of its names: `lab`, `.lab`, `:.lab:`.
fn context_named(name: &str) -> Result<Subject, Refusal> {
    let bare = name.strip_prefix(':').unwrap_or(name);
    let bare = bare.strip_suffix(':').unwrap_or(bare);
    if bare.contains(':') {
        return Err(Refusal::malformed_parameter("context", name, "a name without a colon in it"));
    }
    let dotted = if bare.starts_with('.') { bare.to_owned() } else { format!(".{bare}") };
    Ok(Subject::new(dotted, ""))
}

/// A call, and the context that its path names.
struct Within<'a> {
    call: Call<'a>,
    query: Query,
    context: Option<Subject>,
}

impl Within<'_> {
    fn subject(&self, text: &str) -> Subject {
        match &self.context {
            Some(context) => context.sibling(text),
            None => Subject::parse(text),
        }
    }

    /// The subject that a parameter names: the context of the path, if there is none.
    fn subject_parameter(&self) -> Option<Subject> {
        match self.query.get("subject").filter(|subject| !subject.is_empty()) {
            Some(subject) => Some(self.subject(subject)),
            None => self.context.clone(),
        }
    }

    /// What names of subjects are to begin with, in all contexts by `default`.
    fn prefix(&self, default: &str) -> String {
        let prefix = self.query.get("subjectPrefix");
        match &self.context {
            Some(context) if !prefix.is_some_and(|prefix| prefix.starts_with(':')) => {
                format!("{context}{}", prefix.unwrap_or_default())
            }
            _ => prefix.unwrap_or(default).to_owned(),
        }
    }

    fn root(&self) -> Result<Route, Refusal> {
        match self.call.method {
            "GET" | "POST" => Ok(Route::Root),
            _ => Err(Refusal::no_such_method()),
        }
    }

    fn subjects(&self, rest: &[&str]) -> Result<Route, Refusal> {
        match (rest, self.call.method) {
            ([], "GET") => {
                let (prefix, shown) = (self.prefix(":*:"), self.query.shown());
                Ok(Request::Subjects { prefix, shown, page: self.query.page()? }.into())
            }
            ([subject], "POST") => Ok(Request::LookUp(LookUp {
                subject: self.subject(subject),
                proposal: body::proposal(self.call.body)?,
                normalize: self.query.flag("normalize"),
                shown: self.query.shown(),
                format: self.format(),
            })
            .into()),
            ([subject], "DELETE") => {
                let permanent = self.query.flag("permanent");
                Ok(Request::DeleteSubject { subject: self.subject(subject), permanent }.into())
            }
            ([subject, "metadata"], "GET") => {
                let (keys, values) = (self.query.all("key"), self.query.all("value"));
                let properties = keys.zip(values).map(|(key, value)| (key.to_owned(), value.to_owned()));
                let (subject, properties) = (self.subject(subject), properties.collect());
                let (shown, format) = (self.query.shown(), self.format());
                Ok(Request::LatestWithMetadata { subject, properties, shown, format }.into())
            }
            ([subject, "versions", rest @ ..], _) => self.versions(subject, rest),
            ([] | [_] | [_, "metadata"], _) => Err(Refusal::no_such_method()),
            _ => Err(Refusal::no_such_path()),
        }
    }

    fn versions(&self, subject: &str, rest: &[&str]) -> Result<Route, Refusal> {
        let subject = self.subject(subject);
        let request = match (rest, self.call.method) {
            ([], "GET") => {
                let (shown, as_negative) = (self.query.shown(), self.query.flag("deletedAsNegative"));
                Request::Versions { subject, shown, as_negative, page: self.query.page()? }
            }
            ([], "POST") => Request::Register(Register {
                subject,
                proposal: body::proposal(self.call.body)?,
                normalize: self.query.flag("normalize"),
                force: self.query.flag("force"),
                format: self.format(),
            }),
            ([version], "GET") => self.version(subject, version, false)?,
            ([version, "schema"], "GET") => self.version(subject, version, true)?,
            ([version], "DELETE") => {
                let (version, permanent) = (VersionNumber::parse(version)?, self.query.flag("permanent"));
                Request::DeleteVersion { subject, version, permanent }
            }
            ([version, "referencedby"], "GET") => {
                let (version, shown) = (VersionNumber::parse(version)?, self.query.shown());
                Request::ReferencedBy { subject, version, shown, page: self.query.page()? }
            }
            ([] | [_] | [_, "schema" | "referencedby"], _) => return Err(Refusal::no_such_method()),
            _ => return Err(Refusal::no_such_path()),
        };
        Ok(request.into())
    }

    fn version(&self, subject: Subject, version: &str, text_only: bool) -> Result<Request, Refusal> {
        Ok(Request::Version(FindVersion {
            subject,
            version: VersionNumber::parse(version)?,
            shown: self.query.shown(),
            format: self.format(),
            qualified_references: self.qualified_references(),
            text_only,
        }))
    }

    fn format(&self) -> String {
        self.query.text("format").trim().to_owned()
    }

    fn qualified_references(&self) -> bool {
        self.query.get("referenceFormat").is_some_and(|format| format.eq_ignore_ascii_case("qualified"))
    }

    fn schemas(&self, rest: &[&str]) -> Result<Route, Refusal> {
        if self.call.method != "GET" {
            return Err(Refusal::no_such_method());
        }
        match rest {
            [] => Ok(Request::Schemas(FindSchemas {
                prefix: self.prefix(""),
                shown: self.query.shown(),
                latest_only: self.query.flag("latestOnly"),
                rule_type: self.query.text("ruleType"),
                with_aliases: self.query.flag("aliases"),
                page: self.query.page()?,
            })
            .into()),
            ["types"] => Ok(Route::Types),
            ["ids", id, rest @ ..] => self.by_id(id.parse().map_err(|_| Refusal::no_such_path())?, rest),
            ["guids", guid] => Ok(Request::ByGuid { guid: (*guid).to_owned(), format: self.format() }.into()),
            ["guids", guid, "ids"] => Ok(Request::IdsOfGuid { guid: (*guid).to_owned() }.into()),
            _ => Err(Refusal::no_such_path()),
        }
    }

    fn by_id(&self, id: i32, rest: &[&str]) -> Result<Route, Refusal> {
        let (subject, shown) = (self.subject_parameter(), self.query.shown());
        let request = match rest {
            [] | ["schema"] => Request::ById(FindById {
                id,
                subject,
                format: self.format(),
                with_max_id: self.query.flag("fetchMaxId"),
                qualified_references: self.qualified_references(),
                text_only: !rest.is_empty(),
            }),
            ["subjects"] => Request::SubjectsOfId { id, subject, shown, page: self.query.page()? },
            ["versions"] => Request::VersionsOfId { id, subject, shown, page: self.query.page()? },
            _ => return Err(Refusal::no_such_path()),
        };
        Ok(request.into())
    }

    fn compatibility(&self, subject: &str, rest: &[&str]) -> Result<Route, Refusal> {
        if rest.len() > 1 {
            return Err(Refusal::no_such_path());
        }
        if self.call.method != "POST" {
            return Err(Refusal::no_such_method());
        }
        Ok(Request::Compatibility(CheckCompatibility {
            subject: self.subject(subject),
            version: rest.first().map(|version| VersionNumber::parse(version)).transpose()?,
            proposal: body::proposal(self.call.body)?,
            normalize: self.query.flag("normalize"),
            verbose: self.query.flag("verbose"),
        })
        .into())
    }

    /// The subject of a path that ends in it or not: the context as a whole, if not.
    fn settings_subject(&self, rest: &[&str]) -> Result<Subject, Refusal> {
        match rest {
            [] => Ok(self.context.clone().unwrap_or_else(Subject::top)),
            [subject] => Ok(self.subject(subject)),
            _ => Err(Refusal::no_such_path()),
        }
    }

    fn config(&self, rest: &[&str]) -> Result<Route, Refusal> {
        let subject = self.settings_subject(rest)?;
        let request = match self.call.method {
            "GET" => Request::Config { subject, inherited: self.query.flag("defaultToGlobal") },
            "PUT" => Request::SetConfig { subject, change: body::config_change(self.call.body)? },
            "DELETE" => Request::DeleteConfig { subject },
            _ => return Err(Refusal::no_such_method()),
        };
        Ok(request.into())
    }

    fn mode(&self, rest: &[&str]) -> Result<Route, Refusal> {
        let subject = self.settings_subject(rest)?;
        let request = match self.call.method {
            "GET" => Request::Mode { subject, inherited: self.query.flag("defaultToGlobal") },
            "PUT" => {
                let (mode, force) = (body::mode(self.call.body)?, self.query.flag("force"));
                Request::SetMode { subject, mode, force }
            }
            "DELETE" => Request::DeleteMode { subject, recursive: self.query.flag("recursive") },
            _ => return Err(Refusal::no_such_method()),
        };
        Ok(request.into())
    }

    fn contexts(&self, rest: &[&str]) -> Result<Route, Refusal> {
        match (rest, self.call.method) {
            ([], "GET") => {
                let (prefix, page) = (self.query.text("contextPrefix"), self.query.page()?);
                Ok(Request::Contexts { prefix, page }.into())
            }
            ([context], "DELETE") => Ok(Request::DeleteContext { context: context_named(context)? }.into()),
            ([] | [_], _) => Err(Refusal::no_such_method()),
            _ => Err(Refusal::no_such_path()),
        }
    }

    fn metadata(&self, what: &str) -> Result<Route, Refusal> {
        let route = match what {
            "id" => Route::ClusterId,
            "version" => Route::ServerVersion,
            "deployment" => Route::Deployment,
            _ => return Err(Refusal::no_such_path()),
        };
        if self.call.method == "GET" { Ok(route) } else { Err(Refusal::no_such_method()) }
    }
}

#[cfg(test)]
mod tests;
