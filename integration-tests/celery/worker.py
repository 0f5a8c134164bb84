"""A Celery worker with tasks that tell what they were given: worker.py QUEUE [links]."""

import os
import sys

from celery import Celery
from celery.signals import worker_process_init, worker_ready

import lines

queue = sys.argv[1]
app = Celery("worker", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.task_default_queue = queue


# As OpenTelemetry's documentation of the instrumentation has it: in each process of the pool.
@worker_process_init.connect(weak=False)
def in_the_pool(**_):
    lines.start_tracing(use_span_links="links" in sys.argv)


@worker_ready.connect(weak=False)
def ready(**_):
    lines.say(ready=os.getpid())


@app.task(name="orders.pack", bind=True)
def pack(self, *args, **kwargs):
    request = self.request
    lines.say(
        ran=self.name,
        task=request.id,
        args=args,
        kwargs=kwargs,
        root=request.root_id,
        parent=request.parent_id,
        retries=request.retries,
        here=lines.here(),
    )
    return {"packed": args}


@app.task(name="orders.ship", bind=True)
def ship(self, order):
    lines.say(ran=self.name, task=self.request.id, here=lines.here())
    pack.apply_async((order,))


@app.task(name="orders.bill")
def bill(order):
    """Never run here: the other side's."""


@app.task(name="orders.hand_over", bind=True)
def hand_over(self, order, queue):
    lines.say(ran=self.name, task=self.request.id, here=lines.here())
    bill.apply_async((order,), queue=queue, ignore_result=True)


@app.task(name="orders.retry", bind=True, default_retry_delay=0)
def retry(self, order):
    lines.say(ran=self.name, task=self.request.id, retries=self.request.retries, here=lines.here())
    if self.request.retries == 0:
        raise self.retry()


@app.task(name="orders.fail")
def fail(order):
    raise ValueError(f"no order {order}")


if __name__ == "__main__":
    # The workers of other tests on this broker are no concern of this one.
    alone = ["--without-gossip", "--without-mingle", f"--hostname={queue}@%h"]
    app.worker_main(["worker", "--concurrency=1", "--loglevel=info", *alone])
