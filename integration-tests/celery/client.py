"""A Celery client: client.py QUEUE TASK ARGS KWARGS [OPTION...], with ARGS and KWARGS in JSON.

OPTION is `get`, to wait for the result; `no-backend`, for a client that reads none; `by-name`, for a
task that is not declared here; `countdown=SECONDS`, for one that RabbitMQ delays, and `before-workers`
with it, for a broker on which no worker was ever started; `again`, to send on until a call fails; or
one of the ways to send what a Rust consumer does not read: `protocol-1`, `pickle` and `gzip`.
"""

import json
import os
import sys

from celery import Celery
from kombu import Exchange, Queue
from kombu.transport.native_delayed_delivery import (
    declare_native_delayed_delivery_exchanges_and_queues as declare_delay,
)
from opentelemetry import baggage, context, trace

import lines

queue, name = sys.argv[1:3]
args, kwargs = map(json.loads, sys.argv[3:5])
options = sys.argv[5:]
backend = None if "no-backend" in options else "rpc://"
app = Celery("client", broker=os.environ["AMQP_URL"], backend=backend)
app.conf.task_protocol = 1 if "protocol-1" in options else 2
app.conf.task_serializer = "pickle" if "pickle" in options else "json"
app.conf.task_compression = "gzip" if "gzip" in options else None
sending = {"queue": queue}
for option in options:
    if option.startswith("countdown="):
        sending["countdown"] = int(option.removeprefix("countdown="))
        # With a quorum queue and an exchange that is not direct, Celery lets RabbitMQ delay tasks.
        arguments = {"x-queue-type": "quorum"}
        queues = [Queue(queue, Exchange(queue, "topic"), queue, queue_arguments=arguments)]
        app.conf.task_queues = queues
        if "before-workers" not in options:
            with app.connection_for_write() as connection:
                declare_delay(connection, "classic")  # as a worker does when it starts


@app.task(name="orders.pack")
def pack(*args, **kwargs):
    """Never run here: the other side's."""


lines.start_tracing()
context.attach(baggage.set_baggage("customer", "Ada Lövelace"))
with trace.get_tracer("client").start_as_current_span("order"):
    if "by-name" in options:
        result = app.send_task(name, args, kwargs, **sending)
    else:
        result = app.tasks[name].apply_async(args, kwargs, **sending)
    lines.say(sent=result.id, here=lines.here())
    if "again" in options:
        try:
            while True:  # as the broker's answer may still be on its way
                app.tasks[name].apply_async(args, kwargs, **sending)
        except Exception as error:
            lines.say(again=type(error).__name__)
if "get" in options:
    try:
        lines.say(result=result.get(timeout=30))
    except Exception as error:
        lines.say(raised=type(error).__name__, text=str(error))
