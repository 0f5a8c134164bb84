//! What the configuration of a client says of it.

use crate::native::property;
use otel_messaging::producer::ProducerInfo;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use std::ffi::CStr;

/// librdkafka's own default.
const DEFAULT_PORT: u16 = 9092;

/// The configuration of a client. An empty property reads as absent.
pub(crate) struct Configuration<'a, C: ClientContext> {
    client: &'a Client<C>,
}

impl<'a, C: ClientContext> Configuration<'a, C> {
    pub(crate) fn of(client: &'a Client<C>) -> Self {
        Self { client }
    }

    pub(crate) fn group_id(&self) -> Option<String> {
        self.read(c"group.id")
    }

    pub(crate) fn client_id(&self) -> Option<String> {
        self.read(c"client.id")
    }

    /// The address and the port of the broker, if there is only one.
    pub(crate) fn server(&self) -> Option<(String, u16)> {
        let brokers = self.read(c"bootstrap.servers")?;
        let (address, port) = only_server(&brokers)?;
        Some((address.to_owned(), port))
    }

    /// How large a record may be, in bytes, all of it counted.
    pub(crate) fn message_max_bytes(&self) -> Option<usize> {
        self.read(c"message.max.bytes")?.parse().ok()
    }

    /// Whether the application asked for an order, or for all or nothing: a producer that is idempotent,
    /// transactional or gapless.
    pub(crate) fn is_strict(&self) -> bool {
        let is_on = |name| self.read(name).as_deref() == Some("true");
        is_on(c"enable.idempotence")
            || is_on(c"enable.gapless.guarantee")
            || self.read(c"transactional.id").is_some()
    }

    /// Whether librdkafka stores the offset of a message when it is polled.
    pub(crate) fn auto_offset_store(&self) -> Option<String> {
        self.read(c"enable.auto.offset.store")
    }

    /// What a producer knows of itself.
    pub(crate) fn producer_info(&self) -> ProducerInfo {
        let mut info = ProducerInfo::new();
        if let Some(id) = self.client_id() {
            info = info.with_client_id(id);
        }
        if let Some((address, port)) = self.server() {
            info = info.with_server(address, port);
        }
        info
    }

    fn read(&self, name: &CStr) -> Option<String> {
        property(self.client, name).filter(|value| !value.is_empty())
    }
}

/// The address and the port of the broker in such a list, if it is the only one.
fn only_server(brokers: &str) -> Option<(&str, u16)> {
    let brokers = brokers.split(',').map(str::trim);
    let mut brokers = brokers.filter(|broker| !broker.is_empty());
    match (brokers.next(), brokers.next()) {
        (Some(broker), None) => server(broker),
        _ => None,
    }
}

/// The address and the port in `[protocol://]address[:port]`, as librdkafka reads it: an address with
/// several colons is one of IPv6, and has a port only behind brackets.
fn server(broker: &str) -> Option<(&str, u16)> {
    let rest = match broker.split_once("://") {
        Some((_, rest)) => rest.split('/').next()?,
        None => broker,
    };
    let (address, port) = match rest.rsplit_once(':') {
        Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
            (address, port.parse().ok()?)
        }
        _ => (rest, DEFAULT_PORT),
    };
    let inner = address.strip_prefix('[');
    let address = inner.map_or(Some(address), |inner| inner.strip_suffix(']'))?;
    (!address.is_empty()).then_some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseProducer, Producer};

    #[test]
    fn a_producer_knows_its_client_and_its_only_broker() {
        let info = |properties: &[(&str, &str)]| {
            let mut config = ClientConfig::new();
            for (name, value) in properties {
                config.set(*name, *value);
            }
            let producer: BaseProducer = config.create().expect("a producer");
            Configuration::of(producer.client()).producer_info()
        };
        let named = ("client.id", "shop-1");
        let expected = ProducerInfo::new().with_client_id("shop-1");
        let one = ("bootstrap.servers", "127.0.0.1:1");
        assert_eq!(
            info(&[named, one]),
            expected.clone().with_server("127.0.0.1", 1)
        );
        let several = ("bootstrap.servers", "127.0.0.1:1,127.0.0.1:2");
        assert_eq!(info(&[named, several]), expected);
        // librdkafka's own default.
        assert_eq!(info(&[]), ProducerInfo::new().with_client_id("rdkafka"));
    }

    #[test]
    fn a_producer_with_guarantees_is_strict() {
        for (properties, is_strict) in [
            (&[][..], false),
            (&[("enable.idempotence", "false")], false),
            (&[("enable.idempotence", "true")], true),
            (&[("transactional.id", "shop")], true),
            (
                &[
                    ("enable.idempotence", "true"),
                    ("enable.gapless.guarantee", "true"),
                ],
                true,
            ),
        ] {
            let mut config = ClientConfig::new();
            for (name, value) in properties {
                config.set(*name, *value);
            }
            let producer: BaseProducer = config.create().expect("a producer");
            let configuration = Configuration::of(producer.client());
            assert_eq!(configuration.is_strict(), is_strict, "{properties:?}");
        }
    }

    #[test]
    fn one_broker_is_a_server() {
        for (brokers, expected) in [
            ("kafka.internal:9093", Some(("kafka.internal", 9093))),
            ("kafka.internal", Some(("kafka.internal", 9092))),
            (" kafka.internal:9093 , ", Some(("kafka.internal", 9093))),
            ("PLAINTEXT://kafka:9093", Some(("kafka", 9093))),
            ("sasl_ssl://kafka:9093/path", Some(("kafka", 9093))),
            ("ssl://kafka", Some(("kafka", 9092))),
            ("[::1]:9093", Some(("::1", 9093))),
            ("[::1]", Some(("::1", 9092))),
            ("::1", Some(("::1", 9092))),
            ("PLAINTEXT://[fe80::7]:9093", Some(("fe80::7", 9093))),
            ("10.0.0.7:9093", Some(("10.0.0.7", 9093))),
            ("kafka-1:9092,kafka-2:9092", None),
            ("kafka:", None),
            ("kafka:port", None),
            ("kafka:65536", None),
            ("[::1", None),
            ("[]:9092", None),
            (":9092", None),
            ("://", None),
            ("ssl:///", None),
            ("", None),
            (",", None),
        ] {
            assert_eq!(only_server(brokers), expected, "{brokers}");
        }
    }
}
