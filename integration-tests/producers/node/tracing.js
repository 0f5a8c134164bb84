// OpenTelemetry as a service starts it.
'use strict';

const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { AmqplibInstrumentation } = require('@opentelemetry/instrumentation-amqplib');
const { KafkaJsInstrumentation } = require('@opentelemetry/instrumentation-kafkajs');
const { AWSXRayPropagator } = require('@opentelemetry/propagator-aws-xray');
const { B3InjectEncoding, B3Propagator } = require('@opentelemetry/propagator-b3');
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

// The default is W3C's trace context and baggage. This provider does not read OTEL_PROPAGATORS.
const propagators = {
  b3: () => new B3Propagator(),
  b3multi: () => new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
  'no-propagator': () => null,
  xray: () => new AWSXRayPropagator(),
};

exports.start = (mistake) => {
  new NodeTracerProvider().register({ propagator: propagators[mistake]?.() });
  registerInstrumentations({
    instrumentations: [new AmqplibInstrumentation(), new KafkaJsInstrumentation()],
  });
};
