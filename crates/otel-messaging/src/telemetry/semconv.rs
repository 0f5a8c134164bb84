//! The names of OpenTelemetry's messaging conventions that the spans here carry.
//!
//! Copied from semantic conventions v1.44.0 (status: Development), because the constants sit
//! behind an experimental feature of their own crate.

/// The schema of these names, given to the tracer.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// `error.type`: a name for the failure, of low cardinality.
pub const ERROR_TYPE: &str = "error.type";
/// `messaging.system`: `kafka`, `nats` or `rabbitmq`.
pub const MESSAGING_SYSTEM: &str = "messaging.system";
/// `messaging.operation.name`: the client's word, such as `publish` or `send`.
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
/// `messaging.operation.type`: `send` or `process`.
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
/// `messaging.destination.name`: the topic, the subject, or exchange and routing key.
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
/// `messaging.destination.temporary`: only when true.
pub const MESSAGING_DESTINATION_TEMPORARY: &str = "messaging.destination.temporary";
/// `messaging.destination.anonymous`: only when true.
pub const MESSAGING_DESTINATION_ANONYMOUS: &str = "messaging.destination.anonymous";
/// `messaging.destination.partition.id`: a string.
pub const MESSAGING_DESTINATION_PARTITION_ID: &str = "messaging.destination.partition.id";
/// `messaging.message.id`: the identifier that the sender gave the message.
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";
/// `messaging.message.conversation_id`: the correlation id.
pub const MESSAGING_MESSAGE_CONVERSATION_ID: &str = "messaging.message.conversation_id";
/// `messaging.kafka.message.key`: absent when null or not text.
pub const MESSAGING_KAFKA_MESSAGE_KEY: &str = "messaging.kafka.message.key";
/// `messaging.kafka.message.tombstone`: only when true.
pub const MESSAGING_KAFKA_MESSAGE_TOMBSTONE: &str = "messaging.kafka.message.tombstone";
/// `messaging.kafka.offset`: an integer.
pub const MESSAGING_KAFKA_OFFSET: &str = "messaging.kafka.offset";
/// `messaging.rabbitmq.destination.routing_key`: absent when empty.
pub const MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY: &str =
    "messaging.rabbitmq.destination.routing_key";
/// `messaging.rabbitmq.message.delivery_tag`: an integer.
pub const MESSAGING_RABBITMQ_MESSAGE_DELIVERY_TAG: &str = "messaging.rabbitmq.message.delivery_tag";
/// `messaging.consumer.group.name`: the consumer group.
pub const MESSAGING_CONSUMER_GROUP_NAME: &str = "messaging.consumer.group.name";
/// `messaging.destination.subscription.name`: the subscription.
pub const MESSAGING_DESTINATION_SUBSCRIPTION_NAME: &str = "messaging.destination.subscription.name";
/// `messaging.client.id`: the identifier of the client.
pub const MESSAGING_CLIENT_ID: &str = "messaging.client.id";
/// `server.address`: the broker's, if there is one.
pub const SERVER_ADDRESS: &str = "server.address";
/// `server.port`: an integer.
pub const SERVER_PORT: &str = "server.port";

/// `messaging.nats.stream`: the JetStream stream. The conventions have no page for NATS; the
/// names that begin with `messaging.nats` are this crate's.
pub const MESSAGING_NATS_STREAM: &str = "messaging.nats.stream";
/// `messaging.nats.consumer`: the JetStream consumer.
pub const MESSAGING_NATS_CONSUMER: &str = "messaging.nats.consumer";
/// `messaging.nats.sequence`: the message's number in its stream, an integer.
pub const MESSAGING_NATS_SEQUENCE: &str = "messaging.nats.sequence";
/// `messaging.nats.delivery_count`: 1 for the first delivery, an integer.
pub const MESSAGING_NATS_DELIVERY_COUNT: &str = "messaging.nats.delivery_count";
/// `messaging.nats.duplicate`: only when true, the stream had the message already.
pub const MESSAGING_NATS_DUPLICATE: &str = "messaging.nats.duplicate";
/// `messaging.nats.service_error_code`: what a service's answer says of its failure, an integer.
pub const MESSAGING_NATS_SERVICE_ERROR_CODE: &str = "messaging.nats.service_error_code";

/// `messaging.rabbitmq.message.redelivered`: only when true. This name and the next are this
/// crate's, like those of dead letters.
pub const MESSAGING_RABBITMQ_MESSAGE_REDELIVERED: &str = "messaging.rabbitmq.message.redelivered";
/// `messaging.rabbitmq.message.delivery_count`: only when greater than 1, an integer.
pub const MESSAGING_RABBITMQ_MESSAGE_DELIVERY_COUNT: &str =
    "messaging.rabbitmq.message.delivery_count";

/// `messaging.dead_letter.error`: why a message was put aside.
pub const MESSAGING_DEAD_LETTER_ERROR: &str = "messaging.dead_letter.error";
/// `messaging.dead_letter.source`: where it came from.
pub const MESSAGING_DEAD_LETTER_SOURCE: &str = "messaging.dead_letter.source";
