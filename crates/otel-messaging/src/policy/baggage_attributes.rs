//! Baggage that the application wants to see on spans, logs and metrics.

use crate::loss::finding::Finding;
use crate::message::remote_text;
use crate::policy::captured_headers::is_secret;
use crate::policy::credential::is_credential;
use crate::policy::first_values::FirstValues;
use crate::telemetry::semconv;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, Key, KeyValue, Value};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// How many values of a key are on metrics, if the application does not say.
const VALUES: usize = 100;

/// A longer value is not on metrics as it is, in bytes.
const MAX_BYTES: usize = 128;

/// What stands for all values that are not on metrics as they are: the conventions' word in `error.type`.
const OTHER: &str = "_OTHER";

/// What the names of the conventions' and of this project's own attributes on messages begin with.
const OWN: [&str; 6] = [
    "kafka.",
    "messaging.",
    "nats.",
    "otel_messaging.",
    "rabbitmq.",
    "server.",
];

/// Keys of baggage that are copied onto telemetry: onto the metrics of messages with
/// [`with_baggage_on_metrics`](crate::instrumentation::Builder::with_baggage_on_metrics), and onto all spans and
/// logs of the program with the `BaggageProcessor` of the feature `sdk`. The attribute has the key's name.
/// Baggage without the key gives no attribute.
///
/// ```
/// use otel_messaging::Instrumentation;
/// use otel_messaging::instrumentation::BaggageAttributes;
///
/// let tenant = BaggageAttributes::new(["tenant"]).with_values_on_metrics(20);
/// let instrumentation = Instrumentation::builder().with_baggage_on_metrics(tenant).build();
/// # let _ = instrumentation;
/// ```
///
/// # On metrics
///
/// Each value is a time series of its own, and whoever sends a message chooses its baggage. So the first 100
/// values of a key that come are on metrics as they are ([`with_values_on_metrics`](Self::with_values_on_metrics)
/// sets another number), and `_OTHER` stands for all later ones until the process ends. It also stands for a
/// value of more than 128 bytes, for one with control characters, and for one that looks like a credential. With
/// one key, a metric has at most 102 times as many time series: 100 values, `_OTHER`, and no value. Several keys
/// multiply.
///
/// A sender who makes up values can fill these places before the real ones come. If the values are known, list
/// them: [`with_listed_values`](Self::with_listed_values).
///
/// # On spans and logs
///
/// They have every value, because values cost nothing there. Control characters become U+FFFD, and line breaks
/// become spaces. A value of more than 1,024 bytes, before or after that, is left out, because a part of an
/// identifier is another identifier. A value that looks like a credential is left out: a token of a known issuer, a
/// JSON Web Token, `Authorization`, a private key, a password in a URL or behind a name.
///
/// # Ignored keys
///
/// Names behind which a secret may stand are ignored, as in
/// [`with_captured_headers`](crate::instrumentation::Builder::with_captured_headers). So are names that the
/// attributes of messages have: `error.type`, and names that begin with `messaging.`, `otel_messaging.`,
/// `server.`, `kafka.`, `nats.` or `rabbitmq.`. A sender must not overwrite these, and no attribute may be there
/// twice. [`keys`](Self::keys) says what is left. [`self_check`](crate::self_check) reports what was ignored, if
/// the instrumentation has these attributes.
///
/// Clones share what they remember of values; a clone is one reference count.
#[derive(Clone, Default)]
pub struct BaggageAttributes(Arc<Keys>);

#[derive(Clone, Default)]
struct Keys {
    copied: Vec<Copied>,
    /// What the application listed in vain, for the self-check.
    ignored: Vec<String>,
}

/// One key.
#[derive(Clone)]
struct Copied {
    key: Key,
    on_metrics: OnMetrics,
}

/// Which values are on metrics as they are.
#[derive(Clone)]
enum OnMetrics {
    First(Arc<FirstValues>),
    Listed(Arc<HashSet<Arc<str>>>),
}

impl BaggageAttributes {
    /// Copies these keys. Names of baggage are case-sensitive (W3C Baggage, "key").
    pub fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Self {
        let mut listed = Keys::default();
        for key in keys {
            let key = key.as_ref();
            if listed.takes(key) && listed.place(key).is_none() {
                listed.copied.push(Copied {
                    key: shared(key),
                    on_metrics: OnMetrics::first(VALUES),
                });
            }
        }
        listed.into()
    }

    /// Puts so many values of each key on metrics as they are, 10,000 at most. The default is 100. The
    /// values are counted anew; clones that were made before keep theirs.
    ///
    /// By default OpenTelemetry's SDK keeps 2,000 time series of a metric in all, and adds up what is beyond.
    #[must_use]
    pub fn with_values_on_metrics(self, values: usize) -> Self {
        let mut keys = self.into_keys();
        for copied in &mut keys.copied {
            if let OnMetrics::First(_) = copied.on_metrics {
                copied.on_metrics = OnMetrics::first(values);
            }
        }
        keys.into()
    }

