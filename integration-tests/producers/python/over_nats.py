"""NATS by nats-py. OpenTelemetry has no instrumentation of it: the context is injected by hand."""

import asyncio

import nats
from opentelemetry import propagate, trace

MISTAKES = {"no-propagator", "unsampled"}


class Orders:
    def __init__(self, address, subject, _mistake):
        self.loop = asyncio.new_event_loop()
        self.client = self.loop.run_until_complete(nats.connect(address))
        self.subject = subject

    def send(self, order):
        headers = {"source": "shop"}
        kind = trace.SpanKind.PRODUCER
        with trace.get_tracer("shop").start_as_current_span("publish", kind=kind):
            propagate.inject(headers)
            publish = self.client.publish(self.subject, order, headers=headers)
            self.loop.run_until_complete(publish)

    def close(self):
        self.loop.run_until_complete(self.client.drain())
        self.loop.close()
