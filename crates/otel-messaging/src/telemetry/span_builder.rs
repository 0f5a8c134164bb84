//! A span that is about to be started, as the conventions want it.

use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::endpoint::Endpoint;
use crate::message::info::MessageInfo;
use crate::message::remote_text;
use crate::telemetry::action::Action;
use crate::telemetry::names::kept;
use crate::telemetry::semconv;
use opentelemetry::trace::{Link, SpanBuilder};
use opentelemetry::{StringValue, Value};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

/// What every span gets at its start.
const ALWAYS: usize = 4;

/// So much room is kept for later attributes, however much an adapter asks for.
const MOST_ROOM: usize = 64;

/// The name of a span, and its destination as it is shown.
pub(crate) struct SpanName {
    name: Cow<'static, str>,
    destination: Option<StringValue>,
}

impl SpanName {
    #[inline]
    pub(crate) fn of(
        action: Action,
        destination: &Destination<'_>,
        template: Option<&Arc<str>>,
    ) -> Self {
        let word = action.name_on_span();
        // A temporary destination has another name each time.
        let is_in_name = destination.is_known() && !destination.is_temporary();
        if template.is_none() && is_in_name {
            Self::with_destination(word, destination)
        } else {
            Self::without_destination(word, destination, template)
        }
    }

    #[inline(never)]
    fn without_destination(
        word: &'static str,
        destination: &Destination<'_>,
        template: Option<&Arc<str>>,
    ) -> Self {
        let name = match template {
            Some(template) => named(word, template),
            None => Cow::Borrowed(word),
        };
        let shown = || remote_text::shown_of_parts(*destination).into();
        Self {
            name,
            destination: destination.is_known().then(shown),
        }
    }

    #[inline]
    fn with_destination(word: &'static str, destination: &Destination<'_>) -> Self {
        if let Some(name) = kept(word, destination) {
            let shown = name.get(word.len() + 1..);
            return Self {
                name: Cow::Borrowed(name),
                destination: shown.map(StringValue::from),
            };
        }
        Self::not_kept(word, destination)
    }

    #[inline(never)]
    fn not_kept(word: &'static str, destination: &Destination<'_>) -> Self {
        let shown = remote_text::shown_of_parts(*destination);
        Self {
            name: Cow::Owned([word, " ", &shown].concat()),
            destination: Some(shown.into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }

    pub(crate) fn into_name(self) -> Cow<'static, str> {
        self.name
    }
}

/// The name with a template in it, which the application has chosen.
fn named(word: &'static str, template: &str) -> Cow<'static, str> {
    let kept = kept(word, &Destination::named(template)).map(Cow::Borrowed);
    kept.unwrap_or_else(|| Cow::Owned([word, " ", template].concat()))
}

/// What is known when a span starts.
pub(crate) struct Known<'a> {
    pub(crate) action: Action,
    /// The client's.
    pub(crate) system: &'static str,
    pub(crate) info: &'a MessageInfo<'a>,
    pub(crate) template: Option<&'a Arc<str>>,
    pub(crate) endpoint: Option<&'a Endpoint>,
}

impl Known<'_> {
    /// The message's own system, or the client's.
    pub(crate) fn system(&self) -> &'static str {
        self.info.system().unwrap_or(self.system)
    }

    /// How many attributes a span gets of what is known here, and of the client's id, which it gets after its start.
    #[inline]
    fn count(&self) -> usize {
        let of_endpoint = self.endpoint.map_or(0, |endpoint| {
            let names = [&endpoint.group, &endpoint.subscription];
            let names = names.into_iter().flatten().count();
            let server = 2 * usize::from(endpoint.server.is_some());
            names + server + usize::from(endpoint.client_id.is_some())
        });
        let [template, partition] = [self.template.is_some(), self.info.partition().is_some()];
        ALWAYS + usize::from(template) + usize::from(partition) + of_endpoint
    }

    /// What both spans and metrics have of the endpoint.
    #[inline]
    pub(crate) fn each_of_endpoint(&self, mut set: impl FnMut(&'static str, Value)) {
        let Some(endpoint) = self.endpoint else {
            return;
        };
        if let Some(group) = &endpoint.group {
            set(semconv::MESSAGING_CONSUMER_GROUP_NAME, group.clone().into());
        }
        if let Some(name) = &endpoint.subscription {
            let key = semconv::MESSAGING_DESTINATION_SUBSCRIPTION_NAME;
            set(key, name.clone().into());
        }
        if let Some((address, port)) = &endpoint.server {
            set(semconv::SERVER_ADDRESS, address.clone().into());
            set(semconv::SERVER_PORT, i64::from(*port).into());
        }
    }
}

