//! The W3C rules, written down a second time: plain, slow, and from the specifications alone.

use opentelemetry::trace::{SpanId, TraceFlags, TraceId};

/// Baggage, section 3.3.2.
pub const MAX_BAGGAGE_BYTES: usize = 8192;
/// Baggage, section 3.3.2.
pub const MAX_BAGGAGE_MEMBERS: usize = 64;
/// Trace Context Level 2, section 3.3.1.5: at least this much of a tracestate has to travel.
pub const MIN_TRACE_STATE_BYTES: usize = 512;
const MAX_TRACE_STATE_MEMBERS: usize = 32;

/// Trace id, span id and flags of a sender.
pub type Sender = (TraceId, SpanId, TraceFlags);

/// What a `traceparent` says (Trace Context Level 2, sections 3.2 and 4).
pub fn traceparent(header: &str) -> Option<Sender> {
    let mut fields = trim(header).splitn(5, '-');
    let mut hex = |length: usize| {
        let field = fields.next()?;
        let digits = |digit: char| matches!(digit, '0'..='9' | 'a'..='f');
        let valid = field.len() == length && field.chars().all(digits);
        u128::from_str_radix(field, 16).ok().filter(|_| valid)
    };
    let (version, trace_id, span_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let more = fields.next().is_some();
    if version == 0xff || (version == 0 && more) || trace_id == 0 || span_id == 0 {
        return None;
    }
    let flags = u8::try_from(flags).ok()? & 0x03;
    Some((
        TraceId::from(trace_id),
        SpanId::from(u64::try_from(span_id).ok()?),
        TraceFlags::new(flags),
    ))
}

/// The members of a valid `tracestate` (Trace Context Level 2, section 3.3.1), the first of each key.
pub fn tracestate(header: &str) -> Option<Vec<(String, String)>> {
    let mut members: Vec<(String, String)> = Vec::new();
    for member in header.split(',').map(trim).filter(|text| !text.is_empty()) {
        let (key, value) = member.split_once('=')?;
        if !is_tracestate_member(key, value) {
            return None;
        }
        if members.iter().all(|(other, _)| other != key) {
            members.push((key.to_owned(), value.to_owned()));
        }
    }
    (members.len() <= MAX_TRACE_STATE_MEMBERS).then_some(members)
}

/// Trace Context Level 2, sections 3.3.1.3.1 and 3.3.1.3.2.
pub fn is_tracestate_member(key: &str, value: &str) -> bool {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let printable = |byte| (b' '..=b'~').contains(&byte) && byte != b',' && byte != b'=';
    key.bytes().next().is_some_and(lower)
        && key
            .bytes()
            .all(|byte| lower(byte) || b"_-*/@".contains(&byte))
        && key.len() <= 256
        && value.bytes().all(printable)
        && (1..=256).contains(&value.len())
        && !value.ends_with(' ')
}

/// Whether OpenTelemetry's own type holds this key; it has the grammar of an older draft.
pub fn is_held_by_opentelemetry(key: &str) -> bool {
    let Some((_, system)) = key.split_once('@') else {
        return true;
    };
    let first = system.bytes().next();
    system.len() <= 13
        && !system.contains('@')
        && first.is_none_or(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// What is left of a `tracestate` that has to be shortened (Trace Context Level 2, section 3.3.1.5).
pub fn shortened_tracestate(header: &str, room: usize) -> String {
    let mut entries: Vec<&str> = header.split(',').collect();
    while entries.join(",").len() > room {
        let large = entries.iter().rposition(|entry| entry.len() > 128);
        entries.remove(large.unwrap_or(entries.len() - 1));
    }
    entries.join(",")
}

/// What is left of a `baggage` that has to be shortened: each member in turn, if it fits.
pub fn shortened_baggage(header: &str, room: usize) -> String {
    header.split(',').fold(String::new(), |kept, member| {
        let longer = if kept.is_empty() {
            member.to_owned()
        } else {
            format!("{kept},{member}")
        };
        if longer.len() <= room { longer } else { kept }
    })
}

/// A member of a `baggage` (Baggage, section 3.3.1).
#[derive(Debug)]
pub struct Member {
    /// A token, never decoded.
    pub key: String,
    /// Decoded.
    pub value: String,
    /// Those that keep to the grammar, without optional white space.
    pub properties: String,
    /// Whether no property was left out.
    pub is_whole: bool,
    /// In a header, without optional white space.
    pub size: usize,
}

/// What a member of a `baggage` says. `None` is invalid, and the member has to be skipped.
pub fn baggage_member(text: &str) -> Option<Member> {
    let (pair, properties) = text.split_once(';').unwrap_or((text, ""));
    let (key, value) = pair.split_once('=')?;
    let (key, value) = (trim(key), trim(value));
    if !is_token(key) || !value.bytes().all(is_baggage_octet) {
        return None;
    }
    let given = properties
        .split(';')
        .filter(|property| !trim(property).is_empty());
    let (valid, malformed): (Vec<_>, Vec<_>) = given.partition(|property| is_property(property));
    let properties = without_white_space(&valid.join(";"));
    let size = format!("{key}={value};{properties}").len() - usize::from(properties.is_empty());
    Some(Member {
        key: key.to_owned(),
        value: decode(value),
        properties,
        is_whole: malformed.is_empty(),
        size,
    })
}

/// The members that count of these lines of `baggage`, and whether that is all of them: the last of
/// each key, as long as there is room (Baggage, section 3.3.2).
pub fn baggage(lines: &[&str]) -> (Vec<Member>, bool) {
    let mut members: Vec<Member> = Vec::new();
    let mut complete = true;
    let joined = lines.join(",");
    for text in joined.split(',').filter(|text| !trim(text).is_empty()) {
        let Some(member) = baggage_member(text) else {
            complete = false;
            continue;
        };
        complete &= member.is_whole;
        members.retain(|earlier| earlier.key != member.key);
        let bytes: usize = members.iter().map(|earlier| earlier.size + 1).sum();
        if members.len() < MAX_BAGGAGE_MEMBERS && bytes + member.size <= MAX_BAGGAGE_BYTES {
            members.push(member);
        } else {
            complete = false;
        }
    }
    (members, complete)
}

/// Whether this is a list of properties as the grammar has it.
pub fn are_properties(text: &str) -> bool {
    text.split(';').all(is_property)
}

/// The properties without the optional white space between them.
pub fn without_white_space(properties: &str) -> String {
    let parts = properties.split_inclusive([';', '=']);
    let parts = parts.map(|part| match part.strip_suffix([';', '=']) {
        Some(text) => format!("{}{}", trim(text), &part[text.len()..]),
        None => trim(part).to_owned(),
    });
    parts.collect()
}

fn is_property(text: &str) -> bool {
    match text.split_once('=') {
        None => is_token(trim(text)),
        Some((key, value)) => is_token(trim(key)) && trim(value).bytes().all(is_baggage_octet),
    }
}

/// The length of a value in a header, where it is percent-encoded.
pub fn encoded_length(value: &str) -> usize {
    let plain = |byte| is_baggage_octet(byte) && byte != b'%';
    let bytes = value.bytes();
    bytes.map(|byte| if plain(byte) { 1 } else { 3 }).sum()
}

/// RFC 7230, section 3.2.6.
fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || special.contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Baggage, section 3.3.1.3.
fn is_baggage_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let digits = rest.get(at + 1..at + 3);
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(digits) = digits {
            bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            rest = &rest[at + 3..];
        } else {
            bytes.push(b'%');
            rest = &rest[at + 1..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Optional white space, as both specifications have it.
pub fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Holds what was written into a message to the rules for senders.
pub fn check_written(header: Option<&str>, tracestate_header: Option<&str>, bag: Option<&str>) {
    for value in [header, tracestate_header, bag].into_iter().flatten() {
        assert!(!value.is_empty(), "an empty header");
        let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        assert!(printable, "a control character: {value:?}");
    }
    if let Some(value) = header {
        assert_eq!(value.len(), 55, "{value:?}");
        assert!(value.starts_with("00-"), "{value:?}");
        let (_, _, flags) = traceparent(value).expect("a valid traceparent");
        assert_eq!(
            format!("{:02x}", flags.to_u8()),
            value[53..],
            "unknown flags"
        );
    }
    if let Some(value) = tracestate_header {
        assert!(header.is_some(), "a tracestate without its traceparent");
        let members = tracestate(value).expect("a valid tracestate");
        let members = members.iter().map(|(key, value)| format!("{key}={value}"));
        assert_eq!(members.collect::<Vec<_>>().join(","), value);
    }
    if let Some(value) = bag {
        assert!(value.len() <= MAX_BAGGAGE_BYTES, "{} bytes", value.len());
        let members: Vec<_> = value.split(',').map(baggage_member).collect();
        assert!(members.len() <= MAX_BAGGAGE_MEMBERS, "{value:?}");
        let mut keys: Vec<_> = members
            .iter()
            .map(|member| member.as_ref().expect("a valid member").key.as_str())
            .collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{value:?}");
    }
}