    /// Puts these values of a key on metrics as they are, and no others, whatever comes first. The key is
    /// copied, also if [`new`](Self::new) did not have it.
    ///
    /// ```
    /// use otel_messaging::instrumentation::BaggageAttributes;
    ///
    /// let tenants = ["acme", "globex"];
    /// let attributes = BaggageAttributes::new(["tenant"]).with_listed_values("tenant", tenants);
    /// # let _ = attributes;
    /// ```
    #[must_use]
    pub fn with_listed_values<V: AsRef<str>>(
        self,
        key: impl AsRef<str>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let key = key.as_ref();
        let mut keys = self.into_keys();
        if keys.takes(key) {
            let values = values.into_iter().map(|value| value.as_ref().into());
            let on_metrics = OnMetrics::Listed(Arc::new(values.collect()));
            match keys.place(key) {
                Some(place) => keys.copied[place].on_metrics = on_metrics,
                None => keys.copied.push(Copied {
                    key: shared(key),
                    on_metrics,
                }),
            }
        }
        keys.into()
    }

    /// The keys that are copied, without those that are ignored.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.copied.iter().map(|copied| copied.key.as_str())
    }

    /// What the self-check says about the keys.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let keys = self.0.ignored.clone();
        (!keys.is_empty()).then_some(Finding::IgnoredBaggageKeys { keys })
    }

    fn into_keys(self) -> Keys {
        Arc::unwrap_or_clone(self.0)
    }

    /// Calls `set` with each attribute that metrics have of the baggage of a context.
    pub(crate) fn each_on_metrics(&self, context: &Context, mut set: impl FnMut(KeyValue)) {
        self.each(context, |copied, text| {
            let value = copied.on_metrics.value(text);
            set(KeyValue::new(copied.key.clone(), value));
        });
    }

    /// The attributes that metrics have of the baggage of a context.
    pub(crate) fn on_metrics(&self, context: &Context) -> Vec<KeyValue> {
        let mut list = Vec::new();
        self.each_on_metrics(context, |attribute| list.push(attribute));
        list
    }

    /// Calls `work` with each key that a context has, and its value as it came.
    #[cfg(feature = "sdk")]
    pub(crate) fn each_value(&self, context: &Context, mut work: impl FnMut(&Key, &str)) {
        self.each(context, |copied, text| {
            if !is_credential(text) {
                work(&copied.key, text);
            }
        });
    }

    fn each(&self, context: &Context, mut work: impl FnMut(&Copied, &str)) {
        let baggage = context.baggage();
        if baggage.is_empty() {
            return;
        }
        for copied in &self.0.copied {
            if let Some(value) = baggage.get(copied.key.as_str()) {
                work(copied, value.as_str());
            }
        }
    }
}

impl Keys {
    /// Whether a key may be copied. Notes it if not.
    fn takes(&mut self, key: &str) -> bool {
        let is_ignored = is_ignored(key);
        if is_ignored && !self.ignored.iter().any(|it| it == key) {
            self.ignored.push(key.to_owned());
        }
        !is_ignored
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.copied.iter().position(|it| it.key.as_str() == key)
    }
}

impl From<Keys> for BaggageAttributes {
    fn from(keys: Keys) -> Self {
        Self(Arc::new(keys))
    }
}

impl OnMetrics {
    fn first(values: usize) -> Self {
        Self::First(Arc::new(FirstValues::new(values)))
    }

    /// The value that stands on metrics.
    fn value(&self, text: &str) -> Value {
        let found = match self {
            Self::First(values) if is_fit(text) => values.get_or_add(text),
            Self::First(_) => None,
            Self::Listed(values) => values.get(text).cloned(),
        };
        found.map_or_else(|| OTHER.into(), Value::from)
    }
}

/// Whether a value that somebody else has chosen may stand on metrics as it is.
fn is_fit(text: &str) -> bool {
    text.len() <= MAX_BYTES && text != OTHER && remote_text::is_clean(text) && !is_credential(text)
}

fn is_ignored(key: &str) -> bool {
    key.is_empty()
        || key == semconv::ERROR_TYPE
        || OWN.iter().any(|own| key.starts_with(own))
        || is_secret(&key.to_ascii_lowercase())
}

/// A key whose clones are one reference count.
fn shared(key: &str) -> Key {
    Key::from(Arc::<str>::from(key))
}

impl fmt::Debug for BaggageAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

/// The attributes on metrics that are equal for several messages.
#[derive(Debug, Default)]
pub(crate) struct EqualBaggage(Option<Vec<KeyValue>>);

impl EqualBaggage {
    /// Adds a message.
    pub(crate) fn add(&mut self, of_message: Vec<KeyValue>) {
        match &mut self.0 {
            Some(equal) => equal.retain(|attribute| of_message.contains(attribute)),
            None => self.0 = Some(of_message),
        }
    }

    pub(crate) fn into_list(self) -> Vec<KeyValue> {
        self.0.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
