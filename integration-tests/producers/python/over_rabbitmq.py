"""RabbitMQ by pika and OpenTelemetry's instrumentation of it."""

import pika
from opentelemetry import propagate
from opentelemetry.instrumentation.pika import PikaInstrumentor
from opentelemetry.propagators.textmap import Setter

MISTAKES = {"byte-array", "instrumented-too-late"}


class Orders:
    def __init__(self, address, queue, mistake):
        if mistake == "good":
            PikaInstrumentor().instrument()
        self.connection = pika.BlockingConnection(pika.URLParameters(address))
        self.channel = self.connection.channel()
        if mistake == "instrumented-too-late":
            # Only the channels that are opened after this are instrumented.
            PikaInstrumentor().instrument()
        self.channel.confirm_delivery()
        self.queue = queue
        self.setter = EncodingSetter() if mistake == "byte-array" else None

    def send(self, order):
        headers = {"source": "shop"}
        if self.setter:
            propagate.inject(headers, setter=self.setter)
        self.channel.basic_publish("", self.queue, order, pika.BasicProperties(headers=headers))

    def close(self):
        self.connection.close()


class EncodingSetter(Setter[dict]):
    """Written for Kafka, where a value is bytes. In pika those are a byte array, and not text."""

    def set(self, carrier, key, value):
        carrier[key] = value.encode()
