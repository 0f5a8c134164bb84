//! Several messages on one span, of a poll or of a batch: what is equal for all is on the span, and what
//! differs is on the links (conventions, "Batch operations").

use crate::instrumentation::settings::Settings;
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::endpoint::Endpoint;
use crate::message::info::MessageInfo;
use crate::message::received::Received;
use crate::message::remote_text;
use crate::operation::start::with_queue;
use crate::policy::destination::Destinations;
use crate::telemetry::semconv;
use crate::telemetry::span_builder::describe;
use opentelemetry::KeyValue;
use opentelemetry::trace::Link;
use std::sync::Arc;

/// What a span that is about to start says of several messages.
#[derive(Default)]
pub(crate) struct InCommon<'a> {
    pub(crate) count: u64,
    /// The messaging system of all messages, if they do not go by their client's.
    system: Option<&'static str>,
    /// The destination of all messages, if they have the same.
    destination: Option<Destination<'a>>,
    /// The template of all messages, if they have the same.
    pub(crate) template: Option<Arc<str>>,
    partition: Option<u32>,
}

impl<'a> InCommon<'a> {
    pub(crate) fn of<C, M: Received<C>>(messages: &'a [M], by: &Settings) -> Self {
        let mut in_common = Self::default();
        for message in messages {
            in_common.add(&message.message_info(), &by.destinations);
        }
        in_common
    }

    pub(crate) fn add(&mut self, info: &MessageInfo<'a>, destinations: &Destinations) {
        let template = destinations.template_of(info.destination());
        if self.count == 0 {
            self.system = info.system();
            self.destination = Some(info.destination());
            self.template = template;
            self.partition = info.partition();
        } else {
            if self.system != info.system() {
                self.system = None;
            }
            if self.destination != Some(info.destination()) {
                self.destination = None;
            }
            if self.template != template {
                self.template = None;
            }
            if self.partition != info.partition() {
                self.partition = None;
            }
        }
        self.count += 1;
    }

    /// What is known of all messages, with the consumer's queue.
    pub(crate) fn info(&self, endpoint: Option<&'a Endpoint>) -> MessageInfo<'a> {
        let destination = self.destination.unwrap_or(Destination::unknown());
        let info = MessageInfo::new(with_queue(destination, endpoint));
        let info = info.with_partition(self.partition);
        match self.system {
            Some(system) => info.with_system(system),
            None => info,
        }
    }

    /// The attributes of one message that its span does not have from its start.
    pub(crate) fn rest_of<C, M: Received<C>>(
        &self,
        message: &M,
        info: &MessageInfo<'_>,
        endpoint: Option<&Endpoint>,
        by: &Settings,
    ) -> Attributes {
        let mut attributes = Attributes::default();
        let mut rest = info.clone();
        if self.destination.is_some() {
            rest = rest.with_destination(Destination::unknown());
        } else {
            let destination = with_queue(info.destination(), endpoint);
            rest = rest.with_destination(destination);
            if destination.is_known() {
                let shown = remote_text::shown_of_parts(destination);
                attributes.set(semconv::MESSAGING_DESTINATION_NAME, shown);
            }
        }
        if self.template.is_none()
            && let Some(template) = by.destinations.template_of(info.destination())
        {
            attributes.set(semconv::MESSAGING_DESTINATION_TEMPLATE, template);
        }
        if self.partition.is_none()
            && let Some(partition) = info.partition()
        {
            let id = partition.to_string();
            attributes.set(semconv::MESSAGING_DESTINATION_PARTITION_ID, id);
        }
        describe(&mut attributes, &rest, None, true);
        message.set_attributes(info, &mut attributes);
        attributes
    }
}

/// The links to those who sent several messages, and the attributes of these messages.
#[derive(Default)]
pub(crate) struct Senders {
    links: Vec<Link>,
    /// For each message its attributes, and how many links there are with its own.
    messages: Vec<(Vec<KeyValue>, usize)>,
}

impl Senders {
    /// Adds those who may have sent one message.
    pub(crate) fn add(&mut self, senders: Vec<Link>, attributes: Attributes) {
        self.links.extend(senders);
        self.messages
            .push((attributes.into_list(), self.links.len()));
    }

    /// The links, in the order of the messages, with what differs; and what is equal for all messages.
    pub(crate) fn split(self) -> (Vec<Link>, Vec<KeyValue>) {
        let Self { links, messages } = self;
        let is_in_all = |attribute: &&KeyValue| {
            let mut each = messages.iter();
            each.all(|(attributes, _)| attributes.contains(attribute))
        };
        let first = messages
            .first()
            .map_or(&[][..], |(attributes, _)| attributes);
        let equal: Vec<KeyValue> = first.iter().filter(is_in_all).cloned().collect();
        let mut links = links;
        let mut begin = 0;
        for (mut attributes, end) in messages {
            attributes.retain(|attribute| !equal.contains(attribute));
            for link in &mut links[begin..end] {
                link.attributes.clone_from(&attributes);
            }
            begin = end;
        }
        (links, equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::SpanContext;

    fn sent(senders: usize, attributes: &[(&'static str, i64)]) -> (Vec<Link>, Attributes) {
        let mut all = Attributes::default();
        for (key, value) in attributes {
            all.set(key, *value);
        }
        let link = || Link::with_context(SpanContext::empty_context());
        ((0..senders).map(|_| link()).collect(), all)
    }

    fn split(messages: &[(usize, &[(&'static str, i64)])]) -> (Vec<Vec<KeyValue>>, Vec<KeyValue>) {
        let mut senders = Senders::default();
        for (count, attributes) in messages {
            let (links, attributes) = sent(*count, attributes);
            senders.add(links, attributes);
        }
        let (links, equal) = senders.split();
        (links.into_iter().map(|it| it.attributes).collect(), equal)
    }

    fn kv(key: &'static str, value: i64) -> KeyValue {
        KeyValue::new(key, value)
    }

    #[test]
    fn what_differs_is_on_the_links() {
        let messages: &[(usize, &[_])] = &[
            (1, &[("a", 1), ("b", 1)]),
            (0, &[("a", 1), ("b", 2)]),
            (2, &[("b", 3), ("a", 1), ("c", 1)]),
        ];
        let (links, equal) = split(messages);
        assert_eq!(equal, [kv("a", 1)]);
        let third = vec![kv("b", 3), kv("c", 1)];
        assert_eq!(links, [vec![kv("b", 1)], third.clone(), third]);
    }

    #[test]
    fn all_that_one_message_has_is_on_the_span() {
        let (links, equal) = split(&[(1, &[("a", 1), ("b", 2)])]);
        assert_eq!(equal, [kv("a", 1), kv("b", 2)]);
        assert_eq!(links, [Vec::new()]);
        assert_eq!(split(&[]), (Vec::new(), Vec::new()));
    }
}
