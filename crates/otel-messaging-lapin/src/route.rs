//! The exchange and the routing key of a message, and the destination that its spans show.

use lapin::message::Delivery;
use otel_messaging::adapter::{Attributes, Destination, semconv};

/// What a direct reply-to begins with. The rest of it is a token: whoever knows it can answer.
pub(crate) const REPLY_TO: &str = "amq.rabbitmq.reply-to";
/// What the names begin with that the broker gives to queues; the latter two to those of AMQP 1.0's
/// dynamic sources and targets (from RabbitMQ 4.1 on, `generate_queue_name_dynamic`).
const GENERATED: [&str; 3] = ["amq.gen-", "amq.dyn-", "amq.dyn.gen-"];

/// How many bits of its delay Celery writes before the routing key of a task that is to wait in the
/// broker: `0.0.….1.0.orders` (kombu, `native_delayed_delivery.py`).
const DELAY_BITS: usize = 28;

/// The exchange and the routing key of a message.
#[derive(Clone, Copy)]
pub(crate) struct Route<'m> {
    exchange: &'m str,
    routing_key: &'m str,
}

impl<'m> Route<'m> {
    #[inline]
    pub(crate) fn new(exchange: &'m str, routing_key: &'m str) -> Self {
        Self {
            exchange,
            routing_key: without_token(routing_key),
        }
    }

    #[inline]
    pub(crate) fn of(delivery: &'m Delivery) -> Self {
        Self::new(delivery.exchange.as_str(), delivery.routing_key.as_str())
    }

    /// `{exchange}:{routing key}` without empty parts (conventions for RabbitMQ, "Span name"), and
    /// without what is another one for each queue or each delay.
    #[inline]
    pub(crate) fn destination(self) -> Destination<'m> {
        // Nearly all are as they are.
        let is_plain = !self.routing_key.starts_with("amq.")
            && self.routing_key.len() < 2 * DELAY_BITS
            && !(self.exchange.is_empty() && self.routing_key.is_empty());
        if is_plain {
            Destination::of_parts([self.exchange, self.routing_key, ""])
        } else {
            self.stable_destination()
        }
    }

    /// The destination of a name that may be another one for each queue or each delay.
    #[inline(never)]
    fn stable_destination(self) -> Destination<'m> {
        let is_generated = self.is_generated();
        // These live as long as one connection.
        if self.exchange.is_empty() && is_generated {
            return Destination::anonymous(self.routing_key);
        }
        if self.exchange.is_empty() && self.routing_key == REPLY_TO {
            return self.as_reply();
        }
        let key = match without_delay(self.routing_key) {
            Some(key) if is_of_delay(self.exchange) => return Destination::named(key),
            Some(key) => key,
            // By an exchange, as when it was dead-lettered, only the exchange stays the same.
            None if is_generated => "",
            None => self.routing_key,
        };
        match (self.exchange, key) {
            ("", "") => Destination::named("amq.default"),
            (exchange, key) => Destination::of_parts([exchange, key, ""]),
        }
    }

    /// The destination of an answer: a queue that one client has made for itself.
    pub(crate) fn as_reply(self) -> Destination<'m> {
        Destination::temporary(self.routing_key)
    }

    pub(crate) fn set_attributes(self, attributes: &mut Attributes) {
        if !self.routing_key.is_empty() {
            let key = semconv::RABBITMQ_DESTINATION_ROUTING_KEY;
            attributes.set_remote(key, self.routing_key);
        }
    }

    fn is_generated(self) -> bool {
        is_generated(self.routing_key)
    }
}

fn is_generated(queue: &str) -> bool {
    GENERATED.iter().any(|prefix| queue.starts_with(prefix))
}

/// Whether this is the name of a queue that is the same each time.
pub(crate) fn is_lasting_queue(name: &str) -> bool {
    !name.is_empty() && !is_generated(name) && without_token(name) != REPLY_TO
}

/// A direct reply-to without its token: everybody may read a span.
#[inline]
fn without_token(routing_key: &str) -> &str {
    let rest = routing_key.strip_prefix(REPLY_TO);
    let has_token = rest.is_some_and(|rest| rest.starts_with('.'));
    if has_token { REPLY_TO } else { routing_key }
}

