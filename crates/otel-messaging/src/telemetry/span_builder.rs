//! A span that is about to be started, as the conventions want it.

use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe};
use crate::message::remote_text;
use crate::telemetry::semconv;
use opentelemetry::trace::{Link, SpanBuilder, SpanKind};
use std::borrow::Cow;

/// What is done with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Action {
    pub(crate) kind: SpanKindOf,
    /// The client's own word, such as `publish`.
    pub(crate) name: &'static str,
}

/// The kinds of spans that messages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanKindOf {
    /// A message is sent with a context of its own.
    Producer,
    /// A message is sent on with the context that it has.
    Client,
    /// A message is handled.
    Consumer,
}

impl SpanKindOf {
    fn operation_type(self) -> &'static str {
        match self {
            Self::Producer | Self::Client => "send",
            Self::Consumer => "process",
        }
    }
}

impl From<SpanKindOf> for SpanKind {
    fn from(kind: SpanKindOf) -> Self {
        match kind {
            SpanKindOf::Producer => Self::Producer,
            SpanKindOf::Client => Self::Client,
            SpanKindOf::Consumer => Self::Consumer,
        }
    }
}

/// The name of a span, and its destination as it is shown.
pub(crate) struct SpanName {
    name: Cow<'static, str>,
    destination: Option<String>,
}

impl SpanName {
    pub(crate) fn of(action: Action, destination: Destination<'_>) -> Self {
        let shown = destination
            .is_known()
            .then(|| remote_text::shown_of_parts(destination));
        let name = match &shown {
            // It would be another name each time.
            Some(shown) if !destination.is_temporary() => {
                Cow::Owned([action.name, " ", shown].concat())
            }
            _ => Cow::Borrowed(action.name),
        };
        Self {
            name,
            destination: shown,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }
}

/// Describes the span: its name, its kind, its links and its attributes. `more` adds what is not the
/// message's own.
pub(crate) fn span_builder<C, M>(
    action: Action,
    name: Option<SpanName>,
    links: Vec<Link>,
    message: &M,
    info: Option<MessageInfo<'_>>,
    more: impl FnOnce(&mut Attributes),
) -> SpanBuilder
where
    M: Describe<C> + ?Sized,
{
    let info = info.unwrap_or_else(|| message.message_info());
    let name = name.unwrap_or_else(|| SpanName::of(action, info.destination()));
    let system = info.system().unwrap_or(M::Client::SYSTEM);
    let mut attributes = begin(action, system, name.destination, &info);
    message.set_attributes(&info, &mut attributes);
    more(&mut attributes);
    let mut builder = SpanBuilder::from_name(name.name)
        .with_kind(action.kind.into())
        .with_attributes(attributes.into_list());
    if !links.is_empty() {
        builder = builder.with_links(links);
    }
    builder
}

/// The attributes that messages of every system have.
fn begin(
    action: Action,
    system: &'static str,
    shown_destination: Option<String>,
    info: &MessageInfo<'_>,
) -> Attributes {
    let mut attributes = Attributes::with_capacity(8);
    attributes.set(semconv::MESSAGING_SYSTEM_NAME, system);
    attributes.set(semconv::MESSAGING_OPERATION_NAME, action.name);
    let operation_type = action.kind.operation_type();
    attributes.set(semconv::MESSAGING_OPERATION_TYPE, operation_type);
    if let Some(shown) = shown_destination {
        attributes.set(semconv::MESSAGING_DESTINATION_NAME, shown);
    }
    if info.destination().is_temporary() {
        attributes.set(semconv::MESSAGING_DESTINATION_TEMPORARY, true);
    }
    if info.destination().is_anonymous() {
        attributes.set(semconv::MESSAGING_DESTINATION_ANONYMOUS, true);
    }
    if let Some(id) = info.message_id() {
        attributes.set_remote(semconv::MESSAGING_MESSAGE_ID, id);
    }
    if let Some(id) = info.conversation_id() {
        attributes.set_remote(semconv::MESSAGING_MESSAGE_CONVERSATION_ID, id);
    }
    if let Some(partition) = info.partition() {
        let id = partition.to_string();
        attributes.set(semconv::MESSAGING_DESTINATION_PARTITION_ID, id);
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::KeyValue;

    const PUBLISH: Action = Action {
        kind: SpanKindOf::Producer,
        name: "publish",
    };

    fn begun(destination: Destination<'_>) -> (String, Vec<KeyValue>) {
        let name = SpanName::of(PUBLISH, destination);
        let info = MessageInfo::new(destination);
        let attributes = begin(PUBLISH, "nats", name.destination, &info);
        (name.name.into_owned(), attributes.into_list())
    }

    #[test]
    fn a_temporary_destination_stays_out_of_the_name() {
        assert_eq!(begun(Destination::temporary("_INBOX.17")).0, "publish");
        assert_eq!(begun(Destination::unknown()).0, "publish");
        assert_eq!(begun(Destination::named("orders")).0, "publish orders");
    }

    #[test]
    fn a_destination_of_the_senders_is_shown_within_limits() {
        let hostile = format!("orders.\u{1b}[2J\u{202e}{}", "x".repeat(3500));
        let shown = format!("orders.\u{fffd}[2J\u{fffd}{}", "x".repeat(1008));
        assert_eq!(shown.len(), 1024);
        let lasting = begun(Destination::named(&hostile));
        assert_eq!(lasting.0, format!("publish {shown}"));
        for (_, attributes) in [lasting, begun(Destination::temporary(&hostile))] {
            let name = KeyValue::new(semconv::MESSAGING_DESTINATION_NAME, shown.clone());
            assert!(attributes.contains(&name));
        }
    }
}
