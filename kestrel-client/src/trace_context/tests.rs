//! The examples of the specification, and what a stranger may put into a header.

use proptest::prelude::*;

use super::*;
use crate::format_headers::OwnHeaders;
use kestrel_protocol::record::Headers;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn of(headers: &[(&str, &[u8])]) -> Option<TraceContext> {
    let mut all = Headers::new();
    for &(name, value) in headers {
        all.push(name, Some(value.to_vec().into()));
    }
    TraceContext::of(&OwnHeaders(all.as_slice()))
}

#[test]
fn what_is_read_is_written_again() {
    let context = TraceContext::parse(PARENT, Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).unwrap();
    let headers = TraceHeaders::from(context.clone());
    let written: Vec<_> = headers.iter().collect();
    let state = b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
    assert_eq!(written, [("traceparent", Some(PARENT.as_bytes())), ("tracestate", Some(&state[..]))]);
    assert_eq!(of(&[("traceparent", PARENT.as_bytes()), ("tracestate", state)]), Some(context));
}

#[test]
fn the_last_header_of_a_name_counts() {
    let older = "00-11111111111111111111111111111111-2222222222222222-00";
    let read = of(&[("traceparent", older.as_bytes()), ("traceparent", PARENT.as_bytes())]).unwrap();
    assert_eq!((read.to_string(), read.state()), (PARENT.to_owned(), ""));
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    for longer in
        ["01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", &format!("cc{}-more-01", &PARENT[2..])]
    {
        let read = TraceContext::parse(longer, None).expect(longer);
        assert!(read.to_string().starts_with("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"));
        assert!(read.is_sampled() && read.flags() <= 3);
    }
}

#[test]
fn what_is_no_traceparent_begins_a_new_trace() {
    let id = "0af7651916cd43dd8448eb211c80319c";
    for wrong in [
        String::new(),
        PARENT[..54].to_owned(),
        format!("{PARENT}-"),
        format!("{PARENT}-00"),
        format!("cc{}.more", &PARENT[2..]),
        PARENT.replace("00-", "ff-"),
        PARENT.to_uppercase(),
        PARENT.replace('-', "_"),
        format!("00-{:032}-b7ad6b7169203331-01", 0),
        format!("00-{id}-{:016}-01", 0),
        format!("00-{id}-b7ad6b7169203331-0g"),
        format!("00-{id}b7ad6b7169203331-01-01-"),
        format!(" {PARENT}"),
    ] {
        assert_eq!(TraceContext::parse(&wrong, None), None, "{wrong}");
    }
    assert_eq!(of(&[("traceparent", b"\xff\xfe")]), None);
    assert_eq!(of(&[("tracestate", b"a=1")]), None);
}

#[test]
fn a_tracestate_that_is_none_is_left_out_and_the_trace_kept() {
    let (many, long) = (vec!["a=1"; 33].join(","), format!("a={}", "x".repeat(511)));
    for wrong in
        ["", " ", ",", "a", "a=", "A=1", "=1", "a=b=c", "a=\u{e9}", "a=\u{7f}", "a@b@c=1", &many, &long]
    {
        let read = TraceContext::parse(PARENT, Some(wrong)).unwrap();
        assert_eq!(read.state(), "", "{wrong}");
    }
    for (right, kept) in [("a=1", "a=1"), (" a=1 , ,b@c=2\t", "a=1 , ,b@c=2"), ("0t@s=x y", "0t@s=x y")] {
        assert_eq!(TraceContext::parse(PARENT, Some(right)).unwrap().state(), kept);
    }
    let most = vec!["a=1"; 32].join(",");
    assert_eq!(TraceContext::parse(PARENT, Some(&most)).unwrap().state(), most);
}

/// Reading takes the ids from the text, and a copy of what is beside them.
#[test]
fn a_trace_is_read_without_an_allocation_but_for_its_state() {
    let read = |headers: &[(&str, &[u8])]| {
        let mut all = Headers::new();
        headers.iter().for_each(|&(name, value)| all.push(name, Some(value.to_vec().into())));
        let mut context = None;
        let memory = allocation_counter::measure(|| context = TraceContext::of(&OwnHeaders(all.as_slice())));
        (context.is_some(), memory.count_total)
    };
    let (parent, state): (_, (_, &[u8])) = (("traceparent", PARENT.as_bytes()), ("tracestate", b"rojo=1"));
    assert_eq!(read(&[parent]), (true, 0));
    assert_eq!(read(&[parent, state]), (true, 1));
    assert_eq!(read(&[("own", b"1")]), (false, 0));
}

/// However often the headers are written: what is beside the ids is shared.
#[test]
fn headers_are_written_without_an_allocation() {
    let context = TraceContext::parse(PARENT, Some("rojo=1")).unwrap();
    let mut bytes = 0;
    let memory = allocation_counter::measure(|| {
        for _ in 0..10 {
            let headers = TraceHeaders::from(context.clone());
            bytes +=
                headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum::<usize>();
        }
    });
    assert_eq!((bytes, memory.count_total), (10 * (11 + 55 + 10 + 6), 0));
}

proptest! {
    #[test]
    fn any_context_comes_back_and_any_bytes_are_borne(
        (trace, span, flags) in any::<(u128, u64, u8)>(),
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        at in 0usize..55,
    ) {
        let context = TraceContext::new(trace.to_be_bytes(), span.to_be_bytes(), flags);
        let again = context.as_ref().and_then(|context| TraceContext::parse(context.to_string(), None));
        prop_assert_eq!(again, context);
        let _ = of(&[("traceparent", &bytes), ("tracestate", &bytes)]);
        // Whatever is read has one spelling, of which a single other byte is another context or none.
        let mut text = PARENT.as_bytes().to_vec();
        text[at] = bytes.first().copied().unwrap_or(b'-');
        if let Some(read) = TraceContext::parse(&text, None) {
            prop_assert_eq!(read.to_string().len(), TRACEPARENT_LEN);
        }
    }
}
