//! Header blocks for NATS, core and JetStream.

use crate::victim::{OTHER, TRACEPARENT, Trace};
use integration_tests::wire::nats::block;

/// What it is, the block, and in which trace its message has to be handled.
pub(crate) type Case = (&'static str, Vec<u8>, Trace);

/// Blocks that async-nats reads, up to the size that the server takes.
pub(crate) fn blocks(max_payload: usize) -> Vec<Case> {
    let traceparent = format!("traceparent: {TRACEPARENT}");
    let good = traceparent.as_bytes();
    let unspaced = format!("traceparent:{TRACEPARENT}");
    let title = format!("Traceparent: {TRACEPARENT}");
    let title = title.as_bytes();
    let other = format!("Traceparent: {OTHER}");
    let other = other.as_bytes();
    let same_name = format!("traceparent: {OTHER}");
    let x = format!("Xraceparent: {TRACEPARENT}");
    let folded = [&good[..30], b"\r\n ", &good[30..]].concat();
    let smuggled = [b"order: 7\n", good].concat();

    let mut many = vec![b"NATS/1.0\r\n".to_vec()];
    for number in 0..20_000 {
        many.push(format!("x-{number}: {number}\r\n").into_bytes());
        if number == 10_000 {
            many.push([good, b"\r\n"].concat());
        }
    }
    many.push(b"\r\n".to_vec());
    let mut repeated = vec![good; 10_000];
    repeated.push(same_name.as_bytes());

    let fill = |name: &str| {
        let size = max_payload - block(&[format!("{name}: ").as_bytes()]).len();
        [format!("{name}: ").as_bytes(), &vec![b'0'; size]].concat()
    };
    let huge = [
        b"x: ",
        &vec![b'x'; max_payload - block(&[b"x: ", good]).len()][..],
    ]
    .concat();
    let mut zeros = fill("traceparent");
    zeros[13..16].copy_from_slice(b"00-");
    // As many members and as many lines as fit, in the same block as a good traceparent.
    let states = "a=1,".repeat((max_payload - 200) / 4);
    let states = format!("tracestate: {states}a=1");
    let members = ["k=v,"; 4].concat().repeat((max_payload - 200) / 16);
    let members = format!("baggage: {members}k=v");

    vec![
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
            Trace::New,
        ),
        (
            "equal spellings",
            block(&[good, title]),
            Trace::Of(TRACEPARENT),
        ),
        ("differing spellings", block(&[good, other]), Trace::New),
        (
            "equal duplicates",
            block(&[good, good]),
            Trace::Of(TRACEPARENT),
        ),
        (
            "differing duplicates",
            block(&[good, same_name.as_bytes()]),
            Trace::New,
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
            Trace::New,
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
        ("20,000 names", many.concat(), Trace::Of(TRACEPARENT)),
        (
            "10,000 duplicates and another",
            block(&repeated),
            Trace::New,
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
