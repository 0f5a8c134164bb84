"""Kafka by kafka-python and OpenTelemetry's instrumentation of it."""

from concurrent.futures import ThreadPoolExecutor

from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError
from opentelemetry.instrumentation.kafka import KafkaInstrumentor

MISTAKES = {
    "appended-twice",
    "b3",
    "b3multi",
    "escaped",
    "jaeger",
    "no-propagator",
    "not-instrumented",
    "shared-headers",
    "unsampled",
}


class Orders:
    def __init__(self, address, topic, mistake):
        if mistake != "not-instrumented":
            KafkaInstrumentor().instrument()
        self.producer = KafkaProducer(bootstrap_servers=address)
        self.topic = topic
        self.shared_headers = [("source", b"shop")]
        self.pool = ThreadPoolExecutor(1)
        self.sent = []
        self.send = {
            "appended-twice": self.send_again_if_too_large,
            "escaped": self.send_in_background,
            "shared-headers": self.send_with_shared_headers,
        }.get(mistake, self.send)

    def send(self, order):
        self.sent.append(self.producer.send(self.topic, order, headers=[("source", b"shop")]))

    def send_again_if_too_large(self, order):
        """The instrumentation adds to the list that it is given, at each try."""
        headers = [("source", b"shop")]
        picture = bytes(self.producer.config["max_request_size"])
        try:
            self.producer.send(self.topic, order + picture, headers=headers)
        except MessageSizeTooLargeError:
            self.sent.append(self.producer.send(self.topic, order, headers=headers))

    def send_with_shared_headers(self, order):
        """The list outlives the message, and grows with each."""
        self.sent.append(self.producer.send(self.topic, order, headers=self.shared_headers))

    def send_in_background(self, order):
        """A context belongs to its thread, and nobody hands it over to the pool's."""
        self.pool.submit(Orders.send, self, order)

    def close(self):
        self.pool.shutdown()
        self.producer.flush()
        for future in self.sent:
            future.get(timeout=30)
        self.producer.close()