/// The routing key behind Celery's delay.
fn without_delay(routing_key: &str) -> Option<&str> {
    let (delay, key) = routing_key.split_at_checked(2 * DELAY_BITS)?;
    let mut bits = delay.as_bytes().chunks(2);
    let is_delay = bits.all(|bit| matches!(bit, b"0." | b"1."));
    // Before kombu 5.7, each retry wrote one more.
    (is_delay && !key.is_empty()).then(|| without_delay(key).unwrap_or(key))
}

/// Whether this is one of the exchanges through which Celery delays a task: with which of them it
/// arrives depends on the delay. They may have a prefix.
fn is_of_delay(exchange: &str) -> bool {
    let last = exchange
        .rsplit_once("celery_delayed_")
        .map(|(_, last)| last);
    last.is_some_and(|last| last == "delivery" || last.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_each_time() {
        let token = "amq.rabbitmq.reply-to.g1h2AA9yZXBseUAxMjE4OTkyMDEAAAliAAAQ.V/BE0fSg1i3Cp0";
        let delay = "0.".repeat(26);
        let delayed = |bits: &str| format!("{delay}{bits}orders.pack");
        for (exchange, routing_key, name) in [
            ("", "", "amq.default"),
            ("", "orders", "orders"),
            ("shop", "", "shop"),
            ("shop", "orders", "shop:orders"),
            ("", token, REPLY_TO),
            ("dead", token, "dead:amq.rabbitmq.reply-to"),
            ("", REPLY_TO, REPLY_TO),
            (
                "",
                "amq.rabbitmq.reply-to-orders",
                "amq.rabbitmq.reply-to-orders",
            ),
            ("", "amq.gen-JzTY20BRgKO", "amq.gen-JzTY20BRgKO"),
            ("dead", "amq.gen-JzTY20BRgKO", "dead"),
            ("dead", "amq.dyn-shop-orders-JzTY20BRgKO", "dead"),
            ("dead", "amq.dyn.gen-JzTY20BRgKO", "dead"),
            ("dead", "amq.dynamo", "dead:amq.dynamo"),
            ("celery_delayed_27", &delayed("0.1."), "orders.pack"),
            ("celery_delayed_1", &delayed("1.0."), "orders.pack"),
            ("celery_delayed_delivery", &delayed("1.1."), "orders.pack"),
            ("shop_celery_delayed_3", &delayed("0.1."), "orders.pack"),
            ("dead", &delayed("0.1."), "dead:orders.pack"),
            ("", &delayed("0.1."), "orders.pack"),
            ("celery_delayed_27", "orders", "celery_delayed_27:orders"),
            (
                "",
                &format!("{}0.0.{}", "0.".repeat(26), delayed("1.1.")),
                "orders.pack",
            ),
            ("", &delayed("1."), &delayed("1.")),
            ("", &delayed("2.1."), &delayed("2.1.")),
            ("", &"0.".repeat(28), &"0.".repeat(28)),
            ("", &"ü".repeat(60), &"ü".repeat(60)),
        ] {
            let destination = Route::new(exchange, routing_key).destination();
            assert_eq!(destination.to_string(), name, "{exchange} {routing_key}");
        }
    }

    #[test]
    fn queues_of_one_connection_are_temporary() {
        for (exchange, routing_key, is_temporary, is_anonymous) in [
            ("", "orders", false, false),
            ("", "amq.gen-JzTY20BRgKO", true, true),
            ("dead", "amq.gen-JzTY20BRgKO", false, false),
            ("", REPLY_TO, true, false),
            ("", "amq.rabbitmq.reply-to.g1h2", true, false),
            ("dead", REPLY_TO, false, false),
        ] {
            let found = Route::new(exchange, routing_key).destination();
            let found = (found.is_temporary(), found.is_anonymous());
            assert_eq!(found, (is_temporary, is_anonymous), "{routing_key}");
        }
    }

    #[test]
    fn no_token_is_shown() {
        let token = "g1h2AA9yZXBseUAxMjE4OTkyMDEAAAliAAAQxGUp3Wg=.V/BE0fSg1i3Cp0bpYeJqWw==";
        for exchange in ["", "dead"] {
            let routing_key = format!("{REPLY_TO}.{token}");
            let route = Route::new(exchange, &routing_key);
            let mut attributes = Attributes::default();
            route.set_attributes(&mut attributes);
            let destinations = [route.destination(), route.as_reply()];
            let shown = format!("{destinations:?} {attributes:?}");
            assert!(
                shown.contains(REPLY_TO) && !shown.contains("g1h2"),
                "{shown}"
            );
        }
    }
}
