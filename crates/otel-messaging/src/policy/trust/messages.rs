//! Which messages a rule is about.

use crate::carrier::headers::Carrier;
use crate::message::destination::Destination;
use crate::policy::template::Template;

/// The messages that a rule is about, by the system, the destination, the consumer's queue and one header. A
/// rule never looks at the payload.
///
/// ```
/// use otel_messaging::trust::Messages;
///
/// Messages::all();
/// Messages::to("orders"); // a topic, a subject, a queue; on RabbitMQ `{exchange}:{routing key}`
/// Messages::to_prefix("partner.");
/// Messages::to_pattern("partner.{name}.orders");
/// Messages::all().in_queue("partner-orders"); // the queue of the consumer's `ConsumerInfo`
/// Messages::all().of_system("kafka").with_header("x-tenant", "acme");
/// ```
///
/// The rule sees the destination that spans show, without the queue. **On RabbitMQ the publisher chooses the exchange
/// and the routing key**, as far as its permissions go. So let a rule about incoming messages name the queue. Such a
/// rule needs a consumer whose [`ConsumerInfo`](crate::consumer::ConsumerInfo) has the queue. Use a queue only to
/// believe messages, and let the last rule be strict: the free functions, a [`Join`](crate::producer::Join) and a relay
/// outside of the handler do not know the queue.
///
/// A sender can write, repeat and omit every header. Use a header only to believe messages, and only if your own
/// gateway has written it, as text. If a message has the header more than once with different texts, the rule does not
/// fit.
///
/// On RabbitMQ the first `:` of a name ends the exchange. Some names can be read in two ways: a reply queue, an exchange
/// with a `:` in its name, and a routing key with a `:` on the default exchange. If such a message fits a rule by its
/// name, the crate also decides as if no name fitted, and takes the stricter policy. An exchange without a routing key
/// and a queue of the same name are one name. On NATS a requester chooses the subject of a reply, as far as its
/// permissions go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a rule takes it"]
pub struct Messages {
    system: Option<String>,
    name: Name,
    queue: Option<String>,
    header: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Any,
    Exact(String),
    Prefix(String),
    Pattern(Template),
}

/// What a rule looks at, besides a header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) system: &'static str,
    pub(crate) destination: &'a Destination<'a>,
    /// The queue of the consumer.
    pub(crate) queue: Option<&'a str>,
}

impl Messages {
    /// All messages. As the last rule it says what applies to all that no rule before is about.
    pub fn all() -> Self {
        Self::named(Name::Any)
    }

    /// Messages to this destination.
    pub fn to(destination: impl Into<String>) -> Self {
        Self::named(Name::Exact(destination.into()))
    }

    /// Messages to the destinations whose names begin so. End the text with a separator: `partner.` and not
    /// `partner`, which `partnership` begins with, too.
    pub fn to_prefix(prefix: impl Into<String>) -> Self {
        Self::named(Name::Prefix(prefix.into()))
    }

    /// Messages to the destinations that fit a pattern such as `partner.{name}.orders`, as in
    /// [`with_destination_template`](crate::instrumentation::Builder::with_destination_template): a variable stands
    /// for one character or more, but not for `.`, `:` or `/`.
    ///
    /// The wildcards of NATS and RabbitMQ (`*`, `>`, `#`) are not known here and stand for themselves.
    /// [`self_check`](crate::self_check) reports a pattern that has one.
    pub fn to_pattern(pattern: impl AsRef<str>) -> Self {
        Self::named(Name::Pattern(Template::new(pattern.as_ref())))
    }

    fn named(name: Name) -> Self {
        Self {
            system: None,
            name,
            queue: None,
            header: None,
        }
    }

    /// The same, of this messaging system alone: `rabbitmq`, `kafka`, `nats`, or the system that an
    /// [`Envelope`](crate::Envelope) was received from.
    pub fn of_system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// The same, of consumers of this queue alone: messages that are handled by the handle of a consumer whose
    /// [`ConsumerInfo`](crate::consumer::ConsumerInfo) has it. No message that goes out fits.
    pub fn in_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// The same, with this value of a header alone. The name's case does not matter, the value's does.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.header = Some((name.into(), value.into()));
        self
    }

    /// Whether all of it but the header fits.
    pub(crate) fn fits(&self, subject: &Subject<'_>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&self.system, Some(subject.system))
            && is(&self.queue, subject.queue)
            && self.name.fits(*subject.destination)
    }

    /// Whether the header fits. `seen` is the header that was looked up last, because many rules may name one.
    #[inline]
    pub(crate) fn fits_header<'a, C, H: Carrier<C> + ?Sized>(
        &'a self,
        headers: &'a H,
        seen: &mut Option<(&'a str, Option<&'a str>)>,
    ) -> bool {
        let Some((name, wanted)) = &self.header else {
            return true;
        };
        let found = match *seen {
            Some((other, found)) if other == name => found,
            _ => only_value(headers, name),
        };
        *seen = Some((name, found));
        found == Some(wanted)
    }

    pub(crate) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    pub(crate) fn has_queue(&self) -> bool {
        self.queue.is_some()
    }

    pub(crate) fn has_system(&self) -> bool {
        self.system.is_some()
    }

    /// Whether it is about all messages, whatever their system, destination and queue are.
    pub(crate) fn is_anywhere(&self) -> bool {
        self.name == Name::Any && self.system.is_none() && self.queue.is_none()
    }

    /// The pattern, if it has a wildcard of a broker in it, which fits nothing but itself.
    pub(crate) fn wildcard(&self) -> Option<&str> {
        match &self.name {
            Name::Exact(text) | Name::Prefix(text) if has_wildcard(text) => Some(text),
            Name::Pattern(template) if has_wildcard(&template.text) => Some(&template.text),
            _ => None,
        }
    }
}

