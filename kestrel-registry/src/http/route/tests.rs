//! Paths, and what they ask for.

use super::*;
use crate::machine::{Page, Proposal, Shown};

fn asked(method: &str, path: &str) -> Result<Route, Refusal> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    route(Call { method, path, query, body: br#"{"schema":"\"int\""}"# })
}

fn request(method: &str, path: &str) -> Request {
    match asked(method, path) {
        Ok(Route::Ask(request)) => *request,
        other => panic!("{method} {path}: {other:?}"),
    }
}

#[test]
fn names_are_decoded_and_contexts_put_before_them() {
    for (path, subject) in [
        ("/subjects/a%2Fb%3Ac/versions/1", "a/b:c"),
        ("/subjects/%3A.lab%3Aa/versions/1", ":.lab:a"),
        ("/contexts/lab/subjects/a/versions/1", ":.lab:a"),
        ("/contexts/:.lab:/subjects/a/versions/1", ":.lab:a"),
        ("/contexts/.lab/subjects/:.x:a/versions/1/", ":.x:a"),
        ("/contexts/./subjects/a/versions/1", "a"),
    ] {
        let Request::Version(find) = request("GET", path) else { panic!("{path}") };
        assert_eq!(
            (find.subject, find.version),
            (Subject::parse(subject), VersionNumber::Number(1)),
            "{path}"
        );
    }
}

#[test]
fn parameters_are_those_of_the_request() {
    let proposal = Proposal { schema: Some(kestrel_schema::Schema::avro("\"int\"")), ..Proposal::default() };
    let registered = request("POST", "/subjects/a/versions?normalize=true&force=true&format=serialized");
    let subject = Subject::parse("a");
    let expected = Register {
        subject: subject.clone(),
        proposal: proposal.clone(),
        normalize: true,
        force: true,
        format: "serialized".into(),
    };
    assert_eq!(registered, Request::Register(expected));
    let checked = request("POST", "/compatibility/subjects/a/versions/latest?verbose=true");
    let (version, verbose) = (Some(VersionNumber::Latest), true);
    let expected =
        CheckCompatibility { subject: subject.clone(), version, proposal, normalize: false, verbose };
    assert_eq!(checked, Request::Compatibility(expected));
    let page = Page { offset: 1, limit: Some(2) };
    let listed = request("GET", "/subjects/a/versions?deleted=true&offset=1&limit=2");
    assert_eq!(listed, Request::Versions { subject, shown: Shown::All, as_negative: false, page });
}

#[test]
fn settings_are_of_a_subject_a_context_or_all() {
    for (path, subject) in [
        ("/config", ""),
        ("/config/a", "a"),
        ("/config/%3A.lab%3A", ":.lab:"),
        ("/contexts/lab/config", ":.lab:"),
        ("/contexts/lab/config/a", ":.lab:a"),
        ("/config/:.__GLOBAL:", ":.__GLOBAL:"),
    ] {
        let expected = Request::Config { subject: Subject::parse(subject), inherited: false };
        assert_eq!(request("GET", path), expected, "{path}");
    }
}

#[test]
fn what_is_no_call_is_refused() {
    for (method, path, code) in [
        ("GET", "/nothing", 404),
        ("GET", "/schemas/ids/one", 404),
        ("GET", "/subjects/%ff/versions", 404),
        // No name is empty, and none is left out.
        ("GET", "/subjects//versions", 404),
        ("POST", "/subjects//versions", 404),
        ("GET", "//subjects", 404),
        ("GET", "/subjects//", 404),
        ("GET", "/contexts//subjects", 404),
        ("OPTIONS", "/nothing", 404),
        ("TRACE", "/subjects", 405),
        ("GET", "/config/a/b", 404),
        ("DELETE", "/schemas/types", 405),
        ("GET", "/compatibility/subjects/a/versions", 405),
        ("PUT", "/v1/metadata/id", 405),
        ("GET", "/subjects?limit=x", 400),
        ("GET", "/subjects/a/versions/0", 42202),
    ] {
        assert_eq!(asked(method, path).unwrap_err().code(), code, "{method} {path}");
    }
    assert_eq!(asked("GET", "/").unwrap(), Route::Root);
    assert_eq!(asked("GET", "").unwrap(), Route::Root);
    assert_eq!(asked("GET", "/v1/metadata/id").unwrap(), Route::ClusterId);
}

#[test]
fn a_path_has_methods() {
    for (path, methods) in [
        ("/", "GET,POST,HEAD,OPTIONS"),
        ("/subjects/", "GET,HEAD,OPTIONS"),
        ("/subjects/a", "POST,DELETE,OPTIONS"),
        ("/subjects/a%2Fb/versions", "GET,POST,HEAD,OPTIONS"),
        ("/subjects/a/versions/x", "GET,DELETE,HEAD,OPTIONS"),
        ("/compatibility/subjects/a/versions", "POST,OPTIONS"),
        ("/config/a", "GET,PUT,DELETE,HEAD,OPTIONS"),
    ] {
        let Ok(Route::Methods(there)) = asked("OPTIONS", path) else { panic!("{path}") };
        assert_eq!(there.header(), methods, "{path}");
    }
}