/// Describes the span for samplers: its name, its kind, its links, and the attributes that they may
/// decide by (conventions, "Messaging attributes": "provided at span creation time"). There is room for so many more.
// Into the call that starts a span, because the builder is large.
#[inline(always)]
pub(crate) fn span_builder(
    known: &Known<'_>,
    name: SpanName,
    links: Vec<Link>,
    start_time: SystemTime,
    room: usize,
) -> SpanBuilder {
    let mut attributes = Attributes::with_capacity(known.count() + room.min(MOST_ROOM));
    attributes.set(semconv::MESSAGING_SYSTEM_NAME, known.system());
    let name_on_span = known.action.name_on_span();
    attributes.set(semconv::MESSAGING_OPERATION_NAME, name_on_span);
    let operation_type = known.action.operation.operation_type();
    attributes.set(semconv::MESSAGING_OPERATION_TYPE, operation_type);
    if let Some(shown) = name.destination {
        attributes.set(semconv::MESSAGING_DESTINATION_NAME, shown);
    }
    if let Some(template) = known.template {
        let key = semconv::MESSAGING_DESTINATION_TEMPLATE;
        attributes.set(key, template.clone());
    }
    if let Some(partition) = known.info.partition() {
        set_partition(&mut attributes, partition);
    }
    known.each_of_endpoint(|key, value| attributes.set(key, value));
    SpanBuilder {
        name: name.name,
        span_kind: Some(known.action.operation.into()),
        start_time: Some(start_time),
        attributes: Some(attributes.into_list()),
        links: (!links.is_empty()).then_some(links),
        ..SpanBuilder::default()
    }
}

/// Adds the partition.
pub(crate) fn set_partition(attributes: &mut Attributes, partition: u32) {
    let id = partition.to_string();
    attributes.set(semconv::MESSAGING_DESTINATION_PARTITION_ID, id);
}

/// Adds what messages of every system have and samplers do not decide by; of the destination's kind only if that is
/// said.
#[inline]
pub(crate) fn describe(
    attributes: &mut Attributes,
    info: &MessageInfo<'_>,
    endpoint: Option<&Endpoint>,
    has_kind: bool,
) {
    if has_kind && info.destination_ref().is_temporary() {
        attributes.set(semconv::MESSAGING_DESTINATION_TEMPORARY, true);
        if info.destination_ref().is_anonymous() {
            attributes.set(semconv::MESSAGING_DESTINATION_ANONYMOUS, true);
        }
    }
    if let Some(id) = info.message_id() {
        attributes.set_remote(semconv::MESSAGING_MESSAGE_ID, id);
    }
    if let Some(id) = info.conversation_id() {
        attributes.set_remote(semconv::MESSAGING_MESSAGE_CONVERSATION_ID, id);
    }
    if let Some(id) = endpoint.and_then(|endpoint| endpoint.client_id.as_ref()) {
        attributes.set(semconv::MESSAGING_CLIENT_ID, id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::action::Operation;
    use opentelemetry::KeyValue;

    const PUBLISH: Action = Action {
        operation: Operation::Send,
        name: "publish",
    };

    fn begun(destination: Destination<'_>, template: Option<&str>) -> (String, Vec<KeyValue>) {
        let template = template.map(Arc::from);
        let name = SpanName::of(PUBLISH, &destination, template.as_ref());
        let known = Known {
            action: PUBLISH,
            system: "nats",
            info: &MessageInfo::new(destination),
            template: template.as_ref(),
            endpoint: None,
        };
        let builder = span_builder(&known, name, Vec::new(), SystemTime::now(), 0);
        let attributes = builder.attributes.unwrap_or_default();
        (builder.name.into_owned(), attributes)
    }

    #[test]
    fn a_temporary_destination_stays_out_of_the_name() {
        let name = |destination| begun(destination, None).0;
        assert_eq!(name(Destination::temporary("_INBOX.17")), "publish");
        assert_eq!(name(Destination::unknown()), "publish");
        assert_eq!(name(Destination::named("orders")), "publish orders");
    }

    #[test]
    fn a_template_stands_in_for_the_destination() {
        let destination = Destination::named("orders.7");
        let (name, attributes) = begun(destination, Some("orders.{id}"));
        assert_eq!(name, "publish orders.{id}");
        for (key, value) in [
            (semconv::MESSAGING_DESTINATION_NAME, "orders.7"),
            (semconv::MESSAGING_DESTINATION_TEMPLATE, "orders.{id}"),
        ] {
            assert!(attributes.contains(&KeyValue::new(key, value)));
        }
    }

    #[test]
    fn a_destination_of_the_senders_is_shown_within_limits() {
        let hostile = format!("orders.\u{1b}[2J\u{202e}{}", "x".repeat(3500));
        let shown = format!("orders.\u{fffd}[2J\u{fffd}{}", "x".repeat(1008));
        assert_eq!(shown.len(), 1024);
        let lasting = begun(Destination::named(&hostile), None);
        assert_eq!(lasting.0, format!("publish {shown}"));
        for (_, attributes) in [lasting, begun(Destination::temporary(&hostile), None)] {
            let name = KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, shown.clone());
            assert!(attributes.contains(&name));
        }
    }
}
