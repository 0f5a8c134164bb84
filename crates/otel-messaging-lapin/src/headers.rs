//! The carrier: AMQP's table of headers.

use crate::app_properties::{self, values};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::{Carrier, CarrierError, CarrierMut, Contexts, FieldValue, is_name};
use std::collections::BTreeMap;

/// The fields of a context.
const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// The marker of this crate's carrier and messages; inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Lapin {}

/// Text is written as a long string, which every reader takes; read are long strings, byte arrays
/// and short strings, because clients differ in what they send. Values of other types read as
/// absent, and so does text that is not UTF-8.
///
/// Names are case-sensitive in AMQP: a `traceparent` counts before its other spellings. If these name
/// another sender, the `tracestate` and the `baggage` in lower case count with it, and no others. If
/// they name the same one, each field in lower case counts before its other spellings, and those count
/// where it is absent. Without a `traceparent` in lower case, other spellings that name different
/// senders contradict each other.
///
/// RabbitMQ up to 3.12 hands on what a sender by AMQP 1.0 has written inside the header
/// `x-amqp-1.0-app-properties`. Where no field of a context stands beside it, `traceparent`,
/// `tracestate` and `baggage` are read from there. What is removed is removed there too.
impl Carrier<Lapin> for FieldTable {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let section = is_field(name).then(|| section(self)).flatten();
        let named = self
            .inner()
            .iter()
            .filter(move |(key, _)| is_name(key.as_str().as_bytes(), name));
        let texts = named.filter_map(|(_, value)| text(value));
        texts.chain(
            section
                .into_iter()
                .flat_map(move |section| values(section, name)),
        )
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.inner().keys().map(ShortString::as_str)
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        if values.all(|value| value == first) {
            return Some(first);
        }
        exact(self, name)
    }

    fn contexts(&self) -> Contexts<'_> {
        let [traceparents, tracestate, baggage] = FIELDS.map(|name| self.get_all(name));
        let all = Contexts::unordered(traceparents, tracestate, baggage);
        let [traceparent, tracestate, baggage] = FIELDS.map(|name| exact(self, name));
        match (all, Contexts::unordered(traceparent, tracestate, baggage)) {
            (Contexts::One(all), Contexts::One(exact)) => Contexts::One(exact.or(all)),
            (_, Contexts::One(exact)) if exact.has_sender() => Contexts::One(exact),
            (all, _) => all,
        }
    }

    #[inline(always)]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        let mut has_section = false;
        for (key, value) in self.inner() {
            let key = key.as_str().as_bytes();
            let Some(index) = names.iter().position(|name| is_name(key, name)) else {
                has_section |= key == app_properties::NAME.as_bytes();
                continue;
            };
            if let Some(value) = bytes(value)
                && found[index].replace(value).is_some()
            {
                return None;
            }
        }
        if has_section {
            return with_section(self, names, found);
        }
        Some(found)
    }
}

#[inline]
fn is_field(name: &str) -> bool {
    FIELDS.iter().any(|field| is_name(field.as_bytes(), name))
}

/// The application properties of a sender that speaks AMQP 1.0, if no field of a context stands beside
/// them: the context in them came earlier than one that does.
fn section(table: &FieldTable) -> Option<&[u8]> {
    let section = bytes(table.inner().get(app_properties::NAME)?)?;
    let is_context =
        |(key, value): (&ShortString, &AMQPValue)| is_field(key.as_str()) && text(value).is_some();
    (!table.inner().iter().any(is_context)).then_some(section)
}

/// The fields of a context that are not there, from the application properties.
#[cold]
#[inline(never)]
fn with_section<'a, const N: usize>(
    table: &'a FieldTable,
    names: [&str; N],
    mut found: [Option<&'a [u8]>; N],
) -> Option<[Option<&'a [u8]>; N]> {
    let Some(section) = section(table) else {
        return Some(found);
    };
    for (name, found) in names.iter().zip(&mut found) {
        if is_field(name) {
            let mut values = values(section, name);
            *found = values.next().map(str::as_bytes);
            if values.next().is_some() {
                return None;
            }
        }
    }
    Some(found)
}

