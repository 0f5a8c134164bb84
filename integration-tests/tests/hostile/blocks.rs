//! Header blocks for NATS, core and JetStream.

use crate::victim::{OTHER, TRACEPARENT, Trace};
use integration_tests::wire::nats::block;

/// What it is, the block, and in which trace its message has to be handled.
pub(crate) type Case = (&'static str, Vec<u8>, Trace);

/// Another sender in the trace of the first.
const CHILD: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

/// Blocks that async-nats reads, of at most this many bytes, for a server that writes every
/// `traceparent` in lower case or leaves it as it is.
pub(crate) fn blocks(most: usize, is_rewritten: bool) -> Vec<Case> {
    let traceparent = format!("traceparent: {TRACEPARENT}");
    let good = traceparent.as_bytes();
    let unspaced = format!("traceparent:{TRACEPARENT}");
    let framed = format!("traceparent:\r{TRACEPARENT}\r");
    let title = format!("Traceparent: {TRACEPARENT}");
    let title = title.as_bytes();
    let other = format!("Traceparent: {OTHER}");
    let other = other.as_bytes();
    let same_name = format!("traceparent: {OTHER}");
    let x = format!("Xraceparent: {TRACEPARENT}");
    let other_x = format!("Xraceparent: {OTHER}");
    let random = TRACEPARENT.replace("-01", "-03");
    let random = ["Traceparent", "traceparent"].map(|name| format!("{name}: {random}"));
    let child = format!("Traceparent: {CHILD}");
    let lower_child = format!("traceparent: {CHILD}");
    // A relay that knows no other spelling has added the one in title case; where the server makes
    // one name of both, nothing tells which is newer.
    let relayed = if is_rewritten {
        Trace::LinkedTo(&[TRACEPARENT, CHILD])
    } else {
        Trace::Of(CHILD)
    };
    let third = format!("traceParent: {TRACEPARENT}");
    let other_third = format!("traceParent: {OTHER}");
    let folded = [&good[..30], b"\r\n ", &good[30..]].concat();
    let smuggled = [b"order: 7\n", good].concat();

    let mut many = vec![b"NATS/1.0\r\n".to_vec()];
    let names = (most / 20).min(20_000);
    for number in 0..names {
        many.push(format!("x-{number}: {number}\r\n").into_bytes());
        if number == names / 2 {
            many.push([good, b"\r\n"].concat());
        }
    }
    many.push(b"\r\n".to_vec());
    let mut repeated = vec![good; most / 80];
    repeated.push(same_name.as_bytes());

    let fill = |name: &str| {
        let size = most - block(&[format!("{name}: ").as_bytes()]).len();
        [format!("{name}: ").as_bytes(), &vec![b'0'; size]].concat()
    };
    let huge = [b"x: ", &vec![b'x'; most - block(&[b"x: ", good]).len()][..]].concat();
    let mut zeros = fill("traceparent");
    zeros[13..16].copy_from_slice(b"00-");
    // As many members and as many lines as fit, in the same block as a good traceparent.
    let states = "a=1,".repeat((most - 200) / 4);
    let states = format!("tracestate: {states}a=1");
    let members = ["k=v,"; 4].concat().repeat((most - 200) / 16);
    let members = format!("baggage: {members}k=v");

    vec![
        (
            "CR around a value",
            block(&[framed.as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "an empty name",
            block(&[good, b": 1"]),
            Trace::Of(TRACEPARENT),
        ),
        ("no line at all", block(&[]), Trace::New),
        ("nothing but the version", b"NATS/1.0".to_vec(), Trace::New),
        ("a good one", block(&[good]), Trace::Of(TRACEPARENT)),
        (
            "no space",
            block(&[unspaced.as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        ("title case", block(&[title]), Trace::Of(TRACEPARENT)),
        (
            "disabled by an older server",
            block(&[x.as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "another disabled one",
            block(&[good, other_x.as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "two senders in one trace",
            block(&[good, child.as_bytes()]),
            relayed,
        ),
        (
            "three spellings",
            block(&[good, child.as_bytes(), third.as_bytes()]),
            relayed,
        ),
        (
            "three spellings that differ",
            block(&[good, child.as_bytes(), other_third.as_bytes()]),
            Trace::LinkedTo(&[TRACEPARENT, CHILD, OTHER]),
        ),
        (
            "equal spellings",
            block(&[good, title]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "differing spellings",
            block(&[good, other]),
            Trace::LinkedTo(&[TRACEPARENT, OTHER]),
        ),
        (
            "a malformed spelling",
            block(&[good, b"Traceparent: 00-"]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "equal duplicates",
            block(&[good, good]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "differing duplicates",
            block(&[good, same_name.as_bytes()]),
            Trace::LinkedTo(&[TRACEPARENT, OTHER]),
        ),
        (
            "differing flags in two spellings",
            block(&[good, random[0].as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "differing flags in one spelling",
            block(&[good, random[1].as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        // What a server of 2.11 or 2.12 makes of both spellings.
        (
            "two senders in one trace and one spelling",
            block(&[good, lower_child.as_bytes()]),
            Trace::LinkedTo(&[TRACEPARENT, CHILD]),
        ),
        ("an empty value", block(&[b"traceparent:"]), Trace::New),
        (
            "a value of spaces",
            block(&[b"traceparent:   "]),
            Trace::New,
        ),
        (
            "an empty one beside a good one",
            block(&[good, b"traceparent: "]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "empty neighbours",
            block(&[good, b"tracestate:", b"baggage:"]),
            Trace::Of(TRACEPARENT),
        ),
        ("a folded line", block(&[&folded]), Trace::New),
        // To the server a line ends in CR LF, to async-nats in LF.
        (
            "a line in a line",
            block(&[&smuggled]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "control characters",
            block(&[b"traceparent: 00-\0\x01\x7f\t", b"x: \0"]),
            Trace::New,
        ),
        (
            "a status",
            [b"NATS/1.0 503 No Responders\r\n", good, b"\r\n\r\n"].concat(),
            Trace::Of(TRACEPARENT),
        ),
        ("thousands of names", many.concat(), Trace::Of(TRACEPARENT)),
        (
            "as many duplicates and another",
            block(&repeated),
            Trace::LinkedTo(&[TRACEPARENT, OTHER]),
        ),
        (
            "the largest value",
            block(&[&huge, good]),
            Trace::Of(TRACEPARENT),
        ),
        ("the largest traceparent", block(&[&zeros]), Trace::New),
        (
            "the largest tracestate",
            block(&[good, states.as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "the largest baggage",
            block(&[good, members.as_bytes()]),
            Trace::Of(TRACEPARENT),
        ),
    ]
}
