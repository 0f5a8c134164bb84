"""Sends orders as a service in Python does, with a usual mistake.

    producer.py ADDRESS DESTINATION MISTAKE COUNT

Each order is sent in the span of a request. It prints the requests' traces, in the order of the
messages. `integration-tests/producers/send` sets what people set in the environment.
"""

import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider


def main():
    if len(sys.argv) != 5:
        sys.exit("usage: producer.py ADDRESS DESTINATION MISTAKE COUNT")
    address, destination, mistake, count = sys.argv[1:]
    # Only the client that is used: an instrumentation imports what it instruments.
    if address.startswith("amqp"):
        from over_rabbitmq import MISTAKES, Orders
    elif address.startswith("nats"):
        from over_nats import MISTAKES, Orders
    else:
        from over_kafka import MISTAKES, Orders
    if mistake not in {"good"} | MISTAKES:
        sys.exit(f"{Orders.__module__} has no mistake {mistake}")
    if mistake != "not-instrumented":
        trace.set_tracer_provider(TracerProvider())

    orders, traces = Orders(address, destination, mistake), []
    for number in range(int(count)):
        with trace.get_tracer("shop").start_as_current_span("POST /orders") as request:
            orders.send(f"order {number}".encode())
        traces.append(trace.format_trace_id(request.get_span_context().trace_id))
    orders.close()
    print(*traces)


if __name__ == "__main__":
    main()
