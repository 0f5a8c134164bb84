// NATS by nats.js. OpenTelemetry has no instrumentation of it: the context is injected by hand.
'use strict';

const { SpanKind, context, propagation, trace } = require('@opentelemetry/api');
const { connect, headers } = require('nats');

exports.mistakes = ['frozen-context', 'no-propagator', 'unsampled'];

exports.open = async (address, subject, mistake) => {
  const client = await connect({ servers: address });
  // Made once, with the context of that moment, and sent with every message from then on.
  const frozen = inSpan('start-up', SpanKind.INTERNAL, injected);
  const send = (order) => client.publish(subject, order, { headers: injected() });
  const sendFrozen = (order) => client.publish(subject, order, { headers: frozen });
  return {
    send: (order) =>
      mistake === 'frozen-context'
        ? sendFrozen(order)
        : inSpan('publish', SpanKind.PRODUCER, () => send(order)),
    close: () => client.drain(),
  };
};

function inSpan(name, kind, work) {
  return trace.getTracer('shop').startActiveSpan(name, { kind }, (span) => {
    const done = work();
    span.end();
    return done;
  });
}

function injected() {
  const made = headers();
  made.set('source', 'shop');
  const setter = { set: (carrier, name, value) => carrier.set(name, value) };
  propagation.inject(context.active(), made, setter);
  return made;
}
