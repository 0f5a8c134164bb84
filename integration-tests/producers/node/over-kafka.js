// Kafka by kafkajs and OpenTelemetry's instrumentation of it.
'use strict';

const { Kafka, logLevel } = require('kafkajs');

exports.mistakes = [
  'b3',
  'b3multi',
  'instrumented-too-late',
  'no-propagator',
  'not-instrumented',
  'unsampled',
  'xray',
];

exports.open = async (address, topic) => {
  const kafka = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  return {
    send: (value) => producer.send({ topic, messages: [{ value, headers: { source: 'shop' } }] }),
    close: () => producer.disconnect(),
  };
};
