//! Whose a key of a tracestate is, and what is in it where that is known.

/// The vendor of a key.
pub(crate) fn meaning(key: &str, value: &str) -> String {
    let (tenant, system) = match key.split_once('@') {
        Some((tenant, system)) => (Some(tenant), system),
        None => (None, key),
    };
    let vendor = match system {
        "dd" => "Datadog",
        "es" => "Elastic APM",
        "nr" => "New Relic",
        "dt" => "Dynatrace",
        "ot" => return format!("OpenTelemetry{}", opentelemetry(value)),
        "az" => "Azure Application Insights",
        "in" => "Instana",
        "sw" => "SolarWinds",
        "xray" => "AWS X-Ray",
        _ => "",
    };
    match (tenant, vendor) {
        (None, vendor) => vendor.to_owned(),
        (Some(tenant), "") => format!("tenant {tenant}, system {system}"),
        (Some(tenant), vendor) => format!("{vendor}, account {tenant}"),
    }
}

/// OpenTelemetry's own sub-keys, of its probability sampling.
fn opentelemetry(value: &str) -> String {
    let mut said = String::new();
    for (key, value) in value.split(';').filter_map(|pair| pair.split_once(':')) {
        match key {
            "th" => said.push_str(&threshold(value)),
            "rv" if is_hex(value, 14..=14) => said.push_str(", rv: the trace's randomness"),
            "rv" => said.push_str(", rv: malformed, it has 14 hexadecimal digits"),
            _ => {}
        }
    }
    said
}

/// The traces below the threshold are not sampled. Trailing zeros may be missing.
fn threshold(digits: &str) -> String {
    if !is_hex(digits, 1..=14) {
        return ", th: malformed, it has 1 to 14 hexadecimal digits".to_owned();
    }
    let threshold = u64::from_str_radix(&format!("{digits:0<14}"), 16).unwrap_or_default();
    let percent = 100.0 - threshold as f64 * 100.0 / (1_u64 << 56) as f64;
    format!(", th: {percent:.3} % of traces are sampled")
}

fn is_hex(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    lengths.contains(&text.len()) && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_and_their_sub_keys_are_told() {
        for (key, value, said) in [
            ("dd", "s:1", "Datadog"),
            ("33@nr", "0-0", "New Relic, account 33"),
            ("6cab5bb-7b@dt", "fw4", "Dynatrace, account 6cab5bb-7b"),
            ("a@b", "1", "tenant a, system b"),
            ("congo", "1", ""),
            (
                "ot",
                "th:c",
                "OpenTelemetry, th: 25.000 % of traces are sampled",
            ),
            (
                "ot",
                "rv:6e6d1a75832a2f;th:0",
                "OpenTelemetry, rv: the trace's randomness, th: 100.000 % of traces are sampled",
            ),
            (
                "ot",
                "th:xyz;rv:1",
                "OpenTelemetry, th: malformed, it has 1 to 14 hexadecimal digits, rv: malformed, it has 14 hexadecimal digits",
            ),
        ] {
            assert_eq!(meaning(key, value), said, "{key}={value}");
        }
    }
}
