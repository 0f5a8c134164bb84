//! Headers that the application wants to see on spans.

use crate::carrier::headers::Carrier;
use crate::message::attributes::Attributes;
use crate::policy::credential::is_credential;
use crate::telemetry::semconv;
use opentelemetry::{Array, Key, StringValue, Value};
use std::collections::BTreeSet;

/// How many values of one header a span shows.
const MAX_VALUES: usize = 8;

/// Parts of names behind which secrets stand.
const SECRETS: [&str; 14] = [
    "access-key",
    "access_key",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "cookie",
    "cred",
    "jwt",
    "passphrase",
    "passw",
    "secret",
    "session",
    "token",
];

/// The allowed names, and the attribute for each.
#[derive(Debug, Clone, Default)]
pub(crate) struct CapturedHeaders(Vec<(String, Key)>);

impl CapturedHeaders {
    pub(crate) fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        // Look-up ignores case, so two spellings are one header.
        let names = names
            .into_iter()
            .map(|name| name.as_ref().to_ascii_lowercase());
        let names: BTreeSet<String> = names.filter(|name| !is_secret(name)).collect();
        let captured = names.into_iter().map(|name| {
            let attribute = [semconv::OTEL_MESSAGING_HEADER, &name].concat();
            (name, Key::from(attribute))
        });
        Self(captured.collect())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an attribute for each of them that the message has.
    pub(crate) fn set<C, H>(&self, headers: &H, attributes: &mut Attributes)
    where
        H: Carrier<C> + ?Sized,
    {
        for (name, attribute) in &self.0 {
            let values = headers.get_all(name).take(MAX_VALUES);
            let values = values.filter(|value| !is_credential(value));
            let values: Vec<StringValue> = values.filter_map(Attributes::shown).collect();
            if !values.is_empty() {
                attributes.set_value(attribute.clone(), Value::Array(Array::String(values)));
            }
        }
    }
}

/// Whether a secret may stand behind this name, which is in lower case.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_are_one_header() {
        assert_eq!(CapturedHeaders::new(["X-Tenant", "x-tenant"]).0.len(), 1);
    }

    #[test]
    fn what_looks_like_a_secret_is_not_captured() {
        for (name, expected) in [
            ("x-tenant", false),
            ("Content-Type", false),
            ("Authorization", true),
            ("X-Api-Key", true),
            ("set-cookie", true),
            ("x-access-token", true),
            ("db_password", true),
            ("client-secret", true),
            ("SESSION_ID", true),
        ] {
            assert_eq!(CapturedHeaders::new([name]).is_empty(), expected, "{name}");
        }
    }
}