/// The value of a header, if all its values are equal. A carrier's own `get` may choose among them.
fn only_value<'a, C, H: Carrier<C> + ?Sized>(headers: &'a H, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

impl Subject<'_> {
    /// Whether the name can be read in two ways. A sender may choose such a name. Among this project's clients, only
    /// lapin has destinations of several parts.
    pub(crate) fn is_ambiguous(&self) -> bool {
        let [exchange, key, _] = self.destination.all_parts();
        self.system == "rabbitmq"
            && (self.destination.is_temporary()
                || exchange.contains(':')
                || (exchange.is_empty() && key.contains(':')))
    }
}

/// Whether a text has a token that is a wildcard of NATS or RabbitMQ.
fn has_wildcard(text: &str) -> bool {
    let mut tokens = text.split(['.', ':']);
    tokens.any(|token| matches!(token, "*" | ">" | "#"))
}

impl Name {
    fn fits(&self, destination: Destination<'_>) -> bool {
        if *self == Self::Any {
            return true;
        }
        destination.is_known()
            && destination.without_queue().with_text(|text| match self {
                Self::Any => true,
                Self::Exact(name) => text == name,
                Self::Prefix(prefix) => text.starts_with(&**prefix),
                Self::Pattern(template) => template.fits(text),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(messages: &Messages, parts: [&str; 3]) -> bool {
        messages.fits(&Subject {
            system: "rabbitmq",
            destination: &Destination::of_parts(parts),
            queue: Some("billing"),
        })
    }

    #[test]
    fn a_rule_looks_at_all_that_it_names() {
        let here = ["shop", "orders.new", ""];
        for (messages, expected) in [
            (Messages::all(), true),
            (Messages::all().of_system("rabbitmq"), true),
            (Messages::all().of_system("kafka"), false),
            (Messages::to("shop:orders.new"), true),
            (Messages::to("orders.new"), false),
            (Messages::to_prefix("shop:"), true),
            (Messages::to_prefix("shop.").in_queue("billing"), false),
            (Messages::to_pattern("shop:orders.{what}"), true),
            (Messages::to_pattern("shop:orders.*"), false),
            (Messages::all().in_queue("billing"), true),
            (Messages::all().in_queue("other"), false),
        ] {
            assert_eq!(fits(&messages, here), expected, "{messages:?}");
        }
        let unknown = Subject {
            system: "nats",
            destination: &Destination::unknown(),
            queue: None,
        };
        assert!(Messages::all().fits(&unknown));
        assert!(!Messages::to_prefix("").fits(&unknown));
        assert!(!Messages::all().in_queue("").fits(&unknown));
    }

    #[test]
    fn some_names_can_be_read_in_two_ways() {
        for (system, parts, expected) in [
            ("rabbitmq", ["internal", "x", ""], false),
            ("rabbitmq", ["internal", "x:y", ""], false),
            ("rabbitmq", ["", "billing", ""], false),
            ("rabbitmq", ["", "internal:x", ""], true),
            ("rabbitmq", ["internal:x", "", ""], true),
            ("rabbitmq", ["internal:x", "y", ""], true),
            ("nats", ["internal:x", "", ""], false),
        ] {
            let subject = Subject {
                system,
                destination: &Destination::of_parts(parts),
                queue: None,
            };
            assert_eq!(subject.is_ambiguous(), expected, "{system} {parts:?}");
        }
    }

    #[test]
    fn wildcards_of_brokers_are_found() {
        for (messages, expected) in [
            (Messages::to_pattern("public.>"), Some("public.>")),
            (Messages::to("a:orders.#"), Some("a:orders.#")),
            (Messages::to_prefix("a.*.b"), Some("a.*.b")),
            (Messages::to("c#.orders"), None),
            (Messages::to_pattern("public.{all}"), None),
        ] {
            assert_eq!(messages.wildcard(), expected);
        }
    }
}