/// The value under exactly this name.
fn exact<'a>(table: &'a FieldTable, name: &str) -> Option<&'a str> {
    table.inner().get(name).and_then(text)
}

/// A name of more than 255 bytes cannot be represented.
impl CarrierMut<Lapin> for FieldTable {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let name = ShortString::try_new(name).map_err(|_| CarrierError::InvalidName)?;
        // Never a short string: it goes out under a tag that is no AMQP 0.9.1 field type, and
        // RabbitMQ closes the connection.
        self.insert(name, AMQPValue::LongString(value.into_bytes().into()));
        Ok(())
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if !self.inner().is_empty() {
            remove_from(self, names);
        }
    }
}

fn remove_from(table: &mut FieldTable, names: &[&str]) {
    let is_named = |key: &ShortString| {
        let mut names = names.iter();
        names.any(|name| is_name(key.as_str().as_bytes(), name))
    };
    let section = without_fields(table, names);
    if section.is_none() && !table.inner().keys().any(is_named) {
        return;
    }
    // The table has no way to remove an entry.
    let rest = table.inner().iter().filter(|(key, _)| !is_named(key));
    let mut rest: BTreeMap<_, _> = rest
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(section) = section {
        let key = ShortString::from(app_properties::NAME);
        if section.is_empty() || is_named(&key) {
            rest.remove(&key);
        } else {
            rest.insert(key, AMQPValue::LongString(section.into()));
        }
    }
    *table = FieldTable::from(rest);
}

/// The application properties of a sender by AMQP 1.0 without those of these names that are fields of a
/// context: only they are read there. `None` if there are none.
fn without_fields(table: &FieldTable, names: &[&str]) -> Option<Vec<u8>> {
    let section = bytes(table.inner().get(app_properties::NAME)?)?;
    let fields = names.iter().copied().filter(|name| is_field(name));
    app_properties::without(section, &fields.collect::<Vec<_>>())
}

/// The headers of a message that is forwarded: a field of a context that came as bytes goes on as text,
/// because readers in some languages take no other for one.
pub(crate) fn as_text(mut headers: FieldTable) -> FieldTable {
    let field = |(key, value): (&ShortString, &AMQPValue)| match value {
        AMQPValue::ByteArray(_) if is_field(key.as_str()) => {
            Some((key.clone(), text(value)?.to_owned()))
        }
        _ => None,
    };
    let fields: Vec<_> = headers.inner().iter().filter_map(field).collect();
    for (key, value) in fields {
        headers.insert(key, AMQPValue::LongString(value.into()));
    }
    headers
}

fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
        AMQPValue::ShortString(text) => Some(text.as_str().as_bytes()),
        _ => None,
    }
}

