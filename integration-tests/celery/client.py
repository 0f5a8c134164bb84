"""A Celery client: client.py QUEUE TASK ARGS KWARGS [OPTION...], with ARGS and KWARGS in JSON.

OPTION is `get`, to wait for the result; `by-name`, for a task that is not declared here; or one of
the ways to send what a Rust consumer does not read: `protocol-1`, `pickle` and `gzip`.
"""

import json
import os
import sys

from celery import Celery
from opentelemetry import baggage, context, trace

import lines

queue, name = sys.argv[1:3]
args, kwargs = map(json.loads, sys.argv[3:5])
options = sys.argv[5:]
app = Celery("client", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.task_protocol = 1 if "protocol-1" in options else 2
app.conf.task_serializer = "pickle" if "pickle" in options else "json"
app.conf.task_compression = "gzip" if "gzip" in options else None


@app.task(name="orders.pack")
def pack(*args, **kwargs):
    """Never run here: the other side's."""


lines.start_tracing()
context.attach(baggage.set_baggage("customer", "Ada Lövelace"))
with trace.get_tracer("client").start_as_current_span("order"):
    if "by-name" in options:
        result = app.send_task(name, args, kwargs, queue=queue)
    else:
        result = app.tasks[name].apply_async(args, kwargs, queue=queue)
    lines.say(sent=result.id, here=lines.here())
if "get" in options:
    try:
        lines.say(result=result.get(timeout=30))
    except Exception as error:
        lines.say(raised=type(error).__name__, text=str(error))
