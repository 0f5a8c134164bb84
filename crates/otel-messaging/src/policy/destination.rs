//! Which destinations have a template, and which are on metrics.

use crate::message::destination::Destination;
use crate::message::remote_text;
use crate::policy::template::Template;
use crate::telemetry::labels::OnMetric;
use crate::telemetry::span_builder::Known;
use std::sync::Arc;

/// Which destinations metrics have, beside those that have a
/// [template](crate::instrumentation::Builder::with_destination_template). A temporary destination is
/// never on a metric. Each destination on a metric is a time series of its own, so there should be few.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MetricDestinations {
    /// None: metrics have templates alone.
    #[default]
    Templates,
    /// These, as the spans show them in `messaging.destination.name`; on RabbitMQ with the queue, or without
    /// it, which is the name that producers have.
    Names(Vec<String>),
    /// All. Use it if nobody outside the program chooses destinations: Kafka's topics, say. The SDK keeps
    /// 2,000 time series of a metric by default, and adds up all further ones.
    All,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Destinations {
    templates: Vec<Template>,
    names: Vec<Arc<str>>,
    are_all_on_metrics: bool,
}

impl Destinations {
    pub(crate) fn add(&mut self, template: &str) {
        self.templates.push(Template::new(template));
    }

    pub(crate) fn set_on_metrics(&mut self, destinations: MetricDestinations) {
        self.are_all_on_metrics = destinations == MetricDestinations::All;
        self.names = match destinations {
            MetricDestinations::Names(names) => names.into_iter().map(Into::into).collect(),
            _ => Vec::new(),
        };
    }

    /// The first template that fits.
    #[inline]
    pub(crate) fn template_of(&self, destination: Destination<'_>) -> Option<Arc<str>> {
        if self.templates.is_empty() || !destination.is_known() {
            return None;
        }
        destination.with_text(|text| {
            let mut templates = self.templates.iter();
            let template = templates.find(|template| template.fits(text))?;
            Some(template.text.clone())
        })
    }

    /// What metrics show of the destination.
    pub(crate) fn on_metric(&self, known: &Known<'_>) -> OnMetric {
        if let Some(template) = known.template {
            return OnMetric::Template(template.clone());
        }
        let name = self.name_on_metrics(known.info.destination());
        name.map_or(OnMetric::Nothing, OnMetric::Name)
    }

    /// The name of a destination without template, if it is to be on metrics.
    fn name_on_metrics(&self, destination: Destination<'_>) -> Option<Arc<str>> {
        if !destination.is_known() || destination.is_temporary() {
            return None;
        }
        if self.are_all_on_metrics {
            return Some(remote_text::shown_of_parts(destination).into());
        }
        if self.names.is_empty() {
            return None;
        }
        let listed = |destination: Destination<'_>| {
            let find = |text: &str| self.names.iter().find(|name| &***name == text).cloned();
            destination.with_text(find)
        };
        listed(destination).or_else(|| {
            let without = destination.without_queue();
            let is_listed = without != destination && listed(without).is_some();
            is_listed.then(|| remote_text::shown_of_parts(destination).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_destination_is_on_no_metric() {
        let mut all = Destinations::default();
        all.set_on_metrics(MetricDestinations::All);
        let mut some = Destinations::default();
        some.set_on_metrics(MetricDestinations::Names(vec!["shop:orders".to_owned()]));
        let none = Destinations::default();
        let named = |destination| {
            let found = [&all, &some, &none].map(|by| by.name_on_metrics(destination));
            found.map(|name| name.is_some())
        };
        let orders = Destination::of_parts(["shop", "orders", ""]);
        assert_eq!(named(orders), [true, true, false]);
        let queue = some.name_on_metrics(orders.with_queue("billing"));
        assert_eq!(queue.as_deref(), Some("shop:orders:billing"));
        assert_eq!(named(Destination::named("other")), [true, false, false]);
        assert_eq!(named(Destination::temporary("shop:orders")), [false; 3]);
        assert_eq!(named(Destination::unknown()), [false; 3]);
    }
}
