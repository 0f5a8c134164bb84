//! The attributes of metrics: an allow-list, in one order.

use crate::telemetry::action::Operation;
use crate::telemetry::semconv;
use crate::telemetry::span_builder::Known;
use opentelemetry::KeyValue;
use std::borrow::Cow;
use std::sync::Arc;

/// The destination of a message on its metrics.
pub(crate) enum OnMetric {
    Template(Arc<str>),
    Name(Arc<str>),
    /// It has too many values, as far as is known.
    Nothing,
}

/// The attributes of the metrics of one operation (conventions, "Messaging metrics"). The SDK looks them up
/// by their order too, so each has its place.
///
/// | metric | beside system, operation's name, destination, server, partition and error |
/// | --- | --- |
/// | `messaging.client.operation.duration` | `messaging.operation.type` |
/// | `messaging.client.consumed.messages`, `messaging.process.duration` | group and subscription |
/// | `messaging.client.sent.messages` | none |
///
/// The attributes that are copied from the baggage stand behind all others.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    list: Vec<KeyValue>,
    has_destination: bool,
    /// How many attributes stand before the baggage.
    own: usize,
}

/// Room for all attributes.
const CAPACITY: usize = 12;

impl Labels {
    /// Sets the attributes of an operation, in place of all others.
    pub(crate) fn fill(&mut self, destination: OnMetric, known: &Known<'_>) {
        let labels = &mut self.list;
        labels.clear();
        labels.reserve(CAPACITY);
        let system = known.system();
        labels.push(KeyValue::new(semconv::MESSAGING_SYSTEM_NAME, system));
        let name = known.action.name;
        labels.push(KeyValue::new(semconv::MESSAGING_OPERATION_NAME, name));
        self.has_destination = !matches!(destination, OnMetric::Nothing);
        match destination {
            OnMetric::Template(template) => {
                let key = semconv::MESSAGING_DESTINATION_TEMPLATE;
                labels.push(KeyValue::new(key, template));
            }
            OnMetric::Name(name) => {
                let key = semconv::MESSAGING_DESTINATION_NAME;
                labels.push(KeyValue::new(key, name));
            }
            OnMetric::Nothing => {}
        }
        known.each_of_endpoint(|key, value| labels.push(KeyValue::new(key, value)));
        self.own = self.list.len();
        if let Some(partition) = known.info.partition() {
            self.set_partition(partition);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.own = 0;
    }

    /// Adds an attribute that is copied from the baggage.
    pub(crate) fn add_baggage(&mut self, attribute: KeyValue) {
        self.list.push(attribute);
    }

    /// Adds an attribute before the baggage.
    fn add(&mut self, attribute: KeyValue) {
        self.list.insert(self.own, attribute);
        self.own += 1;
    }

    /// Adds the partition, if there is a destination: partition 7 of some topic is none that anybody knows.
    pub(crate) fn set_partition(&mut self, partition: u32) {
        if self.has_destination {
            let id = partition.to_string();
            let key = semconv::MESSAGING_DESTINATION_PARTITION_ID;
            self.add(KeyValue::new(key, id));
        }
    }

    pub(crate) fn set_error(&mut self, error_type: Option<&Cow<'static, str>>) {
        if let Some(error_type) = error_type {
            self.add(KeyValue::new(semconv::ERROR_TYPE, error_type.clone()));
        }
    }

    /// The attributes of every metric but the duration of an operation.
    pub(crate) fn common(&self) -> &[KeyValue] {
        &self.list
    }

    /// Works with the attributes of `otel_messaging.propagation.messages`.
    pub(crate) fn with_outcome(&mut self, outcome: &'static str, work: impl FnOnce(&[KeyValue])) {
        let key = semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME;
        self.add(KeyValue::new(key, outcome));
        work(&self.list);
        self.own -= 1;
        self.list.remove(self.own);
    }

    /// The attributes of `messaging.client.operation.duration`.
    pub(crate) fn of_duration(&mut self, operation: Operation) -> &[KeyValue] {
        let operation_type = operation.operation_type();
        let key = semconv::MESSAGING_OPERATION_TYPE;
        self.add(KeyValue::new(key, operation_type));
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SDK looks series up by the order of their attributes too.
    #[test]
    fn baggage_stands_behind_all_others() {
        let mut labels = Labels {
            list: vec![KeyValue::new(semconv::MESSAGING_SYSTEM_NAME, "test")],
            has_destination: true,
            own: 1,
        };
        let keys = |list: &[KeyValue]| -> Vec<_> {
            let keys = list.iter().map(|it| it.key.as_str().to_owned());
            keys.collect()
        };
        labels.add_baggage(KeyValue::new("tenant", "acme"));
        labels.add_baggage(KeyValue::new("plan", "gold"));
        labels.set_partition(3);
        let mut of_outcome = Vec::new();
        labels.with_outcome("joined", |list| of_outcome = keys(list));
        labels.set_error(Some(&"Full".into()));
        let (system, partition) = (
            semconv::MESSAGING_SYSTEM_NAME,
            semconv::MESSAGING_DESTINATION_PARTITION_ID,
        );
        let outcome = semconv::OTEL_MESSAGING_PROPAGATION_OUTCOME;
        assert_eq!(of_outcome, [system, partition, outcome, "tenant", "plan"]);
        let error = semconv::ERROR_TYPE;
        let common = keys(labels.common());
        assert_eq!(common, [system, partition, error, "tenant", "plan"]);
        let of_duration = keys(labels.of_duration(Operation::Send));
        let operation = semconv::MESSAGING_OPERATION_TYPE;
        let expected = [system, partition, error, operation, "tenant", "plan"];
        assert_eq!(of_duration, expected);
    }
}
