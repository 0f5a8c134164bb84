"""A job in a process of its own, as `src/bin/traced-job.rs`, with OpenTelemetry for Python.

    traced_job.py [inject PROGRAM [ARGUMENT]...]
"""

import json
import os
import subprocess
import sys

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.propagators._envcarrier import EnvironmentGetter, EnvironmentSetter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("application")

context.attach(propagate.extract(os.environ, getter=EnvironmentGetter()))
lines = ""
with tracer.start_as_current_span("job"):
    if len(sys.argv) > 1:
        how, *program = sys.argv[1:]
        assert how == "inject" and program, __doc__
        environment = os.environ.copy()
        propagate.inject(environment, setter=EnvironmentSetter())
        lines = subprocess.run(
            program, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

(span,) = exporter.get_finished_spans()
print(
    json.dumps(
        {
            "trace_id": f"{span.context.trace_id:032x}",
            "span_id": f"{span.context.span_id:016x}",
            "parent_span_id": f"{span.parent.span_id if span.parent else 0:016x}",
            "tracestate": span.context.trace_state.to_header(),
            "baggage": dict(baggage.get_all()),
        }
    )
)
print(lines, end="")
