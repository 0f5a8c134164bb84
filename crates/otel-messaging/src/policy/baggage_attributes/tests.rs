use super::*;

fn context(pairs: &[(&'static str, &str)]) -> Context {
    let members = pairs.iter();
    Context::new()
        .with_baggage(members.map(|(key, value)| KeyValue::new(*key, (*value).to_owned())))
}

fn on_metrics(
    attributes: &BaggageAttributes,
    pairs: &[(&'static str, &str)],
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    attributes.each_on_metrics(&context(pairs), |kv| {
        found.push((kv.key.to_string(), kv.value.to_string()));
    });
    found
}

/// The value of the only key.
fn value(attributes: &BaggageAttributes, value: &str) -> String {
    let found = on_metrics(attributes, &[("tenant", value)]);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].1.clone()
}

#[test]
fn what_is_listed_is_copied_in_its_order() {
    let attributes = BaggageAttributes::new(["tenant", "plan", "tenant"]);
    let found = on_metrics(
        &attributes,
        &[("plan", "gold"), ("user", "7"), ("tenant", "acme")],
    );
    let expected = [("tenant", "acme"), ("plan", "gold")];
    assert_eq!(
        found,
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
    assert_eq!(on_metrics(&attributes, &[("Tenant", "acme")]), []);
    assert_eq!(
        on_metrics(&BaggageAttributes::default(), &[("tenant", "acme")]),
        []
    );
}

#[test]
fn the_first_values_are_on_metrics_and_clones_share_them() {
    let attributes = BaggageAttributes::new(["tenant"]).with_values_on_metrics(2);
    let clone = attributes.clone();
    for (expected, text) in [
        ("a", "a"),
        ("b", "b"),
        (OTHER, "c"),
        ("a", "a"),
        (OTHER, "d"),
    ] {
        assert_eq!(value(&attributes, text), expected);
        assert_eq!(value(&clone, text), expected);
    }
    // Counted anew.
    assert_eq!(value(&clone.with_values_on_metrics(1), "c"), "c");
    assert_eq!(value(&attributes, "c"), OTHER);
    assert_eq!(value(&attributes.with_values_on_metrics(0), "a"), OTHER);
}

#[test]
fn a_hundred_values_by_default() {
    let attributes = BaggageAttributes::new(["tenant"]);
    let values: HashSet<_> = (0..500)
        .map(|it| value(&attributes, &it.to_string()))
        .collect();
    assert_eq!(values.len(), VALUES + 1);
}

#[test]
fn hostile_values_take_no_room() {
    let attributes = BaggageAttributes::new(["tenant"]).with_values_on_metrics(2);
    let (long, longest) = ("x".repeat(129), "x".repeat(128));
    for text in [&long, "a\u{1b}[2J", "a\nb", "a\u{202e}b", "\u{2028}", OTHER] {
        assert_eq!(value(&attributes, text), OTHER, "{text:?}");
    }
    for text in [&longest, "Grüße"] {
        assert_eq!(value(&attributes, text), text);
    }
}

#[test]
fn listed_values_are_on_metrics_whatever_comes_first() {
    let attributes = BaggageAttributes::default()
        .with_listed_values("tenant", ["acme", "globex"])
        .with_values_on_metrics(0);
    for text in ["mallory", "", "ACME"] {
        assert_eq!(value(&attributes, text), OTHER);
    }
    for text in ["globex", "acme"] {
        assert_eq!(value(&attributes, text), text);
    }
    let other = attributes.with_listed_values("tenant", ["mallory"]);
    assert_eq!(value(&other, "acme"), OTHER);
    assert_eq!(other.keys().collect::<Vec<_>>(), ["tenant"]);
}

#[test]
fn secrets_and_names_of_messages_are_ignored() {
    let names = [
        "tenant",
        "",
        "error.type",
        "messaging.system.name",
        "server.address",
        "otel_messaging.queue_time",
        "nats.stream",
        "session_id",
        "X-Api-Key",
        "user.token",
    ];
    let attributes = BaggageAttributes::new(names);
    assert_eq!(format!("{attributes:?}"), "[\"tenant\"]");
    let attributes = attributes
        .with_listed_values("password", ["secret"])
        .with_listed_values("session_id", ["7"])
        .with_values_on_metrics(7);
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["tenant"]);
    // Each is said once.
    let mut keys: Vec<_> = names[1..].iter().map(ToString::to_string).collect();
    keys.push("password".to_owned());
    assert_eq!(
        attributes.finding(),
        Some(Finding::IgnoredBaggageKeys { keys })
    );
    assert_eq!(BaggageAttributes::new(["tenant"]).finding(), None);
}

#[test]
fn what_differs_is_not_equal() {
    let tenant = |value: &'static str| KeyValue::new("tenant", value);
    let plan = KeyValue::new("plan", "gold");
    let mut equal = EqualBaggage::default();
    equal.add(vec![tenant("acme"), plan.clone()]);
    equal.add(vec![plan.clone(), tenant("globex")]);
    equal.add(vec![plan.clone()]);
    assert_eq!(equal.into_list(), [plan]);
    let mut equal = EqualBaggage::default();
    equal.add(vec![tenant("acme")]);
    equal.add(Vec::new());
    assert_eq!(equal.into_list(), []);
    assert_eq!(EqualBaggage::default().into_list(), []);
}
