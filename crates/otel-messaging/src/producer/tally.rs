//! The bookkeeping of a batch: how many messages were sent, and what they have in common.

use crate::policy::baggage_attributes::EqualBaggage;
use opentelemetry::KeyValue;
use opentelemetry::trace::Link;
use std::borrow::Cow;

/// The most links that a batch keeps until its end, and that a join keeps. OpenTelemetry's SDK keeps 128 on a
/// span by default; a batch that never ends must not grow without end.
pub(crate) const MAX_LINKS: usize = 1024;

/// A failure: `error.type`, and what happened.
pub(crate) type Failed = (Cow<'static, str>, String);

/// What is known of the messages of a batch that have been sent so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    /// How many links were left out.
    pub(crate) cut_links: u64,
    pub(crate) failed: u64,
    /// The failure that came first.
    pub(crate) failure: Option<Failed>,
    /// The attributes that all messages have with the same value. `None` before the first message.
    common: Option<Vec<KeyValue>>,
    /// With all attributes of their message, until the end.
    links: Vec<Link>,
    /// What is equal in the baggage of all messages, for metrics.
    pub(crate) baggage: EqualBaggage,
}

impl Tally {
    /// Adds a message that was sent. Links beyond the first [`MAX_LINKS`] are left out.
    pub(crate) fn add(
        &mut self,
        links: Vec<Link>,
        attributes: Vec<KeyValue>,
        failure: Option<Failed>,
    ) {
        self.count += 1;
        match &mut self.common {
            Some(common) => common.retain(|attribute| attributes.contains(attribute)),
            None => self.common = Some(attributes.clone()),
        }
        let room = MAX_LINKS.saturating_sub(self.links.len());
        self.cut_links += links.len().saturating_sub(room) as u64;
        self.links.extend(links.into_iter().take(room).map(|link| {
            let mut of_link = link.attributes;
            of_link.extend(attributes.iter().cloned());
            Link::new(link.span_context, of_link, 0)
        }));
        if let Some(failure) = failure {
            self.failed += 1;
            self.failure.get_or_insert(failure);
        }
    }

    /// The attributes that all messages have with the same value, and the links, each with the attributes
    /// that differ.
    pub(crate) fn into_parts(self) -> (Vec<KeyValue>, Vec<Link>) {
        let common = self.common.unwrap_or_default();
        let mut links = self.links;
        for link in &mut links {
            link.attributes
                .retain(|attribute| !common.contains(attribute));
        }
        (common, links)
    }
}

#[cfg(test)]
mod tests;