fn text(value: &AMQPValue) -> Option<&str> {
    str::from_utf8(bytes(value)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
        let entries = entries.iter().cloned();
        FieldTable::from(BTreeMap::from_iter(
            entries.map(|(key, value)| (ShortString::from(key), value)),
        ))
    }

    #[test]
    fn reads_text_of_every_type_and_nothing_else() {
        let headers = table(&[
            ("long", AMQPValue::LongString("a".into())),
            ("bytes", AMQPValue::ByteArray(b"b".as_slice().into())),
            ("short", AMQPValue::ShortString("c".into())),
            ("number", AMQPValue::LongInt(1)),
            ("broken", AMQPValue::LongString(vec![0xff].into())),
        ]);
        assert_eq!(headers.get("LONG"), Some("a"));
        assert_eq!(headers.get("bytes"), Some("b"));
        assert_eq!(headers.get("short"), Some("c"));
        assert_eq!(headers.get("number"), None);
        assert_eq!(headers.get("broken"), None);
    }

    /// Names and values, and what they carry: the span's number, its tracestate, its baggage.
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>, &'a str, &'a str);

    #[test]
    fn the_exact_name_counts_before_its_spellings_and_with_its_own_fields() {
        use opentelemetry::baggage::BaggageExt;
        use opentelemetry::trace::TraceContextExt;
        let header = |span: u64| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01");
        let other = header(9).replace("0af7", "0af8");
        let (one, two) = (&header(1)[..], &header(2)[..]);
        let [sampled, with_random_flag] =
            ["-01", "-03"].map(|flags| header(1).replace("-01", flags));
        let cases: [Case<'_>; 16] = [
            (
                &[("Traceparent", one), ("traceparent", two)],
                Some(2),
                "",
                "",
            ),
            (
                &[("Traceparent", &other), ("traceparent", two)],
                Some(2),
                "",
                "",
            ),
            (
                &[
                    ("Traceparent", one),
                    ("Tracestate", "old=1"),
                    ("Baggage", "old=1"),
                    ("traceparent", two),
                ],
                Some(2),
                "",
                "",
            ),
            (
                &[
                    ("Traceparent", one),
                    ("Tracestate", "a=1"),
                    ("Baggage", "old=1"),
                    ("traceparent", two),
                    ("tracestate", "a=2"),
                    ("baggage", "new=2"),
                ],
                Some(2),
                "a=2",
                "new=2",
            ),
            // So it does for each field of one sender.
            (
                &[
                    ("traceparent", one),
                    ("Tracestate", "a=1"),
                    ("tracestate", "a=2"),
                    ("Baggage", "a=1,b=2"),
                    ("baggage", "a=1"),
                ],
                Some(1),
                "a=2",
                "a=1",
            ),
            (
                &[
                    ("Traceparent", one),
                    ("traceparent", one),
                    ("Baggage", "a=1,b=2"),
                    ("baggage", "a=1"),
                ],
                Some(1),
                "",
                "a=1",
            ),
            (
                &[("Baggage", "a=1,b=2"), ("baggage", "a=1")],
                None,
                "",
                "a=1",
            ),
            (
                &[
                    ("traceparent", one),
                    ("Baggage", "a=1"),
                    ("baggage", " "),
                    ("Tracestate", "a=1"),
                ],
                Some(1),
                "a=1",
                "a=1",
            ),
            // Flags make no other sender.
            (
                &[
                    ("Traceparent", &sampled),
                    ("TRACEPARENT", &with_random_flag),
                    ("baggage", "a=1"),
                ],
                Some(1),
                "",
                "a=1",
            ),
            // Where the exact name is absent, every spelling counts.
            (
                &[
                    ("Traceparent", one),
                    ("TRACEPARENT", one),
                    ("Tracestate", "a=1"),
                    ("baggage", "a=1"),
                ],
                Some(1),
                "a=1",
                "a=1",
            ),
            (&[("Traceparent", one), ("TRACEPARENT", two)], None, "", ""),
            (
                &[
                    ("Traceparent", one),
                    ("TRACEPARENT", two),
                    ("baggage", "a=1"),
                ],
                None,
                "",
                "",
            ),
            // What is no context does not stand in the way of one.
            (
                &[("Traceparent", one), ("traceparent", "")],
                Some(1),
                "",
                "",
            ),
            (
                &[("Traceparent", one), ("traceparent", "00-")],
                Some(1),
                "",
                "",
            ),
            (
                &[("Traceparent", "00-"), ("traceparent", one)],
                Some(1),
                "",
                "",
            ),
            (&[("TRACEPARENT", "00-"), ("Traceparent", "")], None, "", ""),
        ];
        for (entries, span, state, baggage) in cases {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, value)| (*name, AMQPValue::LongString((*value).into())))
                .collect();
            let context = crate::extract(&table(&entries));
            let sender = context.span().span_context().clone();
            let found = sender
                .is_valid()
                .then(|| u64::from_be_bytes(sender.span_id().to_bytes()));
            assert_eq!(found, span, "{entries:?}");
            assert_eq!(sender.trace_state().header(), state, "{entries:?}");
            let members = context.baggage().iter();
            let members: Vec<_> = members
                .map(|(key, (value, _))| format!("{key}={value}"))
                .collect();
            assert_eq!(members.join(","), baggage, "{entries:?}");
        }
    }

    #[test]
    fn a_sender_by_amqp_1_0_is_read_where_there_is_no_other() {
        use crate::app_properties::tests::{TRACEPARENT, section};
        use opentelemetry::trace::TraceContextExt;
        let other = AMQPValue::LongString(TRACEPARENT.replace('a', "b").into());
        let inside = AMQPValue::LongString(section().into());
        let trace_id = |headers: &FieldTable| {
            let context = crate::extract(headers);
            format!("{:032x}", context.span().span_context().trace_id())
        };
        let mut headers = table(&[(app_properties::NAME, inside.clone()), ("n", other.clone())]);
        assert_eq!(trace_id(&headers), TRACEPARENT[3..35]);
        let state = crate::extract(&headers);
        assert_eq!(state.span().span_context().trace_state().header(), "a=1");
        assert_eq!(headers.get("traceparent"), Some(TRACEPARENT));
        assert_eq!(headers.get("long"), None, "fields of a context alone");
        let names = ["traceparent", "n"];
        let each = headers.get_each(names).expect("one of each");
        assert_eq!(each.map(|value| value.map(<[u8]>::len)), [Some(55); 2]);

        let beside = table(&[(app_properties::NAME, inside), ("traceparent", other)]);
        assert_eq!(trace_id(&beside), TRACEPARENT.replace('a', "b")[3..35]);
        assert_eq!(beside.get("tracestate"), None);

        // It does not stay beside a newer one.
        crate::inject(&opentelemetry::Context::new(), &mut headers);
        assert_eq!(trace_id(&headers), "0".repeat(32));
        let rest = headers.inner().get(app_properties::NAME).and_then(bytes);
        let rest = rest.expect("its other properties");
        assert_eq!(values(rest, "long").count(), 1);
    }

    /// Inside the section, only fields of a context are headers to this carrier.
    #[test]
    fn other_properties_of_a_sender_by_amqp_1_0_stay() {
        use crate::app_properties::tests::section;
        let inside = AMQPValue::LongString(section().into());
        let entries = [
            (app_properties::NAME, inside),
            ("n", AMQPValue::LongInt(7)),
            ("order", AMQPValue::LongInt(8)),
        ];
        let mut headers = table(&entries);
        headers.remove(&["baggage", "long", "f"]);
        assert_eq!(headers, table(&entries));
        headers.remove(&["n", "long"]);
        assert_eq!(headers, table(&[&entries[..1], &entries[2..]].concat()));
        headers.remove(&[app_properties::NAME, "traceparent"]);
        assert_eq!(headers, table(&entries[2..]));
    }

    #[test]
    fn what_is_forwarded_has_its_context_as_text() {
        let bytes = |text: &str| AMQPValue::ByteArray(text.as_bytes().into());
        let headers = table(&[
            ("Traceparent", bytes("00-")),
            ("baggage", AMQPValue::ByteArray(vec![0xff].into())),
            ("order", bytes("7")),
        ]);
        let mut expected = headers.clone();
        expected.insert("Traceparent".into(), AMQPValue::LongString("00-".into()));
        assert_eq!(as_text(headers), expected);
    }

    #[test]
    fn set_replaces_every_spelling_and_keeps_the_rest() {
        let mut headers = table(&[
            ("Traceparent", AMQPValue::LongString("old".into())),
            ("order", AMQPValue::LongInt(7)),
            (
                "traceparent",
                AMQPValue::ByteArray(b"old".as_slice().into()),
            ),
        ]);
        headers.set("traceparent", "new".into()).unwrap();
        let expected = table(&[
            ("order", AMQPValue::LongInt(7)),
            ("traceparent", AMQPValue::LongString("new".into())),
        ]);
        assert_eq!(headers, expected);
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        let mut headers = FieldTable::default();
        let name = "x".repeat(256);
        let refused = headers.set(&name, "".into());
        assert_eq!(refused, Err(CarrierError::InvalidName));
    }
}
