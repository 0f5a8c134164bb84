//! W3C Trace Context: `traceparent` and `tracestate`.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::str::FromStr;

pub(super) const TRACEPARENT: &str = "traceparent";
pub(super) const TRACESTATE: &str = "tracestate";

/// The flags that Level 2 knows: sampled and random trace id. Others are cleared.
const KNOWN_FLAGS: u8 = 0x03;

/// Far more than the 512 characters that have to travel (Level 2, section 3.3.1.5).
const MAX_TRACESTATE_BYTES: usize = 8192;

pub(super) fn inject(context: &Context, injector: &mut dyn Injector) {
    let span = context.span();
    let span_context = span.span_context();
    if !span_context.is_valid() {
        return;
    }
    let traceparent = format!(
        "00-{:032x}-{:016x}-{:02x}",
        span_context.trace_id(),
        span_context.span_id(),
        span_context.trace_flags().to_u8() & KNOWN_FLAGS
    );
    injector.set(TRACEPARENT, traceparent);
    let tracestate = span_context.trace_state().header();
    if !tracestate.is_empty() && is_safe(&tracestate) {
        injector.set(TRACESTATE, tracestate);
    }
}

pub(super) fn extract(context: &Context, extractor: &dyn Extractor) -> Context {
    let Some((trace_id, span_id, flags)) = extractor.get(TRACEPARENT).and_then(parse) else {
        return context.clone();
    };
    // An invalid tracestate is dropped; the traceparent stands without it (section 3.3).
    let trace_state = trace_state_lines(extractor)
        .filter(|list| is_safe(list))
        .and_then(|list| TraceState::from_str(&list).ok())
        .filter(has_no_duplicate)
        .unwrap_or_default();
    let sender = SpanContext::new(trace_id, span_id, flags, true, trace_state);
    context.with_remote_span_context(sender)
}

/// The lines of one tracestate are joined. Where there are several traceparents, of which the
/// carrier offers one, so are the lines of several tracestates: there, too, the one it offers.
fn trace_state_lines(extractor: &dyn Extractor) -> Option<String> {
    let senders = extractor.get_all(TRACEPARENT)?;
    if senders.len() > 1 {
        extractor.get(TRACESTATE).map(str::to_owned)
    } else {
        extractor.get_all(TRACESTATE).map(|lines| lines.join(","))
    }
}

/// `version "-" trace-id "-" parent-id "-" flags`, by section 3.2.2: exact lengths, lower-case
/// hex, no all-zero id, not version ff. A higher version is read by these fields if nothing
/// follows them or a `-` does.
fn parse(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let header = header.trim_matches([' ', '\t']).as_bytes();
    let (fields, rest) = header.split_at_checked(55)?;
    if fields[2] != b'-' || fields[35] != b'-' || fields[52] != b'-' {
        return None;
    }
    let version = hex(&fields[..2])?;
    let follows = match rest.first() {
        None => true,
        Some(b'-') => version != 0,
        Some(_) => false,
    };
    let trace_id = hex(&fields[3..35])?;
    let span_id = u64::try_from(hex(&fields[36..52])?).ok()?;
    let flags = u8::try_from(hex(&fields[53..])?).ok()?;
    if version == 0xff || !follows || trace_id == 0 || span_id == 0 {
        return None;
    }
    Some((
        TraceId::from(trace_id),
        SpanId::from(span_id),
        TraceFlags::new(flags & KNOWN_FLAGS),
    ))
}

fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

fn is_safe(list: &str) -> bool {
    list.len() <= MAX_TRACESTATE_BYTES
        && list
            .bytes()
            .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

/// Level 2, section 3.3.1.3.
fn has_no_duplicate(state: &TraceState) -> bool {
    let mut keys: Vec<_> = state.into_iter().map(|(key, _)| key).collect();
    let members = keys.len();
    keys.sort_unstable();
    keys.dedup();
    keys.len() == members
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

    #[test]
    fn refuses_what_the_specification_refuses() {
        assert!(parse(GOOD).is_some());
        assert!(parse(&format!(" {GOOD}\t")).is_some());
        assert!(parse(&GOOD.replacen("00", "01", 1)).is_some());
        assert!(parse(&format!("{}-more", GOOD.replacen("00", "cc", 1))).is_some());
        for bad in [
            "",
            "00-1-2-1",
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &format!("{GOOD}-"),
            &format!("{GOOD}0"),
            &format!("{}x", GOOD.replacen("00", "01", 1)),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            &GOOD.replace("0af7", "+af7"),
            &format!("\n{GOOD}"),
        ] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn the_random_flag_travels_and_unknown_flags_do_not() {
        let headers = HashMap::from([(TRACEPARENT.to_owned(), GOOD.replace("-03", "-ff"))]);
        let context = extract(&Context::new(), &headers);
        let mut out: HashMap<String, String> = HashMap::new();
        inject(&context, &mut out);
        assert_eq!(out[TRACEPARENT], GOOD);
        assert!(!out.contains_key(TRACESTATE));
    }

    #[test]
    fn a_bad_tracestate_leaves_the_traceparent() {
        for bad in ["a=1\r\nx: y", "a=1,b=2,a=3", "A=1", "a"] {
            let headers = HashMap::from([
                (TRACEPARENT.to_owned(), GOOD.to_owned()),
                (TRACESTATE.to_owned(), bad.to_owned()),
            ]);
            let context = extract(&Context::new(), &headers);
            assert!(context.span().span_context().is_valid());
            assert_eq!(
                context.span().span_context().trace_state().header(),
                "",
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_what_it_accepts_it_writes_back(header in "\\PC{0,70}|[0-9a-f-]{50,60}") {
            let headers = HashMap::from([(TRACEPARENT.to_owned(), header.clone())]);
            let context = extract(&Context::new(), &headers);
            if context.span().span_context().is_valid() {
                let mut out: HashMap<String, String> = HashMap::new();
                inject(&context, &mut out);
                let header = header.trim_matches([' ', '\t']);
                prop_assert_eq!(&out[TRACEPARENT][3..53], &header[3..53]);
            }
        }

        #[test]
        fn ids_survive(trace_id in 1u128.., span_id in 1u64.., flags in 0u8..=3) {
            let header = format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}");
            let headers = HashMap::from([(TRACEPARENT.to_owned(), header.clone())]);
            let mut out: HashMap<String, String> = HashMap::new();
            inject(&extract(&Context::new(), &headers), &mut out);
            prop_assert_eq!(&out[TRACEPARENT], &header);
        }
    }
}
