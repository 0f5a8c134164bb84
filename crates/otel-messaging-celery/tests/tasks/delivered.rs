//! Messages as lapin hands them out.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use otel_messaging_celery::Task;

/// What a worker that consumes with lapin is given of this task.
pub(crate) fn delivered(task: &Task) -> Delivery {
    delivery(task.properties(), task.body())
}

pub(crate) fn delivery(properties: BasicProperties, body: &[u8]) -> Delivery {
    let mut delivery = Delivery::mock(1, "".into(), "orders".into(), false, body.to_vec());
    delivery.properties = properties;
    delivery
}

/// The same properties with one header more, or another.
pub(crate) fn with_header(
    properties: &BasicProperties,
    name: &str,
    value: AMQPValue,
) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(name.into(), value);
    properties.clone().with_headers(headers)
}

/// The same properties without a header.
pub(crate) fn without_header(properties: &BasicProperties, name: &str) -> BasicProperties {
    let headers = properties.headers().clone().unwrap_or_default();
    let mut rest = FieldTable::default();
    for (key, value) in headers.inner() {
        if key.as_str() != name {
            rest.insert(key.clone(), value.clone());
        }
    }
    properties.clone().with_headers(rest)
}
