"""What a test reads of a program: a JSON line on its standard output for each thing that happened.

Each goes in one piece, as the processes of a worker's pool write to one pipe. What else is printed,
a worker's banner say, goes to the log.

The program ends, with all its processes, when its standard input does: also when the test is killed.
"""

import json
import os
import signal
import threading

from opentelemetry import baggage, trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult


output = os.dup(1)
os.dup2(2, 1)


def say(**line):
    os.write(output, (json.dumps(line) + "\n").encode())


def here():
    """The process and what is current in it."""
    span = trace.get_current_span().get_span_context()
    return {
        "pid": os.getpid(),
        "trace": f"{span.trace_id:032x}",
        "span": f"{span.span_id:016x}",
        "baggage": dict(baggage.get_all()),
    }


class Lines(SpanExporter):
    def export(self, spans):
        for span in spans:
            say(
                span=span.name,
                kind=span.kind.name,
                trace=f"{span.context.trace_id:032x}",
                id=f"{span.context.span_id:016x}",
                parent=span.parent and f"{span.parent.span_id:016x}",
                links=[f"{link.context.span_id:016x}" for link in span.links],
                status=span.status.status_code.name,
                task=span.attributes.get("celery.task_name"),
                message=span.attributes.get("messaging.message.id"),
            )
        return SpanExportResult.SUCCESS


def start_tracing(**options):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Lines()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument(**options)


def end_with_input():
    # Not `sys.stdin`: a process that is forked in the meantime would wait for its lock.
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_input, daemon=True).start()
